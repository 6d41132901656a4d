"""What staff do in the PMS to bookings of ours: ours follow (WB-11), and nothing is written back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Budget
from pms.domain.records import Appointment
from pms.jobs import sweeps
from pms.models import Booking, BookingState, Duty, DutyKind, PmsAuditLog, PmsIntegration, Task
from pms.sandbox import Sandbox
from pms.services import gateway, syncing, tasks
from pms.services.audit import Asker
from pms.services.gateway import Access
from tests import agreement
from tests.conftest import Sim, copied_since
from tests.talking import (
    ALDER,
    JOSE,
    Caller,
    SetClock,
    cancel_at_the_desk,
    carry_out,
    kinds,
    look,
    move_at_the_desk,
    quiet_day,
    slow_write,
    writes_sent,
)

ASKER = Asker(actor="job:duties", endpoint="job:duties", method="JOB")


def verified(practice: Account, sim: Sim, at: str = "09:00", person: dict[str, str] | None = None) -> Booking:
    """Return a booking that the vendor's copy has shown."""
    Caller(practice, number="").verified(person).book(at, providerId="HY1")
    sim("POST", "refresh", office_id=ALDER)
    look(minutes=2)
    booking = Booking.objects.latest("created_at")
    assert booking.verified_at is not None
    sim("DELETE", "requests")
    return booking


@contextmanager
def comparing() -> Iterator[Access]:
    """Open an access as the job does."""
    clock = SetClock()
    with gateway.reading(
        integration=PmsIntegration.objects.select_related("account").get(),
        asker=ASKER,
        action="syncBookings",
        phi=True,
        clock=clock,
        budget=Budget(20, clock),
        is_live=False,
    ) as access:
        yield access


def sync() -> int:
    """Compare once."""
    with comparing() as access:
        return syncing.sync(access)


def lose(booking: Booking) -> None:
    """Let the PMS no longer know a booking's appointment."""
    Booking.objects.filter(pk=booking.pk).update(pms_appointment_id="99999")


def shift(booking: Booking, **by: float) -> None:
    """Let a booking have been made for another time."""
    names = ("starts_at", "ends_at", "busy_from", "busy_to")
    changes = {name: getattr(booking, name) + timedelta(**by) for name in names}
    Booking.objects.filter(pk=booking.pk).update(**changes)


def now_in(booking: Booking) -> str:
    booking.refresh_from_db()
    return booking.state


def asked_for_days(sim: Sim) -> list[tuple[str, str]]:
    """Return first and last days of the lists of appointments that were asked for."""
    rows = sim("GET", "requests")["requests"]
    asked = [row["query"] for row in rows if row["path"] == "/v4/appointments" and "startdate" in row["query"]]
    return [(query["startdate"], query["enddate"]) for query in asked]


@pytest.fixture
def booking(practice: Account, sim: Sim) -> Booking:
    return verified(practice, sim)


class TestFollows:
    def test_nothing_where_nothing_has_changed(self, booking: Booking, sim: Sim) -> None:
        assert sync() == 0

        assert now_in(booking) == BookingState.CONFIRMED

    def test_wb_11_a_cancellation(self, booking: Booking, sandbox: Sandbox, sim: Sim) -> None:
        cancel_at_the_desk(sandbox, booking.pms_appointment_id)
        sim("DELETE", "requests")

        assert sync() == 1

        assert now_in(booking) == BookingState.CANCELLED
        assert writes_sent(sim) == []
        assert kinds() == []

    @pytest.mark.parametrize("change", [{"time": "15:00"}, {"date": quiet_day(3).isoformat()}])
    def test_wb_11_another_time_or_day(
        self, booking: Booking, sandbox: Sandbox, sim: Sim, change: dict[str, str]
    ) -> None:
        move_at_the_desk(sandbox, booking.pms_appointment_id, **change)
        copied_since(sim)
        sim("DELETE", "requests")

        assert sync() == 1

        assert now_in(booking) == BookingState.RESCHEDULED
        assert writes_sent(sim) == []
        assert kinds() == []

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"operatory": "Hyg 2"}, ("HY1", "Hyg 2", "Perpetua Lindqvist")),
            ({"provider_id": "HY2", "operatory": "Hyg 2"}, ("HY2", "Hyg 2", "Casimir Bellweather")),
        ],
    )
    def test_another_room_or_clinician_at_the_same_time(
        self, booking: Booking, sandbox: Sandbox, sim: Sim, change: dict[str, str], place: tuple[str, str, str]
    ) -> None:
        move_at_the_desk(sandbox, booking.pms_appointment_id, **change)
        copied_since(sim)
        sim("DELETE", "requests")

        counts = [sync(), sync()]

        assert counts == [1, 0]
        assert now_in(booking) == BookingState.CONFIRMED
        assert (booking.clinician_id, booking.operatory_id, booking.clinician_name) == place
        assert writes_sent(sim) == []
        assert kinds() == []

    def test_what_is_gone_from_a_newer_and_whole_copy(self, booking: Booking, sim: Sim) -> None:
        copied_since(sim)
        lose(booking)

        assert sync() == 1

        task = Task.objects.get()
        assert now_in(booking) == BookingState.LOST
        assert (task.kind, task.booking) == ("booking_lost", booking)
        assert tasks.detail(task) == {"patientId": "1001", "confirmationNumber": booking.confirmation_number}

    def test_nothing_that_a_copy_as_old_as_the_booking_lacks(self, booking: Booking) -> None:
        lose(booking)

        assert sync() == 0

        assert now_in(booking) == BookingState.CONFIRMED

    def test_nothing_that_a_copy_lacks_while_it_is_being_replaced(self, booking: Booking, sim: Sim) -> None:
        copied_since(sim)
        sim("POST", "config", data_insert="in progress")
        lose(booking)

        assert sync() == 0

        assert now_in(booking) == BookingState.CONFIRMED

    def test_the_others_where_the_pms_fails_in_the_middle(
        self, booking: Booking, practice: Account, sandbox: Sandbox, sim: Sim
    ) -> None:
        shift(verified(practice, sim, "10:00", JOSE), days=60)
        cancel_at_the_desk(sandbox, booking.pms_appointment_id)
        sim("POST", "fail", path="/v4/appointments", skip=1, times=9, status=500)

        with pytest.raises(errors.PmsUnavailable):
            sync()

        assert now_in(booking) == BookingState.CANCELLED


class TestLeavesAlone:
    def test_what_no_read_has_shown_yet(self, practice: Account, sandbox: Sandbox, sim: Sim) -> None:
        Caller(practice).verified().book(providerId="HY1")
        own = Booking.objects.get()
        move_at_the_desk(sandbox, own.pms_appointment_id, time="15:00")

        assert sync() == 0

        assert now_in(own) == BookingState.CONFIRMED

    def test_what_is_over(self, booking: Booking, sandbox: Sandbox, sim: Sim) -> None:
        cancel_at_the_desk(sandbox, booking.pms_appointment_id)
        shift(booking, days=-60)

        assert sync() == 0

        assert now_in(booking) == BookingState.CONFIRMED

    def test_what_belongs_to_the_practice_that_was_connected_before(
        self, booking: Booking, sandbox: Sandbox, sim: Sim
    ) -> None:
        cancel_at_the_desk(sandbox, booking.pms_appointment_id)
        PmsIntegration.objects.update(practice_since=timezone.now())

        assert sync() == 0

        assert now_in(booking) == BookingState.CONFIRMED

    def test_an_appointment_that_a_caller_is_moving(self, booking: Booking, practice: Account, sim: Sim) -> None:
        slow_write(sim, "PUT appointment")
        Caller(practice, number="").verified().move("10:00")
        new = Booking.objects.exclude(pk=booking.pk).get()
        between = (now_in(booking), now_in(new))
        carry_out(sim)
        sim("POST", "refresh", office_id=ALDER)

        counts = [sync()]
        during = (now_in(booking), now_in(new))
        look(minutes=2)
        counts.append(sync())

        assert between == during == (BookingState.CONFIRMED, BookingState.PENDING)
        assert counts == [0, 0]
        assert (now_in(booking), now_in(new)) == (BookingState.RESCHEDULED, BookingState.CONFIRMED)
        assert kinds() == []

    @pytest.mark.parametrize("is_done", [False, True])
    def test_an_appointment_that_a_caller_moves_while_it_is_compared(
        self, booking: Booking, practice: Account, sandbox: Sandbox, sim: Sim, is_done: bool
    ) -> None:
        """The rows were read before: what the desk did by then is older than what the caller wants now."""
        caller = Caller(practice, number="").verified()
        move_at_the_desk(sandbox, booking.pms_appointment_id, operatory="Hyg 2")
        if not is_done:
            slow_write(sim, "PUT appointment")
        with comparing() as access:
            read = access.pms.list_appointments

            def read_before_the_move(start: date, end: date) -> Sequence[Appointment]:
                rows = read(start, end)
                caller.move("10:00")
                return rows

            access.pms.list_appointments = read_before_the_move  # type: ignore[method-assign, assignment]
            syncing.sync(access)

        new = Booking.objects.exclude(pk=booking.pk).get()
        assert now_in(new) == (BookingState.CONFIRMED if is_done else BookingState.PENDING)
        assert now_in(booking) == (BookingState.RESCHEDULED if is_done else BookingState.CONFIRMED)


class TestAsksLittle:
    def test_one_list_for_days_that_are_near_each_other(self, booking: Booking, practice: Account, sim: Sim) -> None:
        other = verified(practice, sim, "10:00", JOSE)
        shift(other, days=30)
        sim("DELETE", "requests")

        sync()

        days = quiet_day(), quiet_day() + timedelta(days=30)
        assert asked_for_days(sim) == [(days[0].isoformat(), days[1].isoformat())]

    def test_a_list_for_every_month(self, booking: Booking, practice: Account, sim: Sim) -> None:
        shift(verified(practice, sim, "10:00", JOSE), days=31)
        sim("DELETE", "requests")

        sync()

        first, later = quiet_day().isoformat(), (quiet_day() + timedelta(days=31)).isoformat()
        assert asked_for_days(sim) == [(first, first), (later, later)]

    @pytest.mark.parametrize(
        ("days", "spans"),
        [
            ([], []),
            ([3], [(3, 3)]),
            ([5, 3, 3, 33], [(3, 33)]),
            ([1, 32, 40, 90], [(1, 1), (32, 40), (90, 90)]),
        ],
    )
    def test_spans_hold_every_day_and_are_never_too_long(self, days: list[int], spans: list[tuple[int, int]]) -> None:
        begin = date(2026, 1, 1)

        found = syncing._spans(begin + timedelta(days=number) for number in days)

        assert [((one - begin).days, (other - begin).days) for one, other in found] == spans


class TestDuty:
    @pytest.mark.parametrize(
        ("done", "copied", "is_due"),
        [
            (None, {"hours": 20}, True),
            ({"minutes": 15}, {"minutes": 5}, True),
            ({"minutes": 15}, {"minutes": 70}, True),  # it may have been put in place later than it was taken
            ({"minutes": 15}, {"hours": 2}, False),
            ({"hours": 20}, {"hours": 2}, True),
        ],
    )
    def test_compares_only_what_may_show_something_new(
        self, booking: Booking, done: dict[str, float] | None, copied: dict[str, float], is_due: bool
    ) -> None:
        now = timezone.now()
        integration = PmsIntegration.objects.get()
        integration.last_sync_at = now - timedelta(**copied)
        since = now - timedelta(**done) if done is not None else None

        assert syncing.is_due(integration=integration, now=now, since=since) is is_due

    def test_reads_nothing_of_a_practice_that_has_not_agreed(
        self, booking: Booking, sandbox: Sandbox, sim: Sim
    ) -> None:
        agreement.withdraw()
        cancel_at_the_desk(sandbox, booking.pms_appointment_id)

        sweeps.do_duties(SetClock.later(minutes=1))

        duty = Duty.objects.get(kind=DutyKind.SYNC)
        assert (now_in(booking), duty.done_at, duty.last_error) == (BookingState.CONFIRMED, None, "")
        assert not PmsAuditLog.objects.filter(action="syncBookings").exists()

    def test_compares_nothing_where_no_booking_is_ahead(self, practice: Account) -> None:
        integration = PmsIntegration.objects.get()

        assert not syncing.is_due(integration=integration, now=timezone.now(), since=None)

    def test_does_it_by_itself_and_says_so_in_the_evidence(self, booking: Booking, sandbox: Sandbox, sim: Sim) -> None:
        cancel_at_the_desk(sandbox, booking.pms_appointment_id)

        sweeps.do_duties(SetClock.later(minutes=1))

        row = PmsAuditLog.objects.get(action="syncBookings")
        assert now_in(booking) == BookingState.CANCELLED
        assert (row.actor, row.phi_accessed, row.patient_id) == ("job:duties", True, None)
        assert row.request_summary == '{"bookings": 1, "changed": 1}'
        assert Duty.objects.get(kind=DutyKind.SYNC).done_at is not None

    def test_reads_nothing_again_before_the_copy_is_a_new_one(self, booking: Booking, sim: Sim) -> None:
        sweeps.do_duties(SetClock.later(minutes=1))
        PmsIntegration.objects.update(last_sync_at=timezone.now() - timedelta(hours=2))
        done_at = Duty.objects.get(kind=DutyKind.SYNC).done_at
        Duty.objects.exclude(kind=DutyKind.SYNC).update(next_attempt_at=None)

        count = sweeps.do_duties(SetClock.later(minutes=20))

        duty = Duty.objects.get(kind=DutyKind.SYNC)
        assert count == 1
        assert PmsAuditLog.objects.filter(action="syncBookings").count() == 1
        assert duty.done_at == done_at  # that is when it was compared
        assert duty.next_attempt_at is not None
        assert duty.next_attempt_at > SetClock.later(minutes=20).now()


def test_a_repeated_wish_is_the_same_booking_where_the_desk_has_changed_the_room(
    booking: Booking, practice: Account, sandbox: Sandbox, sim: Sim
) -> None:
    move_at_the_desk(sandbox, booking.pms_appointment_id, operatory="Hyg 2")
    copied_since(sim)

    again = Caller(practice, number="").verified().book("09:00", providerId="HY1")

    assert again.say.startswith("You already have that one.")
    assert now_in(booking) == BookingState.CONFIRMED
    assert booking.operatory_id == "Hyg 2"
    assert Booking.objects.count() == 1


def test_a_repeated_wish_finds_out_what_the_desk_did(
    booking: Booking, practice: Account, sandbox: Sandbox, sim: Sim
) -> None:
    """Moved to another day, it is not lost: the rows of its own day lack it."""
    move_at_the_desk(sandbox, booking.pms_appointment_id, date=quiet_day(3).isoformat())
    copied_since(sim)

    again = Caller(practice, number="").verified().book("09:00", providerId="HY1")

    assert now_in(booking) == BookingState.RESCHEDULED
    assert again.outcome == "ok"
    assert Booking.objects.exclude(pk=booking.pk).get().starts_at == booking.starts_at
    assert kinds() == []
