"""Signing up: what a password may be, and that nobody learns who has a sign-in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from parlae import settings as product
from tests.accounts.people import member, person, practice
from tests.accounts.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.django_db


def _bare(html: str) -> str:
    """A page without what differs from one request to the next."""
    return re.sub(r'value="[A-Za-z0-9]{64}"|[\w.+-]+@[\w.]+', "", html)


def test_an_address_in_any_case_is_one_person() -> None:
    person("ana@alder.example")

    visitor = Visitor().sign_up("ANA@ALDER.example", name="Somebody Else")

    assert User.objects.count() == 1
    assert visitor.where == "/accounts/confirm-email/"


def test_known_and_unknown_addresses_are_answered_alike_at_sign_up() -> None:
    person("known@alder.example")

    known = Visitor().sign_up("known@alder.example")
    unknown = Visitor().sign_up("unknown@alder.example")

    assert (known.where, known.page.status_code) == (unknown.where, unknown.page.status_code)
    assert _bare(known.text) == _bare(unknown.text)
    assert [one.subject for one in mail.outbox] == ["You have a sign-in for Parlae already", "Your code for Parlae"]
    wrong = [one.send({"code": "AAAAAA"}, having="code") for one in (known, unknown)]
    assert _bare(wrong[0].text) == _bare(wrong[1].text)


def test_known_and_unknown_addresses_are_answered_alike_at_sign_in() -> None:
    person("known@alder.example", password=PASSWORD)

    known = Visitor().sign_in("known@alder.example", password="not the right one")
    unknown = Visitor().sign_in("unknown@alder.example", password="not the right one")

    assert known.page.status_code == unknown.page.status_code == 200
    assert _bare(known.text) == _bare(unknown.text)
    assert "is not right" in known.text


def test_known_and_unknown_addresses_are_answered_alike_when_the_password_is_forgotten() -> None:
    person("known@alder.example", password=PASSWORD)
    pages = []
    for email in ("known@alder.example", "unknown@alder.example"):
        visitor = Visitor().open("/accounts/password/reset/")
        pages.append(visitor.send({"email": email}, to="/accounts/password/reset/"))

    assert pages[0].where == pages[1].where
    assert _bare(pages[0].text) == _bare(pages[1].text)
    assert [one.to for one in mail.outbox] == [["known@alder.example"], ["unknown@alder.example"]]


@pytest.mark.parametrize("address", ["/accounts/signup/", "/accounts/login/"])
def test_a_password_is_hashed_once_whether_the_address_is_known_or_not(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person("known@alder.example", password=PASSWORD)
    hashed: list[str] = []

    def counted(self: Any, password: str, salt: str, *args: Any, **kwargs: Any) -> str:
        hashed.append(salt)
        return original(self, password, salt, *args, **kwargs)

    original = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    counts = []
    for email in ("known@alder.example", "unknown@alder.example"):
        hashed.clear()
        sent = {"name": "Ana", "email": email, "password1": PASSWORD, "login": email, "password": "wrong one here"}
        Client().post(address, sent)
        counts.append(len(hashed))
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize(
    ("password", "is_taken"),
    [
        ("plum harbour 88 lantern", True),
        ("correcthorsebatterystaple", True),
        ("ûñïçödé phrase ✓ fine", True),
        ("x9" * 20 + " seven otters", True),
        ("seven quiet otters on a hill" * 4, True),
        ("elevenchars", False),
        ("x9 seven " * 20, False),  # 180 characters
        ("password1234", False),
        ("Password1234!", False),
        ("123456789012", False),
        ("aaaaaaaaaaaaaaaa", False),
        ("qwertyqwerty", False),
        ("parlae123456", False),
        ("Parlae-Parlae-1", False),
        ("AlderDental2026", False),
        ("alder dental 1", False),
        ("ana.petrov1234", False),
        ("PetrovPetrov12", False),
    ],
)
def test_a_password_is_refused_for_being_short_endless_common_or_about_the_person(
    password: str, is_taken: bool
) -> None:
    own = member(practice(), Role.OWNER, "ana.petrov@clinic.example")
    try:
        validate_password(password, own.user)
    except ValidationError:
        assert not is_taken, password
    else:
        assert is_taken, password


def test_the_name_counts_as_known_while_somebody_signs_up() -> None:
    visitor = Visitor().sign_up("someone@clinic.example", name="Bartholomew Quill", password="Bartholomew 123")
    assert "easy to guess" in visitor.text
    assert not User.objects.exists()


def test_what_is_pasted_counts_with_its_spaces_at_the_ends() -> None:
    Visitor().sign_up("ana@alder.example", password=f" {PASSWORD} ").confirm()
    assert User.objects.get().check_password(f" {PASSWORD} ")


def test_passwords_are_kept_in_scrypt() -> None:
    assert product.PASSWORD_HASHERS[0].endswith("ScryptPasswordHasher")
    assert make_password("x", hasher="scrypt").startswith("scrypt$")


def test_without_the_code_nobody_gets_in_and_signing_in_asks_for_it_again() -> None:
    Visitor().sign_up("ana@alder.example")

    visitor = Visitor().open("/accounts/profile/")
    assert visitor.where.startswith("/accounts/login/")
    cache.clear()  # a code a moment ago is enough
    visitor.sign_in("ana@alder.example")
    assert visitor.where == "/accounts/confirm-email/"
    visitor.confirm()
    assert visitor.open("/accounts/profile/").page.status_code == 200


def test_three_wrong_codes_end_the_sign_up() -> None:
    visitor = Visitor().sign_up("ana@alder.example")
    for _ in range(3):
        visitor.send({"code": "AAAAAA"}, having="code")
    assert visitor.where.startswith("/accounts/login/")


def test_a_code_that_did_not_come_can_be_sent_again() -> None:
    visitor = Visitor().sign_up("ana@alder.example")
    cache.clear()
    visitor.send({"action": "resend"}, having="action")
    assert len(mail.outbox) == 2
    assert visitor.confirm().where == "/accounts/practices/new/"


def test_no_question_is_ever_asked_that_others_could_answer() -> None:
    text = "".join(Visitor().open(a).text.lower() for a in ("/accounts/signup/", "/accounts/password/reset/"))
    assert "maiden" not in text
    assert "question" not in text
