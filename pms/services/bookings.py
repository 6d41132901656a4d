"""The states of a booking, and the lock under which a time is held."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, OperationalError, connection, transaction

from pms import vault
from pms.domain import errors
from pms.domain.localtime import local_date_of
from pms.models import BLOCKING, AppointmentType, Booking, BookingState, Call, PmsIntegration
from pms.services import integrations

HOLD_FOR = timedelta(seconds=300)
# Longer than any budget: whoever has held a time for so long without sending it is gone.
ABANDONED_AFTER = timedelta(seconds=30)

S = BookingState
TRANSITIONS: dict[str, frozenset[str]] = {
    S.HELD: frozenset({S.PENDING, S.EXPIRED, S.FAILED, S.CANCELLED}),
    S.PENDING: frozenset({S.CONFIRMED, S.FAILED, S.UNKNOWN, S.MISMATCH, S.LOST, S.CANCELLED}),
    S.UNKNOWN: frozenset({S.CONFIRMED, S.FAILED, S.MISMATCH, S.LOST}),
    S.CONFIRMED: frozenset({S.MISMATCH, S.LOST, S.CANCELLED, S.RESCHEDULED}),
    S.MISMATCH: frozenset({S.CONFIRMED, S.CANCELLED}),
}
# States of which certainly nothing is in the PMS, and what becomes of them when they are given up.
NOTHING_MADE: dict[str, str] = {S.HELD: S.EXPIRED, S.EXPIRED: S.EXPIRED, S.FAILED: S.FAILED}
# States in which the patient has, or may have, the appointment.
STANDING = (S.HELD, S.PENDING, S.UNKNOWN, S.CONFIRMED)

_ANOTHER_REQUEST = (
    "There is a request for this patient at that time already that is not final yet, so I can't ask for another one."
)
# No letters or digits that sound or look like another one on the phone.
_LETTERS = "ACEFHJKMNPRTWXY"
_ALPHABET = f"{_LETTERS}3479"
_LOST_RACES = ("40P01", "40001", "55P03")  # deadlock, serialisation failure, waited too long for a lock
_LOCK_NAMESPACE = 0x7061726C  # "parl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The appointment somebody wants, with the clinician and operatory that would take it.

    ``moved_appointment_id`` is the appointment that gives way to it, ``visit_id`` our own bookings of that one, and
    ``minutes`` its length where that is not the type's. ``is_approved`` says that a person at the practice wants it,
    under the ``number`` that the patient was told.
    """

    patient_id: str
    appointment_type: AppointmentType
    starts_at: datetime
    clinician_id: str
    operatory_id: str = ""
    assistant_id: str = ""
    clinician_name: str = ""
    note: str = ""
    moved_appointment_id: str = ""
    visit_id: UUID | None = None
    minutes: int = 0
    is_approved: bool = False
    number: str = ""

    @property
    def request_key(self) -> str:
        """What finds the open request for the same patient, type and start; it names nobody."""
        wanted = f"{self.patient_id}:{self.appointment_type.pk}:{self.starts_at.astimezone(UTC).isoformat()}"
        return f"booking:{vault.digest(wanted, 'request')}"

    @property
    def duration_minutes(self) -> int:
        return self.minutes or self.appointment_type.duration_minutes

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.duration_minutes)

    def is_of(self, booking: Booking) -> bool:
        """Return whether a booking is of this patient, start and type, and with the clinician if one is wished."""
        wanted = (self.patient_id, self.starts_at, self.appointment_type.pk)
        same = (booking.patient_id, booking.starts_at, booking.appointment_type_id) == wanted
        return same and self.clinician_id in ("", booking.clinician_id)

    @property
    def busy(self) -> tuple[datetime, datetime]:
        """The occupied time, buffers included."""
        before = timedelta(minutes=self.appointment_type.buffer_before_minutes)
        after = timedelta(minutes=self.appointment_type.buffer_after_minutes)
        return self.starts_at - before, self.ends_at + after


def transition(booking: Booking, to: BookingState, **changes: Any) -> bool:
    """Move a booking by compare-and-set, and update ``booking``; return whether this caller did it.

    Raises ``ValueError`` for a step that is not in ``TRANSITIONS``.
    """
    if to not in TRANSITIONS.get(booking.state, frozenset()):
        raise ValueError(f"A booking never goes from {booking.state} to {to}.")
    done = Booking.objects.filter(pk=booking.pk, state=booking.state).update(state=to, **changes) == 1
    booking.refresh_from_db()
    return done


def standing(*, integration: PmsIntegration, wish: Wish) -> Booking | None:
    """Return the booking that already stands for the same patient, start and type."""
    return Booking.objects.filter(
        account_id=integration.account_id,
        patient_id=wish.patient_id,
        starts_at=wish.starts_at,
        appointment_type=wish.appointment_type,
        state__in=STANDING,
        created_at__gte=integrations.practice_since(integration),
    ).first()


def of_key(*, integration: PmsIntegration, key: str) -> Booking | None:
    """Return the booking that was made under an idempotency key."""
    return Booking.objects.filter(account_id=integration.account_id, idempotency_key=key).first() if key else None


def is_being_made(booking: Booking, now: datetime) -> bool:
    """Return whether another request holds the time and is about to send it."""
    return booking.state == S.HELD and now < booking.hold_expires_at - HOLD_FOR + ABANDONED_AFTER


def minutes_of(booking: Booking) -> int:
    """Return the length of the time that is kept, whatever the type's is by now."""
    return round((booking.ends_at - booking.starts_at).total_seconds() / 60)


def forget(booking: Booking) -> None:
    """Give up a booking of which nothing is in the PMS: its time is free, and its key may book again."""
    given_up = NOTHING_MADE[booking.state]
    Booking.objects.filter(pk=booking.pk, state=booking.state).update(state=given_up, idempotency_key=None)


def hold(*, integration: PmsIntegration, wish: Wish, call: Call | None, key: str, now: datetime) -> Booking:
    """Hold a time for 300 seconds. Raises ``SlotTaken``, ``PersonOverlap``, or ``StillWorking`` for a key in use.

    Where the exclusion constraint refuses it, the time is somebody else's. A deadlock, a serialisation failure and a
    lock that was not to be had are tried once more; after that nobody knows whose the time is, so ``StillWorking``. Any
    other failure of the database is raised as it is.
    """
    for _ in range(2):
        try:
            return _hold(integration, wish, call, key, now)
        except IntegrityError:
            if of_key(integration=integration, key=key) is not None:
                raise errors.StillWorking from None
            raise errors.SlotTaken from None
        except OperationalError as error:
            if not _is_lost_race(error):
                raise
    raise errors.StillWorking("The database gave the lock to others, twice.")


def reveal_note(booking: Booking) -> str:
    """Return what the caller wanted noted, for the PMS and for staff."""
    return str(vault.unseal(booking.note, _place(booking.pk))) if booking.note else ""


def new_number() -> str:
    """Return six characters that begin with a letter, so that no id of a PMS looks like them."""
    return secrets.choice(_LETTERS) + "".join(secrets.choice(_ALPHABET) for _ in range(5))


def _is_lost_race(error: OperationalError) -> bool:
    # SQLite has one writer and no codes.
    return getattr(error.__cause__, "sqlstate", "") in _LOST_RACES or "database is locked" in str(error)


def _hold(integration: PmsIntegration, wish: Wish, call: Call | None, key: str, now: datetime) -> Booking:
    busy_from, busy_to = wish.busy
    with transaction.atomic():
        _lock_day(integration, wish.starts_at)
        _expire_holds(integration, busy_from, busy_to, now)
        _refuse_overlaps(integration, wish, busy_from, busy_to, now)
        booking = Booking(
            account_id=integration.account_id,
            integration=integration,
            call=call,
            idempotency_key=key or None,
            visit_id=wish.visit_id or uuid4(),
            moved_appointment_id=wish.moved_appointment_id,
            confirmation_number=_number_for(integration, wish),
            patient_id=wish.patient_id,
            appointment_type=wish.appointment_type,
            clinician_id=wish.clinician_id,
            clinician_name=wish.clinician_name[:120],
            operatory_id=wish.operatory_id,
            assistant_id=wish.assistant_id,
            starts_at=wish.starts_at,
            ends_at=wish.ends_at,
            busy_from=busy_from,
            busy_to=busy_to,
            hold_expires_at=now + HOLD_FOR,
        )
        booking.note = vault.seal(wish.note, _place(booking.pk)) if wish.note else None
        booking.save(force_insert=True)
    return booking


def _number_for(integration: PmsIntegration, wish: Wish) -> str:
    """Return the number that the patient was told, unless an earlier try has it."""
    used = Booking.objects.filter(account_id=integration.account_id, confirmation_number=wish.number)
    return wish.number if wish.number and not used.exists() else new_number()


def _refuse_overlaps(
    integration: PmsIntegration, wish: Wish, busy_from: datetime, busy_to: datetime, now: datetime
) -> None:
    overlapping = Booking.objects.filter(
        BLOCKING, account_id=integration.account_id, busy_from__lt=busy_to, busy_to__gt=busy_from
    )
    if wish.visit_id is not None:
        overlapping = overlapping.exclude(visit_id=wish.visit_id)
    for other in overlapping:
        if other.patient_id == wish.patient_id:
            if other.state == S.HELD and not is_being_made(other, now):  # whoever held it is gone, and has sent nothing
                transition(other, S.EXPIRED)
                continue
            if other.starts_at < wish.ends_at and other.ends_at > wish.starts_at:
                is_made = other.state == S.CONFIRMED
                raise errors.PersonOverlap(spoken="" if is_made else _ANOTHER_REQUEST)
        people = {wish.clinician_id, wish.assistant_id} - {""}
        if other.operatory_id == wish.operatory_id or not people.isdisjoint((other.clinician_id, other.assistant_id)):
            raise errors.SlotTaken


def _expire_holds(integration: PmsIntegration, busy_from: datetime, busy_to: datetime, now: datetime) -> None:
    """Free what was held too long: the exclusion constraint would go on refusing it. Only in the locked day."""
    held = Booking.objects.filter(account_id=integration.account_id, state=S.HELD, hold_expires_at__lte=now)
    held.filter(busy_from__lt=busy_to, busy_to__gt=busy_from).update(state=S.EXPIRED)


def _lock_day(integration: PmsIntegration, starts_at: datetime) -> None:
    """Serialise the bookings of one account and local day. SQLite has one writer anyway."""
    if connection.vendor != "postgresql":
        return
    day = local_date_of(starts_at, integration.account.zone)
    number = hashlib.sha256(f"{integration.account_id}:{day}".encode()).digest()[:4]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_NAMESPACE, int.from_bytes(number, signed=True)])


def _place(pk: UUID) -> str:
    return f"bookings:{pk}:note"
