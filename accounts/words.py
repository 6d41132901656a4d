"""What people type as names."""

from __future__ import annotations

from django.core.exceptions import ValidationError


def readable(text: str) -> str:
    """Return a name with single spaces. Raises ``ValidationError`` if it has signs in it that cannot be seen."""
    name = " ".join(text.split())
    if not name.isprintable():
        raise ValidationError("Use letters that can be read.")
    return name
