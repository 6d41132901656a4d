"""A proposal of who gives each kind of appointment, and where, for kinds that nobody has decided about yet.

It is read from the names in the practice's system and nothing else: whose name begins with "Dr." is taken for a
dentist, and a room or kind whose name says hygiene for the hygienists'. A person looks at it and saves it, or not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts.models import Account
from pms.domain.clock import Budget, Clock
from pms.domain.records import Clinician, Operatory
from pms.models import AppointmentType
from pms.services import directory, gateway, integrations
from pms.services.audit import Asker
from pms.services.rule_checks import MOST_RESOURCES
from pms.services.rules import READ_BUDGET_SECONDS

_HYGIENE = re.compile(r"\b(hyg|hygien\w*|clean\w*|prophy\w*|perio\w*|recall|scal\w*)\b", re.IGNORECASE)
_DENTIST = re.compile(r"dr\b", re.IGNORECASE)

Resource = dict[str, str]


@dataclass(frozen=True, slots=True)
class Suggested:
    """Who and which rooms there are, and by the kinds' ids the pairs that are proposed, as the rules have them."""

    clinicians: Sequence[Clinician]
    operatories: Sequence[Operatory]
    resources: Mapping[str, list[Resource]]


def suggested(*, account: Account, asker: Asker, clock: Clock) -> Suggested:
    """Return a proposal for every kind that names nobody yet. Nothing is saved.

    Raises ``SetupRequired``, ``CredentialsRejected``, and what the practice's system raises.
    """
    integration = integrations.active_for(account=account)
    with gateway.reading(
        integration=integration,
        asker=asker,
        action="readRules",
        phi=False,
        clock=clock,
        budget=Budget(READ_BUDGET_SECONDS, clock),
    ) as access:
        people = list(directory.clinicians(access).values())
        rooms = list(directory.operatories(access).values())
    open_kinds = AppointmentType.objects.filter(account=account, resources=[]).order_by("position", "name")
    return Suggested(people, rooms, {str(kind.pk): pairs(kind.name, people, rooms) for kind in open_kinds})


def pairs(kind: str, people: Sequence[Clinician], rooms: Sequence[Operatory]) -> list[Resource]:
    """Return the people and rooms that a kind's name makes likely, or all where it makes none likely."""
    is_hygiene = bool(_HYGIENE.search(kind))
    likely = [one for one in people if bool(_DENTIST.match(one.name)) is not is_hygiene] or people
    fitting = [one for one in rooms if bool(_HYGIENE.search(one.name)) is is_hygiene] or rooms
    found = [
        {"clinicianId": person.id, "operatoryId": room.id}
        for person in likely
        for room in fitting
        if not room.clinician_ids or person.id in room.clinician_ids
    ]
    return found[:MOST_RESOURCES]
