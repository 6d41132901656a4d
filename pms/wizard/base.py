"""What the five pages share: where somebody is, and what was changed by somebody else meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from accounts import baa
from accounts.pages import PracticeView
from accounts.roles import Permission
from pms.domain.clock import SystemClock
from pms.services import askers, setups
from pms.services.audit import Asker
from pms.services.setups import SetupView

NAMES = ("system", "credentials", "test", "features", "done")
_LABELS = ("Your system", "Access", "Connection test", "What the agent does", "Ready")


@dataclass(frozen=True, slots=True)
class Step:
    """One of the five, as the list of steps shows it."""

    number: int
    name: str
    address: str
    is_here: bool
    is_done: bool
    is_open: bool


class StepView(PracticeView):
    """One page of the setup. A step can be opened when those before it are done, and again at any time after.

    ``needs_agreement``: nothing that opens a practice's data is asked for before the agreement is accepted.
    """

    permission = Permission.MANAGE_INTEGRATION
    number: ClassVar[int]
    title: ClassVar[str]
    lead: ClassVar[str] = ""
    needs_agreement: ClassVar[bool] = True

    setup_view: SetupView

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.clock = SystemClock()
        return super().dispatch(request, *args, **kwargs)

    def enter(self) -> HttpResponse | None:
        """Read how far the setup is; send people who are ahead of it to where it is."""
        if self.needs_agreement and not baa.is_accepted(self.account):
            return redirect(f"{reverse('agreement')}?next={self.request.path}")
        self.setup_view = setups.read(account=self.account)
        if self.number > self.setup_view.furthest:
            return redirect(address_of(self.setup_view.furthest))
        return None

    @property
    def asker(self) -> Asker:
        """Who asks, for the evidence."""
        return askers.of_person(self.request, self.user)

    def page(self, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
        """Return a step's page."""
        shared = {
            "setup": self.setup_view,
            "steps": [_step(number, self.number, self.setup_view.furthest) for number in range(1, 6)],
            "here": self,
            "title": self.title,
            "lead": self.lead,
        }
        return self.render(template, shared | context, status=status)


class StartView(PracticeView):
    """Sends people to where the setup is."""

    permission = Permission.MANAGE_INTEGRATION

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect(address_of(setups.read(account=self.account).furthest))


def address_of(number: int) -> str:
    """Return the address of a step by its number, 1 to 5."""
    return reverse(f"setup_{NAMES[number - 1]}")


def _step(number: int, here: int, furthest: int) -> Step:
    return Step(
        number=number,
        name=_LABELS[number - 1],
        address=address_of(number),
        is_here=number == here,
        is_done=number < furthest,
        is_open=number <= furthest and number != here,
    )
