"""The same door for REST: a signature or a token instead of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import RequestDataTooBig
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.models import Call
from pms.services import calls
from pms.vapi import door
from pms.vapi.door import Admission
from pms.vapi.envelope import Line

MAX_BODY = 256 * 1024


@dataclass(frozen=True, slots=True)
class Server:
    """Whoever signed the request or showed a token, for the account it acts for, and the live call it named.

    ``names_no_live_call``: it named one that is over or unknown, in which nothing is told; a message can be left.
    """

    admission: Admission
    account: Account
    call: Call | None
    names_no_live_call: bool = False

    is_authenticated = True


class DoorAuthentication(BaseAuthentication):
    """Verifies the token, or the signature on the raw bytes; ``request.user`` becomes a ``Server``."""

    def authenticate(self, request: Request) -> tuple[Server, Admission]:
        http = request._request
        try:
            signed = door.signed_request(http)
        except RequestDataTooBig:
            raise errors.TooLarge from None
        if len(signed.body) > MAX_BODY:
            raise errors.TooLarge
        now = SystemClock().now()
        named = _line(request)
        try:
            admission = door.admit_over_rest(signed, named=named, now=now)
        except errors.SignatureInvalid:
            door.note_refusal(http, named=named)
            raise
        try:
            account = door.account_for(admission, named=_accounts(request, admission))
        except errors.Forbidden:
            door.note_misdirected(http, admission=admission, kind="request.two_practices")
            raise
        call_id = request.headers.get("X-Vapi-Call-Id", "").strip()[:64]
        try:
            call = calls.live(account=account, vapi_call_id=call_id, now=now) if call_id else None
        except errors.CallRequired:
            return Server(admission, account, None, names_no_live_call=True), admission
        return Server(admission, account, call), admission

    def authenticate_header(self, request: Request) -> str:
        return "Signature"


class DoorScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the door is described in OpenAPI: one of these, as the credential says."""

    target_class = DoorAuthentication
    name = ["signature", "bearer", "secret"]

    def get_security_requirement(self, auto_schema: object) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: object) -> list[dict[str, str]]:
        return [
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-Signature",
                "description": (
                    "Hex HMAC-SHA256 with the credential's secret of `{X-Timestamp}.{body}` or, where the credential "
                    "says so, of `{X-Timestamp}.{method}.{url}.{body}`. `X-Timestamp` is the Unix time in seconds or "
                    "milliseconds, at most 300 seconds off."
                ),
            },
            {
                "type": "http",
                "scheme": "bearer",
                "description": (
                    "A system credential's token (`parlae_...`), or a voice credential's secret itself where the "
                    "credential says so."
                ),
            },
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-Vapi-Secret",
                "description": "The credential's secret itself, where the credential says so.",
            },
        ]


def _line(request: Request) -> Line:
    def header(name: str) -> tuple[str, ...]:
        value = request.headers.get(name, "").strip()
        return (value[:200],) if value else ()

    return Line(assistant_ids=header("X-Vapi-Assistant-Id"), phone_number_ids=header("X-Vapi-Phone-Number-Id"))


def _accounts(request: Request, admission: Admission) -> list[str]:
    """Return the accounts that the signed part of the request names; an unsigned query names none."""
    named = []
    if not admission.scheme.parts or admission.scheme.signs_url:
        named += request.query_params.getlist("account")
    if isinstance(request.data, dict) and isinstance(request.data.get("accountId"), str):
        named.append(request.data["accountId"])
    return named
