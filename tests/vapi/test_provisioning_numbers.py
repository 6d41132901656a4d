"""A line's phone number: bought, or one that is at Vapi already, and where its calls go."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.domain import errors
from pms.models import Provisioning, VoiceLine
from pms.sandbox import Sandbox
from pms.services import lines
from pms.vapi import provisioning, provisioning_work
from tests.conftest import Sim
from tests.vapi.office import ASKER, PUBLIC, HastyClock, Office, another_line

NUMBER_ID = "8a2e4c66-1b9d-4f3a-8e57-2c6d9f0a1b34"
NUMBER = "+12125550100"
FALLBACK = "+12125550199"


@pytest.fixture
def office(practice: Account, sandbox: Sandbox, sim: Sim, settings: Settings) -> Office:
    VoiceLine.objects.filter(account=practice).update(vapi_phone_number_id=None, phone_number=None)
    Account.objects.filter(pk=practice.pk).update(transfer_number=FALLBACK)
    practice.refresh_from_db()
    return Office(practice, sandbox, sim, settings)


def buy(office: Office, area: str = "646") -> Provisioning:
    return provisioning.want_new_number(line=office.line, area_code=area, now=timezone.now())


def take(office: Office, number: str = NUMBER_ID, **how: Any) -> Provisioning:
    return provisioning.want_existing_number(line=office.line, number=number, now=timezone.now(), **how)


def test_a_new_number_asks_us_at_each_call_and_rings_at_the_practice_when_we_cannot_be_reached(office: Office) -> None:
    buy(office)

    row = office.work()

    number = office.number()
    assert (row.state, row.number_wish) == ("DONE", {})
    assert number["number"].startswith("+1646")
    assert office.line.phone_number == number["number"]
    assert number["server"]["url"] == f"{PUBLIC}/api/pms/vapi/webhook"
    assert number["server"]["credentialId"] == row.vapi_credential_id
    assert number["fallbackDestination"] == {"type": "number", "number": FALLBACK}
    assert not {"assistantId", "squadId", "workflowId"} & number.keys()


def test_a_number_whose_answer_was_lost_is_not_bought_twice(office: Office, sim: Sim) -> None:
    buy(office)
    sim("POST", "lose_answer", method="POST", path="/vapi/phone-number")

    broken, later = office.work(), office.work(timedelta(minutes=1))

    assert (broken.error_code, later.state) == ("vapi_unavailable", "DONE")
    assert len(office.at_vapi("phone-number")) == 2  # the organization's own, and this


def test_a_wish_that_is_made_while_a_worker_is_at_it_is_not_lost(office: Office) -> None:
    office.want()
    [claimed] = provisioning_work.claim_due(clock=HastyClock())
    buy(office)

    provisioning_work.carry_out(provisioning=claimed, clock=HastyClock())
    before = office.line.phone_number
    office.work()

    assert before is None
    assert office.line.phone_number == office.number()["number"]


def test_an_area_without_numbers_is_said(office: Office) -> None:
    buy(office, "999")

    row = office.work()

    assert (row.state, row.error_code, row.number_wish) == ("FAILED", "number_not_to_be_had", {"areaCode": "999"})


def test_another_area_may_be_tried_then(office: Office) -> None:
    buy(office, "999")
    office.work()
    buy(office, "212")

    assert office.work().state == "DONE"


@pytest.mark.parametrize("asked", [NUMBER_ID, NUMBER, "(212) 555-0100"])
def test_a_number_that_is_at_vapi_is_found_by_its_id_or_as_it_is_written(office: Office, asked: str) -> None:
    take(office, asked)

    assert office.work().state == "DONE"
    assert (office.line.vapi_phone_number_id, office.line.phone_number) == (NUMBER_ID, NUMBER)


def test_a_number_that_nobody_has_is_said(office: Office) -> None:
    take(office, "+12125550142")

    assert office.work().error_code == "number_unknown"


@pytest.mark.parametrize(
    "routing", [{"squadId": "9f1c9b52-7d0e-4a51-9c3e-0d5a7b1e2f60"}, {"server": {"url": "https://else.example"}}]
)
def test_a_number_that_leads_elsewhere_is_taken_only_when_somebody_says_so(
    office: Office, routing: dict[str, Any]
) -> None:
    office.edit("phone-number", NUMBER_ID, routing)
    take(office)
    asked = office.work()
    before = office.at_vapi("phone-number")[0]

    take(office, takes_over=True)
    done = office.work()

    assert (asked.state, asked.error_code) == ("FAILED", "number_routed_elsewhere")
    assert before.items() >= routing.items()
    assert done.state == "DONE"
    assert "squadId" not in office.number()
    assert office.number()["server"]["url"].startswith(PUBLIC)


def test_nobody_gets_another_practices_number(office: Office) -> None:
    take(office)
    office.work()
    other = Account.objects.create(name="Birch Dental", time_zone="America/Chicago")
    line = another_line(other)

    for asked in (NUMBER_ID, NUMBER):
        with pytest.raises(errors.Invalid):
            provisioning.want_existing_number(line=line, number=asked, now=timezone.now(), takes_over=True)


def test_nor_one_that_was_bought_for_it(office: Office, sim: Sim) -> None:
    # Its line has it no more, or not yet: the name says whose it is.
    sim(
        "POST",
        "vapi/change",
        kind="phone-number",
        id=NUMBER_ID,
        body={"name": f"parlae-{uuid.uuid4().hex}"},
    )
    take(office, takes_over=True)

    assert office.work().error_code == "number_taken"


def test_a_line_out_of_use_gives_its_number_to_another_of_the_practice(office: Office) -> None:
    buy(office)
    office.work()
    number = office.line.phone_number
    lines.deactivate(line=office.line, asker=ASKER)
    second = another_line(office.account)

    provisioning.want_existing_number(line=second, number=number or "", now=timezone.now(), takes_over=True)
    office.work()

    second.refresh_from_db()
    assert (second.phone_number, office.line.phone_number) == (number, None)


def test_a_number_that_somebody_has_deleted_is_said(office: Office) -> None:
    take(office)
    office.work()
    office.edit("phone-number", NUMBER_ID, None)

    assert office.set_up().error_code == "number_gone"


def test_a_number_that_vapi_does_not_know_yet_is_looked_for_soon(office: Office) -> None:
    office.edit("phone-number", NUMBER_ID, {"number": None, "status": "activating"})
    take(office)
    early = office.work()
    office.edit("phone-number", NUMBER_ID, {"number": NUMBER})

    assert early.next_attempt_at is not None
    assert early.done_at is not None
    assert early.next_attempt_at - early.done_at == provisioning_work.LOOK_FOR_NUMBER
    office.work(timedelta(minutes=5))
    assert office.line.phone_number == NUMBER


def test_the_routing_follows_the_practices_own_number(office: Office) -> None:
    take(office)
    office.work()
    office.change(transfer_number="")
    office.forget_requests()

    office.set_up()

    assert "fallbackDestination" not in office.number()
    assert ("PATCH", f"/vapi/phone-number/{NUMBER_ID}") in office.written()


def test_a_number_of_another_carrier_stays_what_it_is(office: Office, sim: Sim) -> None:
    twilio = {"provider": "twilio", "number": "+16465550120", "twilioAccountSid": "AC0", "twilioAuthToken": "hidden"}
    held = sim("POST", "vapi/add", kind="phone-number", body=twilio)["object"]
    take(office, held["id"])

    assert office.work().state == "DONE"
    assert office.number().items() >= twilio.items()


@pytest.mark.parametrize("area", ["", "12", "012", "21a", "2125"])
def test_an_area_code_has_three_digits(office: Office, area: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        buy(office, area)

    assert set(refused.value.fields) == {"areaCode"}


@pytest.mark.parametrize("asked", ["", "555", "call me", "../assistant"])
def test_a_number_must_be_one(office: Office, asked: str) -> None:
    with pytest.raises(errors.Invalid):
        take(office, asked)


def test_a_line_has_one_number(office: Office) -> None:
    take(office)
    office.work()

    with pytest.raises(errors.Invalid):
        buy(office)
