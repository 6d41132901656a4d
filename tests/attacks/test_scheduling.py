"""What requests, rules and the practice's own people can make the booking path say or do that is not so."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account, User
from pms.domain import errors
from pms.domain.clock import Budget
from pms.jobs import sweeps
from pms.models import (
    AppointmentType,
    Booking,
    BookingMode,
    BookingState,
    PmsIntegration,
    Resolution,
    Task,
    TaskState,
    WriteBack,
    WriteBackState,
)
from pms.sandbox import Sandbox
from pms.services import appointments, bookings, changes, directory, requests, tasks
from pms.services.appointments import Booked
from pms.services.audit import Asker
from pms.services.bookings import Wish
from tests.conftest import Sim, copied_since
from tests.services.test_syncing import sync, verified
from tests.talking import (
    ALDER,
    JOSE,
    NEW_YORK,
    NOBODY,
    Caller,
    SetClock,
    Slow,
    cancel_at_the_desk,
    carry_out,
    codes,
    in_the_pms,
    kinds,
    look,
    made_at_the_desk,
    move_at_the_desk,
    quiet_day,
    slow_office,
)

pytestmark = pytest.mark.django_db

ASKER = Asker(actor="user:ana", endpoint="test", method="POST")
CROWN = {"appointmentType": "crown"}


@pytest.fixture
def ana() -> User:
    return User.objects.create(email="ana@alder.example", name="Ana")


@pytest.fixture
def asked(cora: Caller) -> Task:
    """A crown, which the practice takes as a request, on the quiet day at nine."""
    assert cora.book("09:00", **CROWN).outcome == "on_request_only"
    return Task.objects.get(kind=requests.KIND)


@pytest.fixture
def slow(sim: Sim, monkeypatch: pytest.MonkeyPatch) -> Slow:
    return lambda *writes: slow_office(sim, monkeypatch, *writes)


def approve(task: Task, user: User) -> Booked:
    clock = SetClock()
    return requests.approve(task=task, user=user, asker=ASKER, clock=clock, budget=Budget(8, clock))


def waiting() -> list[Task]:
    return list(Task.objects.filter(kind=requests.KIND, state=TaskState.OPEN))


def newcomer(practice: Account) -> Caller:
    theodora = Caller(practice, number="+12125550188")
    assert theodora.use("createPatient", **dict[str, Any](NOBODY, phone="+12125550188")).outcome == "ok"
    return theodora


class TestRequests:
    def test_asked_for_again_after_it_was_taken_back_is_there(self, cora: Caller, asked: Task) -> None:
        """The call's own task that says the same is found again, although it has ended."""
        assert cora.cancel(asked.number).outcome == "ok"

        again = cora.book("09:00", **CROWN)

        assert again.outcome == "on_request_only"
        assert "I have left the team a request" in again.say
        assert len(waiting()) == 1
        assert "request for Tuesday" in cora.ahead()

    def test_approved_it_is_what_the_patient_has(self, practice: Account, asked: Task, ana: User) -> None:
        booking = approve(asked, ana).booking

        again = Caller(practice).verified().book("09:00", **CROWN)

        assert booking.state == BookingState.CONFIRMED
        assert "It is not an appointment until they have agreed" not in again.say
        assert again.say.startswith("You already have that one.")
        assert waiting() == []

    def test_approved_it_goes_by_the_number_that_the_patient_was_told(
        self, practice: Account, asked: Task, ana: User, sim: Sim
    ) -> None:
        approve(asked, ana)

        result = Caller(practice).verified().cancel(asked.number)

        assert result.outcome == "ok", result.say
        assert [row["status"] for row in in_the_pms(sim)] == ["Cancelled"]

    def test_booked_after_all_is_a_request_no_more(self, practice: Account, cora: Caller, ana: User, sim: Sim) -> None:
        """Else the team, by approving it, makes an appointment that the patient has cancelled since."""
        sim("POST", "office", office_id=ALDER, online=False)
        assert cora.book("09:00").outcome == "on_request_only"
        sim("POST", "office", office_id=ALDER, online=True)
        again = Caller(practice).verified()
        assert again.book("09:00").outcome == "ok"

        assert "has yet to answer" not in again.ahead()
        assert again.cancel(Booking.objects.get(state=BookingState.CONFIRMED).confirmation_number).outcome == "ok"
        for task in waiting():
            approve(task, ana)
        assert [row["status"] for row in in_the_pms(sim)] == ["Cancelled"]

    def test_with_somebody_else_is_not_silently_the_first_one(self, cora: Caller) -> None:
        """What the second wish says more is with the team, or the caller is told that it is not."""
        AppointmentType.objects.filter(name="Cleaning").update(mode=BookingMode.REQUEST)
        cora.book("09:00", providerId="HY1")

        again = cora.book("09:00", providerId="HY2", notes="Allergic to latex")

        said = [tasks.detail(task) for task in waiting()]
        is_kept = any(one.get("clinicianId") == "HY2" and "latex" in one.get("note", "") for one in said)
        assert is_kept or "I have left the team a request" not in again.say

    def test_approved_for_somebody_new_is_sent_when_there_is_a_record(
        self, practice: Account, ana: User, sim: Sim, slow: Slow
    ) -> None:
        slow("POST patient")
        theodora = newcomer(practice)
        theodora.book("09:00", **CROWN)
        booked = approve(Task.objects.get(kind=requests.KIND), ana)
        assert booked.booking.write_backs.get().state == WriteBackState.WAITING

        for minutes in (2, 10, 30, 60):
            carry_out(sim)
            look(minutes=minutes)

        booked.booking.refresh_from_db()
        assert booked.booking.state == BookingState.CONFIRMED
        assert len(in_the_pms(sim)) == 1

    def test_of_somebody_whose_record_comes_meanwhile_is_found_again(
        self, practice: Account, sim: Sim, slow: Slow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between looking up the handle and keeping the request the worker has named the patient."""
        slow("POST patient")
        theodora = newcomer(practice)
        real = requests.open_for

        def named_meanwhile(**asked: Any) -> list[Task]:
            found = real(**asked)
            carry_out(sim)
            look(minutes=2)
            return found

        monkeypatch.setattr(requests, "open_for", named_meanwhile)
        theodora.book("09:00", **CROWN)
        monkeypatch.setattr(requests, "open_for", real)

        assert "request for Tuesday" in theodora.ahead()

    def test_asked_for_in_two_calls_at_once_is_one(
        self, practice: Account, cora: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other, real = Caller(practice).verified(), requests.open_for

        def quicker(**asked: Any) -> list[Task]:
            found = real(**asked)
            monkeypatch.setattr(requests, "open_for", real)
            other.book("09:00", **CROWN)
            return found

        monkeypatch.setattr(requests, "open_for", quicker)
        cora.book("09:00", **CROWN)

        assert len(waiting()) == 1

    def test_is_not_taken_back_in_the_place_of_an_appointment(
        self, cora: Caller, asked: Task, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The caller's only appointment is meant; that it is gone meanwhile does not make the request what is meant."""
        made_at_the_desk(sandbox, "14:00")

        def gone(**_: Any) -> None:
            raise errors.AppointmentNotFound(spoken="That request did not go through, so there is nothing to cancel.")

        monkeypatch.setattr(changes, "change_status", gone)
        result = cora.cancel()

        assert result.outcome == "appointment_not_found", result.say
        assert waiting() == [asked]

    def test_approved_by_a_process_that_dies_is_not_lost(self, asked: Task, ana: User) -> None:
        """Where it ended between its two steps, as a killed process does, no row says that anything is to be done."""
        requests._decide(asked, Resolution.APPROVED, timezone.now(), ana)

        look(hours=1)
        sweeps.do_duties(SetClock.later(hours=1))

        assert Booking.objects.exists() or Task.objects.filter(state=TaskState.OPEN).exists()

    def test_is_not_open_again_for_what_breaks_after_it_was_booked(
        self, cora: Caller, asked: Task, ana: User, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Such as a server that is told to stop: else the patient takes back what is in the PMS."""

        def stop(*_: Any) -> None:
            raise SystemExit

        monkeypatch.setattr(appointments, "_keep_whole_note", stop)
        with pytest.raises(SystemExit):
            approve(asked, ana)

        result = cora.cancel(asked.number)

        is_there = any(row["status"] != "Cancelled" for row in in_the_pms(sim))
        assert not (is_there and "taken back" in result.say), result.say


class TestWaiting:
    def test_for_a_newer_copy_is_told_to_the_team_before_the_appointment_is_near(
        self, practice: Account, sim: Sim, slow: Slow
    ) -> None:
        """ "If it does not go through, the team will be told": within two hours, like whatever else is stuck."""
        slow("POST patient")
        theodora = newcomer(practice)
        assert theodora.book("09:00").outcome == "ok"
        carry_out(sim)
        sim("POST", "config", refresh_lag=10**7)
        integration = PmsIntegration.objects.get()
        integration.config = {**(integration.config or {}), "maxDataAgeMinutes": 15}
        integration.save()

        for hours in (1, 2, 3, 6, 12):
            look(hours=hours)

        booking = Booking.objects.get()
        assert booking.write_backs.get().state == WriteBackState.WAITING
        assert [kind for kind in kinds() if kind.startswith("booking_")], kinds()


class TestAssistants:
    def test_are_not_free_because_the_desk_has_changed_the_room(
        self, practice: Account, sandbox: Sandbox, sim: Sim
    ) -> None:
        """Who assists is in our rows alone, and the appointment still takes place at its time."""
        kind = AppointmentType.objects.get(name="Cleaning")
        kind.resources = [{"clinicianId": "HY1", "operatoryId": "Hyg 1", "assistantId": "HY2"}]
        kind.save()
        other = AppointmentType.objects.get(name="Emergency")
        other.resources = [{"clinicianId": "HY2", "operatoryId": "Op 3"}]
        other.save()
        booking = verified(practice, sim)
        assert booking.assistant_id == "HY2"
        move_at_the_desk(sandbox, booking.pms_appointment_id, operatory="Hyg 2")
        copied_since(sim)
        jose = Caller(practice, number="").verified(JOSE)
        before = jose.book("09:00", appointmentType="emergency").outcome

        sync()
        after = jose.book("09:00", appointmentType="emergency").outcome

        assert (before, after) == ("slot_taken", "slot_taken")


class TestAnotherPractice:
    """A connection that is led to another practice: the same ids are other people's there."""

    @pytest.fixture(autouse=True)
    def _elsewhere(self, asked: Task) -> None:
        PmsIntegration.objects.update(practice_since=timezone.now() + timedelta(seconds=1))

    def test_tells_nobody_of_requests_at_the_one_before(self, practice: Account) -> None:
        assert "request" not in Caller(practice).verified().ahead()

    def test_tells_nobody_of_a_booking_that_nobody_knew_the_end_of(self, practice: Account, cora: Caller) -> None:
        """What was parked does not keep anybody from connecting another practice (``connecting._require_settled``)."""
        cora.book("11:00")
        Booking.objects.update(state=BookingState.UNKNOWN, pms_appointment_id="")
        WriteBack.objects.update(state=WriteBackState.PARKED, next_attempt_at=None)
        PmsIntegration.objects.update(practice_since=timezone.now() + timedelta(seconds=1))

        assert "11 AM" not in Caller(practice).verified().ahead()

    def test_books_nobody_for_what_was_asked_at_the_one_before(self, asked: Task, ana: User, sim: Sim) -> None:
        with pytest.raises(errors.ParlaeError):
            approve(asked, ana)

        assert in_the_pms(sim) == []


class TestRulesThatChange:
    def test_a_booking_that_waits_is_not_stuck_by_a_type_that_is_on_request_since(
        self, practice: Account, sim: Sim, slow: Slow
    ) -> None:
        slow("POST patient")
        theodora = newcomer(practice)
        assert theodora.book("09:00").outcome == "ok"
        AppointmentType.objects.filter(name="Cleaning").update(mode=BookingMode.REQUEST)

        for minutes in (2, 10, 30, 60):
            carry_out(sim)
            look(minutes=minutes)

        booking = Booking.objects.get()
        has_ended = booking.state in (BookingState.CONFIRMED, BookingState.FAILED)
        assert has_ended, (booking.state, kinds())
        assert booking.state == BookingState.CONFIRMED or kinds() == ["booking_failed"]

    def test_a_booking_that_waits_is_as_long_as_the_time_that_is_kept_for_it(
        self, practice: Account, sim: Sim, slow: Slow
    ) -> None:
        """Else what is sent is longer than what we keep from others until reads show it."""
        slow("POST patient")
        assert newcomer(practice).book("09:00", providerId="HY1").outcome == "ok"
        AppointmentType.objects.filter(name="Cleaning").update(duration_minutes=90)
        for minutes in (2, 10, 30, 60):
            carry_out(sim)
            look(minutes=minutes)
        booking = Booking.objects.get()
        booking.refresh_from_db()
        assert booking.state == BookingState.CONFIRMED

        [row] = in_the_pms(sim)
        kept = (booking.ends_at - booking.starts_at) / timedelta(minutes=1)
        assert float(row["length"]) == kept

    @pytest.mark.parametrize("change", [{"mode": BookingMode.OFF}, {"is_active": False}])
    def test_a_code_for_a_type_that_is_switched_off_since_gets_nothing(
        self, cora: Caller, sim: Sim, change: dict[str, Any]
    ) -> None:
        [code, *_] = codes(cora.open_times())
        AppointmentType.objects.filter(name="Cleaning").update(**change)

        result = cora.book(slotCode=code)

        assert in_the_pms(sim) == []
        assert not Task.objects.exists()
        assert result.outcome == "on_request_only"

    def test_a_code_for_somebody_who_does_it_no_more_says_nothing_about_the_type(self, cora: Caller) -> None:
        code = codes(cora.open_times(providerId="HY1"))[0]
        AppointmentType.objects.filter(name="Cleaning").update(
            resources=[{"clinicianId": "HY2", "operatoryId": "Hyg 2"}]
        )

        result = cora.book(slotCode=code)

        assert "kind of appointment is arranged by the team" not in result.say, result.say

    def test_a_day_of_unknown_hours_says_nothing_about_the_type_either(
        self, cora: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(directory, "schedules", lambda *_: ())

        result = cora.book("09:00")

        assert "kind of appointment is arranged by the team" not in result.say, result.say


class TestAPersonsOtherTimes:
    @pytest.mark.parametrize("state", [BookingState.HELD, BookingState.PENDING, BookingState.UNKNOWN])
    def test_are_no_appointments_before_the_pms_has_them(
        self, practice: Account, cora: Caller, state: BookingState
    ) -> None:
        """A time that was held by a process that died, and what is not final, is not "already an appointment"."""
        integration = PmsIntegration.objects.select_related("account").get()
        nine = datetime.combine(quiet_day(), time(9), NEW_YORK).astimezone(UTC)
        wish = Wish(
            patient_id="1001",
            appointment_type=AppointmentType.objects.get(name="Cleaning"),
            starts_at=nine,
            clinician_id="HY1",
            operatory_id="Hyg 1",
        )
        held = bookings.hold(
            integration=integration, wish=wish, call=None, key="", now=timezone.now() - timedelta(minutes=2)
        )
        Booking.objects.filter(pk=held.pk).update(state=state)

        say = cora.book("09:30", providerId="HY2").say

        assert "There is already an appointment" not in say, say


class TestWhatIsOffered:
    def test_can_be_booked_beside_a_booking_that_the_copy_shows_before_it_was_compared(
        self, practice: Account, cora: Caller, sim: Sim
    ) -> None:
        """Its buffers are kept when a time is held, so they are when it is offered."""
        AppointmentType.objects.filter(name="Cleaning").update(buffer_after_minutes=30)
        assert cora.book("09:00", providerId="HY1").outcome == "ok"
        sim("POST", "refresh", office_id=ALDER)
        jose = Caller(practice, number="").verified(JOSE)

        say = jose.open_times(time="10:00", providerId="HY1")
        offered_at_ten = next((code for code, at in _offers(jose).items() if at == "10:00"), "")

        assert not offered_at_ten or jose.book(slotCode=offered_at_ten).outcome == "ok", say

    def test_can_be_booked_where_the_desk_has_cancelled_what_was_not_compared_yet(
        self, practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        assert cora.book("09:00", providerId="HY1").outcome == "ok"
        cancel_at_the_desk(sandbox, Booking.objects.get().pms_appointment_id)
        jose = Caller(practice, number="").verified(JOSE)

        jose.open_times(time="09:00", providerId="HY1")
        code = next((code for code, at in _offers(jose).items() if at == "09:00"), "")

        assert not code or jose.book(slotCode=code).outcome == "ok"


def _offers(caller: Caller) -> dict[str, str]:
    where = caller.call.account.zone
    return {one.code: f"{one.starts_at.astimezone(where):%H:%M}" for one in caller.call.slot_offers.all()}


class TestOffice:
    def test_that_no_list_tells_of_is_not_offline_for_ever(self, practice: Account, cora: Caller, sim: Sim) -> None:
        """An app without those two lists has heard of the office once, when it refused a write."""
        for path in ("data_sync_status", "health_check"):
            sim("POST", "fail", path=f"/v4/{path}", times=10**6, status=403)
        sim("POST", "office", office_id=ALDER, online=False)
        assert cora.book("09:00").outcome == "on_request_only"
        sim("POST", "office", office_id=ALDER, online=True)

        later = Caller(practice, clock=SetClock.later(hours=1)).verified().book("10:00")

        assert later.outcome == "ok", later.say
