"""Running one command beside a helper server, so that both end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
UNUSABLE = 2


class Unavailable(Exception):
    """What a command needs is not on this machine; the message is one line that says what to install."""


def run(argv: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run ``argv`` with ``variables`` added to the environment and return its exit status as a shell would.

    A terminal sends Ctrl-C to the command too, so here it is ignored and the command alone decides how to end.
    SIGTERM reaches only this process and is passed on. Both stay so afterwards: cleaning up is not to be cut short.
    """
    with subprocess.Popen(argv, env={**os.environ, **variables}) as child:

        def forward(signum: int, _frame: FrameType | None) -> None:
            child.send_signal(signum)

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, forward)
        status = child.wait()
    return status if status >= 0 else 128 - status


def main(variable: str, server: Callable[[], AbstractContextManager[str]]) -> int:
    """Run the command after ``--`` on the command line with ``variable`` set to the URL of a running ``server``."""
    argv = sys.argv[1:]
    if argv[:1] != ["--"] or len(argv) < 2:
        sys.stderr.write("usage: python -m MODULE -- COMMAND [ARGUMENT ...]\n")
        return UNUSABLE
    # Without this, SIGTERM would end Python on the spot and leave the server behind.
    signal.signal(signal.SIGTERM, _leave)
    try:
        with server() as url:
            return run(argv[1:], {variable: url})
    except Unavailable as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED


def _leave(signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)
