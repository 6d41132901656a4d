"""What is read from messages about a call, wherever Vapi has put it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms.services.calls import Progress
from pms.vapi import envelope, reports

DATA = Path(__file__).parent.parent / "data" / "vapi"
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
START = datetime(2026, 11, 23, 14, 50, tzinfo=UTC)
END = datetime(2026, 11, 23, 14, 54, 30, tzinfo=UTC)


def read(kind: str = "end-of-call-report", **fields: Any) -> Progress:
    return reports.read(envelope.parse({"message": {"type": kind, **fields}}), now=NOW)


def times(**fields: Any) -> tuple[datetime | None, datetime | None]:
    progress = read(**fields)
    return progress.started_at, progress.ended_at


def test_a_status_is_the_message_s_own_and_never_the_snapshot_s() -> None:
    assert read("status-update", status="in-progress", call={"status": "ended"}).status == "in-progress"
    assert read("status-update", call={"status": "ended"}).status == ""
    assert read("status-update", status=["ended"]).status == ""
    assert read(call={"status": "ringing"}).status == "ended"


def test_a_recorded_status_update_is_read() -> None:
    body = json.loads((DATA / "recorded_status_update_2024_06.json").read_text())["body"]

    progress = reports.read(envelope.parse(body), now=NOW)

    assert progress == Progress(status="ended", ended_reason="silence-timed-out")


def test_a_report_is_read() -> None:
    body = json.loads((DATA / "end_of_call_report.json").read_text())["body"]

    progress = reports.read(envelope.parse(body), now=NOW)

    assert (progress.status, progress.ended_reason) == ("ended", "customer-ended-call")
    assert progress.transcript == "AI: Hello.\nUser: Hello."
    assert (progress.started_at, progress.ended_at, progress.cost) == (None, None, None)


@pytest.mark.parametrize(("started", "ended"), [
    ("2026-11-23T14:50:00.000Z", "2026-11-23T14:54:30.000Z"),
    ("2026-11-23T09:50:00-05:00", "2026-11-23T09:54:30-05:00"),
    (START.timestamp() * 1000, END.timestamp() * 1000),
    (int(START.timestamp()), int(END.timestamp())),
])  # fmt: skip
def test_times_are_iso_8601_or_since_1970(started: object, ended: object) -> None:
    assert times(startedAt=started, endedAt=ended) == (START, END)
    assert times(call={"startedAt": started, "endedAt": ended}) == (START, END)


@pytest.mark.parametrize("garbage", [
    None, "", "yesterday", "2026-11-23", "2026-11-23T14:50:00", "1970-01-01T00:00:00Z", 0, -1, True, 1e300, 10**400,
    float("nan"), [], {}, "2026-11-23T15:00:01Z", "9999-12-31T23:59:59-23:00", 1795478400000 * 1000,
])  # fmt: skip
def test_garbage_and_the_future_are_no_times(garbage: object) -> None:
    assert times(startedAt=garbage, endedAt=garbage) == (None, None)
    assert times(startedAt=garbage, call={"startedAt": "2026-11-23T14:50:00Z"}) == (START, None)


def test_a_time_that_is_missing_follows_from_the_length() -> None:
    assert times(endedAt=END.isoformat(), durationSeconds=270) == (START, END)
    assert times(startedAt=START.isoformat(), durationSeconds=270.0) == (START, END)
    assert times(startedAt=START.isoformat(), durationSeconds=86_000) == (START, None)
    assert times(startedAt=START.isoformat(), durationSeconds=-5) == (START, None)
    assert times(startedAt=START.isoformat(), durationSeconds="270") == (START, None)
    assert times(durationSeconds=270) == (None, None)


def test_an_end_before_the_start_leaves_nothing_to_believe() -> None:
    assert times(startedAt=END.isoformat(), endedAt=START.isoformat()) == (None, None)
    assert times(startedAt=END.isoformat(), endedAt=END.isoformat()) == (END, END)


@pytest.mark.parametrize(("fields", "cost"), [
    ({"cost": 0.1234}, "0.1234"),
    ({"cost": 0}, "0"),
    ({"cost": "1.5"}, "1.5"),
    ({"cost": 0.123456}, "0.1234"),
    ({"cost": 0.5, "costs": [{"cost": 9}]}, "0.5"),
    ({"costs": [{"type": "model", "cost": 0.1}, {"type": "voice", "cost": 0.2}, {"type": "other"}, "x"]}, "0.3"),
    ({"cost": None, "costs": [{"cost": 1e-9}]}, "0"),
    ({"cost": 99999.99999}, "99999.9999"),
    ({"call": {"cost": 5}}, None),
    ({"cost": 100000}, None),
    ({"cost": -1}, None),
    ({"cost": True}, None),
    ({"cost": float("nan")}, None),
    ({"cost": float("inf")}, None),
    ({"cost": 10**400}, None),
    ({"cost": "NaN"}, None),
    ({"cost": "1e999999999"}, None),
    ({"cost": "a lot"}, None),
    ({"costs": []}, None),
    ({"costs": {"cost": 1}}, None),
    ({"costs": [{"cost": 60000}, {"cost": 60000}]}, None),
])  # fmt: skip
def test_a_cost_is_the_sum_that_vapi_gives_or_else_of_its_parts(fields: dict[str, Any], cost: str | None) -> None:
    assert read(**fields).cost == (None if cost is None else Decimal(cost))


def test_what_was_said_is_looked_for_in_the_newer_place_first() -> None:
    assert read(artifact={"transcript": "new"}, transcript="old").transcript == "new"
    assert read(artifact={"transcript": "  "}, transcript="old").transcript == "old"
    assert read(analysis={"summary": "new"}, summary="old").summary == "new"
    assert read(analysis={}, summary="old").summary == "old"
    assert read(analysis=[], artifact=None).summary == ""
    assert read(endedReason=None, call={"endedReason": "a"}).ended_reason == "a"


@pytest.mark.parametrize(("fields", "link"), [
    ({"artifact": {"recording": {"stereoUrl": "https://a", "mono": {"combinedUrl": "https://b"}}}}, "https://a"),
    ({"artifact": {"recording": {"mono": {"combinedUrl": "https://b", "assistantUrl": "https://c"}}}}, "https://b"),
    ({"artifact": {"recording": {"mono": {"assistantUrl": "https://c", "customerUrl": "https://d"}}}}, "https://c"),
    ({"artifact": {"recording": {"mono": {"customerUrl": "https://d"}}, "recordingUrl": "https://e"}}, "https://d"),
    ({"artifact": {"recordingUrl": "https://e"}, "recordingUrl": "https://f"}, "https://e"),
    ({"recordingUrl": "https://f"}, "https://f"),
    ({"recordingUrl": "javascript:alert(1)"}, ""),
    ({"recordingUrl": "https://" + "f" * 2000}, ""),
    ({"artifact": {"recording": "https://a"}}, ""),
])  # fmt: skip
def test_the_recording_is_the_best_link_there_is(fields: dict[str, Any], link: str) -> None:
    assert read(**fields).recording == link


def test_more_than_anybody_reads_is_cut() -> None:
    progress = read(artifact={"transcript": "x" * 300_000}, analysis={"summary": "y" * 30_000})

    assert (len(progress.transcript), len(progress.summary)) == (200_000, 10_000)


def test_only_a_report_brings_what_is_kept() -> None:
    fields = {"transcript": "Hello", "summary": "A call", "recordingUrl": "https://f", "cost": 1, "endedAt": "x"}

    assert read("status-update", status="forwarding", **fields) == Progress(status="forwarding")


def test_nothing_that_was_said_is_in_a_repr() -> None:
    progress = read(artifact={"transcript": "Cora sings"}, summary="Cora sang", recordingUrl="https://cora")

    assert "cora" not in repr(progress).lower()


NAMES = st.sampled_from(
    ["startedAt", "endedAt", "durationSeconds", "cost", "costs", "artifact", "recording", "mono", "analysis", "summary",
     "transcript", "endedReason", "call", "status", "recordingUrl"]
)  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=150)
@given(st.dictionaries(NAMES, anything, max_size=8), st.sampled_from(sorted(reports.TYPES)))
def test_no_body_breaks_the_reading(fields: dict[str, Any], kind: str) -> None:
    progress = reports.read(envelope.parse({"message": {**fields, "type": kind}}), now=NOW)

    for at in (progress.started_at, progress.ended_at):
        assert at is None or at <= NOW
    if progress.started_at and progress.ended_at:
        assert timedelta() <= progress.ended_at - progress.started_at
