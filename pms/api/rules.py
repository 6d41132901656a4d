"""The practice's rules over REST, and why a time is not offered: for its people, with a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditlog.context import set_actor
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Permission
from pms.api import rules_schemas as schemas
from pms.api.base import problems
from pms.api.session import ACCOUNT, TOKEN, SessionView
from pms.api.validation import validated
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.scheduling.reasons import Reason
from pms.services import explaining, rules

_TAGS = ["rules"]
_CODES = {
    400: "account_required, arguments_unreadable",
    401: "session_required",
    403: "forbidden",
    422: "validation_failed",
    429: "rate_limited, with Retry-After",
    500: "internal_error",
}
_PMS_CODES = {
    409: "setup_required",
    501: "not_supported",
    502: "credentials_rejected, upstream_invalid",
    503: "pms_unavailable",
}
_IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The version that was read.")
_WITH = OpenApiParameter(
    "with", str, enum=["pms"], description="`pms`: also what the practice's system tells of the coming week."
)
_NEW_TYPE = {
    "name": "Cleaning",
    "aliases": ["hygiene", "teeth cleaning"],
    "pmsValue": "2",
    "durationMinutes": 60,
    "bufferBeforeMinutes": 0,
    "bufferAfterMinutes": 10,
    "mode": "DIRECT",
    "forPatients": "ANYONE",
    "isActive": True,
    "resources": [{"clinicianId": "HY1", "operatoryId": "Hyg 1"}],
}
_TYPE = {"id": "2f6c1d3e-8a4b-4c5d-9e6f-7a8b9c0d1e2f", **_NEW_TYPE}
_RULES = {
    "hours": {"1": [["08:00", "12:00"], ["13:00", "17:00"]]},
    "clinicianHours": {"HY1": {"1": [["08:00", "12:00"]]}},
    "operatoryHours": {},
    "specialDays": [{"date": "2026-12-25", "windows": [], "label": "Christmas"}],
    "blockouts": [
        {
            "startTime": "2026-12-01T14:00:00Z",
            "endTime": "2026-12-01T15:00:00Z",
            "clinicianId": "HY1",
            "label": "Team meeting",
        }
    ],
    "appointmentTypes": [_TYPE],
    "minNoticeMinutes": 120,
    "maxAdvanceDays": 90,
    "stepMinutes": 15,
    "maxDataAgeMinutes": None,
}
_READ = {"success": True, **_RULES, "version": "<the version that was read>", "missing": []}
_TOLD = {
    "clinicians": [{"id": "HY1", "name": "Perpetua Lindqvist"}],
    "operatories": [{"id": "Hyg 1", "name": "Hygiene 1"}],
    "days": [
        {
            "date": "2026-12-01",
            "practice": [["08:00", "12:00"], ["13:00", "17:00"]],
            "clinicians": {"HY1": [["08:00", "17:00"]]},
            "operatories": {},
        }
    ],
}


class RulesView(SessionView):
    """``/api/pms/rules``"""

    @extend_schema(
        operation_id="getRules",
        tags=_TAGS,
        description=(
            "The rules by which times are offered: weekly hours, days that are not as usual, blocked time, kinds of "
            "appointment, notice and horizon, and what still keeps times from being offered. For every member of the "
            "practice. Where the practice's system tells hours, those count before weekly hours; hours that nobody has "
            "told are never made up."
        ),
        parameters=[ACCOUNT, _WITH],
        responses={
            200: OpenApiResponse(schemas.Rules),
            **problems(_CODES | _PMS_CODES | {409: "setup_required: only with `with=pms`"}),
        },
        examples=[
            OpenApiExample("Rules", response_only=True, status_codes=["200"], value=_READ),
            OpenApiExample(
                "With the practice's system",
                response_only=True,
                status_codes=["200"],
                value={**_READ, "missing": ["unknown_operatory:Op 9"], "told": _TOLD},
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        member = self.member(request, Permission.READ_STATUS)
        wanted = request.query_params.get("with") or ""
        if wanted not in ("", "pms"):
            raise errors.Invalid(fields={"with": "Use pms, or leave it out."})
        if wanted:
            return _answer(
                rules.read_with_pms(account=member.account, asker=member.asker, clock=SystemClock()),
            )
        return _answer(rules.read(account=member.account, clock=SystemClock()))

    @extend_schema(
        operation_id="changeRules",
        tags=_TAGS,
        description=(
            "Changes the rules. Needs a session of an owner or admin. Every part may be left out and stays as it is; a "
            "part that is given replaces that part as a whole. A kind of appointment that is left out of the list is "
            "switched off. With the `version` that was read, nothing is changed if somebody else was quicker."
        ),
        parameters=[ACCOUNT, TOKEN, _IF_MATCH],
        request=schemas.RulesChange,
        responses={
            200: OpenApiResponse(schemas.Rules),
            **problems(
                _CODES
                | {
                    409: "idempotency_conflict: somebody else has changed the rules; setup_required: settings need a "
                    "connection",
                    413: "too_large",
                }
            ),
        },
        examples=[
            OpenApiExample("All of it", request_only=True, value={**_RULES, "appointmentTypes": [_NEW_TYPE]}),
            OpenApiExample("Only the hours", request_only=True, value={"hours": {"1": [["08:00", "17:00"]]}}),
            OpenApiExample("Changed", response_only=True, status_codes=["200"], value=_READ),
        ],
    )
    def put(self, request: Request) -> Response:
        member = self.member(request, Permission.MANAGE_RULES)
        changes = dict(validated(schemas.RulesChange(data=self.body(request))))
        version = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
        if version not in ("", "*"):
            changes["version"] = version
        with set_actor(request.user):  # the history of the rows says who
            changed = rules.change(account=member.account, changes=changes, asker=member.asker, clock=SystemClock())
        return _answer(changed)


class OpeningsView(SessionView):
    """``GET /api/pms/openings``"""

    @extend_schema(
        operation_id="explainOpenings",
        tags=_TAGS,
        description=(
            "Why is this time not offered? Every start of one day for one kind of appointment, with whom it is offered "
            "or why it is not, and what is in the way: when and whose time, and no patient. For every member of the "
            "practice. It reads the practice's system afresh. A kind that is only taken as a request is explained as "
            "if it were booked directly; `bookable` says what keeps all times from that."
        ),
        parameters=[
            ACCOUNT,
            OpenApiParameter("date", str, required=True, description="The local day: YYYY-MM-DD."),
            OpenApiParameter("appointmentType", str, required=True, description="An id, a name or an alias."),
            OpenApiParameter("providerId", str, description="Only with this clinician: the PMS's id."),
        ],
        responses={200: OpenApiResponse(schemas.Openings), **problems(_CODES | _PMS_CODES)},
        examples=[
            OpenApiExample(
                "A day",
                response_only=True,
                status_codes=["200"],
                value={
                    "success": True,
                    "date": "2026-12-01",
                    "appointmentType": "Cleaning",
                    "bookable": {
                        "mode": "DIRECT",
                        "reasons": [{"code": "paused", "text": explaining.HINDRANCES["paused"]}],
                    },
                    "day": {"reason": None},
                    "times": [
                        {
                            "startTime": "2026-12-01T13:00:00Z",
                            "offered": True,
                            "providerId": "HY1",
                            "providerName": "Perpetua Lindqvist",
                            "operatoryId": "Hyg 1",
                        },
                        {
                            "startTime": "2026-12-01T13:30:00Z",
                            "offered": False,
                            "reason": {
                                "code": "clinician_busy",
                                "text": explaining.TEXTS[Reason.CLINICIAN_BUSY],
                            },
                            "inTheWay": [
                                {
                                    "kind": "appointment",
                                    "startTime": "2026-12-01T14:00:00Z",
                                    "endTime": "2026-12-01T15:00:00Z",
                                    "whose": ["Perpetua Lindqvist", "Hygiene 1"],
                                }
                            ],
                        },
                    ],
                },
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        member = self.member(request, Permission.READ_STATUS)
        asked = validated(schemas.OpeningsAsked(data=request.query_params))
        told = explaining.explain(
            account=member.account,
            day=asked["date"],
            appointment_type=asked["appointmentType"],
            clinician_id=asked.get("providerId", ""),
            asker=member.asker,
            clock=SystemClock(),
        )
        return Response({"success": True, **told})


def _answer(found: Mapping[str, Any]) -> Response:
    return Response({"success": True, **found}, headers={"ETag": f'"{found["version"]}"'})
