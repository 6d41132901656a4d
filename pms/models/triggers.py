"""What only the database can refuse: triggers against changes to evidence, exclusions against double bookings.

SQLite drops a table's triggers when a later migration rebuilds it, so they are installed after every ``migrate``
(idempotently) and ``missing`` lets a system check prove that they exist.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

APPEND_ONLY_TABLES = ("pms_audit_logs", "security_events")
# Constraints of ``bookings`` on PostgreSQL; SQLite has a single writer, under which overlaps are looked for.
EXCLUSIONS = ("bookings_clinician_excl", "bookings_operatory_excl")

_SQLITE = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id OR rowid = NEW.rowid {or_chain})
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
"""
# REPLACE deletes the row it collides with on any unique key, rowid among them, without firing the delete trigger.
_SQLITE_CHAIN = {
    "pms_audit_logs": "OR (account_id = NEW.account_id AND seq = NEW.seq)",
    "security_events": "OR (chain = NEW.chain AND seq = NEW.seq)",
}

_POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""
_POSTGRES = """
CREATE OR REPLACE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def install(using: str = "default", **_kwargs: Any) -> None:
    """Create or renew every trigger. A receiver of ``post_migrate``."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    statements = [s for table in APPEND_ONLY_TABLES if table in tables for s in _statements(connection, table)]
    if statements and connection.vendor == "postgresql":
        statements.insert(0, _POSTGRES_FUNCTION)
    # Together, so that there is no moment without triggers.
    with transaction.atomic(using), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, None)


def uninstall(using: str = "default") -> None:
    """Drop the triggers; only for tests that flush whole tables."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for table in APPEND_ONLY_TABLES:
            for name in expected_names(connection, table):
                on = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}", None)


def missing(using: str = "default") -> list[str]:
    """Return the names of triggers that should exist and do not."""
    connection = connections[using]
    catalogue = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(catalogue)
        existing = {row[0] for row in cursor.fetchall()}
    return [n for table in APPEND_ONLY_TABLES for n in expected_names(connection, table) if n not in existing]


def missing_exclusions(using: str = "default") -> list[str]:
    """Return the names of exclusion constraints that should exist and do not."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'x' AND conrelid = 'bookings'::regclass")
        existing = {row[0] for row in cursor.fetchall()}
    return [name for name in EXCLUSIONS if name not in existing]


def expected_names(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    """Return the trigger names of ``table`` on this database."""
    suffixes = (
        ("no_change", "no_truncate") if connection.vendor == "postgresql" else ("no_update", "no_delete", "no_replace")
    )
    return [f"{table}_{suffix}" for suffix in suffixes]


def _statements(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    if connection.vendor == "postgresql":
        return [s for s in _POSTGRES.format(table=table).split(";\n") if s.strip()]
    script = _SQLITE.format(table=table, or_chain=_SQLITE_CHAIN[table])
    dropped = [f"DROP TRIGGER IF EXISTS {name}" for name in expected_names(connection, table)]
    return dropped + [s + "END;" for s in script.split("END;") if s.strip()]
