"""Eight threads that read from a practice at once, in this process or in one of their own.

``python -m tests.ground.readers INTEGRATION FOLDER`` says that it is ready, and for the files 1, 2 ... that appear in
FOLDER, each with a number of rounds in it, prints whom every thread found.
"""

from __future__ import annotations

import itertools
import json
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import django

from pms.domain.clock import Budget, Clock, SystemClock
from pms.sandbox import Sandbox
from tests import child

WEB_THREADS = 32  # a quarter of them may ask one practice's system
_PATIENCE_SECONDS = 20


@dataclass
class Readers:
    """The threads of another process."""

    process: Popen[str]
    folder: Path
    begun: int = 0

    def begin(self, rounds: int = 1) -> None:
        """Have every thread ask, ``rounds`` times."""
        self.begun += 1
        written = self.folder / "next"
        written.write_text(str(rounds))
        written.rename(self.folder / str(self.begun))

    def found(self) -> list[list[str]]:
        """Return what each thread found, when all are done."""
        line = self._line()
        assert line, self.process.communicate(timeout=_PATIENCE_SECONDS)[1]
        answers: list[list[str]] = json.loads(line)
        return answers

    def wait_until_ready(self) -> None:
        assert self._line() == "ready\n", self.process.communicate(timeout=_PATIENCE_SECONDS)[1]

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@contextmanager
def another_process(integration_id: uuid.UUID, sandbox: Sandbox, folder: Path) -> Iterator[Readers]:
    """Start the readers of another process and wait until they can begin."""
    arguments = ["-m", "tests.ground.readers", str(integration_id), str(folder)]
    with child.start(arguments, sandbox, WEB_THREADS=str(WEB_THREADS)) as process:
        try:
            readers = Readers(process, folder)
            readers.wait_until_ready()
            yield readers
        finally:
            process.kill()


def read(integration_id: uuid.UUID, rounds: int, clock: Clock) -> list[list[str]]:
    """Have eight threads ask for the active clinicians, ``rounds`` times each; return the last answer of each."""
    from pms.models import PmsIntegration
    from pms.services import gateway
    from tests.ground.support import ASKER, in_threads

    integration = PmsIntegration.objects.select_related("account").get(pk=integration_id)

    def work(_number: int) -> list[str]:
        found: list[str] = []
        for _ in range(rounds):
            with gateway.reading(
                integration=integration,
                asker=ASKER,
                action="listClinicians",
                phi=False,
                clock=clock,
                budget=Budget(8, clock),
            ) as access:
                found = sorted(one.id for one in access.pms.list_clinicians() if one.is_active)
        return found

    return in_threads(work)


def main() -> None:
    django.setup()
    integration_id, folder = uuid.UUID(sys.argv[1]), Path(sys.argv[2])
    _say("ready")
    for number in itertools.count(1):
        while not (folder / str(number)).exists():
            time.sleep(0.005)
        rounds = int((folder / str(number)).read_text())
        _say(json.dumps(read(integration_id, rounds, SystemClock())))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
