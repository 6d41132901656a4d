"""The product's settings, with the collected static files in the run's own folder, and quicker codes."""

from __future__ import annotations

import os
from pathlib import Path

from parlae.settings import *  # noqa: F403
from tests.browser.codes import PERIOD as MFA_TOTP_PERIOD  # noqa: F401

STATIC_ROOT = Path(os.environ["BROWSER_STATIC_ROOT"])
