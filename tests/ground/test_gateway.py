"""The one gate: every access leaves its evidence, and without evidence nothing leaves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection

from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.domain.redaction import REDACTED
from pms.jobs import sweeps
from pms.models import (
    AuditPhase,
    Booking,
    BookingState,
    ChainHead,
    ConnectionStatus,
    PmsAuditLog,
    PmsIntegration,
    SecurityEvent,
    WriteBack,
)
from pms.services import appointments, completing, gateway, integrations
from pms.services.bookings import Wish
from pms.tools import runner
from tests.conftest import Sim
from tests.ground.conftest import Lines
from tests.ground.support import connected, without_table
from tests.practice import live_call, voice_request

CANARIES = ("cora", "whitfield", "1987-04-1", "5550147", "555-0147", "cleaning")
HEADS = "audit_chain_heads"
Asked = Callable[[str], list[str]]


def told() -> list[tuple[str, str, bool, str | None]]:
    """Return action, phase, success and code of the accesses in their order, without connecting's."""
    rows = PmsAuditLog.objects.exclude(action="testConnection").order_by("seq")
    return [(row.action, row.phase, row.success, row.error_message) for row in rows]


# Reading


@pytest.mark.django_db
def test_reading_leaves_one_row_however_often_the_pms_is_asked(access: dict[str, Any], asked: Asked) -> None:
    before = len(asked("GET"))

    with gateway.reading(**access, action="getPatient", phi=True, patient_id="1001") as open_access:
        open_access.pms.list_clinicians()
        open_access.pms.get_patient("1001")
        open_access.pms.get_patient("1002")
        open_access.summary["candidates"] = 2

    row = PmsAuditLog.objects.exclude(action="testConnection").get()
    assert len(asked("GET")) - before >= 3
    assert told() == [("getPatient", "READ", True, None)]
    assert (row.patient_id, row.phi_accessed, row.response_status) == ("1001", True, 200)
    assert (row.request_summary, row.access_id) == ('{"candidates": 2}', open_access.id)
    assert (row.actor, row.request_id, row.endpoint, row.method) == ("user:test", "request-0001", "test", "TEST")
    assert row.response_time is not None
    assert row.response_time >= 0


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.PatientNotFound("No Cora Whitfield here."), "patient_not_found", 404),
        (errors.PmsUnavailable("Cora Whitfield's computer is off."), "pms_unavailable", 503),
        (errors.SlotTaken(fields={"name": "Cora"}), "slot_taken", 409),
        (ValueError("Cora Whitfield, 1987-04-12"), "internal_error", 500),
        (KeyboardInterrupt("Cora Whitfield"), "internal_error", 500),
    ],
    ids=["not_found", "unavailable", "taken", "crash", "interrupt"],
)
@pytest.mark.django_db
def test_a_failure_leaves_one_row_with_its_code_and_no_text(
    access: dict[str, Any], error: BaseException, code: str, status: int
) -> None:
    with (
        pytest.raises(type(error)) as caught,
        gateway.reading(**access, action="getPatient", phi=True),
    ):
        raise error

    row = PmsAuditLog.objects.exclude(action="testConnection").get()
    assert caught.value is error
    assert told() == [("getPatient", "READ", False, code)]
    assert row.response_status == status
    assert "Cora" not in repr(PmsAuditLog.objects.filter(pk=row.pk).values())


@pytest.mark.django_db(transaction=True)
def test_no_data_leaves_when_a_read_cannot_be_recorded(access: dict[str, Any], asked: Asked) -> None:
    def read() -> object:
        with gateway.reading(**access, action="getPatient", phi=True) as open_access:
            return open_access.pms.get_patient("1001")

    with without_table(HEADS), pytest.raises(errors.Internal):
        read()

    assert "/v4/patients" in asked("GET")


@pytest.mark.django_db(transaction=True)
def test_a_caller_hears_nothing_of_what_was_read_but_not_recorded(alder: PmsIntegration) -> None:
    request = voice_request(live_call(alder.account))
    arguments = {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12"}

    with without_table(HEADS):
        result = runner.run(name="findPatient", arguments=arguments, request=request)

    assert (result.outcome, result.answer) == ("internal_error", None)
    assert result.say == errors.Internal().spoken


# Writing


@pytest.mark.django_db(transaction=True)
def test_an_intent_is_committed_before_anything_is_sent_and_an_outcome_after(
    access: dict[str, Any],
    wish: Wish,
    asked: Asked,
    at_the_vendor: Callable[[Callable[[], None]], None],
) -> None:
    seen: list[list[str]] = []
    at_the_vendor(lambda: seen.append([phase for action, phase, *_ in told() if action == "bookAppointment"]))

    booked = appointments.book(**access, wish=wish, call=None, key="")

    rows = PmsAuditLog.objects.filter(action="bookAppointment").order_by("seq")
    assert booked.booking.state == BookingState.CONFIRMED
    assert seen
    assert all(phases == ["INTENT"] for phases in seen)
    assert [(row.phase, row.success, row.patient_id) for row in rows] == [
        ("INTENT", True, "1001"),
        ("OUTCOME", True, "1001"),
    ]
    assert len({row.access_id for row in rows}) == 1
    assert WriteBack.objects.get().access_id == rows[0].access_id
    assert asked("POST").count("/v4/appointment") == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_when_the_intent_cannot_be_written(access: dict[str, Any], wish: Wish, asked: Asked) -> None:
    with without_table(HEADS), pytest.raises(errors.Internal):
        appointments.book(**access, wish=wish, call=None, key="")

    assert "/v4/appointment" not in asked("POST")
    assert not Booking.objects.exists()
    assert not WriteBack.objects.exists()


class _BreaksTheLog(SystemClock):
    """The first wait is the one after the booking was sent: from then on no audit row can be written."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._is_broken = False

    def sleep(self, seconds: float) -> None:
        if not self._is_broken:
            self._stack.enter_context(without_table(HEADS))
            self._is_broken = True
        super().sleep(seconds)


@pytest.mark.django_db(transaction=True)
def test_an_outcome_that_cannot_be_written_does_not_make_the_booking_untrue(
    access: dict[str, Any], wish: Wish, asked: Asked, lines: Lines
) -> None:
    with ExitStack() as stack:
        access["clock"] = _BreaksTheLog(stack)
        booked = appointments.book(**access, wish=wish, call=None, key="")

    assert booked.booking.state == Booking.objects.get().state == BookingState.CONFIRMED
    assert asked("POST").count("/v4/appointment") == 1
    assert [phase for action, phase, *_ in told() if action == "bookAppointment"] == ["INTENT"]
    missing = [line for line in lines() if line["event"] == "audit outcome missing"]
    assert [(line["level"], line["action"]) for line in missing] == [("error", "bookAppointment")]
    assert REDACTED not in missing[0].values()


@pytest.mark.django_db(transaction=True)
def test_an_outcome_completed_later_tells_what_became_of_the_write_and_alerts(
    access: dict[str, Any], wish: Wish
) -> None:
    with ExitStack() as stack:
        access["clock"] = _BreaksTheLog(stack)
        appointments.book(**access, wish=wish, call=None, key="")
    intent = PmsAuditLog.objects.get(phase=AuditPhase.INTENT)
    soon, later = intent.created_at + completing.GRACE / 2, intent.created_at + completing.GRACE * 2

    counts = [completing.complete_outcomes(now=now) for now in (soon, later, later)]

    row = PmsAuditLog.objects.get(phase=AuditPhase.OUTCOME)
    event = SecurityEvent.objects.get(kind="audit.outcome_was_missing")
    assert counts == [0, 1, 0]
    assert (row.access_id, row.patient_id, row.actor) == (intent.access_id, "1001", "job:audit")
    assert (row.success, row.request_summary) == (True, '{"state": "DONE"}')
    assert (event.account_id, event.detail) == (intent.account_id, {"access": str(intent.access_id)})


@pytest.mark.parametrize(
    "error", [errors.OutcomeUnknown(), errors.SlotTaken(), errors.CredentialsRejected()], ids=lambda error: error.code
)
@pytest.mark.django_db(transaction=True)
def test_a_broken_log_does_not_hide_what_became_of_a_write(access: dict[str, Any], error: errors.ParlaeError) -> None:
    def write() -> None:
        with ExitStack() as stack, gateway.writing(**access, action="bookAppointment", patient_id="1001"):
            stack.enter_context(without_table(HEADS))
            raise error

    with pytest.raises(type(error)) as caught:
        write()

    assert caught.value is error


@pytest.mark.django_db(transaction=True)
def test_a_failure_that_cannot_be_noted_does_not_hide_the_failure_itself(access: dict[str, Any]) -> None:
    def read() -> None:
        with ExitStack() as stack, gateway.reading(**access, action="getPatient", phi=True):
            stack.enter_context(without_table("pms_integrations"))
            raise errors.PmsUnavailable

    with pytest.raises(errors.PmsUnavailable):
        read()

    assert told() == [("getPatient", "READ", False, "pms_unavailable")]


# Completing


def _intent(access: dict[str, Any]) -> PmsAuditLog:
    """Leave an intent whose process died."""
    with ExitStack() as stack, gateway.writing(**access, action="bookAppointment", patient_id="1001"):
        stack.enter_context(without_table(HEADS))
    return PmsAuditLog.objects.filter(phase=AuditPhase.INTENT).latest("seq")


@pytest.mark.django_db(transaction=True)
def test_a_write_that_was_never_sent_is_completed_as_such(access: dict[str, Any]) -> None:
    intent = _intent(access)

    completing.complete_outcomes(now=intent.created_at + completing.GRACE * 2)

    row = PmsAuditLog.objects.get(phase=AuditPhase.OUTCOME)
    assert (row.success, row.request_summary) == (False, '{"state": "NOT_SENT"}')


@pytest.mark.django_db(transaction=True)
def test_a_chain_that_cannot_be_written_does_not_keep_the_others_waiting(access: dict[str, Any], lines: Lines) -> None:
    stuck = connected("Birch Dental", "D20002")
    first = _intent({**access, "integration": stuck})
    ChainHead.objects.filter(key__endswith=str(stuck.account_id)).delete()
    second = _intent(access)

    completed = completing.complete_outcomes(now=second.created_at + completing.GRACE * 2)

    assert completed == 1
    assert [row.access_id for row in PmsAuditLog.objects.filter(phase=AuditPhase.OUTCOME)] == [second.access_id]
    assert first.access_id != second.access_id
    assert "audit outcome still missing" in [line["event"] for line in lines()]


# What is noted of a failure

SWITCHES_OFF = {
    errors.CredentialsRejected: "integration.rejected",
    errors.TenantMismatch: "integration.tenant_mismatch",
}
STAYS_ON = (errors.PmsUnavailable, errors.NotEntitled, errors.OutcomeUnknown, errors.OfficeOffline, errors.BudgetSpent)


@pytest.mark.parametrize(("kind", "event_kind"), SWITCHES_OFF.items(), ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.django_db
def test_a_connection_that_is_refused_or_not_ours_is_switched_off_and_an_event_says_so(
    access: dict[str, Any], kind: type[errors.PmsError], event_kind: str
) -> None:
    with pytest.raises(kind), gateway.reading(**access, action="getPatient", phi=True):
        raise kind

    integration = PmsIntegration.objects.get()
    event = SecurityEvent.objects.get(kind__in=SWITCHES_OFF.values())
    assert (integration.status, integration.last_error) == (ConnectionStatus.ERROR, kind.code)
    assert (event.kind, event.account_id, event.actor) == (event_kind, integration.account_id, "user:test")
    assert event.request_id == "request-0001"
    with pytest.raises(errors.CredentialsRejected):
        integrations.active_for(account=access["integration"].account)


@pytest.mark.parametrize("kind", STAYS_ON)
@pytest.mark.django_db
def test_a_passing_failure_is_remembered_and_switches_nothing_off(
    access: dict[str, Any], kind: type[errors.PmsError]
) -> None:
    with pytest.raises(kind), gateway.reading(**access, action="getPatient", phi=True):
        raise kind

    integration = PmsIntegration.objects.get()
    assert (integration.status, integration.last_error) == (ConnectionStatus.ACTIVE, kind.code)
    assert not SecurityEvent.objects.filter(kind__in=SWITCHES_OFF.values()).exists()


@pytest.mark.parametrize("kind", [errors.PatientNotFound, errors.SlotTaken, errors.Internal])
@pytest.mark.django_db
def test_a_failure_that_is_not_the_pms_is_not_the_connections(
    access: dict[str, Any], kind: type[errors.ParlaeError]
) -> None:
    with pytest.raises(kind), gateway.reading(**access, action="getPatient", phi=True):
        raise kind

    assert PmsIntegration.objects.get().last_error is None


@pytest.mark.django_db
def test_credentials_that_were_replaced_meanwhile_are_not_blamed(access: dict[str, Any]) -> None:
    old = access["integration"]
    kept = integrations.reveal(integration=old)

    def read() -> None:
        with gateway.reading(**access, action="getPatient", phi=True):
            new = integrations.store(
                account=old.account, provider=old.provider, credentials=kept, config={}, features={"booking": True}
            )
            PmsIntegration.objects.filter(pk=new.pk).update(status=ConnectionStatus.ACTIVE)
            raise errors.CredentialsRejected

    with pytest.raises(errors.CredentialsRejected):
        read()

    integration = PmsIntegration.objects.get()
    assert (integration.status, integration.last_error) == (ConnectionStatus.ACTIVE, None)


@pytest.mark.django_db
def test_an_inactive_connection_stays_inactive(access: dict[str, Any]) -> None:
    PmsIntegration.objects.update(status=ConnectionStatus.INACTIVE)

    with pytest.raises(errors.CredentialsRejected), gateway.reading(**access, action="getPatient", phi=True):
        raise errors.CredentialsRejected

    assert PmsIntegration.objects.get().status == ConnectionStatus.INACTIVE


# What must never be


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_pms_is_asked(
    alder: PmsIntegration, wish: Wish, sim: Sim, at_the_vendor: Callable[[Callable[[], None]], None]
) -> None:
    open_transactions: list[bool] = []
    at_the_vendor(lambda: open_transactions.append(connection.in_atomic_block))
    call = live_call(alder.account)
    arguments = {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12"}
    local = wish.starts_at.astimezone(alder.account.zone)
    time = {"date": local.date().isoformat(), "time": local.strftime("%H:%M"), "appointmentType": "Cleaning"}

    sim("POST", "expire_key", office_id="D10001")
    outcomes = [
        runner.run(name=name, arguments=values, request=voice_request(call)).outcome
        for name, values in (("checkAvailability", time), ("findPatient", arguments), ("bookAppointment", time))
    ]
    sim("POST", "refresh")
    WriteBack.objects.update(next_attempt_at=alder.created_at)
    sweeps.follow_write_backs()

    assert outcomes == ["ok", "ok", "ok"]
    assert Booking.objects.get().verified_at is not None
    assert len(open_transactions) > 10
    assert not any(open_transactions)


@pytest.mark.django_db(transaction=True)
def test_patients_are_in_the_evidence_by_their_id_alone(alder: PmsIntegration, wish: Wish) -> None:
    call = live_call(alder.account)
    person = {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12"}
    stranger = {**person, "dateOfBirth": "1987-04-13"}
    local = wish.starts_at.astimezone(alder.account.zone)
    time = {"date": local.date().isoformat(), "time": local.strftime("%H:%M"), "appointmentType": "Cleaning"}
    for name, values in (("findPatient", stranger), ("findPatient", person), ("bookAppointment", time)):
        runner.run(name=name, arguments=values, request=voice_request(call))

    accesses = PmsAuditLog.objects.exclude(action="testConnection").order_by("seq")
    texts = [
        str(value).lower()
        for model in (PmsAuditLog, SecurityEvent)
        for row in model.objects.values()
        for value in row.values()
    ]

    assert [row.patient_id for row in accesses if row.action == "findPatient"] == [None, "1001"]
    assert {row.patient_id for row in accesses if row.action == "bookAppointment"} == {"1001"}
    assert SecurityEvent.objects.filter(kind="verification.failed").exists()
    assert [text for text in texts for canary in CANARIES if canary in text] == []
