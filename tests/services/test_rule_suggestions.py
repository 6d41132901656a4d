"""A proposal of who gives what, and where: read from names, saved by nobody but a person."""

from __future__ import annotations

import pytest

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.domain.records import Clinician, Operatory
from pms.models import AppointmentType
from pms.services import connecting, integrations, rule_suggestions, rules
from pms.services.audit import Asker
from pms.services.rule_checks import MOST_RESOURCES
from pms.services.rule_suggestions import Suggested, pairs
from tests.talking import Caller, quiet_day

ASKER = Asker(actor="user:mona", endpoint="/setup/features/", method="GET")
CLOCK = SystemClock()
DOCTOR, HYGIENIST = Clinician("DR1", "Dr. Ada Lund"), Clinician("HY1", "Perpetua Lindqvist")
ROOM, HYGIENE_ROOM = Operatory("1", "Op 1"), Operatory("2", "Hyg 1")


@pytest.fixture
def fresh(practice: Account) -> Account:
    """A practice that is connected and has decided nothing about its appointments yet."""
    AppointmentType.objects.filter(account=practice).delete()
    connecting.retest(account=practice, asker=ASKER, clock=CLOCK)
    integration = practice.integrations.get()
    connecting.connect(
        account=practice,
        provider="SIKKA",
        credentials=integrations.reveal(integration=integration),
        config={},
        features={},
        asker=ASKER,
        clock=CLOCK,
    )
    return practice


def suggested(account: Account) -> Suggested:
    return rule_suggestions.suggested(account=account, asker=ASKER, clock=CLOCK)


def test_every_kind_that_names_nobody_is_given_somebody_and_nothing_is_saved(fresh: Account) -> None:
    found = suggested(fresh)

    kinds = AppointmentType.objects.filter(account=fresh)
    people, rooms = {one.id for one in found.clinicians}, {one.id for one in found.operatories}
    assert set(found.resources) == {str(kind.pk) for kind in kinds}
    assert all(found.resources.values())
    for pairs_of_kind in found.resources.values():
        assert {one["clinicianId"] for one in pairs_of_kind} <= people
        assert {one["operatoryId"] for one in pairs_of_kind} <= rooms
    assert not kinds.exclude(resources=[]).exists()
    assert not kinds.filter(is_active=True).exists()


def test_cleanings_are_the_hygienists_and_crowns_the_dentists(fresh: Account) -> None:
    found = suggested(fresh).resources
    by_name = {kind.name: found[str(kind.pk)] for kind in AppointmentType.objects.filter(account=fresh)}

    assert {one["clinicianId"] for one in by_name["Cleaning"]} == {"HY1", "HY2"}
    assert {one["operatoryId"] for one in by_name["Cleaning"]} == {"Hyg 1", "Hyg 2"}
    assert {one["clinicianId"] for one in by_name["Crown Prep"]} == {"DR1", "DR2"}
    assert {one["operatoryId"] for one in by_name["Crown Prep"]} == {"Op 1", "Op 2", "Op 3"}


def test_with_a_tick_a_proposal_can_be_booked(fresh: Account) -> None:
    proposed = suggested(fresh).resources
    kinds = rules.read(account=fresh, clock=CLOCK)["appointmentTypes"]
    ticked = [one | _ticked(proposed[one["id"]]) if one["name"] == "Cleaning" else one for one in kinds]
    rules.change(account=fresh, changes={"appointmentTypes": ticked}, asker=ASKER, clock=CLOCK)

    booked = Caller(fresh).verified().book("09:00", date=quiet_day().isoformat())

    assert booked.outcome == "ok", booked.say
    assert "with Perpetua Lindqvist" in booked.say


def _ticked(resources: list[dict[str, str]]) -> dict[str, object]:
    return {"isActive": True, "mode": "DIRECT", "resources": resources}


def test_what_staff_have_decided_is_not_proposed_again(practice: Account) -> None:
    decided = {str(kind.pk) for kind in AppointmentType.objects.filter(account=practice).exclude(resources=[])}

    assert decided
    assert decided.isdisjoint(suggested(practice).resources)


def test_without_a_connection_there_is_nobody_to_propose(db: None) -> None:
    account = Account.objects.create(name="Cedar Dental", time_zone="America/Chicago")

    with pytest.raises(errors.SetupRequired):
        suggested(account)


PAIRS: dict[str, tuple[str, list[Clinician], list[Operatory], list[tuple[str, str]]]] = {
    "a hygienist's": ("Adult prophy", [DOCTOR, HYGIENIST], [ROOM, HYGIENE_ROOM], [("HY1", "2")]),
    "a dentist's": ("Filling", [DOCTOR, HYGIENIST], [ROOM, HYGIENE_ROOM], [("DR1", "1")]),
    "no hygienist": ("Cleaning", [DOCTOR], [ROOM, HYGIENE_ROOM], [("DR1", "2")]),
    "no hygiene room": ("Cleaning", [HYGIENIST], [ROOM], [("HY1", "1")]),
    "nobody called doctor": ("Filling", [HYGIENIST], [ROOM], [("HY1", "1")]),
    "a room of one's own": (
        "Filling",
        [DOCTOR, Clinician("DR2", "Dr. Bo Berg")],
        [ROOM, Operatory("3", "Op 3", clinician_ids=("DR2",))],
        [("DR1", "1"), ("DR2", "1"), ("DR2", "3")],
    ),
    "no room": ("Filling", [DOCTOR], [], []),
}


@pytest.mark.whole
@pytest.mark.parametrize(("kind", "people", "rooms", "expected"), PAIRS.values(), ids=PAIRS.keys())
def test_names_make_people_and_rooms_likely(
    kind: str, people: list[Clinician], rooms: list[Operatory], expected: list[tuple[str, str]]
) -> None:
    assert [(one["clinicianId"], one["operatoryId"]) for one in pairs(kind, people, rooms)] == expected


def test_a_proposal_is_never_longer_than_a_rule_may_be() -> None:
    people = [Clinician(str(number), f"Dr. {number}") for number in range(20)]
    rooms = [Operatory(str(number), f"Op {number}") for number in range(20)]

    assert len(pairs("Filling", people, rooms)) == MOST_RESOURCES
