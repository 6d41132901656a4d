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
from pms.api.formats import JsonAnswers, StrictJsonParser
from pms.api.schemas import Availability, Booked, BookingRequest, Problem
from pms.domain import errors
from pms.domain.clock import Budget, SystemClock
from pms.services.audit import Asker
from pms.tools import runner
from pms.tools.context import Answer, Face
from pms.tools.context import Request as ToolRequest
from pms.vapi import door

_MAX_KEY = 100
_DATES = (
    "date_ambiguous, date_in_past, date_invalid, date_missing, placeholder, time_format, time_zone_mismatch, "
    "validation_failed"
)
_CODES = {
    400: "account_required, arguments_unreadable",
    401: "signature_invalid",
    403: "baa_required, call_required, feature_disabled, forbidden, paused",
    409: "setup_required",
    413: "too_large",
    422: f"{_DATES}, on_request_only",
    429: "rate_limited, with Retry-After",
    500: "internal_error",
    501: "not_supported",
    502: "credentials_rejected, upstream_invalid",
    503: "not_configured, pms_unavailable",
}
_BOOKING_CODES = _CODES | {
    403: "baa_required, call_required, feature_disabled, forbidden, not_verified, paused",
    404: "patient_not_found",
    409: (
        "ambiguous_patient, idempotency_conflict, person_overlap, setup_required, slot_expired, slot_taken, "
        "still_working"
    ),
    422: f"{_DATES}, minor_needs_guardian, not_on_grid, on_request_only, outside_hours, too_far, too_soon",
    502: "credentials_rejected, upstream_invalid, write_rejected",
    504: "outcome_unknown",
}
_EXAMPLE = {
    "bookingId": "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d",
    "confirmationNumber": "K7M3XR",
    "patientName": "Ada Example",
    "startTime": "2026-12-01T14:00:00Z",
    "endTime": "2026-12-01T15:00:00Z",
}
_REFUSED = OpenApiExample(
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
_LINE = [
    OpenApiParameter("X-Vapi-Assistant-Id", str, OpenApiParameter.HEADER, description="The line, by its assistant."),
    OpenApiParameter("X-Vapi-Phone-Number-Id", str, OpenApiParameter.HEADER, description="The line, by its number."),
    OpenApiParameter("X-Vapi-Call-Id", str, OpenApiParameter.HEADER, description="The live call this belongs to."),
]


def _problems(codes: Mapping[int, str]) -> dict[int, OpenApiResponse]:
    return {status: OpenApiResponse(Problem, description=text) for status, text in codes.items()}


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
        description=(
            "The open times of one day of the practice; with `X-Vapi-Call-Id`, of the next day that has any. "
            "Offering a time does not hold it."
        ),
        parameters=[
            OpenApiParameter("date", str, description="The practice's local day, YYYY-MM-DD; today if left out."),
            OpenApiParameter("appointmentType", str, description="One of the practice's types, by name or alias."),
            OpenApiParameter("providerId", str, description="A clinician's id or name."),
            OpenApiParameter("duration", int, description="Ignored: the type says how long it takes."),
            *_LINE,
        ],
        responses={200: OpenApiResponse(Availability, description="Empty if nothing is open."), **_problems(_CODES)},
        examples=[
            OpenApiExample(
                "Open times",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "date": "2026-12-01",
                    "slots": [
                        {
                            "startTime": "2026-12-01T14:00:00Z",
                            "endTime": "2026-12-01T15:00:00Z",
                            "providerId": "HY1",
                            "providerName": "Hannah Example",
                            "available": True,
                        }
                    ],
                },
            ),
            _REFUSED,
        ],
    )
    def get(self, request: Request) -> Response:
        answer = self.run(request, "checkAvailability", request.query_params.dict())
        return Response({"success": True, "date": answer.data["date"], "slots": answer.data["slots"]})


class AppointmentsView(PmsView):
    """``POST /api/pms/appointments``"""

    @extend_schema(
        operation_id="bookAppointment",
        description=(
            "Books an appointment. A voice credential needs `X-Vapi-Call-Id` and books only for patients verified in "
            "that call; times then are the practice's wall clock."
        ),
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="A repetition gets the same booking."
            ),
            *_LINE,
        ],
        request=BookingRequest,
        responses={
            201: OpenApiResponse(Booked, description="The practice's system has it."),
            202: OpenApiResponse(Booked, description="Sent; whether it is made is not known yet."),
            **_problems(_BOOKING_CODES),
        },
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
                "Booked",
                response_only=True,
                status_codes=["201"],
                value={"success": True, "appointment": {"id": "90417", **_EXAMPLE}},
            ),
            OpenApiExample(
                "Under way",
                response_only=True,
                status_codes=["202"],
                value={"success": True, "status": "pending", "appointment": {"id": None, **_EXAMPLE}},
            ),
            _REFUSED,
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
