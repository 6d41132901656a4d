"""The APIs about offices rather than inside them: App-Id and App-Key open them, and every office is seen."""

from datetime import datetime, timedelta

from . import errors, fields
from .envelope import listing
from .errors import Refusal
from .fields import Row
from .message import Answer, Request, as_json
from .practice import SYSTEMS, Location
from .reads import filtered
from .truth import Office
from .world import World

SILENT_AFTER = timedelta(hours=24)


def _stamp(office: Office, instant: datetime) -> str:
    """The practice's wall clock: the zone stands in a field of its own."""
    return f"{office.local(instant):%Y-%m-%dT%H:%M:%S}"


def _places(world: World) -> list[tuple[Office, Location]]:
    return [(office, place) for office in world.offices.values() for place in office.profile.locations]


def _named(office: Office, place: Location) -> dict[str, str]:
    profile = office.profile
    return {
        "office_id": profile.office_id,
        "practice_id": place.practice_id,
        "practice_name": place.name,
        "domain": "Dental",
        "practice_management_system": profile.pms,
        "practice_management_system_version": profile.pms_version,
        "practice_management_system_refresh_date_time_zone": profile.windows_zone,
        "data_insert_date": _stamp(office, office.copied_at),
    }


def authorized_practices(world: World, request: Request, office_id: str = "") -> Answer:
    """The offices that let us in, each with its secret key; without show=all only the first practice of each."""
    rows = [
        fields.AUTHORIZED_PRACTICES.row(
            **_named(office, place),
            href=f"{world.api_url}/authorized_practices/{office.profile.office_id}",
            secret_key=office.profile.secret_key,
            address=place.address,
            city=place.city,
            state=place.state,
            zip=place.zipcode,
            email=place.email,
            practice_management_system_refresh_date=_stamp(office, office.copied_at),
            data_synchronization_date=_stamp(office, office.copied_at),
            difference_in_minutes="0",
        )
        for office, place in _places(world)
        if (not office_id or office.profile.office_id == office_id)
        and (request.query.get("show") == "all" or place is office.profile.locations[0])
    ]
    names = (
        "practice_id",
        "practice_name",
        "practice_management_system",
        "practice_management_system_version",
        "practice_management_system_refresh_date_time_zone",
    )
    rows = filtered(rows, request, {name: name for name in names})
    return listing(fields.AUTHORIZED_PRACTICES, rows, request, world.url)


def supported_pmses(world: World, request: Request) -> Answer:
    """Which writes each PMS takes: "available" or ""."""
    rows = [
        fields.SUPPORTED_PMSES.row(
            domain="Dental",
            practice_management_system=system.name,
            practice_management_system_version=system.version,
            display_practice_management_system_name=system.name,
            **dict.fromkeys(system.writes, "available"),
        )
        for system in SYSTEMS
    ]
    rows = filtered(rows, request, {name: name for name in fields.SUPPORTED_PMSES.default})
    return listing(fields.SUPPORTED_PMSES, rows, request, world.url)


def data_sync_status(world: World, request: Request) -> Answer:
    """ "refresh", or "not_refresh" once the office's computer has been silent for more than 24 hours."""
    now = world.clock.now()
    rows = [
        fields.DATA_SYNC_STATUS.row(
            **_named(office, place), status="not_refresh" if now - office.seen_at > SILENT_AFTER else "refresh"
        )
        for office, place in _places(world)
    ]
    names = ("office_id", "status", "practice_management_system", "practice_name")
    return listing(fields.DATA_SYNC_STATUS, filtered(rows, request, {name: name for name in names}), request, world.url)


def health_check(world: World, request: Request) -> Answer:
    """The computer in each office; times US style ("1/31/2026 2:05:00 PM"), practice-local."""
    rows = []
    for number, (office, place) in enumerate(_places(world), start=1):
        seen = office.local(office.copied_at)
        named = {name: value for name, value in _named(office, place).items() if name in fields.HEALTH_CHECK.default}
        rows.append(
            fields.HEALTH_CHECK.row(
                **named,
                spc_id=str(40000 + number),
                spc_version="1.0.0.0",
                refresh_time=f"{seen.month}/{seen.day}/{seen.year} {seen.hour % 12 or 12}:{seen:%M:%S %p}",
                spc_schedule_type="Interval",
                spc_schedule_interval=f"{int(world.settings.refresh_lag // 60)} Minutes",
                spc_error_flag=str(not office.online),
                spc_error_description="" if office.online else "Computer is not reachable",
                timezone=office.profile.windows_zone,
                is_inactive="False",
                machine_name="FRONTDESK",
            )
        )
    names = ("office_id", "practice_id", "spc_id", "practice_management_system", "spc_error_flag", "is_inactive")
    return listing(fields.HEALTH_CHECK, filtered(rows, request, {name: name for name in names}), request, world.url)


def practice_location(world: World, request: Request) -> Answer:
    """GET: the locations of one office with access on or off."""
    office = _office(world, request.query.get("office_id", ""))
    rows: list[Row] = [
        fields.PRACTICE_LOCATION.row(
            practice_id=place.practice_id,
            practice_name=place.name,
            address=place.address,
            city=place.city,
            state=place.state,
            zip_code=place.zipcode,
            phone=place.phone,
            access="on" if office.access[place.practice_id] else "off",
        )
        for place in office.profile.locations
    ]
    return listing(fields.PRACTICE_LOCATION, rows, request, world.url)


def set_practice_location(world: World, request: Request) -> Answer:
    """POST: switch locations ON or OFF (comma separated practice ids). At Sikka this switch bills."""
    asked = request.json_object()
    office = _office(world, str(asked.get("office_id", "")))
    places, access = str(asked.get("practice_id", "")).split(","), str(asked.get("access", "")).upper()
    if access not in ("ON", "OFF") or any(place not in office.access for place in places):
        raise Refusal("API1026")
    for place in places:
        office.access[place] = access == "ON"
    return as_json(errors.body("API4006", "Practice location(s) updated successfully"))


def _office(world: World, office_id: str) -> Office:
    if not office_id:
        raise Refusal("API1003")
    if office_id not in world.offices:
        raise Refusal("API2007")
    return world.offices[office_id]
