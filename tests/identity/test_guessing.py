"""ID-06: details of one person that are guessed at over many calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.models import SecurityEvent, Task, Verification
from pms.services import patients, tasks
from pms.tools.context import Result
from tests.conftest import Sim
from tests.identity.saying import LOCKED, ROBERT, Person, find, heard, questions
from tests.talking import CORA, JORDAN, JOSE, MILO, NOBODY, Caller, SetClock, kinds, together

PEOPLE = pytest.mark.parametrize("person", [CORA, NOBODY], ids=["a patient", "nobody"])
NORA = {"firstName": "Nora", "lastName": "Quist", "dateOfBirth": "1958-01-17"}
GUESSES = patients.MAX_GUESSES


def guess(practice: Account, person: Person, times: int = GUESSES, first: int = 1, **changes: str) -> list[Result]:
    """Have somebody else each time guess at a person's date of birth, or at what is changed instead."""
    said = []
    for number in range(first, first + times):
        wrong = changes or {"dateOfBirth": f"1961-07-{number:02}"}
        said.append(find(Caller(practice, number=f"+12125550{number + 160}"), {**person, **wrong}))
    return said


def ask(practice: Account, person: Person, **more: Any) -> Result:
    """Have somebody who has not called before say who they are."""
    return find(Caller(practice, number="+12125550110", **more), person)


@PEOPLE
def test_id_06_ten_guesses_close_a_record_to_every_number_for_a_day(practice: Account, person: Person) -> None:
    guessed = guess(practice, person)

    then = ask(practice, person)
    next_day = ask(practice, person, clock=SetClock.later(hours=24, minutes=1))

    assert {one.outcome for one in guessed} == {"patient_not_found"}
    assert then.outcome == "verification_locked"
    assert LOCKED in then.say
    assert next_day.outcome == ("ok" if person is CORA else "patient_not_found")


def test_id_06_nine_guesses_do_not(practice: Account) -> None:
    guess(practice, CORA, GUESSES - 1)

    assert ask(practice, CORA).outcome == "ok"
    assert not SecurityEvent.objects.filter(kind="verification.suspended").exists()


def test_id_06_right_and_wrong_details_of_anybody_sound_alike_and_ask_alike(practice: Account, sim: Sim) -> None:
    guess(practice, CORA)
    guess(practice, NOBODY, first=11)
    answers, asked = [], []

    for one in (CORA, {**CORA, "dateOfBirth": "1987-04-21"}, NOBODY):
        sim("DELETE", "requests")
        answers.append(ask(practice, one))
        asked.append(questions(sim))

    assert len(heard(answers)) == 1
    assert answers[0].outcome == "verification_locked"
    assert asked[0] == asked[1] == asked[2] != []


@PEOPLE
def test_id_06_the_team_is_warned_once_a_day_with_whom_it_is_about(practice: Account, person: Person) -> None:
    guess(practice, person, GUESSES + 3)
    ask(practice, person)

    event = SecurityEvent.objects.get(kind="verification.suspended")
    task = Task.objects.get()
    assert set(event.detail) == {"call", "failures"}
    assert event.detail["failures"] == GUESSES
    assert task.kind == "verification_suspended"
    assert tasks.detail(task) == {**person, "dateOfBirth": f"1961-07-{GUESSES:02}"}


def test_id_06_every_person_has_a_warning_of_their_own(practice: Account) -> None:
    guess(practice, CORA)
    guess(practice, NOBODY, first=11)

    assert kinds() == ["verification_suspended"] * 2


def test_id_06_wrong_first_names_of_one_birthday_count_together_with_wrong_dates(practice: Account) -> None:
    for number, name in enumerate(("Ada", "Bea", "Cleo", "Dora", "Edna"), 20):
        guess(practice, CORA, 1, number, firstName=name)
    guess(practice, CORA, 5)

    assert ask(practice, CORA).outcome == "verification_locked"
    assert ask(practice, {**CORA, "dateOfBirth": "1991-11-02"}).outcome == "ok"  # a namesake, guessed at half as often


@pytest.mark.parametrize("spelling", [{"firstName": "CORA"}, {"lastName": "Whit-Field"}, {"firstName": "Córa "}])
def test_id_06_another_spelling_is_the_same_person(practice: Account, spelling: Person) -> None:
    guess(practice, {**CORA, **spelling})

    assert ask(practice, CORA).outcome == "verification_locked"


@pytest.mark.parametrize(
    ("guessed", "then"), [("Bob", "Robert"), ("Robert", "Bob")], ids=["preferred, then legal", "legal, then preferred"]
)
def test_id_06_by_another_name_on_file_right_details_sound_like_wrong_ones(
    practice: Account, sim: Sim, guessed: str, then: str
) -> None:
    guess(practice, {**ROBERT, "firstName": guessed})
    sim("DELETE", "requests")

    right = ask(practice, {**ROBERT, "firstName": then})
    asked = questions(sim)
    sim("DELETE", "requests")
    wrong = ask(practice, {**ROBERT, "firstName": then, "dateOfBirth": "1969-12-08"})

    assert heard([right]) == heard([wrong])
    assert right.outcome == "patient_not_found"
    assert asked == questions(sim) != []
    assert not Verification.objects.filter(succeeded=True).exists()


def test_id_06_by_a_nickname_from_their_own_number_they_are_not_found_either(practice: Account) -> None:
    guess(practice, ROBERT)

    result = find(Caller(practice, number="+17185550158"), {**ROBERT, "firstName": "Rob"})

    assert result.outcome == "patient_not_found"


def test_id_06_a_nickname_that_was_guessed_with_is_closed_from_their_own_number(practice: Account) -> None:
    rob = {**ROBERT, "firstName": "Rob"}
    guess(practice, rob)

    assert find(Caller(practice, number="+17185550158"), rob).outcome == "verification_locked"


def test_id_06_namesakes_who_were_guessed_at_are_not_asked_for_more(practice: Account) -> None:
    guess(practice, JORDAN)

    assert ask(practice, JORDAN).outcome == "verification_locked"


def test_id_06_a_record_that_is_inactive_is_closed_too(practice: Account) -> None:
    guess(practice, NORA)

    assert ask(practice, NORA).outcome == "verification_locked"
    assert kinds() == ["verification_suspended"]


def test_id_06_what_is_refused_meanwhile_counts_in_its_call_like_any_failure(practice: Account) -> None:
    guess(practice, CORA)
    caller = Caller(practice, number="+12125550110")

    said = [find(caller, CORA).outcome for _ in range(3)]

    assert said == ["verification_locked"] * 3
    assert find(caller, JOSE).outcome == "verification_locked"
    assert kinds() == ["verification_locked", "verification_suspended"]


def test_id_06_somebody_else_is_found_as_before(practice: Account) -> None:
    guess(practice, CORA)

    assert ask(practice, JOSE).outcome == "ok"


def test_id_06_a_proof_that_stands_goes_on_to_stand(practice: Account, cora: Caller) -> None:
    guess(practice, CORA)

    assert cora.book().outcome == "ok"


def test_id_06_failures_of_the_pms_are_no_guesses(practice: Account, sim: Sim) -> None:
    Verification.objects.all().delete()
    sim("POST", "fail", path="/v4/patients", status=500, times=90)
    down = guess(practice, CORA, GUESSES + 1)
    sim("POST", "reset")

    assert {one.outcome for one in down} == {"pms_unavailable"}
    assert ask(practice, CORA, clock=SetClock.later(minutes=1)).outcome == "ok"  # after the circuit's pause


def test_id_06_guesses_at_another_practice_do_not_count(practice: Account) -> None:
    other = Account.objects.create(name="Cedar Dental", time_zone="America/Chicago")
    guess(practice, CORA)

    Verification.objects.update(account=other)

    assert ask(practice, CORA).outcome == "ok"


def test_id_06_guesses_of_yesterday_do_not_count(practice: Account) -> None:
    guess(practice, CORA)

    Verification.objects.update(created_at=timezone.now() - patients.SUSPENDED_FOR - timedelta(minutes=1))

    assert ask(practice, CORA).outcome == "ok"


def test_id_06_children_who_are_asked_for_by_their_parent_count_as_well(practice: Account) -> None:
    for number in range(GUESSES):
        caller = Caller(practice, number=f"+12125550{number + 160}").verified()
        find(caller, {**MILO, "dateOfBirth": f"2017-05-{number + 1:02}"})

    assert find(Caller(practice).verified(), MILO).outcome == "verification_locked"


def test_id_06_no_name_is_kept_where_guesses_are_counted(practice: Account) -> None:
    guess(practice, CORA, 1)

    row = Verification.objects.get()
    assert len({row.subject_digest, row.name_digest}) == 2
    assert {len(row.subject_digest), len(row.name_digest)} == {64}
    assert "whitfield" not in str(list(Verification.objects.values())).lower()


@pytest.mark.django_db(transaction=True)
def test_id_06_many_guesses_at_once_get_no_more_than_ten_answers_and_one_warning(
    practice: Account, settings: Settings
) -> None:
    settings.WEB_THREADS = 64  # nobody hears that the system is slow: what is tested is who gets an answer
    Caller(practice).open_times()  # the office's key is known then
    callers = [Caller(practice, number=f"+12125550{number}") for number in range(160, 176)]

    results = together(
        *(
            lambda n=n, one=one: find(one, {**CORA, "dateOfBirth": f"1961-07-{n:02}"}).outcome
            for n, one in enumerate(callers, 1)
        )
    )

    assert results.count("patient_not_found") <= GUESSES
    assert set(results) <= {"patient_not_found", "verification_locked"}
    assert ask(practice, CORA).outcome == "verification_locked"
    assert SecurityEvent.objects.filter(kind="verification.suspended").count() == 1
    assert kinds() == ["verification_suspended"]
