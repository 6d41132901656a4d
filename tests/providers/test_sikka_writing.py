"""Write-backs against the sandbox: what reaches the practice's own system, and what is said of it until then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pms.domain import errors
from pms.domain.records import (
    AppointmentStatus,
    Change,
    MovedAppointment,
    NewAppointment,
    NewInsurance,
    NewNote,
    NewPatient,
    NewPayment,
    PatientUpdate,
    PaymentMethod,
    StatusChange,
)
from pms.providers.base import Done, Failed, Pending, PmsService, WriteOutcome
from pms.providers.read_back import Shown, compare, find_record
from pms.providers.sikka.envelope import Row
from tests.providers.fakes import LONG_AGO
from tests.providers.office import (
    ALDER,
    BIRCH,
    DAY,
    START,
    Build,
    Command,
    asked_paths,
    at,
    booked,
    copied_since,
    follow,
    free_time,
    in_the_pms,
    last_request,
    people_in_the_pms,
)

NINA = NewPatient("Nína", "Marchbanks-O'Dell", date(1992, 6, 3), "DR1", phone="+12125550188", email="nina@example.test")
NOTE = NewNote("1001", "Prefers mornings; call first!", START.date())
PAID = NewPayment("1001", Decimal("36.30"), PaymentMethod.CREDIT_CARD, START.date(), "R-17", "Copay", "4242")
KINDS = ("booking", "move", "cancellation", "confirmation", "patient")
ENTRIES: dict[str, NewNote | NewPayment] = {"note": NOTE, "payment": PAID}
ALL_KINDS = (*KINDS, *ENTRIES)


def moved(number: str, **changes: Any) -> MovedAppointment:
    """The free appointment at half past twelve instead of twelve."""
    return replace(MovedAppointment(number, "1001", "DR1", "Op 3", at(12, 30), 30), **changes)


def status(number: str, to: AppointmentStatus) -> StatusChange:
    return StatusChange(number, "1001", at(12), to)


def change_of(kind: str, service: PmsService) -> Change:
    """A change of this kind that the PMS can make; what it needs is made first."""
    free = free_time(service)
    if kind in ENTRIES:
        return ENTRIES[kind]
    if kind in ("booking", "patient"):
        return free if kind == "booking" else NINA
    number = booked(service)
    if kind == "move":
        return moved(number)
    return status(number, AppointmentStatus.CANCELLED if kind == "cancellation" else AppointmentStatus.CONFIRMED)


def send(service: PmsService, change: Change) -> Done | Pending:
    match change:
        case NewAppointment():
            return service.book_appointment(change)
        case MovedAppointment():
            return service.move_appointment(change)
        case StatusChange():
            return service.change_status(change)
        case NewPatient():
            return service.create_patient(change)
        case NewNote():
            return service.add_note(change)
        case NewPayment():
            return service.post_payment(change)
        case PatientUpdate():
            return service.update_patient(change)
        case NewInsurance():
            return service.add_insurance(change)


def sent(service: PmsService, change: Change) -> str:
    written = send(service, change)
    assert isinstance(written, Pending)
    return written.reference


def in_the_office(sim: Command, what: str) -> list[Row]:
    """Return the notes or transactions as the practice's own system has them."""
    rows: list[Row] = sim("GET", "truth", office_id=ALDER)[what]
    return rows


def write_backs(sim: Command) -> list[Row]:
    rows: list[Row] = sim("GET", "writebacks")["writebacks"]
    return rows


class TestBooking:
    def test_the_appointment_is_as_it_was_asked_for(self, build: Build, sim: Command) -> None:
        service = build()

        number = booked(service)

        row = in_the_pms(sim, number)
        assert (row["date"], row["time"], row["length"]) == (f"{DAY}T00:00:00", "12:00", "30")
        assert (row["provider_id"], row["operatory"], row["type"]) == ("DR1", "Op 3", "Emergency")
        assert row["description"] == "Toothache since Monday"
        assert number in {one.id for one in service.list_appointments(DAY, DAY)}

    def test_it_goes_out_with_the_offices_key_alone(self, build: Build, sim: Command) -> None:
        service = build()

        service.book_appointment(free_time(service))

        request = last_request(sim, "POST")
        assert request["path"] == "/v4/appointment"
        assert request["body"]["check_spu"] == "true"
        assert "request-key" in request["headers"]
        assert not {"app-id", "app-key"} & set(request["headers"])

    def test_done_without_an_id_is_done_without_an_id(self, build: Build, sim: Command) -> None:
        sim("POST", "config", tell_created_id=False)
        service = build()

        assert follow(service, service.book_appointment(free_time(service))) == Done("")

    def test_taken_time_is_a_conflict(self, build: Build, sim: Command) -> None:
        service = build()
        new = free_time(service)
        sim("POST", "steal", office_id=ALDER, provider_id="DR1", operatory="Op 3", date=str(DAY), time="12:00")

        outcome = follow(service, service.book_appointment(new))

        assert outcome == Failed("already_scheduled", conflict=True)


class TestMoving:
    def test_the_same_appointment_is_at_the_new_time(self, build: Build, sim: Command) -> None:
        service = build()
        number = booked(service)

        done = follow(service, service.move_appointment(moved(number, duration_minutes=20)))

        row = in_the_pms(sim, number)
        assert done == Done(number)
        assert (row["date"], row["time"], row["length"]) == (f"{DAY}T00:00:00", "12:30", "20")
        assert service.get_appointment(number).starts_at == at(12, 30)

    def test_somebody_else_may_see_the_patient_in_another_room(self, build: Build, sim: Command) -> None:
        service = build()
        number = booked(service)
        change = moved(number, clinician_id="DR2", operatory_id="Op 2", starts_at=at(12, 0))

        done = follow(service, service.move_appointment(change))

        row = in_the_pms(sim, number)
        assert done == Done(number)
        assert (row["provider_id"], row["operatory"]) == ("DR2", "Op 2")

    def test_a_time_that_is_taken_leaves_it_where_it_was(self, build: Build, sim: Command) -> None:
        service = build()
        number = booked(service)
        sim("POST", "steal", office_id=ALDER, provider_id="DR1", operatory="Op 3", date=str(DAY), time="12:30")

        outcome = follow(service, service.move_appointment(moved(number)))

        assert outcome == Failed("already_scheduled", conflict=True)
        assert in_the_pms(sim, number)["time"] == "12:00"

    def test_an_appointment_that_is_not_there_is_not_moved(self, build: Build, sim: Command) -> None:
        service = build()

        outcome = follow(service, service.move_appointment(moved("1")))

        assert outcome == Failed("refused_by_pms")


class TestStatus:
    def test_cancelling_writes_the_practices_own_word(self, build: Build, sim: Command) -> None:
        service = build()
        number = booked(service)

        done = follow(service, service.change_status(status(number, AppointmentStatus.CANCELLED)))

        assert done == Done(number)
        assert last_request(sim, "PATCH")["body"]["value"] == "Cancelled"
        assert in_the_pms(sim, number)["status"] == "Cancelled"
        assert service.get_appointment(number).status is AppointmentStatus.CANCELLED

    def test_confirming_writes_the_practices_own_word(self, build: Build, sim: Command) -> None:
        service = build()
        number = booked(service)

        done = follow(service, service.change_status(status(number, AppointmentStatus.CONFIRMED)))

        row = in_the_pms(sim, number)
        assert done == Done(number)
        assert last_request(sim, "PATCH")["body"]["value"] == "Appointment Confirmed"
        assert (row["status"], row["is_confirmed"]) == ("Scheduled", "True")
        assert service.get_appointment(number).status is AppointmentStatus.CONFIRMED

    @pytest.mark.parametrize(
        "to", [AppointmentStatus.SCHEDULED, AppointmentStatus.COMPLETED, AppointmentStatus.NO_SHOW]
    )
    def test_no_other_status_can_be_asked_for(self, build: Build, sim: Command, to: AppointmentStatus) -> None:
        service = build()
        sim("DELETE", "requests")

        with pytest.raises(errors.NotSupported):
            service.change_status(status("70670", to))

        assert asked_paths(sim) == []


class TestNewPatient:
    def test_the_record_holds_what_was_said(self, build: Build, sim: Command) -> None:
        service = build()

        done = follow(service, service.create_patient(replace(NINA, street="3 Wren Court #4", city="Yonkers")))

        [row] = people_in_the_pms(sim, "Marchbanks-O'Dell")
        assert done == Done(row["patient_id"])
        assert (row["firstname"], row["birthdate"][:10], row["cell"]) == ("Nína", "1992-06-03", "2125550188")
        assert (row["email"], row["address_line1"], row["city"]) == ("nina@example.test", "3 Wren Court #4", "Yonkers")
        assert (row["provider_id"], row["practice_id"], row["guarantor_id"]) == ("DR1", "1", row["patient_id"])

    def test_a_child_is_filed_under_its_guarantor(self, build: Build, sim: Command) -> None:
        service = build()

        follow(service, service.create_patient(replace(NINA, guarantor_id="1001")))

        [row] = people_in_the_pms(sim, "Marchbanks-O'Dell")
        assert row["guarantor_id"] == "1001"

    def test_what_the_vendor_refuses_is_rejected(self, build: Build, sim: Command) -> None:
        with pytest.raises(errors.WriteRejected):
            build().create_patient(replace(NINA, email="nobody"))

        assert write_backs(sim) == []


class TestNote:
    def test_it_is_in_the_record_as_it_was_said_it_would_be(self, build: Build, sim: Command) -> None:
        service = build()

        done = follow(service, service.add_note(NOTE))

        (row,) = [row for row in in_the_office(sim, "notes") if row["text"] == service.note_as_written(NOTE.text)]
        assert done == Done("")
        assert row["text"] == "Prefers mornings call first"
        assert (row["type"], row["provider_id"], row["date"]) == ("PatNote", "DR1", "2026-05-11T00:00:00")

    def test_the_practice_may_have_set_another_kind(self, build: Build, sim: Command) -> None:
        service = build(noteType="clinical note")

        follow(service, service.add_note(NOTE))

        assert in_the_office(sim, "notes")[-1]["type"] == "Clinical Note"

    def test_a_kind_that_is_not_there_is_refused_before_the_write(self, build: Build, sim: Command) -> None:
        with pytest.raises(errors.NotSupported):
            build(noteType="Journal").add_note(NOTE)

        assert write_backs(sim) == []

    def test_a_text_that_cannot_be_written_is_refused_before_the_write(self, build: Build, sim: Command) -> None:
        with pytest.raises(errors.WriteRejected):
            build().add_note(replace(NOTE, text="!?"))

        assert write_backs(sim) == []

    def test_two_equal_notes_are_each_found_once(self, build: Build, sim: Command) -> None:
        service = build()
        for _ in range(2):
            follow(service, service.add_note(NOTE))
        copied_since(sim)

        first = find_record(build(), NOTE)
        second = find_record(build(), NOTE, frozenset({first or ""}))

        assert first
        assert second
        assert first != second
        assert find_record(build(), NOTE, frozenset({first, second})) is None

    def test_a_note_of_an_earlier_day_is_another(self, build: Build, sim: Command) -> None:
        service = build()
        follow(service, service.add_note(replace(NOTE, written_on=NOTE.written_on - timedelta(days=3))))
        copied_since(sim)

        assert find_record(build(), NOTE) is None


class TestPayment:
    def test_it_is_a_credit_of_the_patients_account(self, build: Build, sim: Command) -> None:
        service = build()

        done = follow(service, service.post_payment(PAID))

        row = in_the_office(sim, "transactions")[-1]
        assert done == Done(row["transaction_sr_no"])
        assert (row["amount"], row["procedure_code"], row["transaction_type"]) == ("-36.3000", "3", "Payment")
        assert (row["guarantor_id"], row["transaction_date"]) == ("1001", "2026-05-11T00:00:00")
        assert row["note"] == "Ref R-17 card ending 4242 Copay"

    def test_reads_show_it_as_the_last_payment(self, build: Build, sim: Command) -> None:
        service = build()
        done = follow(service, service.post_payment(PAID))
        copied_since(sim)

        balance = build().get_balance("1001")

        assert isinstance(done, Done)
        assert balance.patient == Decimal("0.00")
        assert balance.last_payment is not None
        assert (balance.last_payment.id, balance.last_payment.amount) == (done.record_id, PAID.amount)
        assert build().find_payment(PAID) == done.record_id

    def test_the_childs_payment_is_filed_under_the_guarantor(self, build: Build, sim: Command) -> None:
        service = build()

        follow(service, service.post_payment(replace(PAID, patient_id="1002")))

        row = in_the_office(sim, "transactions")[-1]
        assert (row["patient_id"], row["guarantor_id"]) == ("1002", "1001")

    @pytest.mark.parametrize("method", [PaymentMethod.DEBIT_CARD, PaymentMethod.OTHER])
    def test_a_way_of_paying_that_is_not_there_is_refused_before_the_write(
        self, build: Build, sim: Command, method: PaymentMethod
    ) -> None:
        with pytest.raises(errors.NotSupported):
            build().post_payment(replace(PAID, method=method))

        assert write_backs(sim) == []

    def test_nobody_pays_nothing(self, build: Build, sim: Command) -> None:
        with pytest.raises(errors.PatientNotFound):
            build().post_payment(replace(PAID, patient_id="999999"))

        assert write_backs(sim) == []

    def test_two_equal_payments_are_two(self, build: Build, sim: Command) -> None:
        service = build()
        first, second = (follow(service, service.post_payment(PAID)) for _ in range(2))
        assert isinstance(first, Done)
        assert isinstance(second, Done)
        copied_since(sim)

        others = frozenset({first.record_id})

        assert build().find_payment(PAID, others=others) == second.record_id
        assert build().find_payment(PAID, others=others | {second.record_id}) is None


@pytest.mark.parametrize("change", [PatientUpdate("1001", phone="+12125550188"), NewInsurance("1001", "Oxbow", "O-1")])
def test_what_no_system_takes_is_refused_before_any_call(build: Build, sim: Command, change: Change) -> None:
    service = build()
    sim("DELETE", "requests")

    with pytest.raises(errors.NotSupported):
        send(service, change)

    assert asked_paths(sim) == []


@pytest.mark.parametrize("kind", ALL_KINDS)
class TestEveryKind:
    def test_an_offline_office_takes_nothing(self, build: Build, sim: Command, kind: str) -> None:
        service = build()
        change = change_of(kind, service)
        before = len(write_backs(sim))
        sim("POST", "office", office_id=ALDER, online=False)

        with pytest.raises(errors.OfficeOffline):
            send(service, change)

        assert len(write_backs(sim)) == before

    @pytest.mark.parametrize("fault", [{"error_code": "API2001"}, {"kind": "html", "status": 502}, {"kind": "drop"}])
    def test_a_server_error_is_unknown_and_never_sent_twice(
        self, build: Build, sim: Command, kind: str, fault: dict[str, object]
    ) -> None:
        service = build()
        change = change_of(kind, service)
        for method in ("POST", "PUT", "PATCH"):
            sim("POST", "fail", method=method, **fault)
        sim("DELETE", "requests")

        with pytest.raises(errors.OutcomeUnknown):
            send(service, change)

        writes = [path for path in asked_paths(sim) if not path.startswith("GET")]
        copied_since(sim)
        assert len(writes) == 1
        assert build().find_write(change, sent_at=START) is None

    def test_a_refusal_by_the_office_is_a_failure(self, build: Build, sim: Command, kind: str) -> None:
        service = build()
        change = change_of(kind, service)
        sim("POST", "fail_write", result="Provider does not exist")

        assert follow(service, send(service, change)) == Failed("refused_by_pms")

    def test_a_refusal_at_once_is_rejected(self, build: Build, sim: Command, kind: str) -> None:
        service = build()
        change = change_of(kind, service)
        before = len(write_backs(sim))
        for method in ("POST", "PUT", "PATCH"):
            sim("POST", "fail", method=method, error_code="API1026")

        with pytest.raises(errors.WriteRejected):
            send(service, change)

        assert len(write_backs(sim)) == before


class TestFollowing:
    def test_an_unknown_reference_is_pending(self, build: Build) -> None:
        assert build().follow_write("1") == Pending("1")

    def test_a_reference_of_another_office_tells_nothing(self, build: Build) -> None:
        service = build()

        written = service.book_appointment(free_time(service))

        assert follow(build(BIRCH), written) == written

    def test_what_was_sent_is_followed_although_nothing_more_may_be(self, build: Build) -> None:
        service = build()
        written = service.book_appointment(free_time(service))

        assert isinstance(follow(build(capabilities=["read_appointments"]), written), Done)


class TestWithdrawing:
    @pytest.mark.parametrize("kind", ALL_KINDS)
    def test_a_pending_write_is_never_made(self, build: Build, sim: Command, kind: str) -> None:
        service = build()
        change = change_of(kind, service)
        before = sim("GET", "truth", office_id=ALDER)
        sim("POST", "config", writeback_delay=60)
        reference = sent(service, change)

        withdrawn = service.withdraw_write(reference, sent_at=LONG_AGO)

        copied_since(sim)
        assert withdrawn
        assert sim("GET", "truth", office_id=ALDER) == before

    def test_withdrawing_again_is_true_again(self, build: Build, sim: Command) -> None:
        sim("POST", "config", writeback_delay=60)
        service = build()
        reference = sent(service, free_time(service))

        assert service.withdraw_write(reference, sent_at=LONG_AGO)
        assert build().withdraw_write(reference, sent_at=LONG_AGO)

    def test_one_that_is_listed_nowhere_may_only_be_too_new(self, build: Build, sim: Command) -> None:
        with pytest.raises(errors.PmsUnavailable):
            build().withdraw_write("999999", sent_at=datetime.now(UTC))

        assert build().withdraw_write("999999", sent_at=LONG_AGO)

    def test_a_write_that_is_done_stays(self, build: Build, sim: Command) -> None:
        service = build()
        reference = sent(service, free_time(service))

        assert not service.withdraw_write(reference, sent_at=LONG_AGO)
        assert isinstance(service.follow_write(reference), Done)

    def test_a_write_that_failed_is_not_withdrawn(self, build: Build, sim: Command) -> None:
        sim("POST", "fail_write")
        service = build()

        assert not service.withdraw_write(sent(service, free_time(service)), sent_at=LONG_AGO)

    def test_a_write_that_is_carried_out_meanwhile_stays(self, build: Build, sim: Command) -> None:
        sim("POST", "config", writeback_delay=0.3)
        service = build()
        reference = sent(service, free_time(service))
        sim("POST", "config", latency=0.4, latency_path="/v4/writebacks")

        assert not service.withdraw_write(reference, sent_at=LONG_AGO)
        assert isinstance(service.follow_write(reference), Done)

    def test_a_refusal_while_it_is_pending_tells_nothing(self, build: Build, sim: Command) -> None:
        sim("POST", "config", writeback_delay=60)
        service = build()
        reference = sent(service, free_time(service))
        sim("POST", "fail", method="DELETE", error_code="API1026")

        with pytest.raises(errors.PmsUnavailable):
            service.withdraw_write(reference, sent_at=LONG_AGO)

        assert service.withdraw_write(reference, sent_at=LONG_AGO)

    @pytest.mark.parametrize("fault", [{"error_code": "API2001"}, {"kind": "drop"}, {"error_code": "API2004"}])
    def test_an_answer_that_tells_nothing_leaves_it_open(
        self, build: Build, sim: Command, fault: dict[str, str]
    ) -> None:
        sim("POST", "config", writeback_delay=60)
        service = build()
        reference = sent(service, free_time(service))
        sim("POST", "fail", method="DELETE", **fault)

        with pytest.raises(errors.PmsUnavailable):
            service.withdraw_write(reference, sent_at=LONG_AGO)

        assert service.withdraw_write(reference, sent_at=LONG_AGO)

    def test_a_lost_answer_is_cleared_up_by_asking_again(self, build: Build, sim: Command) -> None:
        sim("POST", "config", writeback_delay=60)
        service = build()
        reference = sent(service, free_time(service))
        sim("POST", "lose_answer", method="DELETE", path="/v4/writebacks")

        with pytest.raises(errors.PmsUnavailable):
            service.withdraw_write(reference, sent_at=LONG_AGO)

        assert service.withdraw_write(reference, sent_at=LONG_AGO)
        assert write_backs(sim) == []

    @pytest.mark.parametrize("path", ["/v4/writeback_status", "/v4/writebacks"])
    def test_nothing_is_certain_while_a_list_cannot_be_asked(self, build: Build, sim: Command, path: str) -> None:
        sim("POST", "config", writeback_delay=60)
        service = build()
        reference = sent(service, free_time(service))
        assert service.withdraw_write(reference, sent_at=LONG_AGO)
        sim("POST", "fail", path=path, method="GET", error_code="API2004")

        with pytest.raises(errors.PmsUnavailable):
            service.withdraw_write(reference, sent_at=LONG_AGO)


class TestFinding:
    """The answer was lost: the change may or may not have been made."""

    def lose(self, service: PmsService, sim: Command, kind: str) -> Change:
        change = change_of(kind, service)
        sim("POST", "lose_answer")
        with pytest.raises(errors.OutcomeUnknown):
            send(service, change)
        return change

    @pytest.mark.parametrize("kind", KINDS)
    def test_it_is_found_among_the_write_backs(self, build: Build, sim: Command, kind: str) -> None:
        service = build()
        change = change_of(kind, service)
        sim("POST", "config", writeback_delay=60)
        sim("POST", "lose_answer")
        with pytest.raises(errors.OutcomeUnknown):
            send(service, change)

        pending = build().find_write(change, sent_at=START)
        sim("POST", "clock", advance_seconds=61)
        done = build().find_write(change, sent_at=START)

        newest = write_backs(sim)[-1]
        assert pending == Pending(newest["id"])
        assert done == Done(newest["appointment_sr_no"] or newest["created_id"])
        assert done not in (Done(""), Done(newest["id"]))

    @pytest.mark.parametrize("kind", ENTRIES)
    def test_an_entry_is_found_among_the_write_backs(self, build: Build, sim: Command, kind: str) -> None:
        sim("POST", "config", writeback_delay=60)
        change = self.lose(build(), sim, kind)

        pending = build().find_write(change, sent_at=START)
        sim("POST", "clock", advance_seconds=61)
        done = build().find_write(change, sent_at=START)

        newest = write_backs(sim)[-1]
        assert pending == Pending(newest["id"])
        assert done == Done(newest["created_id"])

    @pytest.mark.parametrize("kind", ENTRIES)
    def test_an_entry_is_found_by_reading_back(self, build: Build, sim: Command, kind: str) -> None:
        service = build()
        reference = sent(service, ENTRIES[kind])
        copied_since(sim)

        found = build().find_write(ENTRIES[kind], sent_at=START, others=frozenset({reference}))

        assert isinstance(found, Done)
        assert compare(build(), ENTRIES[kind], record_id=found.record_id, done_at=START) is Shown.EQUAL
        others = frozenset({reference, found.record_id})
        assert build().find_write(ENTRIES[kind], sent_at=START, others=others) is None

    @pytest.mark.parametrize(
        ("kind", "paths"),
        [("note", ("note_types", "medical_notes")), ("payment", ("payment_types", "patients", "transactions"))],
    )
    def test_an_entry_is_not_certain_while_a_list_cannot_be_asked(
        self, build: Build, sim: Command, kind: str, paths: tuple[str, ...]
    ) -> None:
        copied_since(sim)

        for path in paths:
            sim("POST", "fail", path=f"/v4/{path}", error_code="API2001", times=1)
            with pytest.raises(errors.PmsUnavailable):
                build(seconds=0.5).find_write(ENTRIES[kind], sent_at=START)

    @pytest.mark.parametrize("kind", ALL_KINDS)
    def test_it_is_found_as_failed(self, build: Build, sim: Command, kind: str) -> None:
        service = build()
        change = change_of(kind, service)
        sim("POST", "fail_write", result="Provider does not exist")
        sim("POST", "lose_answer")
        with pytest.raises(errors.OutcomeUnknown):
            send(service, change)

        assert build().find_write(change, sent_at=START) == Failed("refused_by_pms")

    @pytest.mark.parametrize("kind", ALL_KINDS)
    def test_a_change_that_never_went_out_left_no_trace(self, build: Build, sim: Command, kind: str) -> None:
        change = change_of(kind, build())

        copied_since(sim)

        assert build().find_write(change, sent_at=START) is None

    @pytest.mark.parametrize("kind", ALL_KINDS)
    def test_absence_from_a_copy_that_is_older_proves_nothing(self, build: Build, sim: Command, kind: str) -> None:
        change = change_of(kind, build())

        with pytest.raises(errors.PmsUnavailable):
            build().find_write(change, sent_at=START)

    @pytest.mark.parametrize("kind", ALL_KINDS)
    def test_absence_from_a_copy_that_is_being_replaced_proves_nothing(
        self, build: Build, sim: Command, kind: str
    ) -> None:
        change = change_of(kind, build())
        copied_since(sim)
        sim("POST", "config", data_insert="in progress")

        with pytest.raises(errors.PmsUnavailable):
            build().find_write(change, sent_at=START)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("path", ["/v4/writebacks", "/v4/writeback_status", "/v4/appointments", "/v4/patients"])
    @pytest.mark.parametrize("code", ["API2004", "API2001", "API1026"])
    def test_nothing_is_certain_while_a_list_cannot_be_asked(
        self, build: Build, sim: Command, kind: str, path: str, code: str
    ) -> None:
        lost = path == "/v4/writeback_status"
        change = self.lose(build(), sim, kind) if lost else change_of(kind, build())
        copied_since(sim)
        needed = path not in ("/v4/appointments", "/v4/patients") or (path == "/v4/patients") == (kind == "patient")
        sim("POST", "fail", path=path, error_code=code, times=9)

        if needed:
            with pytest.raises(errors.PmsUnavailable):
                build().find_write(change, sent_at=START)
        else:
            assert build().find_write(change, sent_at=START) is None

    def test_write_backs_of_another_office_are_not_ours(self, build: Build, sim: Command) -> None:
        change = self.lose(build(), sim, "booking")

        copied_since(sim)

        assert build(BIRCH).find_write(change, sent_at=START) is None

    @pytest.mark.parametrize("kind", ["booking", "patient"])
    def test_what_belongs_to_another_write_of_ours_is_not_found_again(
        self, build: Build, sim: Command, kind: str
    ) -> None:
        service = build()
        change = change_of(kind, service)
        reference = sent(service, change)
        done = service.follow_write(reference)
        assert isinstance(done, Done)
        copied_since(sim)

        found = build().find_write(change, sent_at=START)
        again = build().find_write(change, sent_at=START, others=frozenset({reference, done.record_id}))

        assert (found, again) == (done, None)

    @pytest.mark.parametrize("kind", ["booking", "patient"])
    def test_a_record_of_another_write_is_not_found_by_its_listing(self, build: Build, sim: Command, kind: str) -> None:
        service = build()
        change = change_of(kind, service)
        done = service.follow_write(sent(service, change))
        assert isinstance(done, Done)
        copied_since(sim)

        assert build().find_write(change, sent_at=START, others=frozenset({done.record_id})) is None

    def test_a_change_is_found_although_its_appointment_was_another_writes(self, build: Build, sim: Command) -> None:
        """Whoever booked it, the record of a change is the appointment's."""
        change = self.lose(build(), sim, "move")
        assert isinstance(change, MovedAppointment)

        found = build().find_write(change, sent_at=START, others=frozenset({change.appointment_id}))

        assert found == Done(change.appointment_id)

    def test_an_older_success_counts_more_than_the_newest_failure(self, build: Build, sim: Command) -> None:
        """The same booking went out twice: the second was refused because the first is there."""
        service = build()
        new = free_time(service)
        first = follow(service, service.book_appointment(new))
        sim("POST", "lose_answer")
        with pytest.raises(errors.OutcomeUnknown):
            service.book_appointment(new)

        assert build().find_write(new, sent_at=START) == first

    def test_a_booking_is_found_by_reading_back(self, build: Build, sim: Command) -> None:
        new = free_time(build())
        made = sim(
            "POST",
            "steal",
            office_id=ALDER,
            provider_id="DR1",
            operatory="Op 3",
            date=str(DAY),
            time="12:00",
            patient_id="1001",
            cloud=True,
        )
        copied_since(sim)

        def found(**changes: Any) -> WriteOutcome | None:
            return build().find_write(replace(new, **changes), sent_at=START)

        assert found() == Done(made["appointment_sr_no"])
        assert found(patient_id="1003") is None
        assert found(operatory_id="Op 2") is None

    @pytest.mark.parametrize("kind", ["move", "cancellation", "confirmation"])
    def test_a_change_is_found_by_reading_back(self, build: Build, sim: Command, kind: str) -> None:
        """Made by the desk, or listed no longer: what counts is how the appointment stands."""
        service = build()
        change = change_of(kind, service)
        assert isinstance(change, MovedAppointment | StatusChange)
        reference = sent(service, change)
        copied_since(sim)

        found = build().find_write(change, sent_at=START, others=frozenset({reference}))

        assert found == Done(change.appointment_id)

    def test_a_patient_is_found_by_reading_back(self, build: Build, sim: Command) -> None:
        service = build()
        reference = sent(service, NINA)
        done = service.follow_write(reference)
        copied_since(sim)

        found = build().find_write(NINA, sent_at=START, others=frozenset({reference}))

        assert found == done
        twin = replace(NINA, date_of_birth=date(1992, 6, 4))
        assert build().find_write(twin, sent_at=START) is None

    def test_a_patient_is_found_behind_more_namesakes_than_a_search_gives(self, build: Build, sim: Command) -> None:
        """Neither birthday nor number can be asked for here, and the search ends after fifty of the name."""
        service = build()
        for number in range(52):
            follow(
                service, service.create_patient(NewPatient(f"{number}th", "Marchbanks-O'Dell", date(1960, 1, 1), "DR1"))
            )
        reference = sent(service, replace(NINA, phone=""))
        done = service.follow_write(reference)
        copied_since(sim)
        sim("POST", "fail", path="/v4/patients", error_code="API1026", skip=1)

        found = build().find_write(replace(NINA, phone=""), sent_at=START, others=frozenset({reference}))

        assert found == done

    def test_no_telling_which_of_two_records_is_ours_is_not_absence(self, build: Build, sim: Command) -> None:
        service = build()
        references = frozenset(sent(service, NINA) for _ in range(2))
        copied_since(sim)

        with pytest.raises(errors.PmsUnavailable):
            build().find_write(NINA, sent_at=START, others=references)
