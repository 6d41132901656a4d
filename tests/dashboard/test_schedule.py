"""Open times: one day, asked for in a request of its own."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client

from accounts.models import Account
from pms.models import AppointmentType
from tests.conftest import Sim
from tests.dashboard.pages import text, words
from tests.talking import quiet_day


def _asked(**changes: str) -> dict[str, str]:
    kind = AppointmentType.objects.get(name="Cleaning")
    return {"day": quiet_day().isoformat(), "kind": str(kind.pk), **changes}


def test_the_page_asks_for_the_times_by_itself_and_without_a_script_by_a_link(
    practice: Account, staff: Client, sim: Sim
) -> None:
    sim("POST", "office", office_id="D10001", online=False)

    page = text(staff.get("/schedule/", _asked()))

    assert f'hx-get="/schedule/day/?day={quiet_day().isoformat()}' in page
    assert "show=1" in page
    assert "Offered" not in page


def test_a_day_tells_what_is_offered_and_why_the_rest_is_not(practice: Account, staff: Client) -> None:
    part, whole = staff.get("/schedule/day/", _asked()), staff.get("/schedule/", _asked(show="1"))

    assert "<html" not in text(part)
    assert "<html" in text(whole)
    for page in (words(part), words(whole)):
        assert "8:00 AM" in page
        assert "Perpetua Lindqvist" in page
        assert "would be offered" in page
        assert (quiet_day() + timedelta(days=1)).isoformat() in page


def test_a_day_that_cannot_be_read_is_today_and_one_too_far_says_so(practice: Account, staff: Client) -> None:
    assert staff.get("/schedule/", _asked(day="31.12.")).status_code == 200
    assert "days back and 730 ahead" in words(staff.get("/schedule/day/", _asked(day="2999-01-01")))
    assert "days back and 730 ahead" in words(staff.get("/schedule/day/", _asked(day="9999-12-31")))


def test_a_kind_that_is_not_the_practice_s_is_no_kind(practice: Account, staff: Client) -> None:
    page = words(staff.get("/schedule/day/", _asked(kind="00000000-0000-0000-0000-000000000001")))
    assert "Choose one of the practice's types." in page


def test_a_system_that_does_not_answer_is_told_in_words(practice: Account, staff: Client, sim: Sim) -> None:
    sim("POST", "fail", path="/v4/*", status=500, times=90)

    page = words(staff.get("/schedule/day/", _asked()))

    assert "The times are not known" in page
    assert "Your system could not be reached." in page


def test_a_practice_without_kinds_is_sent_to_the_setup(practice: Account, staff: Client) -> None:
    AppointmentType.objects.update(is_active=False)
    assert "No kinds of appointments yet" in text(staff.get("/schedule/"))
