"""The control plane `/_sim/*`: what a test or a demo does to the sandbox. JSON, no credentials, loopback only.

Wrong input answers 400 {"error": ...}. Times are seconds, dates the practice's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from . import practice, vapi
from .diary import clock, minutes
from .errors import Refusal
from .faults import Failure, Fault, Loss, seconds
from .message import Answer, Request, as_json
from .operations import OPERATIONS
from .rows import Visit
from .truth import Office
from .world import World

PREFIX = "/_sim"
# What a PMS may one day send along, unasked.
UNEXPECTED: Mapping[str, object] = {
    "ssn": "900-55-0147",
    "driver_license": "X0000147",
    "credit_card_on_file": "4000000000000002",
    "family": [{"firstname": "Unexpected", "lastname": "Relative"}],
}

Asked = Mapping[str, Any]
Done = dict[str, object]


def _office(world: World, asked: Asked) -> Office:
    office = world.offices.get(str(asked.get("office_id", "")))
    if office is None:
        raise ValueError("unknown office_id")
    return office


def _chosen(world: World, asked: Asked) -> list[Office]:
    return [_office(world, asked)] if asked.get("office_id") else list(world.offices.values())


def _reset(world: World, _asked: Asked) -> Done:
    world.reset()
    return {}


def _config(world: World, asked: Asked) -> Done:
    names = {"writeback_delay", "writeback_delays", "refresh_lag", "latency", "latency_path", "rate_limit", "scope"}
    names |= {"rotate_keys", "tell_created_id", "data_insert", "extra_fields"}
    if unknown := asked.keys() - names:
        raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
    current = world.settings
    settings = replace(
        current,
        writeback_delay=seconds(asked.get("writeback_delay", current.writeback_delay)),
        writeback_delays=_delays(asked.get("writeback_delays", current.writeback_delays)),
        refresh_lag=seconds(asked.get("refresh_lag", current.refresh_lag)),
        tell_created_id=bool(asked.get("tell_created_id", current.tell_created_id)),
        data_insert=str(asked.get("data_insert", current.data_insert)),
        extra_fields=_extra_fields(asked.get("extra_fields", current.extra_fields)),
    )
    latency = seconds(asked.get("latency", world.faults.latency))
    world.settings = settings
    world.faults.latency = latency
    world.faults.latency_path = str(asked.get("latency_path", world.faults.latency_path))
    world.keys.rate_limit = int(asked.get("rate_limit", world.keys.rate_limit))
    scope = asked.get("scope", world.keys.scope)
    world.keys.scope = ",".join(map(str, scope)) if isinstance(scope, list) else str(scope)
    world.keys.rotate = bool(asked.get("rotate_keys", world.keys.rotate))
    return {
        "writeback_delay": settings.writeback_delay,
        "writeback_delays": settings.writeback_delays,
        "refresh_lag": settings.refresh_lag,
        "tell_created_id": settings.tell_created_id,
        "data_insert": settings.data_insert,
        "extra_fields": settings.extra_fields,
        "latency": latency,
        "latency_path": world.faults.latency_path,
        "rate_limit": world.keys.rate_limit,
        "scope": world.keys.scope,
        "rotate_keys": world.keys.rotate,
    }


def _delays(asked: Any) -> dict[str, float]:
    if not isinstance(asked, Mapping) or asked.keys() - OPERATIONS.keys():
        raise ValueError(f"writeback_delays has seconds for {', '.join(OPERATIONS)}")
    return {name: seconds(value) for name, value in asked.items()}


def _extra_fields(asked: Any) -> Mapping[str, object]:
    """True for some that nobody should ever see again, false for none, or the fields themselves."""
    if isinstance(asked, bool):
        return UNEXPECTED if asked else {}
    if not isinstance(asked, Mapping):
        raise ValueError("extra_fields must be true, false or fields with their values")
    return asked


def _fail(world: World, asked: Asked) -> Done:
    world.faults.queue.append(Fault.from_json(asked))
    return {}


def _fail_write(world: World, asked: Asked) -> Done:
    world.faults.failures.append(Failure.from_json(asked))
    return {}


def _lose_answer(world: World, asked: Asked) -> Done:
    world.faults.losses.append(Loss.from_json(asked))
    return {}


def _expire_key(world: World, asked: Asked) -> Done:
    return {"expired": world.keys.expire(_office(world, asked).profile.office_id, world.clock.now())}


def _set_office(world: World, asked: Asked) -> Done:
    office = _office(world, asked)
    wanted = {"online": asked.get("online", office.online), "copying": asked.get("copying", office.copying)}
    for name, value in wanted.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
    world.set_online(office, wanted["online"])
    world.set_copying(office, wanted["copying"])
    return wanted


def _steal(world: World, asked: Asked) -> Done:
    """Somebody at the desk books this time: unchecked, into the truth; with `cloud` true reads show it as well."""
    office = _office(world, asked)
    where = {who.provider_id: who.practice_id for who in office.profile.clinicians}
    provider, room = str(asked["provider_id"]), str(asked["operatory"])
    if provider not in where:
        raise ValueError("unknown provider_id")
    locals_ = [row for row in office.truth.patients.values() if row["practice_id"] == where[provider]]
    patient = office.truth.patients.get(str(asked.get("patient_id", "")), locals_[-1])
    visit = Visit(
        office.new_appointment_number(),
        patient["patient_id"],
        provider,
        room,
        date.fromisoformat(str(asked["date"])),
        clock(minutes(str(asked["time"]))),
        int(asked.get("length", 60)),
        str(asked.get("type", "")),
        description="Entered at the desk",
    )
    row = office.write.appointment(visit, patient, made=office.local(world.clock.now()).date())
    office.put_appointment(row)
    if asked.get("cloud"):
        office.cloud.appointments[visit.number] = row
    return {"appointment_sr_no": visit.number}


def _advance(world: World, asked: Asked) -> Done:
    world.clock.advance(seconds(asked.get("advance_seconds", 0)))
    return {"now": world.settle().isoformat()}


def _refresh(world: World, asked: Asked) -> Done:
    """Copy the truth to the cloud now, for one office or all; an offline office has nobody to do it."""
    now = world.settle()
    offices = [office for office in _chosen(world, asked) if office.online]
    for office in offices:
        office.refresh(now)
    return {"refreshed": [office.profile.office_id for office in offices]}


def _requests(world: World, _asked: Asked) -> Done:
    return {"requests": world.journal.entries()}


def _forget_requests(world: World, _asked: Asked) -> Done:
    world.journal.clear()
    return {}


def _truth(world: World, asked: Asked) -> Done:
    """The PMS itself: all fields of all rows of one office and, if given, one patient."""
    office = _office(world, asked)
    wanted = str(asked.get("patient_id", ""))

    def kept(rows: Mapping[str, dict[str, str]]) -> list[dict[str, str]]:
        return [row for row in rows.values() if wanted in ("", row["patient_id"])]

    return {name: kept(rows) for name, rows in vars(office.truth).items()}


def _writebacks(world: World, asked: Asked) -> Done:
    chosen = _chosen(world, asked)
    return {
        "writebacks": [
            job.status_row(office, with_created_id=True) for office, job in world.jobs.values() if office in chosen
        ]
    }


def _credentials(world: World, _asked: Asked) -> Done:
    return {
        "base_url": world.api_url,
        "app_id": practice.APP_ID,
        "app_key": practice.APP_KEY,
        "offices": [
            {
                "office_id": profile.office_id,
                "secret_key": profile.secret_key,
                "practice_name": profile.locations[0].name,
                "practice_ids": [place.practice_id for place in profile.locations],
                "windows_zone": profile.windows_zone,
                "time_zone": profile.zone,
            }
            for profile in practice.PROFILES
        ],
    }


def _vapi(world: World, _asked: Asked) -> Done:
    """What Vapi's dashboard would show, secrets included, and what opens it."""
    return {"key": vapi.API_KEY, "credentials": world.vapi.credentials, "objects": world.vapi.objects}


def _vapi_config(world: World, asked: Asked) -> Done:
    """Whether credentials can be made by API; without it they are made in the dashboard alone."""
    if not isinstance(asked["credentials"], bool):
        raise ValueError("credentials must be true or false")
    world.vapi.credentials = asked["credentials"]
    return {"credentials": world.vapi.credentials}


def _vapi_add(world: World, asked: Asked) -> Done:
    """Somebody makes an object in the dashboard: unchecked."""
    return {"object": world.vapi.add(str(asked["kind"]), dict(asked["body"]), world.clock.now())}


def _vapi_change(world: World, asked: Asked) -> Done:
    """Somebody changes an object in the dashboard, unchecked, or deletes it: `body` null."""
    kind, object_id, body = str(asked["kind"]), str(asked["id"]), asked["body"]
    if body is None:
        return {"object": world.vapi.objects[kind].pop(object_id)}
    return {"object": world.vapi.change(kind, object_id, dict(body), world.clock.now())}


COMMANDS: dict[tuple[str, str], Callable[[World, Asked], Done]] = {
    ("POST", "reset"): _reset,
    ("POST", "config"): _config,
    ("POST", "fail"): _fail,
    ("POST", "fail_write"): _fail_write,
    ("POST", "lose_answer"): _lose_answer,
    ("POST", "expire_key"): _expire_key,
    ("POST", "office"): _set_office,
    ("POST", "steal"): _steal,
    ("POST", "clock"): _advance,
    ("POST", "refresh"): _refresh,
    ("GET", "requests"): _requests,
    ("DELETE", "requests"): _forget_requests,
    ("GET", "truth"): _truth,
    ("GET", "writebacks"): _writebacks,
    ("GET", "credentials"): _credentials,
    ("GET", "vapi"): _vapi,
    ("POST", "vapi/config"): _vapi_config,
    ("POST", "vapi/add"): _vapi_add,
    ("POST", "vapi/change"): _vapi_change,
}


def command(world: World, request: Request) -> Answer:
    """Carry out one command: 200 {"ok": true, ...}, 400 with the reason, 404 for an unknown one."""
    act = COMMANDS.get((request.method, request.path.removeprefix(f"{PREFIX}/")))
    if act is None:
        return as_json({"error": "unknown command"}, 404)
    try:
        asked: Asked = request.query if request.method == "GET" else request.json_object()
        world.settle()
        return as_json({"ok": True, **act(world, asked)})
    except KeyError as missing:
        return as_json({"error": f"missing {missing}"}, 400)
    except (ValueError, TypeError, Refusal) as wrong:
        return as_json({"error": str(wrong)}, 400)
