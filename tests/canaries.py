"""What must never be readable in a log or in the raw database: the sandbox's people and keys, in any spelling."""

from __future__ import annotations

import logging
import re

from pms.sandbox.practice import APP_KEY

_RANDOM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")
WORDS = (
    "Whitfield",
    "Núñez",
    "Nunez",
    "Lee-O'Brien",
    "Quist",
    "Varga",
    "Achterberg",
    "5550147",
    "555-0147",
    "1987-04-12",
    "04/12/1987",
    "1980-02-03",
    APP_KEY,
    "sandbox-secret-",
)


def found_in(text: str) -> list[str]:
    """Return the canaries that ``text`` holds."""
    lowered = text.casefold()
    return [word for word in WORDS if word.casefold() in lowered]


def without_random(text: str) -> str:
    """Return ``text`` without UUIDs and digests, which now and then hold the four digits of a year or a record's id."""
    return _RANDOM.sub("", text)


class Listener(logging.Handler):
    """Hears every line as it would be written, and remembers those with a canary."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines = 0
        self.hits: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        self.lines += 1
        if found_in(line):
            self.hits.append(line)
