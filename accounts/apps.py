"""The app's registration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from auditlog.registry import auditlog

        from accounts import happenings  # noqa: F401  # registers receivers
        from accounts.models import Account, Membership, User

        auditlog.register(Account)
        auditlog.register(Membership)
        auditlog.register(User, exclude_fields=["password", "last_login"])
