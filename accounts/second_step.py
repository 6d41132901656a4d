"""Codes of the second step: how often one may be wrong, and that none is taken twice.

allauth keeps both in the memory of one process; here they are counted where all processes look.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter as second_factors
from allauth.mfa.base.forms import AuthenticateForm as AllauthAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AllauthReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm as AllauthActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm as AllauthAddWebAuthnForm
from django.core.exceptions import ValidationError

from accounts import counting

WRONG_ONES = 5
WAIT_SECONDS = 300


def count_try(person: object) -> None:
    """Count a try. Raises ``ValidationError`` if there were five within five minutes; a right one ends the counting."""
    if counting.is_too_often(_key(person), WRONG_ONES, WAIT_SECONDS):
        raise ValidationError("Too many wrong codes. Wait five minutes, then try again.", code="too_many")


def use_up(person: object) -> bool:
    """Use up the app's code of these seconds; return whether it had not been used before."""
    period = app_settings.TOTP_PERIOD
    return counting.is_first(f"totp:{person}:{int(time.time()) // period}", 2 * period)


def _key(person: object) -> str:
    return f"second-step:{person}"


class _Counted:
    """A form with a ``code``, tried a few times and taken once."""

    user: Any
    authenticator: Any

    def clean_code(self) -> str:
        """Return a code that is right and new."""
        count_try(self.user.pk)
        code: str = super().clean_code()  # type: ignore[misc]
        if self.authenticator.type == Authenticator.Type.TOTP and not use_up(self.user.pk):
            raise second_factors().validation_error("incorrect_code")
        counting.forget(_key(self.user.pk))
        return code


class AuthenticateForm(_Counted, AllauthAuthenticateForm):  # type: ignore[misc]
    """The second step of signing in."""


class ReauthenticateForm(_Counted, AllauthReauthenticateForm):  # type: ignore[misc]
    """Confirming with a code that it is still the same person."""


class ActivateTOTPForm(AllauthActivateTOTPForm):  # type: ignore[misc]
    """Setting the app up; the code that proves it is not taken again."""

    def clean_code(self) -> str:
        """Return a code that is right."""
        code: str = super().clean_code()
        use_up(self.user.pk)
        return code


class AddPasskeyForm(AllauthAddWebAuthnForm):  # type: ignore[misc]
    """A passkey, which most people want to sign in with and not only confirm a password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = "What you call it"
        self.fields["name"].help_text = "So that you know it again in the list: front desk, my phone."
        self.fields["name"].max_length = 60
        self.fields["passwordless"].label = "Sign in with it alone"
        self.fields["passwordless"].help_text = "No password needed: your fingerprint, face or PIN is the second step."
        self.fields["passwordless"].initial = True
