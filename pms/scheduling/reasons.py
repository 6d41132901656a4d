"""Why a time is not offered: the codes of the "why no slots" explainer, and the error that a caller's wish becomes."""

from __future__ import annotations

from enum import StrEnum

from pms.domain import errors


class Reason(StrEnum):
    """Why one start time, or a whole day, is not offered; ordered from the mildest to the firmest."""

    HOLD = "hold"
    BUFFER = "buffer"
    ROOM_BUSY = "room_busy"
    CLINICIAN_BUSY = "clinician_busy"
    RESOURCE_BUSY = "resource_busy"
    BLOCKOUT = "blockout"
    NOT_ON_GRID = "not_on_grid"
    DOES_NOT_FIT = "does_not_fit"
    NOTICE = "notice"
    HORIZON = "horizon"
    CLOSED = "closed"
    NO_HOURS = "no_hours"
    NO_MAPPING = "no_mapping"


_ERRORS: dict[Reason, type[errors.ParlaeError]] = {
    Reason.NOT_ON_GRID: errors.NotOnGrid,
    Reason.DOES_NOT_FIT: errors.OutsideHours,
    Reason.NOTICE: errors.TooSoon,
    Reason.HORIZON: errors.TooFar,
    Reason.CLOSED: errors.OutsideHours,
    Reason.NO_HOURS: errors.OnRequestOnly,
    Reason.NO_MAPPING: errors.OnRequestOnly,
}


def mildest(reasons: list[Reason]) -> Reason:
    """Return the reason of the team that came closest to being free."""
    order = list(Reason)
    return min(reasons, key=order.index)


def error_for(reason: Reason) -> errors.ParlaeError:
    """Return the error for a caller who wants exactly a time that is not offered; whatever is busy is just taken."""
    return _ERRORS.get(reason, errors.SlotTaken)()
