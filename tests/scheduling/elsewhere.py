"""A process whose machine is in another time zone: ``python -m tests.scheduling.elsewhere`` computes the shared cases.

Printed are the machine's own idea of its zone, and what came out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from pms.domain import localtime
from tests.scheduling.test_cases import CASES, at, day_of, on, outcome

_ROOT = Path(__file__).resolve().parents[2]


def told(zone: str) -> dict[str, Any]:
    """Return what a process computes whose machine is in ``zone``."""
    asked = subprocess.run(
        [sys.executable, "-m", "tests.scheduling.elsewhere"],
        cwd=_ROOT,
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, Any] = json.loads(asked.stdout)
    return found


def computed() -> dict[str, list[Any]]:
    """Return what comes out of every case that can be computed."""
    slots = [day_of(case["given"]) for case in CASES["slots"]]
    return {
        "slots": [[one.local.isoformat() for one in day.slots] for day in slots],
        "refusals": [[(one.start.isoformat(), one.reason) for one in day.refusals] for day in slots],
        "wall_to_utc": [
            [
                str(one)
                for one in localtime.wall_to_utc(on(case["day"]), at(case["time"]), localtime.zone(case["tz"])).utc
            ]
            for case in CASES["wall_to_utc"]
        ],
        "day_bounds": [
            [str(edge) for edge in localtime.day_bounds(on(case["day"]), localtime.zone(case["tz"]))]
            for case in CASES["day_bounds"]
        ],
        "local_date_of": [
            str(localtime.local_date_of(datetime.fromisoformat(case["utc"]), localtime.zone(case["tz"])))
            for case in CASES["local_date_of"]
        ],
        "age": [localtime.age_on(on(case["dob"]), on(case["on"])) for case in CASES["age"]],
        "speech_dates": [
            outcome(case["input"], datetime.fromisoformat(case["now"]), localtime.zone(case["tz"]))
            for case in CASES["speech_dates"]
        ],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"offset": -time.timezone, "computed": computed()}))
