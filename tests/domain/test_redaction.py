"""The allow-list of the logs."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from pms.domain.redaction import ALLOWED_KEYS, REDACTED, allowed, exception_name, stack_of


@pytest.mark.parametrize(
    "event",
    [
        {"event": "tool answered", "level": "info", "logger": "parlae.request"},
        {"timestamp": "2026-05-12T13:10:00.123456Z"},
        {"request_id": "0b6f6f0e-7a53-4b43-9a55-123456789012", "call_id": "019cda7d-a75d-7000-8000-000000000007"},
        {"route": "api/pms/appointments/<str:id>", "method": "POST", "status": 200},
        {"route": r"^api/pms/patients/(?P<pk>[^/.]+)/$"},
        {"code": "slot_taken", "duration_ms": 12.5, "attempts": 0, "retryable": False, "reason": None},
        {"exception": "pms.domain.errors.OutcomeUnknown", "stack": ["pms/services/gateway.py:12:<lambda>"]},
        {"flags": ("zone_suffix_ignored",), "account_id": 12},
    ],
)
def test_passes(event: dict[str, object]) -> None:
    expected = {key: list(value) if isinstance(value, tuple) else value for key, value in event.items()}
    assert allowed(event) == expected


@pytest.mark.parametrize(
    "key",
    ["name", "patient", "first_name", "phone", "body", "headers", "url", "path", "query", "arguments", "message",
     "exc_info", "positional_args", "_record", "secret", "email", "dob", "Event"],
)  # fmt: skip
def test_what_is_not_named_is_dropped(key: str) -> None:
    assert key not in ALLOWED_KEYS
    assert allowed({key: "ok", "event": "x"}) == {"event": "x"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("code", "Ann Lee"),
        ("reason", "ann@example.test"),
        ("code", "+14155550123"),
        ("code", "4155550123"),
        ("event", "call from 415-555-0123"),
        ("event", "call from 415 555 0123"),
        ("event", "call 555-0123"),
        ("reason", "1980-03-04"),
        ("event", "born 1980-03-04"),
        ("event", "naïve"),
        ("event", "two\nlines"),
        ("code", "code\n"),
        ("event", "O'Neil"),
        ("event", 'said "hello"'),
        ("route", "/patients?name=ann"),
        ("route", "/patients/4155550123"),
        ("request_id", "4155550123"),
        ("call_id", "+14155550123"),
        ("call_id", "ann@example.test"),
        ("request_id", "x" * 101),
        ("event", "x" * 201),
        ("count", 4155550123),
        ("count", float("nan")),
        ("status", {"patient": "Ann"}),
        ("reason", ValueError("Ann")),
        ("reason", date(1980, 3, 4)),
        ("request_id", UUID(int=1)),
        ("event", b"bytes"),
    ],
)
def test_unsafe_values_are_replaced(key: str, value: object) -> None:
    assert allowed({key: value}) == {key: REDACTED}


def test_lists_are_checked_item_by_item_and_cut() -> None:
    assert allowed({"flags": ["ok", "Ann Lee", {"a": 1}, ["nested"]]}) == {
        "flags": ["ok", REDACTED, REDACTED, REDACTED]
    }
    assert len(allowed({"stack": ["a.py:1:f"] * 500})["stack"]) == 60  # type: ignore[arg-type]


def fail_with(secret: str) -> None:
    try:
        raise KeyError(secret)
    except KeyError as error:
        raise ValueError(f"no {secret}") from error


def caught(secret: str) -> ValueError:
    with pytest.raises(ValueError, match=secret) as raised:
        fail_with(secret)
    return raised.value


def test_a_stack_has_frames_and_classes_and_no_messages() -> None:
    error = caught("Ann-Lee-secret")
    stack = stack_of(error)
    assert stack[-2] == "caused by builtins.KeyError"
    assert stack[-1].startswith("tests/domain/test_redaction.py:")
    assert stack[-1].endswith(":fail_with")
    assert "secret" not in " ".join(stack)
    assert allowed({"stack": stack}) == {"stack": stack}


def test_a_stack_survives_circles_and_missing_tracebacks() -> None:
    one, two = ValueError("a"), KeyError("b")
    one.__cause__, two.__cause__ = two, one
    assert stack_of(one) == ["caused by builtins.KeyError"]
    assert stack_of(ValueError("never raised")) == []


def test_a_suppressed_context_stays_out() -> None:
    error = ValueError()
    error.__context__, error.__suppress_context__ = KeyError(), True
    assert stack_of(error) == []


def test_exception_name() -> None:
    assert exception_name(KeyError("secret")) == "builtins.KeyError"
