"""Settings: what is kept, special days and blocked time, by people who do not overwrite each other."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from accounts.models import Account
from accounts.roles import Role
from pms.models import Blockout, SpecialDay
from tests.accounts.visitor import forms
from tests.dashboard.conftest import SignedIn
from tests.dashboard.pages import text, words
from tests.practice import agreed
from tests.services.people import member
from tests.talking import quiet_day


@pytest.fixture
def owner(signed_in: SignedIn) -> Client:
    """The owner's browser."""
    return signed_in(Role.OWNER)


def shown(client: Client, action: str) -> dict[str, Any]:
    """Return what stands in the first form of the page that goes somewhere."""
    found = [form for form in forms(text(client.get("/settings/"))) if form["action"] == action]
    return dict(found[-1]["fields"])


def test_it_shows_the_connection_what_the_agent_does_and_the_line(practice: Account, owner: Client) -> None:
    page = words(owner.get("/settings/"))

    assert "Connected" in page
    assert 'href="/setup/test/"' in page
    assert 'href="/setup/credentials/"' in page
    assert 'href="/setup/features/"' in page
    assert practice.voice_lines.get().label in page


@pytest.mark.django_db
def test_a_practice_that_is_not_set_up_is_sent_to_the_setup(client: Client) -> None:
    account = agreed(Account.objects.create(name="Birch Dental", time_zone="America/Chicago"))
    client.force_login(member(account, role=Role.OWNER))

    page = text(client.get("/settings/"))

    assert "Nothing is connected yet." in page
    assert 'href="/setup/"' in page


def test_policies_are_changed(practice: Account, owner: Client) -> None:
    sent = shown(owner, "/settings/policies/") | {"keeps_transcripts": "on", "keeps_days": "30"}

    page = text(owner.post("/settings/policies/", sent, follow=True))

    practice.refresh_from_db()
    assert (practice.keeps_transcripts, practice.keeps_recordings, practice.keeps_days) == (True, False, 30)
    assert "Saved." in page


def test_policies_that_cannot_be_meant_are_told_and_stay_in_the_form(practice: Account, owner: Client) -> None:
    answer = owner.post("/settings/policies/", shown(owner, "/settings/policies/") | {"keeps_days": "3"})

    assert answer.status_code == 422
    assert 'value="3"' in text(answer)
    practice.refresh_from_db()
    assert practice.keeps_days == 90


def test_policies_of_a_page_that_is_out_of_date_are_not_kept(practice: Account, owner: Client) -> None:
    sent = shown(owner, "/settings/policies/")
    Account.objects.update(keeps_days=365)

    page = text(owner.post("/settings/policies/", sent | {"keeps_days": "30"}, follow=True))

    assert "Somebody else has changed this" in page
    practice.refresh_from_db()
    assert practice.keeps_days == 365


def test_a_special_day_is_added_and_removed(practice: Account, owner: Client) -> None:
    given = {"day-day": quiet_day().isoformat(), "day-opens": "09:00", "day-closes": "00:00", "day-label": "<b>Fair"}
    page = text(owner.post("/settings/days/", shown(owner, "/settings/days/") | given, follow=True))

    [row] = SpecialDay.objects.filter(account=practice, day=quiet_day())
    assert (row.windows, row.label) == ([["09:00", "24:00"]], "<b>Fair")
    assert "&lt;b&gt;Fair" in page

    removing = [form for form in forms(text(owner.get("/settings/"))) if form["action"] == "/settings/days/"]
    number = list(SpecialDay.objects.order_by("day", "kind", "resource_id")).index(row)
    owner.post("/settings/days/", removing[number]["fields"] | {"remove": str(number)})
    assert not SpecialDay.objects.filter(pk=row.pk).exists()


def test_blocked_time_is_read_on_the_practice_s_clock(practice: Account, owner: Client) -> None:
    given = {"blocked-start": f"{quiet_day()}T09:00", "blocked-end": f"{quiet_day()}T17:30"}

    page = text(owner.post("/settings/blocked/", shown(owner, "/settings/blocked/") | given, follow=True))

    row = Blockout.objects.get(account=practice)
    assert row.starts_at == datetime.fromisoformat(f"{quiet_day()}T09:00").replace(tzinfo=ZoneInfo("America/New_York"))
    assert "9:00 AM" in page


@pytest.mark.parametrize(
    ("where", "given"),
    [
        ("days", {"day-day": "2026-02-30"}),
        ("days", {"day-day": "2001-01-01"}),
        ("days", {"day-day": "2030-01-01", "day-opens": "09:00"}),
        ("days", {"day-day": "2030-01-01", "day-opens": "09:00", "day-closes": "08:00"}),
        ("blocked", {"blocked-start": "2030-01-02T09:00", "blocked-end": "2030-01-01T09:00"}),
        ("blocked", {"blocked-start": "2030-01-02T09:00"}),
    ],
)
def test_what_cannot_be_meant_is_told_and_not_kept(
    where: str, given: dict[str, str], practice: Account, owner: Client
) -> None:
    days = SpecialDay.objects.count()

    answer = owner.post(f"/settings/{where}/", shown(owner, f"/settings/{where}/") | given)

    assert answer.status_code == 422
    assert 'class="errorlist' in text(answer)
    assert (SpecialDay.objects.count(), Blockout.objects.count()) == (days, 0)


def test_a_list_of_a_page_that_is_out_of_date_is_not_kept(practice: Account, owner: Client) -> None:
    sent = shown(owner, "/settings/days/") | {"day-day": "2030-01-01"}
    SpecialDay.objects.create(account=practice, day=quiet_day(), windows=[])

    for stale in (sent, sent | {"version": ""}):
        page = text(owner.post("/settings/days/", stale, follow=True))
        assert "Somebody else has changed" in page
    assert not SpecialDay.objects.filter(day="2030-01-01").exists()


def test_staff_may_not_open_them(staff: Client) -> None:
    assert staff.get("/settings/").status_code == 403
    assert staff.post("/settings/policies/", {}).status_code == 403
