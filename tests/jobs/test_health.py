"""How old the vendor's copy is, and whether the office's computer is there: what is kept of it, and when it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.jobs import sweeps
from pms.models import PmsIntegration, SecurityEvent
from pms.providers.base import Health
from pms.services import health, integrations
from tests.conftest import Sim
from tests.talking import ALDER, SetClock, together

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRESH, OLD = NOW - HOUR, NOW - 27 * HOUR


def told() -> list[str]:
    """Return what was told of connections, in order."""
    kinds = SecurityEvent.objects.filter(kind__startswith="integration.").order_by("seq").values_list("kind", flat=True)
    return [kind.removeprefix("integration.") for kind in kinds if kind.endswith(("line", "_stale", "_current"))]


@pytest.fixture
def integration(practice: Account) -> PmsIntegration:
    PmsIntegration.objects.update(last_sync_at=None, checked_at=None)
    return practice.integrations.get()


class TestStale:
    @pytest.mark.parametrize(
        ("hours", "config", "is_stale"),
        [
            (25.9, {}, False),
            (26.1, {}, True),
            (26.1, {"maxDataAgeMinutes": 48 * 60}, False),
            (1.1, {"maxDataAgeMinutes": 60}, True),
            (0.9, {"maxDataAgeMinutes": 60}, False),
            (1.1, {"maxDataAgeMinutes": 0}, False),
            (1.1, {"maxDataAgeMinutes": "60"}, False),
            (1.1, {"maxDataAgeMinutes": True}, False),
            (-1, {}, False),
        ],
    )
    def test_is_what_is_older_than_the_practice_allows(
        self, hours: float, config: dict[str, object], is_stale: bool
    ) -> None:
        row = PmsIntegration(provider="SIKKA", last_sync_at=NOW - hours * HOUR, config=config)

        assert health.is_stale(row, NOW) is is_stale

    def test_is_what_nobody_has_told_the_age_of(self) -> None:
        row = PmsIntegration(provider="SIKKA")

        assert health.age(row, NOW) is None
        assert health.is_stale(row, NOW)

    def test_is_nothing_that_is_read_live(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pms.providers.sikka.service.SikkaService.copy_max_age", None)

        assert not health.is_stale(PmsIntegration(provider="SIKKA", last_sync_at=OLD), NOW)
        assert not health.is_stale(PmsIntegration(provider="SIKKA", config={"maxDataAgeMinutes": 5}), NOW)

    def test_age_is_never_negative(self) -> None:
        assert health.age(PmsIntegration(last_sync_at=NOW + HOUR), NOW) == timedelta(0)


class TestNote:
    def test_keeps_what_was_told(self, integration: PmsIntegration) -> None:
        health.note(integration, Health(FRESH, office_is_offline=True), NOW)

        kept = PmsIntegration.objects.get()
        for row in (kept, integration):
            assert (row.last_sync_at, row.checked_at, row.office_is_offline) == (FRESH, NOW, True)

    def test_changes_no_other_column(self, integration: PmsIntegration) -> None:
        before = PmsIntegration.objects.values().get()
        PmsIntegration.objects.update(last_error="pms_unavailable")

        health.note(integration, Health(FRESH, office_is_offline=False), NOW)

        expected = {**before, "last_error": "pms_unavailable", "last_sync_at": FRESH, "checked_at": NOW}
        assert PmsIntegration.objects.values().get() == expected

    def test_keeps_what_the_vendor_does_not_tell(self, integration: PmsIntegration) -> None:
        health.note(integration, Health(FRESH, office_is_offline=True), NOW)
        health.note(integration, Health(), NOW + HOUR)

        kept = PmsIntegration.objects.get()
        assert (kept.last_sync_at, kept.checked_at, kept.office_is_offline) == (FRESH, NOW + HOUR, True)

    def test_keeps_nothing_of_a_connection_with_other_credentials_by_now(
        self, practice: Account, integration: PmsIntegration
    ) -> None:
        integrations.store(
            account=practice, provider="SIKKA", credentials={"practiceId": "D20002"}, config={}, features={}
        )

        health.note(integration, Health(FRESH, office_is_offline=True), NOW)
        health.note_offline(integration, NOW)

        kept = PmsIntegration.objects.get()
        assert (kept.last_sync_at, kept.checked_at, kept.office_is_offline) == (None, None, False)
        assert told() == []

    def test_keeps_nothing_where_somebody_else_has_noted_something_since(self, integration: PmsIntegration) -> None:
        earlier = PmsIntegration.objects.get()
        health.note(integration, Health(FRESH, office_is_offline=True), NOW)

        health.note(earlier, Health(OLD, office_is_offline=False), NOW - HOUR)

        assert PmsIntegration.objects.get().last_sync_at == FRESH
        assert (earlier.last_sync_at, earlier.office_is_offline) == (FRESH, True)
        assert told() == ["office_offline"]


class TestEvents:
    def test_there_is_one_at_each_change_of_the_office_and_none_between(self, integration: PmsIntegration) -> None:
        for number, is_offline in enumerate([False, True, True, None, False, False]):
            health.note(integration, Health(NOW, office_is_offline=is_offline), NOW + number * HOUR)

        assert told() == ["office_offline", "office_online"]

    def test_there_is_one_at_each_change_of_the_copys_age_and_none_between(self, integration: PmsIntegration) -> None:
        for hours, copied in ((0, 0), (10, 0), (27, 0), (28, 0), (30, 29), (31, 29)):
            health.note(integration, Health(NOW + copied * HOUR), NOW + hours * HOUR)

        assert told() == ["data_stale", "data_current"]

    def test_there_is_one_where_the_vendor_no_longer_tells_the_age(self, integration: PmsIntegration) -> None:
        for hours in (0, 13, 26, 27, 40):
            health.note(integration, Health(NOW if hours == 0 else None), NOW + hours * HOUR)

        assert told() == ["data_stale"]

    def test_a_refused_write_is_enough_to_call_the_office_offline(self, integration: PmsIntegration) -> None:
        for minutes in (0, 5, 3):
            health.note_offline(integration, NOW + timedelta(minutes=minutes))

        assert integration.office_is_offline
        assert PmsIntegration.objects.get().office_offline_at == NOW + timedelta(minutes=5)
        assert told() == ["office_offline"]

    def test_a_write_that_is_taken_is_enough_to_call_it_back(self, integration: PmsIntegration) -> None:
        health.note_offline(integration, NOW)

        health.note_reached(integration, NOW - timedelta(seconds=1))  # it was taken before the other was refused
        between = PmsIntegration.objects.get().office_is_offline
        for _ in range(2):
            health.note_reached(integration, NOW + timedelta(seconds=1))

        assert between
        assert not PmsIntegration.objects.get().office_is_offline
        assert told() == ["office_offline", "office_online"]

    @pytest.mark.parametrize(("copied", "is_offline"), [(NOW + HOUR, False), (NOW, True), (None, True)])
    def test_so_is_a_copy_that_was_taken_since_where_nothing_else_is_told(
        self, integration: PmsIntegration, copied: datetime | None, is_offline: bool
    ) -> None:
        health.note_offline(integration, NOW)

        health.note(integration, Health(copied), NOW + 2 * HOUR)

        assert integration.office_is_offline is is_offline
        assert PmsIntegration.objects.get().office_is_offline is is_offline

    def test_a_copy_is_not_where_the_office_is_told_to_be_offline(self, integration: PmsIntegration) -> None:
        health.note_offline(integration, NOW)

        health.note(integration, Health(NOW + HOUR, office_is_offline=True), NOW + 2 * HOUR)

        assert integration.office_offline_at == NOW + 2 * HOUR
        assert told() == ["office_offline"]

    def test_a_check_that_was_made_after_the_refused_write_counts_more(self, integration: PmsIntegration) -> None:
        health.note(integration, Health(FRESH, office_is_offline=False), NOW)

        health.note_offline(integration, NOW - timedelta(seconds=1))

        assert not PmsIntegration.objects.get().office_is_offline
        assert told() == []

    def test_says_which_connection(self, practice: Account, integration: PmsIntegration) -> None:
        health.note_offline(integration, NOW)

        event = SecurityEvent.objects.get(kind="integration.office_offline")
        assert (event.account_id, event.actor) == (practice.pk, "job:health")
        assert event.detail == {"provider": "SIKKA", "integration": str(integration.pk)}

    def test_eight_who_notice_at_once_leave_one(self, transactional_db: None, practice: Account) -> None:
        PmsIntegration.objects.update(last_sync_at=NOW, checked_at=NOW)

        def notice() -> None:
            row = PmsIntegration.objects.get(account=practice)
            health.note(row, Health(NOW, office_is_offline=True), NOW + 30 * HOUR)

        together(*[notice] * 8)

        assert sorted(told()) == ["data_stale", "office_offline"]


class TestDuty:
    def test_sees_the_office_go_and_come_back(self, practice: Account, sim: Sim) -> None:
        seen = []
        for minutes, online in ((0, True), (10, False), (20, True)):
            sim("POST", "office", office_id=ALDER, online=online)
            sweeps.do_duties(SetClock.later(minutes=minutes))
            seen.append(PmsIntegration.objects.get().office_is_offline)

        assert seen == [False, True, False]
        assert told() == ["office_offline", "office_online"]

    def test_sees_the_copy_grow_old_and_new_again(self, practice: Account, sim: Sim) -> None:
        sim("POST", "office", office_id=ALDER, copying=False)
        stale = []
        for hours in (1, 27):
            sim("POST", "clock", advance_seconds=hours * 3600)
            clock = SetClock.later(hours=28 if hours == 27 else 1)
            sweeps.do_duties(clock)
            stale.append(health.is_stale(PmsIntegration.objects.get(), clock.now()))
        sim("POST", "office", office_id=ALDER, copying=True)
        sim("POST", "refresh", office_id=ALDER)
        sweeps.do_duties(SetClock.later(hours=28, minutes=10))

        kept = PmsIntegration.objects.get()
        assert stale == [False, True]
        assert kept.last_sync_at is not None
        assert kept.last_sync_at > timezone.now() + timedelta(hours=27)
        assert told() == ["data_stale", "data_current"]
