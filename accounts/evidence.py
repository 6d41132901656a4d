"""What people do to accounts, told to whoever keeps the evidence.

The signal is synchronous: a receiver that raises keeps the thing from being done.
"""

from __future__ import annotations

import uuid

from django.dispatch import Signal
from django.http import HttpRequest

# kind: our own code; actor: "user:<id>" or "anonymous"; account_id: the practice, if it is about one; detail: codes,
# counts and ids, never what somebody has typed; request: where it came from.
happened = Signal()


def tell(
    kind: str,
    *,
    request: HttpRequest | None,
    actor: str = "",
    account_id: uuid.UUID | None = None,
    **detail: str | int | bool,
) -> None:
    """Tell that something has happened; the actor is the person who is signed in unless told otherwise."""
    user = getattr(request, "user", None)
    known = f"user:{user.pk}" if user is not None and user.is_authenticated else "anonymous"
    happened.send(sender=None, kind=kind, actor=actor or known, account_id=account_id, detail=detail, request=request)
