"""Where a caller who wants a person is put through: a rule of the practice's numbers and hours, and of the time."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import structlog

from accounts import hours
from accounts.models import Account
from pms.domain.localtime import local_date_of, resolve_edge
from pms.domain.phone import normalize

log = structlog.get_logger(__name__)

_HOUR = 60
_DAY = 24 * _HOUR


def number_for(*, account: Account, now: datetime) -> str:
    """Return the number in E.164 that takes a caller now, or empty: in the transfer hours one, outside them the other.

    Hours that cannot be read are none, so that nobody's phone rings at a time the practice has not chosen.
    """
    number = account.transfer_number if _is_open(account, now) else account.after_hours_number
    return normalize(number, account.country) or ""


def _is_open(account: Account, now: datetime) -> bool:
    if not account.transfer_hours:
        return True
    day = local_date_of(now, account.zone)
    try:
        windows = hours.windows(account.transfer_hours, day.isoweekday())
    except ValueError:
        log.warning("transfer hours cannot be read", account_id=str(account.pk))
        return False

    def edge(minutes: int) -> datetime:
        on = day + timedelta(days=minutes // _DAY)
        return resolve_edge(on, time(minutes % _DAY // _HOUR, minutes % _HOUR), account.zone)

    return any(edge(opens) <= now < edge(closes) for opens, closes in windows)
