"""Cancelling and confirming an appointment: find it, write the PMS's own word for it, follow.

An appointment that is not in the PMS yet is taken back instead of cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.records import AppointmentStatus, StatusChange
from pms.models import Booking, BookingState, Call, Operation, PmsIntegration, WriteBack, WriteBackState
from pms.providers.base import Capability
from pms.services import diary, gateway, integrations, notices, sending, tasks, write_backs
from pms.services.audit import Asker
from pms.services.diary import Entry
from pms.services.gateway import Access

log = structlog.get_logger(__name__)

_CAPABILITIES = {
    Operation.CANCEL: Capability.CANCEL_APPOINTMENT,
    Operation.CONFIRM: Capability.CONFIRM_APPOINTMENT,
}
STATUSES = {Operation.CANCEL: AppointmentStatus.CANCELLED, Operation.CONFIRM: AppointmentStatus.CONFIRMED}
_NOT_CHANGED = {
    Operation.CANCEL: "I'm sorry, that could not be cancelled in the practice's system, so the appointment still "
    "stands. I have left the team a note to cancel it.",
    Operation.CONFIRM: "I'm sorry, I could not note that in the practice's system. The appointment stands, and I have "
    "left the team a note.",
}
_BY_THE_TEAM = {
    Operation.CANCEL: "I can't cancel that myself, so I have asked the team to cancel it. Until they have, it stands.",
    Operation.CONFIRM: "I can't note that in the practice's system myself, so I have left the team a note. The "
    "appointment stands.",
}
_OTHER_CHANGE = (
    "There is another change of that appointment on its way that is not final yet, so I have not changed anything. "
    "I have left the team a note."
)
_PASSED = "That appointment is in the past, so I have not changed anything."


@dataclass(frozen=True, slots=True)
class Changed:
    """An appointment and the change that was asked for; ``stood_before`` says that it was asked for, or so, before."""

    entry: Entry
    write_back: WriteBack | None = None
    stood_before: bool = False


class ChangeUnknown(errors.OutcomeUnknown):
    """A change was sent, and whether it was made is not known; its write-back follows."""

    def __init__(self, changed: Changed) -> None:
        super().__init__()
        self.changed = changed


def change_status(
    *,
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    operation: Operation,
    identifier: str,
    patient_id: str,
    call: Call | None,
    reason: str,
    notifies: bool = False,
) -> Changed:
    """Cancel or confirm the appointment that ``identifier`` names, once; ``patient_id`` empty is anybody's.

    ``notifies`` says that the patient is to be told by e-mail once a cancellation is done (``services.notices``).
    Returns the change in whatever state it has reached when the caller can wait no longer. Raises
    ``AppointmentNotFound``, ``DateInPast``, ``NotSupported`` and ``StillWorking`` (each of the last two with a task),
    what the PMS refused, or ``ChangeUnknown``.
    """
    asking: dict[str, Any] = {"integration": integration, "asker": asker, "clock": clock, "budget": budget}
    try:
        with gateway.writing(**asking, action=operation, patient_id=patient_id or None) as access:
            entry = diary.find(access, identifier, patient_id=patient_id)
            access.patient_id = entry.patient_id
            require_ahead(entry, clock.now())
            change = _Change(access, asker, operation, call, reason, notifies)
            changed = change.known(entry)
            if changed is None and not entry.is_certain:
                entry, changed = change.instead_of_booking(entry)
            changed = changed or change.write(entry)
            access.summary["state"] = changed.write_back.state if changed.write_back else entry.status.value
            notice = notices.at_once(access, changed.write_back, call) if changed.write_back else None
    except errors.NotAsked:
        known = _asked_before(integration, operation, identifier, patient_id, clock.now())
        if known is None:
            raise
        return known
    notices.send(notice, now=clock.now())
    return changed


def made(integration: PmsIntegration, operation: Operation, entry: Entry) -> WriteBack | None:
    """Return the change by which we have brought an appointment to where it is, ``None`` if somebody else has."""
    done = WriteBack.objects.filter(
        integration=integration, operation=operation, appointment_id=entry.id, state=WriteBackState.DONE
    )
    return done.order_by("-created_at").first() if entry.id else None


def require_ahead(entry: Entry, now: datetime) -> None:
    """Raise ``DateInPast`` for an appointment that has begun; one that was cancelled may be told to be."""
    if entry.starts_at <= now and entry.status.occupies_time:
        raise errors.DateInPast("The appointment is in the past.", spoken=_PASSED)


def ask_team(
    *, integration: PmsIntegration, entry: Entry, to: str, call: Call | None, wanted: Mapping[str, str]
) -> None:
    """Keep as a task what a caller wanted done with an appointment; asked again, it says what is wanted now."""
    detail = {"patientId": entry.patient_id, "appointmentId": entry.id, "startsAt": entry.starts_at.isoformat()}
    tasks.open_task(
        account=integration.account,
        kind=f"please_{to}",
        detail={**detail, **wanted},
        call=call,
        booking=entry.booking,
        renew=True,
    )


def _asked_before(
    integration: PmsIntegration, operation: Operation, identifier: str, patient_id: str, now: datetime
) -> Changed | None:
    """Return the same change as our own rows have it: whoever asks again hears of it while no PMS can be asked."""
    booked = Booking.objects.filter(integration=integration, confirmation_number=identifier.upper())
    names = {identifier, *booked.values_list("pms_appointment_id", flat=True)} - {""}
    changes = WriteBack.objects.filter(
        integration=integration, appointment_id__in=names, sent_at__gte=integrations.practice_since(integration)
    )
    if patient_id:
        changes = changes.filter(patient_id=patient_id)
    last = changes.exclude(state=WriteBackState.FAILED).order_by("created_at").last()
    if last is None or last.operation != operation:
        return None
    write_backs.give_up_sending(last, now=now)
    sent = write_backs.change_if_kept(last)
    if not isinstance(sent, StatusChange) or (last.completed_at or now) < now - gateway.RECENTLY:
        return None
    entry = Entry(
        id=last.appointment_id,
        patient_id=last.patient_id,
        clinician_id="",
        operatory_id="",
        starts_at=sent.starts_at,
        ends_at=sent.starts_at,
        status=sent.status if last.state == WriteBackState.DONE else AppointmentStatus.SCHEDULED,
        appointment_type="",
        change=last,
    )
    return Changed(entry, last, stood_before=True)


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of one appointment's status, inside its access."""

    access: Access
    asker: Asker
    operation: Operation
    call: Call | None
    reason: str
    notifies: bool

    def known(self, entry: Entry) -> Changed | None:
        """Return the change if it is made or under way already; refuse it while another one is."""
        if entry.status is STATUSES[self.operation]:
            return Changed(entry, stood_before=True)
        if not entry.status.occupies_time:
            raise errors.AppointmentNotFound
        if entry.change is None or not entry.is_certain:
            return None
        if entry.change.operation == self.operation:
            write_backs.give_up_sending(entry.change, now=self.access.clock.now())
            return Changed(entry, entry.change, stood_before=True)
        self._tell_team(entry)
        raise errors.StillWorking("Another change of this appointment is under way.", spoken=_OTHER_CHANGE)

    def instead_of_booking(self, entry: Entry) -> tuple[Entry, Changed | None]:
        """Take a booking back that the PMS has not made; if it has meanwhile, return it as the appointment it is."""
        booking, write_back = entry.booking, entry.change
        if self.operation == Operation.CANCEL and booking is not None and write_back is not None:
            is_asked = self._take_back(write_back)
            booking.refresh_from_db()
            if write_back.failure == write_backs.WITHDRAWN:
                return entry, Changed(replace(entry, status=AppointmentStatus.CANCELLED), write_back)
            if booking.state == BookingState.CONFIRMED:
                return diary.find(self.access, booking.pms_appointment_id), None
            if booking.state == BookingState.FAILED:
                write_backs.finish(write_back)  # nobody wants it any more
                raise errors.AppointmentNotFound(
                    spoken="That request did not go through, so there is nothing to cancel."
                )
            if is_asked:
                return entry, Changed(entry, write_back)
        self._tell_team(entry)
        raise errors.StillWorking("The booking itself is not final yet.", spoken=_OTHER_CHANGE)

    def write(self, entry: Entry) -> Changed:
        """Write the new status."""
        try:
            self.access.pms.require(_CAPABILITIES[self.operation])
            sending.require_time(self.access)
        except errors.NotSupported as error:
            raise self._left_to_team(entry, error) from None
        change = StatusChange(entry.id, entry.patient_id, entry.starts_at, STATUSES[self.operation], self.reason)
        write_back = write_backs.start(
            integration=self.access.integration,
            operation=self.operation,
            change=change,
            access_id=self.access.id,
            now=self.access.clock.now(),
            call=self.call,
            patient_id=entry.patient_id,
            appointment_id=entry.id,
            notifies=self.notifies and self.operation == Operation.CANCEL,
        )
        if write_back is None:  # another request was quicker
            known = self.known(diary.find(self.access, entry.id))
            if known is None:
                raise errors.StillWorking
            return known
        try:
            sending.carry_out(self.access, write_back, change, self.asker)
        except errors.OutcomeUnknown as error:
            raise ChangeUnknown(Changed(entry, write_back)) from error
        except errors.NotSupported as error:
            error.spoken = _BY_THE_TEAM[self.operation]
            raise
        except errors.PmsError as error:
            error.spoken = _NOT_CHANGED[self.operation]
            raise
        if write_back.state == WriteBackState.FAILED:
            write_backs.tell_staff(write_back, "failed")
            raise errors.WriteRejected(spoken=_NOT_CHANGED[self.operation])
        return Changed(entry, write_back)

    def _take_back(self, write_back: WriteBack) -> bool:
        """Settle what became of a write that is taken back; return whether the vendor was asked to drop it.

        If that cannot be told now, the job that follows the write asks on.
        """
        if write_back.state == WriteBackState.WAITING:
            write_backs.withdraw(write_back)
            return False
        write_back.refresh_from_db()
        if not write_back.reference:
            return False
        now = self.access.clock.now()
        write_backs.ask_to_withdraw(write_back, now=now)
        try:
            write_backs.follow(write_back=write_back, pms=self.access.pms, now=now)
        except errors.PmsUnavailable as error:
            log.info("write-back not withdrawn", code=error.code, write_id=str(write_back.pk))
            integrations.note_failure(integration=self.access.integration, error=error, asker=self.asker)
        return True

    def _left_to_team(self, entry: Entry, error: errors.NotSupported) -> errors.NotSupported:
        self._tell_team(entry)
        return errors.NotSupported(error.message, spoken=_BY_THE_TEAM[self.operation])

    def _tell_team(self, entry: Entry) -> None:
        wanted = {
            "confirmationNumber": entry.booking.confirmation_number if entry.booking else "",
            "reason": self.reason,
        }
        ask_team(
            integration=self.access.integration,
            entry=entry,
            to="cancel" if self.operation == Operation.CANCEL else "confirm",
            call=self.call,
            wanted=wanted,
        )
