"""Processes that can be killed anywhere: forks of this one, so that hundreds of them cost little."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from django.db import connections

_FORK = multiprocessing.get_context("fork")
_PATIENCE_SECONDS = 60.0


class Child:
    """A process that does ``work`` on a database connection of its own; it ends with the block at the latest."""

    def __init__(self, work: Callable[[], Any]) -> None:
        connections.close_all()  # a connection that two processes share is none
        self._told, tell = _FORK.Pipe(duplex=False)
        self._process = _FORK.Process(target=_run, args=(work, tell), daemon=True)
        self._process.start()
        tell.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def is_over(self) -> bool:
        """Whether it has ended by itself."""
        return not self._process.is_alive()

    def kill(self) -> None:
        """End it with SIGKILL, wherever it is."""
        self._process.kill()
        self._process.join()

    def result(self) -> Any:
        """Return what its work has returned, ``None`` if it was killed before. Raises what its work has raised."""
        if not self._told.poll(_PATIENCE_SECONDS):
            raise TimeoutError("A process of the campaign does not end.")
        try:
            result = self._told.recv()
        except EOFError:
            return None
        if isinstance(result, BaseException):
            raise result
        return result


def _run(work: Callable[[], Any], tell: Connection) -> None:
    try:
        result = work()
    except Exception as error:  # noqa: BLE001  # raised again by whoever waits for the result
        result = error
    tell.send(result)
    tell.close()
    os._exit(0)  # nothing that this process was to do at its end is the child's to do
