"""The REST endpoints of patients and of one patient's chart. Each view is one use of a tool."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from pms.api import chart_schemas, schemas
from pms.api.authentication import Server
from pms.api.base import (
    CHANGE_CODES,
    CHART_CODES,
    CODES,
    DATE_CODES,
    IDEMPOTENCY,
    LINE,
    REFUSED,
    PmsView,
    problems,
)
from pms.domain import errors, spoken
from pms.models import CredentialKind

_PATIENT_ID = OpenApiParameter("patient_id", str, OpenApiParameter.PATH, description="The PMS's id of the patient.")
_WRITE_ID = "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d"
_CHART_CHANGE_CODES = CHANGE_CODES | {
    404: "patient_not_found",
    409: "ambiguous_patient, idempotency_conflict, setup_required, still_working",
    422: "minor_needs_guardian, placeholder, validation_failed",
}
_ADA = {
    "id": "1204",
    "firstName": "Ada",
    "lastName": "Example",
    "phone": "+14155550134",
    "email": "ada@example.test",
    "dateOfBirth": "1985-05-15",
}


def _patient(patient_id: str) -> dict[str, Any]:
    """Return the id in an address as an argument. A word for nothing names nobody, and never the only one there is."""
    if spoken.is_blank(patient_id):
        raise errors.PatientNotFound
    return {"patientId": patient_id}


class PatientsView(PmsView):
    """``POST /api/pms/patients``"""

    @extend_schema(
        operation_id="createPatient",
        description=(
            "Creates a patient, after looking for a record of the same person. While the record is not made yet, "
            "`temporaryId` stands for the patient in a booking."
        ),
        parameters=LINE,
        request=schemas.NewPatientRequest,
        responses={
            201: OpenApiResponse(schemas.CreatedPatient, description="The practice's system has the record."),
            202: OpenApiResponse(schemas.CreatedPatient, description="Sent; whether it is made is not known yet."),
            **problems(
                CHANGE_CODES
                | {
                    409: "ambiguous_patient, duplicate_patient, setup_required, still_working",
                    422: f"{DATE_CODES}, minor_needs_guardian",
                }
            ),
        },
        examples=[
            OpenApiExample(
                "Create",
                request_only=True,
                value={
                    "firstName": "Ada",
                    "lastName": "Example",
                    "dateOfBirth": "1985-05-15",
                    "phone": "+1-415-555-0134",
                    "email": "ada@example.test",
                },
            ),
            OpenApiExample(
                "Created",
                response_only=True,
                status_codes=["201"],
                value={
                    "success": True,
                    "patient": {
                        "id": "1204",
                        "firstName": "Ada",
                        "lastName": "Example",
                        "phone": "+14155550134",
                        "email": "ada@example.test",
                    },
                },
            ),
            OpenApiExample(
                "Under way",
                response_only=True,
                status_codes=["202"],
                value={
                    "success": True,
                    "status": "pending",
                    "patient": {
                        "id": None,
                        "firstName": "Ada",
                        "lastName": "Example",
                        "phone": "+14155550134",
                        "email": "ada@example.test",
                        "writeId": "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d",
                        "temporaryId": f"new-{0:032}",
                    },
                },
            ),
            REFUSED,
        ],
    )
    def post(self, request: Request) -> Response:
        return self.told(self.run(request, "createPatient", self.body(request)), done=201)


class PatientView(PmsView):
    """``GET`` and ``PATCH /api/pms/patients/{id}``"""

    @extend_schema(
        operation_id="getPatientInfo",
        description=(
            "What is on file about a patient. `balance` is null unless a system credential may read balances and the "
            "practice's system tells it. A voice credential needs a call from the number on file."
        ),
        parameters=[_PATIENT_ID, *LINE],
        responses={200: chart_schemas.PatientInfo, **problems(CHART_CODES)},
        examples=[
            OpenApiExample(
                "On file",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "patient": {
                        **_ADA,
                        "address": {"street": "12 Elm Street", "city": "Springfield", "state": "NY", "zip": "10001"},
                        "emergencyContact": None,
                        "balance": 150.00,
                        "lastVisit": "2026-08-15T04:00:00Z",
                    },
                },
            ),
            REFUSED,
        ],
    )
    def get(self, request: Request, patient_id: str) -> Response:
        return Response({"success": True, **self.run(request, "getPatientInfo", _patient(patient_id)).data})

    @extend_schema(
        operation_id="updatePatient",
        description=(
            "Changes a patient's contact details. Where the practice's system takes no such change the answer is "
            "501 not_supported, and a task has what was wanted. In a call that is not from the number on file the "
            "team gets it as a task: 202 with `requested`."
        ),
        parameters=[_PATIENT_ID, IDEMPOTENCY, *LINE],
        request=chart_schemas.UpdateRequest,
        responses={
            200: OpenApiResponse(chart_schemas.Updated, description="The practice's system has it."),
            202: OpenApiResponse(chart_schemas.Updated, description="Sent, or left to the team; not on file yet."),
            **problems(_CHART_CHANGE_CODES),
        },
        examples=[
            OpenApiExample("Change", request_only=True, value={"phone": "+1-415-555-0199"}),
            OpenApiExample(
                "Changed",
                response_only=True,
                status_codes=["200"],
                value={"success": True, "patient": {"id": "1204", "phone": "+14155550199"}},
            ),
            OpenApiExample(
                "Left to the team",
                response_only=True,
                status_codes=["202"],
                value={
                    "success": True,
                    "status": "requested",
                    "patient": {"id": "1204", "phone": "+14155550199"},
                    "taskId": _WRITE_ID,
                },
            ),
            REFUSED,
        ],
    )
    def patch(self, request: Request, patient_id: str) -> Response:
        asked = {**self.body(request), **_patient(patient_id)}
        return self.told(self.run(request, "updatePatient", asked), done=200)


class PatientSearchView(PmsView):
    """``GET`` and ``POST /api/pms/patients/search``"""

    @extend_schema(
        operation_id="searchPatients",
        description=(
            "Patients whom a name, a phone number or an e-mail address may mean, for a system credential. `POST` takes "
            "the same in its body, so that names stay out of addresses and their logs."
        ),
        parameters=[
            OpenApiParameter("query", str, required=True, description="A name, a phone number or an e-mail address."),
            OpenApiParameter("limit", int, description="At most so many, 1 to 50; 10 if left out."),
            *LINE,
        ],
        responses={200: chart_schemas.Patients, **problems(CODES)},
        examples=[
            OpenApiExample(
                "Found", response_only=True, status_codes=["200"], value={"success": True, "patients": [_ADA]}
            ),
            REFUSED,
        ],
    )
    def get(self, request: Request) -> Response:
        return Response({"success": True, **self.run(request, "searchPatients", request.query_params.dict()).data})

    @extend_schema(
        operation_id="findPatient",
        description=(
            "With a system credential: the same search, by `query` and `limit`. In a live call: confirms the one "
            "patient of whom name and date of birth were said, and lists nobody."
        ),
        parameters=LINE,
        request=chart_schemas.SearchRequest,
        responses={
            200: chart_schemas.Patients,
            **problems(CHART_CODES | {422: f"{DATE_CODES}, minor_needs_guardian"}),
        },
        examples=[
            OpenApiExample("Search", request_only=True, value={"query": "Ada Example", "limit": 10}),
            OpenApiExample(
                "Confirm",
                request_only=True,
                value={"firstName": "Ada", "lastName": "Example", "dateOfBirth": "1985-05-15"},
            ),
            OpenApiExample(
                "Found", response_only=True, status_codes=["200"], value={"success": True, "patients": [_ADA]}
            ),
            OpenApiExample(
                "Confirmed",
                response_only=True,
                status_codes=["200"],
                value={"success": True, "patients": [{"id": "1204"}]},
            ),
            REFUSED,
        ],
    )
    def post(self, request: Request) -> Response:
        server = request.user
        if isinstance(server, Server) and (server.call is not None or server.admission.kind == CredentialKind.VOICE):
            answer = self.run(request, "findPatient", self.body(request))
            return Response({"success": True, "patients": [{"id": answer.data["patientId"]}]})
        return Response({"success": True, **self.run(request, "searchPatients", self.body(request)).data})


class NotesView(PmsView):
    """``GET`` and ``POST /api/pms/patients/{id}/notes``"""

    @extend_schema(
        operation_id="getPatientNotes",
        description=(
            "The notes in a patient's record, newest first. In a call: those that were left through Parlae, and the "
            "kinds that the practice lets be read out."
        ),
        parameters=[_PATIENT_ID, *LINE],
        responses={200: chart_schemas.Notes, **problems(CHART_CODES)},
        examples=[
            OpenApiExample(
                "Notes",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "notes": [
                        {
                            "id": "311",
                            "content": "Patient prefers morning appointments",
                            "createdBy": "DR1",
                            "createdAt": "2026-08-15T14:30:00Z",
                        }
                    ],
                },
            ),
            REFUSED,
        ],
    )
    def get(self, request: Request, patient_id: str) -> Response:
        return Response({"success": True, **self.run(request, "getPatientNotes", _patient(patient_id)).data})

    @extend_schema(
        operation_id="addPatientNote",
        description=(
            "Adds a note. `content` in the answer is what the record will hold: practices' systems refuse some "
            "characters and cut lengths. Without `Idempotency-Key` a repetition adds another note."
        ),
        parameters=[_PATIENT_ID, IDEMPOTENCY, *LINE],
        request=chart_schemas.NoteRequest,
        responses={
            201: OpenApiResponse(chart_schemas.AddedNote, description="The practice's system has it."),
            202: OpenApiResponse(chart_schemas.AddedNote, description="Sent; whether it is made is not known yet."),
            **problems(_CHART_CHANGE_CODES),
        },
        examples=[
            OpenApiExample(
                "Add",
                request_only=True,
                value={"content": "Patient requested reminder call day before appointment", "category": "preference"},
            ),
            OpenApiExample(
                "Added",
                response_only=True,
                status_codes=["201"],
                value={
                    "success": True,
                    "note": {
                        "id": "312",
                        "content": "Patient requested reminder call day before appointment",
                        "createdAt": "2026-12-01T14:00:00Z",
                    },
                },
            ),
            OpenApiExample(
                "Under way",
                response_only=True,
                status_codes=["202"],
                value={
                    "success": True,
                    "status": "pending",
                    "note": {
                        "id": None,
                        "content": "Patient requested reminder call day before appointment",
                        "createdAt": "2026-12-01T14:00:00Z",
                        "writeId": _WRITE_ID,
                    },
                },
            ),
            REFUSED,
        ],
    )
    def post(self, request: Request, patient_id: str) -> Response:
        asked = {**self.body(request), **_patient(patient_id)}
        return self.told(self.run(request, "addPatientNote", asked), done=201)


class InsuranceView(PmsView):
    """``GET`` and ``POST /api/pms/patients/{id}/insurance``"""

    @extend_schema(
        operation_id="getInsurance",
        description="The insurances on a patient's record, the primary one first. What is not known is null.",
        parameters=[_PATIENT_ID, *LINE],
        responses={200: chart_schemas.Insurances, **problems(CHART_CODES)},
        examples=[
            OpenApiExample(
                "On file",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "insurance": [
                        {
                            "id": "2506",
                            "provider": "Meadow Dental Plans",
                            "policyNumber": "MD0042",
                            "groupNumber": "G-789",
                            "isPrimary": True,
                            "effectiveDate": "2026-01-01",
                            "expirationDate": None,
                        }
                    ],
                },
            ),
            REFUSED,
        ],
    )
    def get(self, request: Request, patient_id: str) -> Response:
        return Response({"success": True, **self.run(request, "getInsurance", _patient(patient_id)).data})

    @extend_schema(
        operation_id="addInsurance",
        description=(
            "Adds an insurance. Where the practice's system takes none through its interface the answer is 501 "
            "not_supported, and a task has what was wanted."
        ),
        parameters=[_PATIENT_ID, IDEMPOTENCY, *LINE],
        request=chart_schemas.InsuranceRequest,
        responses={
            201: OpenApiResponse(chart_schemas.AddedInsurance, description="The practice's system has it."),
            202: OpenApiResponse(
                chart_schemas.AddedInsurance, description="Sent; whether it is made is not known yet."
            ),
            **problems(_CHART_CHANGE_CODES | {422: f"{DATE_CODES}, minor_needs_guardian"}),
        },
        examples=[
            OpenApiExample(
                "Add",
                request_only=True,
                value={
                    "provider": "Meadow Dental Plans",
                    "policyNumber": "MD0042",
                    "groupNumber": "G-456",
                    "isPrimary": False,
                    "subscriberName": "Ada Example",
                    "subscriberDob": "1985-05-15",
                    "relationship": "self",
                },
            ),
            OpenApiExample(
                "Added",
                response_only=True,
                status_codes=["201"],
                value={
                    "success": True,
                    "insurance": {
                        "id": "2507",
                        "provider": "Meadow Dental Plans",
                        "policyNumber": "MD0042",
                        "isPrimary": False,
                    },
                },
            ),
            OpenApiExample(
                "Under way",
                response_only=True,
                status_codes=["202"],
                value={
                    "success": True,
                    "status": "pending",
                    "insurance": {
                        "id": None,
                        "provider": "Meadow Dental Plans",
                        "policyNumber": "MD0042",
                        "isPrimary": False,
                        "writeId": _WRITE_ID,
                    },
                },
            ),
            REFUSED,
        ],
    )
    def post(self, request: Request, patient_id: str) -> Response:
        asked = {**self.body(request), **_patient(patient_id)}
        return self.told(self.run(request, "addInsurance", asked), done=201)


class BalanceView(PmsView):
    """``GET /api/pms/patients/{id}/balance``"""

    @extend_schema(
        operation_id="getBalance",
        description="What is owed on a patient's account as of a local day; negative for a credit.",
        parameters=[_PATIENT_ID, *LINE],
        responses={200: chart_schemas.PatientBalance, **problems(CHART_CODES)},
        examples=[
            OpenApiExample(
                "Owed",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "balance": {
                        "total": 150.00,
                        "insurance": 100.00,
                        "patient": 50.00,
                        "lastPayment": {"amount": 75.00, "date": "2026-11-15T05:00:00Z", "method": "Check"},
                        "asOf": "2026-12-01",
                    },
                },
            ),
            REFUSED,
        ],
    )
    def get(self, request: Request, patient_id: str) -> Response:
        return Response({"success": True, **self.run(request, "getBalance", _patient(patient_id)).data})


class PaymentsView(PmsView):
    """``POST /api/pms/payments``"""

    @extend_schema(
        operation_id="processPayment",
        description=(
            "Posts a payment that was made elsewhere to the patient's ledger; nothing is charged. A system credential "
            "must send `Idempotency-Key`, and should name a `method`: the practice's system may have no kind of "
            "payment for `other`. In a call it is a task for the team (202 with `requested`) unless the practice "
            "wants it posted. A full card number is refused and never kept."
        ),
        parameters=[IDEMPOTENCY, *LINE],
        request=chart_schemas.PaymentRequest,
        responses={
            201: OpenApiResponse(chart_schemas.Posted, description="The practice's system has it."),
            202: OpenApiResponse(chart_schemas.Posted, description="Sent, or left to the team; not posted yet."),
            **problems(_CHART_CHANGE_CODES),
        },
        examples=[
            OpenApiExample(
                "Post",
                request_only=True,
                value={
                    "patientId": "1204",
                    "amount": 50.00,
                    "method": "credit_card",
                    "last4": "4242",
                    "reference": "ch-20261201-7",
                    "notes": "Copay for cleaning appointment",
                },
            ),
            OpenApiExample(
                "Posted",
                response_only=True,
                status_codes=["201"],
                value={
                    "success": True,
                    "payment": {
                        "id": "88012",
                        "amount": 50.00,
                        "status": "completed",
                        "confirmationNumber": "PAY0B7C1F0A58",
                        "timestamp": "2026-12-01T14:00:00Z",
                    },
                },
            ),
            OpenApiExample(
                "Under way",
                response_only=True,
                status_codes=["202"],
                value={
                    "success": True,
                    "status": "pending",
                    "payment": {
                        "id": None,
                        "amount": 50.00,
                        "status": "pending",
                        "confirmationNumber": "PAY0B7C1F0A58",
                        "timestamp": "2026-12-01T14:00:00Z",
                        "writeId": _WRITE_ID,
                    },
                },
            ),
            REFUSED,
        ],
    )
    def post(self, request: Request) -> Response:
        return self.told(self.run(request, "processPayment", self.body(request)), done=201)
