"""What a person should know about a connection that works."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pms.domain.records import ConnectionReport
from pms.providers.base import Capability


class Attention(StrEnum):
    """The codes with which a step of a test ends that could have ended better."""

    COPY_TOO_OLD = "copy_too_old"
    COPY_OF_UNKNOWN_AGE = "copy_of_unknown_age"
    OFFICE_OFFLINE = "office_offline"
    READS_MISSING = "reads_missing"
    READ_ONLY = "read_only"
    NO_BOOKING = "no_booking"


_READS = {Capability.READ_SCHEDULE, Capability.READ_APPOINTMENTS, Capability.READ_PATIENTS}
_WRITES = {
    Capability.BOOK_APPOINTMENT,
    Capability.MOVE_APPOINTMENT,
    Capability.CANCEL_APPOINTMENT,
    Capability.CONFIRM_APPOINTMENT,
    Capability.CREATE_PATIENT,
    Capability.UPDATE_PATIENT,
    Capability.ADD_NOTE,
    Capability.ADD_INSURANCE,
    Capability.POST_PAYMENT,
}


def longest_age(usual: timedelta | None, config: Mapping[str, Any]) -> timedelta | None:
    """Return how old a vendor's copy may be: ``maxDataAgeMinutes`` of the settings, else what is usual for the vendor.

    ``None`` where reads are live.
    """
    minutes = config.get("maxDataAgeMinutes")
    if usual is None or not isinstance(minutes, int) or isinstance(minutes, bool) or minutes <= 0:
        return usual
    return timedelta(minutes=minutes)


def to_the_copy(report: ConnectionReport, longest: timedelta | None, now: datetime) -> str:
    """Return what there is to know about the data that a connection reads, empty if it is fresh."""
    if report.office_is_offline:
        return Attention.OFFICE_OFFLINE
    if longest is None:
        return ""
    if report.data_as_of is None:
        return Attention.COPY_OF_UNKNOWN_AGE
    return Attention.COPY_TOO_OLD if now - report.data_as_of > longest else ""


def to_the_writing(capabilities: Collection[str]) -> str:
    """Return what there is to know about what a connection can do, empty if it can book."""
    able = set(capabilities)
    if not able.issuperset(_READS):
        return Attention.READS_MISSING
    if able.isdisjoint(_WRITES):
        return Attention.READ_ONLY
    return "" if Capability.BOOK_APPOINTMENT in able else Attention.NO_BOOKING
