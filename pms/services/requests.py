"""Appointments that are asked for and not booked: a task for the team, who approve or decline it.

A request ends once, by compare-and-set: whoever approves, declines or withdraws it first has done so, and everybody
else hears what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.models import Account, User
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.models import AppointmentType, Call, PmsIntegration, Resolution, Task, TaskState
from pms.services import appointments, bookings, integrations, newcomers, tasks
from pms.services.appointments import Booked, BookingUnknown
from pms.services.audit import Asker
from pms.services.bookings import Wish

KIND = "booking_requested"


def take(*, integration: PmsIntegration, wish: Wish, call: Call | None, why: str) -> Task:
    """Keep a wish as a request, once for the same patient, type and start.

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
    for task in open_for(account=integration.account, patient_id=patient_id):
        said = tasks.detail_of(task)
        if all(said.get(name) == wanted[name] for name in ("appointmentTypeId", "startsAt")):
            return task
    return tasks.open_task(
        account=integration.account,
        kind=KIND,
        detail=wanted,
        call=call,
        unless_said=True,
        patient_id=patient_id,
        number=bookings.new_number(),
    )


def open_for(*, account: Account, patient_id: str) -> list[Task]:
    """Return the requests of a patient that nobody has decided about, the oldest first."""
    known = newcomers.current_id(account_id=account.pk, patient_id=patient_id)
    waiting = Task.objects.filter(account=account, kind=KIND, patient_id=known, state=TaskState.OPEN)
    return list(waiting.order_by("created_at"))


def starts_at(task: Task) -> datetime | None:
    """Return the start that was asked for, ``None`` if the key that sealed it was retired."""
    said = tasks.detail_of(task).get("startsAt")
    return datetime.fromisoformat(said) if said else None


def approve(*, task: Task, user: User, asker: Asker, clock: Clock, budget: Budget) -> Booked:
    """Book what was requested, as a person at the practice wants it; if that fails, the request is open again.

    Raises ``AlreadyDecided`` if somebody was quicker, and what ``appointments.book`` raises.
    """
    _decide(task, Resolution.APPROVED, clock.now(), user)
    try:
        return appointments.book(
            integration=integrations.active_for(account=task.account),
            asker=asker,
            clock=clock,
            budget=budget,
            wish=_wish(task),
            call=None,
            key=f"request:{task.pk}",
        )
    except BookingUnknown as unknown:
        return Booked(unknown.booking)
    except BaseException:
        approved = Task.objects.filter(pk=task.pk, resolution=Resolution.APPROVED, resolved_by=user)
        approved.update(state=TaskState.OPEN, resolution="", resolved_by=None, resolved_at=None)
        raise


def decline(*, task: Task, user: User, clock: Clock) -> None:
    """End a request that the team cannot meet. Raises ``AlreadyDecided`` if somebody was quicker."""
    _decide(task, Resolution.DECLINED, clock.now(), user)


def withdraw(*, task: Task, clock: Clock) -> None:
    """End a request that the patient no longer wants. Raises ``AlreadyDecided`` if the team was quicker."""
    _decide(task, Resolution.WITHDRAWN, clock.now())


def named(tasks_of_patient: Sequence[Task], identifier: str) -> Task | None:
    """Return the request that goes by a number, as it may be said."""
    said = "".join(character for character in identifier.upper() if character.isalnum())
    return next((task for task in tasks_of_patient if task.number == said), None)


def _decide(task: Task, resolution: Resolution, now: datetime, user: User | None = None) -> None:
    waiting = Task.objects.filter(pk=task.pk, kind=KIND, state=TaskState.OPEN)
    done = waiting.update(state=TaskState.DONE, resolution=resolution, resolved_by=user, resolved_at=now)
    task.refresh_from_db()
    if not done:
        who = task.resolved_by.name if task.resolved_by else "The patient"
        raise errors.AlreadyDecided(f"{who} was quicker: {task.get_resolution_display() or 'open again'}.")


def _wish(task: Task) -> Wish:
    said: dict[str, Any] = tasks.detail(task)
    return Wish(
        patient_id=task.patient_id,
        appointment_type=AppointmentType.objects.get(account=task.account, pk=said["appointmentTypeId"]),
        starts_at=datetime.fromisoformat(said["startsAt"]),
        clinician_id=said.get("clinicianId", ""),
        note=said.get("note", ""),
        is_approved=True,
    )
