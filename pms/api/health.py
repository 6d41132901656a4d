"""Whether the process lives, and whether it can work."""

from __future__ import annotations

import time

from django.core.cache import caches
from django.db import connection
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
    parts = {"database": _works(_read_database), "cache": _works(_use_cache)}
    lag = _worker_lag_seconds() if parts["database"] else None
    status = 200 if all(parts.values()) else 503
    return JsonResponse(
        {"status": "ready" if status == 200 else "not ready", **parts, "workerLagSeconds": lag}, status=status
    )


def _works(part: object) -> bool:
    try:
        part()  # type: ignore[operator]
    except Exception:  # noqa: BLE001  # whatever it is, the part does not work
        return False
    return True


def _read_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _use_cache() -> None:
    caches["limits"].set("readyz", int(time.time()), 5)


def _worker_lag_seconds() -> int:
    now = timezone.now()
    oldest = WriteBack.objects.filter(next_attempt_at__lt=now).order_by("next_attempt_at").first()
    return round((now - oldest.next_attempt_at).total_seconds()) if oldest and oldest.next_attempt_at else 0
