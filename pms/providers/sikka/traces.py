"""The traces that writes leave in Sikka's list of write-backs, by which a lost one is found again. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote_plus

from pms.providers.sikka.envelope import Row
from pms.providers.sikka.values import clock, day, money, text
from pms.providers.sikka.writes import WriteRequest

# What two requests of one kind must have in common to be the same; besides the record that a change is for.
_SAME = {
    ("POST", "appointment"): ("patient_id", "provider_id", "operatory", "date", "time"),
    ("PUT", "appointment"): ("provider_id", "operatory", "date", "time", "length"),
    ("PATCH", "appointment"): ("path", "value"),
    ("POST", "patient"): ("firstname", "lastname", "birthdate"),
    ("POST", "medical_note"): ("patient_id", "text", "date"),
    ("POST", "transaction"): ("patient_id", "procedure_code", "amount", "transaction_date", "note"),
}
# Values that the vendor may write in another form than it was given.
_READ_AS: dict[str, Callable[[object], object]] = {
    "date": day,
    "birthdate": day,
    "transaction_date": day,
    "time": clock,
    "amount": money,
}
# A change's record: at the end of the listed request, or in the body that a change of status repeats it in.
_TARGET_NAMES = ("id", "appointment_sr_no")


def matching_ids(rows: Iterable[Row], request: WriteRequest) -> list[str]:
    """Return the ids of the write-backs in ``/writebacks`` that asked for the same as ``request``, newest first."""
    found = [text(row.get("id")) for row in rows if _is_same(row, request)]
    return sorted((number for number in found if number.isdigit()), key=int, reverse=True)


def _is_same(row: Row, request: WriteRequest) -> bool:
    method, api = text(row.get("method")).upper(), text(row.get("api_name")).lower()
    if method not in ("", request.method) or api not in ("", request.api, f"{request.api}s"):
        return False
    asked = text(row.get("api_request_body"))
    if asked.startswith("{"):
        try:
            asked = "&".join(f"{name}={text(value)}" for name, value in json.loads(asked).items())
        except ValueError:
            return False
    # ``name=value`` joined by ``&``. The example's values are not URL-encoded, so both readings count.
    return any(_asks_for(f"&{reading}&", request) for reading in (asked, unquote_plus(asked)))


def _asks_for(asked: str, request: WriteRequest) -> bool:
    if request.target and not any(f"&{name}={request.target}&" in asked for name in _TARGET_NAMES):
        return False
    fields: dict[str, str] = dict(part.partition("=")[::2] for part in asked.split("&"))
    compared = (name for name in _SAME[request.method, request.api] if name in request.body)
    return all(_is_equal(name, asked, fields, request.body) for name in compared)


def _is_equal(name: str, asked: str, fields: Mapping[str, str], body: Mapping[str, str]) -> bool:
    read = _READ_AS.get(name)
    if read is None:
        # Looked for whole, because the name of a room may hold an & or = itself.
        return f"&{name}={body[name]}&" in asked
    value = read(fields.get(name))
    return value is not None and value == read(body[name])
