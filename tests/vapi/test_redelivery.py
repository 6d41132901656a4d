"""The same message again, one after the other and at the same time: one write, one truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import requests
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account
from pms.domain.localtime import local_date_of
from pms.management.simulation import wished_day
from pms.models import Booking, ToolCall, VoiceLine
from pms.sandbox import Sandbox
from tests.conftest import Sim, use_sandbox
from tests.practice import seeded
from tests.vapi.sending import WEBHOOK, about, secret_of, signed, tool_call

CORA = {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12"}
STILL_WORKING = "still working on that"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alder(sandbox: Sandbox, settings: Settings) -> Account:
    use_sandbox(settings, sandbox)
    return seeded()


class Phone:
    """A call on the practice's line, over HTTP."""

    def __init__(self, url: str, account: Account) -> None:
        self.url = f"{url}{WEBHOOK}"
        self.line = VoiceLine.objects.get(account=account)
        self.secret = secret_of(self.line)

    def body(self, *steps: dict[str, Any]) -> bytes:
        message = about(self.line, type="tool-calls", toolCallList=steps, call={"id": "call-1"})
        return json.dumps(message).encode()

    def deliver(self, body: bytes, headers: dict[str, str] | None = None) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            sent = {"Content-Type": "application/json", **(headers or signed(body, self.secret))}
            return session.post(self.url, data=body, headers=sent, timeout=30)

    def deliver_at_once(self, bodies: Sequence[bytes]) -> list[requests.Response]:
        headers = [signed(body, self.secret) for body in bodies]
        ready = Barrier(len(bodies))

        def send(body: bytes, header: dict[str, str]) -> requests.Response:
            ready.wait()
            return self.deliver(body, header)

        with ThreadPoolExecutor(len(bodies)) as pool:
            return list(pool.map(send, bodies, headers))

    def verify_and_ask(self, account: Account) -> None:
        day = wished_day(local_date_of(timezone.now(), account.zone)).isoformat()
        wish = {"date": day, "appointmentType": "cleaning"}
        body = self.body(tool_call("findPatient", CORA, "c-1"), tool_call("checkAvailability", wish, "c-2"))
        assert "(code A1)" in said(self.deliver(body))[1]


def said(response: requests.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [row["result"] for row in response.json()["results"]]


def sent_writes(sim: Sim) -> int:
    entries = sim("GET", "requests")["requests"]
    return sum(entry["method"] == "POST" and entry["path"].endswith("/appointment") for entry in entries)


def truth(sim: Sim) -> int:
    return len(sim("GET", "truth", office_id="D10001", patient_id="1001")["appointments"])


def test_the_very_same_bytes_get_the_very_same_answer_and_write_once(
    live_server: LiveServer, alder: Account, sim: Sim
) -> None:
    phone = Phone(live_server.url, alder)
    phone.verify_and_ask(alder)
    before = truth(sim)
    body = phone.body(tool_call("bookAppointment", {"slotCode": "A1", "notes": "Mornings"}, "c-3"))
    headers = signed(body, phone.secret)

    answers = [phone.deliver(body, headers) for _ in range(3)]

    assert said(answers[0])[0].startswith("The appointment is booked for")
    assert len({answer.content for answer in answers}) == 1
    assert (Booking.objects.count(), sent_writes(sim), truth(sim) - before) == (1, 1, 1)
    assert ToolCall.objects.filter(tool_call_id="c-3").count() == 1


def test_the_same_id_with_other_arguments_is_refused_and_changes_nothing(
    live_server: LiveServer, alder: Account, sim: Sim
) -> None:
    phone = Phone(live_server.url, alder)
    phone.verify_and_ask(alder)
    phone.deliver(phone.body(tool_call("bookAppointment", {"slotCode": "A1"}, "c-3")))

    (again,) = said(phone.deliver(phone.body(tool_call("bookAppointment", {"slotCode": "A2"}, "c-3"))))

    assert "have not changed anything" in again
    assert (Booking.objects.count(), sent_writes(sim)) == (1, 1)


def test_the_same_wish_under_a_new_id_books_nothing_more(live_server: LiveServer, alder: Account, sim: Sim) -> None:
    phone = Phone(live_server.url, alder)
    phone.verify_and_ask(alder)
    (first,) = said(phone.deliver(phone.body(tool_call("bookAppointment", {"slotCode": "A1"}, "c-3"))))

    (again,) = said(phone.deliver(phone.body(tool_call("bookAppointment", {"slotCode": "A1"}, "c-4"))))

    assert again.endswith(first)
    assert (Booking.objects.count(), sent_writes(sim)) == (1, 1)


def test_a_legacy_function_call_that_comes_twice_writes_once(live_server: LiveServer, alder: Account, sim: Sim) -> None:
    phone = Phone(live_server.url, alder)
    phone.verify_and_ask(alder)
    called = {"name": "bookAppointment", "parameters": {"slotCode": "A1"}}
    message = about(phone.line, type="function-call", functionCall=called, call={"id": "call-1"})
    body = json.dumps(message).encode()

    answers = [phone.deliver(body).json()["result"] for _ in range(2)]

    assert answers[1].endswith(answers[0])
    assert (Booking.objects.count(), sent_writes(sim)) == (1, 1)


@pytest.mark.parametrize("deliveries", [2, 4])
def test_deliveries_at_the_same_time_write_once_and_do_not_contradict_each_other(
    live_server: LiveServer, alder: Account, sim: Sim, deliveries: int
) -> None:
    phone = Phone(live_server.url, alder)
    phone.verify_and_ask(alder)
    before = truth(sim)
    body = phone.body(tool_call("bookAppointment", {"slotCode": "A1"}, "c-3"))

    answers = [said(answer)[0] for answer in phone.deliver_at_once([body] * deliveries)]

    booked = {answer for answer in answers if answer.startswith("The appointment is booked for")}
    assert len(booked) == 1
    assert all(answer in booked or STILL_WORKING in answer for answer in answers)
    assert (Booking.objects.count(), sent_writes(sim), truth(sim) - before) == (1, 1, 1)


def test_a_twin_in_flight_hears_that_the_work_goes_on(
    live_server: LiveServer, alder: Account, sim: Sim, settings: Settings
) -> None:
    phone = Phone(live_server.url, alder)
    phone.verify_and_ask(alder)
    body = phone.body(tool_call("bookAppointment", {"slotCode": "A1"}, "c-3"))
    phone.deliver(body)
    settings.TOOL_BUDGET_SECONDS = 2.0
    # As if the first delivery's process had just begun, and was still at it.
    ToolCall.objects.filter(tool_call_id="c-3").update(
        state="RUNNING", answer=None, lease_until=timezone.now() + timedelta(seconds=30)
    )

    (twin,) = said(phone.deliver(body))

    assert STILL_WORKING in twin
    assert (Booking.objects.count(), sent_writes(sim)) == (1, 1)


def test_after_a_process_died_the_same_message_tells_what_became_of_the_booking(
    live_server: LiveServer, alder: Account, sim: Sim
) -> None:
    phone = Phone(live_server.url, alder)
    phone.verify_and_ask(alder)
    body = phone.body(tool_call("bookAppointment", {"slotCode": "A1"}, "c-3"))
    (first,) = said(phone.deliver(body))
    ToolCall.objects.filter(tool_call_id="c-3").update(
        state="RUNNING", answer=None, lease_until=timezone.now() - timedelta(seconds=1)
    )

    (again,) = said(phone.deliver(body))

    assert again == first
    assert (Booking.objects.count(), sent_writes(sim)) == (1, 1)


def test_two_calls_for_one_time_get_one_appointment(live_server: LiveServer, alder: Account, sim: Sim) -> None:
    phone = Phone(live_server.url, alder)
    phone.verify_and_ask(alder)
    bodies = [phone.body(tool_call("bookAppointment", {"slotCode": "A1"}, f"c-{n}")) for n in (3, 4)]

    answers = [said(answer)[0] for answer in phone.deliver_at_once(bodies)]

    assert any("The appointment is booked for" in answer for answer in answers)
    assert (Booking.objects.filter(state="CONFIRMED").count(), sent_writes(sim)) == (1, 1)
