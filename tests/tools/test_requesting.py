"""Appointments that the team has to agree to first: asked for, told, taken back, decided."""

from __future__ import annotations

import pytest

from accounts.models import Account, User
from pms.domain import errors, speech
from pms.domain.clock import Budget
from pms.models import AppointmentType, Booking, BookingMode, ForPatients, Resolution, Task, TaskState
from pms.sandbox import Sandbox
from pms.services import newcomers, requests, tasks
from pms.services.appointments import Booked
from pms.services.audit import Asker
from tests.conftest import Sim
from tests.talking import JOSE, NOBODY, Caller, SetClock, in_the_pms, look, made_at_the_desk, quiet_day

pytestmark = pytest.mark.django_db

ASKER = Asker(actor="user:ana", endpoint="test", method="POST")


@pytest.fixture
def ana() -> User:
    return User.objects.create(email="ana@alder.example", name="Ana")


@pytest.fixture
def asked(cora: Caller) -> Task:
    """A crown, which the practice takes as a request, on the quiet day at nine."""
    assert cora.book("09:00", appointmentType="crown", notes="Upper left").outcome == "on_request_only"
    return Task.objects.get(kind=requests.KIND)


def approve(task: Task, user: User) -> Booked:
    clock = SetClock()
    return requests.approve(task=task, user=user, asker=ASKER, clock=clock, budget=Budget(8, clock))


class TestAsking:
    def test_is_told_as_what_it_is_and_nothing_is_written(self, cora: Caller, sim: Sim) -> None:
        say = cora.book("09:00", appointmentType="crown").say

        task = Task.objects.get(kind=requests.KIND)
        assert say.startswith("I have left the team a request for Tuesday")
        assert say.endswith(f"The reference number is {speech.spell(task.number)}.")
        assert (Booking.objects.count(), in_the_pms(sim)) == (0, [])

    def test_keeps_what_the_team_needs(self, asked: Task) -> None:
        said = tasks.detail(asked)

        assert (said["patientId"], said["appointmentType"], said["note"]) == ("1001", "Crown Prep", "Upper left")
        assert said["startsAt"].startswith(quiet_day().isoformat())
        assert (asked.patient_id, asked.state, asked.resolution) == ("1001", TaskState.OPEN, "")

    def test_again_in_another_call_is_the_same_request(self, practice: Account, asked: Task) -> None:
        again = Caller(practice).verified().book("09:00", appointmentType="crown")

        assert speech.spell(asked.number) in again.say
        assert Task.objects.count() == 1

    def test_for_another_time_is_another_request(self, cora: Caller, asked: Task) -> None:
        cora.book("10:00", appointmentType="crown")

        assert Task.objects.exclude(number=asked.number).count() == 1

    def test_needs_somebody_who_is_verified(self, practice: Account) -> None:
        result = Caller(practice, number="").book("09:00", appointmentType="crown")

        assert result.outcome == "not_verified"
        assert not Task.objects.exists()

    def test_for_a_past_time_is_asked_about(self, cora: Caller) -> None:
        assert cora.book("09:00", appointmentType="crown", date="2020-05-12").outcome == "date_in_past"
        assert not Task.objects.exists()

    def test_for_what_is_not_done_by_phone_is_refused(self, practice: Account, cora: Caller) -> None:
        AppointmentType.objects.filter(name="Crown Prep").update(mode=BookingMode.OFF)

        result = cora.book("09:00", appointmentType="crown")

        assert result.outcome == "on_request_only"
        assert "arranged by the team" in result.say
        assert not Task.objects.exists()

    def test_by_somebody_new_goes_on_under_the_id_that_they_get(self, practice: Account) -> None:
        theodora = Caller(practice, number="+12125550188")
        assert theodora.use("createPatient", **NOBODY, phone="+12125550188").outcome == "ok"
        theodora.book("09:00", appointmentType="crown")

        assert "request for Tuesday" in theodora.ahead()
        look(minutes=2)
        assert not newcomers.is_handle(Task.objects.get(kind=requests.KIND).patient_id)
        assert "request for Tuesday" in theodora.ahead()


class TestTelling:
    def test_is_among_what_is_coming_up(self, cora: Caller, asked: Task) -> None:
        say = cora.ahead()

        assert "There is also a request for Tuesday" in say
        assert f"number {speech.spell(asked.number)}" in say

    def test_is_no_more_once_it_is_decided(self, cora: Caller, asked: Task, ana: User) -> None:
        requests.decline(task=asked, user=ana, clock=SetClock())

        assert "request" not in cora.ahead()

    def test_is_told_to_nobody_else(self, practice: Account, asked: Task) -> None:
        assert "request" not in Caller(practice, number="").verified(JOSE).ahead()


class TestTakingBack:
    def test_by_its_number(self, cora: Caller, asked: Task) -> None:
        result = cora.cancel(" ".join(asked.number.lower()))

        asked.refresh_from_db()
        assert result.say.startswith("The request for Tuesday")
        assert result.say.endswith("has been taken back.")
        assert (asked.state, asked.resolution, asked.resolved_by) == (TaskState.DONE, Resolution.WITHDRAWN, None)

    def test_without_its_number_if_nothing_else_is_meant(self, cora: Caller, asked: Task) -> None:
        assert cora.cancel().outcome == "ok"

        asked.refresh_from_db()
        assert asked.resolution == Resolution.WITHDRAWN

    def test_is_not_what_is_meant_while_there_is_an_appointment(
        self, cora: Caller, asked: Task, sandbox: Sandbox, sim: Sim
    ) -> None:
        made_at_the_desk(sandbox, "14:00")

        assert cora.cancel().outcome == "ok"

        asked.refresh_from_db()
        assert asked.state == TaskState.OPEN
        assert [row["status"] for row in in_the_pms(sim)] == ["Cancelled"]

    def test_is_nobody_elses(self, practice: Account, asked: Task) -> None:
        jose = Caller(practice, number="").verified(JOSE)

        assert jose.cancel(asked.number).outcome == "appointment_not_found"
        asked.refresh_from_db()
        assert asked.state == TaskState.OPEN


class TestDeciding:
    def test_approved_it_is_booked_like_any_other(self, asked: Task, ana: User, sim: Sim) -> None:
        booked = approve(asked, ana)

        [row] = in_the_pms(sim)
        assert (row["time"], row["provider_id"], row["operatory"], row["length"]) == ("09:00", "DR2", "Op 2", "90")
        assert (booked.booking.state, asked.resolution, asked.resolved_by) == ("CONFIRMED", Resolution.APPROVED, ana)

    def test_approved_where_the_time_is_taken_it_is_open_again(self, asked: Task, ana: User, sandbox: Sandbox) -> None:
        made_at_the_desk(sandbox, provider_id="DR2", operatory="Op 2", patient_id="1010")

        with pytest.raises(errors.Conflict, match="no longer free"):
            approve(asked, ana)

        asked.refresh_from_db()
        assert (asked.state, asked.resolution, asked.resolved_by) == (TaskState.OPEN, "", None)

    def test_declined_it_cannot_be_approved(self, asked: Task, ana: User, sim: Sim) -> None:
        requests.decline(task=asked, user=ana, clock=SetClock())

        with pytest.raises(errors.AlreadyDecided, match="Ana was quicker: Declined"):
            approve(asked, ana)

        assert in_the_pms(sim) == []

    def test_approved_twice_it_is_booked_once(self, asked: Task, ana: User, sim: Sim) -> None:
        approve(asked, ana)

        with pytest.raises(errors.AlreadyDecided):
            approve(asked, ana)

        assert len(in_the_pms(sim)) == 1


class TestForWhom:
    @pytest.mark.parametrize(("whom", "outcome"), [(ForPatients.NEW, "validation_failed"), (ForPatients.KNOWN, "ok")])
    def test_a_patient_of_the_practice(self, cora: Caller, whom: ForPatients, outcome: str) -> None:
        AppointmentType.objects.filter(name="Cleaning").update(for_patients=whom)

        result = cora.book("09:00")

        assert result.outcome == outcome
        assert ("only for new patients" in result.say) is (outcome != "ok")

    @pytest.mark.parametrize(("whom", "outcome"), [(ForPatients.NEW, "ok"), (ForPatients.KNOWN, "validation_failed")])
    def test_somebody_new(self, practice: Account, whom: ForPatients, outcome: str) -> None:
        AppointmentType.objects.filter(name="Cleaning").update(for_patients=whom)
        theodora = Caller(practice, number="+12125550188")
        theodora.use("createPatient", **NOBODY, phone="+12125550188")

        result = theodora.book("09:00")

        assert result.outcome == outcome
        assert ("only for patients of the practice" in result.say) is (outcome != "ok")
