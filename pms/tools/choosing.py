"""From what somebody asked for to the practice's own rules: the appointment type, the clinician and the start."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from accounts.models import Account
from pms.domain import errors, speech, spoken
from pms.domain.identity import letters
from pms.domain.records import Clinician
from pms.domain.spoken import WallClock
from pms.models import AppointmentType, BookingMode
from pms.services import plain
from pms.tools.context import Request

log = structlog.get_logger(__name__)


def appointment_type(account: Account, said: str | None, *, for_request: bool = False) -> AppointmentType:
    """Return the type whose name or alias was said; with nothing said, the only one there is.

    Raises ``Invalid`` naming the types to choose from, and ``OnRequestOnly`` for one that the team arranges, unless it
    is named ``for_request`` and may be requested.
    """
    types = plain.find(AppointmentType, account_id=account.pk, is_active=True)
    types.sort(key=lambda kind: (kind.position, kind.name))
    if not types:
        raise errors.SetupRequired("The practice has no appointment types, so nothing can be offered.")
    found = [kind for kind in types if said and letters(said) in {letters(name) for name in (kind.name, *kind.aliases)}]
    if not said and len(types) == 1:
        found = types
    if len(found) != 1:
        names = speech.say_list([kind.name for kind in types if kind.mode == BookingMode.DIRECT], last="or")
        if not names:
            raise errors.OnRequestOnly
        raise errors.Invalid(
            "The appointment type is not one of the practice's.",
            spoken=f"What is the visit for: {speech.one_line(names)}?",
            fields={"appointmentType": "Choose one of the practice's types."},
        )
    if found[0].mode == BookingMode.DIRECT or (for_request and found[0].mode == BookingMode.REQUEST):
        return found[0]
    raise errors.OnRequestOnly


def clinician(people: Mapping[str, Clinician], said: str | None, kind: AppointmentType) -> Clinician | None:
    """Return the clinician who was named by id or name, ``None`` if nobody was.

    Raises ``Invalid`` naming those who do this kind of appointment when the name fits none or several of them.
    """
    if not said:
        return None
    mapped = dict.fromkeys(str(pair["clinicianId"]) for pair in kind.resources)
    able = [people[one] for one in mapped if one in people]
    wanted = letters(said.lower().replace("doctor", "").replace("dr.", "").replace("dr ", ""))
    found = [who for who in able if who.id == said] or [who for who in able if wanted and wanted in _names(who)]
    if len(found) == 1:
        return found[0]
    if not able:
        raise errors.OnRequestOnly
    names = speech.say_list([speech.say_name(who.name) for who in able], last="or")
    question = "Who would you like to see?" if len(able) > 1 else "Would that suit you?"
    raise errors.Invalid(
        "The clinician is not one who does this kind of appointment.",
        spoken=f"For {speech.one_line(kind.name)} I can book {names}. {question}",
        fields={"providerId": "Choose one of the clinicians who do this."},
    )


def wall_clock(request: Request, written: Mapping[str, object]) -> WallClock:
    """Return the start that a voice model wrote, on the practice's wall clock; what was ignored in it is logged."""
    found = spoken.read_wall_clock(written, now=request.clock.now(), where=request.account.zone)
    if found.flags:
        log.info("argument flagged", flags=sorted(found.flags), account_id=str(request.account.pk))
    return found


def _names(who: Clinician) -> set[str]:
    parts = [part for part in who.name.split() if part != "Dr."]
    return {letters("".join(parts)), letters(parts[-1]) if parts else ""}
