"""Forms of the account's pages."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest

from accounts.models import User
from accounts.words import readable


class SignupForm(forms.Form):
    """What is asked besides e-mail address and password."""

    name = forms.CharField(
        label="Your name",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    field_order = ["name", "email", "password1"]

    def signup(self, request: HttpRequest, user: User) -> None:
        """Keep the name; allauth calls this when the user exists."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])

    def clean_name(self) -> str:
        """Refuse what only looks like a name."""
        return readable(self.cleaned_data["name"])
