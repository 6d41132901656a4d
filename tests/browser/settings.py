"""The product's settings, with the static files in the run's own folder, quicker codes, and practices that are real."""

from __future__ import annotations

import os
from pathlib import Path

from parlae.settings import *  # noqa: F403
from tests.browser.codes import PERIOD as MFA_TOTP_PERIOD  # noqa: F401

INSTALLED_APPS = [*INSTALLED_APPS, "tests.browser.live.LiveConfig"]  # noqa: F405
STATIC_ROOT = Path(os.environ["BROWSER_STATIC_ROOT"])
