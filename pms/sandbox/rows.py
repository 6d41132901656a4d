"""Seeds written as Sikka rows: the same names, hrefs and text formats as the vendor's examples."""

import hashlib
from dataclasses import dataclass
from datetime import date

from . import fields
from .cast import NO_BIRTHDATE, Person
from .fields import Row
from .people import address
from .practice import Profile


def midnight(day: date | str) -> str:
    """A date as reads show it: yyyy-mm-ddT00:00:00."""
    return f"{day}T00:00:00"


def is_link(name: str) -> bool:
    """Whether a field holds a URL of this server."""
    return name.endswith("href")


def hashed(row: Row) -> Row:
    """The row with its `rowhash`, which changes whenever the row does; where the server listens is no part of it."""
    text = "|".join(value for name, value in row.items() if name != "rowhash" and not is_link(name))
    return {**row, "rowhash": hashlib.sha256(text.encode()).hexdigest()[:32]}


def cust_id(practice_id: str) -> str:
    """The customer number inside the office: the part of the practice id before its dash."""
    return practice_id.split("-")[0]


@dataclass(frozen=True)
class Visit:
    """An appointment to be: `day` local, `time` "HH:MM" local, `minutes` long; `kind` is the type's name."""

    number: str
    patient_id: str
    provider_id: str
    operatory: str
    day: date
    time: str
    minutes: int
    kind: str = ""
    status: str = "Scheduled"
    cancelled: str = "False"
    confirmed: bool = False
    description: str = ""
    code: str = ""


class RowWriter:
    """Writes the rows of one office; `api_url` ends in /v4."""

    def __init__(self, profile: Profile, api_url: str) -> None:
        self.profile = profile
        self.api_url = api_url

    def href(self, practice_id: str, *path: str) -> str:
        """`/v4/practices/{practice_id}/...`"""
        return "/".join((self.api_url, "practices", practice_id, *path))

    def patient(self, person: Person, *, created: date, seen: date | None = None) -> Row:
        """A row of `patients`; `seen` is the last visit."""
        pid, place = person.patient_id, person.practice_id
        guarantor = person.guarantor_id or pid
        home = next(location for location in self.profile.locations if location.practice_id == place)
        return hashed(
            fields.PATIENTS.row(
                href=self.href(place, "patients", pid),
                patient_id=pid,
                guarantor_id=guarantor,
                guarantor_href=self.href(place, "guarantors", guarantor),
                guarantor_patient_id=guarantor,
                firstname=person.firstname,
                lastname=person.lastname,
                preferred_name=person.preferred_name,
                birthdate=midnight(person.birthdate or NO_BIRTHDATE),
                status=person.status,
                gender=person.gender,
                address_line1=address(guarantor),
                city=home.city,
                state=home.state,
                zipcode=home.zipcode,
                cell=person.cell,
                homephone=person.homephone,
                workphone=person.workphone,
                email=person.email,
                first_visit=midnight(created),
                last_visit=midnight(seen) if seen else "",
                created_date=midnight(created),
                provider_id=self.profile.clinicians[0].provider_id,
                provider_href=self.href(place, "providers", self.profile.clinicians[0].provider_id),
                practice_id=place,
                practice_href=self.href(place),
                appointment_href=f"{self.href(place, 'appointments')}?patient_id={pid}",
                cust_id=cust_id(place),
            )
        )

    def appointment(self, visit: Visit, patient: Row, *, made: date) -> Row:
        """A row of `appointments` for `patient`, made on `made`; a hygienist also stands in `hygienist`."""
        place = patient["practice_id"]
        who = next((one for one in self.profile.clinicians if one.provider_id == visit.provider_id), None)
        name = f"{patient['firstname']} {patient['lastname']}"
        return hashed(
            fields.APPOINTMENTS.row(
                href=self.href(place, "appointments", visit.number),
                appointment_sr_no=visit.number,
                patient_id=visit.patient_id,
                patient_href=self.href(place, "patients", visit.patient_id),
                patient_name=name,
                guarantor_id=patient["guarantor_id"],
                guarantor_href=self.href(place, "guarantors", patient["guarantor_id"]),
                provider_id=visit.provider_id,
                provider_href=self.href(place, "providers", visit.provider_id),
                hygienist=visit.provider_id if who and who.specialty == "Hygienist" else "",
                practice_id=place,
                practice_href=self.href(place),
                cust_id=cust_id(place),
                operatory=visit.operatory,
                date=midnight(visit.day),
                time=visit.time,
                length=str(visit.minutes),
                type=visit.kind,
                description=visit.description or visit.kind,
                status=visit.status,
                cancelled=visit.cancelled,
                cancelled_date=midnight(made) if visit.cancelled == "True" else "",
                is_confirmed=str(visit.confirmed),
                confirmed_on_date=midnight(made) if visit.confirmed else "",
                appointment_made_date=midnight(made),
                last_changed_date=midnight(made),
                amount="0.0000",
                procedure_code1=visit.code,
                procedure_codes=visit.code,
                **{f"procedure_code{number}_amount": "0" for number in range(1, 8)},
            )
        )
