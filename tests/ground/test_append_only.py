"""Evidence can be added and nothing else, whoever asks and in whatever words."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Model, ProtectedError

from pms.models import PmsAuditLog, SecurityEvent, triggers
from pms.services import audit, checks
from tests.ground.support import an_access, connected

Row = Any  # a PmsAuditLog or a SecurityEvent

TABLES = ("pms_audit_logs", "security_events")
CHAIN = {"pms_audit_logs": "account_id", "security_events": "chain"}


@pytest.fixture(params=TABLES)
def row(request: pytest.FixtureRequest, db: None) -> Row:
    """One row of each table in turn, with a neighbour before and after it."""
    integration = connected()
    rows: list[Any] = []
    for _ in range(3):
        if request.param == "pms_audit_logs":
            rows.append(an_access(integration))
        else:
            rows.append(audit.record_event(kind="test", actor="user:test", account_id=integration.account_id))
    connection.check_constraints()  # while foreign keys wait to be checked, PostgreSQL refuses TRUNCATE by itself
    return rows[1]


def _save(row: Row) -> None:
    row.actor = "user:forged"
    row.save()


def _update(row: Row) -> None:
    type(row).objects.filter(pk=row.pk).update(actor="user:forged")


def _bulk_update(row: Row) -> None:
    row.actor = "user:forged"
    type(row).objects.bulk_update([row], ["actor"])


def _delete(row: Row) -> None:
    row.delete()


def _delete_all(row: Row) -> None:
    type(row).objects.all().delete()


def _raw_delete(row: Row) -> None:
    queryset = type(row).objects.filter(pk=row.pk)
    queryset._raw_delete(queryset.db)


def _upsert_by_id(row: Row) -> None:
    row.actor = "user:forged"
    type(row).objects.bulk_create([row], update_conflicts=True, update_fields=["actor"], unique_fields=["id"])


def _upsert_by_chain(row: Row) -> None:
    row.id, row.actor = uuid.uuid4(), "user:forged"
    unique = [CHAIN[row._meta.db_table], "seq"]
    type(row).objects.bulk_create([row], update_conflicts=True, update_fields=["actor"], unique_fields=unique)


def _update_or_create(row: Row) -> None:
    type(row).objects.update_or_create(pk=row.pk, defaults={"actor": "user:forged"})


def _sql(template: str) -> Callable[[Row], None]:
    def run(row: Row) -> None:
        table = row._meta.db_table
        columns = [f.column for f in row._meta.concrete_fields]
        changed = {"actor": "'user:forged'"}
        with connection.cursor() as cursor:
            cursor.execute(
                template.format(
                    table=table,
                    columns=", ".join(columns),
                    copied=", ".join(changed.get(c, c) for c in columns),
                    renamed=", ".join({**changed, "id": f"'{uuid.uuid4().hex}'"}.get(c, c) for c in columns),
                    moved=", ".join({**changed, "id": f"'{uuid.uuid4().hex}'", "seq": "99"}.get(c, c) for c in columns),
                    seq=row.seq,
                )
            )

    return run


EVERYWHERE = {
    "save": _save,
    "update": _update,
    "bulk_update": _bulk_update,
    "delete": _delete,
    "delete_all": _delete_all,
    "raw_delete": _raw_delete,
    "upsert_by_id": _upsert_by_id,
    "upsert_by_chain": _upsert_by_chain,
    "update_or_create": _update_or_create,
    "UPDATE": _sql("UPDATE {table} SET actor = 'user:forged' WHERE seq = {seq}"),
    "UPDATE of nothing": _sql("UPDATE {table} SET actor = actor"),
    "DELETE": _sql("DELETE FROM {table}"),
}
POSTGRESQL = {
    "TRUNCATE": _sql("TRUNCATE {table}"),
    "TRUNCATE of many": _sql("TRUNCATE bookings, {table} CASCADE"),
    "TRUNCATE of its parent": _sql("TRUNCATE pms_integrations CASCADE"),
}
SQLITE = {
    "REPLACE by id": _sql("INSERT OR REPLACE INTO {table} ({columns}) SELECT {copied} FROM {table} WHERE seq = {seq}"),
    "REPLACE by chain": _sql("REPLACE INTO {table} ({columns}) SELECT {renamed} FROM {table} WHERE seq = {seq}"),
    "REPLACE by rowid": _sql(
        "INSERT OR REPLACE INTO {table} (rowid, {columns}) SELECT rowid, {moved} FROM {table} WHERE seq = {seq}"
    ),
    "UPDATE OR REPLACE": _sql("UPDATE OR REPLACE {table} SET seq = seq + 1"),
    "UPDATE OR IGNORE": _sql("UPDATE OR IGNORE {table} SET actor = 'user:forged'"),
}
OF_THIS_DATABASE = {**EVERYWHERE, **(POSTGRESQL if connection.vendor == "postgresql" else SQLITE)}


@pytest.mark.parametrize("change", OF_THIS_DATABASE.values(), ids=OF_THIS_DATABASE.keys())
def test_a_row_refuses_to_change(row: Row, change: Callable[[Row], None]) -> None:
    table = type(row).objects
    before = list(table.order_by("seq").values())

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        change(row)

    assert list(table.order_by("seq").values()) == before
    assert len(before) == 3


def test_rows_can_still_be_added_after_a_refusal(row: Row) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        _update(row)

    added = audit.record_event(kind="test", actor="user:test")

    assert SecurityEvent.objects.filter(pk=added.pk).exists()


def test_an_integration_with_evidence_cannot_be_deleted(db: None) -> None:
    integration = connected()
    an_access(integration)

    with pytest.raises(ProtectedError):
        integration.delete()


def test_installing_twice_changes_nothing(db: None) -> None:
    triggers.install()
    triggers.install()

    assert triggers.missing() == []


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.django_db(transaction=True)
def test_a_lost_trigger_is_reported_and_comes_back_with_the_next_migrate(table: str) -> None:
    _lose_triggers(PmsAuditLog if table == "pms_audit_logs" else SecurityEvent)
    lost = triggers.missing()

    reported = checks.audit_triggers(databases=["default"])
    call_command("migrate", verbosity=0)

    assert lost
    assert all(name.startswith(table) for name in lost)
    assert [message.id for message in reported] == ["pms.E002"]
    assert all(name in (reported[0].hint or "") for name in lost)
    assert triggers.missing() == []
    assert checks.audit_triggers(databases=["default"]) == []


@pytest.mark.django_db(transaction=True)
def test_evidence_refuses_changes_again_after_its_table_was_rebuilt() -> None:
    event = audit.record_event(kind="test", actor="user:test")
    _lose_triggers(SecurityEvent)
    call_command("migrate", verbosity=0)

    with pytest.raises(IntegrityError, match="append-only"):
        _update(event)


def test_a_switched_off_trigger_is_reported(db: None) -> None:
    name = triggers.expected_names(connection, "pms_audit_logs")[0]
    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE pms_audit_logs ENABLE REPLICA TRIGGER {name}"
            if connection.vendor == "postgresql"
            else f"DROP TRIGGER {name}"
        )

    assert triggers.missing() == [name]


def test_the_check_looks_only_at_databases_it_is_asked_about(db: None) -> None:
    triggers.uninstall()

    assert checks.audit_triggers(databases=None) == []


def _lose_triggers(model: type[Model]) -> None:
    """Rebuild the table as a later migration might; PostgreSQL never rebuilds, so there somebody drops them."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for name in triggers.expected_names(connection, model._meta.db_table):
                cursor.execute(f"DROP TRIGGER {name} ON {model._meta.db_table}")
        return
    editor: Any
    with connection.schema_editor() as editor:
        editor._remake_table(model)
