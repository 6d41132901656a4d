"""Who a caller is put through to, and what may be kept of their calls."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="after_hours_number",
            field=models.CharField(blank=True, help_text="E.164; outside the transfer hours.", max_length=20),
        ),
        migrations.AddField(
            model_name="account",
            name="keeps_recordings",
            field=models.BooleanField(default=False, help_text="Keep links to recordings of calls, sealed."),
        ),
        migrations.AddField(
            model_name="account",
            name="keeps_transcripts",
            field=models.BooleanField(default=False, help_text="Keep transcripts and summaries of calls, sealed."),
        ),
        migrations.AddField(
            model_name="account",
            name="sends_confirmations",
            field=models.BooleanField(
                default=False,
                help_text="Send patients e-mails, without any patient data in them, about their appointments.",
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="transfer_hours",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text='Local hours by ISO weekday: {"1": [["08:00", "17:00"]]}. Empty: at any time.',
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="transfer_number",
            field=models.CharField(blank=True, help_text="E.164; who wants a person is put through.", max_length=20),
        ),
        migrations.AddField(
            model_name="account",
            name="trusts_caller_number",
            field=models.BooleanField(
                default=False,
                help_text="A caller's number counts as proof although their carrier does not vouch for it.",
            ),
        ),
    ]
