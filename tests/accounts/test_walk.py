"""Every address of the project, as nobody, as a stranger and as each role, against ``matrix.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django import Settings

from accounts import invitations, roles
from accounts.models import Account, BaaAcceptance, Invitation, Membership
from accounts.openness import asks_nobody
from accounts.roles import Role
from pms.models import AppointmentType, Booking
from pms.sandbox import Sandbox
from pms.services import limits
from tests.accounts.matrix import MATRIX, PUBLIC, Kind, Row
from tests.accounts.people import browser, member, person, practice, with_app
from tests.conftest import use_sandbox
from tests.practice import seeded
from tests.services import people as looked_at

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"
_BODIES = {"connection-setup": b'{"provider": "SIKKA", "credentials": {"practiceId": "D10001"}}'}
METHODS = {"connection-setup": "POST", "connection-test": "POST"}  # what is asked there changes something


def _patterns(resolver: Any, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from _patterns(one, prefix + str(one.pattern))
        else:
            yield prefix + str(one.pattern), one


EVERY = list(_patterns(get_resolver()))
OURS = [(path, one) for path, one in EVERY if not path.startswith("admin/")]
DESK = [(path, one) for path, one in EVERY if path.startswith("admin/")]


class Stage:
    """Alder Dental with a row of everything, and people of each kind, each with a second step."""

    def __init__(self, alder: Account) -> None:
        self.browsers: dict[str, Client] = {}
        self.alder, self.token = alder, "a-token-that-was-sent"
        self.people = {role: self._member(alder, role) for role in Role}
        self.stranger = self._member(practice("Birch Dental"), Role.OWNER, "owner@birch.example")
        self.call = looked_at.call(alder)
        self.task = looked_at.task(alder)
        self.booking = _booking(alder)
        self.invitation = Invitation.objects.create(
            account=alder,
            email="new@walk.example",
            role=Role.STAFF,
            token_digest=invitations.digest(self.token),
            invited_by=self.people[Role.OWNER].user,
            expires_at=timezone.now() + timedelta(days=1),
        )

    def browser(self, who: str) -> Client:
        """Return the browser of nobody, a stranger, somebody without a practice, or of a role."""
        if who == "nobody":
            return Client(raise_request_exception=False)
        if who not in self.browsers:
            user = self.stranger.user if who == "stranger" else self.people[Role(who)].user
            self.browsers[who] = browser(user)
            self.browsers[who].raise_request_exception = False
        return self.browsers[who]

    def address(self, path: str, row: Row) -> str:
        """Return an address of Alder's for a pattern."""
        given = {
            "": "",
            "reset": "set-password",
            "token": self.token,
            "passkey": "1",
            "guide": "sikka",
            "invitation": str(self.invitation.pk),
            "member": str(self.people[Role.STAFF].pk),
            "record": str(BaaAcceptance.objects.filter(account=self.alder)[0].pk),
            "call": str(self.call.pk),
            "booking": str(self.booking.pk),
            "task": str(self.task.pk),
            "id": "12",
        }[row.needs]
        if row.needs == "reset":
            return "/accounts/password/reset/key/abc-set-password/"
        return "/" + re.sub(r"<[^>]+>", given, path).replace("^", "")

    def _member(self, account: Account, role: Role, email: str = "") -> Membership:
        own = member(account, role, email or f"{role.lower()}@walk.example")
        with_app(own.user)
        return own


@pytest.fixture
def stage(db: None, sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Stage:
    for limit in ("people", "connection"):
        monkeypatch.setitem(limits.LIMITS, limit, "10000/m")
    use_sandbox(settings, sandbox)
    return Stage(seeded())


def _booking(account: Account) -> Booking:
    now = timezone.now()
    starts, ends = now + timedelta(days=2), now + timedelta(days=2, hours=1)
    return Booking.objects.create(
        account=account,
        integration=account.integrations.get(),
        confirmation_number="AAAAAA",
        state="CONFIRMED",
        patient_id="1",
        appointment_type=AppointmentType.objects.filter(account=account)[0],
        clinician_id="1",
        operatory_id="1",
        starts_at=starts,
        ends_at=ends,
        busy_from=starts,
        busy_to=ends,
        hold_expires_at=now,
    )


def _outcome(answer: HttpResponseBase) -> str:
    """Say in a word what an answer means for whoever asked."""
    if answer.status_code == 302 and answer["Location"].startswith(LOGIN):
        return "sign in"
    if answer.status_code >= 500 and answer.status_code != 503:
        return f"broken: {answer.status_code}"
    return {401: "refused", 403: "refused", 404: "not there"}.get(answer.status_code, "in")


def _ask(stage: Stage, who: str, path: str, one: URLPattern, *, method: str = "") -> str:
    cache.clear()
    row = MATRIX[str(one.name)]
    asked = method or METHODS.get(str(one.name), "GET")
    address = stage.address(path, row)
    body = (
        {"data": b"{}", "content_type": "application/json"} if asked == "POST" and address.startswith("/api/") else {}
    )
    answer = getattr(stage.browser(who), asked.lower())(address, **body)
    _check_headers(answer, address)
    return _outcome(answer)


def _check_headers(answer: HttpResponseBase, address: str) -> None:
    """Nothing is loaded from elsewhere or run from within a page, and no address is told to others."""
    policy = answer.get("Content-Security-Policy", "")
    assert "default-src 'none'" in policy, address
    assert "unsafe" not in policy
    assert answer["Referrer-Policy"] == "same-origin", address
    assert answer["X-Content-Type-Options"] == "nosniff", address


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    names = [str(one.name) for _, one in OURS]
    assert set(names) == set(MATRIX)


def test_the_list_of_what_is_public_is_short_and_is_what_asks_for_no_sign_in() -> None:
    open_ones = {str(one.name) for _, one in OURS if not getattr(one.callback, "login_required", True)}
    machines = {name for name, row in MATRIX.items() if row.kind in (Kind.SESSION, Kind.SIGNED)}
    assert open_ones - machines == set(PUBLIC)
    assert len(PUBLIC) <= 18
    indifferent = {str(one.name) for _, one in OURS if getattr(one.callback, "asks_nobody", False)}
    assert indifferent == {"healthz", "readyz", "schema-view", "api-address-unknown", "vapi-webhook"}
    assert asks_nobody.__doc__


@pytest.mark.whole
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_gets_in_but_where_it_says_so(stage: Stage, method: str) -> None:
    expected = {
        Kind.EVERYBODY: {"in", "sign in", "not there"},  # allauth's steps of a sign-in lead back to its beginning
        Kind.PERSON: {"sign in"},
        Kind.MEMBER: {"sign in"},
        Kind.SESSION: {"refused"},
        Kind.SIGNED: {"refused", "in"},  # "in" is a method that is not known there
    }
    for path, one in OURS:
        kind = MATRIX[str(one.name)].kind
        outcome = _ask(stage, "nobody", path, one, method=method)
        if one.name == "api-address-unknown":
            assert outcome == "not there"
        elif kind == Kind.SESSION and method not in _methods(one):
            assert outcome in ("refused", "in"), one.name
        else:
            assert outcome in expected[kind], (one.name, outcome)


@pytest.mark.whole
@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_in_where_the_table_says_and_nowhere_else(stage: Stage, role: Role) -> None:
    wrong = []
    for path, one in OURS:
        row = MATRIX[str(one.name)]
        if row.kind not in (Kind.MEMBER, Kind.SESSION):
            continue
        may = row.permission is None or roles.allows(role, row.permission)
        for method in ("GET",) if may else ("GET", "POST"):
            asked = METHODS.get(str(one.name), method)
            outcome = _ask(stage, role, path, one, method=asked)
            if row.kind == Kind.SESSION and asked not in _methods(one):
                continue
            if outcome != ("in" if may else "refused"):
                wrong.append((one.name, asked, outcome))
    assert wrong == []


@pytest.mark.whole
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stranger_finds_nothing_of_another_practice_there(stage: Stage, method: str) -> None:
    for path, one in OURS:
        row = MATRIX[str(one.name)]
        if row.kind != Kind.MEMBER or not row.needs:
            continue
        outcome = _ask(stage, "stranger", path, one, method=method)
        # What cannot be done at all is no way to find out what is there.
        assert outcome == "not there" or (outcome == "in" and method not in _methods(one)), (one.name, outcome)


@pytest.mark.whole
def test_a_stranger_s_own_pages_show_nothing_of_another_practice(stage: Stage) -> None:
    for path, one in OURS:
        row = MATRIX[str(one.name)]
        if row.kind not in (Kind.MEMBER, Kind.PERSON) or row.needs:
            continue
        answer = stage.browser("stranger").get(stage.address(path, row))
        for mark in (str(stage.alder.pk), "walk.example"):
            assert mark.encode() not in answer.content, (one.name, mark)


def test_rest_for_people_is_refused_for_another_practice(stage: Stage) -> None:
    for path, one in OURS:
        if MATRIX[str(one.name)].kind != Kind.SESSION:
            continue
        method = METHODS.get(str(one.name), "GET").lower()
        answer = getattr(stage.browser("stranger"), method)(
            f"/{path}?accountId={stage.alder.pk}", content_type="application/json"
        )
        assert answer.status_code == 403, one.name


@pytest.mark.whole
def test_a_session_opens_nothing_that_takes_a_signature(stage: Stage) -> None:
    for path, one in OURS:
        if MATRIX[str(one.name)].kind == Kind.SIGNED:
            for method in _methods(one):
                outcome = _ask(stage, Role.OWNER, path, one, method=method)
                assert outcome == "refused", (one.name, method, outcome)


@pytest.mark.parametrize("who", ["nobody", Role.OWNER])
def test_nobody_but_support_opens_the_support_desk(stage: Stage, who: str) -> None:
    desk = stage.browser(who)
    for path, one in DESK:
        address = "/" + re.sub(r"\(\?P<\w+>.*?\)|<[^>]+>", "1", path).replace("^", "").replace("$", "").replace(
            ".*", "x"
        )
        answer = desk.get(address)
        assert answer.status_code in (302, 403, 404), (one.name, answer.status_code)
        assert answer.status_code != 302 or LOGIN in answer["Location"] or answer["Location"].startswith("/admin/")


def test_support_without_a_practice_gets_no_practice_s_page(stage: Stage) -> None:
    support = person("support@parlae.example", is_staff=True, is_superuser=True)
    with_app(support)
    desk = browser(support)
    for path, one in OURS:
        row = MATRIX[str(one.name)]
        if row.kind == Kind.MEMBER:
            answer = desk.get(stage.address(path, row))
            assert (answer.status_code, answer["Location"]) == (302, "/accounts/practices/new/"), one.name


def _methods(one: URLPattern) -> list[str]:
    """Return the methods of GET and POST that a view knows."""
    view = getattr(one.callback, "view_class", None) or getattr(one.callback, "cls", None)
    if view is None:
        return ["POST"] if one.name == "vapi-webhook" else ["GET", "POST"]
    named = getattr(view, "http_method_names", ["get", "post"])
    return [name.upper() for name in ("get", "post") if hasattr(view, name) and name in named]
