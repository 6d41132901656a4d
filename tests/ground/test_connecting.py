"""Connecting a practice: what is kept, what is said when it fails, and that nobody sees another practice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.domain.clock import Budget, SystemClock
from pms.models import (
    AuditPhase,
    ConnectionStatus,
    PmsAuditLog,
    PmsCachedData,
    PmsIntegration,
    PmsToken,
    Provider,
    SecurityEvent,
)
from pms.providers.base import Capability
from pms.providers.sikka.service import SikkaService
from pms.sandbox import Sandbox
from pms.sandbox.practice import APP_ID, APP_KEY
from pms.services import connecting, directory, gateway, integrations
from tests.conftest import Sim, use_sandbox
from tests.ground.support import ASKER, connected
from tests.support.server import free_port

BIRCH_ZONE = "America/Los_Angeles"


@pytest.fixture
def account(db: None, sandbox: Sandbox, settings: Settings) -> Account:
    """A practice that is not connected yet."""
    use_sandbox(settings, sandbox)
    return Account.objects.create(name="Alder Dental", time_zone="America/New_York")


def connect(account: Account, **credentials: str) -> PmsIntegration:
    return connecting.connect(
        account=account,
        provider="SIKKA",
        credentials={"practiceId": "D10001", **credentials},
        config={"stepMinutes": 30},
        features={"booking": True, "notes": False, "somethingElse": True},
        asker=ASKER,
        clock=SystemClock(),
    )


def access_to(integration: PmsIntegration) -> dict[str, Any]:
    clock = SystemClock()
    return {"integration": integration, "asker": ASKER, "clock": clock, "budget": Budget(8, clock)}


def test_a_tested_connection_is_active_and_knows_what_it_can_do(account: Account) -> None:
    integration = connect(account)

    stored = PmsIntegration.objects.get()
    row = PmsAuditLog.objects.get()
    assert stored.pk == integration.pk == integrations.active_for(account=account).pk
    assert (stored.status, stored.last_error) == (ConnectionStatus.ACTIVE, None)
    assert stored.last_sync_at is not None
    assert stored.metadata is not None
    assert stored.metadata == {
        "pmsName": stored.metadata["pmsName"],
        "practiceName": "Alder Dental",
        "timeZone": "America/New_York",
        "locationId": "1",
        "capabilities": sorted(SikkaService.possible_capabilities()),
    }
    assert stored.metadata["pmsName"]
    assert stored.config == {"stepMinutes": 30}
    assert stored.features == {
        "booking": True,
        "newPatients": True,
        "notes": False,
        "insurance": True,
        "payments": True,
    }
    assert (row.action, row.phase, row.success, row.phi_accessed) == ("testConnection", AuditPhase.READ, True, False)


def test_a_connection_can_do_no_more_than_its_key(account: Account, sim: Sim) -> None:
    sim("POST", "config", scope=["practices", "providers", "operatories", "appointments"])

    integration = connect(account)

    assert integration.metadata is not None
    assert integration.metadata["capabilities"] == [Capability.READ_APPOINTMENTS, Capability.READ_SCHEDULE]
    with pytest.raises(errors.NotSupported), gateway.reading(**access_to(integration), action="x", phi=True) as access:
        access.pms.get_patient("1001")


def test_credentials_are_sealed_and_the_platforms_are_not_copied(account: Account) -> None:
    connect(account, applicationId="  ", secretKey="")

    stored = PmsIntegration.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM pms_integrations")
        raw = bytes(cursor.fetchone()[0])
    assert integrations.reveal(integration=stored) == {"practiceId": "D10001"}
    assert b"D10001" not in raw


@pytest.mark.parametrize(("typed", "keys"), [({}, "platform"), ({"applicationId": APP_ID, "secretKey": APP_KEY}, None)])
def test_the_evidence_says_whether_an_offices_number_alone_has_opened_it(
    account: Account, typed: dict[str, str], keys: str | None
) -> None:
    connect(account, **typed)

    assert SecurityEvent.objects.get(kind="integration.created").detail.get("keys") == keys


def test_another_practices_office_is_not_read_any_further(account: Account, sim: Sim) -> None:
    connect(Account.objects.create(name="Its owner", time_zone="America/New_York"))
    sim("DELETE", "requests")

    with pytest.raises(errors.CredentialsRejected):
        connect(account)

    stored, asked = PmsIntegration.objects.get(account=account), sim("GET", "requests")["requests"]
    assert (stored.status, stored.last_error) == (ConnectionStatus.ERROR, "credentials_rejected")
    assert {row["path"] for row in asked} <= {
        "/v4/authorized_practices",
        "/v4/request_key",
        "/v4/request_key_info",
        "/v4/practices",
    }
    assert SecurityEvent.objects.filter(kind="integration.practice_taken", account_id=account.pk).count() == 1


@pytest.mark.parametrize("given", ["", "   "])
def test_a_field_left_empty_is_asked_for(account: Account, given: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        connect(account, practiceId=given)

    assert caught.value.fields == {"practiceId": "This field is needed."}
    assert not PmsIntegration.objects.exists()


REFUSED = {
    "wrong key": ({"secretKey": "an-invented-key"}, errors.CredentialsRejected, ConnectionStatus.ERROR),
    "wrong application": ({"applicationId": "invented"}, errors.CredentialsRejected, ConnectionStatus.ERROR),
    "unknown office": ({"practiceId": "D99999"}, errors.CredentialsRejected, ConnectionStatus.ERROR),
    "office that let nobody in": ({"practiceId": "D40004"}, errors.CredentialsRejected, ConnectionStatus.ERROR),
    "unknown location": ({"practiceId": "D30003:9"}, errors.CredentialsRejected, ConnectionStatus.ERROR),
    "no key at all": ({"secretKey": "ключ"}, errors.CredentialsRejected, ConnectionStatus.ERROR),
    "two locations": ({"practiceId": "D30003"}, errors.LocationRequired, ConnectionStatus.SETUP_REQUIRED),
}


@pytest.mark.parametrize(("credentials", "error", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_connection_is_kept_with_the_reason_and_not_used(
    account: Account, credentials: dict[str, str], error: type[errors.ParlaeError], status: str
) -> None:
    with pytest.raises(error):
        connect(account, **credentials)

    stored = PmsIntegration.objects.get()
    row = PmsAuditLog.objects.get()
    assert stored.status == status
    assert stored.last_error == (error.code if issubclass(error, errors.PmsError) else None)
    assert stored.metadata is None
    assert (row.action, row.success, row.error_message) == ("testConnection", False, error.code)
    assert SecurityEvent.objects.filter(kind="integration.rejected").exists() is (status == ConnectionStatus.ERROR)
    with pytest.raises(errors.CredentialsRejected if status == ConnectionStatus.ERROR else errors.SetupRequired):
        integrations.active_for(account=account)


def test_an_office_with_several_locations_is_answered_with_their_names(account: Account) -> None:
    with pytest.raises(errors.LocationRequired) as caught:
        connect(account, practiceId="D30003")

    assert set(caught.value.fields) == {"1-1", "1-2"}
    assert all(caught.value.fields.values())


def test_the_chosen_location_is_the_one_in_use(account: Account) -> None:
    integration = connect(account, practiceId="D30003:1-2")

    assert integration.metadata is not None
    assert integration.metadata["locationId"] == "1-2"


def test_a_vendor_that_cannot_be_reached_leaves_the_setup_open(account: Account, settings: Settings) -> None:
    sikka = {**settings.PMS_PROVIDER_DEFAULTS["SIKKA"], "baseUrl": f"http://127.0.0.1:{free_port()}/v4"}
    settings.PMS_PROVIDER_DEFAULTS = {"SIKKA": sikka}

    with pytest.raises(errors.PmsUnavailable):
        connect(account)

    stored = PmsIntegration.objects.get()
    assert (stored.status, stored.last_error) == (ConnectionStatus.SETUP_REQUIRED, "pms_unavailable")
    assert not SecurityEvent.objects.exists()


def test_an_office_that_is_offline_can_still_be_connected(account: Account, sim: Sim) -> None:
    sim("POST", "office", office_id="D10001", online=False)

    assert connect(account).status == ConnectionStatus.ACTIVE
    assert PmsIntegration.objects.get().office_is_offline


def test_that_an_office_is_offline_is_told_once_until_it_is_back(account: Account, sim: Sim) -> None:
    sim("POST", "office", office_id="D10001", online=False)
    connect(account)
    connecting.retest(account=account, asker=ASKER, clock=SystemClock())
    was_offline = PmsIntegration.objects.get().office_is_offline
    sim("POST", "office", office_id="D10001", online=True)

    connecting.retest(account=account, asker=ASKER, clock=SystemClock())

    assert (was_offline, PmsIntegration.objects.get().office_is_offline) == (True, False)
    assert SecurityEvent.objects.filter(kind="integration.office_offline").count() == 1


def test_another_office_is_not_offline_because_the_one_before_was(account: Account, sim: Sim) -> None:
    sim("POST", "office", office_id="D10001", online=False)
    connect(account)

    connect(account, practiceId="D20002")

    assert not PmsIntegration.objects.get().office_is_offline


def test_a_connection_that_works_again_forgets_its_error(account: Account) -> None:
    with pytest.raises(errors.CredentialsRejected):
        connect(account, secretKey="an-invented-key")

    connect(account, secretKey=APP_KEY, applicationId=APP_ID)

    stored = PmsIntegration.objects.get()
    assert (stored.status, stored.last_error) == (ConnectionStatus.ACTIVE, None)


# One at a time


def test_a_new_connection_replaces_the_active_one_and_destroys_its_credentials(account: Account) -> None:
    old = connected_by_hand(account, ConnectionStatus.ACTIVE)
    PmsToken.objects.create(integration=old, sealed=b"something")

    new = connect(account)

    old.refresh_from_db()
    assert old.status == ConnectionStatus.INACTIVE
    assert integrations.reveal(integration=old) == {}
    assert PmsToken.objects.get(pk=old.pk).sealed is None
    assert integrations.active_for(account=account).pk == new.pk


def test_a_failed_test_leaves_the_active_connection_of_another_vendor_alone(account: Account) -> None:
    old = connected_by_hand(account, ConnectionStatus.ACTIVE)

    with pytest.raises(errors.CredentialsRejected):
        connect(account, practiceId="D99999")

    assert integrations.active_for(account=account).pk == old.pk


def test_another_practices_connection_stays(account: Account) -> None:
    other = connected("Birch Dental", "D20002", BIRCH_ZONE)

    connect(account)

    other.refresh_from_db()
    assert other.status == ConnectionStatus.ACTIVE


def test_the_database_refuses_a_second_active_connection(account: Account) -> None:
    connect(account)

    with pytest.raises(IntegrityError), transaction.atomic():
        connected_by_hand(account, ConnectionStatus.ACTIVE)


def test_the_database_refuses_a_second_connection_to_the_same_vendor(account: Account) -> None:
    connect(account)

    with pytest.raises(IntegrityError), transaction.atomic():
        PmsIntegration.objects.create(account=account, provider=Provider.SIKKA, credentials=b"")


def connected_by_hand(account: Account, status: ConnectionStatus) -> PmsIntegration:
    """Return a connection to a vendor whose adapter is still to come."""
    return PmsIntegration.objects.create(account=account, provider=Provider.KOLLA, credentials=b"sealed", status=status)


# New credentials


def test_new_credentials_bring_nothing_of_the_old_office_along(account: Account) -> None:
    integration = connect(account, practiceId="D30003:1-2")
    with gateway.reading(**access_to(integration), action="listClinicians", phi=False) as access:
        old_people = directory.clinicians(access)
    assert PmsCachedData.objects.exists()

    integration = connect(account, practiceId="D10001")

    with gateway.reading(**access_to(integration), action="listClinicians", phi=False) as access:
        new_people = directory.clinicians(access)
    assert integration.metadata is not None
    assert integration.metadata["locationId"] == "1"
    assert set(new_people) == {"DR1", "DR2", "HY1", "HY2"}
    assert {who.name for who in old_people.values()}.isdisjoint({who.name for who in new_people.values()})


def test_a_location_that_was_chosen_once_is_asked_for_again(account: Account) -> None:
    connect(account, practiceId="D30003:1-2")

    with pytest.raises(errors.LocationRequired):
        connect(account, practiceId="D30003")


def test_new_credentials_that_fail_leave_the_old_ones_and_their_token_as_they_were(account: Account) -> None:
    old = connect(account)
    token = PmsToken.objects.values().get()
    assert token["sealed"] is not None

    with pytest.raises(errors.CredentialsRejected):
        connect(account, practiceId="D40004")

    assert PmsToken.objects.values().get() == token
    assert integrations.reveal(integration=integrations.active_for(account=account)) == {"practiceId": "D10001"}
    assert integrations.active_for(account=account).metadata == old.metadata


# Two practices


@pytest.fixture
def two(account: Account) -> Mapping[str, PmsIntegration]:
    """Two practices whose offices use the same ids for different people."""
    birch = Account.objects.create(name="Birch Dental", time_zone=BIRCH_ZONE)
    return {"Alder": connect(account), "Birch": connect(birch, practiceId="D20002")}


def test_the_same_patient_id_is_somebody_else_in_each_practice(two: Mapping[str, PmsIntegration]) -> None:
    names = {}
    for name, integration in two.items():
        with gateway.reading(**access_to(integration), action="getPatient", phi=True, patient_id="1001") as access:
            names[name] = access.pms.get_patient("1001").last_name

    assert names == {"Alder": "Whitfield", "Birch": "Achterberg"}


def test_lists_and_their_copies_are_each_practices_own(two: Mapping[str, PmsIntegration], sim: Sim) -> None:
    people, appointments = {}, {}
    today = SystemClock().now().date()
    for _ in range(2):  # the second time from the copies
        for name, integration in two.items():
            with gateway.reading(**access_to(integration), action="list", phi=True) as access:
                people[name] = {who.name for who in directory.clinicians(access).values()}
                found = access.pms.list_appointments(today - timedelta(days=20), today + timedelta(days=20))
                appointments[name] = {(row.id, row.patient_id, row.starts_at) for row in found}

    truth = {
        name: {row["appointment_sr_no"] for row in sim("GET", "truth", office_id=office)["appointments"]}
        for name, office in (("Alder", "D10001"), ("Birch", "D20002"))
    }
    assert people["Alder"].isdisjoint(people["Birch"])
    assert all(appointments.values())
    assert appointments["Alder"].isdisjoint(appointments["Birch"])
    for name, rows in appointments.items():
        assert {row[0] for row in rows} <= truth[name]
    assert PmsCachedData.objects.count() == 2


def test_each_practice_has_its_own_key_and_its_own_evidence(two: Mapping[str, PmsIntegration]) -> None:
    for integration in two.values():
        with gateway.reading(**access_to(integration), action="getPatient", phi=True) as access:
            access.pms.get_patient("1001")

    rows = PmsAuditLog.objects.filter(action="getPatient")
    assert {row.account_id for row in rows} == {one.account_id for one in two.values()}
    assert all(row.account_id == row.pms_integration.account_id for row in rows)
    assert PmsToken.objects.exclude(sealed=None).count() == 2


def test_a_token_that_was_copied_to_another_practice_opens_nothing_there(two: Mapping[str, PmsIntegration]) -> None:
    alder, birch = two.values()
    PmsToken.objects.filter(pk=birch.pk).update(sealed=PmsToken.objects.get(pk=alder.pk).sealed)

    with gateway.reading(**access_to(birch), action="getPatient", phi=True) as access:
        patient = access.pms.get_patient("1001")

    assert patient.last_name == "Achterberg"


def test_copied_credentials_open_nothing(two: Mapping[str, PmsIntegration]) -> None:
    alder, birch = two.values()
    birch.credentials = alder.credentials
    clock = SystemClock()

    with pytest.raises(vault.CannotOpen):
        gateway.service_for(integration=birch, clock=clock, budget=Budget(8, clock))
