"""Lists with filters and cursors. All that a list shows is in its address, and nothing of a patient is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from accounts.roles import Permission
from pms.dashboard.base import DashboardView
from pms.services.paging import Page

ON = "1"


@dataclass(frozen=True, slots=True)
class Chip:
    """One choice of a filter. ``count`` is how many there are, ``None`` where nobody counts."""

    label: str
    address: str
    is_here: bool
    count: int | None = None


class ListView(DashboardView):
    """A list of what happened. ``filters`` are the names of what narrows it in its address."""

    permission = Permission.READ_PATIENT_DATA
    filters: ClassVar[tuple[str, ...]]

    def chosen(self, name: str) -> str:
        """Return what a filter is set to, empty for nothing."""
        return self.request.GET.get(name, "")

    def chips(self, name: str, choices: Iterable[tuple[str, str]], counts: dict[str, int] | None = None) -> list[Chip]:
        """Return the choices of a filter as links; each of ``choices`` is a value and a label."""
        return [
            Chip(label, self._address(**{name: value}), self.chosen(name) == value, (counts or {}).get(value or "all"))
            for value, label in choices
        ]

    def switch(self, name: str, label: str) -> Chip:
        """Return a filter that is on or off as a link that turns it round."""
        is_on = self.chosen(name) == ON
        return Chip(label, self._address(**{name: "" if is_on else ON}), is_on)

    def paged(self, page: Page[Any]) -> dict[str, Any]:
        """Return a page's rows, and where those before and after it are."""
        return {
            "rows": page.rows,
            "older": self._address(before=page.older) if page.older else "",
            "newer": self._address(after=page.newer) if page.newer else "",
            "is_filtered": any(self.chosen(name) for name in self.filters),
        }

    @property
    def cursor(self) -> dict[str, str]:
        """Where in the list somebody is, as the services take it."""
        return {"before": self.chosen("before"), "after": self.chosen("after")}

    def _address(self, **changes: str) -> str:
        asked = {name: self.chosen(name) for name in self.filters} | changes
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{self.request.path}?{query}" if query else self.request.path
