"""Sealing and opening: what comes back, what does not open, and what a refusal tells."""

from __future__ import annotations

import hmac
import json
import pickle
import secrets
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pytest_django import Settings

from pms import vault
from pms.vault import CannotOpen
from tests.ground.support import APP

PLACE = "pms_integrations:1:credentials"
SECRET = "Cora Whitfield 1987-04-12"


@pytest.fixture(autouse=True)
def _keys(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = {"k1": secrets.token_bytes(32)}


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1.5,
        2**80,
        "",
        "plain",
        "Zoë Núñez 李 🦷",
        "line\nbreak \x00 nul",
        "\ud83d",
        [],
        {},
        {"a": [1, {"b": None}], "": ""},
        ["x" * 100_000],
        APP,
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_json_value_comes_back_as_it_was(value: Any) -> None:
    sealed = vault.seal(value, PLACE)

    assert vault.unseal(sealed, PLACE) == value
    assert vault.unseal(memoryview(sealed), PLACE) == value


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes"], ids=["set", "object", "bytes"])
def test_what_is_not_json_is_refused_rather_than_pickled(value: Any) -> None:
    with pytest.raises(TypeError):
        vault.seal(value, PLACE)


def test_a_sealed_pickle_is_not_loaded() -> None:
    run: list[str] = []

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return run.append, ("ran",)

    engine = vault._engine("k1", PLACE)
    sealed = b".".join((b"1", b"k1", engine.encrypt(pickle.dumps(Bomb()))))

    with pytest.raises(CannotOpen):
        vault.unseal(sealed, PLACE)

    assert run == []


def test_the_cipher_is_aes_256_and_its_authentication_hmac_sha256_over_all_of_it(settings: Settings) -> None:
    master = settings.ENCRYPTION_KEYS["k1"]
    token = vault.seal(SECRET, PLACE).removeprefix(b"1.k1.")
    signed, tag = token[:-32], token[-32:]
    vector, ciphertext = signed[9:25], signed[25:]

    key = derived(master, b"parlae:encrypt")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()

    assert len(key) * 8 == 256
    assert json.loads(padded[: -padded[-1]]) == SECRET
    assert hmac.digest(derived(master, b"parlae:authenticate:" + PLACE.encode()), signed, "sha256") == tag


def derived(master: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 of 32 bytes without salt, as RFC 5869 has it."""
    extracted = hmac.digest(b"\0" * 32, master, "sha256")
    return hmac.digest(extracted, info + b"\1", "sha256")


def test_nothing_of_the_value_shows_and_equal_values_look_different() -> None:
    first, second = vault.seal(SECRET, PLACE), vault.seal(SECRET, PLACE)

    assert first != second
    assert b"Cora" not in first
    assert b"1987" not in first


@pytest.mark.parametrize(
    "place",
    ["pms_integrations:2:credentials", "pms_integrations:1:config", "pms_tokens:1:sealed", ""],
    ids=["row", "column", "table", "none"],
)
def test_a_value_that_was_copied_elsewhere_does_not_open(place: str) -> None:
    sealed = vault.seal(SECRET, PLACE)

    with pytest.raises(CannotOpen):
        vault.unseal(sealed, place)


def test_no_changed_byte_opens() -> None:
    sealed = vault.seal(SECRET, PLACE)

    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(CannotOpen):
            vault.unseal(bytes(changed), PLACE)


def test_no_shortened_or_lengthened_value_opens() -> None:
    sealed = vault.seal(SECRET, PLACE)

    for end in range(len(sealed)):
        with pytest.raises(CannotOpen):
            vault.unseal(sealed[:end], PLACE)
    with pytest.raises(CannotOpen):
        vault.unseal(sealed + b"0", PLACE)


@pytest.mark.parametrize(
    "broken",
    [b"", b".", b"..", b"1", b"1.k1", b"1.k1.", b"2.k1.x", b"1.nokey.x", b"\xff\xfe.\xff", b"1.\xff.x", b"k1.1.x"],
)
def test_what_was_never_sealed_does_not_open(broken: bytes) -> None:
    with pytest.raises(CannotOpen):
        vault.unseal(broken, PLACE)


def test_another_version_of_the_format_does_not_open() -> None:
    sealed = vault.seal(SECRET, PLACE)

    with pytest.raises(CannotOpen):
        vault.unseal(b"2" + sealed[1:], PLACE)
    with pytest.raises(CannotOpen):
        vault.key_id_of(b"2" + sealed[1:])


def test_a_retired_key_does_not_open(settings: Settings) -> None:
    sealed = vault.seal(SECRET, PLACE)
    settings.ENCRYPTION_KEYS = {"k2": secrets.token_bytes(32)}

    with pytest.raises(CannotOpen):
        vault.unseal(sealed, PLACE)


def test_a_key_of_the_same_name_and_other_bytes_does_not_open(settings: Settings) -> None:
    sealed = vault.seal(SECRET, PLACE)
    settings.ENCRYPTION_KEYS = {"k1": secrets.token_bytes(32)}

    with pytest.raises(CannotOpen):
        vault.unseal(sealed, PLACE)


@pytest.mark.parametrize("place", [PLACE, "pms_integrations:2:credentials"], ids=["tampered", "moved"])
def test_a_refusal_tells_nothing_of_the_value(place: str) -> None:
    sealed = vault.seal(SECRET, PLACE)
    broken = sealed if place != PLACE else sealed[:-1] + bytes([sealed[-1] ^ 1])

    with pytest.raises(CannotOpen) as caught:
        vault.unseal(broken, place)

    assert caught.value.args == ()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert SECRET not in repr(caught.value.__context__)


def test_a_new_first_key_writes_and_the_old_one_still_opens(settings: Settings) -> None:
    old = vault.seal(SECRET, PLACE)
    settings.ENCRYPTION_KEYS = {"k2": secrets.token_bytes(32), **settings.ENCRYPTION_KEYS}

    new = vault.seal(SECRET, PLACE)

    assert [vault.key_id_of(old), vault.key_id_of(new)] == ["k1", "k2"]
    assert [vault.unseal(old, PLACE), vault.unseal(new, PLACE)] == [SECRET, SECRET]


def test_a_digest_does_not_change_with_the_encryption_keys(settings: Settings) -> None:
    before = vault.digest("+12125550147", "caller")
    settings.ENCRYPTION_KEYS = {"k9": secrets.token_bytes(32)}

    assert vault.digest("+12125550147", "caller") == before


def test_a_digest_depends_on_value_purpose_and_key(settings: Settings) -> None:
    found = {vault.digest("+12125550147", "caller"), vault.digest("+12125550148", "caller")}
    found.add(vault.digest("+12125550147", "subject"))
    settings.AUDIT_KEY = secrets.token_urlsafe(48)
    found.add(vault.digest("+12125550147", "caller"))

    assert len(found) == 4
    assert all(len(digest) == 64 for digest in found)


def test_half_a_surrogate_pair_has_a_digest() -> None:
    said = json.loads('"\\ud83d"')

    assert len(vault.digest(said, "subject")) == 64


def test_nothing_here_can_pickle() -> None:
    assert not {"pickle", "marshal", "shelve"} & set(vars(sys.modules["pms.vault"]))
