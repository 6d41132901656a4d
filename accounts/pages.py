"""What every page of a practice obeys."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.generic import View

from accounts import current, evidence, recent, roles
from accounts.models import Account, Membership, User
from accounts.roles import Permission


class PracticeView(View):
    """A page for members of the practice that they act for. Subclasses name the ``permission`` that it needs.

    Whoever belongs to no practice is asked to set one up, and whoever belongs to several to choose one. A form or a
    poll of a page that was made for another practice is refused. What only looks, again and again by itself, is
    ``polled``: it does not count as being there. Where ``needs_recent``, people confirm first that it is them, if they
    have not within the last minutes. A ``permission`` of ``None`` lets every member in.
    """

    permission: ClassVar[Permission | None]
    polled: ClassVar[bool] = False
    needs_recent: ClassVar[bool] = False

    membership: Membership

    @property
    def account(self) -> Account:
        """The practice."""
        return self.membership.account

    @property
    def user(self) -> User:
        """The person."""
        user = self.request.user
        if not isinstance(user, User):
            raise PermissionDenied
        return user

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let a member in whose role may, and answer everybody else."""
        membership = current.membership(request)
        if membership is None:
            return redirect("practice_choose" if current.memberships(request) else "practice_create")
        if current.is_of_another(request, membership):
            return render(request, "accounts/other_practice.html", status=409)
        self.membership = membership
        if self.permission is not None:
            self.require(self.permission)
        if self.needs_recent and not recent.is_recent(request):
            return recent.ask(request.get_full_path() if request.method == "GET" else request.path)
        return super().dispatch(request, *args, **kwargs)

    def require(self, permission: Permission) -> None:
        """Refuse a person whose role does not allow something, and leave an event."""
        if self.may(permission):
            return
        match = self.request.resolver_match
        evidence.tell(
            "permission.denied",
            request=self.request,
            account_id=self.membership.account_id,
            endpoint=f"/{match.route}" if match else "",
            permission=permission.value,
        )
        raise PermissionDenied

    def may(self, permission: Permission) -> bool:
        """Return whether the person's role allows something else on the page."""
        return self.allows(self.membership, permission)

    def render(self, template: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
        """Return a page, which finds ``account``, ``membership`` and ``view`` besides its own context."""
        shared = {"account": self.account, "membership": self.membership, "view": self}
        return render(self.request, template, shared | (context or {}), status=status)

    @staticmethod
    def allows(membership: Membership, permission: Permission) -> bool:
        """Return whether a membership's role has a permission."""
        return roles.allows(membership.role, permission)
