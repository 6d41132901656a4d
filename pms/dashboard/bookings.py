"""The practice's bookings, and how one stands."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse

from accounts.roles import Permission
from pms.dashboard.base import DashboardView
from pms.dashboard.listing import ON, ListView
from pms.services import booking_views, booking_words

_DAYS = {"": "At any time", "1": "Within a day", "7": "Within a week", "30": "Within 30 days"}


class BookingsView(ListView):
    """All bookings, the newest made first."""

    section = "bookings"
    filters = ("state", "days", "tests")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        days = self.chosen("days")
        page = booking_views.listed(
            account=self.account,
            clock=self.clock,
            group=self.chosen("state"),
            days=int(days) if days and days in _DAYS else 0,
            with_tests=self.chosen("tests") == ON,
            **self.cursor,
        )
        groups = [("", "All"), *((name, label) for name, (label, _) in booking_words.GROUPS.items())]
        context = {
            "chips": self.chips("state", groups),
            "day_chips": self.chips("days", _DAYS.items()),
            "switches": [self.switch("tests", "Also test calls")],
        }
        return self.render("dashboard/bookings.html", context | self.paged(page))


class BookingView(DashboardView):
    """One booking. Whose it is is asked of the practice's system."""

    permission = Permission.READ_PATIENT_DATA
    section = "bookings"

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show how it stands."""
        booking = booking_views.opened(account=self.account, pk=pk, asker=self.asker, clock=self.clock)
        return self.render("dashboard/booking.html", {"booking": booking})
