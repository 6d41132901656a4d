"""`python -m pms.sandbox`: run until SIGTERM or SIGINT."""

import argparse
import os
import signal
import sys
from pathlib import Path
from threading import Event

from .server import Sandbox
from .state import Unusable
from .world import REFRESH_LAG, WRITEBACK_DELAY


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pms.sandbox", description="A stand-in for Sikka ONE API v4.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port once it listens")
    parser.add_argument("--writeback-delay", type=float, default=WRITEBACK_DELAY, metavar="SECONDS")
    parser.add_argument("--refresh-lag", type=float, default=REFRESH_LAG, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, help="a file in which everything outlives this process")
    return parser.parse_args()


def main() -> int:
    """Start, say where, wait for a signal, stop."""
    arguments = _arguments()
    try:
        _run(arguments)
    except Unusable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _run(arguments: argparse.Namespace) -> None:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with Sandbox(
        host=arguments.host,
        port=arguments.port,
        writeback_delay=arguments.writeback_delay,
        refresh_lag=arguments.refresh_lag,
        seed=arguments.seed,
        state=arguments.state,
    ) as sandbox:
        if arguments.port_file:
            # Renamed into place, so that whoever waits for the file never reads half of it.
            draft = arguments.port_file.with_name(f"{arguments.port_file.name}.new")
            draft.write_text(f"{sandbox.port}\n")
            os.replace(draft, arguments.port_file)
        sys.stdout.write(f"{sandbox.url}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    raise SystemExit(main())
