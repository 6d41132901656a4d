"""People who set up a practice, for tests: what they type, and the worker that checks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.models import Account, Membership, User
from accounts.roles import Role
from pms.domain.clock import Clock
from pms.jobs import sweeps
from pms.models import Setup
from pms.providers.progress import CheckStep, StepState
from pms.sandbox.practice import APP_ID, APP_KEY
from pms.services import setups
from pms.services.audit import Asker
from pms.services.setups import SetupView
from tests.talking import SetClock

MINE = {"applicationId": APP_ID, "secretKey": APP_KEY, "practiceId": "D10001"}


@dataclass
class Manager:
    """Somebody at the setup's pages, who has read them last as ``seen`` says."""

    account: Account
    name: str = "Mona Manager"
    clock: Clock = field(default_factory=SetClock)

    def __post_init__(self) -> None:
        email = f"{self.name.split()[0].lower()}@practice.example"
        self.user = User.objects.create_user(email, "a long password of a test", name=self.name)
        Membership.objects.create(user=self.user, account=self.account, role=Role.OWNER)
        self.seen = self.read()

    @property
    def by(self) -> dict[str, Any]:
        """Who asks, as the services want it."""
        asker = Asker(actor=f"user:{self.user.pk}", endpoint="/setup/", method="POST", user_id=str(self.user.pk))
        return {"account": self.account, "user": self.user, "asker": asker, "clock": self.clock}

    def read(self) -> SetupView:
        """Look at the setup."""
        self.seen = setups.read(account=self.account, clock=self.clock)
        return self.seen

    def choose(self, provider: str = "SIKKA") -> SetupView:
        """Choose a system."""
        self.seen = setups.choose_provider(provider=provider, version=self.seen.version, **self.by)
        return self.seen

    def type(self, typed: Mapping[str, object] | None = None, *, location: str = "", **single: object) -> SetupView:
        """Type credentials, all of Alder's unless some are named."""
        values = {**(typed or {}), **single} or dict(MINE)
        self.seen = setups.keep_credentials(values=values, location=location, version=self.seen.version, **self.by)
        return self.seen

    def ask(self) -> SetupView:
        """Ask for the check."""
        self.seen = setups.ask_check(**self.by)
        return self.seen

    def check(self) -> SetupView:
        """Ask for the check, have the worker run it, and look."""
        self.ask()
        assert sweeps.check_connections(self.clock) == 1
        return self.read()

    def connect(self, typed: Mapping[str, object] | None = None, **single: object) -> SetupView:
        """Choose, type and check."""
        self.choose()
        self.type({**(typed or {}), **single})
        return self.check()


def told(seen: SetupView) -> dict[CheckStep, tuple[StepState, str]]:
    """Return how each step stands."""
    return {one.name: (one.state, one.code) for one in seen.steps}


def row(account: Account) -> Setup:
    """Return the stored setup."""
    return Setup.objects.get(account=account)
