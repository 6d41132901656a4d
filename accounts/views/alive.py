"""A sign of life."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST


@require_POST
def alive(request: HttpRequest) -> HttpResponse:
    """Note that somebody is there; the middleware does."""
    return HttpResponse(status=204)
