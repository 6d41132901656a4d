"""``python -m tests.bench [--write] [PART...]``: measure, print the tables and, with ``--write``, keep them.

The parts are ``slots``, ``tools``, ``contention`` and ``slow``; without one, all of them. Each has a place of its own
in the document.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pms.management.processes import Failed
from tests.bench import contention, slots, slow, stack, tool_calls
from tests.support.command import INTERRUPTED, Unavailable

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"

# What needs a web server gets the Python that it runs on.
_ON_A_SERVER = {"tools": tool_calls.measured, "contention": contention.measured, "slow": slow.measured}
PARTS = ("slots", *_ON_A_SERVER)


def main() -> int:
    """Measure and tell; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; without one, all")
    parser.add_argument("--write", action="store_true", help=f"rewrite the tables in docs/{DOCUMENT.name}")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    # As Ctrl-C does: without it, SIGTERM would end Python on the spot and leave the servers behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for part, measured in _measured(asked.parts or PARTS):
            sys.stdout.write(f"\n{measured}\n")
            if asked.write:
                _keep(part, measured)
    except (Failed, Unavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _measured(parts: Sequence[str]) -> Iterator[tuple[str, str]]:
    if "slots" in parts:
        yield "slots", _told("slots", slots.measured)
    chosen = [part for part in _ON_A_SERVER if part in parts]
    if not chosen:
        return
    with stack.packages() as python:
        for part in chosen:
            yield part, _told(part, partial(_ON_A_SERVER[part], python))


def _told(part: str, measure: Callable[[], str]) -> str:
    started = time.monotonic()
    measured = measure()
    day, took = datetime.now(UTC).date().isoformat(), f"{time.monotonic() - started:.0f} s"
    return f"`python -m tests.bench {part}` on {day}, in {took}, on {measured}"


def _keep(part: str, measured: str) -> None:
    """Put the tables between the part's two marks in the document."""
    begin, end = f"<!-- measured {part}: begin -->", f"<!-- measured {part}: end -->"
    before, found, rest = DOCUMENT.read_text(encoding="utf-8").partition(begin)
    _, is_closed, after = rest.partition(end)
    if not (found and is_closed):
        raise Failed(f"docs/{DOCUMENT.name} has no place for {part}.")
    DOCUMENT.write_text(f"{before}{begin}\n\n{measured}\n\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
