"""Where Chromium is: the one on PATH, else the one that playwright or apt-get installs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Playwright

from tests.support.command import Unavailable

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing that a browser does of its own accord: no updates, no look-ups, no first-run pages.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
    "--no-first-run",
    "--no-default-browser-check",
    # No name but ours leads anywhere, so that what a page asks of another host is seen and goes nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)


def executable(playwright: Playwright) -> str:
    """Return the path of a Chromium, installing one where that is possible; raises ``Unavailable`` where it is not."""
    found = _on_path() or _of_playwright(playwright)
    if found is None and _install():
        found = _on_path() or _of_playwright(playwright)
    if found is None:
        raise Unavailable("No Chromium on PATH: install it (Debian: apt-get install chromium).")
    return found


def _on_path() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def _of_playwright(playwright: Playwright) -> str | None:
    path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _install() -> bool:
    """Try Debian's package, where apt-get may be used, then playwright's own download; return whether one worked."""
    attempts: list[list[str]] = []
    apt_get = shutil.which("apt-get")
    if apt_get and os.geteuid() == 0:
        attempts.append([apt_get, "--quiet=2", "update"])
        attempts.append([apt_get, "--quiet=2", "install", "--yes", "--no-install-recommends", "chromium"])
    attempts.append([sys.executable, "-m", "playwright", "install", "chromium"])
    for argv in attempts:
        sys.stderr.write(f"No Chromium on PATH; trying {' '.join(argv[-2:])}.\n")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.stderr.write(done.stderr)
        elif argv[-1] == "chromium":
            return True
    return False
