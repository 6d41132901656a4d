"""Running several programs together: started, watched, and stopped as one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOP_SECONDS = 10.0
_SHOWN_LINES = 15


class Failed(Exception):
    """A program ended that should not have, or was not ready in time; the message has its last lines."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C and its like until the end of the block, where half a step would leave a process behind."""
    held: list[int] = []
    before = {ending: signal.signal(ending, lambda number, _frame: held.append(number)) for ending in ENDING_SIGNALS}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)
    for number in held:
        signal.raise_signal(number)


class Supervisor:
    """Starts programs with one environment, in sessions of their own, and stops them all at the end of its block.

    A session each, so that Ctrl-C reaches only this process, which stops them in order, and so that a program's own
    children (a web server's workers) end with it.

    Args:
        folder: the programs' working directory.
        logs: where each background program writes ``NAME.log``.
        environment: all of the programs' environment.
    """

    def __init__(self, *, folder: Path, logs: Path, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._folder = folder
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            self._stop(reversed(self._running.values()))

    def start(self, name: str, argv: Sequence[str]) -> None:
        """Start a program that is to run until the end."""
        self._launch(name, argv, self._log(name))

    def run(self, name: str, argv: Sequence[str], *, seconds: float) -> None:
        """Run a program to its end; raises ``Failed`` if its status is not 0 or it takes longer than ``seconds``."""
        if self._to_end(name, argv, self._log(name), seconds):
            raise Failed(self._account_of(name, "failed"))

    def show(self, name: str, argv: Sequence[str], *, seconds: float) -> int:
        """Run a program to its end with its output on this terminal, and return its status."""
        return self._to_end(name, argv, None, seconds)

    def wait_until(self, name: str, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait for ``ready()``; raises ``Failed`` if that takes longer than ``seconds`` or a program ends meanwhile."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.watch()
            if time.monotonic() > deadline:
                raise Failed(self._account_of(name, f"was not ready within {seconds:.0f} seconds"))
            time.sleep(0.05)

    def watch(self) -> None:
        """Raise ``Failed`` if a program has ended."""
        for name, process in self._running.items():
            if (status := process.poll()) is not None:
                raise Failed(self._account_of(name, f"ended with status {status}"))

    def _launch(self, name: str, argv: Sequence[str], log: Path | None) -> subprocess.Popen[bytes]:
        with undisturbed(), contextlib.ExitStack() as files:
            output = files.enter_context(log.open("wb")) if log else None
            process = self._running[name] = subprocess.Popen(
                argv,
                cwd=self._folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
            )
        return process

    def _to_end(self, name: str, argv: Sequence[str], log: Path | None, seconds: float) -> int:
        process = self._launch(name, argv, log)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(self._account_of(name, f"took longer than {seconds:.0f} seconds")) from None
        finally:
            with undisturbed():
                self._stop([self._running.pop(name)])

    def _stop(self, processes: Iterable[subprocess.Popen[bytes]]) -> None:
        stopping = list(processes)
        for process in stopping:
            _signal_session(process, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in stopping:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            # Whatever is left of it, its own children too.
            _signal_session(process, signal.SIGKILL)
            process.wait()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _account_of(self, name: str, what: str) -> str:
        lines = [f"{name} {what}."]
        with contextlib.suppress(FileNotFoundError):
            text = self._log(name).read_text(encoding="utf-8", errors="replace")
            lines += [f"  {line}" for line in text.splitlines()[-_SHOWN_LINES:]]
        return "\n".join(lines)


def _signal_session(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
