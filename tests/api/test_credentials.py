"""System credentials over REST: what a token opens, for whom, and how little a refused one tells."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.domain.localtime import local_date_of
from pms.management.simulation import wished_day
from pms.models import Booking, Credential, PmsAuditLog, SecurityEvent, VoiceLine
from tests.practice import live_call
from tests.vapi.house import APPOINTMENTS, AVAILABILITY, House
from tests.vapi.sending import OWN, issued, line_of, refused, signed
from tests.vapi.sending import practice as another_practice

Json = dict[str, Any]
READ, WRITE = "appointments:read", "appointments:write"


@pytest.fixture(autouse=True)
def _no_platform_secret(settings: Settings) -> None:
    settings.VAPI_WEBHOOK_SECRETS = []
    settings.VAPI_SECRET_IS_SYSTEM = False


@pytest.fixture
def day(practice: Account) -> str:
    return wished_day(local_date_of(timezone.now(), practice.zone)).isoformat()


class Site:
    """A practice's own website, which shows its token."""

    def __init__(self, client: Client, account: Account, *scopes: str) -> None:
        self.client = client
        self.token, self.pk = issued(account, *scopes)

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **more}

    def times(self, day: str, **headers: str) -> Any:
        address = f"{AVAILABILITY}?date={day}&appointmentType=Cleaning"
        return self.client.get(address, headers=self.headers(**headers))

    def book(self, wish: Json, **headers: str) -> Any:
        return self.client.post(
            APPOINTMENTS, json.dumps(wish), content_type="application/json", headers=self.headers(**headers)
        )


def wish(site: Site, day: str) -> Json:
    slots = site.times(day).json()["slots"]
    return {"patientId": "1001", "appointmentType": "Cleaning", "startTime": slots[0]["startTime"]}


# What a token opens


def test_a_server_reads_and_books_with_its_scopes_and_without_a_call(
    client: Client, practice: Account, day: str
) -> None:
    site = Site(client, practice, READ, WRITE)

    response = site.book(wish(site, day))

    assert response.status_code == 201, response.content
    assert Booking.objects.get().account == practice
    written = PmsAuditLog.objects.filter(action="bookAppointment")
    assert {(log.actor, log.account_id) for log in written} == {(f"system:{site.pk}", practice.pk)}


@pytest.mark.parametrize("scopes", [[READ], ["patients:read", "patients:write"]])
def test_what_a_credential_s_scopes_leave_out_is_forbidden(
    client: Client, practice: Account, day: str, scopes: list[str]
) -> None:
    able, site = Site(client, practice, READ), Site(client, practice, *scopes)

    refused(site.book(wish(able, day)), 403, "forbidden")

    assert site.times(day).status_code == (200 if READ in scopes else 403)
    assert not Booking.objects.exists()


def test_changed_scopes_count_from_the_next_request_on(client: Client, practice: Account, day: str) -> None:
    site = Site(client, practice, READ)
    assert site.times(day).status_code == 200

    Credential.objects.update(scopes=[WRITE])

    refused(site.times(day), 403, "forbidden")


def test_a_token_within_a_call_is_bound_by_what_was_proven_there(client: Client, practice: Account, day: str) -> None:
    site = Site(client, practice, READ, WRITE)

    response = site.book(wish(site, day), **{"X-Vapi-Call-Id": live_call(practice).vapi_call_id})

    refused(response, 403, "not_verified")


def test_a_token_opens_its_own_practice_only(client: Client, practice: Account, day: str) -> None:
    other = line_of(another_practice("Birch Dental"), "+12125550109")
    site, stranger = Site(client, practice, READ), Site(client, other.account, READ)
    line = VoiceLine.objects.get(account=practice)

    assert site.times(day, **{"X-Vapi-Assistant-Id": line.vapi_assistant_id or ""}).status_code == 200
    refused(stranger.times(day), 403, "baa_required")
    for answer in (
        site.times(f"{day}&account={other.account_id}"),
        site.book({"accountId": str(other.account_id)}),
        site.times(day, **{"X-Vapi-Assistant-Id": other.vapi_assistant_id or ""}),
        stranger.times(f"{day}&account={practice.pk}"),
        stranger.times(day, **{"X-Vapi-Phone-Number-Id": line.vapi_phone_number_id or ""}),
    ):
        refused(answer, 403, "forbidden")
    assert {log.actor for log in PmsAuditLog.objects.filter(action="checkAvailability")} == {f"system:{site.pk}"}


# What a refused one tells


@pytest.fixture
def house(client: Client, db: None, settings: Settings) -> House:
    return House(client, settings).set(VAPI_WEBHOOK_SECRETS=[])


BAD_TOKENS: dict[str, Callable[[House], str]] = {
    "wrong": House.token_with_another_secret,
    "expired": House.expired_token,
    "revoked": House.revoked_token,
    "of a closed account": House.token_of_a_closed_account,
    "of a voice credential": lambda house: f"parlae_{house.own.pk.hex}_{'x' * 43}",
    "of nobody": lambda house: f"parlae_{uuid.uuid4().hex}_{'x' * 43}",
}


def show(house: House, token: str) -> Any:
    return house.client.get(AVAILABILITY, headers={"Authorization": f"Bearer {token}", "X-Request-Id": "request-1"})


def test_every_refused_token_gets_the_same_answer_after_the_same_queries(house: House) -> None:
    tokens = [make(house) for make in BAD_TOKENS.values()]

    answers, asked = [], []
    for token in tokens:
        with CaptureQueriesContext(connection) as queries:
            answers.append(show(house, token))
        # Without the event's: only the first six of a minute are written.
        asked.append([query["sql"].split(" WHERE ")[0] for query in queries if '"credentials"' in query["sql"]])

    assert len({answer.content for answer in answers}) == 1
    assert len({repr(sorted(answer.headers.items())) for answer in answers}) == 1
    refused(answers[0], 401, "signature_invalid")
    assert len(asked[0]) == 1
    assert asked[0][0].startswith("SELECT ")
    assert all(queries == asked[0] for queries in asked)


@pytest.mark.parametrize("make", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_refused_token_changes_nothing_and_leaves_one_event(house: House, make: Callable[[House], str]) -> None:
    token = make(house)
    before = {model: list(model._default_manager.order_by("pk").values()) for model in apps.get_models()}

    show(house, token)

    after = {model: list(model._default_manager.order_by("pk").values()) for model in apps.get_models()}
    changed = {model._meta.label for model in before if before[model] != after[model]}
    assert changed == {"pms.SecurityEvent", "pms.ChainHead", "pms.RateCounter"}
    event = SecurityEvent.objects.get(kind="webhook.refused")
    assert (event.account_id, event.actor, event.detail) == (None, "anonymous", {"line_known": False})


@pytest.mark.parametrize(
    "headers",
    [
        lambda token: {"X-Vapi-Secret": token},
        lambda token: {"Authorization": token},
        lambda token: {"Authorization": f"Basic {token}"},
        lambda token: {"Authorization": f"Bearer {token} {token}"},
        lambda token: {"Authorization": f"Bearer {token},"},
        lambda token: {"X-Authorization": f"Bearer {token}"},
        lambda token: {"Cookie": f"sessionid={token}"},
    ],
)
def test_a_token_counts_only_as_a_bearer_token(house: House, headers: Callable[[str], dict[str, str]]) -> None:
    token = house.token()

    refused(house.client.get(f"{AVAILABILITY}?token={token}", headers=headers(token)), 401, "signature_invalid")


def test_a_wrong_token_is_not_helped_by_a_right_signature(house: House) -> None:
    headers = {
        **signed(b"", OWN),
        "X-Vapi-Phone-Number-Id": house.line.vapi_phone_number_id or "",
        "Authorization": f"Bearer {house.token_with_another_secret()}",
    }

    refused(house.client.get(AVAILABILITY, headers=headers), 401, "signature_invalid")


def test_neither_a_good_nor_a_bad_token_is_in_the_log(house: House, logs: io.StringIO) -> None:
    good, bad = house.token(), house.revoked_token()

    show(house, good)
    show(house, bad)

    assert logs.getvalue().count('"event": "request"') == 2
    for token in (good, bad):
        assert not [part for part in (token, token.split("_")[1], token[-43:]) if part in logs.getvalue()]
