"""Connecting a practice over REST, and how its connection stands.

No credentials are taken before the practice has accepted the agreement that is in force. A new version of it keeps the
connection and stops its use: the runner touches no patient data, and ``baaRequired`` in the status says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditlog.context import set_actor
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import baa
from accounts.roles import Permission
from pms.api import setup_schemas as schemas
from pms.api.base import problems
from pms.api.session import ACCOUNT, TOKEN, Member, SessionView
from pms.api.validation import validated
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.models import ConnectionStatus
from pms.services import connecting, integrations, limits

_TAGS = ["connection"]
_CODES = {
    400: "account_required, arguments_unreadable",
    401: "session_required",
    403: "forbidden",
    413: "too_large",
    422: "validation_failed",
    429: "rate_limited, with Retry-After",
    500: "internal_error",
}
_FEATURES = {"appointments": True, "patients": True, "insurance": True, "payments": True}


def _problem(name: str, status: int, code: str, message: str, **fields: str) -> OpenApiExample:
    error: dict[str, Any] = {
        "code": code,
        "message": message,
        "retryable": False,
        "requestId": "6d7c1b44-5a0f-4a3e-8f0a-1b2c3d4e5f60",
    }
    value = {"success": False, "error": error | ({"fields": fields} if fields else {})}
    return OpenApiExample(name, response_only=True, status_codes=[str(status)], value=value)


class SetupView(SessionView):
    """``POST /api/pms/setup``"""

    @extend_schema(
        operation_id="setUpConnection",
        tags=_TAGS,
        description=(
            "Connects a practice to its system, or gives the connection other credentials or settings. Needs a session "
            "of an owner or admin, and that the practice has accepted the agreement. The credentials are tried first; "
            "those that have worked stay in force if the new ones fail. The PMS's kinds of appointment are imported, "
            "switched off, until somebody says how each is booked; what is there already stays as it is. Hours are not "
            "imported: they are read from the PMS whenever times are looked for."
        ),
        parameters=[ACCOUNT, TOKEN],
        request=schemas.SetupRequest,
        responses={
            200: OpenApiResponse(schemas.Connected, description="Tested and switched on."),
            **problems(
                _CODES
                | {
                    403: "baa_required, forbidden",
                    409: "location_required: `fields` has the locations' ids with their names; name one as "
                    "practiceId, after a colon. office_unproven: the platform's keys open the office, and nobody has "
                    "shown yet that this is their practice; a code goes to the practice's own mailbox when it is "
                    "connected in the browser, at /setup/",
                    501: "not_supported: there is no adapter for this provider yet",
                    502: "credentials_rejected, upstream_invalid",
                    503: "pms_unavailable",
                }
            ),
        },
        examples=[
            OpenApiExample(
                "Sikka",
                request_only=True,
                value={
                    "provider": "SIKKA",
                    "credentials": {
                        "applicationId": "<application id>",
                        "secretKey": "<secret key>",
                        "practiceId": "D12345",
                    },
                    "config": {
                        "defaultAppointmentDuration": 30,
                        "timezone": "America/Los_Angeles",
                        "allowOnlineBooking": True,
                    },
                },
            ),
            OpenApiExample(
                "Connected",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "integration": {
                        "id": "8c1f4a9e-52b7-4d0c-9a3e-7f6b1d2c3e4f",
                        "provider": "SIKKA",
                        "status": "ACTIVE",
                        "features": _FEATURES,
                    },
                },
            ),
            _problem(
                "Several locations",
                409,
                "location_required",
                "The office has several locations; name one of them.",
                **{"1-1": "Cedar Dental North", "1-2": "Cedar Dental South"},
            ),
            _problem(
                "Unproven",
                409,
                "office_unproven",
                "A code from the practice's own mailbox is needed first; connect it in the browser, at /setup/.",
            ),
            _problem(
                "Refused",
                422,
                "validation_failed",
                "Some arguments are missing or not valid.",
                **{"config.timezone": "Use an IANA time zone, such as America/New_York."},
            ),
            _problem(
                "No agreement yet",
                403,
                "baa_required",
                "The practice has not accepted the business associate agreement.",
            ),
            _problem(
                "Wrong credentials",
                502,
                "credentials_rejected",
                "Sikka does not accept the application id or key.",
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        member = self.member(request, Permission.MANAGE_INTEGRATION)
        if not baa.is_accepted(member.account):
            raise errors.BaaRequired
        wanted = validated(schemas.SetupRequest(data=self.body(request)))
        credentials = _credentials(wanted)
        config = dict(wanted.get("config") or {})
        time_zone = config.pop("timezone", "")
        limits.check(limit="connection", key=str(member.account.pk))
        try:
            with set_actor(request.user):  # the history of the rows says who
                integration = connecting.connect(
                    account=member.account,
                    provider=wanted["provider"],
                    credentials=credentials,
                    config=config,
                    features=wanted.get("features") or {},
                    asker=member.asker,
                    clock=SystemClock(),
                    time_zone=time_zone,
                )
        except errors.Invalid as error:
            raise _by_field(error) from None
        return Response(
            {
                "success": True,
                "integration": {
                    "id": str(integration.pk),
                    "provider": integration.provider,
                    "status": integration.status,
                    "features": integrations.public_features(integration=integration),
                },
            }
        )


class StatusView(SessionView):
    """``GET /api/pms/status``"""

    @extend_schema(
        operation_id="getConnectionStatus",
        tags=_TAGS,
        description=(
            "How the practice's connection stands, and what can be done over it now. For every member of the practice. "
            "It asks the practice's system nothing."
        ),
        parameters=[ACCOUNT],
        responses={
            200: OpenApiResponse(schemas.Status),
            **problems({status: codes for status, codes in _CODES.items() if status != 422}),
        },
        examples=[
            OpenApiExample(
                "Connected",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "status": "ACTIVE",
                    "provider": "SIKKA",
                    "lastSyncAt": "2026-12-01T10:30:00Z",
                    "features": _FEATURES,
                },
            ),
            OpenApiExample(
                "Before any setup",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "status": "SETUP_REQUIRED",
                    "provider": None,
                    "lastSyncAt": None,
                    "features": dict.fromkeys(_FEATURES, False),
                    "baaRequired": True,
                },
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        member = self.member(request, Permission.READ_STATUS)
        integration = integrations.current(account=member.account)
        return Response(
            {
                "success": True,
                "status": integration.status if integration else ConnectionStatus.SETUP_REQUIRED,
                "provider": integration.provider if integration else None,
                "lastSyncAt": integration.last_sync_at if integration else None,
                "features": integrations.public_features(integration=integration),
                **({} if baa.is_accepted(member.account) else {"baaRequired": True}),
            }
        )


class ConnectionTestView(SessionView):
    """``POST /api/pms/test-connection``"""

    @extend_schema(
        operation_id="testConnection",
        tags=_TAGS,
        description=(
            "Tests the stored connection on every step to the practice's data, and notes anew what it can do. Needs a "
            "session of an owner or admin. A connection that was switched off because it failed is switched on if it "
            "works. A test that fails is an answer, not an error: 200 with `connectionValid: false` and the reason."
        ),
        parameters=[ACCOUNT, TOKEN],
        request=schemas.AccountNamed,
        responses={
            200: OpenApiResponse(schemas.Tested),
            **problems(
                _CODES
                | {
                    409: "location_required, with the locations as at setup, office_unproven, as there, "
                    "setup_required: nothing to test"
                }
            ),
        },
        examples=[
            OpenApiExample(
                "Of the only practice",
                request_only=True,
                value={},
            ),
            OpenApiExample(
                "It works",
                response_only=True,
                status_codes=["200"],
                value={"success": True, "connectionValid": True, "message": "Successfully connected to Sikka API"},
            ),
            OpenApiExample(
                "It does not",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "connectionValid": False,
                    "message": "The practice's system could not be reached.",
                },
            ),
            _problem("Nothing to test", 409, "setup_required", "The practice's system is not connected yet."),
        ],
    )
    def post(self, request: Request) -> Response:
        member = self.member(request, Permission.MANAGE_INTEGRATION)
        self.body(request)  # its shape at least: nothing but an accountId is read from it
        limits.check(limit="connection", key=str(member.account.pk))
        valid, message = _tested(member)
        return Response({"success": True, "connectionValid": valid, "message": message})


def _tested(member: Member) -> tuple[bool, str]:
    try:
        integration = connecting.retest(account=member.account, asker=member.asker, clock=SystemClock())
    except errors.PmsError as error:
        return False, error.message
    return True, f"Successfully connected to {integration.get_provider_display()} API"


def _credentials(wanted: Mapping[str, Any]) -> dict[str, str]:
    try:
        return integrations.typed(provider=wanted["provider"], given=wanted.get("credentials") or {})
    except errors.Invalid as error:
        raise _by_field(error) from None


def _by_field(error: errors.Invalid) -> errors.Invalid:
    return errors.Invalid(fields={f"credentials.{name}": text for name, text in error.fields.items()})
