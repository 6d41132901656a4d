"""What is written to the log while a test runs, as the product's own handler writes it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    own = next(h for h in root.handlers if isinstance(h.formatter, structlog.stdlib.ProcessorFormatter))
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(own.formatter)
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)
