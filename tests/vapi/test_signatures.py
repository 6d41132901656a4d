"""Signatures, on the test vectors of the wire description and on everything a header may hold."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms.domain import errors
from pms.vapi.signatures import SCHEMES, SignedRequest, sign, verify
from tests.vapi.sending import hexdigest

SECRET = "s3cret"
MILLISECONDS = "1767225600000"
NOW = datetime.fromtimestamp(1767225600, UTC)
BODY = b'{"message":{"type":"status-update"}}'
URL = "https://api.example/tools/check_availability"
ASKED = b'{"date":"2026-01-05"}'

WITH_TIME = "2153ded0afd8435de328480c7df17925d63cbb46d5eebcd7bc10d2f5b7c0499f"
BODY_ONLY = "e52eb9cb3dbb089261b1556e097cb8c949ae95233b4a53dbaf7c46f4d8a6a025"
WITH_URL = "27b92328b27046bab70c4d0cc173ae752006d69dc154a4f9ee1f86078536607b"


def fits(
    headers: dict[str, str],
    *,
    schemes: list[str],
    secrets: list[str] | None = None,
    now: datetime = NOW,
    timestamp_required: bool = False,
    body: bytes = BODY,
    method: str = "POST",
    url: str = URL,
) -> bool:
    request = SignedRequest(method=method, url=url, headers=headers, body=body)
    try:
        verify(
            request,
            schemes=schemes,
            secrets=[SECRET] if secrets is None else secrets,
            now=now,
            timestamp_required=timestamp_required,
        )
    except errors.SignatureInvalid:
        return False
    return True


def timed(timestamp: str, **changes: str) -> dict[str, str]:
    return {"x-signature": hexdigest(SECRET, timestamp, BODY), "x-timestamp": timestamp, **changes}


@pytest.mark.parametrize(
    ("scheme", "body", "signature"),
    [("timestamp_body", BODY, WITH_TIME), ("body", BODY, BODY_ONLY), ("timestamp_method_url_body", ASKED, WITH_URL)],
)
def test_the_vectors_of_the_wire_description_are_made_and_accepted(scheme: str, body: bytes, signature: str) -> None:
    request = SignedRequest(method="POST", url=URL, headers={}, body=body)

    made = sign(SCHEMES[scheme], secret=SECRET, signed=request, timestamp=MILLISECONDS)

    assert made == signature
    assert fits({"x-signature": signature, "x-timestamp": MILLISECONDS}, schemes=[scheme], body=body)
    assert not fits({"x-signature": signature, "x-timestamp": MILLISECONDS}, schemes=[scheme], body=body + b" ")


def test_the_vector_in_base64_is_the_same_digest_and_is_not_accepted() -> None:
    encoded = base64.b64encode(bytes.fromhex(WITH_TIME)).decode()

    assert encoded == "IVPe0K/YQ13jKEgMffF5JdY8u0bV7rzXvBDS9bfASZ8="
    assert not fits({"x-signature": encoded, "x-timestamp": MILLISECONDS}, schemes=["timestamp_body"])


@pytest.mark.parametrize(
    ("signature", "stamp"), [("x-signature", "x-timestamp"), ("x-vapi-signature", "x-vapi-timestamp")]
)
def test_both_names_of_the_headers_are_read(signature: str, stamp: str) -> None:
    assert fits({signature: WITH_TIME, stamp: MILLISECONDS}, schemes=["timestamp_body"])


@pytest.mark.parametrize("unit", [1, 1000], ids=["seconds", "milliseconds"])
@pytest.mark.parametrize("off", [-300, 0, 300])
def test_a_timestamp_up_to_300_seconds_off_is_recent(unit: int, off: int) -> None:
    stamp = str(int(NOW.timestamp() + off) * unit)

    assert fits(timed(stamp), schemes=["timestamp_body"])


@pytest.mark.parametrize(
    "stamp",
    [
        str(1767225600 - 301),
        str(1767225600 + 301),
        str(1767225600000 - 300_001),
        str(1767225600000 + 300_001),
        "",
        "0",
        "-1767225600",
        "+1767225600",
        "1767225600.0",
        "1.7672256e9",
        "1767225600 000",
        "1_767_225_600",
        "\u0661\u0667\u0666\u0667\u0662\u0662\u0665\u0666\u0660\u0660",  # the digits of 1767225600, in Arabic
        "1767225600\u00b2",
        "2026-01-01T00:00:00Z",
        "9" * 16,
        "1" * 5000,
        f"{MILLISECONDS},{MILLISECONDS}",
    ],
)
def test_a_stale_or_strange_timestamp_is_refused_though_it_is_signed(stamp: str) -> None:
    assert not fits(timed(stamp), schemes=["timestamp_body"])


def test_the_timestamp_is_part_of_what_is_signed() -> None:
    headers = timed(MILLISECONDS)

    assert fits(headers, schemes=["timestamp_body"])
    assert not fits({**headers, "x-timestamp": "1767225600"}, schemes=["timestamp_body"])


@pytest.mark.parametrize(
    "written", [WITH_TIME.upper(), f"sha256={WITH_TIME}", f"SHA256={WITH_TIME.upper()}", f" {WITH_TIME}\t"]
)
def test_case_a_prefix_and_blanks_around_a_signature_do_not_matter(written: str) -> None:
    assert fits({"x-signature": written, "x-timestamp": MILLISECONDS}, schemes=["timestamp_body"])


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "0" * 64,
        WITH_TIME[:-1],
        WITH_TIME[:32],
        WITH_TIME + "0",
        f"v1={WITH_TIME}",
        f"sha256={WITH_TIME[:-1]}",
        f"sha256=sha256={WITH_TIME}",
        f"{WITH_TIME},{WITH_TIME}",
        f"{WITH_TIME}, {WITH_TIME}",
        f"{WITH_TIME}\n{WITH_TIME}",
        "sch\u00f6n" + WITH_TIME[5:],
        "\u00ff" * 64,
        "\u0430" + WITH_TIME[1:],
        "a" * 100_000,
    ],
)
def test_any_other_signature_is_refused(written: str) -> None:
    assert not fits({"x-signature": written, "x-timestamp": MILLISECONDS}, schemes=["timestamp_body"])


def test_a_missing_signature_is_refused() -> None:
    assert not fits({}, schemes=list(SCHEMES))
    assert not fits({"x-timestamp": MILLISECONDS}, schemes=list(SCHEMES))


@given(st.text(alphabet=st.characters(codec="latin-1")))
def test_no_header_crashes_the_check(text: str) -> None:
    for name in ("x-signature", "x-vapi-signature", "x-timestamp", "x-vapi-secret", "authorization"):
        assert not fits({"x-timestamp": MILLISECONDS, name: text}, schemes=list(SCHEMES))
    assert not fits({"authorization": f"Bearer {text}"}, schemes=["bearer"])


def test_a_body_that_was_parsed_and_written_again_is_refused() -> None:
    again = BODY.replace(b":", b": ")

    assert not fits(timed(MILLISECONDS), schemes=["timestamp_body"], body=again)


def test_both_secrets_are_good_during_a_rotation() -> None:
    headers = timed(MILLISECONDS)

    assert fits(headers, schemes=["timestamp_body"], secrets=["the new one", SECRET])
    assert fits(headers, schemes=["timestamp_body"], secrets=[SECRET, "the old one"])
    assert not fits(headers, schemes=["timestamp_body"], secrets=["the new one", "the old one"])


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_an_empty_secret_opens_nothing(secrets: list[str]) -> None:
    headers = {
        "x-signature": hexdigest("", MILLISECONDS, BODY),
        "x-timestamp": MILLISECONDS,
        "x-vapi-secret": "",
        "authorization": "Bearer ",
    }

    assert not fits(headers, schemes=list(SCHEMES), secrets=secrets)


def test_an_empty_header_is_no_secret() -> None:
    assert not fits({"x-vapi-secret": "", "authorization": ""}, schemes=["secret", "bearer"])


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        ("timestamp_body", {"x-signature": WITH_TIME, "x-timestamp": MILLISECONDS}),
        ("body", {"x-vapi-signature": BODY_ONLY, "x-timestamp": MILLISECONDS}),
        (
            "timestamp_method_url_body",
            {"x-signature": hexdigest(SECRET, MILLISECONDS, "POST", URL, BODY), "x-timestamp": MILLISECONDS},
        ),
        ("secret", {"x-vapi-secret": SECRET}),
        ("bearer", {"authorization": f"Bearer {SECRET}"}),
    ],
)
def test_only_the_configured_scheme_counts(scheme: str, headers: dict[str, str]) -> None:
    others = [name for name in SCHEMES if name != scheme]

    assert fits(headers, schemes=[scheme])
    assert not fits(headers, schemes=others)
    assert not fits(headers, schemes=[])
    assert not fits(headers, schemes=["any", "", scheme.upper()])


def test_where_a_timestamp_is_required_an_hmac_without_one_counts_for_nothing() -> None:
    assert not fits({"x-signature": BODY_ONLY}, schemes=["body"], timestamp_required=True)
    assert not fits({"x-signature": BODY_ONLY, "x-timestamp": MILLISECONDS}, schemes=["body"], timestamp_required=True)
    assert fits(timed(MILLISECONDS), schemes=["body", "timestamp_body"], timestamp_required=True)
    assert fits({"x-vapi-secret": SECRET}, schemes=["secret"], timestamp_required=True)


@pytest.mark.parametrize("written", [f"Bearer {SECRET}", f"bearer  {SECRET}", f"BEARER {SECRET} "])
def test_a_bearer_token_is_read_as_http_writes_it(written: str) -> None:
    assert fits({"authorization": written}, schemes=["bearer"])


@pytest.mark.parametrize(
    "written", [SECRET, f"Basic {SECRET}", f"Bearer{SECRET}", "Bearer", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}"]
)
def test_what_is_no_bearer_token_is_refused(written: str) -> None:
    assert not fits({"authorization": written}, schemes=["bearer"])


@pytest.mark.parametrize(
    "written", [SECRET + "x", SECRET[:-1], SECRET.upper(), f"Bearer {SECRET}", f"{SECRET},{SECRET}"]
)
def test_the_secret_header_is_compared_whole(written: str) -> None:
    assert not fits({"x-vapi-secret": written}, schemes=["secret"])


@pytest.mark.parametrize(
    "change", [{"method": "DELETE"}, {"url": f"{URL}?account=other"}, {"url": URL.replace("api", "ap1")}]
)
def test_a_signature_over_method_and_url_fits_no_other_request(change: dict[str, str]) -> None:
    headers = {"x-signature": hexdigest(SECRET, MILLISECONDS, "POST", URL, BODY), "x-timestamp": MILLISECONDS}

    assert fits(headers, schemes=["timestamp_method_url_body"])
    assert not fits(headers, schemes=["timestamp_method_url_body"], **change)  # type: ignore[arg-type]


def test_the_method_is_signed_in_capitals() -> None:
    headers = {"x-signature": hexdigest(SECRET, MILLISECONDS, "POST", URL, BODY), "x-timestamp": MILLISECONDS}

    assert fits(headers, schemes=["timestamp_method_url_body"], method="post")


def test_the_verified_scheme_is_told() -> None:
    request = SignedRequest(method="POST", url=URL, headers=timed(MILLISECONDS), body=BODY)

    scheme = verify(request, schemes=["secret", "timestamp_body"], secrets=[SECRET], now=NOW, timestamp_required=True)

    assert (scheme.name, scheme.signs_time, scheme.signs_url) == ("timestamp_body", True, False)


def test_the_window_moves_with_the_clock() -> None:
    later = NOW + timedelta(seconds=301)

    assert not fits(timed(MILLISECONDS), schemes=["timestamp_body"], now=later)


def test_neither_headers_nor_the_body_are_in_a_repr() -> None:
    request = SignedRequest(method="POST", url=URL, headers={"x-vapi-secret": SECRET}, body=BODY)

    assert SECRET not in repr(request)
    assert "status-update" not in repr(request)
