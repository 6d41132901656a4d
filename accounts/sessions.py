"""The sessions of people: where somebody is signed in, and ending that."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User


def of(user: User) -> list[UserSession]:
    """Return a person's sessions that still live, the one that was used last first."""
    return sorted(UserSession.objects.purge_and_list(user), key=lambda one: one.last_seen_at, reverse=True)


def note(request: HttpRequest) -> None:
    """Note that somebody is there, so that lists of sessions tell when they were used."""
    key = request.session.session_key
    found = UserSession.objects.filter(session_key=key, user=request.user)
    if key is not None and not found.update(last_seen_at=timezone.now()):
        UserSession.objects.create_from_request(request)


def end(user: User, *, keep: str | None = None, only: int | None = None) -> int:
    """End a person's sessions, all but ``keep`` (a key) or ``only`` one (an id); return how many there were."""
    found = UserSession.objects.filter(user=user).exclude(session_key=keep)
    chosen = list(found.filter(pk=only) if only is not None else found)
    for one in chosen:
        one.end()
    return len(chosen)
