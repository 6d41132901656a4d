"""A signed-in person instead of a signature: which practice they act for, and what they may do there."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import roles, second_factor
from accounts.models import Account, Membership, User
from accounts.roles import Permission
from pms.api.authentication import MAX_BODY
from pms.api.formats import JsonAnswers, StrictJsonParser
from pms.domain import errors
from pms.services import askers, audit, limits
from pms.services.audit import Asker

log = structlog.get_logger(__name__)

ACCOUNT = OpenApiParameter("accountId", str, description="The practice; only for members of several.")
TOKEN = OpenApiParameter(
    "X-CSRFToken", str, OpenApiParameter.HEADER, required=True, description="The value of the cookie `csrftoken`."
)


class SessionRequired(errors.Refused):
    code = "session_required"
    status = 401
    default_message = "Sign in first: this address takes a person's session, not a signature."


class SecondFactorRequired(errors.Forbidden):
    default_message = "Your practice requires a second factor: set one up for your sign-in first."


@dataclass(frozen=True, slots=True)
class Member:
    """A person in one practice, let in for what they asked."""

    account: Account
    asker: Asker


class PersonAuthentication(SessionAuthentication):
    """Takes the session of a signed-in person; whatever changes something must carry the CSRF token too."""

    def authenticate(self, request: Request) -> tuple[User, None]:
        try:
            size = len(request._request.body)  # read here: looking for the token in a form would use the stream up
        except RequestDataTooBig:
            raise errors.TooLarge from None
        if size > MAX_BODY:
            raise errors.TooLarge
        found: tuple[User, None] | None = super().authenticate(request)
        if found is None:
            raise SessionRequired
        return found

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise errors.Forbidden("The X-CSRFToken header is missing, or is not this session's.") from None


class PersonScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a session is described in OpenAPI."""

    target_class = PersonAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": (
                "The session of a person who has signed in. Every POST and PUT also carries the value of the cookie "
                "`csrftoken` in the header `X-CSRFToken`, and over https a Referer or Origin of this site."
            ),
        }


class SessionView(APIView):
    """Answers a member of a practice."""

    authentication_classes = [PersonAuthentication]
    parser_classes = [StrictJsonParser]
    content_negotiation_class = JsonAnswers

    def member(self, request: Request, permission: Permission) -> Member:
        """Return who asks, for which practice, or refuse and leave an event."""
        user = request.user
        if not isinstance(user, User):
            raise SessionRequired
        asker = askers.of_person(request._request, user)
        limits.check(limit="people", key=str(user.pk))
        if second_factor.days_without(request._request) == 0:
            raise SecondFactorRequired
        if second_factor.is_missing(request._request):
            raise errors.Forbidden("Set up the second step of your sign-in first: its time is over.")
        membership = _membership(user, _named(request), asker)
        if not roles.allows(membership.role, permission):
            _note_refusal(asker, membership.account, permission)
            raise errors.Forbidden("Your role in this practice may not do that.")
        return Member(membership.account, asker)

    def body(self, request: Request) -> dict[str, Any]:
        """Return the request's JSON object, empty if there is no body."""
        data = request.data if request.body else {}
        if not isinstance(data, dict):
            raise errors.ArgumentsUnreadable
        return data

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer


def _membership(user: User, named: set[str], asker: Asker) -> Membership:
    """Return the one membership that is meant; an account of others and one that does not exist are told alike."""
    found = list(
        Membership.objects.filter(user=user, is_active=True, account__is_active=True).select_related("account")
    )
    wanted = [one for one in found if str(one.account_id) in named] if named else found
    if len(named) > 1 or not wanted:
        _note_refusal(asker, None, None)
        raise errors.Forbidden("You are not a member of that practice.")
    if len(wanted) > 1:
        raise errors.AccountRequired("You belong to several practices; name one of them as accountId.")
    return wanted[0]


def _named(request: Request) -> set[str]:
    """Return the accounts that the request names, in our own spelling; blanks name none."""
    data = request.data if request.body and request.method != "GET" else {}
    named = [*request.query_params.getlist("accountId"), data.get("accountId") if isinstance(data, dict) else None]
    if not all(one is None or isinstance(one, str) for one in named):
        raise errors.Invalid(fields={"accountId": "An account's id is text."})
    return {_canonical(one.strip()) for one in named if one and one.strip()}


def _canonical(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return text


def _note_refusal(asker: Asker, account: Account | None, permission: Permission | None) -> None:
    """Leave an event about somebody who asked for more than they may; a flood leaves only the first few a minute.

    What a stranger names is written nowhere: it may be anything.
    """
    try:
        limits.check(limit="refusals", key=f"permission.denied:{asker.actor}")
        audit.record_event_by(
            asker,
            "permission.denied",
            account_id=account.pk if account else None,
            detail={"endpoint": asker.endpoint, "permission": permission.value if permission else "membership"},
        )
    except errors.ParlaeError as error:  # the answer stays what it is, also if the evidence cannot be written
        log.error("refusal not noted", code=error.code)
