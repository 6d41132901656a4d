"""A throw-away Redis: ``python -m tests.support.redis -- COMMAND`` runs COMMAND with its ``TEST_REDIS_URL``."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.command import Unavailable, main
from tests.support.server import free_port, running


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Yield the URL of an empty Redis on 127.0.0.1 that keeps nothing on disk."""
    binary = shutil.which("redis-server") or _install()
    port = free_port()
    argv = [binary, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with (
        tempfile.TemporaryDirectory(prefix="parlae-redis-") as folder,
        running(argv, folder=Path(folder), ready=functools.partial(_answers, port)),
    ):
        yield f"redis://127.0.0.1:{port}/0"


def _install() -> str:
    """Install Debian's Redis where that is possible, and return the server's path."""
    apt_get = shutil.which("apt-get")
    if apt_get and os.geteuid() == 0:
        sys.stderr.write("No redis-server on PATH; installing it with apt-get.\n")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "redis-server"]):
            done = subprocess.run(
                [apt_get, "--quiet=2", *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                sys.stderr.write(done.stderr)
        if (binary := shutil.which("redis-server")) is not None:
            return binary
    raise Unavailable("No redis-server on PATH: install Redis (Debian: apt-get install redis-server).")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main("TEST_REDIS_URL", server))
