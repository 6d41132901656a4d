"""Calls as Parlae knows them."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.models import Booking, BookingState, Call
from pms.services import calls
from tests.practice import CALLER
from tests.services.conftest import Hold
from tests.talking import together


def record(account: Account, *, vapi_call_id: str = "call-1", caller: str = CALLER) -> Call:
    return calls.record(account=account, line=None, vapi_call_id=vapi_call_id, caller=caller, now=timezone.now())


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

    calls.end(account=practice, vapi_call_id="call-1", reason="x" * 500, now=timezone.now())

    assert live.account == practice
    assert len(Call.objects.get().ended_reason) == 200
    with pytest.raises(errors.CallRequired):
        calls.live(account=practice, vapi_call_id="call-1", now=timezone.now())


def test_a_late_message_does_not_bring_a_call_back(practice: Account) -> None:
    record(practice)
    calls.end(account=practice, vapi_call_id="call-1", reason="", now=timezone.now())

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

    calls.end(account=practice, vapi_call_id="call-1", reason="", now=timezone.now())

    assert Booking.objects.get().state == (BookingState.EXPIRED if state == BookingState.HELD else state)


@pytest.mark.django_db(transaction=True)
def test_two_first_messages_at_once_are_one_call(practice: Account) -> None:
    recorded = together(*[lambda: record(practice).pk] * 4)

    assert len(set(recorded)) == 1
