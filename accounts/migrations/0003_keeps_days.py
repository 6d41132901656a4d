"""For how long what belongs to calls is kept."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_call_policy'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='keeps_days',
            field=models.PositiveIntegerField(default=90, help_text='For how many days is kept what callers said and what was done for them. Not the audit log.', validators=[django.core.validators.MinValueValidator(7), django.core.validators.MaxValueValidator(3650)]),
        ),
    ]
