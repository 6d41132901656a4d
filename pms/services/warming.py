"""What most calls need first, read while the caller is still being greeted: session token, people, rooms and hours.

No patient is among it: a caller's number alone opens nobody's record. Nobody waits for it either, so it gives way: it
is short, it leaves the reserve of the vendor's rate limit alone, and in a process it never has more than one thread.
"""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog
from django.conf import settings
from django.core.cache import caches

from accounts import baa
from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.localtime import local_date_of
from pms.models import PmsCachedData, PmsIntegration
from pms.services import directory, gateway, integrations
from pms.services.audit import Asker
from pms.services.availability import FIRST_DAYS

log = structlog.get_logger(__name__)

BUDGET_SECONDS = 3.0
ACTION = "warmUp"
_AGAIN_AFTER_SECONDS = 60
_KEPT = frozenset({"clinicians", "operatories", "schedules"})
# A thread that waits for a PMS answers nobody meanwhile.
_turn = threading.Lock()


def warm(*, account: Account, asker: Asker, clock: Clock) -> None:
    """Read what a call will need, unless it is still kept or was read a moment ago; whatever fails is only logged."""
    if not _turn.acquire(blocking=False):
        return
    try:
        _warm(account, asker, clock)
    except errors.ParlaeError as error:
        log.info("not warmed", code=error.code, account_id=str(account.pk))
    except Exception as error:  # the tool that needs it will say what is wrong
        log.error("warming crashed", exc_info=error)
    finally:
        _turn.release()


def _warm(account: Account, asker: Asker, clock: Clock) -> None:
    if not account.is_active or account.is_paused or not baa.is_accepted(account):
        return
    integration = integrations.active_for(account=account)
    if _is_warm(integration, clock) or not _is_due(integration):
        return
    budget = Budget(BUDGET_SECONDS, clock)
    with gateway.reading(
        integration=integration, asker=asker, action=ACTION, phi=False, clock=clock, budget=budget, is_live=False
    ) as access:
        today = local_date_of(clock.now(), account.zone)
        directory.clinicians(access)
        directory.operatories(access)
        # The days that the first question about open times reads.
        directory.schedules(access, today, today + timedelta(days=FIRST_DAYS - 1))


def _is_warm(integration: PmsIntegration, clock: Clock) -> bool:
    """Return whether all of it is kept; hours of other weeks count too, and then the first question reads its own."""
    kept = PmsCachedData.objects.filter(
        pms_integration=integration, cache_type__in=_KEPT, expires_at__gt=clock.now()
    ).values_list("cache_type", flat=True)
    return set(kept) >= _KEPT


def _is_due(integration: PmsIntegration) -> bool:
    """Return whether no process has warmed this connection within the last minute, and note that this one does."""
    key = f"parlae.warming:{integration.pk}"
    return bool(caches[settings.RATELIMIT_USE_CACHE].add(key, 1, timeout=_AGAIN_AFTER_SECONDS))
