"""The contract as a table: a row for each use of a tool, and what is answered and left in each case on each face.

A cell says the status, the error's code, the audit rows, the tasks, and what changes in the practice's own system. A
cell that does not apply says why. ``test_cells.py`` runs them all, and fails for a tool or an address without a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tests.contract.shapes import (
    DAY,
    EMPTY,
    FLAG,
    ID,
    INSTANT,
    MONEY,
    NULL,
    PHONE,
    TEXT,
    TEXT_OR_EMPTY,
    TRUE,
    UUID,
    Shape,
    exactly,
    maybe,
)
from tests.contract.stage import BIRCHS_PATIENT, Arguments, Face, Stage
from tests.journeys.tenants import DESMOND
from tests.talking import CORA, MILO, quiet_day

SERVER, CALL, HOOK = Face
PMS = "/api/pms"


class Case(StrEnum):
    """What may be the matter."""

    HAPPY = "all is well"
    INVALID = "an argument is not valid"
    UNKNOWN = "an id that nobody has"
    FOREIGN = "an id of another practice"
    MISPLACED = "another practice's credential"
    UNSUPPORTED = "the connection cannot do it"
    DOWN = "the practice's system is down"
    LIMITED = "the practice has asked too often"
    UNVERIFIED = "nobody is verified"
    NO_CALL = "there is no call"
    PAUSED = "the practice has paused"
    SWITCHED_OFF = "the practice has switched it off"
    UNSCOPED = "the credential's scope is missing"
    NO_BAA = "the agreement is not accepted"
    NOT_CONNECTED = "the practice is not connected"


@dataclass(frozen=True)
class Cell:
    """What is answered, and what is left: by the webhook the status is 200 and the code the use's outcome."""

    status: int
    code: str = "ok"
    audit: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    asks: bool = False  # whether the practice's system may be asked anything


@dataclass(frozen=True)
class Never:
    """A cell that does not apply, and why."""

    why: str


Cells = Mapping[Case | tuple[Case, Face], Cell | Never]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One use of a tool. ``asks`` makes its arguments for a face; ``shape`` is REST's answer, by face if they differ.

    ``wrong``, ``unknown`` and ``foreign`` replace some of the arguments. ``cells`` overrides what ``expected`` derives.
    """

    tool: str
    asks: Callable[[Stage, Face], Arguments]
    happy: Cell
    method: str = ""
    address: str = ""
    faces: tuple[Face, ...] = (SERVER, CALL, HOOK)
    shape: Shape | Mapping[Face, Shape] = None
    wrong: Mapping[str, Any] = field(default_factory=dict)
    wrong_code: str = "validation_failed"
    unknown: Mapping[str, Any] = field(default_factory=dict)
    foreign: Callable[[Stage], Mapping[str, Any]] = lambda _: {}
    capability: str = ""
    feature: str = ""
    scope: str = ""
    scopes: tuple[str, ...] = ()  # any of which will do, where it is not one that is always needed
    limit: str = "account"
    audited: str = ""  # the row that a use leaves which fails at the practice's system
    headers: Mapping[str, str] = field(default_factory=dict)
    cells: Cells = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.tool} {self.method} {self.address.removeprefix(PMS)}".strip()


def expected(row: Row, case: Case, face: Face) -> Cell | Never:
    """Return what the table says of a cell: the row's own word, else what holds for every use."""
    if face not in row.faces:
        return _no_such_face(row, case, face)
    own = row.cells.get((case, face), row.cells.get(case))
    if own is not None:
        return own
    refused = _REFUSED.get(case)
    if refused is not None:
        return refused
    match case:
        case Case.HAPPY:
            return row.happy
        case Case.INVALID if row.wrong:
            return Cell(422, row.wrong_code)
        case Case.MISPLACED:  # the server names Alder's line, which is not its own
            return Cell(403, "forbidden") if face is SERVER else Cell(401, "signature_invalid")
        case Case.UNKNOWN if row.unknown:
            raise LookupError(f"{row}: say what an id that nobody has is answered with")
        case Case.FOREIGN if row.unknown:
            return expected(row, Case.UNKNOWN, face)  # nobody learns that there is somebody
        case Case.UNSUPPORTED if row.capability:
            return Cell(501, "not_supported")
        case Case.DOWN:
            return Cell(503, "pms_unavailable", audit=(f"{row.audited or row.tool} READ pms_unavailable",), asks=True)
        case Case.UNVERIFIED | Case.NO_CALL if face is SERVER:
            return Never("a server's word for a patient counts")
        case Case.UNVERIFIED:
            return Cell(403, "not_verified")
        case Case.NO_CALL:
            return Cell(403, "call_required")
        case Case.SWITCHED_OFF if row.feature:
            return Cell(403, "feature_disabled")
        case Case.UNSCOPED:
            return Cell(403, "forbidden") if face is SERVER else Never("a voice credential has no scopes")
    return _does_not_apply(case)


_REFUSED = {
    Case.LIMITED: Cell(429, "rate_limited"),
    Case.PAUSED: Cell(403, "paused"),
    Case.NO_BAA: Cell(403, "baa_required"),
    Case.NOT_CONNECTED: Cell(409, "setup_required"),
}


def _no_such_face(row: Row, case: Case, face: Face) -> Cell | Never:
    if face is HOOK:
        return Cell(404, "unknown_tool") if case is Case.HAPPY else Never("a voice model does not know the tool")
    return Never("no address of REST's is for it" if not row.address else "another row has this address on this face")


def _does_not_apply(case: Case) -> Never:
    why = {
        Case.INVALID: "it takes nothing that could be wrong",
        Case.UNKNOWN: "it takes no id",
        Case.FOREIGN: "it takes no id",
        Case.UNSUPPORTED: "it needs nothing of the connection",
        Case.SWITCHED_OFF: "no switch turns it off",
    }
    return Never(why[case])


# What the arguments are. A server writes instants, a model the practice's wall clock.


def _at(face: Face, hour: int, *, days: int = 1) -> Arguments:
    """Return a time of a quiet day in New York; ``days`` is its ISO weekday less one."""
    day = quiet_day(days)
    if face is SERVER:
        return {"startTime": f"{day}T{hour + 5:02}:00:00Z"}
    return {"date": day.isoformat(), "time": f"{hour:02}:00"}


def _of_the_patient(**more: Any) -> Callable[[Stage, Face], Arguments]:
    return lambda stage, face: {"patientId": "1001", **more}


def _of_the_visit(**more: Any) -> Callable[[Stage, Face], Arguments]:
    return lambda stage, face: {"appointmentId": stage.visit, **more}


_NOBODY = {"patientId": "99999"}
_NO_VISIT = {"appointmentId": "99999"}
_BAD_TIME = {"date": "2027-02-30", "startTime": "2027-02-30T15:00:00Z"}
_PERSON = {"firstName": "Tamsin", "lastName": "Oyelaran", "dateOfBirth": "1984-05-06", "phone": "+12125550160"}
_STARTS = {"success": TRUE}
_ADDRESS = {"street": TEXT_OR_EMPTY, "city": TEXT_OR_EMPTY, "state": TEXT_OR_EMPTY, "zip": TEXT_OR_EMPTY}
_FOUND = {"id": ID, "firstName": TEXT, "lastName": TEXT, "phone": PHONE, "email": maybe(TEXT), "dateOfBirth": DAY}
_PROFILE = _FOUND | {"address": _ADDRESS, "emergencyContact": NULL, "lastVisit": INSTANT}
_END_OF_A_PHONE = exactly("...0147")
_NOT_PROVEN = Cell(403, "not_verified")


def _read(tool: str, code: str = "ok") -> tuple[str, ...]:
    """Return the one row of a use that only reads."""
    return (f"{tool} READ {code}",)


def _wrote(tool: str, code: str = "ok") -> tuple[str, ...]:
    """Return the two rows of a use that changes something, or would have."""
    return (f"{tool} INTENT ok", f"{tool} OUTCOME {code}")


def _in_a_call(case: Case, cell: Cell | Never) -> Cells:
    return {(case, CALL): cell, (case, HOOK): cell}


def _chart_reading(
    tool: str, path: str, capability: str, feature: str, scope: str, task: str, shape: Shape, *, also: str = ""
) -> Row:
    """Return the row of a tool that reads one part of a patient's chart; what it cannot tell a caller is a task."""
    unknown = Cell(404, "patient_not_found", audit=_read(tool, "patient_not_found"), asks=True)
    unsupported = Cell(501, "not_supported", audit=_read(tool, "not_supported"))
    return Row(
        tool=tool,
        method="GET",
        address=f"{PMS}/patients/{{patientId}}{path}",
        asks=_of_the_patient(),
        happy=Cell(200, audit=_read(tool), asks=True),
        shape=shape,
        wrong={"patientId": "Cora Whitfield"},
        unknown=_NOBODY,
        foreign=lambda stage: {"patientId": BIRCHS_PATIENT},
        capability=capability,
        feature=feature,
        scope=scope,
        cells={
            (Case.HAPPY, SERVER): Cell(200, audit=_read(tool) + (_read(also) if also else ()), asks=True),
            (Case.UNKNOWN, SERVER): unknown,
            **_in_a_call(Case.UNKNOWN, _NOT_PROVEN),
            (Case.UNSUPPORTED, SERVER): unsupported,
            **_in_a_call(Case.UNSUPPORTED, replace(unsupported, tasks=(task,))),
        },
    )


def _change(tool: str, what: str, **row: Any) -> Row:
    """Return the row of a change of a patient's chart; what the practice's system cannot take is a task."""
    happy, cells = row.pop("happy"), row.pop("cells", {})
    unknown = Cell(404, "patient_not_found", audit=_wrote(tool, "patient_not_found"), asks=True)
    return Row(
        tool=tool,
        happy=happy,
        unknown=_NOBODY,
        foreign=lambda stage: {"patientId": BIRCHS_PATIENT},
        cells={
            (Case.UNKNOWN, SERVER): unknown,
            **_in_a_call(Case.UNKNOWN, _NOT_PROVEN),
            Case.UNSUPPORTED: Cell(
                501, "not_supported", audit=_wrote(tool, "not_supported"), tasks=(f"please_{what}",)
            ),
            Case.DOWN: Cell(503, "pms_unavailable", audit=_wrote(tool, "pms_unavailable"), asks=True),
            **cells,
        },
        **row,
    )


def _never_taken(tool: str, what: str, **row: Any) -> Row:
    """Return the row of a change that no system behind Sikka takes: it is always a task."""
    left = Cell(501, "not_supported", audit=_wrote(tool, "not_supported"), tasks=(f"please_{what}",))
    cells: Cells = {
        Case.DOWN: left,
        Case.UNSUPPORTED: Never("it is what all is well looks like: no connection of Sikka's takes it"),
        (Case.UNKNOWN, SERVER): left,
    }
    return _change(tool, what, happy=left, cells=cells, **row)


def _status_change(tool: str, task: str, **row: Any) -> Row:
    """Return the row of a change of an appointment's status."""
    return Row(
        tool=tool,
        address=f"{PMS}/appointments/{{appointmentId}}",
        happy=Cell(200, audit=_wrote(tool), changed=("D10001 appointments",), asks=True),
        wrong={"patientId": "Cora Whitfield"},
        unknown=_NO_VISIT,
        foreign=lambda stage: {"appointmentId": stage.birchs_visit},
        feature="booking",
        scope="appointments:write",
        cells={
            Case.UNKNOWN: Cell(404, "appointment_not_found", audit=_wrote(tool, "appointment_not_found"), asks=True),
            Case.UNSUPPORTED: Cell(501, "not_supported", audit=_wrote(tool, "not_supported"), tasks=(task,), asks=True),
            Case.DOWN: Cell(503, "pms_unavailable", audit=_wrote(tool, "pms_unavailable"), asks=True),
        },
        **row,
    )


_WITHOUT_A_PATIENT = Never("it touches no record, so nobody need be verified")
_KEPT = Cell(201, tasks=("message",))
_ASKED_FOR = Cell(200, tasks=("wants_a_person",))
_COLLECTED = Cell(202, tasks=("please_collect_payment",))
_PAYMENT_LEFT = _STARTS | {
    "status": exactly("requested"),
    "payment": {
        "id": NULL,
        "amount": MONEY,
        "status": exactly("requested"),
        "confirmationNumber": NULL,
        "timestamp": NULL,
    },
    "taskId": UUID,
}
_APPOINTMENT = {
    "id": ID,
    "patientId": ID,
    "patientName": TEXT,
    "providerId": ID,
    "providerName": TEXT,
    "appointmentType": TEXT,
    "startTime": INSTANT,
    "endTime": INSTANT,
    "status": exactly("scheduled"),
    "notes": TEXT_OR_EMPTY,
}
_MADE = {"id": ID, "bookingId": UUID, "confirmationNumber": TEXT, "startTime": INSTANT, "endTime": INSTANT}
_BOOKED = ("D10001 appointments",)
_SEARCH = Row(
    tool="searchPatients",
    method="POST",
    address=f"{PMS}/patients/search",
    faces=(SERVER,),
    asks=lambda stage, face: {"query": "Whitfield", "limit": 5},
    happy=Cell(200, audit=_read("searchPatients"), asks=True),
    shape=_STARTS | {"patients": [_FOUND]},
    wrong={"query": ""},
    capability="read_patients",
    scope="patients:read",
)
_FORBIDDEN = Cell(403, "forbidden")

ROWS = [
    Row(
        tool="checkAvailability",
        method="GET",
        address=f"{PMS}/appointments/availability",
        asks=lambda stage, face: {"appointmentType": "cleaning", "date": quiet_day().isoformat()},
        happy=Cell(200, audit=_read("checkAvailability"), asks=True),
        shape=_STARTS
        | {
            "date": DAY,
            "slots": [
                {"startTime": INSTANT, "endTime": INSTANT, "providerId": ID, "providerName": TEXT, "available": TRUE}
            ],
        },
        wrong={"date": "2027-02-30"},
        wrong_code="date_invalid",
        unknown={"providerId": "DR99"},
        foreign=lambda stage: {"providerId": "Umbertide"},
        capability="read_schedule",
        feature="booking",
        scope="appointments:read",
        cells={
            Case.UNKNOWN: Cell(
                422, "validation_failed", audit=_read("checkAvailability", "validation_failed"), asks=True
            ),
            **_in_a_call(Case.UNVERIFIED, _WITHOUT_A_PATIENT),
            **_in_a_call(Case.NO_CALL, Cell(200, audit=_read("checkAvailability"), asks=True)),
        },
    ),
    Row(
        tool="getAppointments",
        method="GET",
        address=f"{PMS}/appointments",
        asks=lambda stage, face: {
            "patientId": "1001",
            **({"startDate": quiet_day(2).isoformat(), "endDate": quiet_day(2).isoformat()} if face is SERVER else {}),
        },
        happy=Cell(200, audit=_read("getAppointments"), asks=True),
        shape={
            SERVER: _STARTS | {"appointments": [_APPOINTMENT]},
            CALL: _STARTS
            | {
                "appointments": [
                    _APPOINTMENT
                    | {"patientName": NULL, "providerId": EMPTY, "providerName": NULL}
                    | {"appointmentType": EMPTY, "notes": EMPTY}
                ]
            },
        },
        wrong={"patientId": "Cora Whitfield"},
        unknown=_NOBODY,
        foreign=lambda stage: {"patientId": BIRCHS_PATIENT},
        capability="read_appointments",
        feature="booking",
        scope="appointments:read",
        cells={
            (Case.UNKNOWN, SERVER): Cell(200, audit=_read("getAppointments"), asks=True),  # nobody has no appointments
            **_in_a_call(Case.UNKNOWN, _NOT_PROVEN),
        },
    ),
    Row(
        tool="bookAppointment",
        method="POST",
        address=f"{PMS}/appointments",
        asks=lambda stage, face: {"patientId": "1001", "appointmentType": "cleaning", **_at(face, 9)},
        happy=Cell(201, audit=_read("getPatient") + _wrote("bookAppointment"), changed=_BOOKED, asks=True),
        shape=_STARTS | {"appointment": _MADE | {"patientName": TEXT}},
        wrong=_BAD_TIME,
        wrong_code="date_invalid",
        unknown=_NOBODY,
        foreign=lambda stage: {"patientId": BIRCHS_PATIENT},
        capability="book_appointment",
        feature="booking",
        scope="appointments:write",
        audited="getPatient",
        cells={
            (Case.HAPPY, HOOK): Cell(201, audit=_wrote("bookAppointment"), changed=_BOOKED, asks=True),
            (Case.UNKNOWN, SERVER): Cell(
                404, "patient_not_found", audit=_read("getPatient", "patient_not_found"), asks=True
            ),
            **_in_a_call(Case.UNKNOWN, _NOT_PROVEN),
            (Case.DOWN, HOOK): Cell(
                503, "pms_unavailable", audit=_wrote("bookAppointment", "pms_unavailable"), asks=True
            ),
        },
    ),
    Row(
        tool="rescheduleAppointment",
        method="PATCH",
        address=f"{PMS}/appointments/{{appointmentId}}",
        asks=lambda stage, face: {"appointmentId": stage.visit, **_at(face, 14, days=2)},
        happy=Cell(200, audit=_read("findAppointment") + _wrote("rescheduleAppointment"), changed=_BOOKED, asks=True),
        shape=_STARTS | {"appointment": _MADE | {"newStartTime": INSTANT}},
        wrong=_BAD_TIME,
        wrong_code="date_invalid",
        unknown=_NO_VISIT,
        foreign=lambda stage: {"appointmentId": stage.birchs_visit},
        capability="move_appointment",
        feature="booking",
        scope="appointments:write",
        audited="findAppointment",
        cells={
            # Which times may be meant depends on the appointment, so that is looked up before the time is read.
            Case.INVALID: Cell(422, "date_invalid", audit=_read("findAppointment"), asks=True),
            Case.UNKNOWN: Cell(
                404, "appointment_not_found", audit=_read("findAppointment", "appointment_not_found"), asks=True
            ),
            Case.UNSUPPORTED: Cell(
                501,
                "not_supported",
                audit=_read("findAppointment") + _wrote("rescheduleAppointment", "not_supported"),
                tasks=("please_move",),
                asks=True,
            ),
        },
    ),
    _status_change(
        "confirmAppointment",
        "please_confirm",
        method="PATCH",
        asks=_of_the_visit(status="confirmed"),
        shape=_STARTS | {"appointment": {"id": ID}, "writeId": UUID},
        capability="confirm_appointment",
    ),
    _status_change(
        "cancelAppointment",
        "please_cancel",
        method="DELETE",
        asks=_of_the_visit(reason="Patient cancellation"),
        shape=_STARTS | {"message": exactly("Appointment cancelled successfully")},
        capability="cancel_appointment",
    ),
    Row(
        tool="createPatient",
        method="POST",
        address=f"{PMS}/patients",
        asks=lambda stage, face: _PERSON,
        happy=Cell(201, audit=_wrote("createPatient"), changed=("D10001 patients",), asks=True),
        shape=_STARTS | {"patient": {"id": ID, "firstName": TEXT, "lastName": TEXT, "phone": PHONE, "email": NULL}},
        wrong={"dateOfBirth": "1984-02-30"},
        wrong_code="date_invalid",
        capability="create_patient",
        feature="newPatients",
        scope="patients:write",
        cells={
            **_in_a_call(Case.UNVERIFIED, Never("who is new has nothing to be verified by")),
            Case.DOWN: Cell(503, "pms_unavailable", audit=_wrote("createPatient", "pms_unavailable"), asks=True),
        },
    ),
    Row(
        tool="findPatient",
        method="POST",
        address=f"{PMS}/patients/search",
        faces=(CALL, HOOK),
        asks=lambda stage, face: CORA,
        happy=Cell(200, audit=_read("findPatient"), asks=True),
        shape=_STARTS | {"patients": [{"id": ID}]},
        wrong={"lastName": ""},
        unknown=MILO | {"lastName": "Brandywine"},
        foreign=lambda stage: DESMOND,
        capability="read_patients",
        scope="patients:read",
        cells={
            Case.UNKNOWN: Cell(404, "patient_not_found", audit=_read("findPatient"), asks=True),
            # Somebody who is not a patient and somebody of another practice are refused before anybody is looked for.
            Case.FOREIGN: Cell(403, "not_verified", tasks=("another_adult",)),
            **_in_a_call(Case.UNVERIFIED, Never("it is what verifies")),
            (Case.NO_CALL, CALL): Never("without a call the address is searchPatients'"),
        },
    ),
    _SEARCH,
    replace(
        _SEARCH,
        method="GET",
        asks=lambda stage, face: {"query": "Whitfield", "limit": "5"},
        wrong={"limit": "51"},
        faces=(SERVER, CALL),
        cells={
            (Case.HAPPY, CALL): _FORBIDDEN,
            (Case.DOWN, CALL): _FORBIDDEN,
            (Case.UNVERIFIED, CALL): _FORBIDDEN,
        },
    ),
    _chart_reading(
        "getPatientInfo",
        "",
        "read_patients",
        "",
        "patients:read",
        "please_tell_patient_info",
        {
            SERVER: _STARTS | {"patient": _PROFILE | {"balance": MONEY}},
            CALL: _STARTS | {"patient": _PROFILE | {"balance": NULL, "dateOfBirth": NULL, "phone": _END_OF_A_PHONE}},
        },
        also="getBalance",  # another access: it has a scope, a switch and a cache of its own
    ),
    _never_taken(
        "updatePatient",
        "update_patient",
        method="PATCH",
        address=f"{PMS}/patients/{{patientId}}",
        asks=_of_the_patient(phone="+12125550188"),
        wrong={"phone": "12"},
        scope="patients:write",
    ),
    _chart_reading(
        "getPatientNotes",
        "/notes",
        "read_notes",
        "notes",
        "notes:read",
        "please_tell_notes",
        _STARTS | {"notes": [{"id": ID, "content": TEXT, "createdBy": maybe(TEXT), "createdAt": maybe(INSTANT)}]},
    ),
    _change(
        "addPatientNote",
        "add_note",
        method="POST",
        address=f"{PMS}/patients/{{patientId}}/notes",
        asks=_of_the_patient(content="Prefers the morning.", category="preference"),
        happy=Cell(201, audit=_wrote("addPatientNote"), changed=("D10001 notes",), asks=True),
        shape=_STARTS | {"note": {"id": NULL, "content": TEXT, "createdAt": INSTANT, "writeId": UUID}},
        wrong={"content": ""},
        capability="add_note",
        feature="notes",
        scope="notes:write",
        cells=_in_a_call(
            Case.DOWN,
            Cell(
                503,
                "pms_unavailable",
                audit=_wrote("addPatientNote", "pms_unavailable"),
                tasks=("note_pms_unavailable",),
                asks=True,
            ),
        ),
    ),
    _chart_reading(
        "getInsurance",
        "/insurance",
        "read_insurance",
        "insurance",
        "insurance:read",
        "please_tell_insurance",
        _STARTS
        | {
            "insurance": [
                {
                    "id": ID,
                    "provider": TEXT,
                    "policyNumber": TEXT,
                    "groupNumber": TEXT,
                    "isPrimary": FLAG,
                    "effectiveDate": DAY,
                    "expirationDate": NULL,
                }
            ]
        },
    ),
    _never_taken(
        "addInsurance",
        "add_insurance",
        method="POST",
        address=f"{PMS}/patients/{{patientId}}/insurance",
        asks=_of_the_patient(provider="Larkfield Dental", policyNumber="LDB100"),
        wrong={"policyNumber": ""},
        feature="insurance",
        scope="insurance:write",
    ),
    _chart_reading(
        "getBalance",
        "/balance",
        "read_balance",
        "payments",
        "balance:read",
        "please_tell_balance",
        _STARTS
        | {
            "balance": {
                "total": MONEY,
                "insurance": MONEY,
                "patient": MONEY,
                "lastPayment": {"amount": MONEY, "date": INSTANT, "method": TEXT},
                "asOf": DAY,
            }
        },
    ),
    _change(
        "processPayment",
        "collect_payment",
        method="POST",
        address=f"{PMS}/payments",
        asks=_of_the_patient(amount=50, method="credit_card", last4="4242", notes="Copay"),
        headers={"Idempotency-Key": "payment-of-a-test"},
        happy=Cell(201, audit=_wrote("processPayment"), changed=("D10001 transactions",), asks=True),
        shape={
            SERVER: _STARTS
            | {
                "payment": {
                    "id": ID,
                    "amount": MONEY,
                    "status": exactly("completed"),
                    "confirmationNumber": TEXT,
                    "timestamp": INSTANT,
                }
            },
            CALL: _PAYMENT_LEFT,
        },
        wrong={"amount": -5},
        capability="post_payment",
        feature="payments",
        scope="payments:write",
        cells={  # by voice a person collects it, whatever the practice's system does
            **_in_a_call(Case.HAPPY, _COLLECTED),
            **_in_a_call(Case.UNSUPPORTED, _COLLECTED),
            **_in_a_call(Case.DOWN, _COLLECTED),
        },
    ),
    Row(
        tool="takeMessage",
        method="POST",
        address=f"{PMS}/messages",
        asks=lambda stage, face: {"message": "Please call about the crown."},
        happy=_KEPT,
        shape=_STARTS | {"message": {"id": UUID, "createdAt": INSTANT}},
        wrong={"message": ""},
        limit="messages",
        scope="messages:write",
        cells={
            Case.DOWN: _KEPT,
            Case.PAUSED: _KEPT,
            Case.NOT_CONNECTED: _KEPT,
            **_in_a_call(Case.UNVERIFIED, _KEPT),
            **_in_a_call(Case.NO_CALL, _KEPT),
        },
    ),
    Row(
        tool="transferToHuman",
        faces=(HOOK,),
        asks=lambda stage, face: {"reason": "Wants to talk to somebody."},
        happy=_ASKED_FOR,
        wrong={"reason": ["Wants", "somebody"]},
        limit="messages",
        scope="messages:write",
        cells={
            (case, HOOK): _ASKED_FOR
            for case in (Case.DOWN, Case.PAUSED, Case.NOT_CONNECTED, Case.UNVERIFIED, Case.NO_CALL)
        },
    ),
    Row(
        tool="getWrite",
        method="GET",
        address=f"{PMS}/writes/{{writeId}}",
        faces=(SERVER, CALL),
        asks=lambda stage, face: {"writeId": stage.house.write},
        happy=Cell(200, audit=_read("getWrite")),
        shape=_STARTS | {"status": exactly("done"), "operation": exactly("addPatientNote"), "note": {"id": maybe(ID)}},
        wrong={"writeId": "a write"},
        unknown={"writeId": "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d"},
        foreign=lambda stage: {"writeId": stage.house.birchs_write},
        scopes=("notes:read", "notes:write"),
        cells={
            Case.UNKNOWN: Cell(404, "not_found", audit=_read("getWrite", "not_found")),
            Case.DOWN: Cell(200, audit=_read("getWrite")),  # our own rows know
            (Case.UNSCOPED, SERVER): Cell(403, "forbidden", audit=_read("getWrite", "forbidden")),
            (Case.UNVERIFIED, CALL): Cell(403, "not_verified", audit=_read("getWrite", "not_verified")),
        },
    ),
]
