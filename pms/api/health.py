"""Whether the process lives, and whether it can work."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.core.cache import caches
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from pms.models import WriteBack


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer that the process is alive."""
    return JsonResponse({"status": "alive"})


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer whether database and cache work; how late the worker is stands in the body, not in the status."""
    lag = _tried(_worker_lag_seconds)
    parts = {"database": lag is not None, "cache": _tried(_use_cache) is not None}
    status = 200 if all(parts.values()) else 503
    return JsonResponse(
        {"status": "ready" if status == 200 else "not ready", **parts, "workerLagSeconds": lag}, status=status
    )


def _tried(part: Callable[[], int]) -> int | None:
    try:
        return part()
    except Exception:  # noqa: BLE001  # whatever it is, the part does not work
        return None


def _worker_lag_seconds() -> int:
    """Return for how long the oldest due write-back has been waiting."""
    now = timezone.now()
    oldest = WriteBack.objects.filter(next_attempt_at__lt=now).order_by("next_attempt_at").first()
    return round((now - oldest.next_attempt_at).total_seconds()) if oldest and oldest.next_attempt_at else 0


def _use_cache() -> int:
    now = int(time.time())
    caches["limits"].set("readyz", now, 5)
    return now
