"""Regressions of lessons.md about who is let in: C3, C4 and C7."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.resolvers import RegexPattern
from pytest_django import Settings

from pms.models import Call, CredentialKind, PmsAuditLog, SecurityEvent
from tests.child import start
from tests.vapi.house import APPOINTMENTS, AVAILABILITY, NEW, House
from tests.vapi.sending import OWN, PLATFORM, WEBHOOK, about, post, refused, tool_call, tool_calls

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# Everything that answers a stranger, and how. Whoever adds an address to this list says why in its docs.
PUBLIC = {
    "/healthz": {200, 405},
    "/readyz": {200, 405},
    "/api/schema/": {200, 405},
    "/admin/login/": {200, 403, 405},
}
# What an address can hold; a converter that is missing here fails the walk.
EXAMPLES = {
    "int": "1",
    "str": "some-text",
    "slug": "some-text",
    "uuid": str(uuid.UUID(int=1)),
    "path": "some/path",
}
# An address that is written as a regular expression, and one that it fits.
WRITTEN = {"^api/": "api/nothing", r"^(?P<url>.*)$": "nothing", "^(?P<app_label>auth|accounts|pms|auditlog)/$": "pms/"}

Json = dict[str, Any]


@pytest.fixture
def house(client: Client, db: None, settings: Settings) -> House:
    return House(client, settings)


# C3: an API without a guard


def addresses(patterns: list[Any] | None = None, before: str = "/") -> Iterator[str]:
    """Yield one address of every pattern of the project."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        here = before + written(one)
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, here)
        else:
            assert isinstance(one, URLPattern)
            yield here


def written(one: URLPattern | URLResolver) -> str:
    """Return a pattern with an example for each of its parameters."""
    text = str(one.pattern)
    if isinstance(one.pattern, RegexPattern):
        known = [example for pattern, example in WRITTEN.items() if text == pattern or text.startswith("^(?P<app_label>")]
        assert known, f"give an example for {text}"
        return "pms/" if text.startswith("^(?P<app_label>") else WRITTEN[text]
    for name, converter in one.pattern.converters.items():
        kind = next(key for key in EXAMPLES if type(converter).__name__.lower().startswith(key))
        text = text.replace(f"<{kind}:{name}>", EXAMPLES[kind]).replace(f"<{name}>", EXAMPLES["str"])
    return text


def test_c3_the_walk_reaches_every_part_of_the_house() -> None:
    found = set(addresses())

    assert {WEBHOOK, AVAILABILITY, APPOINTMENTS, *PUBLIC} <= found
    assert reverse("admin:pms_patient_changelist" if False else "admin:pms_call_changelist") in found
    assert not [address for address in found if "<" in address]
