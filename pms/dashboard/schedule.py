"""Open times: one day as callers would hear it, and why the rest of it is not offered."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.roles import Permission
from pms.dashboard.base import DashboardView, said
from pms.domain import errors
from pms.domain.localtime import local_date_of
from pms.services import schedule_preview


class ScheduleView(DashboardView):
    """The page. It asks for the times in a request of its own, because the practice's system takes a while.

    Where there is no script, a link asks for them (``show``).
    """

    permission = Permission.READ_PATIENT_DATA
    section = "schedule"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what can be chosen, and the times where they are asked for."""
        kinds = schedule_preview.kinds(account=self.account)
        day, kind = asked(self)
        chosen = kind or (str(kinds[0][0]) if kinds else "")
        context: dict[str, Any] = {"kinds": kinds, "day": day, "chosen": chosen, "query": _query(day, chosen)}
        if request.GET.get("show") and chosen:
            context |= times(self, day, chosen)
        return self.render("dashboard/schedule.html", context)


class DayView(DashboardView):
    """The times of one day, for the page."""

    permission = Permission.READ_PATIENT_DATA
    section = "schedule"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask the practice's system and show what it comes to."""
        return self.render("dashboard/schedule_day.html", times(self, *asked(self)))


def asked(view: DashboardView) -> tuple[date, str]:
    """Return the day and the kind of appointment that are asked for; today, and none, where that cannot be read."""
    today = local_date_of(view.clock.now(), view.account.zone)
    try:
        day = date.fromisoformat(view.request.GET.get("day", ""))
    except ValueError:
        day = today
    return day, view.request.GET.get("kind", "")


def times(view: DashboardView, day: date, kind: str) -> dict[str, Any]:
    """Return one day of the schedule, or why it cannot be told."""
    try:
        preview = schedule_preview.preview(
            account=view.account, day=day, appointment_type=kind, asker=view.asker, clock=view.clock
        )
    except errors.Internal:
        raise
    except errors.ParlaeError as error:
        return {"problem": said(error)}
    beside = {"earlier": preview.earlier, "later": preview.later}
    address = reverse("schedule")
    return {
        "preview": preview,
        **{name: f"{address}?{_query(one, kind)}" if one else "" for name, one in beside.items()},
    }


def _query(day: date, kind: str) -> str:
    return urlencode({"day": day.isoformat(), "kind": kind})
