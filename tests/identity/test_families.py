"""ID cases: one adult in a call, their children, and minors who call alone."""

from __future__ import annotations

import pytest

from accounts.models import Account
from pms.models import Task, Verification
from pms.services import tasks
from tests.conftest import Sim, copied_since
from tests.identity.saying import STRANGER, child, find, heard, questions
from tests.talking import (
    ALDER,
    CORA,
    JOSE,
    MILO,
    NOBODY,
    Caller,
    aged,
    asked_of_the_pms,
    bookings_sent,
    kinds,
    look,
    outcomes,
    together,
    writes_sent,
)

ONE_ADULT = "I'm sorry, I can open only one adult's records in a call. I have left the team a note that you asked."
TEENAGER = {"firstName": "Ottilie", "lastName": "Brandywine"}


def recorded(practice: Account, sim: Sim, **person: str) -> None:
    """Have somebody made whom the PMS's own search shows."""
    made = Caller(practice, number=STRANGER).use("createPatient", **person)
    assert made.outcome == "ok", made.say
    copied_since(sim)
    look(minutes=11)


# ID-08: a parent and their child


def test_id_08_a_child_of_nine_is_booked_by_the_parent_who_pays_for_it(practice: Account, sim: Sim) -> None:
    caller = Caller(practice).verified()

    before = caller.book(patientId="1002")
    found = find(caller, MILO)
    after = caller.book(patientId="1002")

    assert (before.outcome, found.outcome, after.outcome) == ("not_verified", "ok", "ok")
    booked = [row["patient_id"] for row in sim("GET", "truth", office_id=ALDER)["appointments"]]
    assert booked.count("1002") == 1


def test_id_08_the_child_may_be_named_first(practice: Account) -> None:
    caller = Caller(practice).verified(MILO).verified()

    assert caller.book(patientId="1002").outcome == "ok"


def test_id_08_asking_for_children_who_are_no_patients_yet_does_not_lock_the_parent_out(cora: Caller) -> None:
    said = [find(cora, child(number)).outcome for number in range(4)]

    assert said == ["patient_not_found"] * 4
    assert cora.use("createPatient", **child()).outcome == "ok"
    assert cora.book(patientId="1001").outcome == "ok"
    assert kinds() == []


@pytest.mark.parametrize("first", [[], [MILO]], ids=["nobody", "a child"])
def test_id_08_without_a_verified_adult_they_count_like_any_failure(
    caller: Caller, first: list[dict[str, str]]
) -> None:
    for person in first:
        caller.verified(person)

    said = [find(caller, child(number)).outcome for number in range(3)]

    assert said == ["patient_not_found", "patient_not_found", "verification_locked"]


def test_id_08_they_count_about_the_child_all_the_same(cora: Caller) -> None:
    find(cora, child())

    assert [one.counts for one in cora.call.verifications.filter(succeeded=False)] == [True]


# ID-09: another adult


@pytest.mark.parametrize(
    "person", [JOSE, NOBODY, {**CORA, "dateOfBirth": "1991-11-02"}], ids=["on file", "not", "namesake"]
)
def test_id_09_another_adult_is_refused_unasked_and_left_to_the_team(
    cora: Caller, sim: Sim, person: dict[str, str]
) -> None:
    sim("DELETE", "requests")

    results = [find(cora, person), find(cora, person)]

    task = Task.objects.get()
    assert heard(results) == {("not_verified", ONE_ADULT)}
    assert asked_of_the_pms(sim) == []
    assert (task.kind, task.call, tasks.detail(task)) == ("another_adult", cora.call, person)


def test_id_09_asking_for_another_adult_again_and_again_locks_nothing(cora: Caller) -> None:
    results = [find(cora, JOSE) for _ in range(5)]

    assert heard(results) == {("not_verified", ONE_ADULT)}
    assert cora.book().outcome == "ok"
    assert [one.counts for one in cora.call.verifications.filter(succeeded=False)] == [False] * 5


def test_id_09_a_spouse_of_the_same_name_and_birthday_sounds_like_nobody(
    practice: Account, cora: Caller, sim: Sim
) -> None:
    recorded(practice, sim, **{**CORA, "firstName": "Clara"})
    answers, asked = [], []

    for name in ("Clara", "Dora"):
        sim("DELETE", "requests")
        answers.append(find(cora, {**CORA, "firstName": name}))
        asked.append(questions(sim))

    assert heard(answers) == {("not_verified", ONE_ADULT)}
    assert asked[0] == asked[1] != []
    assert set(Verification.objects.filter(call=cora.call, succeeded=True).values_list("patient_id", flat=True)) == {
        "1001"
    }
    assert kinds() == ["another_adult"]


def test_id_09_the_same_adult_may_be_named_again(cora: Caller) -> None:
    again = [find(cora, person).outcome for person in (CORA, {**CORA, "firstName": "CORA", "lastName": "whit field"})]

    assert again == ["ok", "ok"]
    assert cora.book().outcome == "ok"
    assert kinds() == []


def test_id_09_a_child_opens_no_second_adult(practice: Account) -> None:
    caller = Caller(practice).verified(MILO).verified(CORA)

    assert heard([find(caller, JOSE)]) == {("not_verified", ONE_ADULT)}


def test_id_09_a_record_may_be_made_for_another_adult_and_booked(cora: Caller) -> None:
    made = cora.use("createPatient", **NOBODY)

    found = find(cora, NOBODY)

    assert (made.outcome, found.outcome) == ("ok", "ok")
    assert made.answer
    assert cora.book(patientId=made.answer.data["patient"]["id"]).outcome == "ok"
    assert heard([find(cora, JOSE)]) == {("not_verified", ONE_ADULT)}


def test_id_09_who_has_made_a_record_may_still_say_who_they_are(caller: Caller) -> None:
    caller.use("createPatient", **NOBODY)

    assert find(caller, CORA).outcome == "ok"


def test_id_09_the_next_call_opens_the_other(practice: Account, cora: Caller) -> None:
    find(cora, JOSE)

    assert find(Caller(practice), JOSE).outcome == "ok"


@pytest.mark.django_db(transaction=True)
def test_id_09_two_adults_at_the_same_moment_are_one(practice: Account) -> None:
    caller = Caller(practice)
    caller.open_times()

    results = together(lambda: find(caller, CORA), lambda: find(caller, JOSE))

    assert outcomes(results) == ["not_verified", "ok"]
    assert Verification.objects.filter(succeeded=True).count() == 1
    assert kinds() == ["another_adult"]
    assert caller.book().outcome == "ok"


# ID-10: a minor who calls alone


def test_id_10_a_minor_without_a_guardian_is_left_to_the_team(caller: Caller, sim: Sim) -> None:
    caller.verified(MILO)

    results = [caller.book(), caller.use("getAppointments")]

    task = Task.objects.get()
    assert {one.outcome for one in results} == {"minor_needs_guardian"}
    assert "parent or guardian" in results[0].say
    assert "I have left the team a note" in results[0].say
    assert (task.kind, task.call, tasks.detail(task)) == ("minor_without_guardian", caller.call, {"patientId": "1002"})
    assert bookings_sent(sim) == 0


def test_id_10_seventeen_and_new_is_left_to_the_team_as_well(caller: Caller, sim: Sim) -> None:
    person = {**TEENAGER, "dateOfBirth": aged(18, days=1)}

    result = caller.use("createPatient", **person)

    task = Task.objects.get()
    assert result.outcome == "minor_needs_guardian"
    assert (task.kind, tasks.detail(task)) == ("minor_without_guardian", person)
    assert writes_sent(sim) == []


def test_id_10_another_family_s_adult_is_no_guardian(practice: Account) -> None:
    caller = Caller(practice, number="").verified(JOSE).verified(MILO)

    assert caller.book(patientId="1002").outcome == "minor_needs_guardian"
    assert kinds() == ["minor_without_guardian"]
