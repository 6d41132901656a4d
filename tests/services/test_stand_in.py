"""Whether a connection leads to the stand-in, and whom a test call books for there."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from pms.models import PmsIntegration, Provider
from pms.sandbox.practice import PROFILES
from pms.services import stand_in


def leading_to(url: str, settings: Settings) -> PmsIntegration:
    settings.PMS_PROVIDER_DEFAULTS = {"SIKKA": {"baseUrl": url}}
    return PmsIntegration(provider=Provider.SIKKA)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123/v4", "http://localhost:1/v4", "http://[::1]:9/v4"])
def test_plain_http_to_this_machine_is_the_stand_in(settings: Settings, url: str) -> None:
    assert stand_in.is_sandbox(leading_to(url, settings))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.sikkasoft.com/v4",
        "https://127.0.0.1/v4",
        "http://127.0.0.1.example.com/v4",
        "http://10.0.0.1/v4",
        "",
    ],
)
def test_everything_else_is_a_practice_s_own(settings: Settings, url: str) -> None:
    assert not stand_in.is_sandbox(leading_to(url, settings))


def test_no_connection_and_another_vendor_s_are_no_stand_in(settings: Settings) -> None:
    leading_to("http://127.0.0.1:8123/v4", settings)

    assert not stand_in.is_sandbox(None)
    assert not stand_in.is_sandbox(PmsIntegration(provider=Provider.KOLLA))


@pytest.mark.parametrize(
    ("office_id", "location_id"),
    [(one.office_id, place.practice_id) for one in PROFILES for place in one.locations],
)
@pytest.mark.whole
def test_at_each_of_its_offices_and_locations_there_is_one_such_patient(office_id: str, location_id: str) -> None:
    people = next(one.people for one in PROFILES if one.office_id == office_id)
    person = stand_in.fictional_patient(PmsIntegration(metadata={"locationId": location_id}))

    said = (person.first_name, person.last_name, person.date_of_birth.isoformat())
    found = [one for one in people if (one.firstname, one.lastname, one.birthdate) == said]
    assert [one.practice_id for one in found] == [location_id]


def test_nobody_stands_in_a_repr() -> None:
    assert "Cora" not in repr(stand_in.fictional_patient(PmsIntegration()))
