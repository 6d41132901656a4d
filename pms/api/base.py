"""What every REST view shares: the door, one use of a tool, and how its refusals are described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.addresses import client_address
from pms import vault
from pms.api.authentication import DoorAuthentication, Server
from pms.api.formats import JsonAnswers, StrictJsonParser
from pms.api.schemas import Problem
from pms.domain import errors
from pms.domain.clock import Budget, SystemClock
from pms.services.audit import Asker
from pms.tools import registry, runner
from pms.tools.context import Answer, Face
from pms.tools.context import Request as ToolRequest
from pms.vapi import envelope
from pms.vapi.webhook import decoded, webhook

_MAX_KEY = 100
DATE_CODES = (
    "date_ambiguous, date_in_past, date_invalid, date_missing, placeholder, time_format, time_zone_mismatch, "
    "validation_failed"
)
CODES = {
    400: "account_required, arguments_unreadable",
    401: "signature_invalid",
    403: "baa_required, call_required, card_number_refused, feature_disabled, forbidden, paused",
    409: "setup_required",
    413: "too_large",
    422: "placeholder, validation_failed",
    429: "rate_limited, with Retry-After",
    500: "internal_error",
    501: "not_supported",
    502: "credentials_rejected, upstream_invalid",
    503: "not_configured, pms_unavailable",
}
# What reading one patient's chart adds to that.
CHART_CODES = CODES | {
    403: (
        "baa_required, call_required, card_number_refused, feature_disabled, forbidden, not_verified, paused, "
        "verification_locked"
    ),
    404: "patient_not_found",
    409: "ambiguous_patient, setup_required",
    422: "minor_needs_guardian, placeholder, validation_failed",
}
# What a change adds.
CHANGE_CODES = CODES | {
    403: CHART_CODES[403],
    502: "credentials_rejected, upstream_invalid, write_rejected",
}
REFUSED = OpenApiExample(
    "Refused",
    response_only=True,
    status_codes=["422"],
    value={
        "success": False,
        "error": {
            "code": "validation_failed",
            "message": "The appointment type is not one of the practice's.",
            "retryable": False,
            "requestId": "6d7c1b44-5a0f-4a3e-8f0a-1b2c3d4e5f60",
            "fields": {"appointmentType": "Choose one of the practice's types."},
        },
    },
)
LINE = [
    OpenApiParameter("X-Vapi-Assistant-Id", str, OpenApiParameter.HEADER, description="The line, by its assistant."),
    OpenApiParameter("X-Vapi-Phone-Number-Id", str, OpenApiParameter.HEADER, description="The line, by its number."),
    OpenApiParameter("X-Vapi-Call-Id", str, OpenApiParameter.HEADER, description="The live call this belongs to."),
]
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="A repetition gets the same answer."
)


def problems(codes: Mapping[int, str]) -> dict[int, OpenApiResponse]:
    """Return the refusals of an operation for its OpenAPI description, by status."""
    return {status: OpenApiResponse(Problem, description=text) for status, text in codes.items()}


def or_envelope(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answer a Vapi envelope that is POSTed to a tool's own URL as the webhook would; the name in it decides.

    A tool made in Vapi's dashboard may have any of our URLs as its server's, and sends envelopes there.
    """

    @csrf_exempt
    @wraps(view)
    def either(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and _is_envelope(request):
            return webhook(request)
        return view(request, *args, **kwargs)

    return either


def _is_envelope(request: HttpRequest) -> bool:
    try:
        return b'"message"' in request.body and envelope.is_envelope(decoded(request))
    except (RequestDataTooBig, errors.TooLarge):
        return False


class PmsView(APIView):
    """Runs a tool for whoever signed the request."""

    authentication_classes = [DoorAuthentication]
    parser_classes = [StrictJsonParser]
    content_negotiation_class = JsonAnswers

    def run(self, request: Request, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Return the tool's answer or raise its error."""
        server = request.user
        if not isinstance(server, Server):
            raise errors.SignatureInvalid
        if server.names_no_live_call and registry.TOOLS[tool].needs_pms:
            raise errors.CallRequired
        clock = SystemClock()
        key = request.headers.get("Idempotency-Key", "").strip()
        if len(key) > _MAX_KEY:
            raise errors.Invalid("The Idempotency-Key is longer than 100 characters.")
        result = runner.run(
            name=tool,
            arguments=arguments,
            request=ToolRequest(
                account=server.account,
                kind=server.admission.kind,
                scopes=server.admission.scopes,
                face=Face.REST,
                asker=_asker(request, server),
                clock=clock,
                budget=Budget(settings.TOOL_BUDGET_SECONDS, clock),
                call=server.call,
                # As a digest: whatever somebody makes a key of is kept.
                idempotency_key=f"rest:{vault.digest(key, 'idempotency')}" if key else "",
            ),
        )
        if result.error is not None:
            raise result.error
        if result.answer is None:
            raise errors.Internal
        return result.answer

    def told(self, answer: Answer, *, done: int) -> Response:
        """Return what became of a change: with status ``done``, or 202 and a word for it while it is not final."""
        if answer.status == 202:
            return Response({"success": True, **answer.data}, status=202)
        told = {name: value for name, value in answer.data.items() if name != "status"}
        return Response({"success": True, **told}, status=done)

    def body(self, request: Request) -> dict[str, Any]:
        """Return the request's JSON object, empty if there is no body."""
        data = request.data if request.body else {}
        if not isinstance(data, dict):
            raise errors.ArgumentsUnreadable
        return data


def _asker(request: Request, server: Server) -> Asker:
    http = request._request
    match = http.resolver_match
    return Asker(
        actor=server.admission.actor,
        endpoint=f"/{match.route}" if match else "",
        method=request.method or "",
        vapi_call_id=server.call.vapi_call_id if server.call else None,
        ip_address=client_address(http) or None,
        user_agent=request.headers.get("User-Agent"),
        request_id=getattr(http, "request_id", ""),
    )
