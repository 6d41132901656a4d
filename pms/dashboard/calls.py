"""The practice's calls, and what happened in one."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse

from accounts.roles import Permission
from pms.dashboard.base import DashboardView
from pms.dashboard.listing import ON, ListView
from pms.services import call_views, call_words
from pms.services.outcomes import Outcome


class CallsView(ListView):
    """All calls, the newest first."""

    section = "calls"
    filters = ("outcome", "task", "tests")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        page = call_views.listed(
            account=self.account,
            outcome=self.chosen("outcome"),
            has_task=self.chosen("task") == ON,
            with_tests=self.chosen("tests") == ON,
            **self.cursor,
        )
        choices = [("", "All"), *((one.value, call_words.CALLS[one]) for one in Outcome)]
        switches = [self.switch("task", "With an open task"), self.switch("tests", "Also test calls")]
        context = {"chips": self.chips("outcome", choices), "switches": switches}
        return self.render("dashboard/calls.html", context | self.paged(page))


class CallView(DashboardView):
    """One call."""

    permission = Permission.READ_PATIENT_DATA
    section = "calls"

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show what was asked, done and said in it."""
        call = call_views.opened(account=self.account, pk=pk, asker=self.asker)
        return self.render("dashboard/call.html", {"call": call})
