"""Forms about a practice's people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from accounts.models import Membership, User
from accounts.passwords import HELP
from accounts.roles import Role
from accounts.team import roles_to_give
from accounts.words import readable


def _choices(own: Membership) -> list[tuple[str, str]]:
    return [(role.value, role.label) for role in roles_to_give(own)]


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label="Role")

    def __init__(self, *args: Any, own: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = _choices(own)  # type: ignore[attr-defined]
        self.fields["role"].initial = Role.STAFF


class RoleForm(forms.Form):
    """Another role for somebody."""

    role = forms.ChoiceField(label="Role")

    def __init__(self, *args: Any, own: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = _choices(own)  # type: ignore[attr-defined]


class NameForm(forms.Form):
    """What a person is called."""

    name = forms.CharField(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))

    def clean_name(self) -> str:
        """Refuse what only looks like a name."""
        return readable(self.cleaned_data["name"])


class JoinForm(NameForm):
    """The sign-in of somebody new, whose address the invitation's link has shown."""

    password = forms.CharField(
        label="Password",
        strip=False,
        help_text=HELP,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, practice: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email, self.practice = email, practice

    def clean(self) -> dict[str, Any]:
        """Refuse a password that is easy to guess from what is known."""
        given = super().clean() or self.cleaned_data
        if password := given.get("password"):
            person = User(email=self.email, name=f"{given.get('name', '')} {self.practice}")
            try:
                validate_password(password, person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return given
