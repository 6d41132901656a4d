"""Moves, cancellations, confirmations and new patients beside bookings; one change of one appointment at a time."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


BLOCKING = "state IN ('HELD', 'PENDING', 'UNKNOWN') OR (state = 'CONFIRMED' AND verified_at IS NULL)"
EXCLUSIONS = {"bookings_clinician_excl": "clinician_id", "bookings_operatory_excl": "operatory_id"}


def know_visits(apps, schema_editor):
    """Make every booking there is a visit of its own, and name the patient on its write-backs."""
    Booking = apps.get_model("pms", "Booking")
    WriteBack = apps.get_model("pms", "WriteBack")
    Booking.objects.update(visit_id=models.F("id"))
    patient = Booking.objects.filter(pk=models.OuterRef("booking_id")).values("patient_id")[:1]
    WriteBack.objects.filter(booking__isnull=False).update(patient_id=models.Subquery(patient))


def let_a_visit_overlap_itself(apps, schema_editor):
    _exclude(schema_editor, "visit_id WITH <>, ")


def let_nothing_overlap(apps, schema_editor):
    _exclude(schema_editor, "")


def _exclude(schema_editor, but):
    if schema_editor.connection.vendor != "postgresql":
        return
    for name, column in EXCLUSIONS.items():
        schema_editor.execute(f"ALTER TABLE bookings DROP CONSTRAINT {name}", None)
        schema_editor.execute(
            f"ALTER TABLE bookings ADD CONSTRAINT {name} EXCLUDE USING gist "
            f"(account_id WITH =, {column} WITH =, {but}tstzrange(busy_from, busy_to) WITH &&) WHERE ({BLOCKING})",
            None,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("pms", "0003_system_credentials"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="moved_appointment_id",
            field=models.CharField(blank=True, max_length=128),
        ),
        migrations.AddField(
            model_name="booking",
            name="visit_id",
            field=models.UUIDField(default=uuid.uuid4, editable=False),
        ),
        migrations.AddField(
            model_name="task",
            name="write_back",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tasks",
                to="pms.writeback",
            ),
        ),
        migrations.AddField(
            model_name="writeback",
            name="after",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="followers",
                to="pms.writeback",
            ),
        ),
        migrations.AddField(
            model_name="writeback",
            name="appointment_id",
            field=models.CharField(blank=True, max_length=128),
        ),
        migrations.AddField(
            model_name="writeback",
            name="call",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="write_backs",
                to="pms.call",
            ),
        ),
        migrations.AddField(
            model_name="writeback",
            name="patient_id",
            field=models.CharField(blank=True, max_length=128),
        ),
        migrations.AddField(
            model_name="writeback",
            name="subject_digest",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="writeback",
            name="verified_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="writeback",
            name="withdrawn_at",
            field=models.DateTimeField(blank=True, help_text="When the vendor was first asked to drop it.", null=True),
        ),
        migrations.AlterField(
            model_name="writeback",
            name="operation",
            field=models.CharField(
                choices=[
                    ("bookAppointment", "Booking"),
                    ("rescheduleAppointment", "Move"),
                    ("cancelAppointment", "Cancellation"),
                    ("confirmAppointment", "Confirmation"),
                    ("createPatient", "New patient"),
                ],
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="writeback",
            name="state",
            field=models.CharField(
                choices=[
                    ("WAITING", "Waiting for its patient"),
                    ("SENDING", "Sending"),
                    ("PENDING", "Pending"),
                    ("UNKNOWN", "Unknown"),
                    ("DONE", "Done"),
                    ("FAILED", "Failed"),
                    ("PARKED", "Parked for a person"),
                ],
                default="SENDING",
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="writeback",
            index=models.Index(
                condition=models.Q(("appointment_id", ""), _negated=True),
                fields=["integration", "appointment_id"],
                name="write_backs_appointment_idx",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(fields=("write_back", "kind"), name="tasks_write_back_kind_key"),
        ),
        migrations.AddConstraint(
            model_name="writeback",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("state__in", ["SENDING", "PENDING", "UNKNOWN"]), models.Q(("appointment_id", ""), _negated=True)
                ),
                fields=("integration", "appointment_id"),
                name="write_backs_one_change_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="writeback",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(
                        ("state__in", ["SENDING", "PENDING", "UNKNOWN"]),
                        models.Q(("state", "DONE"), ("verified_at__isnull", True)),
                        _connector="OR",
                    ),
                    models.Q(("subject_digest", ""), _negated=True),
                ),
                fields=("account", "subject_digest"),
                name="write_backs_one_patient_key",
            ),
        ),
        migrations.RunPython(know_visits, migrations.RunPython.noop),
        migrations.RunPython(let_a_visit_overlap_itself, let_nothing_overlap),
    ]
