"""Time zones to choose from, as people call them.

The list of a country's zones is tzdata's own ``zone.tab``; the ones where most people live stand first, by name.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

COUNTRIES = {"US": "United States", "CA": "Canada"}
_TERRITORIES = {"PR": "US", "VI": "US", "GU": "US"}  # their practices are the United States'
_NAMED = {
    "US": (
        ("America/New_York", "Eastern"),
        ("America/Chicago", "Central"),
        ("America/Denver", "Mountain"),
        ("America/Phoenix", "Arizona"),
        ("America/Los_Angeles", "Pacific"),
        ("America/Anchorage", "Alaska"),
        ("Pacific/Honolulu", "Hawaii"),
        ("America/Puerto_Rico", "Puerto Rico"),
    ),
    "CA": (
        ("America/St_Johns", "Newfoundland"),
        ("America/Halifax", "Atlantic"),
        ("America/Toronto", "Eastern"),
        ("America/Winnipeg", "Central"),
        ("America/Regina", "Saskatchewan"),
        ("America/Edmonton", "Mountain"),
        ("America/Vancouver", "Pacific"),
        ("America/Whitehorse", "Yukon"),
    ),
}

Choices = list[tuple[str, list[tuple[str, str]]]]


@cache
def country_of(zone: str) -> str:
    """Return the country whose practices may lie in a zone, empty if it is none of ours."""
    return _countries().get(zone, "")


def choices() -> Choices:
    """Return the zones to choose from, in groups: where most people live, then the rest."""
    named = [
        (COUNTRIES[country], [(zone, f"{label} ({_city(zone)})") for zone, label in zones])
        for country, zones in _NAMED.items()
    ]
    return [*named, *((f"{COUNTRIES[country]}, other places", _others(country)) for country in _NAMED)]


def label(zone: str) -> str:
    """Return what people call a zone."""
    known = {name: f"{said} ({_city(name)})" for zones in _NAMED.values() for name, said in zones}
    return known.get(zone) or zone.replace("_", " ")


def agree(one: str, other: str, now: datetime) -> bool:
    """Return whether two zones' clocks show the same over the coming year."""
    first, second = ZoneInfo(one), ZoneInfo(other)
    weeks = (now + timedelta(weeks=week) for week in range(53))
    return all(when.astimezone(first).utcoffset() == when.astimezone(second).utcoffset() for when in weeks)


def _others(country: str) -> list[tuple[str, str]]:
    named = {zone for zone, _ in _NAMED[country]}
    rest = [zone for zone, owner in _countries().items() if owner == country and zone not in named]
    return sorted(((zone, _place(zone)) for zone in rest), key=lambda pair: pair[1])


@cache
def _countries() -> dict[str, str]:
    """Return the country of each zone."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    owners = {row[2]: _TERRITORIES.get(row[0], row[0]) for row in rows}
    return {zone: country for zone, country in owners.items() if country in COUNTRIES}


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")


def _place(zone: str) -> str:
    """Return a zone's place, the region first where there is one: Indiana, Knox."""
    return ", ".join(zone.split("/")[1:]).replace("_", " ")
