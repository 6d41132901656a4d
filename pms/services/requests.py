"""Appointments that are asked for and not booked: a task for the team, who approve or decline it.

A request ends once, by compare-and-set: whoever approves, declines or withdraws it first has done so, and everybody
else hears what became of it. While it is open, ``request_key`` makes it the only one for its patient, type and start.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import User
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.models import AppointmentType, Booking, BookingState, Call, PmsIntegration, Resolution, Task, TaskState
from pms.services import appointments, bookings, integrations, newcomers, tasks
from pms.services.appointments import Booked, BookingUnknown
from pms.services.audit import Asker
from pms.services.bookings import Wish

KIND = "booking_requested"
# Longer than any budget: whoever has approved a request so long ago, and has sent nothing, is gone.
_ABANDONED_AFTER = timedelta(minutes=2)
_LOOK_BACK = timedelta(days=1)
_NOT_SENT = (BookingState.HELD, BookingState.EXPIRED)


def take(*, integration: PmsIntegration, wish: Wish, call: Call | None, why: str) -> Task:
    """Keep a wish as a request, once for the same patient, type and start; what is wished besides is added to it.

    ``why`` says what kept it from being booked. Raises ``PatientNotFound`` for a patient who cannot be made.
    """
    patient_id, _ = newcomers.resolve(integration=integration, patient_id=wish.patient_id)
    wanted = {
        "patientId": patient_id,
        "appointmentType": wish.appointment_type.name,
        "appointmentTypeId": str(wish.appointment_type.pk),
        "startsAt": wish.starts_at.isoformat(),
        "clinicianId": wish.clinician_id,
        "note": wish.note,
        "why": why,
    }
    number = bookings.new_number()
    task = tasks.open_task(
        account=integration.account,
        kind=KIND,
        detail=wanted,
        call=call,
        request_key=wish.request_key,
        patient_id=patient_id,
        number=number,
    )
    if task.number != number:
        _add(task, wanted)
    known = newcomers.current_id(account_id=integration.account_id, patient_id=patient_id)
    if known != patient_id:  # the record was made while this was kept
        Task.objects.filter(pk=task.pk, patient_id=patient_id).update(patient_id=known)
    return task


def open_for(*, integration: PmsIntegration, patient_id: str) -> list[Task]:
    """Return the requests of a patient that nobody has decided about, the oldest first."""
    known = newcomers.current_id(account_id=integration.account_id, patient_id=patient_id)
    waiting = Task.objects.filter(
        account_id=integration.account_id,
        kind=KIND,
        patient_id=known,
        state=TaskState.OPEN,
        created_at__gte=integrations.practice_since(integration),
    )
    return list(waiting.order_by("created_at"))


def starts_at(task: Task) -> datetime | None:
    """Return the start that was asked for, ``None`` if the key that sealed it was retired."""
    said = tasks.detail_of(task).get("startsAt")
    return datetime.fromisoformat(said) if said else None


def approve(*, task: Task, user: User, asker: Asker, clock: Clock, budget: Budget) -> Booked:
    """Book what was requested, as a person at the practice wants it; if nothing was sent, the request is open again.

    Raises ``AlreadyDecided`` if somebody was quicker, ``PatientNotFound`` for what was asked at a practice that the
    connection led to before, and what ``appointments.book`` raises.
    """
    integration = integrations.active_for(account=task.account)
    if task.created_at < integrations.practice_since(integration):
        raise errors.PatientNotFound
    key = task.request_key
    _decide(task, Resolution.APPROVED, clock.now(), user)
    try:
        return appointments.book(
            integration=integration,
            asker=asker,
            clock=clock,
            budget=budget,
            wish=_wish(task),
            call=None,
            key=_key(task.pk),
        )
    except BookingUnknown as unknown:
        return Booked(unknown.booking)
    except BaseException:
        booking = bookings.of_key(integration=integration, key=_key(task.pk))
        if booking is None or booking.state in bookings.NOTHING_MADE:
            _open_again(task, key)
        raise


def decline(*, task: Task, user: User, clock: Clock) -> None:
    """End a request that the team cannot meet. Raises ``AlreadyDecided`` if somebody was quicker."""
    _decide(task, Resolution.DECLINED, clock.now(), user)


def withdraw(*, task: Task, clock: Clock) -> None:
    """End a request that the patient no longer wants. Raises ``AlreadyDecided`` if the team was quicker."""
    _decide(task, Resolution.WITHDRAWN, clock.now())


def take_up_again(*, now: datetime) -> int:
    """Open the requests again whose approval ended, with its process, before anything was sent; return how many."""
    approved = Task.objects.filter(
        kind=KIND,
        resolution=Resolution.APPROVED,
        resolved_at__range=(now - _LOOK_BACK, now - _ABANDONED_AFTER),
    )
    found = {_key(task.pk): task for task in approved}
    sent = Booking.objects.filter(idempotency_key__in=list(found)).exclude(state__in=_NOT_SENT)
    for key in sent.values_list("idempotency_key", flat=True):
        found.pop(key or "", None)
    for task in found.values():
        _open_again(task, "")
    return len(found)


def named(tasks_of_patient: Sequence[Task], identifier: str) -> Task | None:
    """Return the request that goes by a number, as it may be said."""
    said = "".join(character for character in identifier.upper() if character.isalnum())
    return next((task for task in tasks_of_patient if task.number == said), None)


def _add(task: Task, wanted: dict[str, str]) -> None:
    """Add what a second wish for the same says besides: its clinician counts, and both notes do."""
    said = tasks.detail_of(task)
    notes = dict.fromkeys(note for note in (said.get("note", ""), wanted["note"]) if note)
    clinician_id = wanted["clinicianId"] or said.get("clinicianId", "")
    renewed = {**wanted, **said, "clinicianId": clinician_id, "note": "; ".join(notes)}
    if renewed != said:
        tasks.replace(task=task, detail=renewed)


def _decide(task: Task, resolution: Resolution, now: datetime, user: User | None = None) -> None:
    waiting = Task.objects.filter(pk=task.pk, kind=KIND, state=TaskState.OPEN)
    ended = {"state": TaskState.DONE, "resolution": resolution, "resolved_by": user, "resolved_at": now}
    done = waiting.update(**ended, request_key="")
    task.refresh_from_db()
    if not done:
        who = task.resolved_by.name if task.resolved_by else "The patient"
        raise errors.AlreadyDecided(f"{who} was quicker: {task.get_resolution_display() or 'open again'}.")


def _open_again(task: Task, key: str) -> None:
    """Open an approved request again, under its key if no other has taken that meanwhile."""
    taken = Task.objects.filter(account_id=task.account_id, request_key=key).exists()
    mine = Task.objects.filter(pk=task.pk, resolution=Resolution.APPROVED)
    opened = {"state": TaskState.OPEN, "resolution": "", "resolved_by": None, "resolved_at": None}
    mine.update(**opened, request_key="" if taken else key)


def _key(pk: UUID) -> str:
    """Return the key under which an approved request is booked."""
    return f"request:{pk}"


def _wish(task: Task) -> Wish:
    said: dict[str, Any] = tasks.detail(task)
    return Wish(
        patient_id=task.patient_id,
        appointment_type=AppointmentType.objects.get(account=task.account, pk=said["appointmentTypeId"]),
        starts_at=datetime.fromisoformat(said["startsAt"]),
        clinician_id=said.get("clinicianId", ""),
        note=said.get("note", ""),
        is_approved=True,
        number=task.number,
    )
