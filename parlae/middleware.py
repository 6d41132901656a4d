"""One request id for the log, the audit rows and the answer."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.addresses import is_trusted_proxy
from pms.domain.errors import Forbidden
from pms.vapi.refusal import refusal

# Letters and digits: neither a name, a telephone number nor a date gets into the log as an id.
_ACCEPTED = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9-]{8,64}")
log = structlog.get_logger("parlae.request")


class SecureTransportMiddleware:
    """Refuse plain HTTP under /api instead of redirecting it, and believe a proxy's word about https only from proxies.

    A redirect would come after the secret was sent in clear.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_trusted_proxy(str(request.META.get("REMOTE_ADDR", ""))):
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)
        if settings.SECURE_SSL_REDIRECT and request.path.startswith("/api/") and not request.is_secure():
            return refusal(Forbidden("Plain HTTP is not accepted here; use https."), request)
        return self.get_response(request)


class RequestIdMiddleware:
    """Bind a request id, log one line per request by its route pattern, and return the id as ``X-Request-Id``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get("X-Request-Id", "")
        request_id = offered if _ACCEPTED.fullmatch(offered) else str(uuid.uuid4())
        request.request_id = request_id  # type: ignore[attr-defined]
        started = time.monotonic()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            match = request.resolver_match
            log.info(
                "request",
                method=request.method,
                route=match.route if match else "",  # never the path: it may hold ids
                status=response.status_code,
                duration_ms=round((time.monotonic() - started) * 1000),
            )
        response["X-Request-Id"] = request_id
        return response
