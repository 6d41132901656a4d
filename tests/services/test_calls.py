"""Calls as Parlae knows them."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.models import Booking, BookingState, Call
from pms.services import calls
from pms.services.calls import Progress
from tests.practice import CALLER
from tests.services.conftest import Hold
from tests.talking import together


def record(account: Account, *, vapi_call_id: str = "call-1", caller: str = CALLER, attestation: str = "") -> Call:
    return calls.record(
        account=account,
        line=None,
        vapi_call_id=vapi_call_id,
        caller=caller,
        now=timezone.now(),
        attestation=attestation,
    )


def note(account: Account, *, now: datetime | None = None, **said: Any) -> bool:
    """Note what a message about the call says, recorded as the webhook records it."""
    return calls.note(call=record(account), progress=Progress(**said), now=now or timezone.now())


def the_call() -> Call:
    return Call.objects.select_related("account").get()


def test_a_call_is_recorded_once(practice: Account) -> None:
    assert record(practice).pk == record(practice).pk
    assert Call.objects.count() == 1


def test_that_a_call_goes_on_is_noted_by_the_minute(practice: Account) -> None:
    begun = timezone.now()

    def seen_after(seconds: int) -> float:
        at = begun + timedelta(seconds=seconds)
        calls.record(account=practice, line=None, vapi_call_id="call-1", caller=CALLER, now=at)
        return (Call.objects.get().last_seen_at - begun).total_seconds()

    assert [seen_after(0), seen_after(30), seen_after(70), seen_after(71)] == [0, 0, 70, 70]


def test_the_number_comes_with_the_first_message_only(practice: Account) -> None:
    record(practice)

    call = record(practice, caller="+12125550199")

    call.refresh_from_db()
    assert calls.caller_number(call) == CALLER


def test_the_number_is_sealed_and_found_by_its_digest(practice: Account) -> None:
    one, other = record(practice, vapi_call_id="a"), record(practice, vapi_call_id="b", caller="(212) 555-0147")

    assert one.caller_digest == other.caller_digest
    assert b"5550147" not in bytes(one.caller_number or b"")
    assert calls.caller_number(one) == calls.caller_number(other) == CALLER


@pytest.mark.parametrize("caller", ["", "anonymous", "+266696687", "911"])
def test_a_withheld_number_is_no_number(practice: Account, caller: str) -> None:
    call = record(practice, caller=caller)

    assert (call.caller_number, call.caller_digest, calls.caller_number(call)) == (None, "", "")


def test_the_same_call_id_in_another_account_is_another_call(practice: Account) -> None:
    other = Account.objects.create(name="Birch Dental", time_zone="America/Los_Angeles")

    assert record(practice).pk != record(other).pk


def test_a_call_that_was_never_seen_is_not_live(practice: Account) -> None:
    with pytest.raises(errors.CallRequired):
        calls.live(account=practice, vapi_call_id=str(uuid.uuid4()), now=timezone.now())


def test_a_call_is_live_until_it_ends(practice: Account) -> None:
    record(practice)
    live = calls.live(account=practice, vapi_call_id="call-1", now=timezone.now())

    note(practice, status="ended", ended_reason="x" * 500)

    assert live.account == practice
    assert len(Call.objects.get().ended_reason) == 200
    with pytest.raises(errors.CallRequired):
        calls.live(account=practice, vapi_call_id="call-1", now=timezone.now())


def test_a_late_message_does_not_bring_a_call_back(practice: Account) -> None:
    record(practice)
    note(practice, status="ended")

    record(practice)

    assert not calls.is_live(Call.objects.get(), timezone.now())


def test_a_call_that_nobody_ended_is_over_after_two_hours(practice: Account) -> None:
    call = record(practice)

    assert calls.is_live(call, call.started_at + timedelta(hours=2))
    assert not calls.is_live(call, call.started_at + timedelta(hours=2, seconds=1))


@pytest.mark.parametrize("state", [BookingState.HELD, BookingState.PENDING, BookingState.CONFIRMED])
def test_the_end_gives_up_what_was_only_held(practice: Account, hold: Hold, state: BookingState) -> None:
    hold()
    Booking.objects.update(call=record(practice), state=state)

    note(practice, status="ended")

    assert Booking.objects.get().state == (BookingState.EXPIRED if state == BookingState.HELD else state)


@pytest.mark.django_db(transaction=True)
def test_two_first_messages_at_once_are_one_call(practice: Account) -> None:
    recorded = together(*[lambda: record(practice).pk] * 4)

    assert len(set(recorded)) == 1


# The carrier's word


@pytest.mark.parametrize(("heard", "kept"), [
    (["A"], "A"),
    (["", "A"], "A"),
    (["A", ""], "A"),
    (["B", "A"], "B"),
    (["A", "B"], "A"),
    (["A", "C"], "C"),
    (["C", "A"], "C"),
    (["A", "C", "A"], "C"),
    (["", ""], ""),
])  # fmt: skip
def test_the_first_word_counts_and_a_doubt_takes_it_back_for_good(
    practice: Account, heard: list[str], kept: str
) -> None:
    recorded = [record(practice, attestation=letter).attestation for letter in heard]

    assert (the_call().attestation, recorded[-1]) == (kept, kept)


@pytest.mark.parametrize(("attestation", "is_trusting", "counts"), [
    ("A", False, True),
    ("B", False, True),
    ("C", False, False),
    ("C", True, False),
    ("", False, False),
    ("", True, True),
])  # fmt: skip
def test_a_number_is_proof_if_the_carrier_vouches_for_it_or_the_practice_says_so(
    practice: Account, attestation: str, is_trusting: bool, counts: bool
) -> None:
    practice.trusts_caller_number = is_trusting

    call = record(practice, attestation=attestation)

    assert calls.proven_number(call) == (CALLER if counts else "")


# What messages say


START, END = timezone.now() - timedelta(minutes=30), timezone.now() - timedelta(minutes=25)
MESSAGES: dict[str, dict[str, Any]] = {
    "ringing": {"status": "ringing"},
    "in progress": {"status": "in-progress"},
    "ended": {"status": "ended", "ended_reason": "customer-ended-call"},
    "report": {
        "status": "ended",
        "ended_reason": "customer-ended-call",
        "started_at": START,
        "ended_at": END,
        "cost": Decimal("0.1234"),
    },
}


def as_kept() -> tuple[Any, ...]:
    call = the_call()
    return call.status, call.ended_reason, call.started_at, call.ended_at, call.cost, call.outcome


@pytest.mark.parametrize("order", list(permutations(MESSAGES)), ids=", ".join)
def test_messages_in_any_order_make_the_same_call(practice: Account, order: tuple[str, ...]) -> None:
    for name in order:
        note(practice, **MESSAGES[name])

    assert as_kept() == ("ended", "customer-ended-call", START, END, Decimal("0.1234"), "answered")


def test_a_message_that_comes_twice_changes_nothing(practice: Account) -> None:
    for name in MESSAGES:
        note(practice, **MESSAGES[name])
    once = as_kept()
    for name in MESSAGES:
        note(practice, **MESSAGES[name])

    assert as_kept() == once


def test_a_report_alone_is_a_whole_call(practice: Account) -> None:
    note(practice, **MESSAGES["report"])

    assert as_kept() == ("ended", "customer-ended-call", START, END, Decimal("0.1234"), "answered")


def test_an_end_without_times_is_when_it_was_heard_of(practice: Account) -> None:
    begun = timezone.now()
    note(practice, status="in-progress")

    note(practice, status="ended", now=begun + timedelta(minutes=4))
    note(practice, status="ended", now=begun + timedelta(minutes=9))

    assert the_call().ended_at == begun + timedelta(minutes=4)


def test_a_call_never_ends_before_it_starts(practice: Account) -> None:
    note(practice, status="ended", ended_at=END)

    assert (the_call().started_at, the_call().ended_at) == (END, END)


@pytest.mark.parametrize("over", ["ended", "not-found", "deletion-failed"])
@pytest.mark.parametrize("late", ["scheduled", "queued", "ringing", "in-progress", "forwarding"])
def test_nothing_brings_a_call_back(practice: Account, over: str, late: str) -> None:
    note(practice, status=over)
    ended_at = the_call().ended_at

    has_begun = note(practice, status=late)

    assert (the_call().status, the_call().ended_at, has_begun) == (over, ended_at, False)
    assert not calls.is_live(the_call(), timezone.now())


@pytest.mark.parametrize("word", ["", "no such word", "ENDED", "in-progress; drop table"])
def test_a_word_that_is_not_vapi_s_is_not_kept(practice: Account, word: str) -> None:
    note(practice, status="ringing")

    note(practice, status=word, ended_reason="made up")

    assert (the_call().status, the_call().ended_reason, the_call().ended_at) == ("ringing", "", None)


def test_a_call_begins_once(practice: Account) -> None:
    heard = ["queued", "ringing", "in-progress", "in-progress", "forwarding", "in-progress", "ended", "in-progress"]

    begun = [note(practice, status=word) for word in heard]

    assert begun == [False, False, True, False, False, False, False, False]


def test_a_call_that_waited_for_long_is_live_from_its_beginning(practice: Account) -> None:
    planned = timezone.now()
    note(practice, status="scheduled", now=planned)

    note(practice, status="in-progress", now=planned + timedelta(hours=5))

    assert calls.is_live(the_call(), planned + timedelta(hours=6))


def test_a_call_that_goes_on_is_not_prolonged_by_a_message(practice: Account) -> None:
    call = record(practice)
    note(practice, status="in-progress", now=call.started_at + timedelta(hours=1))
    note(practice, status="in-progress", now=call.started_at + timedelta(hours=1))

    assert the_call().started_at == call.started_at


def test_what_a_report_does_not_say_stays(practice: Account) -> None:
    note(practice, **MESSAGES["report"])
    note(practice, status="ended", ended_reason="another one")

    assert as_kept() == ("ended", "customer-ended-call", START, END, Decimal("0.1234"), "answered")


# What it has come to


@pytest.mark.parametrize(("heard", "outcome"), [
    ([("forwarding", ""), ("ended", "")], "transferred"),
    ([("ended", ""), ("forwarding", ""), ("ended", "")], "transferred"),
    ([("ended", "assistant-forwarded-call")], "transferred"),
    ([("forwarding", ""), ("ended", "customer-ended-call")], "transferred"),
    ([("forwarding", ""), ("ended", "call.forwarding.operator-busy")], "answered"),
    ([("in-progress", ""), ("ended", "customer-ended-call")], "answered"),
    ([("in-progress", "")], ""),
])  # fmt: skip
def test_a_call_was_transferred_if_vapi_says_so(practice: Account, heard: list[tuple[str, str]], outcome: str) -> None:
    for status, reason in heard:
        note(practice, status=status, ended_reason=reason)

    assert the_call().outcome == outcome


def test_a_booking_that_became_final_meanwhile_is_told_by_the_report(practice: Account, hold: Hold) -> None:
    hold()
    Booking.objects.update(call=record(practice), state=BookingState.PENDING)
    note(practice, status="ended")
    before = the_call().outcome
    Booking.objects.update(state=BookingState.CONFIRMED)

    note(practice, **MESSAGES["report"])

    assert (before, the_call().outcome) == ("requested", "booked")


# What is kept of what was said


SAID = {"transcript": "User: I am Cora Whitfield.", "summary": "Cora booked.", "recording": "https://example.com/cora"}


@pytest.mark.parametrize(("policy", "kept"), [
    ({}, set()),
    ({"keeps_transcripts": True}, {"transcript", "summary"}),
    ({"keeps_recordings": True}, {"recording"}),
    ({"keeps_transcripts": True, "keeps_recordings": True}, set(SAID)),
])  # fmt: skip
def test_only_what_the_practice_wants_kept_is_kept(practice: Account, policy: dict[str, bool], kept: set[str]) -> None:
    for name in policy:
        setattr(practice, name, True)

    note(practice, status="ended", **SAID)

    call = the_call()
    assert calls.report(call) == {name: SAID[name] for name in kept}
    assert (call.report is None) == (not kept)
    assert b"Cora" not in bytes(call.report or b"")
    assert b"cora" not in bytes(call.report or b"")


def test_a_card_number_that_was_said_is_not_kept(practice: Account) -> None:
    practice.keeps_transcripts = True

    note(practice, status="ended", transcript="User: it is 4242 4242 4242 4242.", summary="Paid by 4242424242424242.")

    assert calls.report(the_call()) == {
        "transcript": "User: it is [card number].",
        "summary": "Paid by [card number].",
    }


def test_what_was_kept_stays_when_the_practice_wants_no_more(practice: Account) -> None:
    practice.keeps_transcripts = True
    note(practice, status="ended", transcript="first")
    practice.keeps_transcripts, practice.keeps_recordings = False, True

    note(practice, status="ended", **SAID)

    assert calls.report(the_call()) == {"transcript": "first", "recording": SAID["recording"]}


def test_a_report_that_says_nothing_overwrites_nothing(practice: Account) -> None:
    practice.keeps_transcripts = True
    note(practice, status="ended", transcript="first", summary="short")

    note(practice, status="ended", transcript="second")

    assert calls.report(the_call()) == {"transcript": "second", "summary": "short"}


def test_a_report_whose_key_is_gone_gives_way_to_a_new_one(practice: Account) -> None:
    practice.keeps_transcripts = True
    note(practice, status="ended")
    Call.objects.update(report=vault.seal({}, "elsewhere"))

    note(practice, status="ended", transcript="again")

    assert calls.report(the_call()) == {"transcript": "again"}


def test_a_report_opens_only_in_its_own_row(practice: Account) -> None:
    practice.keeps_transcripts = True
    note(practice, status="ended", transcript="first")
    other = record(practice, vapi_call_id="call-2")
    Call.objects.filter(pk=other.pk).update(report=Call.objects.get(vapi_call_id="call-1").report)
    other.refresh_from_db()

    with pytest.raises(vault.CannotOpen):
        calls.report(other)


def test_another_practice_s_call_is_not_touched(practice: Account) -> None:
    note(practice, status="in-progress")
    other = Account.objects.create(name="Birch Dental", time_zone="America/Los_Angeles")

    note(other, status="ended", ended_reason="theirs")

    mine = Call.objects.get(account=practice)
    assert (mine.status, mine.ended_at, mine.ended_reason) == ("in-progress", None, "")


@pytest.mark.django_db(transaction=True)
def test_messages_at_once_lose_nothing(practice: Account) -> None:
    practice.keeps_transcripts = practice.keeps_recordings = True
    practice.save()
    messages = [*MESSAGES.values(), *MESSAGES.values(), {"status": "ended", **SAID}, {"status": "forwarding"}]

    begun = together(*[lambda said=said: note(Account.objects.get(), **said) for said in messages])  # type: ignore[misc]

    assert as_kept() == ("ended", "customer-ended-call", START, END, Decimal("0.1234"), "transferred")
    assert calls.report(the_call()) == SAID
    assert sum(begun) <= 1


@pytest.mark.django_db(transaction=True)
def test_of_messages_at_once_one_begins_the_call(practice: Account) -> None:
    record(practice)

    assert sum(together(*[lambda: note(practice, status="in-progress")] * 6)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_doubt_among_messages_at_once_counts(practice: Account) -> None:
    letters = ["A", "", "C", "A", "B"]

    together(*[lambda letter=letter: record(practice, attestation=letter) for letter in letters])  # type: ignore[misc]

    assert the_call().attestation == "C"
