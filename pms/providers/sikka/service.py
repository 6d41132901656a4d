"""Sikka ONE as a practice-management system: reads from Sikka's copy, write-backs into the office."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from pms.domain import errors
from pms.domain.localtime import local_date_of, zone
from pms.domain.records import ConnectionReport, NewAppointment
from pms.providers.base import Capability, CredentialField, Done, Failed, Pending, WriteOutcome
from pms.providers.sikka import mapping, probe, writes
from pms.providers.sikka.envelope import RequestRefused, Row
from pms.providers.sikka.reads import SikkaReads
from pms.providers.sikka.values import iana_zone, instant, plain, text

_SYSTEMS_PAGE = 5000
_NEWEST_MATCHES = 3
# The vendor's example took 162 s; a copy made before that may lack what was written.
_TIME_TO_WRITE = timedelta(minutes=5)


class SikkaService(SikkaReads):
    """One office and location behind Sikka ONE API v4."""

    provider: ClassVar[str] = "SIKKA"
    label: ClassVar[str] = "Sikka ONE"
    credential_fields: ClassVar[tuple[CredentialField, ...]] = (
        CredentialField("applicationId", "Application ID", "App-Id from Sikka's API portal."),
        CredentialField("secretKey", "Application key", "App-Key from Sikka's API portal.", secret=True),
        CredentialField(
            "practiceId",
            "Office ID",
            "The office's number at Sikka, such as D12345; with several locations D12345:1-2.",
        ),
    )

    @classmethod
    def possible_capabilities(cls) -> frozenset[Capability]:
        return frozenset(Capability)

    # Connecting

    def test_connection(self) -> ConnectionReport:
        """Check authorisation, office, key, location and scope.

        ``locations`` lists the location in use first. ``time_zone`` is empty if the vendor's name for it is unknown.
        Raises ``CredentialsRejected``, ``LocationRequired``, ``TenantMismatch`` and what any read raises.
        """
        offices = self._client.offices()
        self._client.check_key()
        info = self._client.one("/request_key_info")
        if not self._client.account.is_office(info.get("issued_to")):
            raise errors.TenantMismatch
        location = self._location
        office = next((row for row in offices if text(row.get("practice_id")) == location.id), offices[0])
        pms, version = (text(office.get(f"practice_management_system{part}")) for part in ("", "_version"))
        zone_name = iana_zone(office.get("practice_management_system_refresh_date_time_zone"))
        systems = self._client.app_rows("/supported_pmses", {}, limit=_SYSTEMS_PAGE)
        rest = [one for one in mapping.locations(self._practices) if one.id != location.id]
        return ConnectionReport(
            practice_name=location.name or text(office.get("practice_name")),
            pms_name=pms,
            time_zone=zone_name,
            locations=(location, *rest),
            data_as_of=self._copied_at(office),
            capabilities=probe.capabilities(text(info.get("scope")), systems, pms, version),
        )

    # Writing

    def book_appointment(self, new: NewAppointment) -> Done | Pending:
        self.require(Capability.BOOK_APPOINTMENT)
        body = writes.booking_body(new, self._location_id, self.connection.time_zone)
        try:
            receipt = self._client.post("/appointment", body)
        except RequestRefused as refused:
            if refused.is_conflict:
                raise errors.SlotTaken from None
            raise errors.WriteRejected(refused.message) from None
        reference = writes.reference_in(receipt)
        if not reference:
            raise errors.OutcomeUnknown
        return Pending(reference)

    def as_written(self, note: str) -> str:
        return plain(note)

    def follow_write(self, reference: str) -> WriteOutcome:
        """Return how a write-back stands.

        Raises ``TenantMismatch`` if the row is another office's, ``NotEntitled`` if we may not ask.
        """
        self.require(Capability.BOOK_APPOINTMENT)
        for row in self._client.rows("/writeback_status", {"id": reference}):
            office, practice = text(row.get("office_id")), text(row.get("practice_id"))
            if (office and not self._client.account.is_office(office)) or practice not in ("", self._location_id):
                raise errors.TenantMismatch
            if text(row.get("id")) in ("", reference):
                return writes.outcome_of(row, reference)
        return Pending(reference)

    def find_booking(
        self, new: NewAppointment, *, sent_at: datetime, others: frozenset[str] = frozenset()
    ) -> WriteOutcome | None:
        """Look for a lost booking: among the office's write-backs, then in the appointments themselves.

        Raises ``PmsUnavailable`` whenever one of them cannot be asked, or Sikka's copy is older than the booking,
        because then nothing is certain.
        """
        self.require(Capability.BOOK_APPOINTMENT)
        try:
            outcome = self._written_back(new, sent_at, others) or self._read_back(new, others)
            if outcome is None and not self._has_copied_since(sent_at):
                raise errors.PmsUnavailable("Sikka's copy is older than the booking, so its absence proves nothing.")
            return outcome
        except (errors.PmsUnavailable, errors.TenantMismatch):
            raise
        except errors.PmsError as error:
            raise errors.PmsUnavailable(f"The booking cannot be looked for: {error.code}.") from None

    def _has_copied_since(self, sent_at: datetime) -> bool:
        """Whether the copy that reads show was made after the office had time to carry out a write."""
        made = [self._copied_at(office) for office in self._client.offices()]
        return any(copied is not None and copied > sent_at + _TIME_TO_WRITE for copied in made)

    def _copied_at(self, office: Row) -> datetime | None:
        zone_name = iana_zone(office.get("practice_management_system_refresh_date_time_zone"))
        # The page names no zone for this date; the office's own is next to it.
        return instant(office.get("data_insert_date"), zone(zone_name) if zone_name else self.connection.time_zone)

    def _written_back(self, new: NewAppointment, sent_at: datetime, others: frozenset[str]) -> WriteOutcome | None:
        body = writes.booking_body(new, self._location_id, self.connection.time_zone)
        # A day more on either side: the clock behind the vendor's dates is not documented. At most 7 days are allowed.
        first, last = ((sent_at + timedelta(days=days)).date().isoformat() for days in (-1, 1))
        rows = self._client.app_rows("/writebacks", {"startdate": first, "enddate": last})
        ours = (row for row in rows if self._client.account.is_office(row.get("office_id")))
        outcome: WriteOutcome | None = None
        numbers = [number for number in writes.matching_ids(ours, body) if number not in others]
        for number in numbers[:_NEWEST_MATCHES]:
            found = self.follow_write(number)
            if isinstance(found, Done) and found.record_id in others:
                continue
            outcome = found
            if not isinstance(outcome, Failed):
                return outcome
        return outcome

    def _read_back(self, new: NewAppointment, others: frozenset[str]) -> Done | None:
        on = local_date_of(new.starts_at, self.connection.time_zone)
        for one in self.list_appointments(on, on, patient_id=new.patient_id):
            same = (one.starts_at, one.clinician_id, one.operatory_id) == (
                new.starts_at,
                new.clinician_id,
                new.operatory_id,
            )
            if same and one.status.occupies_time and one.id not in others:
                return Done(one.id)
        return None
