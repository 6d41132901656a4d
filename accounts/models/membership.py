"""A person's role in a practice."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from accounts.roles import Role


class Membership(models.Model):
    """One role of one person in one account; ended by ``is_active``, never deleted."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "memberships"
        constraints = [models.UniqueConstraint(fields=["user", "account"], name="memberships_user_account_unique")]
        indexes = [models.Index(fields=["account", "role"])]

    def __str__(self) -> str:
        return f"{self.get_role_display()} of {self.account_id}"
