"""Sikka ONE as a practice-management system: reads from Sikka's copy, write-backs into the office."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from pms.domain import errors
from pms.domain.records import ConnectionReport, Location
from pms.providers.attention import longest_age, to_the_copy, to_the_writing
from pms.providers.base import Capability, CredentialField, Health
from pms.providers.progress import Admit, CheckStep, Progress, anyone, begin, end, unheard
from pms.providers.sikka import mapping, probe
from pms.providers.sikka.account import named_office
from pms.providers.sikka.envelope import Row
from pms.providers.sikka.values import iana_zone, text
from pms.providers.sikka.writing import SikkaWrites

_SYSTEMS_PAGE = 5000


class SikkaService(SikkaWrites):
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

    # The office's computer reads the practice's system once a day where nobody has bought more.
    copy_max_age: ClassVar[timedelta | None] = timedelta(hours=26)

    vendor_calls: ClassVar[Mapping[Capability, tuple[str, ...]]] = {
        Capability.READ_SCHEDULE: ("GET /practices", "GET /providers", "GET /operatories", "GET /practice_schedule"),
        Capability.READ_APPOINTMENTS: ("GET /appointments",),
        Capability.READ_PATIENTS: ("GET /patients",),
        Capability.BOOK_APPOINTMENT: ("POST /appointment",),
        Capability.MOVE_APPOINTMENT: ("PUT /appointments/{id}",),
        Capability.CANCEL_APPOINTMENT: ("GET /practice_variables", "PATCH /appointments/{id}"),
        Capability.CONFIRM_APPOINTMENT: ("GET /practice_variables", "PATCH /appointments/{id}"),
        Capability.CREATE_PATIENT: ("POST /patient",),
        Capability.READ_NOTES: ("GET /medical_notes",),
        Capability.ADD_NOTE: ("GET /patients", "GET /note_types", "POST /medical_notes"),
        Capability.READ_INSURANCE: ("GET /patients", "GET /subscribers", "GET /insurance_companies"),
        Capability.READ_BALANCE: ("GET /patient_balance", "GET /transactions"),
        Capability.POST_PAYMENT: ("GET /patients", "GET /payment_types", "POST /transaction"),
    }

    @classmethod
    def possible_capabilities(cls) -> frozenset[Capability]:
        # Two systems take changes of a patient, and none of them contact details; no endpoint takes an insurance.
        return frozenset(Capability) - {Capability.UPDATE_PATIENT, Capability.ADD_INSURANCE}

    # Connecting

    @classmethod
    def at_location(cls, credentials: Mapping[str, str], location: str) -> dict[str, str]:
        return {**credentials, "practiceId": named_office(credentials, location)}

    def test_connection(self, progress: Progress = unheard, admit: Admit = anyone) -> ConnectionReport:
        """Check authorisation, office, key, location, age of the copy and scope.

        ``locations`` lists the location in use first. ``time_zone`` is empty if the vendor's name for it is unknown.
        Raises ``CredentialsRejected``, ``LocationRequired``, ``TenantMismatch`` and what any read raises.
        """
        authorised = self._authorised(progress)
        begin(progress, CheckStep.OFFICE)
        report, version, scope = self._found(self._client.ours(authorised), admit)
        end(progress, CheckStep.OFFICE)
        begin(progress, CheckStep.FRESH)
        report = replace(report, office_is_offline=self._is_offline())
        longest = longest_age(self.copy_max_age, self.connection.config)
        end(progress, CheckStep.FRESH, to_the_copy(report, longest, self.connection.clock.now()))
        begin(progress, CheckStep.WRITING)
        systems = self._client.app_rows("/supported_pmses", {}, limit=_SYSTEMS_PAGE)
        able = probe.capabilities(scope, systems, report.pms_name, version)
        end(progress, CheckStep.WRITING, to_the_writing(able))
        return replace(report, capabilities=able)

    def _authorised(self, progress: Progress) -> list[Row]:
        """Return the rows of the offices that have let our application in: who answers with them knows our key."""
        begin(progress, CheckStep.REACHABLE)
        try:
            rows = self._client.authorised()
        except (errors.CredentialsRejected, errors.NotEntitled):
            end(progress, CheckStep.REACHABLE)
            begin(progress, CheckStep.KEY)
            raise
        end(progress, CheckStep.REACHABLE)
        end(progress, CheckStep.KEY)
        return rows

    def _found(self, offices: list[Row], admit: Admit) -> tuple[ConnectionReport, str, str]:
        """Return what is known of the office so far, the version of its system, and the scope of its key."""
        self._client.check_key()
        info = self._client.one("/request_key_info")
        if not self._client.account.is_office(info.get("issued_to")):
            raise errors.TenantMismatch
        location = self._location
        practice_key = f"{self._client.account.office_id.upper()}:{location.id}"
        admit(practice_key, self._email_of(location, offices))
        office = next((row for row in offices if text(row.get("practice_id")) == location.id), offices[0])
        pms, version = (text(office.get(f"practice_management_system{part}")) for part in ("", "_version"))
        rest = [one for one in mapping.locations(self._practices) if one.id != location.id]
        report = ConnectionReport(
            practice_key=practice_key,
            practice_name=location.name or text(office.get("practice_name")),
            pms_name=pms,
            time_zone=iana_zone(office.get("practice_management_system_refresh_date_time_zone")),
            locations=(location, *rest),
            data_as_of=self._copied_at(office),
            capabilities=frozenset(),
        )
        return report, version, text(info.get("scope"))

    def _email_of(self, location: Location, offices: list[Row]) -> str:
        """Return the e-mail address on file for exactly this location, empty if there is none.

        Sikka documents ``email`` in /practices; /authorized_practices has it live, seen by its clients.
        """
        here = (row for row in (*self._practices, *offices) if text(row.get("practice_id")) == location.id)
        return next(filter(None, (text(row.get("email")) for row in here)), "")

    # Keeping the connection well

    def keep_session(self) -> None:
        self._client.check_key()

    def health(self) -> Health:
        """Return the age of our location's copy, and whether the office's computer has been heard of.

        The lists that tell of the computer are a help: whatever keeps them from it, the copy's age counts.
        """
        taken = self._taken_at()
        return Health(
            data_as_of=min(filter(None, taken)) if all(taken) else None,
            office_is_offline=self._is_offline(),
        )

    def _is_offline(self) -> bool | None:
        return probe.is_offline(self._about_the_office("/data_sync_status"), self._about_the_office("/health_check"))

    def _about_the_office(self, path: str) -> list[Row]:
        """Return the rows that speak of our location, none if the vendor does not give them."""
        with suppress(errors.PmsError):
            rows = self._client.app_rows(path, {"office_id": self._client.account.office_id})
            ours = [row for row in rows if self._client.account.is_office(row.get("office_id"))]
            return [row for row in ours if text(row.get("practice_id")) == self._location_id] or ours
        return []
