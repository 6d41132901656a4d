"""The form by which the agreement is accepted."""

from __future__ import annotations

from django import forms

from accounts import baa
from accounts.words import readable


class AgreementForm(forms.Form):
    """Who accepts, as what, and that they may. ``sha256`` tells which text was shown."""

    name = forms.CharField(
        label="Your full name",
        max_length=120,
        help_text="Typing it here is your signature.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    title = forms.CharField(
        label="Your title",
        max_length=120,
        help_text="Such as owner, or practice manager.",
        widget=forms.TextInput(attrs={"autocomplete": "organization-title"}),
    )
    has_authority = forms.BooleanField(label="I have read the agreement and may accept it for the practice.")
    sha256 = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["sha256"].initial = baa.current().sha256

    def clean_name(self) -> str:
        """Refuse what only looks like a name."""
        return readable(self.cleaned_data["name"])

    def clean_title(self) -> str:
        """Refuse what only looks like a title."""
        return readable(self.cleaned_data["title"])
