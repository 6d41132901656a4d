"""What a connection is able to do: the key's scope AND the system's flags AND the fields that its pages ask for."""

from __future__ import annotations

import pytest

from pms.domain.records import Location
from pms.providers.base import Capability
from pms.providers.registry import service_class
from pms.providers.sikka import probe

READS = {
    Capability.READ_SCHEDULE,
    Capability.READ_APPOINTMENTS,
    Capability.READ_PATIENTS,
    Capability.READ_NOTES,
    Capability.READ_INSURANCE,
    Capability.READ_BALANCE,
}
EVERYTHING = set(Capability) - {Capability.UPDATE_PATIENT, Capability.ADD_INSURANCE}
STATUS_CHANGES = {Capability.CANCEL_APPOINTMENT, Capability.CONFIRM_APPOINTMENT}
SCOPE = (
    "start,end,Appointments, patients,practices,providers,operatories,practice_variables,writeback_status,"
    "POST  appointment,PUT appointments,PATCH appointments,POST patient,medical_notes,note_types,insurance_companies,"
    "patient_balance,transactions,payment_types,POST medical_notes,POST transaction"
)
FLAGS = (
    "new_appointment_writeback",
    "appointment_status_writeback",
    "new_patient_writeback",
    "note_writeback",
    "payment_writeback",
)


def system(name: str, version: str, *flags: str) -> dict[str, str]:
    row = {"practice_management_system": name, "practice_management_system_version": version}
    return row | dict.fromkeys(FLAGS, "") | dict.fromkeys(flags, "available")


SYSTEMS = (
    system("Opendental", "24.2", *FLAGS),
    system("Opendental", "15"),
    system("Dentrix", "G6.4", "appointment_status_writeback"),
    system("EagleSoft", "21", *FLAGS),
    *(
        system(name, "9", *FLAGS)
        for name in (
            "ClearDent",
            "CornerStone",
            "Dolphin Management",
            "Intravet",
            "OrthoTrac",
            "Planet DDS WebV3.0",
            "Tracker",
        )
    ),
)


def writable(pms: str, version: str = "9") -> set[Capability]:
    return set(probe.capabilities(SCOPE, SYSTEMS, pms, version)) - READS


def test_a_full_scope_and_a_full_system_can_do_everything() -> None:
    assert probe.capabilities(SCOPE, SYSTEMS, "OpenDental", "24.2") == EVERYTHING


@pytest.mark.parametrize(
    ("missing", "without"),
    [
        ("POST  appointment", {Capability.BOOK_APPOINTMENT}),
        ("PUT appointments", {Capability.MOVE_APPOINTMENT}),
        ("PATCH appointments", STATUS_CHANGES),
        ("practice_variables", STATUS_CHANGES),
        ("POST patient", {Capability.CREATE_PATIENT}),
        ("writeback_status", EVERYTHING - READS),
        ("Appointments", {Capability.READ_APPOINTMENTS}),
        (
            " patients",
            {
                Capability.READ_PATIENTS,
                Capability.READ_INSURANCE,
                Capability.READ_BALANCE,
                Capability.POST_PAYMENT,
                Capability.ADD_NOTE,
            },
        ),
        ("POST medical_notes", {Capability.ADD_NOTE}),
        ("note_types", {Capability.ADD_NOTE}),
        ("medical_notes", {Capability.READ_NOTES, Capability.ADD_NOTE}),
        ("insurance_companies", {Capability.READ_INSURANCE}),
        ("patient_balance", {Capability.READ_BALANCE}),
        ("transactions", {Capability.READ_BALANCE, Capability.POST_PAYMENT}),
        ("payment_types", {Capability.POST_PAYMENT}),
        ("POST transaction", {Capability.POST_PAYMENT}),
    ],
)
def test_each_name_of_the_scope_is_needed_for_its_own(missing: str, without: set[Capability]) -> None:
    scope = ",".join(name for name in SCOPE.split(",") if name != missing)

    assert probe.capabilities(scope, SYSTEMS, "OpenDental", "24.2") == EVERYTHING - without


@pytest.mark.parametrize(
    "written",
    ["PUT appointment", "put Appointments", " PUT  /appointments ", "Put /appointment"],
)
def test_a_write_is_recognised_in_any_spelling(written: str) -> None:
    scope = SCOPE.replace("PUT appointments", written)

    assert Capability.MOVE_APPOINTMENT in probe.capabilities(scope, SYSTEMS, "OpenDental", "24.2")


@pytest.mark.parametrize("written", ["appointments PUT", "PUT", "PUT patients", "GET appointments"])
def test_another_name_is_no_write_of_ours(written: str) -> None:
    scope = SCOPE.replace("PUT appointments", written)

    assert Capability.MOVE_APPOINTMENT not in probe.capabilities(scope, SYSTEMS, "OpenDental", "24.2")


def test_no_system_takes_contact_details_or_an_insurance() -> None:
    assert service_class("SIKKA").possible_capabilities() == EVERYTHING


def test_a_scope_without_reads_can_do_nothing() -> None:
    assert probe.capabilities("start,end", SYSTEMS, "OpenDental", "24.2") == frozenset()


@pytest.mark.parametrize(
    ("pms", "version", "expected"),
    [
        ("Open Dental", "24.2", EVERYTHING - READS),
        ("OpenDental", "15", set()),
        ("OpenDental", "23", set()),
        ("EAGLESOFT", "20", EVERYTHING - READS),
        ("Dentrix", "G6.4", {Capability.MOVE_APPOINTMENT, *STATUS_CHANGES}),
        ("Paperdent", "1", set()),
        ("", "", set()),
    ],
    ids=["listed", "listed without", "unlisted version", "all versions can", "by its flags", "unknown", "unnamed"],
)
def test_a_system_can_what_its_flags_say(pms: str, version: str, expected: set[Capability]) -> None:
    assert writable(pms, version) == expected


@pytest.mark.parametrize(
    ("pms", "cannot"),
    [
        ("Intravet", {Capability.ADD_NOTE}),
        ("Tracker", {Capability.POST_PAYMENT}),
        ("ClearDent", {Capability.BOOK_APPOINTMENT}),
        ("CornerStone", {Capability.BOOK_APPOINTMENT}),
        ("Dolphin Management", {Capability.BOOK_APPOINTMENT, Capability.CREATE_PATIENT, Capability.ADD_NOTE}),
        ("OrthoTrac", {Capability.BOOK_APPOINTMENT, Capability.CREATE_PATIENT, *STATUS_CHANGES}),
        (
            "Planet DDS WebV3.0",
            {Capability.BOOK_APPOINTMENT, Capability.CANCEL_APPOINTMENT, Capability.POST_PAYMENT},
        ),
    ],
)
def test_a_system_that_asks_for_more_than_we_have_is_left_out(pms: str, cannot: set[Capability]) -> None:
    assert writable(pms) == EVERYTHING - READS - cannot


def test_location_is_named_single_or_asked() -> None:
    north, south = Location("1-1", "North"), Location("1-2", "South")

    assert probe.chosen_location([north], "") == north
    assert probe.chosen_location([north, south], "1-2") == south
    assert probe.chosen_location([north, south], "") is None
    assert probe.chosen_location([north], "1-2") is None


@pytest.mark.parametrize(
    ("syncs", "computers", "is_offline"),
    [
        ([], [], None),
        ([{"status": "refresh"}], [], False),
        ([{"status": "Not_Refresh"}], [], True),
        ([{"status": "perhaps"}], [{"spc_error_flag": ""}], None),
        ([], [{"spc_error_flag": "False", "is_inactive": "False"}], False),
        ([], [{"spc_error_flag": "False", "is_inactive": "True"}], True),
        ([{"status": "refresh"}], [{"spc_error_flag": "True"}], True),
        ([{"status": "not_refresh"}], [{"spc_error_flag": "False"}], True),
    ],
)
def test_an_office_is_offline_if_anything_says_so(
    syncs: list[dict[str, str]], computers: list[dict[str, str]], is_offline: bool | None
) -> None:
    assert probe.is_offline(syncs, computers) is is_offline
