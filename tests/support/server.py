"""Starting and stopping a throw-away server process."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from pwd import struct_passwd

from pms.management.processes import undisturbed
from tests.support.command import Unavailable

START_SECONDS = 30.0
STOP_SECONDS = 10.0


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    argv: Sequence[str],
    *,
    folder: Path,
    ready: Callable[[], bool],
    account: struct_passwd | None = None,
    environment: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Iterator[None]:
    """Run ``argv``, as ``account`` if one is given, until the block ends; enter it once ``ready()`` is true.

    The server gets a session of its own, so a Ctrl-C in the terminal does not end it under a command that still
    uses it. Raises ``Unavailable`` with the last lines it wrote if it ends early or is not ready in 30 seconds.
    """
    log = folder / "server.log"
    process: subprocess.Popen[bytes] | None = None
    try:
        with undisturbed(), log.open("wb") as output:
            process = subprocess.Popen(
                argv,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = " | ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
                raise Unavailable(f"{Path(argv[0]).name} did not start: {tail}")
            time.sleep(0.05)
        yield
    finally:
        if process is not None:
            with undisturbed():
                _stop(process, stop_signal)


def _stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    for signum in (stop_signal, signal.SIGKILL):
        process.send_signal(signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return
