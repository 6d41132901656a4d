"""Composition: settings, URLs, middleware, logging and checks. Nothing here knows about dentistry."""

import pms  # noqa: F401  # pins the time-zone source before Django reads a zone
