"""Whether a time may be booked directly now: by a recent copy of the PMS only, and at an office that can be reached.

Where a vendor reads from a copy, what stands there may be old; then times are not offered, and what a caller wants is
left to the team as a request. What the health job has noted last counts, unless it says no: then the vendor is asked.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pms.domain import errors
from pms.services import health
from pms.services.gateway import Access

# A "no" that is younger is not asked again.
_ASK_AGAIN_AFTER = timedelta(minutes=1)
# Not every vendor tells when an office is back. A write is tried then, and tells.
_TRY_AGAIN_AFTER = timedelta(minutes=10)


class RequestsOnly(errors.OnRequestOnly):
    """Nothing can be booked directly for the moment; ``why`` is kept with what is requested instead."""

    why: ClassVar[str]
    default_message = "For the moment appointments are only taken as requests."


class CopyTooOld(RequestsOnly):
    why = "stale"
    default_spoken = (
        "What I can see of the practice's schedule is not up to date right now, so I can't offer times myself. "
        "I can take a request for a day and time for the team."
    )


class OfficeUnreachable(RequestsOnly):
    why = "office_offline"
    default_spoken = (
        "The practice's own computer can't be reached right now, so I can't put anything into the schedule. "
        "I can take a request for a day and time for the team."
    )


def require_current(access: Access) -> None:
    """Raise ``RequestsOnly`` if what the PMS shows is older than the practice allows."""
    integration, now = access.integration, access.clock.now()
    if not health.is_stale(integration, now):
        return
    checked_at = integration.checked_at
    if checked_at is None or now - checked_at >= _ASK_AGAIN_AFTER:
        health.check(access)
    if health.is_stale(integration, now):
        raise CopyTooOld


def require_office(access: Access) -> None:
    """Raise ``RequestsOnly`` if the office's computer, which would have to write, is offline.

    If that was noted before, the vendor is asked anew: nobody tells us when it is back. If it says nothing either, what
    was noted counts for a while only: then a write is let through, and finds out.
    """
    integration = access.integration
    if integration.office_is_offline:
        health.check(access)
    offline_at = integration.office_offline_at
    if offline_at is not None and access.clock.now() - offline_at < _TRY_AGAIN_AFTER:
        raise OfficeUnreachable
