"""What Parlae changes in a practice through Sikka's write-backs, and how it finds out what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from pms.domain import errors
from pms.domain.records import (
    AppointmentStatus,
    Change,
    MovedAppointment,
    NewAppointment,
    NewInsurance,
    NewNote,
    NewPatient,
    NewPayment,
    PatientUpdate,
    StatusChange,
)
from pms.providers.base import Capability, Done, Failed, Pending, WriteOutcome
from pms.providers.read_back import find_patient, find_record
from pms.providers.sikka import entries, ledger, mapping, traces, writes
from pms.providers.sikka.details import SikkaDetails
from pms.providers.sikka.envelope import RequestRefused, Row
from pms.providers.sikka.values import person_name, plain, text
from pms.providers.sikka.writes import WriteRequest

_STATUS_CAPABILITIES = {
    AppointmentStatus.CANCELLED: Capability.CANCEL_APPOINTMENT,
    AppointmentStatus.CONFIRMED: Capability.CONFIRM_APPOINTMENT,
}
_NEWEST_MATCHES = 3
# The vendor's example took 162 s; a copy made before that may lack what was written.
_TIME_TO_WRITE = timedelta(minutes=5)
# At most 7 days may be asked for; nothing is withdrawn after more than one.
_LISTED_DAYS = (-5, 1)


class SikkaWrites(SikkaDetails):
    """The writing half of `SikkaService`.

    Following, withdrawing and finding need no capability: what was sent has to be followed even if the practice has
    lost the right to send more of it meanwhile.
    """

    def book_appointment(self, new: NewAppointment) -> Pending:
        self.require(Capability.BOOK_APPOINTMENT)
        return self._write(self._request(new))

    def move_appointment(self, moved: MovedAppointment) -> Pending:
        self.require(Capability.MOVE_APPOINTMENT)
        return self._write(self._request(moved))

    def change_status(self, change: StatusChange) -> Pending:
        capability = _STATUS_CAPABILITIES.get(change.status)
        if capability is None:
            raise errors.NotSupported(f"An appointment cannot be made {change.status} here.")
        self.require(capability)
        return self._write(self._request(change))

    def create_patient(self, new: NewPatient) -> Pending:
        self.require(Capability.CREATE_PATIENT)
        return self._write(self._request(new))

    def add_note(self, note: NewNote) -> Pending:
        self.require(Capability.ADD_NOTE)
        return self._write(self._request(note))

    def post_payment(self, payment: NewPayment) -> Pending:
        self.require(Capability.POST_PAYMENT)
        return self._write(self._request(payment))

    def as_written(self, note: str) -> str:
        return plain(note)

    def note_as_written(self, text: str) -> str:
        return entries.note_text(text, self._pms_name)

    def _request(self, change: Change) -> WriteRequest:
        match change:
            case NewAppointment():
                return writes.booking(change, self._location_id, self.connection.time_zone)
            case MovedAppointment():
                return writes.move(change, self._location_id, self.connection.time_zone)
            case StatusChange():
                value = mapping.status_value(self._variables("Appointment Status"), change.status)
                if not value:
                    raise errors.NotSupported(f"The practice's system has no word for {change.status}.")
                return writes.status(change, value, self._location_id)
            case NewPatient():
                return writes.patient(change, self._location_id)
            case NewNote():
                return self._note_request(change)
            case NewPayment():
                return self._payment_request(change)
            case PatientUpdate() | NewInsurance():
                raise errors.NotSupported("Sikka changes no contact details and adds no insurances.")

    def _note_request(self, new: NewNote) -> WriteRequest:
        configured = str(self.connection.config.get("noteType") or "")
        rows = self._own_rows("/note_types", {})
        kind = entries.note_type(rows, pms=self._pms_name, category=new.category, configured=configured)
        if not kind:
            raise errors.NotSupported("The practice's system has no kind of note that fits.")
        patient = self._patient_row(new.patient_id, ledger.PAYER_FIELDS)
        return entries.note(new, kind, patient, self._location_id, self._pms_name)

    def _payment_request(self, new: NewPayment) -> WriteRequest:
        kind = ledger.payment_type(self._payment_types(), new.method)
        if kind is None:
            raise errors.NotSupported(f"The practice's system has no kind of payment for {new.method}.")
        return entries.payment(new, kind, self._patient_row(new.patient_id, ledger.PAYER_FIELDS), self._location_id)

    @property
    def _pms_name(self) -> str:
        return str(self.connection.config.get("pmsName") or "")

    def _write(self, request: WriteRequest) -> Pending:
        try:
            receipt = self._client.write(request.method, request.path, request.body)
        except RequestRefused as refused:
            if refused.is_conflict and request.takes_time:
                raise errors.SlotTaken from None
            raise errors.WriteRejected(refused.message) from None
        reference = writes.reference_in(receipt)
        if not reference:
            raise errors.OutcomeUnknown
        return Pending(reference)

    # What became of it

    def follow_write(self, reference: str) -> WriteOutcome:
        """Return how a write-back stands; one that Sikka does not list is pending.

        Raises ``TenantMismatch`` if the row is another office's, ``NotEntitled`` if we may not ask.
        """
        return self._status(reference) or Pending(reference)

    def withdraw_write(self, reference: str, *, sent_at: datetime) -> bool:
        """Delete a write-back that is still pending.

        One that is in neither of Sikka's lists is gone, unless it is so new that they may not show it yet. Sikka
        deletes by the application's key, so a number that is another office's raises ``TenantMismatch``.
        """
        with _certain("withdrawn"):
            standing = self._standing(reference)
            if standing is None and self.connection.clock.now() - sent_at < _TIME_TO_WRITE:
                raise errors.Undecided("Sikka lists the write-back nowhere, perhaps not yet.")
            if isinstance(standing, Pending):
                try:
                    self._client.app_delete("/writebacks", {"id": reference})
                    return True
                except RequestRefused:
                    # Carried out just now, or being so: only its end tells.
                    standing = self._standing(reference)
            if isinstance(standing, Pending):
                raise errors.Undecided("Sikka does not delete the write-back, and has not ended it.")
            return standing is None

    def find_write(
        self, change: Change, *, sent_at: datetime, others: frozenset[str] = frozenset()
    ) -> WriteOutcome | None:
        """Look for a lost write: among the office's write-backs, then in what reads show.

        Raises ``PmsUnavailable`` whenever one of them cannot be asked, or Sikka's copy is older than the write,
        because then nothing is certain.
        """
        with _certain("looked for"):
            outcome = self._listed(change, sent_at, others) or self._shown(change, others)
            if outcome is None and not self.shows(sent_at + _TIME_TO_WRITE):
                raise errors.Undecided("Sikka's copy is older than the write, so its absence proves nothing.")
            return outcome

    def _status(self, reference: str) -> WriteOutcome | None:
        """Return what ``writeback_status`` says, ``None`` if it has no such write-back."""
        for row in self._client.rows("/writeback_status", {"id": reference}):
            self._require_own(row)
            if text(row.get("id")) in ("", reference):
                return writes.outcome_of(row, reference)
        return None

    def _standing(self, reference: str) -> WriteOutcome | None:
        """Return how a write-back stands, ``None`` if neither of Sikka's lists has it any more."""
        standing = self._status(reference)
        if standing is None:
            for row in self._write_backs(self.connection.clock.now(), _LISTED_DAYS, reference):
                self._require_own(row)
                standing = Pending(reference)
        return standing

    def _require_own(self, row: Row) -> None:
        office, practice = text(row.get("office_id")), text(row.get("practice_id"))
        if (office and not self._client.account.is_office(office)) or practice not in ("", self._location_id):
            raise errors.TenantMismatch

    def _listed(self, change: Change, sent_at: datetime, others: frozenset[str]) -> WriteOutcome | None:
        request = self._request(change)
        # A day more on either side: the clock behind the vendor's dates is not documented.
        rows = self._write_backs(sent_at, (-1, 1))
        ours = [row for row in rows if self._client.account.is_office(row.get("office_id"))]
        outcome: WriteOutcome | None = None
        numbers = [number for number in traces.matching_ids(ours, request) if number not in others]
        for number in numbers[:_NEWEST_MATCHES]:
            found = self.follow_write(number)
            if isinstance(found, Done) and request.target:
                return Done(request.target)
            if isinstance(found, Done) and found.record_id in others:
                continue
            outcome = found
            if not isinstance(outcome, Failed):
                return outcome
        return outcome

    def _write_backs(self, around: datetime, days: tuple[int, int], reference: str = "") -> list[Row]:
        """Return the application's write-backs of the days around an instant, all offices mixed."""
        first, last = ((around + timedelta(days=number)).date().isoformat() for number in days)
        params = {"startdate": first, "enddate": last} | ({"id": reference} if reference else {})
        rows = self._client.app_rows("/writebacks", params)
        return [row for row in rows if text(row.get("id")) == reference] if reference else rows

    def _shown(self, change: Change, others: frozenset[str]) -> Done | None:
        record_id = find_record(self, change, others)
        if record_id is None and isinstance(change, NewPatient):
            record_id = self._shown_patient(change, others)
        return Done(record_id) if record_id else None

    def _shown_patient(self, new: NewPatient, others: frozenset[str]) -> str | None:
        """Look through everybody of the last name: a search ends after some candidates, and finds only one or none.

        Raises ``PmsUnavailable`` if several could be the one.
        """
        params = {"lastname": person_name(new.last_name), "lightweight": "true", "fields": mapping.PATIENT_FIELDS}
        return find_patient(map(mapping.patient, self._own_rows("/patients", params)), new, others)


@contextmanager
def _certain(what: str) -> Iterator[None]:
    """Turn whatever keeps Sikka from telling into ``PmsUnavailable``, an answer of no use into ``Undecided``."""
    try:
        yield
    except (errors.PmsUnavailable, errors.TenantMismatch):
        raise
    except errors.OutcomeUnknown:
        raise errors.PmsUnavailable from None
    except errors.PmsError as error:
        raise errors.Undecided(f"The write cannot be {what}: {error.code}.") from None
