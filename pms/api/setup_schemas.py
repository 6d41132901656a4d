"""The shapes of connecting a practice: what is accepted, strictly, and what is answered."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as BadZone
from rest_framework import serializers

from accounts.models.account import validate_zone
from pms.models import ConnectionStatus, Provider
from pms.providers import registry
from pms.services.rule_checks import BOUNDS


def _bounds(name: str) -> dict[str, Any]:
    least, most = BOUNDS[name]
    return {"min_value": least, "max_value": most}


class Text(serializers.CharField):
    """Text that was sent as text, and nothing that only looks like it."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A number that was sent as a whole number."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class Switch(serializers.BooleanField):
    """``true`` or ``false``, and no word for them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("Use true or false.")
        return data


class Zone(Text):
    """An IANA time zone."""

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        try:
            validate_zone(name)
        except BadZone:
            raise serializers.ValidationError("Use an IANA time zone, such as America/New_York.") from None
        return name


class Config(serializers.Serializer[Any]):
    """The practice's rules. What is left out stays as it is."""

    defaultAppointmentDuration = Whole(
        required=False, min_value=5, max_value=480, help_text="Minutes, for appointments whose length the PMS lacks."
    )
    timezone = Zone(required=False, help_text="The practice's IANA time zone; becomes the account's.")
    allowOnlineBooking = Switch(required=False, help_text="Whether the agent may book, move and cancel.")
    minNoticeMinutes = Whole(required=False, **_bounds("minNoticeMinutes"), help_text="120 unless it is set.")
    maxAdvanceDays = Whole(required=False, **_bounds("maxAdvanceDays"), help_text="90 unless it is set.")
    stepMinutes = Whole(
        required=False, **_bounds("stepMinutes"), help_text="The grid of start times; 15 unless it is set."
    )
    maxDataAgeMinutes = Whole(
        required=False,
        **_bounds("maxDataAgeMinutes"),
        help_text="How old the vendor's copy of the schedule may be for times to be booked from it; when it is older, "
        "the agent only takes requests. What is usual for the vendor unless it is set; Sikka: 26 hours.",
    )
    voicePayments = serializers.ChoiceField(
        required=False,
        choices=["task", "ledger"],
        error_messages={"invalid_choice": "Choose task or ledger."},
        help_text="What becomes of a payment on the phone: a person collects it, or it is entered into the ledger.",
    )


class Switches(serializers.Serializer[Any]):
    """What the agent may do. What is left out stays as it is, and is on for a practice that never said."""

    booking = Switch(required=False)
    newPatients = Switch(required=False)
    notes = Switch(required=False)
    insurance = Switch(required=False)
    payments = Switch(required=False)


class SetupRequest(serializers.Serializer[Any]):
    accountId = Text(required=False, allow_null=True, help_text="Only for members of several practices.")
    provider = Text(help_text="One of SIKKA, KOLLA, DENTRIX, EAGLESOFT, OPEN_DENTAL, CUSTOM; see the answer 501.")
    credentials = serializers.DictField(
        required=False,
        allow_null=True,
        write_only=True,
        help_text="By the names that the provider's form has; for Sikka applicationId, secretKey and practiceId. "
        "Never answered, never logged.",
    )
    config = Config(required=False, allow_null=True)
    features = Switches(required=False, allow_null=True)

    def validate_provider(self, name: str) -> str:
        if name not in registry.PROVIDERS:
            raise serializers.ValidationError(f"Choose one of {', '.join(registry.PROVIDERS)}.")
        return name


class AccountNamed(serializers.Serializer[Any]):
    accountId = serializers.CharField(required=False, help_text="Only for members of several practices.")


class Features(serializers.Serializer[Any]):
    """Each is true if the practice has switched it on and its connection can do it; none is while it is down."""

    appointments = serializers.BooleanField(help_text="Looking up times, booking, moving, cancelling.")
    patients = serializers.BooleanField(help_text="Finding patients and making records for new ones.")
    insurance = serializers.BooleanField()
    payments = serializers.BooleanField()


class Integration(serializers.Serializer[Any]):
    id = serializers.CharField()
    provider = serializers.ChoiceField(choices=Provider.choices)
    status = serializers.ChoiceField(choices=ConnectionStatus.choices)
    features = Features()


class Connected(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    integration = Integration()


class Status(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.ChoiceField(choices=ConnectionStatus.choices)
    provider = serializers.ChoiceField(choices=Provider.choices, allow_null=True, help_text="Null before any setup.")
    lastSyncAt = serializers.DateTimeField(
        allow_null=True, help_text="When the copy that was tested last had been taken from the practice's system."
    )
    features = Features()
    baaRequired = serializers.BooleanField(
        required=False, help_text="Only while the agreement is not accepted: until then no patient data is touched."
    )


class Tested(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    connectionValid = serializers.BooleanField()
    message = serializers.CharField()
