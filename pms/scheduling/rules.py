"""What an appointment of a type needs, and who can give it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pms.domain.localtime import local_date_of
from pms.domain.records import ResourceKind
from pms.scheduling.hours import Windows


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of an appointment type; all lengths are elapsed minutes.

    ``step_minutes`` is the grid of start times. ``before_minutes`` and ``after_minutes`` stay free around the
    appointment and may run into lunch or closing unless ``buffers_inside_hours``. ``horizon_days`` counts local dates
    from today, the last one included; ``None`` is no limit.
    """

    duration_minutes: int
    step_minutes: int = 15
    before_minutes: int = 0
    after_minutes: int = 0
    notice_minutes: int = 0
    horizon_days: int | None = None
    buffers_inside_hours: bool = False

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for lengths that no appointment has."""
        if self.duration_minutes <= 0 or self.step_minutes <= 0:
            raise ValueError("Duration and step are positive.")
        if min(self.before_minutes, self.after_minutes, self.notice_minutes, self.horizon_days or 0) < 0:
            raise ValueError("Buffers, notice and horizon are not negative.")

    def earliest_start(self, now: datetime) -> datetime:
        """Return the first instant that keeps the minimum notice."""
        return now + timedelta(minutes=self.notice_minutes)

    def last_day(self, now: datetime, where: ZoneInfo) -> date | None:
        """Return the last bookable local date, ``None`` without a horizon."""
        if self.horizon_days is None:
            return None
        return local_date_of(now, where) + timedelta(days=self.horizon_days)


@dataclass(frozen=True, slots=True)
class Team:
    """The people and the room that one appointment takes together; only teams of the type's mapping exist.

    ``resources`` are keys made by `resource`. ``windows`` are the hours that all of them share, within the practice's;
    ``None`` means they keep the practice's hours. ``names`` is whatever the asker knows the team by.
    """

    resources: frozenset[str]
    windows: Windows | None = None
    names: tuple[str, ...] = ()


class BusyKind(StrEnum):
    """What occupies the time."""

    APPOINTMENT = "appointment"
    BLOCKOUT = "blockout"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Busy:
    """Occupied time between two instants, half open. No ``resources`` means the whole practice.

    ``before_minutes`` and ``after_minutes`` are the turnover that this row needs for itself.
    """

    start: datetime
    end: datetime
    resources: frozenset[str] = frozenset()
    before_minutes: int = 0
    after_minutes: int = 0
    kind: BusyKind = BusyKind.APPOINTMENT

    def concerns(self, team: Team) -> bool:
        """Return whether the row takes any resource of the team."""
        return not self.resources or bool(self.resources & team.resources)


def resource(kind: ResourceKind, identifier: str) -> str:
    """Return the key of a resource: practice systems number people and rooms alike, so the kind is part of it."""
    return f"{kind}:{identifier}"


def is_a(kind: ResourceKind, key: str) -> bool:
    """Return whether a key made by `resource` is of that kind."""
    return key.startswith(f"{kind}:")
