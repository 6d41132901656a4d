"""The app's registration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PmsConfig(AppConfig):
    name = "pms"
    verbose_name = "Practice systems"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from auditlog.registry import auditlog

        from pms import models
        from pms.jobs import drift  # noqa: F401  # registers receivers
        from pms.models import triggers
        from pms.services import answers, checks, evidence  # noqa: F401  # registers checks and receivers

        # Sealed columns stay out: django-auditlog would store them, and cannot even read bytes.
        auditlog.register(models.PmsIntegration, exclude_fields=["credentials"])
        auditlog.register(models.Credential, exclude_fields=["secrets", "secret_hash"])
        auditlog.register(models.VoiceLine)
        auditlog.register(models.AppointmentType)
        auditlog.register(models.WeeklyHours)
        # What staff call a day or a blocked time may be about somebody.
        auditlog.register(models.SpecialDay, exclude_fields=["label"])
        auditlog.register(models.Blockout, exclude_fields=["label"])
        post_migrate.connect(triggers.install, sender=self)
