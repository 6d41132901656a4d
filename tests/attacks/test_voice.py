"""What a caller, a voice model or a bad moment can make Parlae say or do that is not so, against the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from pms.domain import cards, errors
from pms.domain.clock import Budget, SystemClock
from pms.models import (
    AppointmentType,
    BookingMode,
    CredentialKind,
    Scope,
    Task,
    TaskState,
    ToolCall,
    WriteBack,
    WriteBackState,
)
from pms.providers.sikka.client import SikkaClient
from pms.providers.sikka.envelope import Row
from pms.services import calls, claims, connecting, integrations, sending, tasks
from pms.services.audit import Asker
from pms.services.calls import Progress
from pms.tools import runner
from pms.tools.context import Face, Request, Result
from tests.api.site import PATIENTS, Site
from tests.conftest import Sim, copied_since
from tests.practice import live_call
from tests.talking import (
    ALDER,
    CORA,
    JOSE,
    MILO,
    Caller,
    SetClock,
    kinds,
    look,
    slow_office,
    without_capability,
    writes_sent,
)

NOTE = "Prefers to be called after five."
PAYMENT: dict[str, Any] = {"amount": 36.3, "method": "check"}
NEW = {"firstName": "Zelda", "lastName": "Quince", "dateOfBirth": "1990-03-04"}
DESMOND = {"firstName": "Desmond", "lastName": "Achterberg", "dateOfBirth": "1949-07-08"}
ASKER = Asker(actor="user:test", endpoint="test", method="TEST")


@pytest.fixture
def ledger(practice: Account) -> Account:
    """The practice, which lets voice payments be posted to its ledger."""
    integration = practice.integrations.get()
    integration.config = {**integration.config, "voicePayments": "ledger"}
    integration.save()
    return practice


def details() -> list[dict[str, str]]:
    return [tasks.detail(task) for task in Task.objects.order_by("created_at")]


def posted(sim: Sim, amount: str) -> int:
    """Return how often the practice's own ledger has a payment of Cora's."""
    rows = sim("GET", "truth", office_id=ALDER, patient_id="1001")["transactions"]
    return sum(1 for row in rows if row["amount"].startswith(f"-{amount}"))


def stand_in(monkeypatch: pytest.MonkeyPatch, path: str, **values: str) -> None:
    """Let the vendor's rows of one list hold other values."""

    def changed(read: Callable[..., list[Row]]) -> Callable[..., list[Row]]:
        def rows(client: SikkaClient, asked: str, *args: Any, **named: Any) -> list[Row]:
            found = read(client, asked, *args, **named)
            return [{**row, **values} for row in found] if asked == path else found

        return rows

    for name in ("rows", "first_rows"):
        monkeypatch.setattr(SikkaClient, name, changed(getattr(SikkaClient, name)))


def move_to_birch(practice: Account, *, disconnected: bool = False) -> bool:
    """Connect the practice to another office of the same vendor, where 1001 is Desmond; return whether that is let."""
    if disconnected:
        integrations.deactivate(integration=practice.integrations.get())
    try:
        connecting.connect(
            account=practice,
            provider="SIKKA",
            credentials={"practiceId": "D20002"},
            config={},
            features={},
            asker=ASKER,
            clock=SystemClock(),
        )
    except errors.ParlaeError:
        return False
    return True


def at_birch(practice: Account) -> Caller:
    """Return Desmond, verified."""
    return Caller(practice, number="+14155550118").verified(DESMOND)


def from_the_desk(practice: Account, tool: str, **arguments: Any) -> Result:
    """Use a tool as the practice's own server does."""
    clock = SetClock()
    request = Request(
        account=practice,
        kind=CredentialKind.SYSTEM,
        face=Face.REST,
        asker=ASKER,
        clock=clock,
        budget=Budget(8, clock),
        scopes=frozenset(Scope.values),
    )
    return runner.run(name=tool, arguments=arguments, request=request)


# Another office, another person


# Whether the move is refused or let, nobody may hear of another person.


@pytest.mark.parametrize("is_seen", [False, True], ids=["not seen yet", "seen"])
@pytest.mark.parametrize("disconnected", [False, True], ids=["at once", "disconnected before"])
def test_at_another_office_nobody_hears_the_notes_of_who_had_their_id_before(
    quick_office: None, practice: Account, cora: Caller, sim: Sim, is_seen: bool, disconnected: bool
) -> None:
    cora.use("addPatientNote", content=NOTE)
    if is_seen:
        copied_since(sim)
        look(minutes=15)

    is_moved = move_to_birch(practice, disconnected=disconnected)

    assert not is_moved or "called after five" not in at_birch(practice).use("getPatientNotes").say


@pytest.mark.parametrize("disconnected", [False, True], ids=["at once", "disconnected before"])
def test_at_another_office_no_balance_lacks_somebody_else_s_payment(
    quick_office: None, ledger: Account, cora: Caller, disconnected: bool
) -> None:
    cora.use("processPayment", **PAYMENT)

    is_moved = move_to_birch(ledger, disconnected=disconnected)

    assert not is_moved or "36 dollars" not in at_birch(ledger).use("getBalance").say
    assert not is_moved or "payment" not in at_birch(ledger).use("getBalance").say


def test_a_proof_from_before_opens_nobody_s_chart_at_another_office(practice: Account, cora: Caller) -> None:
    assert move_to_birch(practice)

    outcomes = {cora.use(tool).outcome for tool in ("getBalance", "getPatientInfo", "getInsurance", "getPatientNotes")}

    assert outcomes == {"not_verified"}


@pytest.mark.parametrize("disconnected", [False, True], ids=["at once", "disconnected before"])
def test_a_write_is_not_said_to_have_failed_because_another_office_does_not_know_it(
    quick_office: None, ledger: Account, cora: Caller, sim: Sim, disconnected: bool
) -> None:
    sim("POST", "lose_answer", path="/v4/transaction", method="POST", hold_seconds=0)
    cora.use("processPayment", **PAYMENT)
    move_to_birch(ledger, disconnected=disconnected)
    copied_since(sim)

    look(minutes=15)

    assert posted(sim, "36.30") == 1
    assert WriteBack.objects.get().state != WriteBackState.FAILED
    assert "payment_failed" not in kinds()


def test_a_note_that_the_practice_s_own_server_has_written_is_not_read_out_to_a_caller(
    quick_office: None, practice: Account
) -> None:
    assert from_the_desk(practice, "addPatientNote", patientId="1001", content="Suspected of dodging bills.").answer

    said = Caller(practice).verified().use("getPatientNotes").say

    assert "Suspected" not in said


# Money


def test_a_balance_from_the_cache_does_not_leave_out_a_payment_without_saying_so(
    quick_office: None, ledger: Account, cora: Caller, sim: Sim
) -> None:
    cora.use("processPayment", **PAYMENT)
    assert "payment" in cora.use("getBalance").say
    copied_since(sim)
    look(minutes=15)
    assert WriteBack.objects.get().verified_at is not None

    said = cora.use("getBalance").say

    assert "payment" in said or "the account balance is 245 dollars and 20 cents" in said


def test_a_balance_that_includes_a_payment_is_not_said_to_lack_it(
    quick_office: None, ledger: Account, cora: Caller, sim: Sim
) -> None:
    cora.use("processPayment", **PAYMENT)
    copied_since(sim)

    result = cora.use("getBalance")

    assert "245 dollars and 20 cents" in result.say
    assert "does not" not in result.say  # that it may be missing would be true
    assert result.answer is not None
    assert "notYetIncluded" not in result.answer.data["balance"]


def test_a_payment_of_which_nobody_knows_the_end_is_not_entered_again_in_the_next_call(
    quick_office: None, ledger: Account, cora: Caller, sim: Sim
) -> None:
    sim("POST", "lose_answer", path="/v4/transaction", method="POST", hold_seconds=0)
    assert cora.use("processPayment", **PAYMENT).outcome == "outcome_unknown"

    Caller(ledger).verified().use("processPayment", **PAYMENT)

    assert posted(sim, "36.30") == 1


def test_a_payment_that_is_entered_once_is_not_said_to_be_entered_twice(
    quick_office: None, ledger: Account, cora: Caller, sim: Sim
) -> None:
    first, second = (cora.use("processPayment", **PAYMENT).say for _ in range(2))

    assert posted(sim, "36.30") == 1
    assert second != first  # on purpose or not: the caller is told that it is the same one


def test_a_withheld_number_enters_no_payment_into_a_ledger(quick_office: None, ledger: Account, sim: Sim) -> None:
    stranger = Caller(ledger, number="").verified(CORA)
    sim("DELETE", "requests")

    stranger.use("processPayment", **PAYMENT)

    assert writes_sent(sim) == []


@pytest.mark.parametrize("amount", ["36,30", "36 dollars 30", "$36 30", "50 dollars 5"])
def test_an_amount_that_can_be_read_as_another_one_is_asked_about(amount: str, cora: Caller) -> None:
    result = cora.use("processPayment", amount=amount)

    assert result.outcome == "validation_failed", result.say
    assert kinds() == []


def test_a_credit_does_not_hide_what_the_patient_owes(cora: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "/patient_balance", account_balance="-20.00", patient_due="30.00", insurance_due="-50.00")

    said = cora.use("getBalance").say

    assert "a credit of 20 dollars" in said
    assert "the patient's part is 30 dollars" in said


# Nothing lost, nothing twice


WISHES: dict[str, tuple[str, dict[str, Any]]] = {
    "payment": ("processPayment", PAYMENT),
    "insurance": ("addInsurance", {"provider": "Larkfield", "policyNumber": "L1"}),
    "details": ("updatePatient", {"phone": "212 555 0188"}),
}


@pytest.mark.parametrize(("tool", "arguments"), WISHES.values(), ids=WISHES.keys())
def test_what_a_model_asks_for_twice_in_a_call_is_one_task(tool: str, arguments: dict[str, Any], cora: Caller) -> None:
    for _ in range(2):
        cora.use(tool, **arguments)

    assert len(kinds()) == 1


def test_a_payment_whose_process_died_before_it_answered_is_one_task(
    cora: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_named: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as dying:
        dying.setattr(claims, "answer", die)
        cora.use("processPayment", tool_call_id="call_1", **PAYMENT)
    cora.clock = SetClock.later(seconds=40)
    cora.use("processPayment", tool_call_id="call_1", **PAYMENT)

    assert kinds() == ["please_collect_payment"]


def test_what_is_left_to_the_team_for_a_new_patient_is_left_once_however_often_it_is_delivered(
    caller: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_office(sim, monkeypatch)
    caller.use("createPatient", **NEW)

    says = {caller.use("addPatientNote", content=NOTE, tool_call_id="call_1").say for _ in range(2)}

    assert len(says) == 1
    assert kinds() == ["please_add_note"]


def test_what_is_wanted_for_a_record_that_could_not_be_made_is_not_lost(
    caller: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_office(sim, monkeypatch)
    caller.use("createPatient", **NEW)
    WriteBack.objects.update(state=WriteBackState.FAILED)

    said = caller.use("addPatientNote", content=NOTE).say

    assert "The team has a note" not in said or NOTE in [one.get("content") for one in details()]


def test_a_question_about_a_second_patient_is_left_to_the_team_as_well(practice: Account, cora: Caller) -> None:
    cora.verified(MILO)
    without_capability(practice, "read_insurance")

    says = {cora.use("getInsurance", patientId=number).say for number in ("1001", "1002")}

    assert all("I have left the team a note that you asked" in said for said in says)
    assert {one["patientId"] for one in details()} == {"1001", "1002"}


def test_the_second_reason_for_wanting_a_person_is_kept(cora: Caller) -> None:
    cora.use("transferToHuman", reason="A question")
    cora.use("transferToHuman", reason="My face is swollen after yesterday")

    assert any("swollen" in one.get("reason", "") for one in details())


def test_a_task_of_what_failed_says_that_it_was_made_after_all(
    quick_office: None, ledger: Account, cora: Caller, sim: Sim
) -> None:
    sim("POST", "fail_write", result="Writeback failed", method="POST", api="transaction")
    cora.use("processPayment", **PAYMENT)
    cora.use("processPayment", **PAYMENT)
    assert posted(sim, "36.30") == 1

    still_open = [tasks.detail(task) for task in Task.objects.filter(state=TaskState.OPEN)]

    assert all("meanwhile" in one for one in still_open)  # or somebody enters it a second time


def test_a_wish_that_fails_twice_in_a_call_is_one_task(ledger: Account, cora: Caller, sim: Sim) -> None:
    sim("POST", "office", office_id=ALDER, online=False)

    for _ in range(2):
        cora.use("processPayment", **PAYMENT)

    assert len(kinds()) == 1


def test_new_details_of_which_some_are_nested_are_kept_as_a_whole(cora: Caller) -> None:
    cora.use("updatePatient", address={"street": "5 Elm Street"}, city="Albany")

    assert details() == [{"patientId": "1001", "address": "5 Elm Street, Albany"}]


def test_of_two_equal_lost_notes_the_one_that_never_arrived_is_not_taken_for_the_other(
    quick_office: None, practice: Account, sim: Sim
) -> None:
    sim("POST", "config", tell_created_id=False)
    sim("POST", "lose_answer", path="/v4/medical_notes", method="POST", hold_seconds=0)
    Caller(practice).verified().use("addPatientNote", content=NOTE)
    sim("POST", "fail", kind="drop", path="/v4/medical_notes", method="POST")
    Caller(practice).verified().use("addPatientNote", content=NOTE)
    copied_since(sim)

    look(minutes=15)

    written = sim("GET", "truth", office_id=ALDER, patient_id="1001")["notes"]
    assert [row["text"] for row in written].count(NOTE) == 1
    assert WriteBack.objects.filter(state=WriteBackState.DONE).count() == 1


# Words


def test_a_note_that_is_shown_to_be_written_does_not_vanish_again(quick_office: None, cora: Caller, sim: Sim) -> None:
    cora.use("addPatientNote", content=NOTE)
    assert NOTE in cora.use("getPatientNotes").say
    copied_since(sim)
    look(minutes=15)

    assert NOTE in cora.use("getPatientNotes").say


def test_a_note_whose_process_died_before_it_was_sent_is_not_said_to_be_sent(
    cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    def die(*_args: Any) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(sending, "_perform", die)
        with pytest.raises(Killed):
            cora.use("addPatientNote", content=NOTE)
    WriteBack.objects.update(sent_at=timezone.now() - timedelta(seconds=50))

    said = cora.use("addPatientNote", content=NOTE).say

    assert writes_sent(sim) == []
    assert "I have sent the note" not in said


def test_a_practice_without_bookable_types_is_not_said_to_be_not_connected(cora: Caller) -> None:
    AppointmentType.objects.update(mode=BookingMode.REQUEST)

    result = cora.use("addPatientNote", content=NOTE)

    assert "is not connected" not in result.say
    assert NOTE in [one.get("content") for one in details()] or result.outcome == "ok"


def test_an_email_address_is_not_told_as_another_one(cora: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "/patients", email="cora_whitfield@example.test")

    said = cora.use("getPatientInfo").say

    assert "cora_whitfield@example.test" in said or "underscore" in said, said


def test_a_medical_insurance_on_file_is_not_said_to_be_none(practice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    jose = Caller(practice, number="+19175550121").verified(JOSE)
    stand_in(monkeypatch, "/subscribers", type="Medical Primary")
    none = dict.fromkeys(("primary_insurance_company_id", "secondary_insurance_company_id"), "")
    stand_in(monkeypatch, "/patients", **none)

    said = jose.use("getInsurance").say

    assert "has no insurance on file" not in said


# Guessing


def test_nobody_learns_by_making_a_record_who_must_not_be_asked_about_any_more(practice: Account) -> None:
    for number in range(4):
        guesser = Caller(practice, number=f"+1646555016{number}")
        for day in range(3):
            wrong = {**CORA, "dateOfBirth": f"1987-05-{10 + number * 3 + day}"}
            guesser.use("findPatient", **wrong)
    assert Caller(practice, number="+16465550177").use("findPatient", **CORA).outcome == "verification_locked"

    result = Caller(practice, number="+16465550178").use("createPatient", **CORA)

    assert result.outcome != "duplicate_patient"


# Card numbers


CARDS = [
    "4242, 4242, 4242, 4242",
    "4242  4242  4242  4242",
    "4242 - 4242 - 4242 - 4242",
    "4242. 4242. 4242. 4242.",
    "4 2 4 2, 4 2 4 2, 4 2 4 2, 4 2 4 2.",
    "4242\n4242\n4242\n4242",
    "4242\t4242\t4242\t4242",
    "4242/4242/4242/4242",
    "4242_4242_4242_4242",
    "4242:4242:4242:4242",
    "+4242424242424242",
    "4242\N{NO-BREAK SPACE}4242\N{NO-BREAK SPACE}4242\N{NO-BREAK SPACE}4242",
    "4242\N{EN DASH}4242\N{EN DASH}4242\N{EN DASH}4242",
    "4242\N{NON-BREAKING HYPHEN}4242\N{NON-BREAKING HYPHEN}4242\N{NON-BREAKING HYPHEN}4242",
    "\N{FULLWIDTH DIGIT FOUR}\N{FULLWIDTH DIGIT TWO}" * 8,
    "card4242424242424242",
    "Visa4242 4242 4242 4242",
    "4242424242424242exp",
    "4242 4242 4242 4242cvv 123",
    "424242 4242424242",
    "424242 4242 424242",
    "4 2 4 2 4242 4242 4242",
]


@pytest.mark.parametrize("card", CARDS, ids=range(len(CARDS)))
def test_a_card_number_is_refused_however_it_is_written(card: str, cora: Caller) -> None:
    before = ToolCall.objects.count()

    result = cora.use("takeMessage", message=f"Please charge {card} thank you")

    assert result.outcome == "card_number_refused"
    assert ToolCall.objects.count() == before
    assert kinds() == []


@pytest.mark.parametrize("arguments", [{"4242 4242 4242 4242": "mine"}, {"number": 4242424242424242.0}], ids=range(2))
def test_a_card_number_is_refused_wherever_it_stands(arguments: dict[str, Any], cora: Caller) -> None:
    before = ToolCall.objects.count()

    result = cora.use("processPayment", **PAYMENT, **arguments)

    assert result.outcome == "card_number_refused"
    assert ToolCall.objects.count() == before


@pytest.mark.parametrize("card", CARDS, ids=range(len(CARDS)))
def test_a_transcript_keeps_no_card_number(card: str, practice: Account) -> None:
    practice.keeps_transcripts = True
    practice.save()
    call = live_call(practice)

    calls.note(call=call, progress=Progress(transcript=f"User: It is {card} thanks"), now=timezone.now())

    call.refresh_from_db()
    assert sum(map(str.isdigit, calls.report(call)["transcript"])) < 13


@pytest.mark.parametrize("said", [
    "Call me at 212-555-0100 2026-12-01",
    "Away 2026-12-02 2026-12-28",
    "4d90f551-8568-4935-821b-8cb9fa50ecd7",  # an id of ours
    "new-" + "4d90f55185684935" + "821b8cb9fa50ecd7",  # a handle of ours
], ids=range(4))  # fmt: skip
def test_what_is_no_card_number_is_not_taken_for_one(said: str) -> None:
    assert not cards.has_card_number({"said": said})


# Requests


@pytest.mark.parametrize("depth", [500, 800])
def test_a_request_that_is_nested_too_deep_does_not_crash(depth: int, client: Client, practice: Account) -> None:
    client.raise_request_exception = False
    body = f'{{"content": "Hello.", "more": {"[" * depth}{"]" * depth}}}'.encode()

    response = Site(client, practice).ask("POST", f"{PATIENTS}/1001/notes", body)

    assert response.status_code < 500, response.content
