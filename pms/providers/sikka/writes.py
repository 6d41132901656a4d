"""Sikka's write-backs: what is sent, and what the answers prove. Pure functions.

A write-back is accepted at once and carried out minutes later by the computer at the practice. Its id follows the
write; it is never the id of the appointment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import time
from urllib.parse import parse_qs, unquote_plus, urlsplit
from zoneinfo import ZoneInfo

from pms.domain import errors
from pms.domain.localtime import resolve_edge
from pms.domain.records import NewAppointment
from pms.providers.base import Done, Failed, Pending, WriteOutcome
from pms.providers.sikka.envelope import Row, conflicts
from pms.providers.sikka.values import clock, day, flag, plain, text

# The documentation says "POST appointment" for the scope and names the field api_name "appointment".
BOOKING_API = "appointment"
_NO_DESCRIPTION = "Appointment"
_ID = re.compile(r"\bid\s*:\s*(\d+)", re.IGNORECASE)
_FAILED = frozenset({"failed", "failure", "error", "rejected"})
_SAME = ("patient_id", "provider_id", "operatory")


def booking_body(new: NewAppointment, location_id: str, where: ZoneInfo) -> dict[str, str]:
    """Return the body of POST /appointment: strings, the practice's wall clock, every field that is required.

    ``description`` is required and takes few characters; ``check_spu`` makes an offline office an error instead of a
    write that waits for ever. Raises ``WriteRejected`` for a start that the wall clock cannot tell apart.
    """
    local = new.starts_at.astimezone(where)
    wall = time(local.hour, local.minute)
    if resolve_edge(local.date(), wall, where) != new.starts_at:
        raise errors.WriteRejected("The start is not a whole minute that the practice's clock shows once.")
    body = {
        "patient_id": new.patient_id,
        "date": local.date().isoformat(),
        "time": wall.strftime("%H:%M"),
        "description": plain(new.description) or _NO_DESCRIPTION,
        "provider_id": new.clinician_id,
        "length": str(new.duration_minutes),
        "operatory": new.operatory_id,
        "practice_id": location_id,
        "check_spu": "true",
    }
    if new.appointment_type:
        body["type"] = new.appointment_type
    return body


def reference_in(receipt: Row) -> str:
    """Return the write-back's id: ``Id:123`` in the text, else the id of the status link; empty if neither is there."""
    found = _ID.search(text(receipt.get("long_message")))
    if found:
        return found.group(1)
    ids = parse_qs(urlsplit(text(receipt.get("more_information"))).query).get("id", [""])
    return ids[0] if ids[0].isdigit() else ""


def outcome_of(row: Row, reference: str) -> WriteOutcome:
    """Return how a row of ``writeback_status`` stands.

    Done only if it says completed, without error and successful; failed only if it says so. A word that we do not know
    proves neither, so such a write stays pending until a person looks.
    """
    status = text(row.get("status")).lower()
    if not flag(row.get("is_completed")):
        return Pending(reference)
    if flag(row.get("has_error")) or status in _FAILED:
        taken = conflicts(text(row.get("result")))
        return Failed("already_scheduled" if taken else "refused_by_pms", conflict=taken)
    if status not in ("", "success"):
        return Pending(reference)
    return Done(text(row.get("appointment_sr_no")) or text(row.get("created_id")))


def matching_ids(rows: Iterable[Row], body: Mapping[str, str]) -> list[str]:
    """Return the ids of the write-backs that asked for the same appointment as ``body``, newest first."""
    found = [
        text(row.get("id"))
        for row in rows
        if text(row.get("method")).upper() in ("", "POST")
        and text(row.get("api_name")).lower() in ("", BOOKING_API, f"{BOOKING_API}s")
        and _is_same(text(row.get("api_request_body")), body)
    ]
    return sorted((number for number in found if number.isdigit()), key=int, reverse=True)


def _is_same(asked: str, body: Mapping[str, str]) -> bool:
    """Whether an ``api_request_body`` asked for ``body``: JSON, or ``name=value`` joined by ``&`` as in the example.

    The example's values are not URL-encoded, so both readings count.
    """
    if asked.startswith("{"):
        try:
            asked = "&".join(f"{name}={text(value)}" for name, value in json.loads(asked).items())
        except ValueError:
            return False
    return any(_asks_for(reading, body) for reading in (asked, unquote_plus(asked)))


def _asks_for(asked: str, body: Mapping[str, str]) -> bool:
    fields: dict[str, str] = dict(part.partition("=")[::2] for part in asked.split("&"))
    wall = clock(fields.get("time"))
    # Looked for whole, because the name of a room may hold an & or = itself.
    return (
        wall is not None
        and wall == clock(body["time"])
        and day(fields.get("date")) == day(body["date"])
        and all(f"&{name}={body[name]}&" in f"&{asked}&" for name in _SAME)
    )
