"""People at Alder Dental who are signed in, and calls for them to look at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import Account, User
from accounts.roles import Role
from tests.services.people import member
from tests.tools.conftest import cora, quick_office

__all__ = ["cora", "quick_office"]

SignedIn = Callable[[Role], Client]


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    cache.clear()


@pytest.fixture
def person(practice: Account) -> User:
    """Ada, who works at the front desk."""
    return member(practice, "Ada Desk")


@pytest.fixture
def staff(person: User) -> Client:
    """Ada's browser."""
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def signed_in(practice: Account) -> SignedIn:
    """Somebody of a role: ``signed_in(Role.OWNER)``."""

    def enter(role: Role) -> Client:
        client = Client()
        client.force_login(member(practice, f"{role.label} Person", role))
        return client

    return enter
