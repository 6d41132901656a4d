"""createPatient, against the sandbox: one record for one person, and only the truth about it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.models import (
    AuditPhase,
    Call,
    Operation,
    PmsAuditLog,
    SecurityEvent,
    Task,
    Verification,
    WriteBack,
    WriteBackState,
)
from pms.services import limits, newcomers, tasks, write_backs
from pms.tools.context import Result
from tests.conftest import Sim, copied_since
from tests.practice import CALLER
from tests.talking import (
    ALDER,
    CORA,
    JORDAN,
    JOSE,
    MILO,
    NOBODY,
    Caller,
    SetClock,
    aged,
    asked_of_the_pms,
    look,
    outcomes,
    slow_write,
    together,
    writes_sent,
)

NORA = {"firstName": "Nora", "lastName": "Quist", "dateOfBirth": "1958-01-17"}
CHILD = {"firstName": "Ottilie", "lastName": "Brandywine"}
OTHER_PHONE = "+12125550188"
CREATE = ("POST", "/patient")
NOT_MADE = (
    "I'm sorry, I could not create that record in the practice's system, so there is none yet. "
    "I have left the team a note with the details."
)
AGAIN = "I did not catch the date of birth. Could you say it again, with the month as a word?"
GRACE = write_backs.REQUEST_GRACE.total_seconds()


def create(caller: Caller, **changes: Any) -> Result:
    """Have somebody new made, Theodora Brandywine unless told otherwise."""
    return caller.use("createPatient", **{**NOBODY, **changes})


def pending(caller: Caller, sim: Sim, **changes: Any) -> WriteBack:
    """Have somebody made whose record the office has not made when the caller hears of it."""
    slow_write(sim, "POST patient")
    assert "not final yet" in create(caller, **changes).say
    return WriteBack.objects.get(state=WriteBackState.PENDING)


def carried_out(sim: Sim) -> None:
    """Let the office do what waits, and the job hear of it."""
    sim("POST", "clock", advance_seconds=601)
    look(seconds=GRACE)


def on_file(sim: Sim, last_name: str = "Brandywine") -> list[dict[str, str]]:
    """Return the records of a last name in the practice's own system."""
    rows = sim("GET", "truth", office_id=ALDER)["patients"]
    return [row for row in rows if row["lastname"] == last_name]


def proven(caller: Caller) -> list[str]:
    """Return the patients whom this call may act for."""
    found = Verification.objects.filter(call=caller.call, succeeded=True)
    return list(found.order_by("created_at").values_list("patient_id", flat=True))


def child(years: int = 8, days: int = 0) -> dict[str, str]:
    """Return a person of that age, on the practice's day or so many days after it."""
    return {**CHILD, "dateOfBirth": aged(years, days=days)}


class TestCreated:
    def test_is_one_record_and_its_id_is_told(self, caller: Caller, sim: Sim) -> None:
        sim("DELETE", "requests")

        result = create(caller, email="theodora@example.test")

        [row] = on_file(sim)
        assert result.say == f"There is a record for Theodora now (patient id {row['patient_id']})."
        assert (row["firstname"], row["birthdate"][:10], row["practice_id"]) == ("Theodora", "1990-01-02", "1")
        assert (row["cell"], row["email"]) == ("2125550147", "theodora@example.test")
        assert row["guarantor_id"] == row["patient_id"]
        assert writes_sent(sim) == [CREATE]

    def test_has_the_number_that_was_said_rather_than_the_one_that_calls(self, caller: Caller, sim: Sim) -> None:
        create(caller, phone="(646) 555-0188")

        assert [row["cell"] for row in on_file(sim)] == ["6465550188"]

    @pytest.mark.parametrize("said", [None, "", "null", "unknown"])
    def test_has_the_number_that_calls_if_none_was_said(self, caller: Caller, sim: Sim, said: str | None) -> None:
        create(caller, phone=said)

        assert [row["cell"] for row in on_file(sim)] == ["2125550147"]

    def test_has_no_number_if_the_caller_withheld_theirs(self, practice: Account, sim: Sim) -> None:
        assert create(Caller(practice, number="anonymous")).outcome == "ok"
        assert [row["cell"] for row in on_file(sim)] == [""]

    def test_is_filed_under_the_first_clinician_of_the_first_type(self, caller: Caller, sim: Sim) -> None:
        create(caller)

        assert [row["provider_id"] for row in on_file(sim)] == ["HY1"]

    def test_is_filed_under_whom_the_practice_has_named(self, practice: Account, sim: Sim) -> None:
        integration = practice.integrations.get()
        integration.config = {**integration.config, "newPatientClinicianId": "DR2"}
        integration.save()

        create(Caller(practice))

        assert [row["provider_id"] for row in on_file(sim)] == ["DR2"]

    def test_needs_somebody_to_be_filed_under(self, practice: Account, sim: Sim) -> None:
        practice.appointment_types.all().delete()
        sim("DELETE", "requests")

        assert create(Caller(practice)).outcome == "setup_required"
        assert writes_sent(sim) == []

    def test_leaves_intent_and_outcome_in_the_audit_log_and_nobodys_name(self, caller: Caller, sim: Sim) -> None:
        create(caller)

        [row] = on_file(sim)
        intent, outcome = PmsAuditLog.objects.filter(action="createPatient").order_by("seq")
        assert (intent.phase, outcome.phase) == (AuditPhase.INTENT, AuditPhase.OUTCOME)
        assert intent.access_id == outcome.access_id == WriteBack.objects.get().access_id
        assert (intent.patient_id, outcome.patient_id) == (None, row["patient_id"])
        assert '"state": "DONE"' in (outcome.request_summary or "")
        assert "brandywine" not in f"{intent.request_summary}{outcome.request_summary}{outcome.endpoint}".lower()

    def test_is_sealed_at_rest(self, caller: Caller) -> None:
        create(caller, email="theodora@example.test")

        write_back = WriteBack.objects.get()
        assert b"Theodora" not in bytes(write_back.payload)
        assert "theodora" not in str(list(WriteBack.objects.values())).lower()

    def test_can_be_booked_for_in_this_call_without_being_found_first(self, caller: Caller, sim: Sim) -> None:
        create(caller)
        [row] = on_file(sim)

        assert caller.book(patientId=row["patient_id"]).outcome == "ok"
        assert proven(caller) == [row["patient_id"]]

    def test_counts_as_proven_in_no_other_call(self, practice: Account, caller: Caller, sim: Sim) -> None:
        create(caller)
        [row] = on_file(sim)
        other = Caller(practice)

        assert other.book(patientId=row["patient_id"]).outcome == "not_verified"
        assert other.book().outcome == "not_verified"

    def test_beside_somebody_who_is_proven_needs_a_name_to_book_for(self, cora: Caller, sim: Sim) -> None:
        create(cora)
        [row] = on_file(sim)

        assert cora.book().outcome == "ambiguous_patient"
        assert cora.book(patientId=row["patient_id"]).outcome == "ok"


class TestLookedForFirst:
    @pytest.mark.parametrize("person", [
        CORA,
        JOSE,
        {**JOSE, "firstName": "JOSE", "lastName": "nunez"},
        {"firstName": "Bob", "lastName": "Lee OBrien", "dateOfBirth": "1969-08-21"},
    ])  # fmt: skip
    def test_somebody_on_file_is_not_made_again(self, practice: Account, sim: Sim, person: dict[str, str]) -> None:
        stranger = Caller(practice, number=OTHER_PHONE)
        sim("DELETE", "requests")

        result = create(stranger, **person)

        assert result.outcome == "duplicate_patient"
        assert "already, so I have not made another one" in result.say
        assert (writes_sent(sim), proven(stranger)) == ([], [])

    def test_somebody_whose_nickname_was_said_is_found_by_the_number_that_calls(
        self, practice: Account, sim: Sim
    ) -> None:
        said = {"firstName": "Rob", "lastName": "Lee-O'Brien", "dateOfBirth": "1969-08-21"}

        assert create(Caller(practice, number="+17185550158"), **said).outcome == "duplicate_patient"
        assert writes_sent(sim) == []

    def test_one_of_several_alike_is_not_made_again_either(self, practice: Account, sim: Sim) -> None:
        stranger = Caller(practice, number=OTHER_PHONE)

        result = create(stranger, **JORDAN)

        assert result.outcome == "ambiguous_patient"
        assert (writes_sent(sim), proven(stranger)) == ([], [])

    def test_somebody_inactive_is_left_to_the_team(self, caller: Caller, sim: Sim) -> None:
        results = [create(caller, **NORA), create(caller, **NORA)]

        task = Task.objects.get()
        assert outcomes(results) == ["ambiguous_patient"] * 2
        assert (task.kind, task.call, tasks.detail(task)) == (
            "returning_inactive_patient",
            caller.call,
            {"patientId": "1030"},
        )
        assert (writes_sent(sim), proven(caller)) == ([], [])

    def test_a_namesake_of_another_birthday_is_somebody_else(self, caller: Caller, sim: Sim) -> None:
        assert caller.use("createPatient", **{**CORA, "dateOfBirth": "1990-01-02"}).outcome == "ok"
        assert len(on_file(sim, "Whitfield")) == 4

    def test_nobody_is_made_while_nobody_can_be_looked_for(self, caller: Caller, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/patients", times=9, status=503)

        result = create(caller)

        assert result.outcome == "pms_unavailable"
        assert (writes_sent(sim), proven(caller), WriteBack.objects.count()) == ([], [], 0)

    def test_h17_a_failed_lookup_makes_one_chart_and_the_next_ones_find_it(self, practice: Account, sim: Sim) -> None:
        first, second = Caller(practice), Caller(practice)
        assert first.use("findPatient", **NOBODY).outcome == "patient_not_found"
        create(first)
        [row] = on_file(sim)

        again = second.use("findPatient", **NOBODY)
        copied_since(sim)
        look(minutes=11)
        later = [Caller(practice).use("findPatient", **NOBODY), create(Caller(practice))]

        assert f"(patient id {row['patient_id']})" in again.say
        assert f"(patient id {row['patient_id']})" in later[0].say
        assert later[1].outcome == "duplicate_patient"
        assert writes_sent(sim) == [CREATE]


class TestTwice:
    def test_pt_09_two_minutes_later_the_pending_one_is_found_by_either_tool(self, practice: Account, sim: Sim) -> None:
        write_back = pending(Caller(practice), sim)
        handle = newcomers.handle_of(write_back)
        later = [Caller(practice, clock=SetClock.later(minutes=2)) for _ in range(2)]

        found, made = later[0].use("findPatient", **NOBODY), create(later[1])

        assert f"(patient id {handle})" in found.say
        assert "not final yet" in made.say
        assert f"(patient id {handle})" in made.say
        assert [proven(one) for one in later] == [[handle], [handle]]
        assert writes_sent(sim) == [CREATE]
        assert WriteBack.objects.count() == 1

    def test_pt_09_however_the_name_is_written(self, practice: Account, sim: Sim) -> None:
        write_back = pending(Caller(practice), sim, firstName="Zoë Ann", lastName="O'Brandy-Wine")

        result = create(Caller(practice), firstName="ZOE-ANN", lastName="OBrandy Wine")

        assert newcomers.handle_of(write_back) in result.say
        assert writes_sent(sim) == [CREATE]

    def test_a_twin_is_somebody_else(self, practice: Account, sim: Sim) -> None:
        pending(Caller(practice), sim)

        create(Caller(practice), firstName="Ludovic")
        carried_out(sim)

        assert sorted(row["firstname"] for row in on_file(sim)) == ["Ludovic", "Theodora"]

    def test_what_is_made_and_not_shown_yet_is_told_by_its_id(self, practice: Account, sim: Sim) -> None:
        create(Caller(practice))
        [row] = on_file(sim)

        result = create(Caller(practice))

        assert result.say == f"There is a record for Theodora now (patient id {row['patient_id']})."
        assert writes_sent(sim) == [CREATE]

    def test_a_repeated_tool_call_gets_the_same_answer(self, caller: Caller, sim: Sim) -> None:
        first, again = (create(caller, tool_call_id="call_7") for _ in range(2))

        assert first.say == again.say
        assert (writes_sent(sim), len(proven(caller))) == ([CREATE], 1)

    def test_what_was_refused_may_be_tried_again(self, caller: Caller, sim: Sim) -> None:
        sim("POST", "fail_write", result="Patient could not be written")

        results = [create(caller), create(caller)]

        assert [one.outcome for one in results] == ["write_rejected", "ok"]
        assert len(on_file(sim)) == 1

    @pytest.mark.django_db(transaction=True)
    def test_pt_10_two_at_once_make_one_record_and_both_have_it(self, practice: Account, sim: Sim) -> None:
        callers = [Caller(practice), Caller(practice, number=OTHER_PHONE)]
        callers[0].open_times()  # the office's key is known then

        results = together(*[lambda one=one: create(one, seconds=30.0) for one in callers])

        look(seconds=GRACE)
        [row] = on_file(sim)
        assert {one.outcome for one in results} == {"ok"}
        assert writes_sent(sim) == [CREATE]
        assert [proven(one) for one in callers] == [[row["patient_id"]]] * 2
        assert WriteBack.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_pt_10_many_at_once_in_one_call_make_one_record(self, practice: Account, sim: Sim) -> None:
        caller = Caller(practice)
        caller.open_times()

        results = together(*[lambda: create(caller, seconds=30.0)] * 4)

        assert {one.outcome for one in results} == {"ok"}
        assert writes_sent(sim) == [CREATE]
        assert len(on_file(sim)) == 1


class TestMinor:
    def test_without_a_parent_is_not_made(self, caller: Caller, sim: Sim) -> None:
        result = create(caller, **child())

        assert result.outcome == "minor_needs_guardian"
        assert (writes_sent(sim), proven(caller)) == ([], [])

    def test_with_a_parent_of_this_call_belongs_to_them(self, cora: Caller, sim: Sim) -> None:
        result = create(cora, **child())

        [row] = on_file(sim)
        assert result.outcome == "ok"
        assert (row["firstname"], row["guarantor_id"]) == ("Ottilie", "1001")
        assert cora.book(patientId=row["patient_id"]).outcome == "ok"

    def test_is_no_parent_of_another(self, caller: Caller) -> None:
        caller.verified(MILO)

        assert create(caller, **child()).outcome == "minor_needs_guardian"

    def test_cannot_belong_to_somebody_who_has_no_record_yet(self, caller: Caller, sim: Sim) -> None:
        pending(caller, sim)

        assert create(caller, **child()).outcome == "minor_needs_guardian"
        assert writes_sent(sim) == [CREATE]

    def test_belongs_to_a_parent_who_was_made_just_before(self, caller: Caller, sim: Sim) -> None:
        create(caller)
        [parent] = on_file(sim)

        assert create(caller, **child()).outcome == "ok"
        assert {row["guarantor_id"] for row in on_file(sim)} == {parent["patient_id"]}

    @pytest.mark.parametrize(("days", "outcome"), [(0, "ok"), (1, "minor_needs_guardian")])
    def test_is_who_has_not_turned_eighteen_on_the_practices_day(self, caller: Caller, days: int, outcome: str) -> None:
        assert create(caller, **child(18, days=days)).outcome == outcome

    def test_born_today_can_be_made(self, cora: Caller, sim: Sim) -> None:
        assert create(cora, **child(0)).outcome == "ok"
        assert [row["guarantor_id"] for row in on_file(sim)] == ["1001"]

    def test_who_is_on_the_way_is_not_given_to_a_stranger_who_asks_for_the_same(
        self, practice: Account, cora: Caller, sim: Sim
    ) -> None:
        write_back = pending(cora, sim, **child())
        stranger = Caller(practice, number=OTHER_PHONE).verified(JOSE)

        create(stranger, **child())

        handle = newcomers.handle_of(write_back)
        assert stranger.book(patientId=handle).outcome == "minor_needs_guardian"
        assert cora.book(patientId=handle).outcome == "ok"


class TestRefused:
    def test_in_a_locked_call(self, caller: Caller, sim: Sim) -> None:
        for _ in range(3):
            caller.use("findPatient", **NOBODY)
        sim("DELETE", "requests")

        assert create(caller).outcome == "verification_locked"
        assert asked_of_the_pms(sim) == []

    def test_after_too_many_tries_of_one_number(
        self, practice: Account, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(limits.LIMITS, "verification", "2/h")

        results = [create(Caller(practice), **{**NOBODY, "firstName": name}) for name in ("Ada", "Bea", "Cleo")]

        assert [one.outcome for one in results] == ["ok", "ok", "rate_limited"]
        assert writes_sent(sim) == [CREATE] * 2

    def test_where_the_practice_takes_no_new_patients_by_phone(self, practice: Account, sim: Sim) -> None:
        integration = practice.integrations.get()
        integration.features = {**integration.features, "newPatients": False}
        integration.save()
        caller = Caller(practice)
        sim("DELETE", "requests")

        assert create(caller).outcome == "feature_disabled"
        assert asked_of_the_pms(sim) == []
        assert caller.open_times()

    def test_where_the_system_cannot(self, practice: Account, sim: Sim) -> None:
        integration = practice.integrations.get()
        able = set(integration.metadata["capabilities"]) - {"create_patient"}
        integration.metadata = {**integration.metadata, "capabilities": sorted(able)}
        integration.save()
        sim("DELETE", "requests")

        result = create(Caller(practice))

        assert result.outcome == "not_supported"
        assert "I can take a message" in result.say
        assert asked_of_the_pms(sim) == []

    def test_without_a_call(self, caller: Caller, sim: Sim) -> None:
        Call.objects.update(ended_at=timezone.now())
        caller.call.refresh_from_db()

        assert create(caller).outcome == "call_required"
        assert writes_sent(sim) == []

    def test_by_an_office_that_is_offline_it_is_noted_with_its_details(self, caller: Caller, sim: Sim) -> None:
        sim("POST", "office", office_id=ALDER, online=False)

        result = create(caller, email="theodora@example.test", phone="646 555 0188")

        task = Task.objects.get()
        assert (result.outcome, result.say) == ("pms_unavailable", NOT_MADE)
        assert (task.kind, task.call) == ("new_patient_pms_unavailable", caller.call)
        assert tasks.detail(task) == {
            "firstName": "Theodora",
            "lastName": "Brandywine",
            "dateOfBirth": "1990-01-02",
            "phone": "+16465550188",
            "email": "theodora@example.test",
        }
        assert (proven(caller), WriteBack.objects.get().state) == ([], WriteBackState.FAILED)

    def test_by_the_practices_system_it_is_noted(self, caller: Caller, sim: Sim) -> None:
        sim("POST", "fail_write", result="Patient could not be written")

        result = create(caller)

        assert (result.outcome, result.say) == ("write_rejected", NOT_MADE)
        assert Task.objects.get().kind == "new_patient_failed"
        assert proven(caller) == []
        assert on_file(sim) == []

    def test_is_not_sent_when_too_little_time_is_left(self, caller: Caller, sim: Sim) -> None:
        sim("POST", "config", latency=0.4, latency_path="/v4/patients")

        result = create(caller, seconds=1.9)

        assert result.outcome == "pms_unavailable"
        assert (writes_sent(sim), WriteBack.objects.count()) == ([], 0)


class TestArguments:
    @pytest.mark.parametrize(("changes", "outcome", "words"), [
        ({"firstName": None}, "validation_failed", "I still need the first name, please."),
        ({"lastName": ""}, "validation_failed", "I still need the last name, please."),
        ({"firstName": "{{first_name}}"}, "placeholder", "tell me again"),
        ({"firstName": "😀"}, "validation_failed", "I did not catch the first name."),
        ({"lastName": "<b></b>."}, "validation_failed", "I did not catch the last name."),
        ({"lastName": "<last name>"}, "placeholder", "tell me again"),
        ({"lastName": "4711"}, "validation_failed", "I did not catch the last name."),
        ({"firstName": "x" * 61}, "validation_failed", "I did not catch the first name."),
        ({"firstName": {"given": "Theodora"}}, "validation_failed", "I did not catch the first name."),
        ({"phone": "my cell"}, "validation_failed", "I did not catch the phone number."),
        ({"phone": "555-0188"}, "validation_failed", "I did not catch the phone number."),
        ({"phone": "+266696687"}, "validation_failed", "I did not catch the phone number."),
        ({"email": "theodora at example dot com"}, "validation_failed", "I did not catch the email address."),
        ({"email": "theodora@example"}, "validation_failed", "I did not catch the email address."),
        ({"email": "a@b.test, c@d.test"}, "validation_failed", "I did not catch the email address."),
        ({"email": f"{'x' * 250}@example.test"}, "validation_failed", "I did not catch the email."),
        ({"address": "12 Main Street"}, "validation_failed", "I did not catch the address."),
        ({"dateOfBirth": None}, "validation_failed", "I still need the date of birth, please."),
        ({"dateOfBirth": "{{dob}}"}, "placeholder", "tell me again"),
        ({"dateOfBirth": "some time in May"}, "date_invalid", AGAIN),
        ({"dateOfBirth": "03/04/1990"}, "date_ambiguous", "with the month as a word"),
        ({"dateOfBirth": "1990-02-30"}, "date_invalid", "does not exist"),
        ({"dateOfBirth": "2190-01-02"}, "date_invalid", AGAIN),
        ({"dateOfBirth": "1800-01-02"}, "date_invalid", AGAIN),
        ({"dateOfBirth": "0001-01-01"}, "date_invalid", AGAIN),
        ({"dateOfBirth": "1900-01-01"}, "date_invalid", AGAIN),
    ])  # fmt: skip
    def test_that_cannot_be_right_are_asked_about_and_nothing_is_sent(
        self, caller: Caller, sim: Sim, changes: dict[str, Any], outcome: str, words: str
    ) -> None:
        sim("DELETE", "requests")

        result = create(caller, **changes)

        assert result.outcome == outcome
        assert words in result.say
        assert asked_of_the_pms(sim) == []

    @pytest.mark.parametrize(("said", "written"), [
        ("<script>alert(1)</script>Theodora", "alert 1 Theodora"),
        ("Theo😀dora", "Theo dora"),
        ("  Theodora\n Jane ", "Theodora Jane"),
        ("Théodora-Anne", "Théodora-Anne"),
        ("D\u2019Arcy", "D'Arcy"),
        ("Th\u200beodora\u202e", "Theodora"),
        ("Siân Æthel", "Siân Æthel"),
        ("李", "李"),
        ("x" * 60, "x" * 60),
    ])  # fmt: skip
    def test_as_odd_names_land_in_the_pms_as_one_plain_line(
        self, caller: Caller, sim: Sim, said: str, written: str
    ) -> None:
        result = create(caller, firstName=said)

        assert result.outcome == "ok"
        assert not set("<>\u200b\u202e\n") & set(result.say)
        assert [row["firstname"] for row in on_file(sim)] == [written]

    def test_that_forge_an_account_a_guarantor_or_a_proof_are_dropped(self, caller: Caller, sim: Sim) -> None:
        forged = {"accountId": str(uuid.uuid4()), "practiceId": "D20002", "guarantorId": "1010", "guarantor_id": "1010"}

        assert create(caller, **forged, **child(), verified=True).outcome == "minor_needs_guardian"
        assert create(caller, **forged).outcome == "ok"

        [row] = on_file(sim)
        assert row["guarantor_id"] == row["patient_id"]
        assert sim("GET", "writebacks", office_id="D20002")["writebacks"] == []


class TestUnknown:
    def test_answer_is_said_to_be_unknown_and_a_person_is_asked_to_check(self, caller: Caller, sim: Sim) -> None:
        sim("POST", "lose_answer")

        result = create(caller)

        task = Task.objects.get()
        assert result.outcome == "outcome_unknown"
        assert result.say.endswith("so I can't say yet whether it went through. I have asked the team to check.")
        assert (task.kind, tasks.detail(task)["lastName"]) == ("new_patient_outcome_unknown", "Brandywine")
        assert WriteBack.objects.get().state == WriteBackState.UNKNOWN

    def test_record_is_found_by_the_job_and_named_in_the_call(self, caller: Caller, sim: Sim) -> None:
        sim("POST", "lose_answer")
        create(caller)
        handle = newcomers.handle_of(WriteBack.objects.get())
        before = proven(caller)

        carried_out(sim)

        [row] = on_file(sim)
        write_back = WriteBack.objects.get()
        assert (write_back.state, write_back.record_id) == (WriteBackState.DONE, row["patient_id"])
        assert (before, proven(caller)) == ([handle], [row["patient_id"]])
        assert writes_sent(sim) == [CREATE]

    def test_record_is_not_sent_again_when_it_is_asked_for_again(
        self, practice: Account, caller: Caller, sim: Sim
    ) -> None:
        sim("POST", "lose_answer")
        create(caller)

        results = [create(caller), create(Caller(practice))]

        assert outcomes(results) == ["outcome_unknown"] * 2
        assert all("can't say yet" in one.say for one in results)
        assert writes_sent(sim) == [CREATE]

    @pytest.mark.parametrize(("seconds", "outcome"), [(20, "still_working"), (31, "outcome_unknown")])
    def test_record_is_what_a_process_leaves_that_died_while_sending(
        self, practice: Account, caller: Caller, sim: Sim, seconds: int, outcome: str
    ) -> None:
        sim("POST", "lose_answer")
        create(caller)
        WriteBack.objects.update(state=WriteBackState.SENDING)
        Task.objects.all().delete()

        result = create(Caller(practice, clock=SetClock.later(seconds=seconds)), seconds=2.0)

        assert result.outcome == outcome
        assert Task.objects.filter(kind="new_patient_outcome_unknown").exists() is (outcome == "outcome_unknown")
        assert writes_sent(sim) == [CREATE]

    def test_record_that_never_arrived_is_failed_and_may_be_made_anew(self, caller: Caller, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/patient", status=503)
        create(caller)
        look(seconds=GRACE)
        at_first = WriteBack.objects.get().state
        copied_since(sim)

        look(minutes=3)

        write_back = WriteBack.objects.get()
        assert at_first == WriteBackState.UNKNOWN
        assert (write_back.state, write_back.failure) == (WriteBackState.FAILED, "never_arrived")
        assert set(Task.objects.values_list("kind", flat=True)) == {"new_patient_outcome_unknown", "new_patient_failed"}
        assert create(caller).outcome == "ok"
        assert len(on_file(sim)) == 1


class TestLater:
    def test_the_record_is_there_and_has_the_same_name_everywhere(self, caller: Caller, sim: Sim) -> None:
        handle = newcomers.handle_of(pending(caller, sim))
        before = proven(caller)

        carried_out(sim)

        [row] = on_file(sim)
        assert (before, proven(caller)) == ([handle], [row["patient_id"]])
        assert not Task.objects.exists()

    def test_the_name_that_was_told_in_the_call_still_counts(self, caller: Caller, sim: Sim) -> None:
        handle = newcomers.handle_of(pending(caller, sim))
        carried_out(sim)
        [row] = on_file(sim)

        assert caller.book(patientId=handle).outcome == "ok"
        assert "Coming up: " in caller.use("getAppointments", patientId=handle).say
        assert proven(caller) == [row["patient_id"]]
        assert not SecurityEvent.objects.filter(kind="verification.scope").exists()

    def test_a_refusal_becomes_a_task_with_the_details(self, caller: Caller, sim: Sim) -> None:
        pending(caller, sim)
        sim("POST", "fail_write", result="Patient could not be written")

        carried_out(sim)

        task = Task.objects.get()
        assert (task.kind, task.call) == ("new_patient_failed", caller.call)
        assert tasks.detail(task) == {
            "firstName": "Theodora",
            "lastName": "Brandywine",
            "dateOfBirth": "1990-01-02",
            "phone": CALLER,
            "refusedWith": "Patient could not be written",
        }
        assert caller.book().outcome == "patient_not_found"
        assert "could not be created" in caller.book().say

    def test_after_a_day_without_an_end_a_person_looks(self, caller: Caller, sim: Sim) -> None:
        pending(caller, sim)

        look(hours=24, minutes=1)

        assert WriteBack.objects.get().state == WriteBackState.PARKED
        assert Task.objects.get().kind == "new_patient_unresolved"
        assert look(hours=48) == 0

    def test_a_record_that_the_copy_shows_is_verified(self, caller: Caller, sim: Sim) -> None:
        create(caller)
        copied_since(sim)

        look(minutes=11)

        write_back = WriteBack.objects.get()
        assert write_back.verified_at
        assert write_back.next_attempt_at is None
        assert not Task.objects.exists()


class TestHandle:
    @pytest.fixture
    def handle(self, practice: Account, sim: Sim) -> str:
        """What stands for somebody who is being made in another call."""
        return newcomers.handle_of(pending(Caller(practice, number=OTHER_PHONE), sim))

    @pytest.mark.parametrize("tool", ["bookAppointment", "getAppointments", "cancelAppointment"])
    def test_of_another_call_opens_nothing_in_this_one(self, caller: Caller, sim: Sim, handle: str, tool: str) -> None:
        caller.verified()

        result = caller.use(tool, patientId=handle)

        assert result.outcome == "not_verified"
        assert SecurityEvent.objects.filter(kind="verification.scope").count() == 1

    def test_of_another_call_opens_nothing_once_the_record_is_there(
        self, caller: Caller, sim: Sim, handle: str
    ) -> None:
        caller.verified()
        carried_out(sim)

        assert caller.book(patientId=handle).outcome == "not_verified"

    def test_of_nobody_sounds_like_somebody_elses(self, cora: Caller, handle: str) -> None:
        somebodys, nobodys = (cora.book(patientId=one) for one in (handle, f"new-{uuid.uuid4().hex}"))

        assert somebodys.say == nobodys.say
        assert nobodys.outcome == "not_verified"

    def test_of_another_kind_of_write_is_none(self, cora: Caller) -> None:
        cora.book()
        other = WriteBack.objects.get(operation=Operation.BOOK)

        assert cora.book("13:00", patientId=f"new-{other.pk.hex}").outcome == "not_verified"
