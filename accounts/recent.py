"""Who has shown within the last minutes that it is them: asked for before anything that could do lasting harm.

Signing in counts, and so does confirming it again with the password, a code or a passkey.
"""

from __future__ import annotations

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

BEGAN = "began_at"  # when the session began, in seconds since 1970; accounts.middleware writes it
WITHIN_SECONDS = 300  # allauth's own ACCOUNT_REAUTHENTICATION_TIMEOUT


def is_recent(request: HttpRequest) -> bool:
    """Return whether the person has signed in, or confirmed that it is them, within the last five minutes."""
    began = request.session.get(BEGAN)
    return (began is not None and is_young(float(began))) or bool(did_recently_reauthenticate(request))


def is_young(began: float) -> bool:
    """Return whether a session that began then, in seconds since 1970, began within the last five minutes."""
    return 0 <= timezone.now().timestamp() - began < WITHIN_SECONDS


def ask(back: str) -> HttpResponse:
    """Send somebody to confirm that it is them, and then to ``back``. What they had sent is not kept meanwhile."""
    query = QueryDict(mutable=True)
    query["next"] = back
    return redirect(f"{reverse('account_reauthenticate')}?{query.urlencode(safe='/')}")
