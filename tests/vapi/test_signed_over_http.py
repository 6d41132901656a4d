"""Signatures through a running server: what a client signs and sends is what the door puts together again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from pms.models import SecurityEvent
from tests.vapi.house import APPOINTMENTS, AVAILABILITY, NEW, OLD, PROOFS, PUBLIC, WRONG, House
from tests.vapi.sending import OWN, WEBHOOK, about, signed

pytestmark = pytest.mark.django_db(transaction=True)

QUERY = urlencode({"date": "2030-01-07", "appointmentType": "New Patient & Co", "note": "é/ü", "empty": ""})
# Written otherwise than most libraries would, and sent as it is.
RAW_QUERY = "b=2&a=1&a=%7e&path=a/b:c;d@e,f!g*h(i)&plus=1+2"


@pytest.fixture
def house(client: Client, live_server: LiveServer, settings: Settings) -> House:
    """Birch's line takes what each test says; its secret is being rotated from ``OLD`` to ``NEW``."""
    return House(client, settings)


def sent(
    server: LiveServer, method: str, address: str, body: bytes, headers: Iterable[tuple[str, str]], *, named: str = ""
) -> int:
    """Send a request as it is, headers also twice, and return the status."""
    connection = HTTPConnection(server.thread.host, server.thread.port, timeout=10)
    connection.putrequest(method, address, skip_accept_encoding=True)
    line = [("X-Vapi-Phone-Number-Id", named)] if named else []
    length = [("Content-Length", str(len(body)))] if body else []
    for name, value in (*headers, *line, *length, ("Content-Type", "application/json")):
        connection.putheader(name, value)
    connection.endheaders(body or None)
    status = connection.getresponse().status
    connection.close()
    return status


def refusals() -> int:
    return SecurityEvent.objects.filter(kind="webhook.refused").count()


@pytest.mark.parametrize("secret", [NEW, OLD])
@pytest.mark.parametrize("scheme", PROOFS)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_each_method_is_let_in_with_a_query_and_each_secret_of_a_rotation(
    live_server: LiveServer, house: House, method: str, scheme: str, secret: str
) -> None:
    house.set(VAPI_REQUIRE_TIMESTAMP=False).give(house.bare, NEW, OLD, schemes=[scheme])
    body = b"" if method == "GET" and scheme != "body" else b"{}"
    named = house.bare.vapi_phone_number_id or ""

    for address in (f"{AVAILABILITY}?{QUERY}", f"{APPOINTMENTS}?{RAW_QUERY}", f"{APPOINTMENTS}/90417?{QUERY}"):
        proof, forged = (PROOFS[scheme](one, method, f"{PUBLIC}{address}", body) for one in (secret, WRONG))

        assert sent(live_server, method, address, body, forged.items(), named=named) == 401
        assert sent(live_server, method, address, body, proof.items(), named=named) not in (400, 401, 413, 500)

    assert refusals() == 3


@pytest.mark.parametrize("body", [b"", b'{"notes": "Mornings"}'], ids=["no body", "a body"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_signed_method_and_address_fit_no_other(
    live_server: LiveServer, house: House, method: str, body: bytes
) -> None:
    house.give(house.bare, NEW, schemes=["timestamp_method_url_body"])
    named = house.bare.vapi_phone_number_id or ""
    address = f"{AVAILABILITY}?{QUERY}"
    proof = PROOFS["timestamp_method_url_body"](NEW, method, f"{PUBLIC}{address}", body)

    def answer(method: str, address: str, body: bytes) -> int:
        return sent(live_server, method, address, body, proof.items(), named=named)

    assert answer(method, address, body) not in (400, 401)
    assert answer("DELETE" if method == "POST" else "POST", address, body) == 401
    assert answer(method, AVAILABILITY, body) == 401
    assert answer(method, f"{address}&account=another", body) == 401
    assert answer(method, address.replace("2030-01-07", "2030-01-08"), body) == 401
    assert answer(method, address.replace(AVAILABILITY, APPOINTMENTS), body) == 401
    assert answer(method, address, body + b" ") == 401


def test_the_webhook_s_headers_count_once(live_server: LiveServer, house: House) -> None:
    body, old = json.dumps(about(house.line)).encode(), str(round(timezone.now().timestamp()) - 301)
    good = signed(body, OWN)

    def answer(headers: Iterable[tuple[str, str]]) -> int:
        return sent(live_server, "POST", WEBHOOK, body, headers)

    assert answer(good.items()) == 200
    assert answer([]) == 401
    assert answer(signed(body, WRONG).items()) == 401
    assert answer(signed(body, OWN, at=old).items()) == 401
    assert answer([*good.items(), ("X-Signature", good["X-Signature"])]) == 401
    assert answer([*good.items(), ("X-Timestamp", good["X-Timestamp"])]) == 401
    assert answer([("X-Signature", "sch\u00f6n"), ("X-Timestamp", good["X-Timestamp"])]) == 401


def test_a_system_credential_s_token_is_let_in_over_http_and_not_with_a_letter_changed(
    live_server: LiveServer, house: House
) -> None:
    token = house.token()

    def answer(shown: str) -> int:
        return sent(live_server, "GET", AVAILABILITY, b"", [("Authorization", f"Bearer {shown}")])

    assert answer(token) == 403  # the practice has not accepted the agreement
    assert answer(token[:-1] + ("A" if token[-1] != "A" else "B")) == 401
    assert answer(token[:-1]) == 401
