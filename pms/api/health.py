"""Whether the process lives, and whether it can work."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from django.core.cache import caches
from django.db.models import Min
from django.db.models.functions import Greatest
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.openness import asks_nobody
from pms.models import WriteBack
from pms.services import duties, setup_checks


@asks_nobody
@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer that the process is alive."""
    return JsonResponse({"status": "alive"})


@asks_nobody
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
    """Return for how long the oldest due write-back, duty or check has been waiting.

    A duty of a connection that was switched on again waits from then on.
    """
    now = timezone.now()
    writes = WriteBack.objects.filter(next_attempt_at__lt=now)
    resting = Greatest("next_attempt_at", "integration__updated_at")
    since: tuple[datetime | None, ...] = (
        writes.aggregate(since=Min("next_attempt_at"))["since"],
        duties.overdue(now).aggregate(since=Min(resting))["since"],
        setup_checks.overdue_since(now),
    )
    return max([0, *(round((now - one).total_seconds()) for one in since if one is not None)])


def _use_cache() -> int:
    now = int(time.time())
    caches["limits"].set("readyz", now, 5)
    return now
