"""Every tool, declared once: dispatch, Vapi's function JSON, OpenAPI and docs are made from these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from pms.domain import errors
from pms.models import Scope
from pms.providers.base import Capability
from pms.tools import (
    arguments,
    booking,
    changing,
    chart,
    chart_writing,
    finding,
    messages,
    offering,
    registering,
    tracking,
    transferring,
    which,
)
from pms.tools.context import Answer, Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One verb. ``purpose`` is said to the model, ``filler`` to the caller while the tool works.

    ``feature`` is the practice's switch, empty for what no switch turns off; ``discloses`` whether patient data can
    come out, so that a voice credential needs a live call; ``scope`` is what a system credential needs, ``None`` where
    that depends on what is asked for. One that ``asks_itself`` looks itself whether the connection has its
    ``capability``, so that what it cannot do becomes a task; one that ``needs_pms`` not works when nothing else does.
    Those that are not ``for_voice`` are REST's alone.
    """

    name: str
    purpose: str
    arguments: type[serializers.Serializer[Any]]
    capability: Capability | None
    feature: str
    discloses: bool
    scope: Scope | None
    filler: str
    function: Callable[[Context, Mapping[str, Any]], Answer]
    asks_itself: bool = False
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
            "Call it before anything about somebody who has been at the practice. It never lists patients. A call "
            "opens one adult's records, and those of children in the family."
        ),
        arguments=arguments.FindPatient,
        capability=Capability.READ_PATIENTS,
        feature="",
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
        name="getPatientInfo",
        purpose=(
            "Say which phone number, email address and address the practice has on file for the patient confirmed in "
            "this call. Only for a caller who asks for it."
        ),
        arguments=arguments.GetChart,
        capability=Capability.READ_PATIENTS,
        feature="",
        discloses=True,
        scope=Scope.PATIENTS_READ,
        filler="Let me look that up.",
        function=chart.get_patient_info,
        asks_itself=True,
    ),
    Tool(
        name="updatePatient",
        purpose=(
            "Change the phone number, email address or address of the patient confirmed in this call, after reading it "
            "back to the caller and hearing yes. Give only what changes. Only say what it answers: often the team has "
            "to enter it."
        ),
        arguments=arguments.UpdatePatient,
        capability=Capability.UPDATE_PATIENT,
        feature="",
        discloses=True,
        scope=Scope.PATIENTS_WRITE,
        filler="I am noting that now.",
        function=chart_writing.update_patient,
        asks_itself=True,
    ),
    Tool(
        name="getPatientNotes",
        purpose=(
            "Say which notes are in the record of the patient confirmed in this call that may be read out. Only for a "
            "caller who asks for them."
        ),
        arguments=arguments.GetChart,
        capability=Capability.READ_NOTES,
        feature="notes",
        discloses=True,
        scope=Scope.NOTES_READ,
        filler="Let me look that up.",
        function=chart.get_patient_notes,
        asks_itself=True,
    ),
    Tool(
        name="addPatientNote",
        purpose=(
            "Add a note to the record of the patient confirmed in this call, such as a preference. For something that "
            "the team should do or answer use takeMessage instead."
        ),
        arguments=arguments.AddPatientNote,
        capability=Capability.ADD_NOTE,
        feature="notes",
        discloses=True,
        scope=Scope.NOTES_WRITE,
        filler="I am writing that down.",
        function=chart_writing.add_patient_note,
        asks_itself=True,
    ),
    Tool(
        name="getInsurance",
        purpose=(
            "Say which insurance is on file for the patient confirmed in this call. It never says what is covered; "
            "never guess that."
        ),
        arguments=arguments.GetChart,
        capability=Capability.READ_INSURANCE,
        feature="insurance",
        discloses=True,
        scope=Scope.INSURANCE_READ,
        filler="Let me look that up.",
        function=chart.get_insurance,
        asks_itself=True,
    ),
    Tool(
        name="addInsurance",
        purpose=(
            "Note an insurance for the patient confirmed in this call, after reading company and member number back to "
            "the caller. Only say what it answers: often the team has to enter it."
        ),
        arguments=arguments.AddInsurance,
        capability=Capability.ADD_INSURANCE,
        feature="insurance",
        discloses=True,
        scope=Scope.INSURANCE_WRITE,
        filler="I am writing that down.",
        function=chart_writing.add_insurance,
        asks_itself=True,
    ),
    Tool(
        name="getBalance",
        purpose=(
            "Say what is owed on the account of the patient confirmed in this call, and of which day that is. Only for "
            "a caller who asks for it."
        ),
        arguments=arguments.GetChart,
        capability=Capability.READ_BALANCE,
        feature="payments",
        discloses=True,
        scope=Scope.BALANCE_READ,
        filler="Let me look that up.",
        function=chart.get_balance,
        asks_itself=True,
    ),
    Tool(
        name="processPayment",
        purpose=(
            "Note that the patient confirmed in this call wants to pay, after reading the amount back to the caller. "
            "It charges nothing. Never ask for, repeat or pass on a card number; if the caller says one, stop them."
        ),
        arguments=arguments.ProcessPayment,
        capability=Capability.POST_PAYMENT,
        feature="payments",
        discloses=True,
        scope=Scope.PAYMENTS_WRITE,
        filler="I am noting that now.",
        function=chart_writing.process_payment,
        asks_itself=True,
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
        name="transferToHuman",
        purpose=(
            "Find out whether the caller can be put through to a person. Call it when the caller asks for somebody, "
            "when it is urgent, or when nothing else helps. Only if it answers that the caller can be put through now, "
            "use transferCall; otherwise it has left a note for the team: say what it answers, never use transferCall, "
            "and never promise when somebody will call back."
        ),
        arguments=arguments.TransferToHuman,
        capability=None,
        feature="",
        discloses=False,
        scope=Scope.MESSAGES_WRITE,
        filler="Let me see who is there.",
        function=transferring.transfer_to_human,
        needs_pms=False,
    ),
    Tool(
        name="searchPatients",
        purpose="Patients by name, phone number or e-mail address, for the practice's own server.",
        arguments=arguments.SearchPatients,
        capability=Capability.READ_PATIENTS,
        feature="",
        discloses=True,
        scope=Scope.PATIENTS_READ,
        filler="",
        function=chart.search_patients,
        for_voice=False,
    ),
    Tool(
        name="getWrite",
        purpose="What became of a change that was answered with 202.",
        arguments=arguments.GetWrite,
        capability=None,
        feature="",
        discloses=True,
        scope=None,
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
