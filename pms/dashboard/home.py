"""Home: is it working, what is to do, what has happened; and the switch that pauses the agent."""

from __future__ import annotations

from typing import Any

from auditlog.context import set_actor
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.roles import Permission
from pms.dashboard import places
from pms.dashboard.base import DashboardView
from pms.services import booking_views, call_views, overview, policies, task_desk

_PAUSED = "The agent is paused. Callers can leave messages, and nothing else."
_RESUMED = "The agent works again."
_SAME = "It was so already: somebody else was quicker."


class HomeView(DashboardView):
    """The whole page."""

    permission = Permission.READ_STATUS
    section = "home"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show how the practice stands."""
        return self.render("dashboard/home.html", now(self))


class NowView(DashboardView):
    """The part of Home that changes; it asks for itself."""

    permission = Permission.READ_STATUS
    section = "home"
    polled = True

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show how the practice stands now."""
        return self.render("dashboard/now.html", now(self))


class PauseView(DashboardView):
    """The switch. It says what is wanted, so that two people who press it at once want the same."""

    permission = Permission.MANAGE_RULES
    section = "home"
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Pause the agent, or have it work again."""
        paused = request.POST.get("paused") != "no"  # what cannot be read is the safe one
        with set_actor(self.user):
            has_changed = policies.pause(account=self.account, paused=paused, asker=self.asker)
        done = _PAUSED if paused else _RESUMED
        messages.success(request, done if has_changed else f"{_SAME} {done}")
        return redirect("home")


def now(view: DashboardView) -> dict[str, Any]:
    """Return how a practice stands, and, for whoever may see them, the newest of its calls, bookings and tasks."""
    standing = overview.standing(account=view.account, clock=view.clock)
    is_set_up = not any(reason.code == "not_connected" for reason in standing.reasons)
    context = {
        "standing": standing,
        "reasons": [places.told(reason, view.may) for reason in standing.reasons],
        "is_set_up": is_set_up,
        # What has never worked is not broken: such a practice is shown the way.
        "is_new": not is_set_up and not standing.last_call_at and not standing.open_tasks,
        "may_manage": view.may(Permission.MANAGE_INTEGRATION),
    }
    if view.may(Permission.READ_PATIENT_DATA):
        context["tasks"] = task_desk.listed(account=view.account).rows
        context["calls"] = call_views.listed(account=view.account).rows
        context["bookings"] = booking_views.listed(account=view.account, clock=view.clock).rows
    return context
