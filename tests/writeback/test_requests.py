"""What cannot be booked for the moment becomes a request (scheduling cases WB-08 and WB-09)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.models import Booking, BookingState, PmsIntegration, SecurityEvent, Task
from pms.services import connecting, requests, tasks
from tests.conftest import Sim
from tests.ground.support import ASKER
from tests.talking import ALDER, Caller, SetClock, asked_of_the_pms, bookings_sent, in_the_pms, kinds, writes_sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def offline(practice: Account, sim: Sim) -> None:
    """Since the practice was connected nobody reaches its computer; what is read comes from the vendor's copy."""
    sim("POST", "office", office_id=ALDER, online=False)


@pytest.fixture
def late(practice: Account, sim: Sim) -> Caller:
    """A caller 25 minutes after the vendor's copy was taken, at a practice that allows 15."""
    sim("POST", "config", refresh_lag=10**6)
    rules = {**practice.integrations.get().config, "maxDataAgeMinutes": 15}
    practice.integrations.update(config=rules)
    return Caller(practice, clock=SetClock.later(minutes=25)).verified()


def request() -> Task:
    return Task.objects.get(kind=requests.KIND)


@pytest.mark.usefixtures("offline")
class TestOffline:
    def test_wb_08_the_first_wish_is_tried_and_becomes_a_request(self, cora: Caller, sim: Sim) -> None:
        result = cora.book("09:00", notes="Left side hurts")

        assert result.outcome == "on_request_only"
        assert "I have left the team a request for Tuesday" in result.say
        assert "not an appointment until they have agreed" in result.say
        said = tasks.detail(request())
        assert (said["patientId"], said["why"], said["note"]) == ("1001", "office_offline", "Left side hurts")
        assert Booking.objects.get().state == BookingState.FAILED
        assert kinds() == [requests.KIND]
        assert in_the_pms(sim) == []

    def test_wb_08_the_office_is_shown_as_offline_and_the_next_wish_is_not_even_tried(
        self, practice: Account, cora: Caller, sim: Sim
    ) -> None:
        cora.book("09:00")
        integration = PmsIntegration.objects.get(account=practice)
        sent = writes_sent(sim)

        again = Caller(practice).verified().book("10:00")

        assert integration.office_is_offline
        assert SecurityEvent.objects.filter(kind="integration.office_offline").count() == 1
        assert again.outcome == "on_request_only"
        assert writes_sent(sim) == sent
        assert Task.objects.filter(kind=requests.KIND).count() == 2

    def test_wb_08_the_same_wish_is_one_request(self, practice: Account, cora: Caller) -> None:
        first, second = cora.book("09:00"), Caller(practice).verified().book("09:00")

        assert first.say == second.say
        assert Task.objects.filter(kind=requests.KIND).count() == 1

    def test_wb_08_once_it_is_back_times_are_booked_again(self, practice: Account, cora: Caller, sim: Sim) -> None:
        cora.book("09:00")
        sim("POST", "office", office_id=ALDER, online=True)

        assert Caller(practice).verified().book("10:00").outcome == "ok"
        assert not PmsIntegration.objects.get().office_is_offline

    @pytest.mark.parametrize(("minutes", "is_tried"), [(9, False), (11, True)])
    def test_where_no_list_tells_of_the_office_a_wish_is_tried_again_after_a_while(
        self, practice: Account, cora: Caller, sim: Sim, minutes: int, is_tried: bool
    ) -> None:
        for path in ("data_sync_status", "health_check"):
            sim("POST", "fail", path=f"/v4/{path}", times=10**6, status=403)
        cora.book("09:00")
        sent, was = bookings_sent(sim), PmsIntegration.objects.get().office_offline_at

        again = Caller(practice, clock=SetClock.later(minutes=minutes)).verified().book("10:00")

        assert again.outcome == "on_request_only"
        assert (bookings_sent(sim) > sent) is is_tried
        assert (PmsIntegration.objects.get().office_offline_at != was) is is_tried
        assert SecurityEvent.objects.filter(kind="integration.office_offline").count() == 1

    def test_a_successful_test_of_the_connection_calls_the_office_back(
        self, practice: Account, cora: Caller, sim: Sim
    ) -> None:
        cora.book("09:00")
        sim("POST", "office", office_id=ALDER, online=True)

        connecting.retest(account=practice, asker=ASKER, clock=SetClock())

        assert not PmsIntegration.objects.get().office_is_offline

    def test_a_move_is_left_to_the_team_and_the_old_time_stands(
        self, practice: Account, cora: Caller, sim: Sim
    ) -> None:
        sim("POST", "office", office_id=ALDER, online=True)
        assert cora.book("09:00").outcome == "ok"
        sim("POST", "office", office_id=ALDER, online=False)
        PmsIntegration.objects.update(office_offline_at=timezone.now())

        result = cora.move("10:00")

        assert result.outcome == "on_request_only"
        assert "The appointment stays as it is." in result.say
        assert [row["time"] for row in in_the_pms(sim)] == ["09:00"]


class TestOldCopy:
    def test_wb_09_the_vendor_is_asked_first_and_what_is_newer_counts(self, late: Caller, sim: Sim) -> None:
        sim("POST", "clock", advance_seconds=25 * 60)
        sim("POST", "refresh")

        assert "I can offer" in late.open_times()
        assert late.book("09:00").outcome == "ok"

    def test_wb_09_no_times_are_offered_from_it(self, late: Caller, sim: Sim) -> None:
        sim("DELETE", "requests")

        say = late.open_times()

        assert say.startswith("What I can see of the practice's schedule is not up to date right now")
        assert ("GET", "/appointments") not in asked_of_the_pms(sim)

    def test_wb_09_a_wish_becomes_a_request(self, late: Caller, sim: Sim) -> None:
        result = late.book("09:00")

        assert result.outcome == "on_request_only"
        assert "I have left the team a request" in result.say
        assert tasks.detail(request())["why"] == "stale"
        assert (bookings_sent(sim), Booking.objects.count()) == (0, 0)

    def test_wb_09_the_vendor_is_not_asked_about_it_in_every_breath(self, late: Caller, sim: Sim) -> None:
        late.open_times()
        asked = asked_of_the_pms(sim).count(("GET", "/authorized_practices"))

        late.open_times()

        assert asked_of_the_pms(sim).count(("GET", "/authorized_practices")) == asked
        assert SecurityEvent.objects.filter(kind="integration.data_stale").count() == 1
