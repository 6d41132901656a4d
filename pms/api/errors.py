"""One error shape for REST, whatever went wrong."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponseBase
from rest_framework import exceptions

from pms.domain import errors
from pms.vapi.webhook import refusal

log = structlog.get_logger(__name__)


class MethodNotAllowed(errors.ParlaeError):
    code = "method_not_allowed"
    status = 405
    default_message = "This method is not allowed here."


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
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return errors.SignatureInvalid()
    if isinstance(error, exceptions.PermissionDenied):
        return errors.Forbidden()
    return errors.Internal()
