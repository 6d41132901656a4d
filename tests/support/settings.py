"""The product's settings for tests: the same, with secrets of their own and a SQLite file for each process.

A file, not SQLite's in-memory database, because threads and child processes must meet the locks that they meet in
production.
"""

from __future__ import annotations

import os
import re

from tests.support import environment

environment.apply()

from parlae.settings import *  # noqa: E402, F403
from parlae.settings import BASE_DIR, DATABASES, PASSWORD_HASHERS, STORAGES  # noqa: E402

_VAR = BASE_DIR / "var"


def _remove_what_crashed_runs_left() -> None:
    for path in _VAR.glob("test-*"):
        if match := re.match(r"test-(\d+)", path.name):
            try:
                os.kill(int(match[1]), 0)
            except ProcessLookupError:
                path.unlink(missing_ok=True)
            except PermissionError:
                continue  # another user's, and running


if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    _remove_what_crashed_runs_left()
    DATABASES["default"]["TEST"] = {"NAME": _VAR / f"test-{os.getpid()}.sqlite3"}
    _options = DATABASES["default"]["OPTIONS"]
    # A test's rows need not survive a power cut.
    _options["init_command"] = _options["init_command"].replace("synchronous=FULL", "synchronous=OFF")

# What is woken in a test wakes nobody's worker.
JOBS_URL = f"sqlite:///{(_VAR / f'test-{os.getpid()}-jobs.sqlite3').relative_to(BASE_DIR)}"

# The product's is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]
# Nothing is collected before the tests.
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
