"""Every row of evidence hangs on the one before it, and both can be recomputed from what is stored."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from pms.domain import errors
from pms.models import AuditPhase, ChainHead, PmsAuditLog, SecurityEvent, triggers
from pms.services import audit
from pms.services.audit import Asker, Entry
from tests.ground.support import ASKER, an_access, connected, in_threads, without_table

Row = PmsAuditLog | SecurityEvent

FULL = Asker(
    actor="voice:0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d",
    endpoint="/api/pms/appointments/<id>",
    method="POST",
    user_id="17",
    vapi_call_id="call-1",
    ip_address="2001:db8::1",
    user_agent="Agent/1.0 (Zoë; 李) “quoted”",
    request_id="request-0002",
)
EMPTY = Asker(actor="", endpoint="", method="", user_agent="", user_id="", vapi_call_id="", ip_address="")


def broken_links(rows: Sequence[Row]) -> list[int]:
    """Return the numbers of rows that do not fit: a gap, a wrong predecessor or other content than was hashed."""
    wrong, previous = [], ""
    for number, row in enumerate(rows, start=1):
        if (row.seq, row.prev_hash, row.hash) != (number, previous, audit.row_hash(row)):
            wrong.append(row.seq)
        previous = row.hash
    return wrong


def chain_of(account_id: uuid.UUID) -> list[PmsAuditLog]:
    return list(PmsAuditLog.objects.filter(account_id=account_id).order_by("seq"))


def events_of(account_id: uuid.UUID | None) -> list[SecurityEvent]:
    return list(SecurityEvent.objects.filter(account_id=account_id).order_by("seq"))


@pytest.mark.parametrize("asker", [FULL, EMPTY, ASKER], ids=["full", "empty", "sparse"])
@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"patient_id": "1001", "summary": {"candidates": 3, "outcome": "Verified", "late": False}, "response_ms": 0},
        {"success": False, "error_code": "slot_taken", "response_status": 409, "response_ms": 2_000_000_000},
        {"patient_id": "", "summary": {}, "error_code": "", "phase": AuditPhase.OUTCOME},
    ],
    ids=["plain", "summary", "failure", "empty"],
)
@pytest.mark.django_db
def test_a_stored_access_has_the_hash_that_was_made_before_it_was_stored(
    asker: Asker, entry: dict[str, object]
) -> None:
    integration = connected()
    values = {"access_id": uuid.uuid4(), "action": "getPatient", "phase": AuditPhase.READ, "phi_accessed": True}

    made = audit.record_access(integration=integration, asker=asker, entry=Entry(**{**values, **entry}))  # type: ignore[arg-type]

    stored = PmsAuditLog.objects.get(pk=made.pk)
    assert stored.hash == made.hash == audit.row_hash(stored)


@pytest.mark.parametrize(
    "detail",
    [None, {}, {"b": 1, "a": "Zoë", "ok": True}, {"count": -(2**53), "text": 'quo"te\\ 李 🦷', "empty": ""}],
    ids=["none", "empty", "mixed", "hard"],
)
@pytest.mark.parametrize("of_account", [True, False], ids=["account", "platform"])
@pytest.mark.django_db
def test_a_stored_event_has_the_hash_that_was_made_before_it_was_stored(
    detail: dict[str, str | int | bool] | None, of_account: bool
) -> None:
    account_id = connected().account_id if of_account else None

    made = audit.record_event(kind="test", actor="user:test", account_id=account_id, detail=detail)

    stored = SecurityEvent.objects.get(pk=made.pk)
    assert stored.hash == made.hash == audit.row_hash(stored)
    assert stored.detail == (detail or {})


@pytest.mark.parametrize("microsecond", [0, 1, 100_000, 999_999])
@pytest.mark.django_db
def test_the_time_of_a_row_is_hashed_as_it_is_stored(microsecond: int) -> None:
    moment = datetime(2026, 11, 1, 1, 30, 0, microsecond, tzinfo=timezone(timedelta(hours=-5)))

    with time_machine.travel(moment, tick=False):
        made = audit.record_event(kind="test", actor="user:test")

    stored = SecurityEvent.objects.get(pk=made.pk)
    assert stored.created_at == moment.astimezone(UTC)
    assert audit.row_hash(stored) == made.hash


@pytest.mark.django_db
def test_a_number_given_where_text_is_stored_does_not_break_the_chain() -> None:
    integration = connected()
    asker = Asker(actor="user:17", endpoint="test", method="TEST", user_id=17)  # type: ignore[arg-type]
    entry = Entry(access_id=uuid.uuid4(), action="test", phase=AuditPhase.READ, phi_accessed=False)

    audit.record_access(integration=integration, asker=asker, entry=entry)

    assert broken_links(chain_of(integration.account_id)) == []


@pytest.mark.django_db
def test_what_is_longer_than_its_column_is_cut_and_never_loses_the_event() -> None:
    made = audit.record_event(kind="test", actor="user:test", ip_address="f" * 300, user_agent="u" * 300)

    stored = SecurityEvent.objects.get(pk=made.pk)
    assert (len(stored.ip_address), len(stored.user_agent)) == (45, 200)
    assert audit.row_hash(stored) == made.hash


@pytest.mark.django_db
def test_a_chain_starts_at_one_and_hangs_together() -> None:
    integration = connected()

    for _ in range(4):
        an_access(integration)

    rows = chain_of(integration.account_id)
    head = ChainHead.objects.get(key=f"pms_audit_logs:{integration.account_id}")
    assert [row.seq for row in rows] == [1, 2, 3, 4]
    assert rows[0].prev_hash == ""
    assert broken_links(rows) == []
    assert (head.seq, head.hash) == (4, rows[-1].hash)


@pytest.mark.django_db
def test_accounts_and_the_platform_have_chains_of_their_own() -> None:
    alder, birch = connected(), connected("Birch Dental", "D20002")

    for account_id in (alder.account_id, birch.account_id, None, alder.account_id, None):
        audit.record_event(kind="test", actor="user:test", account_id=account_id)
    for integration in (birch, alder, birch):
        an_access(integration)

    assert [len(events_of(a)) for a in (alder.account_id, birch.account_id, None)] == [2, 1, 2]
    assert [len(chain_of(a.account_id)) for a in (alder, birch)] == [1, 2]
    for rows in (
        events_of(alder.account_id),
        events_of(birch.account_id),
        events_of(None),
        chain_of(alder.account_id),
        chain_of(birch.account_id),
    ):
        assert broken_links(rows) == []
    assert {row.chain for row in events_of(None)} == {"security_events:platform"}


@pytest.mark.django_db(transaction=True)
def test_fifty_appends_from_eight_threads_make_one_unbroken_chain() -> None:
    integration = connected()

    def work(number: int) -> None:
        for _ in range(7 if number < 2 else 6):
            an_access(integration)

    in_threads(work)

    rows = chain_of(integration.account_id)
    assert len(rows) == 50
    assert broken_links(rows) == []


@pytest.mark.django_db(transaction=True)
def test_two_chains_grow_side_by_side() -> None:
    pair = [connected(), connected("Birch Dental", "D20002")]

    in_threads(lambda number: [an_access(pair[number % 2]) for _ in range(3)])

    for integration in pair:
        rows = chain_of(integration.account_id)
        assert len(rows) == 12
        assert broken_links(rows) == []


@pytest.mark.django_db(transaction=True)
def test_evidence_inside_somebody_elses_transaction_is_refused() -> None:
    integration = connected()

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        an_access(integration)
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        audit.record_event(kind="test", actor="user:test")

    assert not PmsAuditLog.objects.exists()
    assert not SecurityEvent.objects.exists()


TAMPERINGS = {
    "content": ("UPDATE pms_audit_logs SET actor = 'user:forged' WHERE seq = 3", [3]),
    "one column to null": ("UPDATE pms_audit_logs SET patient_id = NULL WHERE seq = 3", [3]),
    "null to empty": ("UPDATE pms_audit_logs SET error_message = '' WHERE seq = 3", [3]),
    "time": ("UPDATE pms_audit_logs SET created_at = '2020-01-01 00:00:00+00:00' WHERE seq = 3", [3]),
    "hash": ("UPDATE pms_audit_logs SET hash = prev_hash WHERE seq = 3", [3, 4]),
    "removed": ("DELETE FROM pms_audit_logs WHERE seq = 3", [4, 5]),
    "first removed": ("DELETE FROM pms_audit_logs WHERE seq = 1", [2, 3, 4, 5]),
}


@pytest.mark.parametrize(("statement", "wrong"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
@pytest.mark.django_db
def test_whoever_lifts_the_triggers_leaves_a_trace(statement: str, wrong: list[int]) -> None:
    integration = connected()
    for _ in range(5):
        an_access(integration, patient_id="1001")
    assert broken_links(chain_of(integration.account_id)) == []

    triggers.uninstall()
    with connection.cursor() as cursor:
        cursor.execute(statement)

    assert broken_links(chain_of(integration.account_id)) == wrong


@pytest.mark.django_db
def test_without_the_key_no_chain_can_be_made_to_fit(settings: Settings) -> None:
    integration = connected()
    an_access(integration)
    true = chain_of(integration.account_id)

    settings.AUDIT_KEY = "another-key-of-more-than-thirty-two-characters"

    assert broken_links(true) == [1]


@pytest.mark.django_db
def test_a_chain_whose_head_was_removed_is_not_begun_anew() -> None:
    integration = connected()
    an_access(integration)
    ChainHead.objects.all().delete()

    with pytest.raises(errors.Internal):
        an_access(integration)

    assert len(chain_of(integration.account_id)) == 1


@pytest.mark.parametrize("table", ["audit_chain_heads", "pms_audit_logs"])
@pytest.mark.django_db(transaction=True)
def test_a_row_that_cannot_be_written_is_an_error_and_leaves_the_chain_as_it_was(table: str) -> None:
    integration = connected()
    an_access(integration)

    with without_table(table), pytest.raises(errors.Internal, match="nothing was disclosed"):
        an_access(integration)
    an_access(integration)

    rows = chain_of(integration.account_id)
    assert len(rows) == 2
    assert broken_links(rows) == []


@pytest.mark.django_db
def test_the_database_itself_refuses_two_rows_of_one_number() -> None:
    integration = connected()
    row = an_access(integration)
    row.id = uuid.uuid4()

    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
