"""Make or update the environment in ``.venv`` from the lock files. Runs on the system's Python, standard library only.

uv does the work: the one on PATH, else one that pip installs into ``.venv`` first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = ("requirements.lock", "requirements-dev.lock")


def main() -> int:
    """Install exactly what the lock files name, with hashes checked, and say how long it took."""
    started = time.monotonic()
    try:
        found = uv()
        if not PYTHON.exists():
            _run(found, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(VENV))
        _run(found, "pip", "sync", "--quiet", "--python", str(PYTHON), "--require-hashes", *LOCKS)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"Making .venv failed at: {Path(error.cmd[0]).name} {' '.join(error.cmd[1:4])} ...\n")
        return 1
    sys.stdout.write(f"Environment ready in .venv ({time.monotonic() - started:.1f} s).\n")
    return 0


def uv() -> str:
    """Return uv's path: the one on PATH, else the one in ``.venv``, installed there if need be."""
    return _uv_on_path() or _uv_in_venv()


def _uv_on_path() -> str | None:
    """Return uv's path if it runs: a version manager's stub may be on PATH with nothing behind it."""
    found = shutil.which("uv")
    if found is None or subprocess.run([found, "--version"], capture_output=True, check=False).returncode:
        return None
    return found


def _uv_in_venv() -> str:
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        _make_venv()
        pinned = next(line for line in (ROOT / "requirements-dev.txt").read_text().splitlines() if line[:4] == "uv==")
        _run(str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", pinned.split()[0])
    return str(uv)


def _make_venv() -> None:
    create = [sys.executable, "-m", "venv", str(VENV)]
    if subprocess.run(create, capture_output=True, check=False).returncode == 0:
        return
    # Debian packs venv apart from Python.
    apt_get = shutil.which("apt-get")
    if apt_get and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        package = f"python3.{sys.version_info.minor}-venv"
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", package]):
            subprocess.run([apt_get, "--quiet=2", *arguments], env=environment, stdout=subprocess.DEVNULL, check=False)
    _run(*create)


def _run(*argv: str) -> None:
    subprocess.run(argv, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
