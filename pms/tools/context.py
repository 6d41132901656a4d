"""What a tool gets and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.localtime import local_date_of
from pms.models import Call, CredentialKind, PmsIntegration
from pms.providers.base import PmsService
from pms.services import gateway
from pms.services.audit import Asker


class Face(StrEnum):
    """How the request came in."""

    VOICE = "voice"
    REST = "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One use of a tool. ``kind`` and ``scopes`` are the credential's; nothing here comes from a model's arguments.

    ``tool_call_id`` is empty on the REST face, where ``idempotency_key`` may take its part.
    """

    account: Account
    kind: CredentialKind
    face: Face
    asker: Asker
    clock: Clock
    budget: Budget
    scopes: frozenset[str] = frozenset()
    call: Call | None = None
    tool_call_id: str = ""
    idempotency_key: str = ""

    @property
    def today(self) -> date:
        """The practice's local day."""
        return local_date_of(self.clock.now(), self.account.zone)

    @property
    def from_model(self) -> bool:
        """Whether a voice model wrote the arguments: then times are the practice's wall clock."""
        return self.face is Face.VOICE or self.call is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A request that passed the gates, with the integration it may use, if its tool needs one."""

    request: Request
    connected: PmsIntegration | None

    @property
    def integration(self) -> PmsIntegration:
        if self.connected is None:
            raise errors.SetupRequired
        return self.connected

    @property
    def pms(self) -> PmsService:
        """The adapter, for asking what it can do; data goes through an access."""
        return gateway.service_for(integration=self.integration, clock=self.request.clock, budget=self.request.budget)

    @property
    def access(self) -> dict[str, Any]:
        """The keyword arguments that every service needs to open an access."""
        return {
            "integration": self.integration,
            "asker": self.request.asker,
            "clock": self.request.clock,
            "budget": self.request.budget,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool found or did: the sentence to say, and the same for a machine. ``status`` is REST's.

    ``outcome`` is what the log and the tool call's row say of it: ``ok``, or the code of what an answer stands for.
    """

    say: str = field(repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    status: int = 200
    outcome: str = "ok"


@dataclass(frozen=True, slots=True)
class Result:
    """What the runner returns for every use of a tool, whatever happened."""

    say: str = field(repr=False)
    outcome: str
    answer: Answer | None = None
    error: errors.ParlaeError | None = None
