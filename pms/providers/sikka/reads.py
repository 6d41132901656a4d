"""What Parlae reads from Sikka: the practice, its patients and its appointments, from the vendor's copy of the PMS."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import cached_property

from pms.domain import errors
from pms.domain.localtime import local_date_of, zone
from pms.domain.records import (
    Appointment,
    Clinician,
    DaySchedule,
    Location,
    Operatory,
    Patient,
    PatientQuery,
    PmsAppointmentType,
)
from pms.providers.base import Capability, Connection, PmsService
from pms.providers.sikka import mapping, probe, searching
from pms.providers.sikka.client import SikkaClient
from pms.providers.sikka.envelope import RequestRefused, Row
from pms.providers.sikka.hours import day_schedules
from pms.providers.sikka.values import iana_zone, instant, text

DEFAULT_MINUTES = 30

_APPOINTMENT_PAGE = 1000
_CANDIDATES = 50
# How far the vendor's clock may be ahead of ours without a copy seeming newer than it is.
_CLOCKS_APART = timedelta(minutes=1)
_COPY_DATES = ("data_insert_date", "practice_management_system_refresh_date")


class SikkaReads(PmsService):
    """The reading half of `SikkaService`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._client = SikkaClient(connection)

    # Which practice

    @cached_property
    def _practices(self) -> list[Row]:
        return self._client.rows("/practices", {})

    @cached_property
    def _location(self) -> Location:
        found = mapping.locations(self._practices)
        named = self._client.account.location_id
        location = probe.chosen_location(found, named)
        if location is not None:
            return location
        if not found or named:
            raise errors.CredentialsRejected("The office has no such location, or gives no access to it.")
        raise errors.LocationRequired(fields={one.id: one.name for one in found})

    @property
    def _location_id(self) -> str:
        return self._client.account.location_id or self._location.id

    # Reading the practice

    def list_clinicians(self) -> Sequence[Clinician]:
        self.require(Capability.READ_SCHEDULE)
        params = {"provider_type": "Provider", "lightweight": "true", "fields": mapping.CLINICIAN_FIELDS}
        return mapping.clinicians(self._own_rows("/providers", params))

    def list_operatories(self) -> Sequence[Operatory]:
        self.require(Capability.READ_SCHEDULE)
        practice = next(row for row in self._practices if text(row.get("practice_id")) == self._location.id)
        others = frozenset(one.id for one in mapping.locations(self._practices)) - {self._location.id}
        params = {"cust_id": text(practice.get("cust_id")) or self._location.id.split("-")[0], "is_hidden": "F"}
        return mapping.operatories(self._client.rows("/operatories", params), others)

    def list_appointment_types(self) -> Sequence[PmsAppointmentType]:
        self.require(Capability.READ_SCHEDULE)
        return mapping.appointment_types(self._variables("Appointment Type"))

    def list_appointment_statuses(self) -> Sequence[str]:
        self.require(Capability.READ_SCHEDULE)
        rows = mapping.variables(self._variables("Appointment Status"), "Appointment Status")
        return [text(row["value"]) for row in rows]

    def list_schedules(self, start: date, end: date) -> Sequence[DaySchedule]:
        self.require(Capability.READ_SCHEDULE)
        # The page names no filter by practice and none by a range of dates, so both are done here.
        rows = self._client.rows("/practice_schedule", {"fields": "get_all"})
        here = (row for row in rows if text(row.get("practice_id")) in ("", self._location_id))
        return day_schedules(here, start, end)

    def _variables(self, service: str) -> list[Row]:
        return self._own_rows("/practice_variables", {"service_name": service, "fields": "get_all"})

    def _own_rows(self, path: str, params: dict[str, str]) -> list[Row]:
        return self._client.rows(path, {"practice_id": self._location_id, **params})

    # Reading patients and appointments

    def list_appointments(
        self, start: date, end: date, *, patient_id: str = "", details: bool = False
    ) -> Sequence[Appointment]:
        self.require(Capability.READ_APPOINTMENTS)
        params = {"startdate": start.isoformat(), "enddate": end.isoformat(), **self._appointment_params(details)}
        if patient_id:
            params["patient_id"] = patient_id
        rows = self._client.rows("/appointments", params, limit=_APPOINTMENT_PAGE)
        # By id, because a row can move between two pages while they are read.
        found = {one.id: one for one in (self._appointment(row, details) for row in rows)}
        return [
            one
            for one in found.values()
            if start <= local_date_of(one.starts_at, self.connection.time_zone) <= end
            and patient_id in ("", one.patient_id)
        ]

    def get_appointment(self, appointment_id: str) -> Appointment:
        self.require(Capability.READ_APPOINTMENTS)
        params = {"appointment_sr_no": appointment_id, **self._appointment_params(details=True)}
        for row in self._client.first_rows("/appointments", params, limit=_CANDIDATES):
            if appointment_id and text(row.get("appointment_sr_no")) == appointment_id:
                return self._appointment(row, details=True)
        raise errors.AppointmentNotFound

    def _appointment_params(self, details: bool) -> dict[str, str]:
        fields = mapping.APPOINTMENT_FIELDS + (mapping.APPOINTMENT_DETAILS if details else "")
        return {"practice_id": self._location_id, "lightweight": "true", "fields": fields}

    def _appointment(self, row: Row, details: bool) -> Appointment:
        return mapping.appointment(row, self.connection.time_zone, self._default_minutes, details=details)

    def search_patients(self, query: PatientQuery) -> Sequence[Patient]:
        self.require(Capability.READ_PATIENTS)
        found: dict[str, Patient] = {}
        for question in searching.questions_of(query):
            for row in self._candidates(question):
                one = mapping.patient(row)
                found.setdefault(one.id, one)
        return list(found.values())

    def get_patient(self, patient_id: str) -> Patient:
        self.require(Capability.READ_PATIENTS)
        return mapping.patient(self._patient_row(patient_id))

    def _patient_row(self, patient_id: str, fields: str = mapping.PATIENT_FIELDS) -> Row:
        for row in self._candidates({"patient_id": patient_id}, fields):
            if patient_id and text(row.get("patient_id")) == patient_id:
                return row
        raise errors.PatientNotFound

    def _candidates(self, question: dict[str, str], fields: str = mapping.PATIENT_FIELDS) -> list[Row]:
        params = {"practice_id": self._location_id, "lightweight": "true", "fields": fields, **question}
        try:
            return self._client.first_rows("/patients", params, limit=_CANDIDATES)
        except RequestRefused:
            # Not every system behind Sikka can be asked by every field; the other questions stand.
            if searching.MAY_BE_REFUSED.isdisjoint(question):
                raise
            return []

    @property
    def _default_minutes(self) -> int:
        return int(self.connection.config.get("defaultAppointmentDuration") or DEFAULT_MINUTES)

    # How old the copy is

    def shows(self, instant: datetime) -> bool:
        """Return whether Sikka's copy of our location is whole and was taken after ``instant``."""
        if self._is_being_replaced():
            return False
        return all(taken is not None and taken > instant + _CLOCKS_APART for taken in self._taken_at())

    def _taken_at(self) -> list[datetime | None]:
        """Return when the copy of our location was taken, as each of its authorised rows tells."""
        offices = self._client.offices()
        here = [row for row in offices if text(row.get("practice_id")) == self._location_id] or offices
        return [self._copied_at(row) for row in here]

    def _is_being_replaced(self) -> bool:
        """Return whether the copy may lack rows. Not every list says it, such as that of notes; patients do."""
        if self._client.saw_partial_copy is None:
            params = {"practice_id": self._location_id, "lightweight": "true", "fields": "patient_id,practice_id"}
            with suppress(errors.NotEntitled):
                self._client.first_rows("/patients", params, limit=1)
        return bool(self._client.saw_partial_copy)

    def _copied_at(self, office: Row) -> datetime | None:
        """Return when the office's data was taken from its PMS, as far as an authorised row tells.

        It is read from the PMS first (refresh) and put into the copy later (insert); the earlier of the two counts.
        """
        zone_name = iana_zone(office.get("practice_management_system_refresh_date_time_zone"))
        # The page names no zone for the time of insertion; the office's own is next to it.
        where = zone(zone_name) if zone_name else self.connection.time_zone
        inserted, refreshed = (instant(office.get(name), where) for name in _COPY_DATES)
        return min(inserted, refreshed or inserted) if inserted else None
