"""How often something may be asked: named limits over django-ratelimit's counter.

Windows are fixed, so across a boundary up to twice the limit passes. A counter that cannot be read refuses, except
where what is refused would be lost.
"""

from __future__ import annotations

import structlog
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from pms.domain import errors

log = structlog.get_logger(__name__)

LIMITS = {
    "account": "100/m",
    "messages": "60/m",  # of their own, so that a message can be left when nothing else can be done
    "refusals": "6/m",  # events about requests that were not let in
    "search": "30/m",
    "payments": "30/m",
    "people": "60/m",  # per signed-in person, so that none of them uses up what callers need
    "test_calls": "12/h",  # per practice, asked for in the page
    "connection": "10/h",  # tries of a practice's connection, by which a secret could be guessed
    "office_codes": "3/h",  # per practice here: codes sent to the mailbox of an office that it wants to connect
    "office_mailbox": "5/d",  # per office, over all practices here: nobody's mailbox is flooded
    "verification": "20/h",  # per caller's number, over all calls
    "suspensions": "1/d",  # warnings about one person who is guessed at
}
# What a caller wants the team to know, and what the team is warned of, is kept while nothing can be counted: nothing
# else might be left to do.
_ALSO_UNCOUNTED = frozenset({"messages", "suspensions"})


def check(*, limit: str, key: str) -> None:
    """Count one use of ``limit`` for ``key``; raise ``RateLimited`` with the seconds to wait when it is used up."""
    rate = LIMITS[limit]
    try:
        usage = get_usage(
            HttpRequest(), group=f"parlae.{limit}", key=lambda _group, _request: key, rate=rate, increment=True
        )
    except Exception as error:  # noqa: BLE001  # every backend has its own
        log.error("use not counted", limit=limit, exception=type(error).__name__)
        if limit in _ALSO_UNCOUNTED:
            return
        raise errors.RateLimited(retry_after_seconds=1) from None
    if usage and usage["should_limit"]:
        raise errors.RateLimited(retry_after_seconds=max(1, int(usage["time_left"])))
