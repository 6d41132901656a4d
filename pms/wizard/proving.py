"""The code from the practice's own mailbox, typed beside step 3; and who may send what opens a practice."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import recent
from accounts.models import User
from pms.domain import errors
from pms.jobs import queue
from pms.services import office_proof, setups
from pms.wizard.base import StepView

_OPENED = TimestampSigner(salt="pms.wizard.credentials")
_TO_FIND_IT = timedelta(minutes=30)


class ProveView(StepView):
    """Takes the code that was sent to the practice's mailbox, and has the connection checked again."""

    number = 3
    title = "Testing the connection"

    def post(self, request: HttpRequest) -> HttpResponse:
        if not was_opened_lately(request, self.user):
            return recent.ask(reverse("setup_test"))
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        account, user, asker, clock = self.account, self.user, self.asker, self.clock
        try:
            office_proof.prove(account=account, code=request.POST.get("code", ""), user=user, asker=asker, clock=clock)
            setups.ask_check(account=account, user=user, asker=asker, clock=clock)
        except (errors.Invalid, errors.RateLimited) as error:
            messages.warning(request, error.message)
        else:
            queue.wake("checks")
        return redirect("setup_test")


def opened(user: User) -> str:
    """Return what a form sends along to say who has opened its page: somebody who had shown that it is them."""
    return _OPENED.sign(str(user.pk))


def was_opened_lately(request: HttpRequest, user: User) -> bool:
    """Return whether the page was opened within the last half hour by somebody who had shown that it is them.

    Finding the keys, or the code, takes longer than that counts by itself, and what was typed would be lost.
    """
    try:
        opened_by = _OPENED.unsign(request.POST.get("opened", ""), max_age=_TO_FIND_IT)
    except BadSignature:
        return recent.is_recent(request)
    return opened_by == str(user.pk)
