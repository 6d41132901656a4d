"""Where people go to do something about what is told on Home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.urls import reverse

from accounts.roles import Permission
from pms.services.overview_words import Place, Reason

_PLACES: Mapping[Place, tuple[str, str, Permission]] = {
    Place.AGREEMENT: ("agreement", "Open the agreement", Permission.READ_STATUS),
    Place.SETUP: ("setup", "Go on with the setup", Permission.MANAGE_INTEGRATION),
    Place.CONNECTION: ("setup_test", "Look at the connection", Permission.MANAGE_INTEGRATION),
    Place.FEATURES: ("setup_features", "Choose what the agent does", Permission.MANAGE_INTEGRATION),
    Place.RULES: ("setup_features", "Choose the appointments", Permission.MANAGE_INTEGRATION),
    Place.LINE: ("setup_done", "Look at the line", Permission.MANAGE_INTEGRATION),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A reason, and the link that helps; ``address`` is empty where the person may not, or nothing can be opened."""

    reason: Reason
    address: str
    label: str


def told(reason: Reason, may: Callable[[Permission], bool]) -> Told:
    """Return a reason for somebody who may do some things."""
    if reason.place not in _PLACES:
        return Told(reason, "", "")
    name, label, permission = _PLACES[reason.place]
    if may(permission):
        return Told(reason, reverse(name), label)
    return Told(reason, "", "An owner or admin of your practice can do this.")
