"""Views that break in ways that could tell something about a patient."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path

from accounts.openness import asks_nobody

PATIENT = "Cora Whitfield, born 1987-04-12, +12125550147"


def crash(request: HttpRequest, name: str = "") -> HttpResponse:
    patient = f"{PATIENT} {name}"
    raise RuntimeError(patient)


def sql(request: HttpRequest, name: str = "") -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT patient FROM nowhere WHERE name = %s", [PATIENT])
    return HttpResponse()


def suspicious(request: HttpRequest, name: str = "") -> HttpResponse:
    raise SuspiciousOperation(PATIENT)


def forbidden(request: HttpRequest, name: str = "") -> HttpResponse:
    raise PermissionDenied(PATIENT)


def missing(request: HttpRequest, name: str = "") -> HttpResponse:
    raise Http404(PATIENT)


def fine(request: HttpRequest, name: str = "") -> HttpResponse:
    return HttpResponse("fine")


_VIEWS = (crash, sql, suspicious, forbidden, missing, fine)
urlpatterns = [
    *(path(f"{view.__name__}/<str:name>", asks_nobody(view)) for view in _VIEWS),
    # What error pages lead to.
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
]
