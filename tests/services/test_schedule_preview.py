"""A day of the schedule for the people at a practice, in stretches of time."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.domain.localtime import local_date_of
from pms.models import AppointmentType, PmsIntegration
from pms.sandbox import Sandbox
from pms.services import explaining, schedule_preview
from pms.services.schedule_preview import OFFERED, Preview
from tests.services.people import asker
from tests.talking import NEW_YORK, made_at_the_desk, quiet_day

CLOCK = SystemClock()


def seen(account: Account, **asked: object) -> Preview:
    wanted = {"day": quiet_day(), "appointment_type": "Cleaning", "clinician_id": "HY1", **asked}
    return schedule_preview.preview(account=account, asker=asker(), clock=CLOCK, **wanted)  # type: ignore[arg-type]


def test_a_day_is_told_in_stretches_that_hide_nothing(practice: Account) -> None:
    told = explaining.explain(
        account=practice, day=quiet_day(), appointment_type="Cleaning", asker=asker(), clock=CLOCK, clinician_id="HY1"
    )

    found = seen(practice)

    assert sum(stretch.count for stretch in found.stretches) == len(told["times"])
    assert found.offered == sum(1 for one in told["times"] if one["offered"])
    assert len(found.stretches) < len(told["times"])
    assert [stretch.first for stretch in found.stretches] == sorted(stretch.first for stretch in found.stretches)


def test_what_is_offered_says_with_whom_and_in_the_practice_s_time(practice: Account) -> None:
    first = next(stretch for stretch in seen(practice).stretches if stretch.code == OFFERED)

    assert (first.text, first.who, first.first.time()) == ("Offered", "Perpetua Lindqvist", time(8))
    assert str(first.first.tzinfo) == "America/New_York"


def test_what_is_in_the_way_is_named_by_whose_time_it_is_and_no_patient(practice: Account, sandbox: Sandbox) -> None:
    made_at_the_desk(sandbox)

    busy = [stretch for stretch in seen(practice).stretches if stretch.in_the_way]

    assert busy
    assert any("9 AM to 10 AM" in way for stretch in busy for way in stretch.in_the_way)
    assert "Whitfield" not in repr(busy)


def test_there_is_a_day_before_and_a_day_after(practice: Account) -> None:
    found = seen(practice)

    assert (found.earlier, found.later) == (quiet_day() - timedelta(days=1), quiet_day() + timedelta(days=1))


def test_nobody_looks_beyond_the_edges(practice: Account) -> None:
    today = local_date_of(timezone.now(), NEW_YORK)

    first = seen(practice, day=today - explaining.LONGEST_BACK)
    last = seen(practice, day=today + explaining.LONGEST_AHEAD)

    assert (first.earlier, last.later) == (None, None)
    with pytest.raises(errors.Invalid):
        seen(practice, day=today + explaining.LONGEST_AHEAD + timedelta(days=1))


def test_what_keeps_everything_from_being_booked_is_told(practice: Account) -> None:
    practice.is_paused = True
    PmsIntegration.objects.update(status="INACTIVE")

    found = seen(practice)

    assert found.hindrances == (explaining.HINDRANCES["paused"], explaining.HINDRANCES["connection_inactive"])
    assert (found.no_times, found.offered, found.stretches) == (explaining.NOT_READ, 0, ())


def test_the_kinds_that_the_agent_books_itself_come_first(practice: Account) -> None:
    AppointmentType.objects.filter(name="Cleaning").update(mode="REQUEST")
    AppointmentType.objects.filter(name="Emergency").update(is_active=False)

    assert [name for _, name in schedule_preview.kinds(account=practice)] == [
        "New Patient Exam",
        "Cleaning",
        "Crown Prep",
    ]
