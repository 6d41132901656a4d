"""Step 4: everything that is chosen there is kept, and nothing else."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from accounts.roles import Role
from pms.models import (
    AppointmentType,
    Operation,
    PmsCachedData,
    PmsIntegration,
    Provisioning,
    VoiceLine,
    WriteBack,
    WriteBackState,
)
from tests.accounts.visitor import Visitor, forms
from tests.conftest import Sim
from tests.services.people import member
from tests.wizard.conftest import browser, connected


@pytest.fixture
def step(dana: Visitor) -> Visitor:
    """Step 4, just opened."""
    return connected(dana).open("/setup/features/")


def sent(visitor: Visitor, **changes: Any) -> dict[str, Any]:
    """Return the page's form as a browser would send it, with changes; ``None`` leaves a field out."""
    form = next(form for form in forms(visitor.page.content.decode()) if "rules_version" in form["names"])
    fields = form["fields"] | changes
    return {name: value for name, value in fields.items() if value is not None}


def cleaning(account: Account) -> AppointmentType:
    return AppointmentType.objects.get(account=account, name="Cleaning")


def direct(account: Account, who: str = "HYG1|OP2") -> dict[str, str]:
    """Return the fields that let the agent book cleanings."""
    prefix = f"kind-{cleaning(account).pk}"
    return {f"{prefix}-is_active": "on", f"{prefix}-mode": "DIRECT", f"{prefix}-who": who, f"{prefix}-minutes": "40"}


def pair(step: Visitor, account: Account) -> str:
    """Return the pair of clinician and room that the page proposes for cleanings."""
    fields = sent(step)
    return str(fields[f"kind-{cleaning(account).pk}-who"])


def test_a_kind_is_switched_on_with_what_was_proposed(step: Visitor, birch: Account) -> None:
    who = pair(step, birch)

    step.page = step.client.post("/setup/features/", sent(step, **direct(birch, who)), follow=True)

    assert step.where == "/setup/done/"
    kept = cleaning(birch)
    clinician, _, room = who.partition("|")
    assert (kept.is_active, kept.mode, kept.duration_minutes) == (True, "DIRECT", 40)
    assert kept.resources == [{"clinicianId": clinician, "operatoryId": room}]
    others = AppointmentType.objects.filter(account=birch).exclude(pk=kept.pk)
    assert not any(one.is_active or one.resources for one in others)  # a proposal that nobody ticked is not kept


def test_a_line_is_made_and_wanted_at_vapi(step: Visitor, birch: Account) -> None:
    step.client.post("/setup/features/", sent(step, **direct(birch, pair(step, birch))))

    line = VoiceLine.objects.get(account=birch)
    assert Provisioning.objects.get(line=line).state == "QUEUED"


def test_features_numbers_and_notice_are_kept(step: Visitor, birch: Account) -> None:
    changes = {"payments": None, "people-transfer_number": "(212) 555-0199", "when-notice": "240", "when-ahead": "30"}

    step.client.post("/setup/features/", sent(step, **changes))

    integration = PmsIntegration.objects.get(account=birch)
    birch.refresh_from_db()
    assert (integration.features or {})["payments"] is False
    assert (integration.features or {})["booking"] is True
    assert birch.transfer_number == "+12125550199"
    assert ((integration.config or {})["minNoticeMinutes"], (integration.config or {})["maxAdvanceDays"]) == (240, 30)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"people-transfer_number": "call Bob"}, "That is no phone number"),
        ({"when-notice": "7"}, "Select a valid choice"),
        ({"transfer-opens_1": "17:00", "transfer-closes_1": "08:00"}, "Monday: the times are not in order"),
        ({"transfer-opens_2": "08:00"}, "Tuesday: give both when you open and when you close"),
    ],
)
def test_what_cannot_be_meant_is_said_and_nothing_is_kept(
    step: Visitor, birch: Account, changes: dict[str, str], said: str
) -> None:
    step.page = step.client.post(
        "/setup/features/", sent(step, payments=None, **{"people-transfers_at": "hours"}, **changes), follow=True
    )

    assert step.page.status_code == 422
    assert said in step.text
    assert (PmsIntegration.objects.get(account=birch).features or {})["payments"] is True
    assert not VoiceLine.objects.filter(account=birch).exists()


def test_a_kind_that_nobody_gives_is_not_booked_directly(step: Visitor, birch: Account) -> None:
    fields = sent(step, **direct(birch)) | {f"kind-{cleaning(birch).pk}-who": []}

    step.page = step.client.post("/setup/features/", fields, follow=True)

    assert step.page.status_code == 422
    assert "Tick at least one" in step.text
    assert not cleaning(birch).is_active


def test_a_new_kind_is_added(step: Visitor, birch: Account) -> None:
    changes = {"new-name": "Whitening", "new-is_active": "on", "new-mode": "REQUEST", "new-minutes": "60"}

    step.client.post("/setup/features/", sent(step, **changes))

    made = AppointmentType.objects.get(account=birch, name="Whitening")
    assert (made.is_active, made.mode, made.duration_minutes) == (True, "REQUEST", 60)


def test_a_page_that_is_out_of_date_overwrites_nothing(step: Visitor, birch: Account) -> None:
    stale = sent(step, payments=None)
    ben = browser(member(birch, "Ben Admin", Role.ADMIN)).open("/setup/features/")
    ben.client.post("/setup/features/", sent(ben, notes=None))

    step.page = step.client.post("/setup/features/", stale, follow=True)

    features = PmsIntegration.objects.get(account=birch).features or {}
    assert step.page.status_code == 409
    assert "Somebody else has changed" in step.text
    assert (features["payments"], features["notes"]) == (True, False)


def test_without_an_answer_from_the_system_what_is_stored_stays(step: Visitor, birch: Account, sim: Sim) -> None:
    step.client.post("/setup/features/", sent(step, **direct(birch, pair(step, birch))))
    before = cleaning(birch).resources
    PmsCachedData.objects.all().delete()
    sim("POST", "fail", path="/v4/providers", status=503, times=99)
    sim("POST", "fail", path="/v4/practice_schedule", status=503, times=99)

    step.open("/setup/features/")
    assert "could not be asked just now" in step.text
    step.client.post("/setup/features/", sent(step, notes=None))

    assert cleaning(birch).resources == before
    assert (PmsIntegration.objects.get(account=birch).features or {})["notes"] is False


def test_a_clock_that_is_not_the_system_s_is_said_and_can_be_set(step: Visitor, birch: Account) -> None:
    assert "Your system keeps another time zone: Pacific (Los Angeles)" in step.text

    step.client.post("/setup/features/", sent(step, **{"when-zone": "America/Los_Angeles"}))

    birch.refresh_from_db()
    assert birch.time_zone == "America/Los_Angeles"
    assert "another time zone" not in step.open("/setup/features/").text


def test_a_clock_stays_while_something_is_on_its_way(step: Visitor, birch: Account) -> None:
    WriteBack.objects.create(
        account=birch,
        integration=PmsIntegration.objects.get(account=birch),
        operation=Operation.CREATE_PATIENT,
        state=WriteBackState.PENDING,
        access_id=uuid.uuid4(),
        sent_at=timezone.now(),
    )

    step.page = step.client.post("/setup/features/", sent(step, payments=None, **{"when-zone": "America/Chicago"}))

    birch.refresh_from_db()
    assert (step.page.status_code, birch.time_zone) == (422, "America/New_York")
    assert "change the time zone" in step.text
    assert (PmsIntegration.objects.get(account=birch).features or {})["payments"] is True


@pytest.mark.parametrize("zone", ["America/Toronto", "Mars/Olympus", ""])
def test_a_clock_of_another_country_is_none(step: Visitor, birch: Account, zone: str) -> None:
    step.page = step.client.post("/setup/features/", sent(step, **{"when-zone": zone}))

    birch.refresh_from_db()
    assert (step.page.status_code, birch.time_zone) == (422, "America/New_York")


def test_a_clock_that_somebody_else_has_set_is_not_set_back(step: Visitor, birch: Account) -> None:
    stale = sent(step)
    Account.objects.filter(pk=birch.pk).update(time_zone="America/Chicago")

    step.page = step.client.post("/setup/features/", stale)

    birch.refresh_from_db()
    assert (step.page.status_code, birch.time_zone) == (409, "America/Chicago")
