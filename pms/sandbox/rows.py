"""Seeds written as Sikka rows: the same names, hrefs and text formats as the vendor's examples."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from . import fields
from .cast import NO_BIRTHDATE, Person
from .fields import Row
from .insurance import COMPANIES, Policy
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


@dataclass(frozen=True)
class Note:
    """A note to be, about what was done or told on `day`; `written_at` is the practice's wall clock."""

    number: str
    patient_id: str
    provider_id: str
    day: date
    kind: str
    text: str
    description: str = ""
    transaction_sr_no: str = ""
    written_at: str = ""


@dataclass(frozen=True)
class Entry:
    """A line of a ledger to be. Amounts as Sikka writes them; `estimate` is what an insurer is expected to pay of it.

    `code` and `text` are of a procedure, or of a payment type.
    """

    number: str
    patient_id: str
    provider_id: str
    day: date
    kind: str
    code: str
    text: str
    amount: str
    estimate: str = ""
    entered: date | None = None
    time: str = ""
    note: str = ""
    cheque_no: str = ""


class RowWriter:
    """Writes the rows of one office; `api_url` ends in /v4."""

    def __init__(self, profile: Profile, api_url: str) -> None:
        self.profile = profile
        self.api_url = api_url

    def href(self, practice_id: str, *path: str) -> str:
        """`/v4/practices/{practice_id}/...`"""
        return "/".join((self.api_url, "practices", practice_id, *path))

    def patient(
        self, person: Person, *, created: date, seen: date | None = None, policies: Sequence[Policy] = ()
    ) -> Row:
        """A row of `patients`; `seen` is the last visit, the first of `policies` the primary one."""
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
                # Links to no company are links all the same, as in the vendor's example.
                primary_insurance_company_href=self.href(place, "insurance_companies", ""),
                secondary_insurance_company_href=self.href(place, "insurance_companies", ""),
            )
            | self._covered(place, policies)
        )

    def _covered(self, place: str, policies: Sequence[Policy]) -> Row:
        """The fields of `patients` about insurance; the member number of the primary one stands without "primary"."""
        names = {company.company_id: company.name for company in COMPANIES[self.profile]}
        told: Row = {}
        for rank, number, policy in zip(
            ("primary", "secondary"), ("subscriber_id", "secondary_subscriber_id"), policies, strict=False
        ):
            told |= {
                f"{rank}_insurance_company_id": policy.company_id,
                f"{rank}_insurance_company_href": self.href(place, "insurance_companies", policy.company_id),
                f"{rank}_insurance": names[policy.company_id],
                f"{rank}_relationship": policy.relation,
                f"{rank}_subscriber_patient_id": policy.holder,
                number: policy.subscriber_id,
            }
        return told

    def subscriber(self, policy: Policy, rank: str, patient: Row, holder: Row) -> Row:
        """A row of `subscribers`: one for each patient and policy. Name, birth date and address are the holder's."""
        place, names = patient["practice_id"], ("firstname", "lastname", "birthdate", "address_line1", "city", "state")
        company = next(one for one in COMPANIES[self.profile] if one.company_id == policy.company_id)
        return fields.SUBSCRIBERS.row(
            **{name: holder[name] for name in (*names, "zipcode")},
            href=self.href(place, "subscribers", patient["patient_id"]),
            patient_id=patient["patient_id"],
            patient_href=patient["href"],
            gender=holder["gender"][:1],
            practice_id=place,
            practice_href=self.href(place),
            subscriber_id=policy.subscriber_id,
            type=f"Dental {rank}",
            insurance_company_id=policy.company_id,
            insurance_company_href=self.href(place, "insurance_companies", policy.company_id),
            employer_name=company.group_name,
            patient_relation=policy.relation,
            identification_type="Pat_Insd",
            individual_used=policy.used,
            individual_deductible_remaining=policy.deductible_left,
            insurance_effective_date=midnight(policy.effective) if policy.effective else "",
        )

    def note(self, note: Note, patient: Row) -> Row:
        """A row of `medical_notes` for `patient`; 0 stands where a note is about nothing in particular."""
        place, entry = patient["practice_id"], note.transaction_sr_no or "0"
        return fields.MEDICAL_NOTES.row(
            href=self.href(place, "medical_notes"),
            note_id=note.number,
            patient_id=note.patient_id,
            patient_href=patient["href"],
            provider_id=note.provider_id,
            provider_href=self.href(place, "providers", note.provider_id),
            practice_id=place,
            practice_href=self.href(place),
            cust_id=cust_id(place),
            transaction_sr_no=entry,
            transaction_href=self.href(place, "transactions", entry),
            clinical_condition_id="0",
            procedure_code_id="0",
            procedure_code_href=self.href(place, "procedure_codes", "0"),
            date=midnight(note.day),
            procedure_date=midnight(note.day),
            type=note.kind,
            text=note.text,
            description=note.description,
            time_stamp=note.written_at,
        )

    def transaction(self, entry: Entry, patient: Row) -> Row:
        """A row of `transactions` for `patient`; of a payment, `payment_type` is the text as well."""
        place, guarantor = patient["practice_id"], patient["guarantor_id"]
        is_treatment = entry.kind == "Procedure"
        return hashed(
            fields.TRANSACTIONS.row(
                href=self.href(place, "transactions", entry.number),
                transaction_sr_no=entry.number,
                transaction_type=entry.kind,
                patient_id=entry.patient_id,
                patient_href=patient["href"],
                guarantor_id=guarantor,
                guarantor_href=self.href(place, "guarantors", guarantor),
                provider_id=entry.provider_id,
                provider_href=self.href(place, "providers", entry.provider_id),
                practice_id=place,
                practice_href=self.href(place),
                cust_id=cust_id(place),
                transaction_date=midnight(entry.day),
                transaction_entry_date=midnight(entry.entered or entry.day),
                transaction_time=entry.time,
                procedure_code=entry.code,
                procedure_description=entry.text,
                amount=entry.amount,
                estimated_insurance_payment=entry.estimate or "0",
                primary_insurance_estimate=entry.estimate or "0.0000",
                billed_to_insurance=str(bool(entry.estimate)),
                claim_href=self.href(place, "claims", ""),
                payment_type="" if is_treatment else entry.text,
                note=entry.note,
                cheque_no=entry.cheque_no,
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
