"""From what somebody asked for to the practice's own rules: the appointment type and the clinician."""

from __future__ import annotations

from accounts.models import Account
from pms.domain import errors, speech
from pms.domain.identity import letters
from pms.domain.records import Clinician
from pms.models import AppointmentType, BookingMode


def appointment_type(account: Account, said: str | None) -> AppointmentType:
    """Return the type whose name or alias was said; with nothing said, the only one there is.

    Raises ``Invalid`` naming the types to choose from, ``OnRequestOnly`` for one that the team arranges.
    """
    types = list(AppointmentType.objects.filter(account=account, is_active=True).order_by("position", "name"))
    if not types:
        raise errors.SetupRequired("The practice has no appointment types, so nothing can be offered.")
    found = [kind for kind in types if said and letters(said) in {letters(name) for name in (kind.name, *kind.aliases)}]
    if not said and len(types) == 1:
        found = types
    if len(found) != 1:
        names = speech.say_list([kind.name for kind in types if kind.mode == BookingMode.DIRECT], last="or")
        raise errors.Invalid(
            "The appointment type is not one of the practice's.",
            spoken=f"What is the visit for: {speech.one_line(names)}?",
            fields={"appointmentType": "Choose one of the practice's types."},
        )
    if found[0].mode != BookingMode.DIRECT:
        raise errors.OnRequestOnly
    return found[0]


def clinician_id(people: dict[str, Clinician], said: str | None) -> str:
    """Return the id of the clinician who was named by id or name, or empty if nobody was.

    Raises ``Invalid`` naming the clinicians when the name fits none or several.
    """
    if not said:
        return ""
    if said in people:
        return said
    wanted = letters(said.lower().replace("doctor", "").replace("dr.", "").replace("dr ", ""))
    found = [who for who in people.values() if wanted and wanted in _names(who)]
    if len(found) == 1:
        return found[0].id
    names = speech.say_list([speech.say_name(who.name) for who in people.values()], last="or")
    raise errors.Invalid(
        "The clinician is not one of the practice's.",
        spoken=f"Who would you like to see: {names}?",
        fields={"providerId": "Choose one of the practice's clinicians."},
    )


def _names(who: Clinician) -> set[str]:
    parts = [part for part in who.name.split() if part != "Dr."]
    return {letters("".join(parts)), letters(parts[-1]) if parts else ""}
