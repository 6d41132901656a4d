"""checkAvailability, against the sandbox."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain.localtime import local_date_of
from pms.models import AppointmentType, Booking, SlotOffer
from pms.sandbox import Sandbox
from pms.sandbox.diary import closed_days
from pms.sandbox.practice import ALDER as OFFICE
from tests.conftest import Sim
from tests.practice import description
from tests.talking import ALDER, NEW_YORK, Caller, asked_of_the_pms, cancel_at_the_desk, codes, quiet_day, slow_office

TIME = r"\d{1,2}(?::\d\d)? [AP]M"
DAY = r"[A-Z][a-z]+day, [A-Z][a-z]+ \d{1,2}(?:st|nd|rd|th)"


def times(say: str) -> list[str]:
    """Return the times that are offered in an answer."""
    return re.findall(TIME, say)


def configured(practice: Account, **changes: Any) -> None:
    """Change the practice's settings."""
    integration = practice.integrations.get()
    integration.config = {**integration.config, **changes}
    integration.save()


class TestOffer:
    def test_is_three_times_spread_over_the_day_with_codes(self, caller: Caller) -> None:
        say = caller.open_times()

        assert re.fullmatch(
            rf"On {DAY} I can offer 8 AM \(code A1\), 1 PM \(code A2\) or 4 PM \(code A3\), "
            r"all with Perpetua Lindqvist\.",
            say,
        )

    def test_names_everybody_where_several_have_time(self, caller: Caller, sim: Sim) -> None:
        day = quiet_day().isoformat()
        sim("POST", "steal", office_id=ALDER, provider_id="HY1", operatory="Hyg 1", date=day, time="08:00", cloud=True)

        say = caller.open_times()

        assert (
            "8 AM with Casimir Bellweather (code A1), 1 PM with Perpetua Lindqvist (code A2) or "
            "4 PM with Perpetua Lindqvist (code A3)" in say
        )

    def test_of_a_single_time_has_no_list(self, caller: Caller) -> None:
        say = caller.open_times(date=quiet_day(4).isoformat(), timeOfDay="afternoon")

        assert say.endswith("I can offer 12 PM with Perpetua Lindqvist (code A1).")

    def test_goes_on_counting_within_a_call(self, caller: Caller) -> None:
        caller.open_times()

        assert codes(caller.open_times()) == ["A4", "A5", "A6"]

    def test_starts_anew_in_another_call(self, practice: Account, caller: Caller) -> None:
        caller.open_times()

        say = Caller(practice).open_times(timeOfDay="afternoon")

        assert codes(say) == ["A1", "A2", "A3"]
        assert SlotOffer.objects.filter(code="A1").count() == 2

    def test_holds_nothing(self, practice: Account, caller: Caller) -> None:
        first = caller.open_times()

        assert times(Caller(practice).open_times()) == times(first)
        assert not Booking.objects.exists()

    def test_can_be_booked_whichever_time_it_is(self, practice: Account, caller: Caller) -> None:
        caller.verified()

        booked = [caller.book(slotCode=code).say for code in codes(caller.open_times())]

        assert [("booked" in say, times(say)) for say in booked] == [
            (True, ["8 AM"]),
            (True, ["1 PM"]),
            (True, ["4 PM"]),
        ]

    def test_never_names_a_patient(self, caller: Caller, sim: Sim) -> None:
        patients = sim("GET", "truth", office_id=ALDER)["patients"]
        staff = {who.lastname for who in OFFICE.clinicians}
        names = {row["lastname"] for row in patients} | {row["firstname"] for row in patients}
        today = local_date_of(timezone.now(), NEW_YORK)

        said = [
            caller.use("checkAvailability", date=(today + timedelta(days=n)).isoformat(), appointmentType=kind)
            for n in range(1, 12)
            for kind in ("cleaning", "exam", "toothache")
        ]

        heard = " ".join(f"{result.say} {result.answer.data if result.answer else ''}" for result in said)
        words = set(re.findall(r"[^\W\d]+(?:[-'’][^\W\d]+)*", heard))
        assert staff & words
        assert len(names) > 40
        assert not names & words

    def test_asks_for_people_rooms_and_hours_only_once(self, caller: Caller, sim: Sim) -> None:
        caller.open_times()
        sim("DELETE", "requests")

        caller.open_times()

        assert asked_of_the_pms(sim) == [("GET", "/appointments")]


class TestDay:
    def test_without_an_opening_leads_to_the_next_one(self, caller: Caller) -> None:
        say = caller.open_times(date=quiet_day(6).isoformat())

        assert re.match(
            r"There is nothing open on Sunday, .*? The next opening is on Monday, .*?: I can offer 8 AM \(code A1\), ",
            say,
        )

    def test_that_is_a_holiday_is_closed(self, caller: Caller) -> None:
        [holiday] = closed_days(local_date_of(timezone.now(), NEW_YORK))

        say = caller.open_times(date=holiday.isoformat())

        assert say.startswith("There is nothing open on ")
        assert codes(say)

    def test_has_a_lunch_gap_even_for_someone_whose_hours_have_none(self, caller: Caller) -> None:
        say = caller.open_times(time="12:00", providerId="HY1")

        assert times(say) == ["10:30 AM", "11 AM", "1 PM"]

    def test_left_out_is_today(self, caller: Caller) -> None:
        result = caller.use("checkAvailability", appointmentType="cleaning")

        assert result.outcome == "ok"
        assert codes(result.say)

    def test_beyond_the_horizon_is_said_to_be_too_far(self, caller: Caller) -> None:
        far = local_date_of(timezone.now(), NEW_YORK) + timedelta(days=91)
        while far.weekday() != 1:
            far += timedelta(days=1)

        result = caller.use("checkAvailability", appointmentType="cleaning", date=far.isoformat())

        assert result.outcome == "too_far"

    def test_whose_hours_nobody_knows_has_no_times(self, practice: Account, caller: Caller) -> None:
        configured(practice, maxAdvanceDays=400)
        unknown = local_date_of(timezone.now(), NEW_YORK) + timedelta(weeks=33)

        say = caller.open_times(date=unknown.isoformat())

        assert say.startswith("I can't see the practice's hours for that day")
        assert not SlotOffer.objects.exists()

    @pytest.mark.parametrize(
        ("date", "outcome"),
        [
            ("2020-01-07", "date_in_past"),
            ("2027-02-30", "date_invalid"),
            ("3/4/2027", "date_ambiguous"),
            ("12/29", "date_ambiguous"),
            ("{{date}}", "placeholder"),
            ("YYYY-MM-DD", "placeholder"),
            ("next Tuesday", "time_format"),
            ("tomorrow", "time_format"),
            ("10:00", "date_missing"),
            ("2026-12-29T09:00:00+09:00", "time_zone_mismatch"),
            ("Monday 2026-12-29", "date_ambiguous"),
        ],
    )
    def test_that_is_not_understood_is_asked_about(self, caller: Caller, sim: Sim, date: str, outcome: str) -> None:
        sim("DELETE", "requests")

        result = caller.use("checkAvailability", date=date, appointmentType="cleaning")

        assert result.outcome == outcome
        assert result.say.endswith("?")
        assert asked_of_the_pms(sim) == []

    def test_written_as_midnight_in_utc_stays_that_day(self, caller: Caller) -> None:
        plain = caller.open_times()

        zoned = caller.open_times(date=f"{quiet_day().isoformat()}T00:00:00Z")

        assert times(zoned) == times(plain)
        assert zoned.split(" I can")[0] == plain.split(" I can")[0]


class TestTime:
    @pytest.mark.parametrize(
        ("half", "offered"),
        [
            ("morning", ["8 AM", "9:30 AM", "11 AM"]),
            ("Afternoon", ["1 PM", "2:30 PM", "4 PM"]),
            ("evening", ["1 PM", "2:30 PM", "4 PM"]),
            ("any", ["8 AM", "1 PM", "4 PM"]),
            ("", ["8 AM", "1 PM", "4 PM"]),
        ],
    )
    def test_of_day_narrows_the_offer(self, caller: Caller, half: str, offered: list[str]) -> None:
        assert times(caller.open_times(timeOfDay=half)) == offered

    def test_of_day_that_means_nothing_is_asked_about(self, caller: Caller) -> None:
        result = caller.use("checkAvailability", appointmentType="cleaning", timeOfDay="after my yoga class")

        assert (result.outcome, result.say) == (
            "validation_failed",
            "I did not catch the time of day. What is it, please?",
        )

    def test_of_day_without_an_opening_is_said_to_have_none(self, practice: Account, caller: Caller) -> None:
        kind = AppointmentType.objects.get(account=practice, name="Cleaning")
        kind.duration_minutes = 90
        kind.save()

        say = caller.open_times(date=quiet_day(4).isoformat(), timeOfDay="afternoon")

        assert re.match(rf"There is nothing open in the afternoon on {DAY}, but I can offer 8 AM \(code A1\)", say)

    def test_that_was_wished_is_offered_with_its_neighbours(self, caller: Caller) -> None:
        assert times(caller.open_times(time="10:00")) == ["9:30 AM", "10 AM", "10:30 AM"]

    def test_that_was_wished_counts_on_the_next_open_day_too(self, caller: Caller) -> None:
        say = caller.open_times(date=quiet_day(6).isoformat(), time="14:00")

        assert times(say) == ["1:30 PM", "2 PM", "2:30 PM"]

    def test_with_a_zone_suffix_is_the_practices_wall_clock(
        self, caller: Caller, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert times(caller.open_times(time="10:00Z")) == ["9:30 AM", "10 AM", "10:30 AM"]
        assert any(
            record.msg.get("flags") == ["zone_suffix_ignored"] for record in caplog.records if type(record.msg) is dict
        )

    @pytest.mark.parametrize(
        ("time", "outcome"),
        [("ten", "time_format"), ("{{time}}", "placeholder"), ("10:00+09:00", "time_zone_mismatch")],
    )
    def test_that_is_not_understood_is_asked_about(self, caller: Caller, time: str, outcome: str) -> None:
        result = caller.use("checkAvailability", appointmentType="cleaning", date=quiet_day().isoformat(), time=time)

        assert result.outcome == outcome


class TestTaken:
    def test_by_our_pending_booking_is_not_offered_again(
        self, practice: Account, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow_office(sim, monkeypatch)
        pending = Caller(practice).verified().book("09:00", providerId="HY1")

        offered = Caller(practice).open_times(time="09:00", providerId="HY1")

        assert "not final yet" in pending.say
        assert times(offered) == ["8 AM", "10 AM", "10:30 AM"]

    def test_by_our_confirmed_booking_is_not_offered_while_the_copy_lags(self, practice: Account, sim: Sim) -> None:
        assert Caller(practice).verified().book("09:00", providerId="HY1").answer

        offered = Caller(practice).open_times(time="09:00", providerId="HY1")

        assert times(offered) == ["8 AM", "10 AM", "10:30 AM"]

    def test_by_our_landed_booking_counts_once(self, practice: Account, sim: Sim) -> None:
        Caller(practice).verified().book("09:00", providerId="HY1")
        sim("POST", "refresh", office_id=ALDER)

        offered = Caller(practice).open_times(time="09:00")

        assert times(offered) == ["8:30 AM", "9 AM", "9:30 AM"]
        assert offered.endswith("all with Casimir Bellweather.")

    def test_on_a_second_page_is_not_offered(self, caller: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pms.providers.sikka.reads._APPOINTMENT_PAGE", 2)
        day = quiet_day().isoformat()
        for time in ("08:00", "13:00", "15:00"):
            asked = {"provider_id": "HY1", "operatory": "Hyg 1", "date": day, "time": time, "cloud": True}
            sim("POST", "steal", office_id=ALDER, **asked)
        sim("DELETE", "requests")

        offered = caller.open_times(time="15:00", providerId="HY1")

        assert times(offered) == ["11 AM", "2 PM", "4 PM"]
        assert asked_of_the_pms(sim).count(("GET", "/appointments")) == 2

    def test_until_the_desk_cancels_it(self, caller: Caller, sandbox: Sandbox, sim: Sim) -> None:
        where = {"provider_id": "HY1", "operatory": "Hyg 1", "date": quiet_day().isoformat(), "time": "09:00"}
        number = sim("POST", "steal", office_id=ALDER, cloud=True, **where)["appointment_sr_no"]
        before = times(caller.open_times(time="09:00", providerId="HY1"))

        cancel_at_the_desk(sandbox, number)

        assert "9 AM" not in before
        assert times(caller.open_times(time="09:00", providerId="HY1")) == ["8:30 AM", "9 AM", "9:30 AM"]


class TestKind:
    def test_that_is_unknown_is_answered_with_the_choices(self, caller: Caller, sim: Sim) -> None:
        sim("DELETE", "requests")

        result = caller.use("checkAvailability", appointmentType="root canal", date=quiet_day().isoformat())

        assert (result.outcome, result.say) == (
            "validation_failed",
            "What is the visit for: Cleaning, New Patient Exam or Emergency?",
        )
        assert asked_of_the_pms(sim) == []

    def test_that_was_not_said_is_asked_for(self, caller: Caller) -> None:
        assert caller.use("checkAvailability").say.startswith("What is the visit for:")

    def test_need_not_be_said_where_there_is_only_one(self, practice: Account, caller: Caller) -> None:
        AppointmentType.objects.filter(account=practice).exclude(name="Cleaning").update(is_active=False)

        assert codes(caller.use("checkAvailability", date=quiet_day().isoformat()).say)

    @pytest.mark.parametrize("said", ["CLEANING", "teeth  cleaning", "Check-Up", "checkup"])
    def test_may_be_said_by_any_of_its_names(self, caller: Caller, said: str) -> None:
        assert codes(caller.open_times(appointmentType=said))

    def test_that_the_team_arranges_is_on_request(self, caller: Caller) -> None:
        result = caller.use("checkAvailability", appointmentType="crown", date=quiet_day().isoformat())

        assert result.outcome == "on_request_only"
        assert "arranged by the team" in result.say

    def test_with_nobody_left_to_do_it_is_on_request(self, practice: Account, caller: Caller) -> None:
        gone = [{"clinicianId": "DR9", "operatoryId": "Op 1"}, {"clinicianId": "HY1", "operatoryId": "Old X-ray"}]
        AppointmentType.objects.filter(account=practice, name="Cleaning").update(resources=gone)

        assert caller.use("checkAvailability", appointmentType="cleaning").outcome == "on_request_only"

    def test_only_ever_uses_the_mapped_pairs(self, practice: Account, caller: Caller) -> None:
        caller.open_times()

        offers = SlotOffer.objects.filter(call=caller.call)

        mapped = {
            (pair["clinicianId"], pair["operatoryId"]) for pair in description()["appointment_types"][0]["resources"]
        }
        assert {(offer.clinician_id, offer.operatory_id) for offer in offers} <= mapped


class TestClinician:
    @pytest.mark.parametrize("said", ["HY2", "Bellweather", "casimir bellweather", "Dr. Bellweather"])
    def test_may_be_named_in_any_way(self, caller: Caller, said: str) -> None:
        assert caller.open_times(providerId=said).endswith("all with Casimir Bellweather.")

    @pytest.mark.parametrize("said", ["Smith", "Tarkowski", "doctor", "HY9"])
    def test_who_does_not_do_this_is_answered_with_those_who_do(self, caller: Caller, said: str) -> None:
        result = caller.use("checkAvailability", appointmentType="cleaning", providerId=said)

        assert (result.outcome, result.say) == (
            "validation_failed",
            "For Cleaning I can book Perpetua Lindqvist or Casimir Bellweather. Who would you like to see?",
        )

    def test_who_is_off_that_day_is_offered_on_the_next(self, caller: Caller) -> None:
        say = caller.open_times(date=quiet_day(2).isoformat(), providerId="Bellweather")

        assert re.match(
            r"There is nothing open with Casimir Bellweather on Wednesday, .*\. The next opening is on Thursday, ", say
        )

    def test_of_a_dentist_is_called_doctor(self, caller: Caller) -> None:
        assert "with Dr. Imogen Tarkowski" in caller.open_times(appointmentType="exam")
