"""System credentials are known by a hash of what they send; only voice credentials have sealed secrets."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pms", "0002_refusals")]
    operations = [
        migrations.AlterField(
            model_name="credential",
            name="secrets",
            field=models.BinaryField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="credential",
            name="secret_hash",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "VOICE"), ("secret_hash", ""), ("secrets__isnull", False)),
                    models.Q(
                        ("expires_at__isnull", False),
                        ("kind", "SYSTEM"),
                        ("line__isnull", True),
                        ("secrets__isnull", True),
                        models.Q(("secret_hash", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="credentials_kind_secret",
            ),
        ),
    ]
