"""The forms of the setup, made from what providers and features declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from pms.providers.base import CredentialField
from pms.services import integrations

_KEPT = "Kept. Leave it empty to keep it; what you type takes its place."


class CredentialsForm(forms.Form):
    """One field for each that the provider needs from the practice; a secret is never shown again.

    ``kept`` names the fields that have a value already; ``shown`` are the values of those that are no secret.
    ``locations`` maps the ids of an office's locations to names, where one has to be chosen.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        fields: tuple[CredentialField, ...],
        kept: frozenset[str],
        shown: Mapping[str, str],
        locations: Mapping[str, str],
        location: str,
    ) -> None:
        super().__init__(data, initial={**shown, "location": location})
        for one in fields:
            self.fields[one.name] = _credential(one, is_kept=one.name in kept)
        if locations:
            self.fields["location"] = forms.ChoiceField(
                label="Location", choices=list(locations.items()), widget=forms.RadioSelect
            )

    def values(self) -> dict[str, str]:
        """Return what was typed, by the provider's own names."""
        return {name: str(value) for name, value in self.cleaned_data.items() if name != "location"}


def _credential(declared: CredentialField, *, is_kept: bool) -> forms.Field:
    is_asked_again = declared.secret and is_kept
    # No browser keeps it, and no password manager offers the person's own password for it.
    attributes = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
    widget = forms.PasswordInput if declared.secret else forms.TextInput
    return forms.CharField(
        label=declared.label,
        help_text=_KEPT if is_asked_again else declared.help,
        required=declared.required and not is_asked_again,
        max_length=integrations.MAX_CREDENTIAL,
        widget=widget(attrs=attributes | ({"placeholder": "••••••••"} if is_asked_again else {})),
    )
