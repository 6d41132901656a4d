"""Pages of long lists, newest first: a cursor says where one goes on, so that the tenth page costs what the first does.

A cursor is an instant and an id, and nothing else of a row. One that cannot be read begins at the beginning.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

SIZE = 25
M = TypeVar("M", bound=Model)
Row = TypeVar("Row")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """One page. ``older`` and ``newer`` are the cursors of its neighbours (``before`` and ``after``), or empty."""

    rows: Sequence[Row]
    older: str = ""
    newer: str = ""

    def of(self, make: Callable[[Row], Other]) -> Page[Other]:
        """Return the same page of something made from each row."""
        return Page(rows=[make(row) for row in self.rows], older=self.older, newer=self.newer)


def page(rows: QuerySet[M], *, by: str, before: str = "", after: str = "", size: int = SIZE) -> Page[M]:
    """Return a page of ``rows`` by the instant in ``by``, newest first: those ``before`` or ``after`` a cursor."""
    older_than, newer_than = read(before), read(after)
    if newer_than is not None and older_than is None:
        found = list(rows.filter(_beyond(by, newer_than, "gt")).order_by(by, "pk")[: size + 1])
        shown, has_newer, has_older = found[:size][::-1], len(found) > size, True
    else:
        wanted = rows.filter(_beyond(by, older_than, "lt")) if older_than else rows
        found = list(wanted.order_by(f"-{by}", "-pk")[: size + 1])
        shown, has_newer, has_older = found[:size], older_than is not None, len(found) > size
    return Page(
        rows=shown,
        older=cursor(shown[-1], by) if shown and has_older else "",
        newer=cursor(shown[0], by) if shown and has_newer else "",
    )


def cursor(row: Model, by: str) -> str:
    """Return where a page goes on after, or before, a row."""
    return base64.urlsafe_b64encode(f"{getattr(row, by).isoformat()}|{row.pk}".encode()).decode().rstrip("=")


def read(text: str) -> tuple[datetime, UUID] | None:
    """Return what a cursor says, ``None`` for one that cannot be read."""
    try:
        when, _, pk = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("|")
        instant = datetime.fromisoformat(when)
        return (instant, UUID(pk)) if instant.tzinfo else None
    except (ValueError, binascii.Error):
        return None


def _beyond(by: str, mark: tuple[datetime, UUID], way: str) -> Q:
    when, pk = mark
    return Q(**{f"{by}__{way}": when}) | Q(**{by: when, f"pk__{way}": pk})
