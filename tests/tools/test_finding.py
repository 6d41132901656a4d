"""findPatient: what proves who the call is about, what a wrong guess tells, and what a proof opens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import Account
from pms.models import Booking, PmsAuditLog, SecurityEvent, Task, Verification
from pms.services import calls, tasks
from pms.tools.context import Result
from tests.conftest import Sim
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
    asked_of_the_pms,
    bookings_sent,
    together,
)

STRANGER = "+12125550199"
WRONG = {**CORA, "dateOfBirth": "1987-04-21"}
LOCKED = "so I can't open any records in this call"


def find(caller: Caller, person: dict[str, str], **more: str) -> Result:
    return caller.use("findPatient", **person, **more)


def questions(sim: Sim) -> list[tuple[str, str, frozenset[str]]]:
    """Return what was asked of the PMS about patients: names of parameters, not their values."""
    rows = sim("GET", "requests")["requests"]
    return [(row["method"], row["path"], frozenset(row["query"])) for row in rows]


class TestFound:
    def test_is_told_with_what_the_caller_said_and_no_more(self, caller: Caller) -> None:
        result = find(caller, CORA)

        assert (result.outcome, result.say) == ("ok", "Thank you, I found the record for Cora (patient id 1001).")

    @pytest.mark.parametrize(
        ("first", "last", "born", "patient_id"),
        [
            ("cora", "WHITFIELD", "1987-04-12", "1001"),
            ("Cora", "Whitfield", "April 12th 1987", "1001"),
            ("Cora", "Whitfield", "1991-11-02", "1003"),
            ("Jose", "Nunez", "1980-02-03", "1010"),
            ("José", "Núñez", "1980-02-03", "1010"),
            ("Robert", "Lee O Brien", "1969-08-21", "1020"),
            ("Robert", "lee-obrien", "1969-08-21", "1020"),
            ("Bob", "Lee-O’Brien", "1969-08-21", "1020"),
        ],
    )
    def test_is_whoever_has_these_letters_and_this_date(
        self, practice: Account, first: str, last: str, born: str, patient_id: str
    ) -> None:
        caller = Caller(practice, number=STRANGER)

        result = find(caller, {"firstName": first, "lastName": last, "dateOfBirth": born})

        assert result.outcome == "ok"
        assert result.answer
        assert result.answer.data == {"patientId": patient_id}

    @pytest.mark.parametrize("number", ["", "anonymous", "+266696687", "Restricted"])
    def test_is_told_on_a_withheld_number_too(self, practice: Account, number: str) -> None:
        caller = Caller(practice, number=number)

        assert find(caller, CORA).outcome == "ok"
        assert calls.caller_number(caller.call) == ""

    def test_leaves_an_audit_row_with_ids_and_counts_only(self, caller: Caller) -> None:
        find(caller, CORA)

        row = PmsAuditLog.objects.get(action="findPatient")
        assert (row.patient_id, row.phi_accessed, row.success) == ("1001", True, True)
        assert row.request_summary == '{"candidates": 3, "outcome": "Verified"}'


class TestNotFound:
    @pytest.mark.parametrize(
        "person",
        [
            NOBODY,
            WRONG,
            {**CORA, "firstName": "Clara"},
            {**CORA, "lastName": "Whitfeld"},
            {**JOSE, "firstName": "Pepe"},
            {**CORA, "dateOfBirth": "1901-01-01"},
        ],
        ids=["nobody", "wrong date", "wrong first name", "wrong last name", "wrong nickname", "another date"],
    )
    def test_sounds_and_asks_the_same_whoever_is_on_file(
        self, practice: Account, sim: Sim, person: dict[str, str]
    ) -> None:
        stranger, guesser = Caller(practice), Caller(practice)
        stranger.open_times()  # so that both find the office's key and lists known
        sim("DELETE", "requests")
        unknown = find(stranger, {**NOBODY, "firstName": "Ulysses"})
        asked = questions(sim)
        sim("DELETE", "requests")

        known = find(guesser, person)

        assert (known.say, known.outcome) == (unknown.say, unknown.outcome)
        assert known.outcome == "patient_not_found"
        assert questions(sim) == asked
        assert asked

    def test_is_a_patient_whose_date_of_birth_nobody_entered(self, caller: Caller) -> None:
        varga = {"firstName": "Paul", "lastName": "Varga"}

        said = [find(caller, {**varga, "dateOfBirth": born}).outcome for born in ("1900-01-01", "0001-01-01")]

        assert said == ["patient_not_found", "date_invalid"]
        assert not Verification.objects.filter(succeeded=True).exists()

    def test_leaves_an_event_without_names(self, caller: Caller) -> None:
        find(caller, WRONG)

        event = SecurityEvent.objects.get(kind="verification.failed")
        assert event.detail == {"call": str(caller.call.pk), "failures": 1}

    @pytest.mark.parametrize(
        ("born", "outcome"),
        [
            ("04/12/1987", "date_ambiguous"),
            ("my birthday", "date_invalid"),
            ("2087-04-12", "date_invalid"),
            ("{{dob}}", "placeholder"),
            ("1987-04-31", "date_invalid"),
        ],
    )
    def test_is_not_counted_where_the_date_was_not_understood(
        self, caller: Caller, sim: Sim, born: str, outcome: str
    ) -> None:
        sim("DELETE", "requests")

        assert find(caller, {**CORA, "dateOfBirth": born}).outcome == outcome
        assert not Verification.objects.exists()
        assert asked_of_the_pms(sim) == []

    def test_asks_for_what_is_missing_by_name(self, caller: Caller) -> None:
        result = caller.use("findPatient", firstName="Cora", lastName="null")

        assert result.say == "I still need the last name and date of birth, please."


class TestLock:
    def test_comes_with_the_third_failure_and_one_task(self, caller: Caller) -> None:
        said = [find(caller, {**CORA, "dateOfBirth": f"1987-05-{n:02}"}) for n in range(1, 6)]

        assert [one.outcome for one in said] == ["patient_not_found"] * 2 + ["verification_locked"] * 3
        assert LOCKED in said[2].say
        assert Task.objects.get().kind == "verification_locked"
        assert SecurityEvent.objects.filter(kind="verification.failed").count() == 3

    def test_asks_the_pms_nothing_more(self, caller: Caller, sim: Sim) -> None:
        for n in range(1, 4):
            find(caller, {**CORA, "dateOfBirth": f"1987-05-{n:02}"})
        sim("DELETE", "requests")

        assert find(caller, CORA).outcome == "verification_locked"
        assert asked_of_the_pms(sim) == []

    def test_closes_what_was_open_before(self, caller: Caller, sim: Sim) -> None:
        caller.verified(MILO)
        for n in range(1, 4):
            find(caller, {**JOSE, "dateOfBirth": f"1980-05-{n:02}"})
        sim("DELETE", "requests")

        result = caller.book()

        assert result.outcome == "verification_locked"
        assert LOCKED in result.say
        assert asked_of_the_pms(sim) == []

    def test_is_not_for_the_next_call(self, practice: Account, caller: Caller) -> None:
        for n in range(1, 4):
            find(caller, {**CORA, "dateOfBirth": f"1987-05-{n:02}"})

        assert find(Caller(practice), CORA).outcome == "ok"

    def test_does_not_come_from_failures_of_the_pms(self, caller: Caller, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/patients", status=500, times=20)
        down = [find(caller, CORA).outcome for _ in range(4)]
        sim("POST", "reset")

        assert down == ["pms_unavailable"] * 4
        assert [find(caller, WRONG).outcome for _ in range(2)] == ["patient_not_found"] * 2
        assert find(caller, CORA).outcome == "ok"

    def test_does_not_come_from_answers_that_were_missing_a_factor(self, practice: Account) -> None:
        caller = Caller(practice, number=STRANGER)

        assert [find(caller, JORDAN).outcome for _ in range(4)] == ["ambiguous_patient"] * 4

    def test_over_many_calls_of_one_number_is_a_rate_limit(self, practice: Account) -> None:
        people = [{**NOBODY, "firstName": f"Theo{'d' * n}", "dateOfBirth": f"1990-01-{n:02}"} for n in range(1, 22)]

        said = [find(Caller(practice), person).outcome for person in people]

        assert said == ["patient_not_found"] * 20 + ["rate_limited"]


@pytest.mark.django_db(transaction=True)
class TestLockAcrossThreads:
    def test_parallel_guesses_get_no_more_than_three_attempts(self, practice: Account, sim: Sim) -> None:
        caller = Caller(practice)
        caller.open_times()
        sim("DELETE", "requests")
        find(Caller(practice), NOBODY)
        per_attempt = len(asked_of_the_pms(sim))
        sim("DELETE", "requests")

        results = together(
            *(lambda n=n: find(caller, {**CORA, "dateOfBirth": f"1987-05-{n:02}"}).outcome for n in range(1, 9))
        )

        assert set(results) <= {"patient_not_found", "verification_locked"}
        assert len(asked_of_the_pms(sim)) == 3 * per_attempt
        assert find(caller, CORA).outcome == "verification_locked"
        assert Task.objects.filter(kind="verification_locked").count() == 1

    def test_holds_in_another_thread(self, practice: Account) -> None:
        caller = Caller(practice)
        for n in range(1, 4):
            find(caller, {**CORA, "dateOfBirth": f"1987-05-{n:02}"})

        [elsewhere] = together(lambda: find(Caller(practice, call=caller.call), CORA).outcome)

        assert elsewhere == "verification_locked"


class TestNamesakes:
    def test_are_told_apart_by_the_last_four_digits_on_file(self, practice: Account) -> None:
        caller = Caller(practice, number=STRANGER)

        first = find(caller, JORDAN)
        second = find(caller, JORDAN, phoneLast4="0134")

        assert first.outcome == "ambiguous_patient"
        assert "last four digits" in first.say
        assert second.answer
        assert second.answer.data == {"patientId": "1012"}

    @pytest.mark.parametrize("digits", ["0199", "99", "none of your business"])
    def test_with_wrong_digits_count_as_failures(self, practice: Account, digits: str) -> None:
        caller = Caller(practice, number=STRANGER)

        said = [find(caller, JORDAN, phoneLast4=digits).outcome for _ in range(3)]

        assert said == ["patient_not_found", "patient_not_found", "verification_locked"]

    def test_are_never_listed(self, practice: Account) -> None:
        said = find(Caller(practice, number=STRANGER), JORDAN).say

        assert "Jordan" not in said
        assert "two" not in said.lower()


class TestInactive:
    def test_record_goes_to_the_team(self, caller: Caller) -> None:
        nora = {"firstName": "Nora", "lastName": "Quist", "dateOfBirth": "1958-01-17"}

        result = find(caller, nora)

        task = Task.objects.get()
        assert result.outcome == "ambiguous_patient"
        assert "the team" in result.say
        assert (task.kind, tasks.detail(task)) == ("returning_inactive_patient", {"patientId": "1030"})
        assert caller.book().outcome == "not_verified"


class TestProof:
    def test_is_not_the_callers_number(self, caller: Caller, sim: Sim) -> None:
        sim("DELETE", "requests")

        said = [caller.book(**more).say for more in ({}, {"patientId": "1001"}, {"verified": True})]

        assert calls.caller_number(caller.call) == CALLER
        assert {"full name and date of birth" in one for one in said} == {True}
        assert not any(word in " ".join(said) for word in ("Cora", "Whitfield", "1001", "1987"))
        assert asked_of_the_pms(sim) == []

    def test_ends_with_its_call(self, practice: Account, cora: Caller) -> None:
        assert Caller(practice).book().outcome == "not_verified"
        assert Caller(practice).book(patientId="1001").outcome == "not_verified"

    def test_ends_when_the_call_is_over(self, cora: Caller) -> None:
        calls.note(call=cora.call, progress=calls.Progress(status="ended"), now=cora.clock.now())
        cora.call.refresh_from_db()

        assert cora.book().outcome == "call_required"
        assert find(cora, CORA).outcome == "call_required"

    def test_ends_after_two_hours_even_if_nobody_said_that_the_call_is_over(self, cora: Caller) -> None:
        cora.clock = SetClock.later(hours=2, minutes=1)

        assert cora.book().outcome == "call_required"

    @pytest.mark.parametrize("more", [{}, {"verified": True}, {"verified": "true", "accountId": "another"}])
    def test_of_one_patient_does_not_open_another(self, cora: Caller, sim: Sim, more: dict[str, Any]) -> None:
        sim("DELETE", "requests")

        result = cora.book(patientId="1010", **more)

        assert result.outcome == "not_verified"
        event = SecurityEvent.objects.get(kind="verification.scope")
        assert event.detail == {"call": str(cora.call.pk)}
        assert asked_of_the_pms(sim) == []

    def test_of_two_patients_needs_to_know_which_is_meant(self, practice: Account) -> None:
        caller = Caller(practice).verified().verified(MILO)

        unclear, clear = caller.book("08:00"), caller.book("08:00", patientId="1002")

        assert (unclear.outcome, unclear.say) == (
            "ambiguous_patient",
            "Which of the patients we spoke about is this for?",
        )
        assert clear.outcome == "ok"
        assert Booking.objects.get().patient_id == "1002"

    def test_stays_after_a_second_proof_of_the_same_patient(self, cora: Caller) -> None:
        assert cora.verified().book().outcome == "ok"


class TestMinor:
    def test_alone_is_refused(self, practice: Account, sim: Sim) -> None:
        caller = Caller(practice).verified(MILO)

        result = caller.book()

        assert result.outcome == "minor_needs_guardian"
        assert "parent or guardian" in result.say
        assert bookings_sent(sim) == 0

    def test_is_booked_with_the_parent_on_the_call(self, practice: Account, sim: Sim) -> None:
        caller = Caller(practice).verified().verified(MILO)

        result = caller.book(patientId="1002")

        assert result.outcome == "ok"
        assert [row["patient_id"] for row in sim("GET", "truth", office_id=ALDER)["appointments"]].count("1002") == 1

    def test_is_refused_with_an_adult_of_another_family(self, practice: Account) -> None:
        caller = Caller(practice).verified(JOSE).verified(MILO)

        assert caller.book(patientId="1002").outcome == "minor_needs_guardian"

    @pytest.mark.parametrize("guarantor", ["", "0"])
    def test_is_no_family_by_having_no_guarantor(self, practice: Account, guarantor: str) -> None:
        caller = Caller(practice).verified(JOSE).verified(MILO)
        Verification.objects.filter(succeeded=True).update(guarantor_id=guarantor)

        assert caller.book(patientId="1002").outcome == "minor_needs_guardian"

    @pytest.mark.parametrize(("utc", "is_minor"), [("2035-09-30T03:59", True), ("2035-09-30T04:01", False)])
    def test_is_one_until_midnight_of_the_birthday_at_the_practice(
        self, practice: Account, utc: str, is_minor: bool
    ) -> None:
        clock = SetClock(datetime.fromisoformat(utc).replace(tzinfo=UTC))

        Caller(practice, clock=clock).verified(MILO)

        assert Verification.objects.get().is_minor is is_minor
