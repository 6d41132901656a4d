"""What the tests of the pages read them with."""

from __future__ import annotations

from html import unescape
from typing import Any


def text(answer: Any) -> str:
    """Return what a page says, with its marks."""
    return str(answer.content.decode())


def words(answer: Any) -> str:
    """Return what a page says as people read it, where signs are written out."""
    return unescape(text(answer))
