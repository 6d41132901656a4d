"""When a practice works: what its system tells, what it has written down, and what neither has said."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain.clock import Budget
from pms.domain.localtime import day_bounds, local_date_of
from pms.domain.records import DaySchedule, ResourceKind
from pms.models import AppointmentType, Blockout, Booking, BookingState, ScheduledKind, SpecialDay, WeeklyHours
from pms.sandbox.diary import closed_days
from pms.scheduling import hours
from pms.scheduling.hours import Windows
from pms.scheduling.reasons import Reason
from pms.scheduling.slots import Opening
from pms.services import availability, gateway, opening
from pms.services.audit import Asker
from pms.services.availability import DayView, Sought
from pms.services.opening import Calendar, Trio
from tests.conftest import Sim
from tests.services.conftest import Hold
from tests.talking import ALDER, NEW_YORK, SetClock, quiet_day

MONDAY, TUESDAY, SUNDAY = date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 7)
EIGHT_TO_FIVE = {"1": [["08:00", "12:00"], ["13:00", "17:00"]]}
PAIR: Trio = ("HY1", "Hyg 1", "")
TRIO: Trio = ("DR1", "Op 1", "HY2")
SILENT = "/v4/practice_schedule"
SPRING_FORWARD, FALL_BACK = date(2027, 3, 14), date(2026, 11, 1)


@pytest.fixture
def account(db: None) -> Account:
    return Account.objects.create(name="Alder Dental", time_zone="America/New_York")


def told(day: date, kind: ResourceKind, who: str, *windows: tuple[int, int], holiday: bool = False) -> DaySchedule:
    """Return what a system lists of one day, by whole hours."""
    spans = tuple((time(start), time(end)) for start, end in windows)
    return DaySchedule(day, kind, who, spans, is_holiday=holiday)


def of_practice(*windows: tuple[int, int], day: date = MONDAY, holiday: bool = False) -> DaySchedule:
    return told(day, ResourceKind.PRACTICE, "1", *windows, holiday=holiday)


def of_clinician(*windows: tuple[int, int], who: str = "HY1") -> DaySchedule:
    return told(MONDAY, ResourceKind.CLINICIAN, who, *windows)


def of_room(*windows: tuple[int, int], room: str = "Hyg 1") -> DaySchedule:
    return told(MONDAY, ResourceKind.OPERATORY, room, *windows)


def weekly(
    account: Account, stored: dict[str, Any], kind: ScheduledKind = ScheduledKind.PRACTICE, who: str = ""
) -> None:
    WeeklyHours.objects.create(account=account, kind=kind, resource_id=who, hours=stored)


def special(
    account: Account,
    windows: list[Any],
    day: date = MONDAY,
    kind: ScheduledKind = ScheduledKind.PRACTICE,
    who: str = "",
) -> None:
    SpecialDay.objects.create(account=account, kind=kind, resource_id=who, day=day, windows=windows)


def opened(account: Account, *plans: DaySchedule, day: date = MONDAY, trio: Trio = PAIR) -> Opening:
    return Calendar(account, plans, day - timedelta(days=7), day + timedelta(days=7)).opening(day, [trio])


def worked(account: Account, *plans: DaySchedule, day: date = MONDAY, trio: Trio = PAIR) -> list[tuple[int, int]]:
    """Return when the one team works, in whole hours."""
    [team] = opened(account, *plans, day=day, trio=trio).teams
    assert team.windows is not None
    return in_hours(team.windows)


def in_hours(windows: Windows) -> list[tuple[int, int]]:
    return [(window.start // 60, window.end // 60) for window in windows]


class TestWhatThePmsTells:
    def test_counts_before_what_the_practice_has_written_down(self, account: Account) -> None:
        weekly(account, EIGHT_TO_FIVE)
        weekly(account, EIGHT_TO_FIVE, ScheduledKind.CLINICIAN, "HY1")

        assert worked(account, of_practice((9, 15)), of_clinician((10, 16))) == [(10, 15)]

    def test_of_no_window_is_closed_whatever_the_practice_has_written_down(self, account: Account) -> None:
        weekly(account, EIGHT_TO_FIVE)

        found = opened(account, of_practice())

        assert (found.windows, found.is_told) == ((), True)

    def test_of_one_day_leaves_the_other_days_to_the_practice(self, account: Account) -> None:
        weekly(account, {"2": [["08:00", "12:00"]]})

        assert worked(account, of_practice((9, 15)), day=TUESDAY) == [(8, 12)]

    def test_of_the_practice_leaves_a_clinician_to_the_practice(self, account: Account) -> None:
        weekly(account, {"1": [["10:00", "14:00"]]}, ScheduledKind.CLINICIAN, "HY1")

        assert worked(account, of_practice((8, 12), (13, 17))) == [(10, 12), (13, 14)]

    def test_under_several_names_is_open_when_all_of_them_are(self, account: Account) -> None:
        office = told(MONDAY, ResourceKind.PRACTICE, "office", (9, 17))

        assert worked(account, of_practice((8, 12)), office) == [(9, 12)]

    def test_opens_only_what_practice_clinician_and_room_share(self, account: Account) -> None:
        plans = [of_practice((8, 12), (13, 17)), of_clinician((9, 17)), of_room((8, 16))]

        assert worked(account, *plans) == [(9, 12), (13, 16)]


class TestSilence:
    def test_of_the_pms_leaves_the_hours_to_the_practice(self, account: Account) -> None:
        weekly(account, EIGHT_TO_FIVE)

        assert worked(account) == [(8, 12), (13, 17)]
        assert worked(account, day=TUESDAY) == []
        assert opened(account, day=TUESDAY).is_told is True

    def test_about_the_practice_is_no_matter_where_the_clinicians_hours_are_known(self, account: Account) -> None:
        assert worked(account, of_clinician((9, 13))) == [(9, 13)]

    def test_of_everybody_opens_nothing(self, account: Account) -> None:
        found = opened(account)

        assert found.is_told is False
        assert [team.windows for team in found.teams] == [()]

    def test_about_people_opens_nothing_although_a_rooms_hours_are_known(self, account: Account) -> None:
        weekly(account, EIGHT_TO_FIVE, ScheduledKind.OPERATORY, "Hyg 1")

        for plans in ([], [of_room((8, 17))]):
            found = opened(account, *plans)
            assert found.is_told is False
            assert [team.windows for team in found.teams] == [()]

    def test_about_one_clinician_closes_them_alone(self, account: Account) -> None:
        calendar = Calendar(account, [of_clinician((9, 13))], MONDAY, MONDAY)

        found = calendar.opening(MONDAY, [PAIR, ("HY2", "Hyg 2", "")])

        assert found.is_told is True
        assert [team.windows and in_hours(team.windows) for team in found.teams] == [[(9, 13)], ()]

    def test_is_not_broken_by_hours_of_another_practice(self, account: Account) -> None:
        weekly(Account.objects.create(name="Birch Dental", time_zone="America/Chicago"), EIGHT_TO_FIVE)

        assert opened(account).is_told is False


class TestSpecialDay:
    def test_closes_the_practice(self, account: Account) -> None:
        weekly(account, EIGHT_TO_FIVE)
        special(account, [])

        assert worked(account) == []
        assert opened(account).is_told is True

    def test_opens_a_day_that_is_closed(self, account: Account) -> None:
        weekly(account, EIGHT_TO_FIVE)
        special(account, [["10:00", "14:00"]], SUNDAY)

        assert worked(account, day=SUNDAY) == [(10, 14)]

    def test_opens_a_day_of_a_practice_whose_hours_nobody_knows(self, account: Account) -> None:
        special(account, [["10:00", "14:00"]], SUNDAY)

        assert worked(account, day=SUNDAY) == [(10, 14)]
        assert opened(account).is_told is False

    def test_shortens_a_day(self, account: Account) -> None:
        weekly(account, EIGHT_TO_FIVE)
        special(account, [["08:00", "12:00"]])

        assert worked(account) == [(8, 12)]

    def test_beats_a_holiday_of_the_pms(self, account: Account) -> None:
        special(account, [["09:00", "11:00"]])

        assert worked(account, of_practice(holiday=True), of_clinician((8, 17))) == [(9, 11)]

    def test_beats_all_that_the_pms_lists_for_the_practice(self, account: Account) -> None:
        special(account, [["09:00", "16:00"]])

        office = told(MONDAY, ResourceKind.PRACTICE, "office", (8, 10))
        assert worked(account, of_practice((8, 12)), office) == [(9, 16)]

    def test_of_one_clinician_closes_nobody_else(self, account: Account) -> None:
        special(account, [], kind=ScheduledKind.CLINICIAN, who="HY1")
        plans = [of_practice((8, 17)), of_clinician((8, 17)), of_clinician((8, 17), who="HY2")]

        assert worked(account, *plans) == []
        assert worked(account, *plans, trio=("HY2", "Hyg 1", "")) == [(8, 17)]

    def test_of_a_room_counts_within_the_practices_hours(self, account: Account) -> None:
        weekly(account, EIGHT_TO_FIVE)
        special(account, [["07:00", "09:00"]], kind=ScheduledKind.OPERATORY, who="Hyg 1")

        assert worked(account) == [(8, 9)]

    def test_is_over_the_next_day(self, account: Account) -> None:
        weekly(account, {"1": [["08:00", "12:00"]], "2": [["08:00", "12:00"]]})
        special(account, [])

        assert worked(account, day=TUESDAY) == [(8, 12)]


class TestAssistant:
    def test_works_their_own_hours(self, account: Account) -> None:
        plans = [of_practice((8, 17)), of_clinician((8, 17), who="DR1"), of_clinician((10, 14), who="HY2")]

        assert worked(account, *plans, trio=TRIO) == [(10, 14)]

    def test_whose_hours_nobody_knows_keeps_those_of_the_others(self, account: Account) -> None:
        assert worked(account, of_practice((8, 17)), of_clinician((9, 12), who="DR1"), trio=TRIO) == [(9, 12)]

    def test_who_has_a_day_off_leaves_no_time(self, account: Account) -> None:
        special(account, [], kind=ScheduledKind.CLINICIAN, who="HY2")

        assert worked(account, of_practice((8, 17)), trio=TRIO) == []


class TestDayOnWhichTheClockChanges:
    @pytest.mark.parametrize(
        ("day", "length"), [(SPRING_FORWARD, 23), (FALL_BACK, 25)], ids=["spring forward", "fall back"]
    )
    def test_keeps_the_wall_clock(self, account: Account, day: date, length: int) -> None:
        weekly(account, {"7": [["00:00", "24:00"]]})

        [team] = opened(account, day=day).teams

        assert team.windows is not None
        starts, ends = hours.instants(day, team.windows[0], NEW_YORK)
        assert (ends - starts) == timedelta(hours=length)

    def test_has_its_first_appointment_at_the_hour_on_the_wall(self, account: Account) -> None:
        weekly(account, {"7": [["09:00", "10:00"]]})
        first = {}
        for day in (SPRING_FORWARD - timedelta(days=7), SPRING_FORWARD):
            [team] = opened(account, day=day).teams
            assert team.windows is not None
            first[day] = hours.instants(day, team.windows[0], NEW_YORK)[0]

        assert [f"{instant:%H:%M}" for instant in first.values()] == ["14:00", "13:00"]

    @pytest.mark.parametrize("day", [SPRING_FORWARD, FALL_BACK])
    def test_is_blocked_from_midnight_to_midnight(self, account: Account, day: date) -> None:
        start, end = day_bounds(day, NEW_YORK)
        Blockout.objects.create(account=account, starts_at=start, ends_at=end)

        [row] = opening.blocked(account, day, day)

        assert (row.start, row.end, row.resources) == (start, end, frozenset())
        for other in (day - timedelta(days=2), day + timedelta(days=2)):
            assert opening.blocked(account, other, other) == []


# Through the PMS


def seen(
    practice: Account, day: date | None = None, kind: str = "Cleaning", clock: SetClock | None = None, **sought: Any
) -> DayView:
    """Return what a day looks like, read from the PMS."""
    clock = clock or SetClock()
    with gateway.reading(
        integration=practice.integrations.select_related("account").get(),
        asker=Asker(actor="system:test", endpoint="test", method="GET"),
        action="test",
        phi=True,
        clock=clock,
        budget=Budget(15, clock),
    ) as access:
        rule = AppointmentType.objects.get(account=practice, name=kind)
        return availability.day_view(access, Sought(appointment_type=rule, **sought), day or quiet_day())


def at(hour: int, minute: int = 0, day: date | None = None) -> datetime:
    return datetime.combine(day or quiet_day(), time(hour, minute), tzinfo=NEW_YORK)


def starts(view: DayView) -> list[str]:
    return [f"{slot.local:%H:%M}" for slot in view.result.slots]


@pytest.fixture
def silent(sim: Sim) -> None:
    """Let the practice's system list no hours at all."""
    sim("POST", "fail", path=SILENT, status=204, times=99)


@pytest.mark.usefixtures("silent")
class TestPracticeWhoseSystemTellsNoHours:
    def test_has_no_times_and_the_reason_is_said(self, practice: Account) -> None:
        found = seen(practice).result

        assert (found.slots, found.reason) == ((), Reason.NO_HOURS)
        assert found.why_not(at(9)) is Reason.NO_HOURS

    def test_has_no_times_when_only_a_rooms_hours_are_known(self, practice: Account) -> None:
        weekly(practice, {"2": [["08:00", "17:00"]]}, ScheduledKind.OPERATORY, "Hyg 1")

        assert seen(practice).result.reason is Reason.NO_HOURS

    def test_has_times_in_the_hours_that_it_has_written_down(self, practice: Account) -> None:
        weekly(practice, {"2": [["09:00", "11:00"]]})

        assert starts(seen(practice)) == ["09:00", "09:30", "10:00"]

    def test_is_closed_on_a_weekday_that_it_has_left_out(self, practice: Account) -> None:
        weekly(practice, {"1": [["09:00", "11:00"]]})

        assert seen(practice).result.reason is Reason.CLOSED


class TestPractice:
    def test_that_works_on_a_holiday_of_its_system_has_times_then(self, practice: Account) -> None:
        [holiday] = closed_days(local_date_of(timezone.now(), NEW_YORK))
        before = seen(practice, holiday).result
        special(practice, [["10:00", "11:00"]], holiday)

        assert before.reason is Reason.CLOSED
        assert seen(practice, holiday).result.open == ((at(10, day=holiday), at(11, day=holiday)),)

    def test_that_closes_for_a_day_has_no_times_then(self, practice: Account) -> None:
        special(practice, [], quiet_day())

        assert seen(practice).result.reason is Reason.CLOSED
        assert seen(practice, quiet_day(2)).result.slots

    @pytest.mark.parametrize(
        ("kind", "who", "left"),
        [
            (ScheduledKind.PRACTICE, "", {}),
            (ScheduledKind.CLINICIAN, "HY1", {"HY2": "Hyg 2"}),
            (ScheduledKind.OPERATORY, "Hyg 2", {"HY1": "Hyg 1"}),
        ],
    )
    def test_blocks_the_time_of_all_or_of_one(
        self, practice: Account, kind: ScheduledKind, who: str, left: dict[str, str]
    ) -> None:
        Blockout.objects.create(account=practice, kind=kind, resource_id=who, starts_at=at(8), ends_at=at(12))

        view = seen(practice)

        morning = {availability.trio_of(slot)[:2] for slot in view.result.slots if slot.local.hour < 12}
        assert morning == set(left.items())
        assert min(start for start in starts(view) if start >= "12:00") == "13:00"
        if not left:
            assert view.result.why_not(at(9)) is Reason.BLOCKOUT


class TestAppointmentWithAnAssistant:
    @pytest.fixture(autouse=True)
    def _assisted(self, practice: Account) -> None:
        assisted = [{"clinicianId": "DR1", "operatoryId": "Op 1", "assistantId": "HY2"}]
        AppointmentType.objects.filter(account=practice, name="New Patient Exam").update(resources=assisted)

    def test_needs_the_assistant_to_be_free(self, practice: Account, sim: Sim) -> None:
        day = quiet_day().isoformat()
        sim("POST", "steal", office_id=ALDER, provider_id="HY2", operatory="Hyg 2", date=day, time="09:00", cloud=True)

        view = seen(practice, kind="New Patient Exam")

        assert {"08:30", "09:00", "09:30"}.isdisjoint(starts(view))
        assert {"08:00", "10:00"} <= set(starts(view))
        assert view.result.why_not(at(9)) is Reason.CLINICIAN_BUSY
        assert availability.trio_of(view.result.slots[0]) == ("DR1", "Op 1", "HY2")

    def test_needs_an_assistant_whom_the_practice_still_has(self, practice: Account) -> None:
        gone = [{"clinicianId": "DR1", "operatoryId": "Op 1", "assistantId": "DR9"}]
        AppointmentType.objects.filter(account=practice, name="New Patient Exam").update(resources=gone)

        assert seen(practice, kind="New Patient Exam").result.reason is Reason.NO_MAPPING

    def test_keeps_the_assistant_busy_also_when_the_pms_shows_it(self, practice: Account, sim: Sim, hold: Hold) -> None:
        exam = AppointmentType.objects.get(account=practice, name="New Patient Exam")
        booking = hold(kind=exam, clinician_id="DR1", operatory_id="Op 1", assistant_id="HY2")
        day = quiet_day().isoformat()
        number = sim(
            "POST", "steal", office_id=ALDER, provider_id="DR1", operatory="Op 1", date=day, time="09:00", cloud=True
        )["appointment_sr_no"]
        Booking.objects.filter(pk=booking.pk).update(
            state=BookingState.CONFIRMED, pms_appointment_id=number, verified_at=timezone.now()
        )

        cleanings = seen(practice, clinician_id="HY2")

        assert {"08:30", "09:00", "09:30"}.isdisjoint(starts(cleanings))
        assert {"08:00", "10:00"} <= set(starts(cleanings))
        assert cleanings.result.why_not(at(9)) is Reason.HOLD
        assert "09:00" in starts(seen(practice, clinician_id="HY1"))
