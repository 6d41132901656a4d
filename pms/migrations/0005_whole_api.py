"""Notes, insurance, payments and changes of patients; calls as they are reported; how strong a proof is."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_call_policy"),
        ("pms", "0004_every_verb"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="call",
            name="attestation",
            field=models.CharField(blank=True, max_length=1),
        ),
        migrations.AddField(
            model_name="call",
            name="cost",
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=9, null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="report",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="status",
            field=models.CharField(blank=True, max_length=32),
        ),
        migrations.AddField(
            model_name="pmsintegration",
            name="practice_digest",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="pmsintegration",
            name="practice_since",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="task",
            name="request_key",
            field=models.CharField(blank=True, editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="verification",
            name="is_strong",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="verification",
            name="name_digest",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="writeback",
            name="notified_at",
            field=models.DateTimeField(blank=True, help_text="When that e-mail was begun to be sent.", null=True),
        ),
        migrations.AddField(
            model_name="writeback",
            name="notifies",
            field=models.BooleanField(
                default=False, help_text="The patient is to be, or was, told by e-mail; off where that could not be."
            ),
        ),
        migrations.AddField(
            model_name="writeback",
            name="request_key",
            field=models.CharField(blank=True, editable=False, max_length=200),
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
                    ("updatePatient", "Change of a patient"),
                    ("addPatientNote", "Note"),
                    ("addInsurance", "Insurance"),
                    ("processPayment", "Payment"),
                ],
                max_length=32,
            ),
        ),
        migrations.AddIndex(
            model_name="verification",
            index=models.Index(fields=["account", "name_digest", "created_at"], name="verifications_name_idx"),
        ),
        migrations.AddConstraint(
            model_name="pmsintegration",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("status__in", ["ACTIVE", "ERROR"]), models.Q(("practice_digest", ""), _negated=True)
                ),
                fields=("practice_digest",),
                name="pms_integrations_practice_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(
                condition=models.Q(("request_key", ""), _negated=True),
                fields=("account", "request_key"),
                name="tasks_request_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="writeback",
            constraint=models.UniqueConstraint(
                condition=models.Q(("request_key", ""), _negated=True),
                fields=("account", "request_key"),
                name="write_backs_request_key",
            ),
        ),
    ]
