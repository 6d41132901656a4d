"""JSON logs in which only what is named is logged.

Everything passes ``pms.domain.redaction.allowed``: messages of foreign loggers are dropped (they may hold SQL
parameters, URLs or patient data) and only the logger's name, level and the exception's class and frames remain.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pms.domain import redaction


def configure(*, debug: bool) -> None:
    """Route structlog and the standard library's loggers through the allow-list to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _drop_foreign_message],
        processors=[_exception_without_message, _allow, structlog.processors.JSONRenderer()],
        use_get_message=False,  # a foreign message is dropped; formatting it could only fail
    )
    handler = _Handler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in ("django", "django.server", "django.request", "gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    # Its lines repeat ours, with paths and arguments.
    logging.getLogger("django.request").setLevel(logging.ERROR)
    # What a library says without its words is of use only when something is wrong.
    for name in ("urllib3", "huey", "gunicorn", "axes"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(not debug)


class _Handler(logging.StreamHandler[TextIO]):
    """A line that cannot be written is lost: the library would print its message and arguments instead."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Leave a line without any content."""
        with contextlib.suppress(OSError, ValueError):
            self.stream.write('{"event": "log line lost", "level": "error"}\n')


def _drop_foreign_message(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    event["event"] = "foreign_log_line"
    return event


def _exception_without_message(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    record: Any = event.get("_record")
    exc_info = event.pop("exc_info", None) or (record.exc_info if record is not None else None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info if isinstance(exc_info, BaseException) else exc_info[1] if exc_info else None
    if error is not None:
        event["exception"] = type(error).__name__
        event["stack"] = redaction.stack_of(error)
    return event


def _allow(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    return redaction.allowed(event)
