"""The REST endpoints. Each view is one use of a tool."""

from __future__ import annotations

from dataclasses import replace

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from pms.api import schemas
from pms.api.base import CHANGE_CODES, CHART_CODES, CODES, DATE_CODES, IDEMPOTENCY, LINE, REFUSED, PmsView, problems
from pms.domain import errors, spoken

_EXAMPLE = {
    "bookingId": "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d",
    "confirmationNumber": "K7M3XR",
    "patientName": "Ada Example",
    "startTime": "2026-12-01T14:00:00Z",
    "endTime": "2026-12-01T15:00:00Z",
}
_MOVED = {
    "bookingId": "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d",
    "confirmationNumber": "K7M3XR",
    "newStartTime": "2026-12-02T15:00:00Z",
    "startTime": "2026-12-02T15:00:00Z",
    "endTime": "2026-12-02T16:00:00Z",
}
_PLACE_CODES = f"{DATE_CODES}, not_on_grid, on_request_only, outside_hours, too_far, too_soon"
_APPOINTMENT_ID = OpenApiParameter(
    "appointment_id", str, OpenApiParameter.PATH, description="The PMS's id, a bookingId or a confirmation number."
)


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
            *LINE,
        ],
        responses={
            200: OpenApiResponse(schemas.Availability, description="Empty if nothing is open."),
            **problems(CODES | {422: f"{DATE_CODES}, on_request_only"}),
        },
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
            REFUSED,
        ],
    )
    def get(self, request: Request) -> Response:
        answer = self.run(request, "checkAvailability", request.query_params.dict())
        return Response({"success": True, "date": answer.data["date"], "slots": answer.data["slots"]})


class AppointmentsView(PmsView):
    """``GET`` and ``POST /api/pms/appointments``"""

    @extend_schema(
        operation_id="getAppointments",
        description=(
            "The appointments of some days of the practice, cancelled ones included, as they truly stand: what the "
            "PMS's own copy does not show yet is laid over it. A voice credential needs `X-Vapi-Call-Id` and gets "
            "only what a patient verified in that call has ahead, without type, clinician, name and notes."
        ),
        parameters=[
            OpenApiParameter("startDate", str, description="A local day, inclusive; today if left out."),
            OpenApiParameter(
                "endDate", str, description="A local day, inclusive; 30 days later if left out, at most 92."
            ),
            OpenApiParameter("patientId", str, description="Only this patient's."),
            OpenApiParameter("providerId", str, description="Only with this clinician."),
            OpenApiParameter(
                "status",
                str,
                enum=["scheduled", "confirmed", "completed", "cancelled", "no_show", "pending"],
                description="Only in this state; `scheduled` includes those the patient has confirmed.",
            ),
            *LINE,
        ],
        responses={
            200: OpenApiResponse(schemas.Appointments),
            **problems(
                CODES
                | {
                    403: CHART_CODES[403],
                    404: "patient_not_found",
                    409: "ambiguous_patient, setup_required",
                    422: "date_invalid, minor_needs_guardian, placeholder, validation_failed",
                }
            ),
        },
        examples=[
            OpenApiExample(
                "One day",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "appointments": [
                        {
                            "id": "90417",
                            "patientId": "1001",
                            "patientName": "Ada Example",
                            "providerId": "HY1",
                            "providerName": "Hannah Example",
                            "appointmentType": "Cleaning",
                            "startTime": "2026-12-01T14:00:00Z",
                            "endTime": "2026-12-01T15:00:00Z",
                            "status": "scheduled",
                            "notes": "Prefers the afternoon",
                        }
                    ],
                },
            ),
            REFUSED,
        ],
    )
    def get(self, request: Request) -> Response:
        answer = self.run(request, "getAppointments", request.query_params.dict())
        return Response({"success": True, "appointments": answer.data["appointments"]})

    @extend_schema(
        operation_id="bookAppointment",
        description=(
            "Books an appointment. A voice credential needs `X-Vapi-Call-Id` and books only for patients verified in "
            "that call; times then are the practice's wall clock. A booking for a `temporaryId` is sent when the "
            "patient's record is there."
        ),
        parameters=[IDEMPOTENCY, *LINE],
        request=schemas.BookingRequest,
        responses={
            201: OpenApiResponse(schemas.Booked, description="The practice's system has it."),
            202: OpenApiResponse(schemas.Booked, description="Sent; whether it is made is not known yet."),
            **problems(
                CHANGE_CODES
                | {
                    404: "patient_not_found",
                    409: (
                        "already_booked, ambiguous_patient, idempotency_conflict, person_overlap, setup_required, "
                        "slot_expired, slot_taken, still_working"
                    ),
                    422: f"{_PLACE_CODES}, minor_needs_guardian",
                }
            ),
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
            REFUSED,
        ],
    )
    def post(self, request: Request) -> Response:
        return self.told(self.run(request, "bookAppointment", self.body(request)), done=201)


class AppointmentView(PmsView):
    """``PATCH`` and ``DELETE /api/pms/appointments/{id}``"""

    @extend_schema(
        operation_id="rescheduleAppointment",
        description=(
            "Moves an appointment to `startTime`; the old time stands until the PMS has made the move. With "
            '`{"status": "confirmed"}` and no `startTime` it notes instead that the patient is coming.'
        ),
        parameters=[_APPOINTMENT_ID, IDEMPOTENCY, *LINE],
        request=schemas.MoveRequest,
        responses={
            200: OpenApiResponse(schemas.Moved, description="The practice's system has it."),
            202: OpenApiResponse(schemas.Moved, description="Sent; whether it is made is not known yet."),
            **problems(
                CHANGE_CODES
                | {
                    404: "appointment_not_found",
                    409: (
                        "already_booked, ambiguous_patient, idempotency_conflict, person_overlap, setup_required, "
                        "slot_expired, slot_taken, still_working"
                    ),
                    422: f"{_PLACE_CODES}, minor_needs_guardian",
                }
            ),
        },
        examples=[
            OpenApiExample(
                "Move", request_only=True, value={"startTime": "2026-12-02T15:00:00Z", "reason": "Patient conflict"}
            ),
            OpenApiExample(
                "Moved",
                response_only=True,
                status_codes=["200"],
                value={"success": True, "appointment": {"id": "90417", **_MOVED}},
            ),
            OpenApiExample(
                "Under way",
                response_only=True,
                status_codes=["202"],
                value={"success": True, "status": "pending", "appointment": {"id": "90417", **_MOVED}},
            ),
            REFUSED,
        ],
    )
    def patch(self, request: Request, appointment_id: str) -> Response:
        asked = {**self.body(request), "appointmentId": _named(appointment_id)}
        if str(asked.get("status", "")).lower() != "confirmed" or asked.get("startTime"):
            return self.told(self.run(request, "rescheduleAppointment", asked), done=200)
        answer = self.run(request, "confirmAppointment", asked)
        data = {"appointment": {"id": answer.data["appointmentId"]}, **answer.data}
        del data["appointmentId"]
        if data["writeId"] is None:  # there was nothing to change
            del data["writeId"]
        return self.told(replace(answer, data=data), done=200)

    @extend_schema(
        operation_id="cancelAppointment",
        description=(
            "Cancels an appointment, or takes back a booking that the PMS has not made yet; 202 while it is not final. "
            "The body may have a `reason` and `sendNotification`."
        ),
        parameters=[_APPOINTMENT_ID, *LINE],
        request=schemas.CancelRequest,
        responses={
            200: OpenApiResponse(schemas.Cancelled, description="The practice's system has it as cancelled."),
            202: OpenApiResponse(schemas.Cancelled, description="Sent; whether it is made is not known yet."),
            **problems(
                CHANGE_CODES
                | {
                    404: "appointment_not_found",
                    409: "ambiguous_patient, setup_required, still_working",
                    422: "date_in_past, minor_needs_guardian, placeholder, validation_failed",
                }
            ),
        },
        examples=[
            OpenApiExample("Cancel", request_only=True, value={"reason": "Patient cancellation"}),
            OpenApiExample(
                "Cancelled",
                response_only=True,
                status_codes=["200"],
                value={"success": True, "message": "Appointment cancelled successfully"},
            ),
            OpenApiExample(
                "Under way",
                response_only=True,
                status_codes=["202"],
                value={
                    "success": True,
                    "status": "pending",
                    "message": "The cancellation is not final yet",
                    "writeId": "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d",
                },
            ),
            REFUSED,
        ],
    )
    def delete(self, request: Request, appointment_id: str) -> Response:
        asked = {**self.body(request), "appointmentId": _named(appointment_id)}
        answer = self.run(request, "cancelAppointment", asked)
        body = {name: value for name, value in answer.data.items() if name == "confirmationSent"}
        if answer.status == 200:
            return Response({"success": True, "message": "Appointment cancelled successfully", **body})
        body |= {"status": answer.data["status"], "writeId": answer.data["writeId"]}
        return Response({"success": True, "message": "The cancellation is not final yet", **body}, status=202)


class MessagesView(PmsView):
    """``POST /api/pms/messages``"""

    @extend_schema(
        operation_id="takeMessage",
        description="Leaves a message for the team as a task. Works also while the PMS does not.",
        parameters=LINE,
        request=schemas.MessageRequest,
        responses={
            201: OpenApiResponse(schemas.KeptMessage),
            **problems(
                {code: CODES[code] for code in (400, 401, 413, 422, 429, 500)}
                | {403: "baa_required, card_number_refused, forbidden, paused", 503: "not_configured"}
            ),
        },
        examples=[
            OpenApiExample("Leave", request_only=True, value={"message": "Please call about the crown."}),
            OpenApiExample(
                "Kept",
                response_only=True,
                status_codes=["201"],
                value={
                    "success": True,
                    "message": {
                        "id": "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d",
                        "createdAt": "2026-12-01T14:00:00Z",
                    },
                },
            ),
            REFUSED,
        ],
    )
    def post(self, request: Request) -> Response:
        return self.told(self.run(request, "takeMessage", self.body(request)), done=201)


class WriteView(PmsView):
    """``GET /api/pms/writes/{id}``"""

    @extend_schema(
        operation_id="getWrite",
        description="What became of a change that was answered with 202: by its bookingId, or by its writeId.",
        parameters=[
            OpenApiParameter("write_id", str, OpenApiParameter.PATH, description="A bookingId or a writeId."),
            *LINE,
        ],
        responses={
            200: OpenApiResponse(schemas.Write),
            **problems(CODES | {403: CHART_CODES[403], 404: "not_found"}),
        },
        examples=[
            OpenApiExample(
                "Made",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "status": "confirmed",
                    "operation": "bookAppointment",
                    "appointment": {
                        "id": "90417",
                        "bookingId": "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d",
                        "confirmationNumber": "K7M3XR",
                        "startTime": "2026-12-01T14:00:00Z",
                        "endTime": "2026-12-01T15:00:00Z",
                    },
                },
            ),
            REFUSED,
        ],
    )
    def get(self, request: Request, write_id: str) -> Response:
        return Response({"success": True, **self.run(request, "getWrite", {"writeId": write_id}).data})


def _named(appointment_id: str) -> str:
    """Return the id in an address. A word for nothing names no appointment, and never the only one there is."""
    if spoken.is_blank(appointment_id):
        raise errors.AppointmentNotFound
    return appointment_id
