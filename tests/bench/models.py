"""What the bare endpoint inserts."""

from __future__ import annotations

import uuid

from django.db import models


class Received(models.Model):
    """One request, with about as many columns as a bare endpoint would keep of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tool_call_id = models.CharField(max_length=128)
    arguments = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bench"
