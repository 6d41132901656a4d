"""How allauth's pages fit into ours."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts import recent
from accounts.addresses import client_address


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Takes the client's address from where all of Parlae takes it, and leaves wrong passwords to django-axes."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "The e-mail address or the password is not right.",
        "incorrect_password": "That is not your password.",
        "enter_current_password": "That is not your password.",
        "incorrect_code": "That code is not right. A new one may have been sent, or it was used already.",
        "too_many_login_attempts": "Too many wrong tries. Wait five minutes, then try again.",
        "rate_limited": "That was too often. Wait a minute, then try again.",
        "invalid_password_reset": "This link has been used, or is too old.",
        "same_as_current": "That is your address already.",
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that a request came from; one that cannot be read counts as one."""
        return client_address(request) or "0.0.0.0"  # noqa: S104  # no address to listen on

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """Keep addresses as our users have them: in lower case."""
        user.email = user.email.strip().lower()

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count nothing: django-axes counts in the database, for all processes, by name and address together.

        allauth's own count is by name alone, so that anybody could keep somebody else out.
        """

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Not ask those again who have just signed in."""
        required = bool(super().is_reauthentication_required(app=app, **kwargs))
        began = self.request.session.get(recent.BEGAN)
        return required and not (began is not None and recent.is_young(float(began)))

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """Go on from the verified address to the practice."""
        return reverse("practice_create")

    def format_email_subject(self, subject: str) -> str:
        """Return a mail's subject as the template has it."""
        return " ".join(subject.split())

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail, which finds the address of this installation as ``home``."""
        super().send_mail(template_prefix, email, context | {"home": settings.PUBLIC_URL})
