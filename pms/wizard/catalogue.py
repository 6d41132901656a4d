"""What practices are told about the systems that they can choose, and which of them can be connected now."""

from __future__ import annotations

from dataclasses import dataclass

from pms.providers import registry


@dataclass(frozen=True, slots=True)
class Choice:
    """One system to choose: its name as practices know it, and what it is to them."""

    provider: str
    name: str
    about: str

    @property
    def is_available(self) -> bool:
        """Whether it can be connected now: whether there is an adapter for it."""
        return self.provider in registry.available_providers()


_CHOICES = (
    Choice(
        "SIKKA",
        "Sikka ONE",
        "The way in for most practices: Sikka's small program on your server connects Dentrix, Eaglesoft, Open Dental "
        "and many other systems.",
    ),
    Choice("KOLLA", "Kolla", "Another program that connects many systems."),
    Choice("OPEN_DENTAL", "Open Dental", "Straight to Open Dental, with its own interface."),
    Choice("DENTRIX", "Dentrix", "Straight to Dentrix."),
    Choice("EAGLESOFT", "Eaglesoft", "Straight to Eaglesoft."),
    Choice("CUSTOM", "Your own system", "A bridge that your own software people make."),
)


def choices() -> list[Choice]:
    """Return every system there is a name for, those first that can be connected now."""
    return sorted(_CHOICES, key=lambda one: not one.is_available)


def name_of(provider: str) -> str:
    """Return what a system is called, empty if none was chosen."""
    return next((one.name for one in _CHOICES if one.provider == provider), "")
