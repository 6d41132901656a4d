"""A phone number or assistant at Vapi that belongs to one practice."""

from __future__ import annotations

import uuid

from django.db import models


class VoiceLine(models.Model):
    """What Vapi's ids and numbers are looked up in; never a model's argument. One identifier, one line."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="voice_lines")
    label = models.CharField(max_length=80)
    vapi_assistant_id = models.CharField(max_length=64, null=True, blank=True, unique=True)
    vapi_phone_number_id = models.CharField(max_length=64, null=True, blank=True, unique=True)
    phone_number = models.CharField(max_length=20, null=True, blank=True, unique=True, help_text="E.164.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "voice_lines"

    def __str__(self) -> str:
        return self.label
