"""What an invitation's link opens: for somebody new a sign-in of their own, for others a place in one more team."""

from __future__ import annotations

from allauth.account import signals
from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.generic import View

from accounts import current, invitations, mailboxes
from accounts.models import Invitation, User
from accounts.team import Refused
from accounts.team_forms import JoinForm


@method_decorator(login_not_required, name="dispatch")
class AcceptView(View):
    """The page behind the link. It is open to everybody, and to whoever has no link that works it says nothing."""

    invitation: Invitation

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Find the invitation."""
        found = invitations.find(str(kwargs["token"]))
        if found is None:
            return render(request, "accounts/invitation_over.html", status=404)
        self.invitation = found
        answer = super().dispatch(request, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Show who invites, and what to do."""
        return self._page(JoinForm(email=self.invitation.email, practice=self.invitation.account.name))

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Accept it."""
        if isinstance(request.user, User):
            return self._as_known(request.user)
        if self._owner() is not None:
            return self.get(request, token)
        form = JoinForm(request.POST, email=self.invitation.email, practice=self.invitation.account.name)
        if not form.is_valid():
            return self._page(form, status=422)
        return self._as_new(form.cleaned_data["name"], form.cleaned_data["password"])

    def _as_known(self, user: User) -> HttpResponse:
        if not self._is_for(user):
            return self._page(None, status=403)
        try:
            invitations.accept(self.request, user, self.invitation)
        except Refused:
            return render(self.request, "accounts/invitation_over.html", status=404)
        current.forget(self.request)
        current.choose(self.request, self.invitation.account_id)
        messages.success(self.request, f"You are in the team of {self.invitation.account.name}.")
        return redirect("/")

    def _as_new(self, name: str, password: str) -> HttpResponse:
        """Make the sign-in. Its address counts as shown, because the link was sent there."""
        user = User.objects.create_user(self.invitation.email, password, name=name)
        mailboxes.trust(user)
        try:
            invitations.accept(self.request, user, self.invitation)
        except Refused:
            return render(self.request, "accounts/invitation_over.html", status=404)
        signals.user_signed_up.send(sender=User, request=self.request, user=user)
        login = Login(user=user, redirect_url="/", signup=True)
        answer: HttpResponse = perform_login(self.request, login)
        return answer

    def _owner(self) -> User | None:
        return User.objects.filter(email=self.invitation.email).first()

    def _is_for(self, user: User) -> bool:
        return mailboxes.is_trusted(user, self.invitation.email)

    def _page(self, form: JoinForm | None, *, status: int = 200) -> HttpResponse:
        user = self.request.user
        is_person = isinstance(user, User)
        context = {
            "invitation": self.invitation,
            "form": form,
            "is_for_you": isinstance(user, User) and self._is_for(user),
            "is_for_another": isinstance(user, User) and not self._is_for(user),
            "has_sign_in": not is_person and self._owner() is not None,
        }
        return render(self.request, "accounts/invitation.html", context, status=status)
