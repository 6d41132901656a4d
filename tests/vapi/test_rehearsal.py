"""A test call from the page: played by the worker through the real door, against the stand-in's practice."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account, User
from pms.domain import errors
from pms.jobs import sweeps
from pms.models import (
    AppointmentType,
    Blockout,
    Booking,
    Call,
    ConnectionStatus,
    Credential,
    PmsAuditLog,
    SecurityEvent,
    Task,
    TestCall,
    ToolCall,
    Verification,
    VoiceLine,
    WeeklyHours,
    WriteBack,
)
from pms.services import patients
from pms.services.stand_in import Person
from pms.vapi import rehearsal
from pms.vapi.rehearsal import View
from tests.conftest import Sim
from tests.talking import CORA, Caller, SetClock, kinds
from tests.tools.conftest import quick_office
from tests.vapi.rehearsing import Ask, as_live, ask, played

__all__ = ["as_live", "ask", "quick_office"]

pytestmark = pytest.mark.usefixtures("quick_office")
TIMES = ["checkAvailability", "findPatient", "bookAppointment"]
ALL = [*TIMES, "findPatient", "checkAvailability", "bookAppointment", "cancelAppointment"]
TEST_PATIENT = Person("José", "Núñez", date(1980, 2, 3))


def tools(view: View) -> list[str]:
    return [line.tool for line in view.lines if line.tool]


def test_against_the_stand_in_the_whole_script_is_played_without_a_tick(ask: Ask, sim: Sim) -> None:
    view = played(ask())

    assert view.state == "PASSED", view.lines
    assert tools(view) == ALL
    assert view.told.title == "The test call went well: booked, and cancelled again."
    assert [line.mark for line in view.lines if line.who == "agent"] == ["good"] * 7
    assert Booking.objects.get().state == "CANCELLED"


def test_it_can_be_played_again(ask: Ask) -> None:
    assert [played(ask()).state for _ in range(2)] == ["PASSED", "PASSED"]
    assert [booking.state for booking in Booking.objects.all()] == ["CANCELLED", "CANCELLED"]


def test_what_the_model_asked_and_how_long_it_took_stands_beside_the_answer(ask: Ask) -> None:
    line = next(line for line in played(ask()).lines if line.tool == "findPatient" and line.outcome == "ok")

    assert ("First name", "Cora") in line.asked
    assert line.milliseconds > 0
    assert line.text.startswith("Thank you, I found the record for Cora")


def test_on_a_live_connection_it_only_asks_for_times_and_is_refused(ask: Ask, as_live: None) -> None:
    view = played(ask())

    assert view.state == "PASSED", view.lines
    assert tools(view) == TIMES
    assert [line.outcome for line in view.lines if line.tool] == ["ok", "patient_not_found", "not_verified"]
    assert not Booking.objects.exists()
    assert not WriteBack.objects.exists()
    assert view.told.title == "The test call went well."


def test_with_a_tick_it_books_for_the_named_patient_and_cancels_in_the_same_call(ask: Ask, as_live: None) -> None:
    view = played(ask(books=True, patient=TEST_PATIENT))

    booking = Booking.objects.get()
    assert view.state == "PASSED", view.lines
    assert tools(view) == ALL
    assert (booking.state, booking.patient_id) == ("CANCELLED", "1010")
    assert booking.starts_at > timezone.now() + timedelta(days=14)


def test_of_the_named_patient_nothing_stands_in_the_page_nor_in_the_row_afterwards(ask: Ask, as_live: None) -> None:
    view = played(ask(books=True, patient=TEST_PATIENT))

    said = repr([(line.text, line.asked) for line in view.lines])
    assert not {word for word in ("José", "Núñez", "1980", "1010", "February 3") if word in said}
    assert TestCall.objects.get().patient is None


@pytest.mark.parametrize(
    "patient", [None, Person("", "Núñez", date(1980, 2, 3)), Person("José", " ", date(1980, 2, 3))]
)
def test_a_tick_without_a_named_patient_is_refused(ask: Ask, as_live: None, patient: Person | None) -> None:
    with pytest.raises(errors.Invalid) as refused:
        ask(books=True, patient=patient)
    assert list(refused.value.fields) == ["patient"]


def test_a_connection_that_cannot_cancel_is_not_booked_on(ask: Ask, as_live: None, practice: Account) -> None:
    integration = practice.integrations.get()
    able = [one for one in integration.metadata["capabilities"] if one != "cancel_appointment"]
    integration.metadata = {**integration.metadata, "capabilities": able}
    integration.save()

    with pytest.raises(errors.Invalid) as refused:
        ask(books=True, patient=TEST_PATIENT)
    assert list(refused.value.fields) == ["books"]
    assert played(ask()).state == "PASSED"


def test_a_patient_who_is_not_there_ends_it_before_anything_is_booked(ask: Ask, as_live: None) -> None:
    view = played(ask(books=True, patient=Person("Theodora", "Brandywine", date(1990, 1, 2))))

    assert (view.state, TestCall.objects.get().error_code) == ("FAILED", "test_patient_not_found")
    assert view.told.title == "The test patient was not found."
    assert not Booking.objects.exists()


def test_its_failures_lock_nobody_out(ask: Ask, as_live: None, practice: Account) -> None:
    for _ in range(patients.MAX_GUESSES + 1):
        played(ask(books=True, patient=Person("Cora", "Whitfield", date(1987, 4, 13))))

    assert Verification.objects.filter(succeeded=False).count() > patients.MAX_GUESSES
    assert Caller(practice).use("findPatient", **CORA).outcome == "ok"
    assert kinds() == []


def test_who_cannot_exist_is_somebody_else_each_time_and_has_no_number(ask: Ask, as_live: None) -> None:
    played(ask())
    played(ask())

    assert len(set(Verification.objects.values_list("subject_digest", "name_digest"))) == 2
    assert set(Call.objects.values_list("caller_digest", flat=True)) == {""}


def test_the_call_is_marked_and_has_ended(ask: Ask) -> None:
    view = played(ask())

    call = Call.objects.get()
    assert (call.is_test, call.status, call.pk) == (True, "ended", view.call_id)
    assert call.ended_at is not None


def test_no_patient_is_told_by_mail(ask: Ask, practice: Account, settings: Settings) -> None:
    practice.sends_confirmations = True
    practice.save()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    played(ask())
    sweeps.follow_write_backs(SetClock.later(minutes=5))

    assert [row.notifies for row in WriteBack.objects.all()] == [False, False]
    assert mail.outbox == []


def test_its_audit_rows_are_the_line_s_own_and_the_person_is_in_the_event(ask: Ask, practice: Account) -> None:
    played(ask())

    call, credential = Call.objects.get(), Credential.objects.get()
    rows = PmsAuditLog.objects.filter(vapi_call_id=call.vapi_call_id)
    asked = SecurityEvent.objects.get(kind="testcall.asked")
    assert set(rows.values_list("actor", flat=True)) == {f"voice:{credential.pk}"}
    assert {"findPatient", "bookAppointment", "cancelAppointment"} <= set(rows.values_list("action", flat=True))
    assert (asked.account_id, asked.actor) == (practice.pk, f"user:{User.objects.get().pk}")
    assert asked.detail == {"line": str(call.line_id), "books": True, "sandbox": True}
    assert ToolCall.objects.filter(call=call).count() == 7


def test_two_at_once_are_one(ask: Ask) -> None:
    ask()

    with pytest.raises(errors.StillWorking):
        ask()
    assert TestCall.objects.count() == 1


def test_two_requests_at_the_same_moment_are_one(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "_refuse_second", lambda _account: None)
    ask()

    with pytest.raises(errors.StillWorking):
        ask()
    assert TestCall.objects.count() == 1


def test_it_cannot_be_asked_for_again_and_again(ask: Ask) -> None:
    for _ in range(12):
        ask()
        TestCall.objects.update(state="FAILED")

    with pytest.raises(errors.RateLimited):
        ask()


def test_without_the_agreement_there_is_none(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal.baa, "is_accepted", lambda _account: False)

    with pytest.raises(errors.BaaRequired):
        ask()


def test_a_paused_practice_has_none(ask: Ask, practice: Account) -> None:
    practice.is_paused = True

    with pytest.raises(errors.Paused):
        ask()


def test_without_a_connection_there_is_none(ask: Ask, practice: Account) -> None:
    practice.integrations.update(status=ConnectionStatus.INACTIVE)

    with pytest.raises(errors.SetupRequired):
        ask()


def test_without_evidence_there_is_none(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_entry: object) -> None:
        raise errors.Internal

    monkeypatch.setattr(rehearsal.audit, "record_event", fails)

    with pytest.raises(errors.Internal):
        ask()
    assert not TestCall.objects.exists()


def no_ids(line: VoiceLine) -> None:
    VoiceLine.objects.update(vapi_assistant_id=None, vapi_phone_number_id=None, phone_number=None)


def no_key(line: VoiceLine) -> None:
    Credential.objects.update(revoked_at=timezone.now())


def not_in_use(line: VoiceLine) -> None:
    VoiceLine.objects.update(is_active=False)


def of_somebody_else(line: VoiceLine) -> None:
    VoiceLine.objects.update(account=Account.objects.create(name="Birch Dental"))


@pytest.mark.parametrize("spoil", [no_ids, no_key, not_in_use, of_somebody_else])
def test_a_line_that_no_call_could_come_over_is_refused(ask: Ask, spoil: object) -> None:
    spoil(VoiceLine.objects.get())  # type: ignore[operator]

    with pytest.raises(errors.Invalid) as refused:
        ask()
    assert list(refused.value.fields) == ["line"]


@pytest.mark.parametrize("scheme", ["timestamp_method_url_body", "secret", "bearer"])
def test_it_is_proven_as_the_line_s_credential_says(ask: Ask, as_live: None, scheme: str) -> None:
    Credential.objects.update(schemes=[scheme])

    assert played(ask()).state == "PASSED"


def test_a_line_without_a_credential_of_its_own_is_opened_by_the_platform_s(
    ask: Ask, as_live: None, settings: Settings
) -> None:
    Credential.objects.all().delete()
    settings.VAPI_WEBHOOK_SECRETS = ["the platform's secret, long enough"]

    assert played(ask()).state == "PASSED"


def test_a_key_that_ends_meanwhile_is_told(ask: Ask) -> None:
    asked = ask()
    Credential.objects.update(revoked_at=timezone.now())

    view = played(asked)
    assert (view.state, view.told.title) == ("FAILED", "The line could not be opened.")
    assert view.call_id is None


def test_nothing_to_book_is_told(ask: Ask) -> None:
    AppointmentType.objects.update(mode="REQUEST")

    assert played(ask()).told.title == "There is nothing that the agent may book."


def test_a_kind_that_nobody_gives_is_told(ask: Ask) -> None:
    AppointmentType.objects.update(resources=[])

    assert played(ask()).told.title == "The agent takes this kind of appointment only as a request for now."


def test_no_time_to_offer_is_told(ask: Ask, practice: Account) -> None:
    WeeklyHours.objects.create(account=practice, hours={})
    Blockout.objects.create(
        account=practice, starts_at=timezone.now(), ends_at=timezone.now() + timedelta(days=200), label=""
    )

    assert played(ask()).told.title == "The line works, but it has no time to offer."


def test_a_system_that_cannot_be_reached_is_told(ask: Ask, sim: Sim) -> None:
    sim("POST", "fail", path="/v4/*", times=200, status=503)

    view = played(ask())
    assert (view.state, view.told.title) == ("FAILED", "Your system could not be reached.")
    assert tools(view) == ["checkAvailability"]
    assert Call.objects.get().ended_at is not None


def test_an_office_that_is_offline_gets_a_request_that_is_taken_back(ask: Ask, sim: Sim, practice: Account) -> None:
    practice.integrations.update(office_offline_at=timezone.now())
    sim("POST", "office", office_id="D10001", online=False)

    view = played(ask())
    task = Task.objects.get()
    assert view.state == "FAILED"
    assert view.told.title.startswith("Nothing could be booked directly")
    assert (task.kind, task.resolution) == ("booking_requested", "WITHDRAWN")


def test_a_stranger_s_test_call_is_not_found(ask: Ask) -> None:
    asked = ask()
    other = Account.objects.create(name="Birch Dental")

    assert rehearsal.find(account=asked.account, pk=asked.pk) == asked
    for pk in (asked.pk, "nonsense"):
        with pytest.raises(errors.WriteNotFound):
            rehearsal.find(account=other, pk=pk)
    assert rehearsal.latest(account=other) is None


def test_the_checklist_knows_whether_one_went_well(ask: Ask, practice: Account) -> None:
    assert not rehearsal.has_passed(account=practice)
    played(ask())
    assert rehearsal.has_passed(account=practice)
