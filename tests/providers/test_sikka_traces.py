"""Which of the listed write-backs asked for the same as ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pms.domain.records import AppointmentStatus
from pms.providers.sikka import entries, traces, writes
from pms.providers.sikka.writes import WriteRequest
from tests.providers.test_sikka_entries import CASH, NOTE, PAID, PAYER
from tests.providers.test_sikka_writes import CANCELLED, MOVED, NEW, NEW_YORK, PATIENT

BOOKING = writes.booking(NEW, "1-2", NEW_YORK)
MOVE = writes.move(MOVED, "1-2", NEW_YORK)
CANCEL = writes.status(CANCELLED, "Cancelled", "1-2")
NOTED = entries.note(NOTE, "PatNote", {"provider_id": "DT04"}, "1-2", "OpenDental")
PAYMENT = entries.payment(PAID, CASH, PAYER, "1-2")
CREATE = writes.patient(replace(PATIENT, first_name="José", last_name="O'Brien"), "1-2")

BOOKED = "request_key=***&patient_id=4100&date=2026-05-12&time=13:30&provider_id=DT04&operatory=OP 03&apiname=POST a"
MOVED_TEXT = (
    "request_key=***&practice_id=1-2&provider_id=DT04&date=2026-05-12&time=13:30&length=45&operatory=OP 03"
    "&apiname=PUT appointments&id=70670"
)
CANCELLED_TEXT = (
    "request_key=***&op=replace&path=/appointment_status&value=Cancelled&practice_id=1-2"
    "&apiname=PATCH appointments&id=70670"
)
CREATED = "request_key=***&firstname=José&lastname=O'Brien&provider_id=DT04&birthdate=1990-01-31&apiname=POST patients"

NOTED_TEXT = (
    "request_key=***&patient_id=4100&type=PatNote&date=2026-05-12&text=Prefers mornings call Jose first"
    "&provider_id=DT04&practice_id=1-2&apiname=POST medical_notes"
)
PAID_TEXT = (
    "request_key=***&patient_id=4100&guarantor_id=4099&procedure_code=2&procedure_description=Cash Payment"
    "&amount=-39.30&transaction_date=2026-05-12&note=Ref R-17&practice_id=1-2&apiname=POST transaction"
)


def listed(asked: str, request: WriteRequest = BOOKING, **changes: str) -> dict[str, str]:
    return {"id": "7", "method": request.method, "api_name": request.api, "api_request_body": asked} | changes


def is_found(asked: str, request: WriteRequest, **changes: str) -> bool:
    return traces.matching_ids([listed(asked, request, **changes)], request) == ["7"]


@pytest.mark.parametrize(
    ("asked", "request_"),
    [
        (BOOKED, BOOKING),
        (MOVED_TEXT, MOVE),
        (CANCELLED_TEXT, CANCEL),
        (CREATED, CREATE),
        (NOTED_TEXT, NOTED),
        (PAID_TEXT, PAYMENT),
    ],
    ids=["booking", "move", "cancellation", "patient", "note", "payment"],
)
def test_each_kind_is_found_as_the_documentation_lists_it(asked: str, request_: WriteRequest) -> None:
    assert is_found(asked, request_)
    assert is_found(asked, request_, api_name=f"{request_.api}s")
    assert is_found(asked, request_, method="", api_name="")


@pytest.mark.parametrize(
    ("asked", "request_"),
    [
        (BOOKED.replace("13:30", "13%3A30").replace("OP 03", "OP%2003"), BOOKING),
        (BOOKED.replace("13:30", "13:30:00").replace("OP 03", "OP+03"), BOOKING),
        (
            '{"patient_id": 4100, "date": "2026-05-12", "time": "13:30", "provider_id": "DT04", "operatory": "OP 03"}',
            BOOKING,
        ),
        (MOVED_TEXT.replace("2026-05-12", "2026-05-12T00:00:00"), MOVE),
        (CANCELLED_TEXT.replace("/appointment_status", "%2Fappointment_status"), CANCEL),
        (CANCELLED_TEXT.replace("&id=", "&appointment_sr_no="), CANCEL),
        (CREATED.replace("José", "Jos%C3%A9").replace("'", "%27"), CREATE),
        (NOTED_TEXT.replace(" ", "+"), NOTED),
        (NOTED_TEXT.replace("PatNote", "Patient Note").replace("2026-05-12", "2026-05-12T00:00:00"), NOTED),
        (PAID_TEXT.replace("-39.30", "-39.3000").replace(" ", "%20"), PAYMENT),
    ],
)
def test_the_same_write_is_found_in_any_spelling(asked: str, request_: WriteRequest) -> None:
    assert is_found(asked, request_)


@pytest.mark.parametrize(
    ("asked", "request_"),
    [
        (BOOKED.replace("4100", "4101"), BOOKING),
        (BOOKED.replace("13:30", "13:45"), BOOKING),
        (BOOKED.replace("05-12", "05-13"), BOOKING),
        (BOOKED.replace("DT04", "DT05"), BOOKING),
        (BOOKED.replace("OP 03", "OP 04"), BOOKING),
        ("", BOOKING),
        ("{broken", BOOKING),
        ("[]", BOOKING),
        (MOVED_TEXT.replace("70670", "70671"), MOVE),
        (MOVED_TEXT.replace("&id=70670", ""), MOVE),
        (MOVED_TEXT.replace("13:30", "13:45"), MOVE),
        (MOVED_TEXT.replace("length=45", "length=60"), MOVE),
        (MOVED_TEXT.replace("OP 03", "OP 04"), MOVE),
        (CANCELLED_TEXT.replace("70670", "70671"), CANCEL),
        (CANCELLED_TEXT.replace("Cancelled", "Confirmed"), CANCEL),
        (CANCELLED_TEXT.replace("Cancelled", "Cancelled late"), CANCEL),
        (NOTED_TEXT.replace("4100", "4101"), NOTED),
        (NOTED_TEXT.replace("first", "first thing"), NOTED),
        (NOTED_TEXT.replace("05-12", "05-13"), NOTED),
        (PAID_TEXT.replace("-39.30", "39.30"), PAYMENT),
        (PAID_TEXT.replace("-39.30", "-39.31"), PAYMENT),
        (PAID_TEXT.replace("-39.30", ""), PAYMENT),
        (PAID_TEXT.replace("code=2", "code=3"), PAYMENT),
        (PAID_TEXT.replace("R-17", "R-18"), PAYMENT),
        (PAID_TEXT.replace("4100", "4101"), PAYMENT),
        (PAID_TEXT.replace("05-12", "05-13"), PAYMENT),
        (CREATED.replace("1990", "1991"), CREATE),
        (CREATED.replace("José", "Joseph"), CREATE),
        (CREATED.replace("O'Brien", "O'Brian"), CREATE),
    ],
)
def test_anything_else_is_not_ours(asked: str, request_: WriteRequest) -> None:
    assert not is_found(asked, request_)


@pytest.mark.parametrize("changes", [{"method": "PATCH"}, {"api_name": "patient"}, {"id": ""}])
def test_other_kinds_of_write_are_not_ours(changes: dict[str, str]) -> None:
    assert not is_found(BOOKED, BOOKING, **changes)


def test_a_confirmation_is_not_a_cancellation_of_the_same_appointment() -> None:
    confirmed = replace(CANCELLED, status=AppointmentStatus.CONFIRMED)

    assert not is_found(CANCELLED_TEXT, writes.status(confirmed, "Appointment Confirmed", "1-2"))


def test_a_twin_with_another_birthday_is_somebody_else() -> None:
    twin = writes.patient(replace(PATIENT, first_name="José", last_name="O'Brien", date_of_birth=date(1990, 2, 1)), "1")

    assert not is_found(CREATED, twin)


@pytest.mark.parametrize("room", ["Ops & Co", "A=B", "50% room", "1+1"])
def test_a_room_with_odd_letters_is_found(room: str) -> None:
    """Missing it would report a booked appointment as never made."""
    there = writes.booking(replace(NEW, operatory_id=room), "1-2", NEW_YORK)

    assert is_found(BOOKED.replace("OP 03", room), there)
    assert not is_found(BOOKED.replace("OP 03", room), BOOKING)


def test_a_move_without_a_room_is_found_whatever_room_is_listed() -> None:
    assert is_found(MOVED_TEXT, writes.move(replace(MOVED, operatory_id=""), "1-2", NEW_YORK))


def test_the_newest_comes_first() -> None:
    rows = [listed(BOOKED, id=number) for number in ("9", "11", "10")]

    assert traces.matching_ids(rows, BOOKING) == ["11", "10", "9"]
