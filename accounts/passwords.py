"""What a password may not be, beyond Django's own rules: too long to hash, or made of words about the person."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from accounts.models import Membership, User

MAX_LENGTH = 128
HELP = "At least 12 characters. A few unrelated words in a row are easy to remember and hard to guess."
_OURS = frozenset({"parlae", "dentist", "dental", "password", "passwort"})
_SHORTEST_WORD = 4
_LONG_ENOUGH_TWICE = 12
_FEWEST_SIGNS = 5  # different ones
_REST = 8  # so many characters besides such words, and the password may stand


class MaximumLengthValidator:
    """Refuses what only serves to keep the hasher busy."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ``ValidationError`` if a password is longer than 128 characters."""
        if len(password) > MAX_LENGTH:
            raise ValidationError(f"Use at most {MAX_LENGTH} characters.", code="password_too_long")

    def get_help_text(self) -> str:
        """Return the rule in words."""
        return f"Use at most {MAX_LENGTH} characters."


class ContextValidator:
    """Refuses passwords that are little more than the product's name, the practice's, or the person's."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ``ValidationError`` if too little is left of a password without such words."""
        rest = password.lower()
        for word in sorted(_words(user), key=len, reverse=True):
            rest = rest.replace(word, "")
        counted = re.sub(r"\d+$|[\W_]", "", rest)  # what is only put around a word guards nothing
        if rest != password.lower() and len(counted) < _REST:
            raise ValidationError(
                "This is easy to guess from your name, your e-mail address or your practice's name.",
                code="password_from_context",
            )

    def get_help_text(self) -> str:
        """Return the rule in words."""
        return "Do not use your name, your e-mail address or your practice's name."


class DressedCommonValidator(CommonPasswordValidator):
    """Refuses numbers, and common passwords also with digits and signs around them or written twice."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ``ValidationError`` if what is left without them is common, or is hardly anything."""
        super().validate(password, user)  # type: ignore[arg-type]
        bare = re.sub(r"[\d\W_]+$|^[\d\W_]+", "", password.lower())
        half = bare[: len(bare) // 2]
        is_twice = half * 2 == bare and len(half) < _LONG_ENOUGH_TWICE
        if not bare or bare in self.passwords or is_twice or len(set(password)) < _FEWEST_SIGNS:
            raise ValidationError("This password is too common.", code="password_too_common")


def _words(user: User | None) -> set[str]:
    return {*_OURS, *(word for text in _texts(user) for word in _split(text))}


def _texts(user: User | None) -> Iterator[str]:
    if user is None:
        return
    yield user.name
    yield user.email
    yield from Membership.objects.filter(user_id=user.pk).values_list("account__name", flat=True)


def _split(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower())
    return {word for word in [*words, "".join(words)] if len(word) >= _SHORTEST_WORD}
