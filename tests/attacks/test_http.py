"""What comes over HTTP, attacked: every test here says what should be true."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from accounts.models import Account, Membership, User
from accounts.roles import Role
from pms.domain import cards
from pms.models import Call, ConnectionStatus, PmsIntegration, Task, TaskState, VoiceLine
from pms.services import calls, tasks
from tests.api.site import PATIENTS, Site
from tests.api.test_setup import GOOD, SETUP, Person
from tests.conftest import Sim
from tests.journeys.tenants import ALDER, BIRCH, DESMOND
from tests.practice import agreed
from tests.talking import CORA, Caller, look
from tests.vapi.sending import about, credential, line_of, post, secret_of, signed

PAYMENTS, BALANCE, NOTES = "/api/pms/payments", f"{PATIENTS}/1001/balance", f"{PATIENTS}/1001/notes"
SPARE = "the secret of a second line, long enough to be one"
CHECK = {"patientId": "1001", "amount": 50, "method": "check"}


@pytest.fixture
def site(client: Client, practice: Account) -> Site:
    return Site(client, practice)


@pytest.fixture
def spare(practice: Account) -> VoiceLine:
    line = line_of(practice, "+12125550109")
    credential(practice, line, SPARE)
    return line


def owner_of(account: Account) -> Person:
    user = User.objects.create_user(f"owner-{account.pk}@practice.example", "a long password of a test")
    Membership.objects.create(user=user, account=account, role=Role.OWNER)
    return Person(user)


def set_up(account: Account, **changes: Any) -> Any:
    return owner_of(account).ask("POST", SETUP, {"provider": "SIKKA", "credentials": GOOD, **changes})


def copy_is_renewed(sim: Sim) -> None:
    sim("POST", "clock", advance_seconds=2000)
    sim("POST", "refresh")


# Tenants


def test_an_office_of_another_practice_is_not_opened_by_its_number_alone(practice: Account) -> None:
    stranger = agreed(Account.objects.create(name="Somebody else", time_zone="America/New_York"))

    answer = set_up(stranger, credentials={"practiceId": ALDER})  # the keys are the platform's

    assert answer.status_code == 502, answer.content
    assert not PmsIntegration.objects.filter(account=stranger, status=ConnectionStatus.ACTIVE).exists()


def test_a_proof_in_one_office_opens_nobodys_record_in_another(practice: Account) -> None:
    cora = Caller(practice).verified(CORA)

    set_up(practice, credentials={**GOOD, "practiceId": BIRCH})
    told = [Caller(practice, call=cora.call).use(tool).say for tool in ("getPatientInfo", "getBalance")]

    assert "0 1 1 8" not in told[0], "the phone of Birch's patient of the same id"
    assert "207 dollars" not in told[1], "the balance of Birch's patient of the same id"


def test_an_appointment_in_one_office_is_not_told_to_a_patient_of_another(practice: Account) -> None:
    booked = Caller(practice).verified(CORA).book("09:00")
    assert booked.outcome == "ok"

    set_up(practice, credentials={**GOOD, "practiceId": BIRCH})
    desmond = Caller(practice, number="+14155550118")
    desmond.use("findPatient", **DESMOND)

    assert "9 AM" not in desmond.ahead()


# Truth


def test_an_appointment_is_told_at_the_practices_time_after_its_zone_was_corrected(practice: Account) -> None:
    assert Caller(practice).verified(CORA).book("09:00").outcome == "ok"  # on the wall of the office

    set_up(practice, config={"timezone": "America/Los_Angeles"})
    practice.refresh_from_db()

    assert "9 AM" in Caller(practice).verified(CORA).ahead()


def test_a_balance_never_leaves_a_payment_out_without_a_word(site: Site, sim: Sim) -> None:
    before = site.ask("GET", BALANCE).json()["balance"]["total"]
    assert site.ask("POST", PAYMENTS, CHECK, key="once").status_code == 201
    site.ask("GET", BALANCE)  # what is kept now lacks the payment
    copy_is_renewed(sim)
    look(seconds=100)  # the job sees it in the PMS

    told = site.ask("GET", BALANCE).json()["balance"]

    assert told["total"] != before or "mayNotInclude" in told, told


def test_a_note_that_was_shown_does_not_vanish_again(site: Site, sim: Sim) -> None:
    assert site.ask("POST", NOTES, {"content": "Prefers texts."}, key="once").status_code == 201
    assert "Prefers texts." in site.ask("GET", NOTES).content.decode()
    copy_is_renewed(sim)
    look(seconds=100)

    assert "Prefers texts." in site.ask("GET", NOTES).content.decode()


def test_a_payment_that_was_posted_at_the_second_try_is_not_left_for_the_team_to_post(site: Site, sim: Sim) -> None:
    sim("POST", "office", office_id=ALDER, online=False)
    assert site.ask("POST", PAYMENTS, CHECK, key="once").status_code == 503  # retryable
    sim("POST", "office", office_id=ALDER, online=True)
    assert site.ask("POST", PAYMENTS, CHECK, key="once").status_code == 201

    waiting = [tasks.detail(task) for task in Task.objects.filter(state=TaskState.OPEN)]

    assert [detail for detail in waiting if "meanwhile" not in detail] == []


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("PATCH", f"{PATIENTS}/1001", {"phone": "+12125550199"}),
        ("POST", f"{PATIENTS}/1001/insurance", {"provider": "Meadow Dental Plans", "policyNumber": "MD0042"}),
        ("POST", PAYMENTS, {**CHECK, "method": "other"}),
    ],
)
def test_what_cannot_be_done_is_one_task_however_often_it_is_sent_under_one_key(
    site: Site, method: str, address: str, body: dict[str, Any]
) -> None:
    answers = [site.ask(method, address, body, key="once").status_code for _ in range(3)]

    assert answers == [501] * 3
    assert Task.objects.count() == 1


def test_a_payment_that_is_wished_twice_in_a_call_is_one_task(practice: Account) -> None:
    cora = Caller(practice).verified(CORA)

    for _ in range(2):
        assert cora.use("processPayment", amount=50).outcome == "ok"

    assert Task.objects.filter(kind="please_collect_payment").count() == 1


@pytest.mark.parametrize("amount", ["1,50", "12,5", "50,00"])
def test_an_amount_with_a_decimal_comma_is_asked_about_and_never_multiplied(site: Site, amount: str) -> None:
    answer = site.ask("POST", PAYMENTS, {**CHECK, "amount": amount}, key="once")

    assert answer.status_code == 422, answer.content


# What is kept


def test_nothing_that_was_said_is_kept_for_a_practice_without_an_agreement(client: Client, db: None) -> None:
    fresh = Account.objects.create(name="Fresh Dental", time_zone="America/New_York", keeps_transcripts=True)
    line = line_of(fresh, "+12125550108")
    credential(fresh, line, SPARE)

    report = about(line, type="end-of-call-report", call={"id": "fresh"}, transcript="I am Cora Whitfield.")
    assert post(client, report, SPARE).status_code == 200

    assert [calls.report(call) for call in Call.objects.filter(account=fresh)] in ([], [{}])


# Bodies


@pytest.mark.parametrize("depth", [500, 900])
def test_a_body_as_deep_as_the_parser_takes_is_no_crash(site: Site, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth

    answers = [
        site.ask("POST", f"{PATIENTS}/search", b'{"query":"cora","x":' + nested + b"}"),
        site.ask("POST", PAYMENTS, b'{"patientId":"1001","amount":1,"x":' + nested + b"}", key="once"),
    ]

    assert [answer.status_code for answer in answers if answer.status_code == 500] == []


def test_a_long_report_of_card_numbers_costs_time_in_proportion_to_its_length() -> None:
    def once(text: str) -> float:
        started = time.thread_time()
        assert "4" not in cards.without_card_numbers(text)
        return time.thread_time() - started

    def seconds(count: int) -> float:
        text = " ".join(_card(number * 7919) for number in range(count))
        return min(once(text) for _ in range(5))

    assert seconds(1600) < 10 * seconds(400)  # 4 if it is linear, 16 if it is quadratic


def _card(number: int) -> str:
    return next(card for card in (f"4{number:014d}{digit}" for digit in range(10)) if cards.has_card_number(card))


# Who may what, and what the description says


def test_a_balance_is_told_nowhere_while_payments_are_switched_off(site: Site, practice: Account) -> None:
    integration = practice.integrations.get()
    integration.features = {**integration.features, "payments": False}
    integration.save()

    assert site.ask("GET", BALANCE).status_code == 403
    assert site.ask("GET", f"{PATIENTS}/1001").json()["patient"]["balance"] is None


def test_who_may_post_payments_may_ask_what_became_of_one(client: Client, practice: Account, sim: Sim) -> None:
    sim("POST", "fail", path="/v4/transaction")
    cashier = Site(client, practice, "payments:write")
    answer = cashier.ask("POST", PAYMENTS, CHECK, key="once")
    assert answer.status_code == 202

    assert cashier.became(answer.json()["payment"]["writeId"]).status_code == 200


def test_a_voice_credential_without_a_call_is_told_that_it_needs_one(client: Client, practice: Account) -> None:
    line = VoiceLine.objects.get(account=practice)
    raw = json.dumps(CORA).encode()
    headers = {**signed(raw, secret_of(line)), "X-Vapi-Assistant-Id": line.vapi_assistant_id or ""}

    answer = client.post(f"{PATIENTS}/search", data=raw, content_type="application/json", headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "call_required")


def test_the_description_says_what_a_cancellation_takes() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]

    described = json.dumps(schema["paths"]["/api/pms/appointments/{appointment_id}"]["delete"], default=str)

    assert "reason" in described
    assert "sendNotification" in described or "CancelRequest" in described


def test_a_key_that_has_left_one_wish_does_not_swallow_another(site: Site) -> None:
    address = f"{PATIENTS}/1001/insurance"
    first = site.ask("POST", address, {"provider": "Larkfield", "policyNumber": "1"}, key="one")
    again = site.ask("POST", address, {"provider": "Larkfield", "policyNumber": "1"}, key="one")
    other = site.ask("POST", address, {"provider": "Larkfield", "policyNumber": "2"}, key="one")

    assert (first.status_code, again.status_code, other.status_code) == (501, 501, 409)
    assert Task.objects.count() == 1
