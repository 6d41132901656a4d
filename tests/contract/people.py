"""The same contract for the addresses that take a person's session: what each case is, and what is answered.

Who is not let in to the rules and the openings is here too; the rest of them is in ``tests/api``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.middleware.csrf import _get_new_csrf_string
from django.test import Client

from accounts.models import Membership, User
from accounts.roles import Role
from pms.services import limits
from tests import agreement
from tests.contract.shapes import FLAG, INSTANT, TEXT, TRUE, UUID, Shape, exactly
from tests.contract.stage import Stage

SETUP, STATUS, TEST = "/api/pms/setup", "/api/pms/status", "/api/pms/test-connection"
RULES, OPENINGS = "/api/pms/rules", "/api/pms/openings"
ADDRESSES = {("POST", SETUP), ("GET", STATUS), ("POST", TEST), ("GET", RULES), ("PUT", RULES), ("GET", OPENINGS)}

_FEATURES = dict.fromkeys(("appointments", "patients", "insurance", "payments"), FLAG)
_SHAPES: dict[str, Shape] = {
    SETUP: {
        "success": TRUE,
        "integration": {
            "id": UUID,
            "provider": exactly("SIKKA"),
            "status": exactly("ACTIVE"),
            "features": _FEATURES,
        },
    },
    STATUS: {
        "success": TRUE,
        "status": exactly("ACTIVE"),
        "provider": exactly("SIKKA"),
        "lastSyncAt": INSTANT,
        "features": _FEATURES,
    },
    TEST: {"success": TRUE, "connectionValid": TRUE, "message": TEXT},
}
_BODIES: dict[str, Any] = {
    SETUP: {"provider": "SIKKA", "credentials": {"practiceId": "D10001"}},
    STATUS: None,
    TEST: {},
    RULES: None,
    OPENINGS: None,
}


@dataclass
class Asked:
    """A request of a person: who, with what, and whether the token against forged requests is sent."""

    user: User | None
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    has_token: bool = True


@dataclass(frozen=True)
class PersonRow:
    """One case of one address. ``asks`` is whether the practice's system is asked; a good answer has a ``shape``."""

    address: str
    what: str
    status: int
    code: str = "ok"
    change: Callable[[Stage, Asked, pytest.MonkeyPatch], None] = lambda stage, asked, monkeypatch: None
    asks: bool = False
    shape: Shape | None = None

    def __str__(self) -> str:
        return f"{self.address.rpartition('/')[2]}: {self.what}"


def ask(row: PersonRow, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Bring about what the row says, and ask as an owner of Alder's would."""
    asked = Asked(User.objects.get(email="owner@alder.example"), _BODIES[row.address])
    row.change(stage, asked, monkeypatch)
    stage.forget()
    client = Client(enforce_csrf_checks=True)
    token = _get_new_csrf_string()
    client.cookies["csrftoken"] = token
    if asked.user is not None:
        client.force_login(asked.user)
    method = "POST" if row.address in (SETUP, TEST) else "GET"
    return client.generic(
        method,
        row.address + asked.query,
        b"" if asked.body is None else json.dumps(asked.body).encode(),
        content_type="application/json",
        headers={**({"X-CSRFToken": token} if asked.has_token else {}), **asked.headers},
    )


def _as(role: Role | None) -> Callable[[Stage, Asked, pytest.MonkeyPatch], None]:
    def change(stage: Stage, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
        asked.user = User.objects.create_user(f"{role.lower()}@alder.example") if role else None
        if role:
            Membership.objects.create(user=asked.user, account=stage.house.alder, role=role)

    return change


def _server(stage: Stage, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.user, asked.headers = None, {"Authorization": f"Bearer {stage.house.token}"}


def _other(stage: Stage, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.query = f"?accountId={stage.house.birch.pk}"


def _body(body: Any) -> Callable[[Stage, Asked, pytest.MonkeyPatch], None]:
    def change(stage: Stage, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
        asked.body = body

    return change


def _down(stage: Stage, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.sim("POST", "fail", kind="status", status=503, times=100)


def _limited(limit: str) -> Callable[[Stage, Asked, pytest.MonkeyPatch], None]:
    def change(stage: Stage, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
        assert asked.user
        monkeypatch.setitem(limits.LIMITS, limit, "1/d")
        limits.check(limit=limit, key=str(asked.user.pk if limit == "people" else stage.house.alder.pk))

    return change


def _forged(stage: Stage, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.has_token = False


def _no_agreement(stage: Stage, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement.withdraw(stage.house.alder)


def _paused(stage: Stage, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    type(stage.house.alder).objects.filter(pk=stage.house.alder.pk).update(is_paused=True)


def _never_connected(stage: Stage, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.user = User.objects.create_user("owner@cedar.example")
    cedar = type(stage.house.alder).objects.create(name="Cedar Dental", time_zone="America/Chicago")
    Membership.objects.create(user=asked.user, account=cedar, role=Role.OWNER)


_EVERY = [
    ("nobody is signed in", 401, "session_required", _as(None)),
    ("a server's token is no session", 401, "session_required", _server),
    ("another practice", 403, "forbidden", _other),
    ("too often", 429, "rate_limited", _limited("people")),
]
_BY_MANAGERS = [
    ("staff", 403, "forbidden", _as(Role.STAFF)),
    ("an auditor", 403, "forbidden", _as(Role.AUDITOR)),
    ("without the token", 403, "forbidden", _forged),
    ("tried too often", 429, "rate_limited", _limited("connection")),
]
_GOOD: Mapping[str, list[tuple[str, Callable[[Stage, Asked, pytest.MonkeyPatch], None]]]] = {
    SETUP: [
        ("all is well", _body(_BODIES[SETUP])),
        ("an admin", _as(Role.ADMIN)),
        ("paused", _paused),
    ],
    TEST: [
        ("all is well", _body({})),
        ("an admin", _as(Role.ADMIN)),
        ("paused", _paused),
        ("no agreement", _no_agreement),
    ],
    STATUS: [
        ("all is well", _body(None)),
        ("staff", _as(Role.STAFF)),
        ("an auditor", _as(Role.AUDITOR)),
        ("paused", _paused),
        ("the practice's system is down", _down),
    ],
}
PEOPLE = [
    *(
        PersonRow(address, what, 200, change=change, asks=address != STATUS, shape=_SHAPES[address])
        for address, cases in _GOOD.items()
        for what, change in cases
    ),
    *(PersonRow(address, *case) for address in _BODIES for case in _EVERY),
    *(PersonRow(address, *case) for address in (SETUP, TEST) for case in _BY_MANAGERS),
    PersonRow(SETUP, "no agreement", 403, "baa_required", _no_agreement),
    PersonRow(SETUP, "a body that is no object", 400, "arguments_unreadable", _body(["SIKKA"])),
    PersonRow(TEST, "a body that is no object", 400, "arguments_unreadable", _body(["SIKKA"])),
    PersonRow(SETUP, "no provider", 422, "validation_failed", _body({})),
    PersonRow(SETUP, "a provider to come", 501, "not_supported", _body({"provider": "KOLLA", "credentials": {}})),
    PersonRow(SETUP, "the practice's system is down", 503, "pms_unavailable", _down, asks=True),
    PersonRow(TEST, "never connected", 409, "setup_required", _never_connected),
    PersonRow(
        TEST,
        "the practice's system is down",
        200,
        change=_down,
        asks=True,
        shape={"success": TRUE, "connectionValid": exactly(False), "message": TEXT},
    ),
    PersonRow(
        STATUS,
        "never connected",
        200,
        change=_never_connected,
        shape=_SHAPES[STATUS]
        | {
            "status": exactly("SETUP_REQUIRED"),
            "provider": exactly(None),
            "lastSyncAt": exactly(None),
            "baaRequired": TRUE,
        },
    ),
    PersonRow(STATUS, "no agreement", 200, change=_no_agreement, shape=_SHAPES[STATUS] | {"baaRequired": TRUE}),
]
