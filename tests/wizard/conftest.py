"""A practice that is about to be set up, and its owner's browser; the test is the worker."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from pytest_django import Settings

from accounts.models import Account, User
from accounts.roles import Role
from pms.jobs import sweeps
from pms.sandbox import Sandbox
from tests.accounts.visitor import Visitor
from tests.conftest import use_sandbox
from tests.practice import agreed
from tests.services.people import member

OFFICE = "D20002"


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    cache.clear()


@pytest.fixture
def birch(db: None, sandbox: Sandbox, settings: Settings) -> Account:
    """Birch Dental, which has accepted the agreement and is connected to nothing."""
    use_sandbox(settings, sandbox)
    settings.VAPI_BASE_URL, settings.VAPI_API_KEY = sandbox.vapi_url, ""
    return agreed(Account.objects.create(name="Birch Dental", time_zone="America/New_York"))


@pytest.fixture
def owner(birch: Account) -> User:
    """Dana, who owns it."""
    return member(birch, "Dana Kim", Role.OWNER)


def browser(user: User) -> Visitor:
    """Return the browser of somebody who has just signed in."""
    visitor = Visitor()
    visitor.client.force_login(user)
    return visitor


@pytest.fixture
def dana(owner: User) -> Visitor:
    """Her browser."""
    return browser(owner)


def worker() -> None:
    """Do what the worker does when it is woken."""
    sweeps.check_connections()


def connected(visitor: Visitor, office: str = OFFICE) -> Visitor:
    """Go through the first three steps."""
    visitor.open("/setup/").send({"provider": "SIKKA"}, having="provider")
    visitor.send({"practiceId": office}, having="practiceId")
    worker()
    return visitor.open("/setup/test/")
