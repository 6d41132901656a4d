"""The list envelope: paging by page number, field sets, links, and 204 when there is nothing to list."""

from collections.abc import Mapping

from .errors import Refusal
from .fields import FieldTable, Row
from .message import Answer, Request, as_json

DEFAULT_LIMIT = 50
MAX_LIMIT = 5000


def _number(request: Request, name: str, default: int, least: int) -> int:
    text = request.query.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise Refusal("API1026")
    return int(text)


def _selected(table: FieldTable, request: Request) -> tuple[str, ...]:
    """The fields to answer: `fields=a,b` adds to the default set, `lightweight=true` answers only those named."""
    asked = [name.strip() for name in request.query.get("fields", "").split(",") if name.strip()]
    if "get_all" in asked:
        return table.everything
    known = [name for name in asked if name in table.everything or name in table.default]
    if known and request.query.get("lightweight", "").lower() == "true":
        return tuple(known)
    return tuple(dict.fromkeys((*table.default, *known)))


def listing(
    table: FieldTable,
    rows: list[Row],
    request: Request,
    base_url: str,
    *,
    wrapped: bool = False,
    extra: Mapping[str, object] | None = None,
) -> Answer:
    """One page of `rows` in the envelope, every scalar a string; 204 with an empty body if the page has no row.

    `offset` is a page number from 0 (offset=1&limit=50 is rows 51-100). Links repeat only offset and limit, never the
    filters. `wrapped` puts the envelope into an array of one, as writeback_status does. `extra` are fields that no
    documentation knows, in every row.
    """
    limit = min(_number(request, "limit", DEFAULT_LIMIT, 1), MAX_LIMIT)
    offset = _number(request, "offset", 0, 0)
    page = rows[offset * limit : (offset + 1) * limit]
    if not page:
        return Answer(204)
    last = (len(rows) - 1) // limit

    def link(number: int) -> str:
        return f"{base_url}{request.path}?offset={number}&limit={limit}"

    names = _selected(table, request)
    envelope: dict[str, object] = {
        "offset": str(offset),
        "limit": str(limit),
        "total_count": str(len(rows)),
        "execution_time": "12",
        "pagination": {
            "first": link(0),
            "previous": link(offset - 1) if offset else "",
            "current": link(offset),
            "next": link(offset + 1) if offset < last else "",
            "last": link(last),
        },
        "items": [{**(extra or {}), **{name: row[name] for name in names}} for row in page],
    }
    return as_json([envelope] if wrapped else envelope)
