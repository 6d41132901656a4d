"""The door's table of answers: a row for every sentence about who is let in, for which practice, and what is said."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from pms.vapi.signatures import SCHEMES
from tests.vapi.house import APPOINTMENTS, AVAILABILITY, NEW, OLD, PROOFS, WRONG, House, said
from tests.vapi.sending import OWN, PLATFORM, WEBHOOK, about, refused, signed, tool_call, tool_calls

UNKNOWN = {"phoneNumber": {"id": "somebody-else-s", "number": "+12125550199"}}
TWO_CALLS = [tool_call("checkAvailability", {}, "call_1"), tool_call("findPatient", {}, "call_2")]
FIVE_MEGABYTES = 5 * 1024 * 1024
QUARTER_MEGABYTE = 256 * 1024
YESTERDAY = timezone.now() - timedelta(days=1)

REFUSED = "webhook.refused anonymous 127.0.0.1"
UNKNOWN_LINE = "webhook.unknown_line voice platform 127.0.0.1"
ACKNOWLEDGED = r"^\{\}$"


@dataclass(frozen=True)
class Row:
    """A sentence, how to knock, the status, the error's code or a pattern of the answer, and the one event that is left
    (its kind, who, from where)."""

    says: str
    knock: Callable[[House], Any]
    status: int
    holds: str
    leaves: str = ""


def opens(says: str, knock: Callable[[House], Any]) -> Row:
    """A message that is let in and acknowledged."""
    return Row(says, knock, 200, ACKNOWLEDGED)


def admits(says: str, knock: Callable[[House], Any]) -> Row:
    """A REST request that is let in: the first thing behind the door is the practice's agreement."""
    return Row(says, knock, 403, "baa_required")


def shut(says: str, knock: Callable[[House], Any], leaves: str = REFUSED) -> Row:
    """A request that is not let in."""
    return Row(says, knock, 401, "signature_invalid", leaves)


def padded(body: dict[str, Any], size: int) -> bytes:
    return json.dumps(body).encode().ljust(size)


SIZES = [
    opens("a message of 5 MB is read", lambda h: h.hook(padded(about(h.line), FIVE_MEGABYTES), OWN)),
    Row(
        "a larger message is 413",
        lambda h: h.hook(padded(about(h.line), FIVE_MEGABYTES + 1), OWN),
        413,
        "too_large",
    ),
    Row(
        "a larger message is 413 before its signature is looked at",
        lambda h: h.hook(padded(about(h.line), FIVE_MEGABYTES + 1)),
        413,
        "too_large",
    ),
    admits(
        "a REST request of 256 kB is read",
        lambda h: h.rest(OWN, "POST", APPOINTMENTS, padded({}, QUARTER_MEGABYTE), line=h.line),
    ),
    Row(
        "a larger REST request is 413",
        lambda h: h.rest(OWN, "POST", APPOINTMENTS, padded({}, QUARTER_MEGABYTE + 1), line=h.line),
        413,
        "too_large",
    ),
    Row(
        "a larger REST request is 413 before its signature is looked at",
        lambda h: h.rest("", "POST", APPOINTMENTS, padded({}, QUARTER_MEGABYTE + 1)),
        413,
        "too_large",
    ),
]

NOT_SIGNED = [
    shut("unsigned, known line: 401", lambda h: h.hook(about(h.line))),
    shut("unsigned, unknown line: 401", lambda h: h.hook(about(None, **UNKNOWN))),
    shut("unsigned and broken, known line: 401", lambda h: h.hook(padded(about(h.line), 0)[:-2])),
    shut("unsigned and broken, unknown line: 401", lambda h: h.hook(b"{")),
    shut("badly signed, known line: 401", lambda h: h.hook(about(h.line), WRONG)),
    shut("badly signed, unknown line: 401", lambda h: h.hook(about(None, **UNKNOWN), WRONG)),
    shut("badly signed and broken, known line: 401", lambda h: h.hook(padded(about(h.line), 0)[:-2], WRONG)),
    shut("badly signed and broken, unknown line: 401", lambda h: h.hook(b"{", WRONG)),
    shut(
        "signed, and changed afterwards: 401",
        lambda h: h.hook(padded(about(h.line, status="ended"), 0), headers=signed(padded(about(h.line), 0), OWN)),
    ),
    shut(
        "empty headers are no signature: 401",
        lambda h: h.hook(about(h.line), headers={"X-Signature": "", "X-Vapi-Secret": "", "Authorization": ""}),
    ),
    shut("signed 301 seconds ago: 401", lambda h: h.aged(301)),
    shut("signed 301 seconds from now: 401", lambda h: h.aged(-301)),
    opens("signed 290 seconds ago is good", lambda h: h.aged(290)),
    shut("REST, unsigned: 401", lambda h: h.rest(line=h.line)),
    shut("REST, badly signed: 401", lambda h: h.rest(WRONG, line=h.line)),
]

NOTHING_CONFIGURED = [
    Row(f"{what}, and no secret exists: 503", knock, 503, "not_configured")
    for what, knock in (
        ("unsigned", lambda h: h.with_nothing_configured().hook(about(h.line))),
        ("signed", lambda h: h.with_nothing_configured().hook(about(h.line), OWN)),
        ("broken", lambda h: h.with_nothing_configured().hook(b"{")),
        ("REST", lambda h: h.with_nothing_configured().rest(OWN, line=h.line)),
    )
] + [
    shut(
        "where only some lines have secrets, the others are closed",
        lambda h: h.set(VAPI_WEBHOOK_SECRETS=[]).hook(about(h.bare), PLATFORM),
    ),
    shut(
        "an empty secret is none: a signature with it opens nothing",
        lambda h: h.set(VAPI_WEBHOOK_SECRETS=[""]).hook(about(h.bare), headers=signed(padded(about(h.bare), 0), "")),
    ),
    shut(
        "where no scheme is accepted, nothing opens",
        lambda h: h.set(VAPI_WEBHOOK_SCHEMES=[]).hook(about(h.bare), PLATFORM),
    ),
]

SIGNED = [
    Row("signed and broken: 400", lambda h: h.hook(padded(about(h.line), 0)[:-2], OWN), 400, "arguments_unreadable"),
    Row("signed and no message: 400", lambda h: h.hook(b"{}", PLATFORM), 400, "arguments_unreadable"),
    Row("signed and empty: 400", lambda h: h.hook(b"", PLATFORM), 400, "arguments_unreadable"),
    Row(
        "signed, unknown line: 200 with a sentence for each id, and an event",
        lambda h: h.hook(tool_calls(None, TWO_CALLS), PLATFORM),
        200,
        "^call_1: .*not connected to a practice.* call_2: .*not connected to a practice",
        UNKNOWN_LINE,
    ),
    Row(
        "signed, unknown line, assistant request: 200 with a sentence",
        lambda h: h.hook(about(None, **UNKNOWN, type="assistant-request"), PLATFORM),
        200,
        '^{"error": ".* not in service',
        UNKNOWN_LINE,
    ),
    Row(
        "signed, unknown line, transfer: 200 with a sentence",
        lambda h: h.hook(about(None, **UNKNOWN, type="transfer-destination-request"), PLATFORM),
        200,
        '^{"error": ".* can\'t transfer',
        UNKNOWN_LINE,
    ),
    Row(
        "signed, unknown line, any other message: 200",
        lambda h: h.hook(about(None, **UNKNOWN), PLATFORM),
        200,
        ACKNOWLEDGED,
        UNKNOWN_LINE,
    ),
    Row(
        "tool calls are answered 200 with a text for each id, whatever the practice's state",
        lambda h: h.hook(tool_calls(h.line, TWO_CALLS), OWN),
        200,
        "^call_1: .*not switched on yet.* call_2: .*not switched on yet",
    ),
    Row(
        "a crash answers tool calls 200 with a truthful apology for each id",
        lambda h: h.crashing(type="tool-calls", toolCallList=TWO_CALLS),
        200,
        "^call_1: .*went wrong on our side.* call_2: .*went wrong on our side",
    ),
    Row("a crash answers an assistant request 200", lambda h: h.crashing(type="assistant-request"), 200, "not in serv"),
    Row(
        "a crash answers a transfer 200",
        lambda h: h.crashing(type="transfer-destination-request"),
        200,
        "can't transfer",
    ),
    Row("a crash answers any other message 5xx", lambda h: h.crashing(), 500, "internal_error"),
    Row(
        "an assistant request before the agreement is answered 200",
        lambda h: h.hook(about(h.line, type="assistant-request"), OWN),
        200,
        "not in service",
    ),
    Row(
        "a transfer is answered 200",
        lambda h: h.hook(about(h.line, type="transfer-destination-request"), OWN),
        200,
        "nobody can be reached",
    ),
]

WHOSE_SECRET = [
    opens("a line's own credential opens it", lambda h: h.hook(about(h.line), OWN)),
    shut("its account's does not", lambda h: h.give(h.alder, NEW).hook(about(h.line), NEW)),
    shut("the platform's does not", lambda h: h.hook(about(h.line), PLATFORM)),
    opens(
        "an account's credential opens a line that has none",
        lambda h: h.give(h.birch, NEW).hook(about(h.bare), NEW),
    ),
    shut("there the platform's does not", lambda h: h.give(h.birch, NEW).hook(about(h.bare), PLATFORM)),
    opens("the platform's opens a line for which there is none", lambda h: h.hook(about(h.bare), PLATFORM)),
    shut(
        "a line's credential does not open another line's",
        lambda h: h.give(h.another_line(), NEW).hook(about(h.line), NEW),
    ),
    shut("nor a line of its account without any", lambda h: h.hook(about(h.another_line()), OWN)),
    shut("nor another account's line", lambda h: h.hook(about(h.bare), OWN)),
    shut(
        "an account's credential does not open another account's line",
        lambda h: h.give(h.alder, NEW).hook(about(h.bare), NEW),
    ),
    shut(
        "an expired credential opens nothing",
        lambda h: h.give(h.bare, OLD, expires_at=YESTERDAY).hook(about(h.bare), OLD),
    ),
    shut(
        "a revoked credential opens nothing",
        lambda h: h.give(h.bare, OLD, revoked_at=YESTERDAY).hook(about(h.bare), OLD),
    ),
    shut(
        "an expired credential is not replaced by the platform's",
        lambda h: h.give(h.bare, OLD, expires_at=YESTERDAY).hook(about(h.bare), PLATFORM),
    ),
    shut(
        "a revoked credential is not replaced by the platform's",
        lambda h: h.give(h.bare, OLD, revoked_at=YESTERDAY).hook(about(h.bare), PLATFORM),
    ),
    shut(
        "an expired line's credential is not replaced by its account's",
        lambda h: h.give(h.bare, OLD, expires_at=YESTERDAY).give(h.birch, NEW).hook(about(h.bare), NEW),
    ),
    shut(
        "an ended account's credential is not replaced by the platform's",
        lambda h: h.give(h.birch, OLD, revoked_at=YESTERDAY).hook(about(h.bare), PLATFORM),
    ),
    opens(
        "a new credential beside an ended one opens",
        lambda h: h.give(h.bare, OLD, revoked_at=YESTERDAY).give(h.bare, NEW).hook(about(h.bare), NEW),
    ),
]

ROTATION = [
    opens("during a rotation the newer secret opens", lambda h: h.rotating(NEW)),
    opens("during a rotation the older secret opens", lambda h: h.rotating(OLD)),
    shut("during a rotation no third one opens", lambda h: h.rotating(WRONG)),
    opens("after a rotation the newer secret opens", lambda h: h.rotating(NEW, ended=True)),
    shut("after a rotation the older one does not", lambda h: h.rotating(OLD, ended=True)),
    shut("revoked during a rotation, the newer one does not", lambda h: h.rotating(NEW, revoked=True)),
    shut("revoked during a rotation, the older one does not", lambda h: h.rotating(OLD, revoked=True)),
    opens(
        "of two secrets of the platform the first opens",
        lambda h: h.set(VAPI_WEBHOOK_SECRETS=[NEW, OLD]).hook(about(h.bare), NEW),
    ),
    opens(
        "of two secrets of the platform the second opens",
        lambda h: h.set(VAPI_WEBHOOK_SECRETS=[NEW, OLD]).hook(about(h.bare), OLD),
    ),
]

WHICH_PRACTICE = [
    Row(
        "lines of two practices in one message: 403",
        lambda h: h.hook(about(h.line, call={"id": "c", "phoneNumberId": h.bare.vapi_phone_number_id}), OWN),
        403,
        "forbidden",
        "webhook.two_practices voice OWN 127.0.0.1",
    ),
    Row(
        "metadata that contradicts the line: 403",
        lambda h: h.hook(about(h.line, metadata={"accountId": str(h.birch.pk)}), OWN),
        403,
        "forbidden",
        "webhook.two_practices voice OWN 127.0.0.1",
    ),
    Row(
        "metadata that contradicts the line, with the platform's secret: 403",
        lambda h: h.hook(about(h.bare, metadata={"accountId": str(h.alder.pk)}), PLATFORM),
        403,
        "forbidden",
        "webhook.two_practices voice platform 127.0.0.1",
    ),
    Row(
        "a REST body that contradicts the line: 403",
        lambda h: h.rest(OWN, "POST", APPOINTMENTS, {"accountId": str(h.birch.pk)}, line=h.line),
        403,
        "forbidden",
        "request.two_practices voice OWN 127.0.0.1",
    ),
    opens(
        "for the platform's secret the body names the practice",
        lambda h: h.hook(about(None) | {"accountId": str(h.alder.pk)}, PLATFORM),
    ),
    admits(
        "for the platform's secret a REST body names it",
        lambda h: h.rest(PLATFORM, "POST", APPOINTMENTS, {"accountId": str(h.alder.pk)}),
    ),
    admits(
        "for the platform's secret a signed address names it",
        lambda h: h.set(VAPI_WEBHOOK_SCHEMES=["timestamp_method_url_body"]).rest(
            PLATFORM, address=f"{AVAILABILITY}?account={h.alder.pk}", scheme="timestamp_method_url_body"
        ),
    ),
    Row(
        "an address that is not signed names nobody: 400",
        lambda h: h.rest(PLATFORM, address=f"{AVAILABILITY}?account={h.alder.pk}"),
        400,
        "account_required",
    ),
    Row("REST that names no practice: 400", lambda h: h.rest(PLATFORM), 400, "account_required"),
    admits("a header names the line over REST", lambda h: h.rest(OWN, line=h.line)),
]

VOICE_OR_SYSTEM = [
    Row(
        "the platform's secret speaks for callers",
        lambda h: h.hook(about(None), PLATFORM),
        200,
        ACKNOWLEDGED,
        UNKNOWN_LINE,
    ),
    Row(
        "with VAPI_SECRET_IS_SYSTEM it is a system",
        lambda h: h.set(VAPI_SECRET_IS_SYSTEM=True).hook(about(None), PLATFORM),
        200,
        ACKNOWLEDGED,
        "webhook.unknown_line system platform 127.0.0.1",
    ),
    Row(
        "with VAPI_SECRET_IS_SYSTEM a line's credential stays a voice",
        lambda h: h.set(VAPI_SECRET_IS_SYSTEM=True).hook(about(h.line, metadata={"accountId": "another"}), OWN),
        403,
        "forbidden",
        "webhook.two_practices voice OWN 127.0.0.1",
    ),
    admits("a system credential opens REST for its account", lambda h: h.rest(h.token(), scheme="bearer")),
    admits(
        "and for a line of its account",
        lambda h: h.rest(h.token(), scheme="bearer", line=h.line),
    ),
    Row(
        "naming another account: 403",
        lambda h: h.rest(h.token(), address=f"{AVAILABILITY}?account={h.birch.pk}", scheme="bearer"),
        403,
        "forbidden",
        "request.two_practices system ISSUED 127.0.0.1",
    ),
    Row(
        "naming another account's line: 403",
        lambda h: h.rest(h.token(), scheme="bearer", line=h.bare),
        403,
        "forbidden",
        "request.two_practices system ISSUED 127.0.0.1",
    ),
    shut("it does not open the webhook", lambda h: h.hook(about(h.line), h.token(), scheme="bearer")),
    shut(
        "not even that of a line which takes bearer tokens",
        lambda h: h.give(h.another_line(), NEW, schemes=["bearer"]).hook(
            about(h.alder.voice_lines.last()), h.token(), scheme="bearer"
        ),
    ),
    opens(
        "it decides about no line: the platform's secret still opens one that has none",
        lambda h: h.issue_to(h.birch).hook(about(h.bare), PLATFORM),
    ),
    shut("expired: 401", lambda h: h.rest(h.expired_token(), scheme="bearer")),
    shut("revoked: 401", lambda h: h.rest(h.revoked_token(), scheme="bearer")),
    shut("of an account that is closed: 401", lambda h: h.rest(h.token_of_a_closed_account(), scheme="bearer")),
    shut("with another secret: 401", lambda h: h.rest(h.token_with_another_secret(), scheme="bearer")),
    shut("of nobody: 401", lambda h: h.rest(f"parlae_{uuid.uuid4().hex}_{'x' * 43}", scheme="bearer")),
    shut(
        "with a voice credential's id: 401",
        lambda h: h.rest(f"parlae_{h.own.pk.hex}_{'x' * 43}", scheme="bearer", line=h.line),
    ),
]

WHAT_IS_SIGNED = [
    shut(
        "a signature of the body alone counts for nothing where a timestamp is required",
        lambda h: h.give(h.bare, NEW, schemes=["body"]).hook(about(h.bare), NEW, scheme="body"),
    ),
    opens(
        "it counts where none is required",
        lambda h: (
            h.set(VAPI_REQUIRE_TIMESTAMP=False)
            .give(h.bare, NEW, schemes=["body"])
            .hook(about(h.bare), NEW, scheme="body")
        ),
    ),
    shut(
        "a signature of no body at all is a constant, and opens nothing",
        lambda h: h.set(VAPI_WEBHOOK_SCHEMES=["body"], VAPI_REQUIRE_TIMESTAMP=False).rest(
            PLATFORM, scheme="body", line=h.bare
        ),
    ),
    admits(
        "but in development",
        lambda h: h.set(VAPI_WEBHOOK_SCHEMES=["body"], VAPI_REQUIRE_TIMESTAMP=False, DEBUG=True).rest(
            PLATFORM, scheme="body", line=h.bare
        ),
    ),
    admits("a read that signs only its time is let in", lambda h: h.rest(OWN, line=h.line)),
    *(
        shut(
            f"a {method} that signs only its time fits every other address, and opens nothing",
            lambda h, method=method: h.rest(OWN, method, APPOINTMENTS, line=h.line),  # type: ignore[misc]
        )
        for method in ("POST", "PUT", "PATCH", "DELETE")
    ),
    Row(
        "but in development a DELETE does",
        lambda h: h.set(DEBUG=True).rest(OWN, "DELETE", line=h.line),
        405,
        "method_not_allowed",
    ),
    Row(
        "a DELETE that signs its method and address is let in",
        lambda h: h.set(VAPI_WEBHOOK_SCHEMES=["timestamp_method_url_body"]).rest(
            PLATFORM, "DELETE", f"{AVAILABILITY}?account={h.birch.pk}", scheme="timestamp_method_url_body"
        ),
        405,
        "method_not_allowed",
    ),
    Row(
        "a DELETE that shows the secret itself is let in",
        lambda h: h.set(VAPI_WEBHOOK_SCHEMES=["secret"]).rest(PLATFORM, "DELETE", scheme="secret", line=h.bare),
        405,
        "method_not_allowed",
    ),
    opens(
        "the signed address is the public one",
        lambda h: h.set(VAPI_WEBHOOK_SCHEMES=["timestamp_method_url_body"]).hook(
            about(h.bare), PLATFORM, scheme="timestamp_method_url_body", headers={"Host": "evil.example"}
        ),
    ),
    shut(
        "and not the one that the request names as its host",
        lambda h: h.set(VAPI_WEBHOOK_SCHEMES=["timestamp_method_url_body"]).hook(
            about(h.bare),
            PLATFORM,
            scheme="timestamp_method_url_body",
            url=f"https://evil.example{WEBHOOK}",
            headers={"Host": "evil.example"},
        ),
    ),
]

WHERE_FROM = [
    shut(
        "an address that an untrusted peer forwards is not believed",
        lambda h: h.hook(about(h.line), headers={"X-Forwarded-For": "198.51.100.7"}),
    ),
    shut(
        "one that a trusted proxy forwards is",
        lambda h: h.set(TRUSTED_PROXIES=["127.0.0.1"]).hook(about(h.line), headers={"X-Forwarded-For": "198.51.100.7"}),
        "webhook.refused anonymous 198.51.100.7",
    ),
    shut(
        "but not what the sender wrote left of it",
        lambda h: h.set(TRUSTED_PROXIES=["127.0.0.1"]).hook(
            about(h.line), headers={"X-Forwarded-For": "127.0.0.1, 198.51.100.7"}
        ),
        "webhook.refused anonymous 198.51.100.7",
    ),
]

TABLE = {
    "sizes": SIZES,
    "not signed": NOT_SIGNED,
    "nothing configured": NOTHING_CONFIGURED,
    "signed": SIGNED,
    "whose secret": WHOSE_SECRET,
    "rotation": ROTATION,
    "which practice": WHICH_PRACTICE,
    "voice or system": VOICE_OR_SYSTEM,
    "what is signed": WHAT_IS_SIGNED,
    "where from": WHERE_FROM,
}


@pytest.fixture
def house(client: Client, db: None, settings: Settings) -> House:
    return House(client, settings)


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"{part}: {row.says}") for part, rows in TABLE.items() for row in rows]
)
def test_the_door_answers_as_its_table_says(house: House, row: Row) -> None:
    response = row.knock(house)

    if row.status >= 400:
        refused(response, row.status, row.holds)
    else:
        assert response.status_code == row.status, response.content
        assert re.search(row.holds, said(response)), said(response)
    assert house.events() == ([row.leaves] if row.leaves else [])


@pytest.mark.parametrize("owner", ["line", "account", "platform"])
@pytest.mark.parametrize("shown", PROOFS)
@pytest.mark.parametrize("accepted", SCHEMES)
def test_a_secret_is_proven_by_its_own_scheme_and_by_no_other(
    house: House, accepted: str, shown: str, owner: str
) -> None:
    house.set(VAPI_REQUIRE_TIMESTAMP=False, VAPI_WEBHOOK_SCHEMES=[accepted], VAPI_WEBHOOK_SECRETS=[NEW, OLD])
    if owner != "platform":
        house.set(VAPI_WEBHOOK_SCHEMES=list(PROOFS), VAPI_WEBHOOK_SECRETS=[PLATFORM])
        house.give(house.bare if owner == "line" else house.birch, NEW, OLD, schemes=[accepted])

    answers = [house.hook(about(house.bare), secret, scheme=shown) for secret in (NEW, OLD, WRONG)]

    good = 200 if shown == accepted else 401
    assert [answer.status_code for answer in answers] == [good, good, 401]
