"""``python -m tests.safety [--times N] [--only WORDS] [--write]``: strike every fault, print the table.

The exit status is 1 if anything was lost, doubled or said wrongly, if a fault did not strike at all, or if a state
followed another one that the page does not draw.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import django

from tests.support import postgres
from tests.support.command import INTERRUPTED, Unavailable

if TYPE_CHECKING:  # known only when Django is set up
    from tests.safety.campaign import Tally
    from tests.safety.stage import Stage


def main() -> int:
    """Run the campaign and tell; return the exit status."""
    parser = argparse.ArgumentParser(prog="make safety", description=__doc__)
    parser.add_argument("--times", type=int, default=25, help="how often each fault strikes (default: %(default)s)")
    parser.add_argument("--only", default="", metavar="WORDS", help="only faults with these words in their name")
    parser.add_argument("--seed", type=int, default=1, help="another seed strikes at other moments")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/booking-safety.md")
    asked = parser.parse_args()
    if asked.write and asked.only:
        parser.error("the page has the table of all faults")
    # As Ctrl-C does: without it, SIGTERM would end Python on the spot and leave the servers behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with postgres.cluster() as url:
            return _with_database(url, asked)
    except Unavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _with_database(url: str, asked: argparse.Namespace) -> int:
    os.environ |= {"DATABASE_URL": url, "CACHE_URL": "", "DJANGO_SETTINGS_MODULE": "tests.support.settings"}
    django.setup()
    # What is logged here is tested elsewhere; a campaign of failures logs little else.
    logging.disable(logging.CRITICAL)
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    from tests.journeys.houses import House
    from tests.safety import report, stage

    started = time.monotonic()
    call_command("migrate", verbosity=0)
    stage.watch_steps()
    with tempfile.TemporaryDirectory(prefix="parlae-safety-") as folder, House(Path(folder), url) as house:
        settings.PMS_PROVIDER_DEFAULTS = {**settings.PMS_PROVIDER_DEFAULTS, "SIKKA": stage.sikka(house.sandbox_url)}
        tallies = _tallies(stage.Stage(house), asked)
        version, undrawn = report.database_version(), report.steps_not_in_the_page(stage.steps_taken())
        connections.close_all()
    measured = report.measured(tallies, times=asked.times, database=version, seconds=time.monotonic() - started)
    sys.stdout.write(f"\n{measured}\n")
    for step in undrawn:
        sys.stderr.write(f"The page has no such step: {step}\n")
    if asked.write:
        report.keep(measured)
    return 0 if all(tally.is_safe for tally in tallies) and not undrawn else 1


def _tallies(stage: Stage, asked: argparse.Namespace) -> list[Tally]:
    """Strike every fault that was asked for, and say on stderr how far that is."""
    from tests.safety import campaign
    from tests.safety.faults import FAULTS

    chosen = [fault for fault in FAULTS if asked.only.casefold() in fault.name.casefold()]
    tallies: list[Tally] = []
    for number, fault in enumerate(chosen, start=1):
        began = time.monotonic()
        tallies.append(campaign.run(stage, fault, times=asked.times, seed=asked.seed))
        for wrong in tallies[-1].wrongs:
            sys.stderr.write(f"   {wrong}\n")
        sys.stderr.write(f"{number:2} of {len(chosen)}: {_in_a_line(tallies[-1])} ({time.monotonic() - began:.0f} s)\n")
    return tallies


def _in_a_line(tally: Tally) -> str:
    verdict = "safe" if tally.is_safe else "NOT SAFE"
    missed = f", {tally.missed} times it did not strike" if tally.missed else ""
    tasks = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.tasks.items())) or "none"
    return f"{tally.name}: {tally.times} times, {verdict}{missed}; tasks: {tasks}"


if __name__ == "__main__":
    sys.exit(main())
