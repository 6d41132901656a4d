"""allauth's forms in our words. ``ACCOUNT_FORMS`` names them; accounts.forms has what allauth itself builds upon."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth
from django import forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.models import User
from accounts.passwords import HELP

_LABELS = {
    "login": "E-mail address",
    "email": "E-mail address",
    "password": "Password",
    "password1": "Password",
    "code": "Code",
}


class _Plain:
    """Fields with our labels, without text in them that vanishes, and without a list of rules."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = _LABELS.get(name, field.label)
            if name == "password1":
                field.help_text = HELP
        first = next((one for one in self.fields.values() if not one.widget.is_hidden), None)
        if first is not None:
            first.widget.attrs["autofocus"] = True


class LoginForm(_Plain, allauth.LoginForm):  # type: ignore[misc]
    """Signing in with a password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""  # the page has the link


class SignupForm(_Plain, allauth.SignupForm):  # type: ignore[misc]
    """Signing up. An address that is known takes as long as one that is not."""

    def clean(self) -> Any:
        """Refuse a password that is made of the name; allauth looks at the address only."""
        given = super().clean()
        password, name = self.cleaned_data.get("password1"), self.cleaned_data.get("name", "")
        if password and "password1" not in self.errors:
            person = User(name=name, email=self.cleaned_data.get("email") or "")
            try:
                allauth.get_adapter().clean_password(password, user=person)
            except forms.ValidationError as error:
                self.add_error("password1", error)
        return given

    def try_save(self, request: HttpRequest) -> Any:
        """Make the user; for a known address hash the password in vain, because its time would tell."""
        if self.account_already_exists:
            make_password(self.cleaned_data.get("password1"))
        return super().try_save(request)


class ChangePasswordForm(_Plain, allauth.ChangePasswordForm):  # type: ignore[misc]
    """A new password in place of the old one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = "Password until now"
        self.fields["oldpassword"].help_text = ""  # the page has the link
        self.fields["password1"].label = "New password"
        self.fields["password2"].label = "New password again"


class SetPasswordForm(_Plain, allauth.SetPasswordForm):  # type: ignore[misc]
    """A first password."""


class ResetPasswordForm(_Plain, allauth.ResetPasswordForm):  # type: ignore[misc]
    """Asking for a link to set a new password."""


class ResetPasswordKeyForm(_Plain, allauth.ResetPasswordKeyForm):  # type: ignore[misc]
    """A new password, from the link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].label = "New password"
        self.fields["password2"].label = "New password again"


class AddEmailForm(_Plain, allauth.AddEmailForm):  # type: ignore[misc]
    """Another address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "New e-mail address"
        self.fields["email"].help_text = "A code is sent there. Until you enter it, nothing changes."


class ReauthenticateForm(_Plain, allauth.ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""


class ConfirmEmailVerificationCodeForm(_Plain, allauth.ConfirmEmailVerificationCodeForm):  # type: ignore[misc]
    """The code from the mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= {"class": "code-input", "autocomplete": "one-time-code"}
