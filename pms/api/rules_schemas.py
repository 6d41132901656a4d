"""The shapes of the practice's rules and of their explanation: what is accepted, strictly, and what is answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from pms.api.setup_schemas import Switch, Text, Whole
from pms.models import BookingMode, ForPatients
from pms.services import rule_checks

_HOURS = (
    'Windows by ISO weekday, in the practice\'s zone: `{"1": [["08:00", "12:00"], ["13:00", "17:00"]]}`. A weekday '
    "that is left out is closed; 24:00 is the end of the day."
)
_WHOSE = "The PMS's id; with neither a clinician nor a room it is the whole practice's."


_LABEL = "For the team. No patient's name."


class Instant(serializers.DateTimeField):
    """An instant in ISO 8601 with ``Z`` or an offset."""

    def to_internal_value(self, value: Any) -> datetime:
        try:
            instant = datetime.fromisoformat(value) if isinstance(value, str) else None
            if instant is not None and instant.tzinfo is not None:
                return instant.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise serializers.ValidationError("Use an instant in ISO 8601 with Z or an offset.")


class Day(serializers.DateField):
    """A local day that was sent as ``YYYY-MM-DD``."""

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


class Windows(serializers.ListField):
    """The windows of one day, each a start and an end as ``HH:MM``."""

    child = serializers.ListField(child=Text(), min_length=2, max_length=2)


class Weekly(serializers.DictField):
    """Windows by ISO weekday."""

    child = Windows()


class Bounded(Whole):
    """A whole number within the bounds that the rules have for ``name``."""

    def __init__(self, name: str, **options: Any) -> None:
        least, most = rule_checks.BOUNDS[name]
        super().__init__(min_value=least, max_value=most, **options)


class TypeResource(serializers.Serializer[Any]):
    clinicianId = Text(max_length=rule_checks.LONGEST_ID)
    operatoryId = Text(max_length=rule_checks.LONGEST_ID)
    assistantId = Text(max_length=rule_checks.LONGEST_ID, required=False, help_text="A clinician's id, too.")


class _Kind(serializers.Serializer[Any]):
    name = Text(max_length=rule_checks.LONGEST_NAME)
    aliases = serializers.ListField(
        child=Text(max_length=rule_checks.LONGEST_NAME),
        required=False,
        max_length=rule_checks.MOST_ALIASES,
        help_text="What patients say for it.",
    )
    pmsValue = Text(
        max_length=rule_checks.LONGEST_ID, required=False, allow_blank=True, help_text="What the PMS calls it."
    )
    mode = serializers.ChoiceField(
        required=False,
        choices=BookingMode.choices,
        help_text="Booked by the agent (unless set), taken as a request for the team, or not given by the agent.",
    )
    forPatients = serializers.ChoiceField(required=False, choices=ForPatients.choices, help_text="Whom it is for.")
    isActive = Switch(required=False, help_text="Whether it can be asked for at all; true unless set.")
    resources = TypeResource(
        many=True,
        required=False,
        help_text="Who does it where, in the order of preference; nobody else is ever offered.",
    )


class RulesType(_Kind):
    """A kind of appointment. The order of the list is that in which they are named to callers."""

    id = serializers.UUIDField(required=False, help_text="Of one that is there; without it, the name tells which.")
    durationMinutes = Bounded("durationMinutes")
    bufferBeforeMinutes = Bounded("bufferBeforeMinutes", required=False, help_text="Kept free before it; 0 unless set.")
    bufferAfterMinutes = Bounded("bufferAfterMinutes", required=False, help_text="Kept free after it; 0 unless set.")


class SpecialDay(serializers.Serializer[Any]):
    """A day that is not as usual, whatever the PMS tells of it."""

    date = Day()
    windows = Windows(help_text="Open in exactly these; none: closed.")
    clinicianId = Text(required=False, max_length=rule_checks.LONGEST_ID, help_text=_WHOSE)
    operatoryId = Text(required=False, max_length=rule_checks.LONGEST_ID)
    label = Text(required=False, max_length=rule_checks.LONGEST_NAME, help_text=_LABEL)  # type: ignore[assignment]


class Blockout(serializers.Serializer[Any]):
    """Time in which nothing is booked."""

    id = serializers.UUIDField(required=False, help_text="Only answered: a blockout is made or taken away.")
    startTime = Instant()
    endTime = Instant()
    clinicianId = Text(required=False, max_length=rule_checks.LONGEST_ID, help_text=_WHOSE)
    operatoryId = Text(required=False, max_length=rule_checks.LONGEST_ID)
    label = Text(required=False, max_length=rule_checks.LONGEST_NAME, help_text=_LABEL)  # type: ignore[assignment]


class RulesChange(serializers.Serializer[Any]):
    """What is left out stays as it is; what is given replaces that part as a whole."""

    accountId = Text(required=False, allow_null=True, help_text="Only for members of several practices.")
    version = Text(
        required=False,
        max_length=64,
        help_text="The version that was read, also as If-Match; 409 if somebody else has changed the rules since.",
    )
    hours = Weekly(required=False, allow_null=True, help_text=f"The practice's. {_HOURS} null: nothing is said.")
    clinicianHours = serializers.DictField(child=Weekly(), required=False, help_text="Hours by the clinician's id.")
    operatoryHours = serializers.DictField(child=Weekly(), required=False, help_text="Hours by the room's id.")
    specialDays = SpecialDay(many=True, required=False)
    blockouts = Blockout(many=True, required=False)
    appointmentTypes = RulesType(
        many=True,
        required=False,
        help_text="One that is left out is switched off and never deleted, because bookings point at it.",
    )
    minNoticeMinutes = Bounded("minNoticeMinutes", required=False, allow_null=True, help_text="null: 120.")
    maxAdvanceDays = Bounded("maxAdvanceDays", required=False, allow_null=True, help_text="null: 90.")
    stepMinutes = Bounded(
        "stepMinutes", required=False, allow_null=True, help_text="The grid of start times. null: 15."
    )
    maxDataAgeMinutes = Bounded(
        "maxDataAgeMinutes",
        required=False,
        allow_null=True,
        help_text="How old the vendor's copy of the schedule may be. null: what is usual for the vendor.",
    )


class PersonOrRoom(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()


class ToldDayByPms(serializers.Serializer[Any]):
    date = serializers.DateField()
    practice = Windows(allow_null=True, help_text="Null where the PMS says nothing; no windows where it is closed.")
    clinicians = serializers.DictField(child=Windows(), help_text="By id; left out where the PMS says nothing.")
    operatories = serializers.DictField(child=Windows())


class ToldByPms(serializers.Serializer[Any]):
    """What the practice's system tells itself, which counts before weekly hours."""

    clinicians = PersonOrRoom(many=True)
    operatories = PersonOrRoom(many=True)
    days = ToldDayByPms(many=True, help_text="The coming week.")


class StoredType(_Kind):
    id = serializers.UUIDField()
    durationMinutes = serializers.IntegerField()
    bufferBeforeMinutes = serializers.IntegerField()
    bufferAfterMinutes = serializers.IntegerField()


class Rules(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    hours = Weekly(allow_null=True, help_text=f"The practice's. {_HOURS} null: it has said nothing.")
    clinicianHours = serializers.DictField(child=Weekly())
    operatoryHours = serializers.DictField(child=Weekly())
    specialDays = SpecialDay(many=True, help_text="From 30 days back.")
    blockouts = Blockout(many=True, help_text="From 30 days back.")
    appointmentTypes = StoredType(many=True)
    minNoticeMinutes = serializers.IntegerField()
    maxAdvanceDays = serializers.IntegerField()
    stepMinutes = serializers.IntegerField()
    maxDataAgeMinutes = serializers.IntegerField(allow_null=True, help_text="Null: what is usual for the vendor.")
    version = serializers.CharField(help_text="Also the ETag.")
    missing = serializers.ListField(
        child=serializers.CharField(),
        help_text="What still keeps times from being offered: no_hours, no_types, type_without_resources:<name>; and "
        "with the PMS also unknown_clinician:<id>, unknown_operatory:<id>.",
    )
    told = ToldByPms(required=False, help_text="Only with `with=pms`.")


class OpeningsAsked(serializers.Serializer[Any]):
    """The query of ``GET /api/pms/openings``."""

    date = Day()
    appointmentType = Text(max_length=rule_checks.LONGEST_NAME)
    providerId = Text(required=False, allow_blank=True, max_length=rule_checks.LONGEST_ID)


class OpeningReason(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = serializers.CharField(help_text="One plain sentence for whoever runs the practice.")


class Bookable(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(choices=BookingMode.choices)
    reasons = OpeningReason(many=True, help_text="What keeps all times from being booked directly for the moment.")


class OpeningDay(serializers.Serializer[Any]):
    reason = OpeningReason(allow_null=True, help_text="Why the day has no time at all, null if it has one.")


class InTheWay(serializers.Serializer[Any]):
    """Time that is taken. Whose appointment it is, is told nowhere."""

    kind = serializers.ChoiceField(
        choices=["appointment", "blockout", "booking"],
        help_text="An appointment of the PMS, blocked time, or a booking of ours that the PMS does not show yet.",
    )
    startTime = serializers.DateTimeField()
    endTime = serializers.DateTimeField()
    whose = serializers.ListField(
        child=serializers.CharField(), help_text="The clinicians and rooms; none: the whole practice."
    )


class OpeningStart(serializers.Serializer[Any]):
    startTime = serializers.DateTimeField()
    offered = serializers.BooleanField()
    providerId = serializers.CharField(required=False, help_text="Only of a time that is offered.")
    providerName = serializers.CharField(required=False)
    operatoryId = serializers.CharField(required=False)
    reason = OpeningReason(required=False, help_text="Only of a time that is not offered.")
    inTheWay = InTheWay(many=True, required=False, help_text="Of those who could take it; only if something is.")


class Openings(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    date = serializers.DateField()
    appointmentType = serializers.CharField()
    bookable = Bookable()
    day = OpeningDay()
    times = OpeningStart(many=True, help_text="Every start on the grid of anybody who does this, once.")
