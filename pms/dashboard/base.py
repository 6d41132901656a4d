"""What the pages of a practice's day share: its clock, who asks, and what is told instead of an error."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from accounts import current
from accounts.pages import PracticeView
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.services import askers, call_words
from pms.services.audit import Asker

_PLAIN = (errors.AlreadyDecided, errors.IdempotencyConflict)


class DashboardView(PracticeView):
    """A page in the practice's own time. ``section`` is the name of the address that the navigation shows it under.

    What belongs to another practice is not told from what does not exist. Without evidence nothing is shown.
    """

    section: ClassVar[str]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer in the practice's time."""
        self.clock = SystemClock()
        own = current.membership(request)
        try:
            with timezone.override(own.account.zone if own else None):
                return super().dispatch(request, *args, **kwargs)
        except errors.WriteNotFound:
            raise Http404 from None
        except errors.Internal:  # told where it happened
            return render(request, "dashboard/not_shown.html", {"section": self.section}, status=503)

    @property
    def asker(self) -> Asker:
        """Who asks, for the evidence."""
        return askers.of_person(self.request, self.user)

    def render(self, template: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
        """Return a page, which knows its place in the navigation, too."""
        return super().render(template, {"section": self.section} | (context or {}), status=status)

    def tell(self, error: errors.ParlaeError) -> None:
        """Say on the next page why something was not done."""
        messages.error(self.request, said(error))


def said(error: errors.ParlaeError) -> str:
    """Return what went wrong, in the words of a practice manager."""
    if isinstance(error, errors.Invalid) and error.fields:
        return " ".join(error.fields.values())
    return error.message if isinstance(error, _PLAIN) else f"{call_words.outcome(error.code)}."
