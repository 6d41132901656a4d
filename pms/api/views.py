"""Appointments over REST. Each view is one use of a tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from pms.api.authentication import DoorAuthentication, Server
from pms.api.schemas import Availability, Booked, BookingRequest, Problem
from pms.domain import errors
from pms.domain.clock import Budget, SystemClock
from pms.services.audit import Asker
from pms.tools import runner
from pms.tools.context import Answer, Face
from pms.tools.context import Request as ToolRequest
from pms.vapi import door

_MAX_KEY = 100
_ERRORS = {
    code: OpenApiResponse(Problem, description=text)
    for code, text in {
        400: "account_required, arguments_unreadable",
        401: "signature_invalid",
        403: "baa_required, call_required, feature_disabled, forbidden, not_verified, paused",
        409: "person_overlap, setup_required, slot_expired, slot_taken",
        413: "too_large",
        422: "validation_failed and the codes of dates, hours and rules",
        429: "rate_limited, with Retry-After",
        501: "not_supported",
        502: "credentials_rejected, upstream_invalid, write_rejected",
        503: "pms_unavailable",
        504: "outcome_unknown",
    }.items()
}
_LINE = [
    OpenApiParameter("X-Vapi-Assistant-Id", str, OpenApiParameter.HEADER, description="The line, by its assistant."),
    OpenApiParameter("X-Vapi-Phone-Number-Id", str, OpenApiParameter.HEADER, description="The line, by its number."),
    OpenApiParameter("X-Vapi-Call-Id", str, OpenApiParameter.HEADER, description="The live call this belongs to."),
]


class PmsView(APIView):
    """Runs a tool for whoever signed the request."""

    authentication_classes = [DoorAuthentication]

    def run(self, request: Request, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Return the tool's answer or raise its error."""
        server = request.user
        if not isinstance(server, Server):
            raise errors.SignatureInvalid
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
                idempotency_key=f"rest:{key}" if key else "",
            ),
        )
        if result.error is not None:
            raise result.error
        if result.answer is None:
            raise errors.Internal
        return result.answer


class AvailabilityView(PmsView):
    """``GET /api/pms/appointments/availability``"""

    @extend_schema(
        operation_id="checkAvailability",
        parameters=[
            OpenApiParameter("date", str, description="The practice's local day, YYYY-MM-DD; today if left out."),
            OpenApiParameter("appointmentType", str, description="One of the practice's types, by name or alias."),
            OpenApiParameter("providerId", str, description="A clinician's id or name."),
            OpenApiParameter("duration", int, description="Ignored: the type says how long it takes."),
            *_LINE,
        ],
        responses={200: Availability, **_ERRORS},
    )
    def get(self, request: Request) -> Response:
        answer = self.run(request, "checkAvailability", request.query_params.dict())
        return Response({"success": True, "date": answer.data["date"], "slots": answer.data["slots"]})


class AppointmentsView(PmsView):
    """``POST /api/pms/appointments``"""

    @extend_schema(
        operation_id="bookAppointment",
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="A repetition gets the same booking."
            ),
            *_LINE,
        ],
        request=BookingRequest,
        responses={201: Booked, 202: Booked, **_ERRORS},
        examples=[
            OpenApiExample(
                "Book",
                request_only=True,
                value={
                    "patientId": "1001",
                    "providerId": "DR1",
                    "appointmentType": "Cleaning",
                    "startTime": "2026-12-01T14:00:00Z",
                    "notes": "Prefers the afternoon",
                },
            ),
            OpenApiExample(
                "Under way",
                response_only=True,
                status_codes=["202"],
                value={
                    "success": True,
                    "status": "pending",
                    "appointment": {
                        "id": None,
                        "bookingId": "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d",
                        "confirmationNumber": "K7M3XR",
                        "patientName": "Ada Example",
                        "startTime": "2026-12-01T14:00:00Z",
                        "endTime": "2026-12-01T15:00:00Z",
                    },
                },
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        if not isinstance(request.data, dict):
            raise errors.ArgumentsUnreadable
        answer = self.run(request, "bookAppointment", request.data)
        body: dict[str, Any] = {"success": True, "appointment": answer.data["appointment"]}
        if answer.status != 201:
            body["status"] = answer.data["status"]
        return Response(body, status=answer.status)


def _asker(request: Request, server: Server) -> Asker:
    http = request._request
    match = http.resolver_match
    return Asker(
        actor=server.admission.actor,
        endpoint=f"/{match.route}" if match else "",
        method=request.method or "",
        vapi_call_id=server.call.vapi_call_id if server.call else None,
        ip_address=door.client_address(http) or None,
        user_agent=request.headers.get("User-Agent"),
        request_id=getattr(http, "request_id", ""),
    )
