"""What only the database can refuse: changes to evidence and, on PostgreSQL, two bookings of one resource."""

from django.db import migrations

from pms.models import triggers

BLOCKING = (
    "state IN ('HELD', 'PENDING', 'UNKNOWN') OR (state = 'CONFIRMED' AND verified_at IS NULL)"
)
EXCLUSIONS = {
    "bookings_clinician_excl": "clinician_id",
    "bookings_operatory_excl": "operatory_id",
}


def add(apps, schema_editor):
    triggers.install(schema_editor.connection.alias)
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist", None)
    for name, column in EXCLUSIONS.items():
        schema_editor.execute(
            f"ALTER TABLE bookings ADD CONSTRAINT {name} EXCLUDE USING gist "
            f"(account_id WITH =, {column} WITH =, tstzrange(busy_from, busy_to) WITH &&) WHERE ({BLOCKING})",
            None,
        )


def remove(apps, schema_editor):
    triggers.uninstall(schema_editor.connection.alias)
    if schema_editor.connection.vendor == "postgresql":
        for name in EXCLUSIONS:
            schema_editor.execute(f"ALTER TABLE bookings DROP CONSTRAINT {name}", None)


class Migration(migrations.Migration):
    dependencies = [("pms", "0001_initial")]
    operations = [migrations.RunPython(add, remove)]
