"""Every tool, declared once: dispatch, Vapi's function JSON, OpenAPI and docs are made from these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from pms.domain import errors
from pms.models import Scope
from pms.providers.base import Capability
from pms.tools import arguments, booking, changing, finding, messages, offering, registering, tracking, which
from pms.tools.context import Answer, Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One verb. ``purpose`` is said to the model, ``filler`` to the caller while the tool works.

    ``feature`` is the practice's switch, ``discloses`` whether patient data can come out, so that a voice credential
    needs a live call; ``scope`` is what a system credential needs. A tool without ``capability`` looks itself whether
    the PMS can do it, so that what it cannot becomes a task; one that ``needs_pms`` not works when nothing else does.
    Those that are not ``for_voice`` are REST's alone.
    """

    name: str
    purpose: str
    arguments: type[serializers.Serializer[Any]]
    capability: Capability | None
    feature: str
    discloses: bool
    scope: Scope
    filler: str
    function: Callable[[Context, Mapping[str, Any]], Answer]
    needs_pms: bool = True
    for_voice: bool = True


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
        scope=Scope.APPOINTMENTS_READ,
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
        scope=Scope.PATIENTS_READ,
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
        scope=Scope.APPOINTMENTS_WRITE,
        filler="I am booking that now.",
        function=booking.book_appointment,
    ),
    Tool(
        name="getAppointments",
        purpose=(
            "Say which appointments the patient confirmed in this call has ahead: date and time, and the id that "
            "rescheduleAppointment, cancelAppointment and confirmAppointment take."
        ),
        arguments=arguments.GetAppointments,
        capability=Capability.READ_APPOINTMENTS,
        feature="booking",
        discloses=True,
        scope=Scope.APPOINTMENTS_READ,
        filler="Let me look that up.",
        function=which.get_appointments,
    ),
    Tool(
        name="rescheduleAppointment",
        purpose=(
            "Move an appointment of the patient confirmed in this call to another time, after reading the new day and "
            "time back to the caller and hearing yes. Look up open times with checkAvailability first and pass the "
            "code the caller chose. The old time stands until it answers that the appointment has been moved."
        ),
        arguments=arguments.RescheduleAppointment,
        capability=Capability.READ_APPOINTMENTS,
        feature="booking",
        discloses=True,
        scope=Scope.APPOINTMENTS_WRITE,
        filler="I am moving that now.",
        function=booking.reschedule_appointment,
    ),
    Tool(
        name="cancelAppointment",
        purpose=(
            "Cancel an appointment of the patient confirmed in this call, after reading its day and time back to the "
            "caller and hearing yes. Only say what it answers: a cancellation that is not final is not one."
        ),
        arguments=arguments.ChangeStatus,
        capability=Capability.READ_APPOINTMENTS,
        feature="booking",
        discloses=True,
        scope=Scope.APPOINTMENTS_WRITE,
        filler="I am cancelling that now.",
        function=changing.cancel_appointment,
    ),
    Tool(
        name="confirmAppointment",
        purpose=(
            "Note in the practice's system that the patient confirmed in this call is coming to an appointment they "
            "have. It books nothing."
        ),
        arguments=arguments.ChangeStatus,
        capability=Capability.READ_APPOINTMENTS,
        feature="booking",
        discloses=True,
        scope=Scope.APPOINTMENTS_WRITE,
        filler="I am noting that now.",
        function=changing.confirm_appointment,
    ),
    Tool(
        name="createPatient",
        purpose=(
            "Make a record for somebody who has never been at the practice, after reading name and date of birth back "
            "to the caller. Not for somebody whom findPatient could not find because of a detail. A child needs a "
            "parent who is confirmed in this call."
        ),
        arguments=arguments.CreatePatient,
        capability=Capability.CREATE_PATIENT,
        feature="newPatients",
        discloses=True,
        scope=Scope.PATIENTS_WRITE,
        filler="I am making a record for you.",
        function=registering.create_patient,
    ),
    Tool(
        name="takeMessage",
        purpose=(
            "Leave a message for the team at the practice. It always works, also when nothing else does. Use it for "
            "whatever the other tools cannot do; never promise when somebody will call back."
        ),
        arguments=arguments.TakeMessage,
        capability=None,
        feature="",
        discloses=False,
        scope=Scope.MESSAGES_WRITE,
        filler="I am writing that down.",
        function=messages.take_message,
        needs_pms=False,
    ),
    Tool(
        name="getWrite",
        purpose="What became of a booking, a move, a cancellation or a new patient that was answered with 202.",
        arguments=arguments.GetWrite,
        capability=None,
        feature="booking",
        discloses=True,
        scope=Scope.APPOINTMENTS_READ,
        filler="",
        function=tracking.get_write,
        for_voice=False,
    ),
)

TOOLS: dict[str, Tool] = {tool.name: tool for tool in _DECLARED}


def get(name: str, *, for_voice: bool) -> Tool:
    """Return a tool by name or raise ``UnknownTool``; what is REST's alone is unknown to a voice model."""
    tool = TOOLS.get(name)
    if tool is None or (for_voice and not tool.for_voice):
        raise errors.UnknownTool
    return tool
