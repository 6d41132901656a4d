"""A practice's own hours and blocked time, requests for appointments, and each connection's background work."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_keeps_days'),
        ('pms', '0005_whole_api'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Blockout',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('practice', 'Practice'), ('clinician', 'Clinician'), ('operatory', 'Operatory')], default='practice', max_length=16)),
                ('resource_id', models.CharField(blank=True, max_length=128)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('label', models.CharField(blank=True, max_length=80)),
            ],
            options={
                'db_table': 'blockouts',
            },
        ),
        migrations.CreateModel(
            name='Duty',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('TOKEN', 'Session token'), ('HEALTH', 'Health'), ('SYNC', 'Appointments')], max_length=8)),
                ('next_attempt_at', models.DateTimeField(blank=True, null=True)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.CharField(blank=True, max_length=64)),
                ('parked_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name_plural': 'duties',
                'db_table': 'duties',
            },
        ),
        migrations.CreateModel(
            name='SpecialDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('practice', 'Practice'), ('clinician', 'Clinician'), ('operatory', 'Operatory')], default='practice', max_length=16)),
                ('resource_id', models.CharField(blank=True, max_length=128)),
                ('day', models.DateField()),
                ('windows', models.JSONField(blank=True, default=list, help_text='Such as [["08:00", "12:00"]]; empty: closed.')),
                ('label', models.CharField(blank=True, max_length=80)),
            ],
            options={
                'db_table': 'special_days',
            },
        ),
        migrations.CreateModel(
            name='WeeklyHours',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('practice', 'Practice'), ('clinician', 'Clinician'), ('operatory', 'Operatory')], default='practice', max_length=16)),
                ('resource_id', models.CharField(blank=True, max_length=128)),
                ('hours', models.JSONField(default=dict)),
            ],
            options={
                'verbose_name': 'weekly hours',
                'verbose_name_plural': 'weekly hours',
                'db_table': 'weekly_hours',
            },
        ),
        migrations.AddField(
            model_name='appointmenttype',
            name='for_patients',
            field=models.CharField(choices=[('ANYONE', 'Everybody'), ('NEW', 'New patients'), ('KNOWN', 'Patients of the practice')], default='ANYONE', max_length=8),
        ),
        migrations.AddField(
            model_name="booking",
            name="assistant_id",
            field=models.CharField(blank=True, max_length=128),
        ),
        migrations.AddField(
            model_name="writeback",
            name="refusal",
            field=models.BinaryField(null=True),
        ),
        migrations.AddIndex(
            model_name="booking",
            index=models.Index(fields=["account", "busy_to"], name="bookings_account_ahead_idx"),
        ),
        migrations.AddField(
            model_name='pmsintegration',
            name='checked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='pmsintegration',
            name='office_offline_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='task',
            name='number',
            field=models.CharField(blank=True, max_length=12),
        ),
        migrations.AddField(
            model_name='task',
            name='patient_id',
            field=models.CharField(blank=True, max_length=128),
        ),
        migrations.AddField(
            model_name='task',
            name='resolution',
            field=models.CharField(blank=True, choices=[('APPROVED', 'Approved'), ('DECLINED', 'Declined'), ('WITHDRAWN', 'Withdrawn by the patient'), ('BOOKED', 'Booked in another way')], max_length=12),
        ),
        migrations.AddField(
            model_name='task',
            name='resolved_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('patient_id', ''), _negated=True), fields=['account', 'patient_id'], name='tasks_patient_idx'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=models.UniqueConstraint(condition=models.Q(('number', ''), _negated=True), fields=('account', 'number'), name='tasks_number_key'),
        ),
        migrations.AddField(
            model_name='blockout',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='blockouts', to='accounts.account'),
        ),
        migrations.AddField(
            model_name='duty',
            name='integration',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='duties', to='pms.pmsintegration'),
        ),
        migrations.AddField(
            model_name='specialday',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='special_days', to='accounts.account'),
        ),
        migrations.AddField(
            model_name='weeklyhours',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='weekly_hours', to='accounts.account'),
        ),
        migrations.AddIndex(
            model_name='blockout',
            index=models.Index(fields=['account', 'ends_at'], name='blockouts_account_idx'),
        ),
        migrations.AddConstraint(
            model_name='blockout',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='blockouts_length'),
        ),
        migrations.AddConstraint(
            model_name='blockout',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'practice'), ('resource_id', '')), models.Q(models.Q(('kind', 'practice'), _negated=True), models.Q(('resource_id', ''), _negated=True)), _connector='OR'), name='blockouts_named'),
        ),
        migrations.AddIndex(
            model_name='duty',
            index=models.Index(condition=models.Q(('next_attempt_at__isnull', False)), fields=['next_attempt_at'], name='duties_due_idx'),
        ),
        migrations.AddConstraint(
            model_name='duty',
            constraint=models.UniqueConstraint(fields=('integration', 'kind'), name='duties_integration_kind_key'),
        ),
        migrations.AddIndex(
            model_name='specialday',
            index=models.Index(fields=['account', 'day'], name='special_days_account_idx'),
        ),
        migrations.AddConstraint(
            model_name='specialday',
            constraint=models.UniqueConstraint(fields=('account', 'kind', 'resource_id', 'day'), name='special_days_resource_key'),
        ),
        migrations.AddConstraint(
            model_name='specialday',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'practice'), ('resource_id', '')), models.Q(models.Q(('kind', 'practice'), _negated=True), models.Q(('resource_id', ''), _negated=True)), _connector='OR'), name='special_days_named'),
        ),
        migrations.AddConstraint(
            model_name='weeklyhours',
            constraint=models.UniqueConstraint(fields=('account', 'kind', 'resource_id'), name='weekly_hours_resource_key'),
        ),
        migrations.AddConstraint(
            model_name='weeklyhours',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'practice'), ('resource_id', '')), models.Q(models.Q(('kind', 'practice'), _negated=True), models.Q(('resource_id', ''), _negated=True)), _connector='OR'), name='weekly_hours_named'),
        ),
    ]
