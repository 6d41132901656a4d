"""How allauth keeps the secrets of second factors: sealed."""

from __future__ import annotations

import base64

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator

from pms import vault

# allauth does not say whose secret it is, so that these are bound to their purpose and not to a row.
_PLACE = "mfa_authenticator:data"


class SealingAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Seals the secrets of authenticator apps and recovery codes."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "That code is not right, or was used already. Wait for the next one.",
        "unverified_email": "Confirm your e-mail address first.",
    }

    def encrypt(self, text: str) -> str:
        """Return a secret sealed, as text."""
        return base64.b64encode(vault.seal(text, _PLACE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret. Raises ``CannotOpen``."""
        try:
            sealed = base64.b64decode(encrypted_text, validate=True)
        except ValueError:
            raise vault.CannotOpen from None
        return str(vault.unseal(sealed, _PLACE))

    def generate_authenticator_name(self, user: object, type: object) -> str:  # allauth's
        """Return what a new passkey is called until its owner says otherwise."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return "Passkey" if not count else f"Passkey {count + 1}"
