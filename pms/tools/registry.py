"""Every tool, declared once: dispatch, Vapi's function JSON, OpenAPI and docs are made from these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from pms.domain import errors
from pms.providers.base import Capability
from pms.tools import arguments, booking, finding, offering
from pms.tools.context import Answer, Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One verb. ``purpose`` is said to the model, ``filler`` to the caller while the tool works.

    ``feature`` is the practice's switch, ``discloses`` whether patient data can come out, so that a voice credential
    needs a live call; ``scope`` is what a system credential needs.
    """

    name: str
    purpose: str
    arguments: type[serializers.Serializer[Any]]
    capability: Capability
    feature: str
    discloses: bool
    scope: str
    filler: str
    function: Callable[[Context, Mapping[str, Any]], Answer]


_DECLARED = (
    Tool(
        name="checkAvailability",
        purpose=(
            "Look up open appointment times. Call it before offering or booking any time. Give the day the caller "
            "wants as YYYY-MM-DD; it answers with at most three times and a short code for each, or with the next day "
            "that has open times. Never offer a time that this tool did not return."
        ),
        arguments=arguments.CheckAvailability,
        capability=Capability.READ_SCHEDULE,
        feature="booking",
        discloses=False,
        scope="appointments:read",
        filler="Let me look at the schedule.",
        function=offering.check_availability,
    ),
    Tool(
        name="findPatient",
        purpose=(
            "Confirm which patient the call is about, by full name and date of birth exactly as the caller says them. "
            "Call it before booking for somebody who has been at the practice. It never lists patients."
        ),
        arguments=arguments.FindPatient,
        capability=Capability.READ_PATIENTS,
        feature="booking",
        discloses=True,
        scope="patients:read",
        filler="One moment while I find that record.",
        function=finding.find_patient,
    ),
    Tool(
        name="bookAppointment",
        purpose=(
            "Book an appointment for the patient confirmed in this call, after reading the day, time and clinician "
            "back to the caller and hearing yes. Pass the code of the time the caller chose. Only say what it answers: "
            "a pending booking is not a confirmed one."
        ),
        arguments=arguments.BookAppointment,
        capability=Capability.BOOK_APPOINTMENT,
        feature="booking",
        discloses=True,
        scope="appointments:write",
        filler="I am booking that now.",
        function=booking.book_appointment,
    ),
)

TOOLS: dict[str, Tool] = {tool.name: tool for tool in _DECLARED}


def get(name: str) -> Tool:
    """Return a tool by name or raise ``UnknownTool``."""
    try:
        return TOOLS[name]
    except KeyError:
        raise errors.UnknownTool from None
