"""For how long is kept what callers said: what is emptied, what stays, and that nobody stumbles over the gap."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.domain.clock import Budget
from pms.domain.records import NewNote
from pms.models import (
    Booking,
    Call,
    Operation,
    PmsAuditLog,
    SecurityEvent,
    SlotOffer,
    Task,
    TaskState,
    ToolCall,
    Verification,
    WriteBack,
    WriteBackState,
)
from pms.services import bookings, calls, chart_changes, claims, registering, retention, tasks, write_backs
from pms.services.audit import Asker
from tests.conftest import Sim, copied_since
from tests.talking import ALDER, Caller, SetClock, look, quiet_day

KEPT = timedelta(days=90)


@pytest.fixture
def caller(practice: Account, sim: Sim) -> Caller:
    """A caller who has booked with a note, and hung up; the PMS shows what they booked."""
    Account.objects.update(keeps_transcripts=True)
    cora = Caller(practice).verified()
    cora.book("09:00", providerId="HY1", notes="Please call my husband")
    cora.open_times()
    sim("POST", "refresh", office_id=ALDER)
    look(minutes=2)
    call = cora.call
    Call.objects.filter(pk=call.pk).update(
        ended_at=timezone.now(), report=vault.seal({"summary": "x"}, f"calls:{call.pk}:report")
    )
    return cora


def forget(**later: float) -> dict[str, int]:
    """Run the sweep so much later than everything ended, the appointments included."""
    return retention.forget(now=the_end() + timedelta(**later))


def the_end() -> datetime:
    latest = Booking.objects.order_by("-ends_at").first()
    return latest.ends_at if latest is not None else timezone.now()


def rows(model: type[Model]) -> list[dict[str, Any]]:
    return [
        {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
        for row in model._default_manager.order_by("pk").values()
    ]


def everything() -> dict[str, list[dict[str, Any]]]:
    return {model.__name__: rows(model) for model in (Call, ToolCall, Verification, Booking, WriteBack, Task)}


def open_task(practice: Account, **about: Any) -> Task:
    return tasks.open_task(account=practice, kind="please_call", detail={"message": "x"}, **about)


class TestForgets:
    def test_nothing_before_its_time(self, caller: Caller) -> None:
        SlotOffer.objects.all().delete()
        before = everything()

        assert retention.forget(now=timezone.now() + KEPT - timedelta(hours=1)) == {}
        assert everything() == before

    def test_what_callers_said_and_what_was_done_for_them(self, caller: Caller) -> None:
        found = forget(days=91)

        call, booking, write_back = Call.objects.get(), Booking.objects.get(), WriteBack.objects.get()
        assert (call.caller_number, call.caller_digest, call.report) == (None, "", None)
        assert [(bytes(one.arguments), one.answer) for one in ToolCall.objects.all()] == [(b"", None)] * 3
        assert (booking.note, bytes(write_back.payload)) == (None, b"")
        assert not Verification.objects.exists()
        assert not SlotOffer.objects.exists()
        assert found["calls"] == found["bookings"] == found["write_backs"] == found["verifications"] == 1
        assert found["tool_calls"] == 3

    def test_once(self, caller: Caller) -> None:
        forget(days=91)

        assert forget(days=91) == {}

    def test_as_soon_as_the_practice_wants_it(self, caller: Caller) -> None:
        Account.objects.update(keeps_days=7)

        found = retention.forget(now=timezone.now() + timedelta(days=8))

        assert found["calls"] == 1
        assert "write_backs" not in found  # the appointment is still ahead
        assert WriteBack.objects.get().payload

    def test_by_each_practices_own_days(self, caller: Caller) -> None:
        Account.objects.create(name="Birch Dental", time_zone="America/New_York", keeps_days=7)
        Account.objects.filter(pk=caller.call.account_id).update(keeps_days=400)
        SlotOffer.objects.all().delete()

        assert forget(days=300) == {}

    def test_a_call_whose_end_nobody_told(self, caller: Caller) -> None:
        Call.objects.update(ended_at=None)

        assert forget(days=91)["calls"] == 1

    def test_offers_a_day_after_they_have_expired(self, caller: Caller) -> None:
        expired = SlotOffer.objects.order_by("-expires_at")[0].expires_at
        count = SlotOffer.objects.count()

        early = retention.forget(now=expired + timedelta(hours=23))
        late = retention.forget(now=expired + timedelta(hours=25))

        assert (early, late) == ({}, {"slot_offers": count})

    def test_never_any_evidence(self, caller: Caller) -> None:
        before = rows(PmsAuditLog), rows(SecurityEvent)

        forget(days=4000)

        assert (rows(PmsAuditLog), rows(SecurityEvent)) == before
        assert before[0]

    def test_leaves_the_rows_themselves(self, caller: Caller) -> None:
        emptied = {"caller_number", "caller_digest", "report", "arguments", "answer", "note", "payload"}
        before = everything()

        forget(days=91)

        for name, kept in everything().items():
            for row, was in zip(kept, before[name] if name != "Verification" else [], strict=True):
                assert {key for key in row if row[key] != was[key]} <= emptied, name

    def test_by_batches(self, practice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retention, "BATCH", 3)
        for _ in range(10):
            Caller(practice)

        with CaptureQueriesContext(connection) as queries:
            found = forget(days=91)

        assert found == {"calls": 10}
        assert len([query for query in queries if query["sql"].startswith('UPDATE "calls"')]) == 4

    def test_the_rest_after_it_was_stopped_in_the_middle(self, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        def stopped(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(retention, "_bookings", stopped)
            with pytest.raises(KeyboardInterrupt):
                forget(days=91)

        assert forget(days=91) == {"bookings": 1, "write_backs": 1}


class TestKeeps:
    @pytest.mark.parametrize("about", ["call", "booking", "write_back"])
    def test_everything_about_which_a_task_is_open(self, practice: Account, caller: Caller, about: str) -> None:
        write_back = WriteBack.objects.get()
        WriteBack.objects.update(call=caller.call)
        subject = {"call": caller.call, "booking": write_back.booking, "write_back": write_back}[about]
        if about == "write_back":
            Task.objects.create(account=practice, kind="please_call", detail=b"", write_back=write_back)
        else:
            open_task(practice, **{about: subject})
        SlotOffer.objects.all().delete()
        before = everything()

        found = forget(days=91)
        Task.objects.update(state=TaskState.DONE, resolved_at=timezone.now())
        later = forget(days=91)

        kept = {"calls", "tool_calls", "verifications"} | ({"bookings", "write_backs"} if about != "call" else set())
        assert not kept & set(found)
        assert all(everything()[name] != before[name] for name in ("Call", "ToolCall"))
        assert set(later) - {"tasks"} == kept

    def test_a_change_that_no_read_has_shown(self, caller: Caller) -> None:
        WriteBack.objects.update(verified_at=None)

        assert "write_backs" not in forget(days=4000)
        assert WriteBack.objects.get().payload

    def test_a_change_that_is_still_followed_and_its_bookings_note(self, caller: Caller) -> None:
        WriteBack.objects.update(next_attempt_at=timezone.now())

        found = forget(days=4000)

        assert not {"write_backs", "bookings"} & set(found)
        assert bookings.reveal_note(Booking.objects.get()) == "Please call my husband"

    def test_nothing_of_a_change_that_certainly_came_to_nothing(self, caller: Caller) -> None:
        WriteBack.objects.update(state=WriteBackState.FAILED, verified_at=None, completed_at=None)

        assert forget(days=91)["write_backs"] == 1

    def test_open_tasks_and_those_done_lately(self, practice: Account) -> None:
        done, late, waiting = (open_task(practice) for _ in range(3))
        now = timezone.now()
        Task.objects.filter(pk__in=[done.pk, late.pk]).update(state=TaskState.DONE, resolved_at=now)
        Task.objects.filter(pk=late.pk).update(resolved_at=now + timedelta(days=5))

        found = retention.forget(now=now + timedelta(days=92))

        assert found == {"tasks": 1}
        assert [tasks.detail(Task.objects.get(pk=one.pk)) for one in (done, late, waiting)] == [
            {},
            {"message": "x"},
            {"message": "x"},
        ]


class TestReaders:
    """Whoever looks at what was emptied finds nothing there, and nothing breaks."""

    def test_find_nothing_of_a_call(self, caller: Caller) -> None:
        forget(days=91)

        call = Call.objects.get()
        assert (calls.report(call), calls.caller_number(call), calls.proven_number(call)) == ({}, "", "")

    def test_find_nothing_of_a_booking_and_its_change(self, caller: Caller) -> None:
        forget(days=91)

        write_back = WriteBack.objects.get()
        assert bookings.reveal_note(Booking.objects.get()) == ""
        assert write_backs.change_if_kept(write_back) is None

    def test_can_still_open_a_task_about_it(self, caller: Caller) -> None:
        forget(days=91)

        write_backs.tell_staff(WriteBack.objects.get(), "mismatch")

        detail = tasks.detail(Task.objects.get())
        assert detail["patientId"] == "1001"
        assert detail["confirmationNumber"] == Booking.objects.get().confirmation_number

    def test_a_repeated_tool_call_is_refused_at_once(self, caller: Caller) -> None:
        asked = {"appointmentType": "cleaning", "date": "2099-01-05"}
        caller.use("checkAvailability", tool_call_id="call_again", **asked)
        forget(days=91)
        clock = SetClock()

        with pytest.raises(errors.IdempotencyConflict):
            claims.take(
                call=caller.call,
                tool_call_id="call_again",
                tool="checkAvailability",
                arguments=asked,
                request_id="",
                clock=clock,
                budget=Budget(8, clock),
            )

    def test_a_patients_notes_are_told_without_what_is_no_longer_known(
        self, practice: Account, caller: Caller, sim: Sim
    ) -> None:
        caller.use("addPatientNote", content="I am afraid of needles")
        copied_since(sim)
        look(minutes=30)
        forget(days=91)
        kept = WriteBack.objects.get(operation=Operation.ADD_NOTE)

        result = Caller(practice).verified().use("getPatientNotes")

        assert bytes(kept.payload) == b""
        assert result.outcome == "ok"

    def test_a_patient_whom_we_have_created_is_one_of_the_practices_own_by_then(self, caller: Caller) -> None:
        WriteBack.objects.update(operation=Operation.CREATE_PATIENT, record_id="5001")
        forget(days=91)
        integration = caller.call.account.integrations.get()

        assert registering.sent_for(integration=integration, patient_id="5001") is None

    def test_a_request_with_an_old_key_is_refused(self, caller: Caller) -> None:
        WriteBack.objects.update(operation=Operation.ADD_NOTE, request_key="key-1")
        forget(days=91)
        clock = SetClock()

        with pytest.raises(errors.IdempotencyConflict):
            chart_changes.write(
                integration=caller.call.account.integrations.get(),
                asker=Asker(actor="system:test", endpoint="test", method="POST"),
                clock=clock,
                budget=Budget(8, clock),
                change=NewNote("1001", "x", quiet_day()),
                call=None,
                key="key-1",
            )
