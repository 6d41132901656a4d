"""One error shape for REST, whatever went wrong."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions

from accounts.openness import asks_nobody
from pms.domain import errors
from pms.vapi.refusal import AddressUnknown, MethodNotAllowed, NotAcceptable, refusal

log = structlog.get_logger(__name__)


@csrf_exempt
@asks_nobody
def address_unknown(request: HttpRequest) -> JsonResponse:
    """Answer for every address below ``/api/`` that does not exist."""
    return refusal(AddressUnknown(), request)


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponseBase:
    """Return any exception of a REST view in the public shape; the unexpected one without its details."""
    known = _known(error)
    if isinstance(known, errors.Internal):
        log.error("request crashed", exc_info=error)
    return refusal(known, context["request"]._request)


def _known(error: Exception) -> errors.ParlaeError:
    if isinstance(error, errors.ParlaeError):
        return error
    if isinstance(error, RequestDataTooBig):
        return errors.TooLarge()
    if isinstance(error, exceptions.ParseError | exceptions.UnsupportedMediaType):
        return errors.ArgumentsUnreadable("The body is not JSON.")
    if isinstance(error, exceptions.MethodNotAllowed):
        return MethodNotAllowed()
    if isinstance(error, exceptions.NotAcceptable):
        return NotAcceptable()
    if isinstance(error, exceptions.NotFound | Http404):
        return AddressUnknown()
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return errors.SignatureInvalid()
    if isinstance(error, exceptions.PermissionDenied):
        return errors.Forbidden()
    return errors.Internal()
