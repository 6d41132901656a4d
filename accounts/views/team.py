"""A practice's people: who they are, what they may, and inviting more."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import evidence, invitations, questions, team
from accounts.models import Invitation, Membership, User
from accounts.pages import PracticeView
from accounts.questions import Told
from accounts.roles import MATRIX, Permission, Role
from accounts.team_forms import InviteForm, RoleForm


class TeamView(PracticeView):
    """Everybody in the practice, and the roles there are."""

    permission = Permission.MANAGE_PEOPLE

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self.page(InviteForm(own=self.membership))

    def page(self, form: InviteForm, *, status: int = 200) -> HttpResponse:
        """Return the page with a form for inviting somebody."""
        review = questions.latest("access.reviewed", self.account.pk)
        context = {
            "members": team.members(self.membership),
            "invitations": invitations.pending(self.account),
            "form": form,
            "roles": list(Role),
            "rows": [(one.label, [one in MATRIX[role] for role in Role]) for one in Permission],
            "review": review,
            "reviewer": _reviewer(review),
        }
        return self.render("accounts/team.html", context, status=status)


class InviteView(TeamView):
    """Inviting somebody."""

    http_method_names = ["post"]
    needs_recent = False

    def post(self, request: HttpRequest) -> HttpResponse:
        """Send the invitation."""
        form = InviteForm(request.POST, own=self.membership)
        if not form.is_valid():
            return self.page(form, status=422)
        try:
            was_sent = invitations.invite(request, self.membership, **form.cleaned_data)
        except team.Refused as refusal:
            form.add_error(None, str(refusal))
            return self.page(form, status=422)
        _say_sent(request, form.cleaned_data["email"], was_sent)
        return redirect("team")


class InvitationView(PracticeView):
    """Sending an invitation again, or taking it back."""

    permission = Permission.MANAGE_PEOPLE
    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Do what the button says."""
        found = Invitation.objects.filter(account=self.account, pk=pk, accepted_at=None, revoked_at=None).first()
        if found is None:
            raise Http404
        if request.POST.get("action") == "revoke":
            invitations.revoke(request, self.membership, found)
            messages.success(request, "The invitation was taken back. Its link does not work any more.")
            return redirect("team")
        try:
            was_sent = invitations.invite(request, self.membership, email=found.email, role=found.role)
            _say_sent(request, found.email, was_sent)
        except team.Refused as refusal:
            messages.error(request, str(refusal))
        return redirect("team")


class MemberView(PracticeView):
    """One person: another role, access ended or given back, signed out."""

    permission = Permission.MANAGE_PEOPLE
    needs_recent = True

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the person and what can be done."""
        found = self._member(pk)
        form = RoleForm(own=self.membership, initial={"role": found.membership.role})
        return self.render("accounts/member.html", {"member": found, "form": form})

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Do what the button says."""
        target = self._member(pk).membership
        act = _ACTS.get(request.POST.get("action", ""))
        if act is None:
            raise Http404
        try:
            messages.success(request, act(request, self.membership, target))
        except team.Refused as refusal:
            messages.error(request, str(refusal))
            return redirect("team_member", pk=pk)
        return redirect("team")

    def _member(self, pk: int) -> team.Member:
        found = team.member(self.membership, pk)
        if found is None:
            raise Http404
        return found


class ReviewView(PracticeView):
    """Noting that somebody has looked through who has access, as HIPAA asks for from time to time."""

    permission = Permission.MANAGE_PEOPLE
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Leave the note; it is an event, and nothing else."""
        people = team.members(self.membership)
        active = sum(one.membership.is_active for one in people)
        without = sum(one.membership.is_active and not one.has_second_factor for one in people)
        evidence.tell(
            "access.reviewed",
            request=request,
            account_id=self.account.pk,
            members=active,
            without_second_factor=without,
        )
        messages.success(request, "Noted: you have looked through who has access.")
        return redirect("team")


def _change_role(request: HttpRequest, own: Membership, target: Membership) -> str:
    team.change_role(request, own, target, request.POST.get("role", ""))
    return "The role was changed. It counts at once."


def _deactivate(request: HttpRequest, own: Membership, target: Membership) -> str:
    team.deactivate(request, own, target)
    return "The access has ended. What the person did stays in the records."


def _reactivate(request: HttpRequest, own: Membership, target: Membership) -> str:
    team.reactivate(request, own, target)
    return "The person has access again."


def _end_sessions(request: HttpRequest, own: Membership, target: Membership) -> str:
    team.end_sessions(request, own, target)
    return "The person was signed out everywhere."


_ACTS: dict[str, Callable[[HttpRequest, Membership, Membership], str]] = {
    "role": _change_role,
    "deactivate": _deactivate,
    "reactivate": _reactivate,
    "end_sessions": _end_sessions,
}


def _say_sent(request: HttpRequest, email: str, was_sent: bool) -> None:
    if was_sent:
        messages.success(request, f"An invitation was sent to {email}. It works for 7 days.")
    else:
        messages.error(request, "The mail could not be sent. Try “Send again” below in a few minutes.")


def _reviewer(review: Told | None) -> str:
    if review is None:
        return ""
    person = User.objects.filter(pk=review.actor.removeprefix("user:")).first()
    return (person.name or person.email) if person else ""
