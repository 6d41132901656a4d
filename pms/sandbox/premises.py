"""What belongs to the office rather than to a patient: locations, clinicians, rooms, and the words its PMS uses."""

from . import fields
from .fields import Row
from .insurance import COMPANIES
from .practice import CONFIRMATIONS, NOTE_TYPES, PAYMENT_TYPES, STATUSES, VISIT_TYPES
from .rows import RowWriter, cust_id


def practices(write: RowWriter) -> list[Row]:
    """The locations."""
    return [
        fields.PRACTICES.row(
            href=write.href(place.practice_id),
            patient_href=write.href(place.practice_id, "patients"),
            provider_href=write.href(place.practice_id, "providers"),
            appointment_href=write.href(place.practice_id, "appointments"),
            guarantor_href=write.href(place.practice_id, "guarantors"),
            transaction_href=write.href(place.practice_id, "transactions"),
            practice_id=place.practice_id,
            cust_id=cust_id(place.practice_id),
            name=place.name,
            address_line1=place.address,
            city=place.city,
            state=place.state,
            zipcode=place.zipcode,
            phone=place.phone,
            email=place.email,
            country="US",
            is_main_office=str(place is write.profile.locations[0]),
        )
        for place in write.profile.locations
    ]


def providers(write: RowWriter) -> list[Row]:
    """Dentists, hygienists, front desk, and those who left."""
    return [
        fields.PROVIDERS.row(
            href=write.href(who.practice_id, "providers", who.provider_id),
            provider_id=who.provider_id,
            firstname=who.firstname,
            lastname=who.lastname,
            initials=who.firstname[0] + who.lastname[0],
            provider_type=who.provider_type,
            specialty=who.specialty,
            speciality=who.specialty,
            status=who.status,
            practice_id=who.practice_id,
            practice_href=write.href(who.practice_id),
            patient_href=f"{write.href(who.practice_id, 'patients')}?provider_id={who.provider_id}",
            appointment_href=f"{write.href(who.practice_id, 'appointments')}?provider_id={who.provider_id}",
            cust_id=cust_id(who.practice_id),
            is_hidden="False",
            is_organization="False",
            is_user=str(who.provider_type == "Staff"),
        )
        for who in write.profile.clinicians
    ]


def operatories(write: RowWriter) -> list[Row]:
    """The rooms; provider_id stays empty (only Eaglesoft fills it)."""
    return [
        fields.OPERATORIES.row(
            practice_id=room.practice_id,
            operatory=room.operatory,
            cust_id=cust_id(room.practice_id),
            is_hidden=room.is_hidden,
            abbreviation=room.abbreviation,
        )
        for room in write.profile.rooms
    ]


def practice_variables(write: RowWriter) -> list[Row]:
    """Statuses in two variants (appointment status, appointment confirmed status) and types (value = the type's id)."""
    named = [("Appointment Status", "appointment status", text, text) for text in STATUSES]
    named += [("Appointment Status", "appointment confirmed status", text, text) for text in CONFIRMATIONS]
    named += [("Appointment Type", "appointment type", kind.item, kind.name) for kind in VISIT_TYPES]
    return [
        fields.PRACTICE_VARIABLES.row(
            href=write.href(place.practice_id, "practice_variables"),
            practice_id=place.practice_id,
            practice_href=write.href(place.practice_id),
            service_name=service,
            service_item=item,
            value=value,
            description=text,
        )
        for place in write.profile.locations
        for service, item, value, text in named
    ]


def appointment_statuses(write: RowWriter) -> list[Row]:
    """The status words alone."""
    return [
        fields.APPOINTMENT_STATUSES.row(
            href=write.href(place.practice_id, "appointment_statuses", status),
            status=status,
            practice_id=place.practice_id,
            practice_href=write.href(place.practice_id),
        )
        for place in write.profile.locations
        for status in STATUSES
    ]


def booking_details(write: RowWriter) -> list[Row]:
    """writeback_details of new_appointment: `item` is what a booking sends as type."""
    return [
        fields.WRITEBACK_DETAILS.row(
            href=write.href(place.practice_id, "writeback_details"),
            practice_id=place.practice_id,
            practice_href=write.href(place.practice_id),
            cust_id=cust_id(place.practice_id),
            category="appttype",
            item=kind.item,
            description=kind.name,
        )
        for place in write.profile.locations
        for kind in VISIT_TYPES
    ]


def note_types(write: RowWriter) -> list[Row]:
    """What a note may be."""
    return [
        fields.NOTE_TYPES.row(
            href=write.href(place.practice_id, "note_types", kind),
            practice_id=place.practice_id,
            practice_href=write.href(place.practice_id),
            cust_id=cust_id(place.practice_id),
            type=kind,
        )
        for place in write.profile.locations
        for kind in NOTE_TYPES
    ]


def payment_types(write: RowWriter) -> list[Row]:
    """What a ledger entry that is no treatment may be: payments, insurers' payments and adjustments."""
    return [
        fields.PAYMENT_TYPES.row(
            href=write.href(place.practice_id, "payment_types", kind.code),
            practice_id=place.practice_id,
            practice_href=write.href(place.practice_id),
            cust_id=cust_id(place.practice_id),
            code=kind.code,
            description=kind.description,
            payment_type_status=kind.status,
        )
        for place in write.profile.locations
        for kind in PAYMENT_TYPES
    ]


def insurance_companies(write: RowWriter) -> list[Row]:
    """The plans on file, in each location."""
    return [
        fields.INSURANCE_COMPANIES.row(
            href=write.href(place.practice_id, "insurance_companies", company.company_id),
            practice_id=place.practice_id,
            practice_href=write.href(place.practice_id),
            cust_id=cust_id(place.practice_id),
            insurance_company_id=company.company_id,
            insurance_company_name=company.name,
            payer_id=company.payer_id,
            group_plan_number=company.group_number,
            group_plan_name=company.group_name,
            phone=company.phone,
            maximum_yearly_benefit=company.maximum,
            individual_deductible_limit=company.deductible,
        )
        for place in write.profile.locations
        for company in COMPANIES[write.profile]
    ]
