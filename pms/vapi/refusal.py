"""The one shape in which every door of Parlae refuses."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from pms.domain import errors


class AddressUnknown(errors.NotFound):
    code = "not_found"
    default_message = "There is nothing at this address."


class MethodNotAllowed(errors.ParlaeError):
    code = "method_not_allowed"
    status = 405
    default_message = "This method is not allowed here."


class NotAcceptable(errors.ParlaeError):
    code = "not_acceptable"
    status = 406
    default_message = "There is no answer of a type that the request accepts."


def refusal(error: errors.ParlaeError, request: HttpRequest) -> JsonResponse:
    """Return an error as REST and the webhook show it: ``{"success": false, "error": {...}}``."""
    details: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "requestId": getattr(request, "request_id", ""),
    }
    if error.fields:
        details["fields"] = error.fields
    response = JsonResponse({"success": False, "error": details}, status=error.status)
    if error.retry_after_seconds is not None:
        response["Retry-After"] = str(error.retry_after_seconds)
    return response
