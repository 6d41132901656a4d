"""Run on its own: logs what must not be logged, through every door, and prints what each case wrote as JSON."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Callable
from typing import Any

import structlog

from parlae import logging as parlae_logging

NAME = "Cora Whitfield"
PHONE = "+12125550147"
BORN = "1987-04-12"
EVERYTHING = f"{NAME} {PHONE} {BORN}"


class Broken:
    """Cannot be written as text."""

    def __str__(self) -> str:
        raise ValueError(EVERYTHING)

    __repr__ = __str__


class _Patient(Exception):
    def __init__(self) -> None:
        super().__init__(EVERYTHING)
        self.add_note(EVERYTHING)


def _raised() -> Exception:
    try:
        try:
            raise KeyError(EVERYTHING)
        except KeyError as cause:
            raise _Patient from cause
    except _Patient as error:
        return error


def _gunicorn() -> None:
    """A worker's loggers, set up by gunicorn before the application configures its own."""
    from gunicorn.config import Config
    from gunicorn.glogging import Logger

    config = Config()
    config.set("accesslog", "-")
    config.set("errorlog", "-")
    logger = Logger(config)
    parlae_logging.configure(debug=False)
    _take_stream()
    logger.info("Booting %s", NAME)
    logger.warning("Invalid request from ip=%s: %s", PHONE, NAME)
    logger.access_log.info('%s "GET /patients?name=%s HTTP/1.1" "%s"', PHONE, NAME, NAME)
    try:
        raise _raised()
    except _Patient:
        logger.exception("Error handling request %s", f"/patients/{NAME}?born={BORN}")


def _sql() -> None:
    import sqlite3

    try:
        sqlite3.connect(":memory:").execute(f"SELECT * FROM patients WHERE name = '{NAME}' AND born = ?", [BORN])  # noqa: S608
    except sqlite3.Error:
        logging.getLogger("django.db.backends").exception("(0.1) %s; args=%s", f"SELECT '{NAME}'", (PHONE, BORN))


log = structlog.get_logger("pms.test")
foreign = logging.getLogger("some.library")

CASES: dict[str, Callable[[], Any]] = {
    "structlog: values": lambda: log.info("booked", tool=NAME, code=PHONE, reason=BORN, state=f"{NAME}!"),
    "structlog: keys that nobody named": lambda: log.info("booked", name=NAME, phone=PHONE, body={"born": BORN}),
    "structlog: objects": lambda: log.info("booked", code={"name": NAME}, count=[NAME, Broken()], rows=Broken()),
    "structlog: numbers": lambda: log.info("booked", count=12125550147, reference=PHONE, call_id="212-555-0147"),
    "structlog: numbers in an event": lambda: log.info(f"booked for {PHONE} {BORN}"),
    "structlog: exception": lambda: log.error("broke", exc_info=_raised()),
    "structlog: context": lambda: _in_context(lambda: log.info("booked")),
    "structlog: stack": lambda: log.info("booked", stack_info=True),
    "library: message": lambda: foreign.warning(EVERYTHING),
    "library: message that looks like one of ours": lambda: foreign.warning(NAME),
    "library: argument that looks like a code": lambda: foreign.warning("%s", NAME),
    "library: arguments": lambda: foreign.warning("%s was born %s, call %s", NAME, BORN, PHONE),
    "library: mapping": lambda: foreign.warning("%(name)s", {"name": NAME}),
    "library: arguments that do not fit": lambda: foreign.error("%d at %s", NAME, BORN),
    "library: arguments that cannot be written": lambda: foreign.error("%s %s", NAME, Broken()),
    "library: no text at all": lambda: foreign.error(Broken()),
    "library: extra": lambda: foreign.error("x", extra={"patient": NAME, "tool": PHONE, "code": BORN, "event": NAME}),
    "library: exception": lambda: foreign.error("x", exc_info=_raised()),
    "library: stack": lambda: foreign.error("x", stack_info=True),
    "library: level of its own": lambda: foreign.log(35, EVERYTHING),
    "library: root": lambda: logging.error(EVERYTHING),
    "django: request": lambda: logging.getLogger("django.request").error(
        "Internal Server Error: %s", f"/patients/{NAME}?phone={PHONE}", exc_info=_raised(), extra={"request": NAME}
    ),
    "django: security": lambda: logging.getLogger("django.security.DisallowedHost").error("Invalid host: %r", NAME),
    "django: server": lambda: logging.getLogger("django.server").info('"GET /%s" 200', NAME),
    "django: sql": _sql,
    "requests": lambda: logging.getLogger("urllib3.connectionpool").warning("Retrying /v4/patients?lastname=%s", NAME),
    "huey": lambda: logging.getLogger("huey").error("Unhandled in task %s(%s)", "follow", NAME, exc_info=_raised()),
    "warnings": lambda: warnings.warn(f"naive datetime ({EVERYTHING})", RuntimeWarning, stacklevel=1),
    "gunicorn": _gunicorn,
}


def _in_context(work: Callable[[], Any]) -> None:
    with structlog.contextvars.bound_contextvars(patient=NAME, tool=NAME, request_id="request-0001"):
        work()


def _take_stream() -> io.StringIO:
    stream = io.StringIO()
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    global _stream
    _stream = stream
    return stream


_stream = io.StringIO()


def main() -> None:
    parlae_logging.configure(debug=False)
    warnings.simplefilter("always")
    written: dict[str, str] = {}
    for name, work in CASES.items():
        _take_stream()
        work()
        written[name] = _stream.getvalue()
    json.dump(written, sys.stdout)


if __name__ == "__main__":
    main()
