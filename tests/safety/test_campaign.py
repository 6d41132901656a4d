"""Every fault of the campaign once; ``make safety`` strikes each of them more often and writes the table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from tests import child
from tests.journeys.houses import SANDBOX, House
from tests.safety import campaign
from tests.safety.faults import OF_OUR_OWN, OF_SEVERAL_AND_OF_CHANGES, OF_THE_OFFICE, OF_THE_VENDOR, Fault
from tests.safety.stage import Stage, sikka

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.whole,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="What breaks here breaks in production's database."),
]


@pytest.fixture(scope="module")
def _vendor(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("safety"), child.database_url()) as house:
        yield house


@pytest.fixture
def stage(transactional_db: None, _vendor: House, settings: Settings) -> Stage:
    """A practice that is connected to a sandbox of its own."""
    _vendor.ready(SANDBOX)
    settings.PMS_PROVIDER_DEFAULTS = {
        **django_settings.PMS_PROVIDER_DEFAULTS,
        "SIKKA": sikka(_vendor.sandbox_url),
    }
    return Stage(_vendor)


def strike_once(stage: Stage, fault: Fault) -> None:
    """Let a fault strike once, and fail if anything was lost, doubled or said wrongly."""
    tally = campaign.run(stage, fault, times=1)

    assert tally.wrongs == []
    assert (tally.times, tally.lost, tally.doubled, tally.untrue) == (1, 0, 0, 0)


def named(fault: Fault) -> str:
    return fault.name


@pytest.mark.parametrize("fault", OF_THE_VENDOR, ids=named)
def test_whatever_the_vendor_does_nothing_is_lost_doubled_or_said_wrongly(stage: Stage, fault: Fault) -> None:
    strike_once(stage, fault)


@pytest.mark.parametrize("fault", OF_THE_OFFICE, ids=named)
def test_whatever_happens_at_the_office_nothing_is_lost_doubled_or_said_wrongly(stage: Stage, fault: Fault) -> None:
    strike_once(stage, fault)


@pytest.mark.parametrize("fault", OF_OUR_OWN, ids=named)
def test_whatever_of_ours_dies_nothing_is_lost_doubled_or_said_wrongly(stage: Stage, fault: Fault) -> None:
    strike_once(stage, fault)


@pytest.mark.parametrize("fault", OF_SEVERAL_AND_OF_CHANGES, ids=named)
def test_whoever_wants_what_at_once_nothing_is_lost_doubled_or_said_wrongly(stage: Stage, fault: Fault) -> None:
    strike_once(stage, fault)
