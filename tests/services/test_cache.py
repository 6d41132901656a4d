"""What is kept of a patient's chart: sealed, for minutes, and never from before our own last write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Budget
from pms.domain.localtime import local_date_of
from pms.domain.records import Clinician, NewNote, Note
from pms.jobs import sweeps
from pms.models import PmsCachedData, PmsIntegration
from pms.services import cache, chart_changes, charts, gateway
from pms.services.audit import Asker
from pms.services.gateway import Access
from tests.conftest import Sim
from tests.talking import SetClock, asked_of_the_pms

ASKER = Asker(actor="test", endpoint="test", method="TEST")
TTL = timedelta(minutes=5)


def access(account: Account, clock: SetClock | None = None) -> dict[str, Any]:
    clock = clock or SetClock()
    return {
        "integration": account.integrations.select_related("account").get(),
        "asker": ASKER,
        "clock": clock,
        "budget": Budget(20, clock),
    }


@contextmanager
def opened(account: Account, clock: SetClock | None = None) -> Iterator[Access]:
    with gateway.reading(**access(account, clock), action="test", phi=True) as one:
        yield one


def note(account: Account, text: str = "Something to know.") -> chart_changes.Written:
    change = NewNote("1001", text, local_date_of(timezone.now(), account.zone))
    return chart_changes.write(**access(account), change=change, call=None, key="")


def test_what_is_kept_is_sealed_and_names_nobody(practice: Account) -> None:
    charts.balance(**access(practice), patient_id="1001")

    row = PmsCachedData.objects.get(cache_type="balance")
    assert b"281.50" not in bytes(row.data)
    assert re.fullmatch(r"balance:[0-9a-f]{64}", row.cache_key)
    assert timedelta(minutes=5) <= row.expires_at - row.last_fetched_at <= timedelta(minutes=15)


@pytest.mark.parametrize(("minutes", "is_asked"), [(4.9, False), (5.1, True)])
def test_a_chart_is_told_again_for_five_minutes(minutes: float, is_asked: bool, practice: Account, sim: Sim) -> None:
    charts.balance(**access(practice), patient_id="1001")
    sim("DELETE", "requests")

    charts.balance(**access(practice, SetClock.later(minutes=minutes)), patient_id="1001")

    assert (("GET", "/patient_balance") in asked_of_the_pms(sim)) is is_asked


def test_another_patient_s_chart_is_another(practice: Account) -> None:
    first = charts.balance(**access(practice), patient_id="1001")

    second = charts.balance(**access(practice), patient_id="1010")

    assert first.patient_id == "1001"
    assert second.patient_id == "1010"


def test_a_write_drops_what_is_kept_of_its_patient_and_of_nobody_else(practice: Account, quick_office: None) -> None:
    for patient_id in ("1001", "1010"):
        charts.notes(**access(practice), patient_id=patient_id)
        charts.balance(**access(practice), patient_id=patient_id)

    note(practice)

    assert PmsCachedData.objects.filter(cache_type__in=["notes", "balance"]).count() == 2


def test_our_own_note_is_told_although_the_vendor_s_copy_lacks_it(practice: Account, quick_office: None) -> None:
    charts.notes(**access(practice), patient_id="1001")

    note(practice, "Something to know.")

    found = charts.notes(**access(practice), patient_id="1001")
    assert [one.text for one in found].count("Something to know.") == 1
    assert found[0].text == "Something to know."


def test_our_own_note_is_told_once_when_the_copy_has_it(practice: Account, quick_office: None, sim: Sim) -> None:
    note(practice, "Something to know.")
    sim("POST", "refresh")

    found = charts.notes(**access(practice), patient_id="1001")

    assert [one.text for one in found].count("Something to know.") == 1


def test_what_was_read_before_a_write_and_comes_after_it_is_not_kept(practice: Account, quick_office: None) -> None:
    def read_while_somebody_writes() -> list[Note]:
        note(practice)
        return []

    with opened(practice) as one:
        cache.kept(one, "notes", list[Note], TTL, read_while_somebody_writes, patient_id="1001")

    assert not PmsCachedData.objects.filter(cache_type="notes").exists()


def test_what_was_read_with_other_credentials_is_not_kept(practice: Account) -> None:
    def read_while_somebody_reconnects() -> list[Clinician]:
        PmsIntegration.objects.update(credentials=b"others")
        return [Clinician("OLD", "Dr. Old")]

    with opened(practice) as one:
        cache.kept(one, "clinicians", list[Clinician], TTL, read_while_somebody_reconnects)

    assert not PmsCachedData.objects.filter(cache_type="clinicians").exists()


def test_what_has_expired_is_purged_by_the_job(practice: Account) -> None:
    with opened(practice, SetClock(timezone.now() - timedelta(minutes=6))) as old:
        cache.kept(old, "notes", list[Note], TTL, list, patient_id="1001")
    with opened(practice) as new:
        cache.kept(new, "notes", list[Note], TTL, list, patient_id="1010")

    sweeps.housekeeping()

    assert PmsCachedData.objects.filter(cache_type="notes").count() == 1


def test_a_row_that_does_not_open_is_read_again(practice: Account) -> None:
    with opened(practice) as one:
        cache.kept(one, "notes", list[Note], TTL, list, patient_id="1001")
    row = PmsCachedData.objects.get(cache_type="notes")
    row.data = b"1:" + bytes(row.data)[2:-4] + b"AAAA"
    row.save()

    with opened(practice) as one:
        found = cache.kept(one, "notes", list[Note], TTL, lambda: [Note("1", "new")], patient_id="1001")

    assert [note.text for note in found] == ["new"]


def test_a_patient_whom_nobody_has_is_not_kept(practice: Account) -> None:
    with pytest.raises(errors.PatientNotFound):
        charts.notes(**access(practice), patient_id="99999")

    assert not PmsCachedData.objects.filter(cache_type="notes").exists()
