"""Guessing passwords: stopped by name and address together, so that nobody can keep a colleague out."""

from __future__ import annotations

import pytest
import time_machine
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone

from accounts.models import User
from pms.models import SecurityEvent
from tests.accounts.people import person
from tests.accounts.visitor import PASSWORD

pytestmark = pytest.mark.django_db
WRONG = "wrong again and again"
OFFICE, HOME = "203.0.113.9", "198.51.100.7"


@pytest.fixture(autouse=True)
def _people() -> None:
    person("ana@alder.example", password=PASSWORD)
    person("ben@alder.example", password=PASSWORD)


def _try(email: str, password: str = WRONG, address: str = OFFICE) -> int:
    return Client(REMOTE_ADDR=address).post("/accounts/login/", {"login": email, "password": password}).status_code


def _lock(email: str = "ana@alder.example") -> list[int]:
    return [_try(email) for _ in range(10)]


def test_ten_wrong_passwords_close_the_sign_in_for_a_while() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert _lock() == [200] * 9 + [429]
        assert _try("ana@alder.example", PASSWORD) == 429
        assert _try("ANA@alder.example ", PASSWORD) == 429
        clock.shift(15 * 60 + 1)
        assert _try("ana@alder.example", PASSWORD) == 302


def test_colleagues_behind_the_same_address_and_the_person_elsewhere_still_get_in() -> None:
    _lock()
    assert _try("ben@alder.example", PASSWORD) == 302
    assert _try("ana@alder.example", PASSWORD, HOME) == 302


def test_a_name_that_does_not_exist_is_closed_just_the_same() -> None:
    known = _lock()
    assert _lock("nobody@alder.example") == known
    answers = [
        Client(REMOTE_ADDR=OFFICE).post("/accounts/login/", {"login": who, "password": "x"})
        for who in ("ana@alder.example", "nobody@alder.example")
    ]
    assert answers[0].content == answers[1].content
    assert b"Too many tries" in answers[0].content


def test_confirming_who_one_is_counts_too() -> None:
    desk = Client(REMOTE_ADDR=OFFICE)
    desk.force_login(User.objects.get(email="ana@alder.example"))
    answers = [desk.post("/accounts/reauthenticate/", {"password": "wrong"}).status_code for _ in range(10)]
    assert answers[-1] == 429
    assert _try("ana@alder.example", PASSWORD) == 429


def test_the_support_desk_has_no_way_around_it() -> None:
    User.objects.filter(email="ana@alder.example").update(is_staff=True, is_superuser=True)
    _lock()
    answer = Client(REMOTE_ADDR=OFFICE).post(
        "/admin/login/?next=/admin/", {"username": "ana@alder.example", "password": PASSWORD}
    )
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_what_was_typed_as_a_password_is_kept_nowhere() -> None:
    _try("ana@alder.example")
    assert WRONG not in repr(list(AccessAttempt.objects.values()))
    assert AccessAttempt.objects.count() == 1


def test_it_is_an_event_that_does_not_say_what_was_typed() -> None:
    _lock()
    event = SecurityEvent.objects.filter(kind="signin.locked").get()
    assert (event.actor, event.ip_address, event.detail) == ("anonymous", OFFICE, {})
    assert "ana" not in repr(SecurityEvent.objects.values())
