"""An agreement's text, taken apart so that a page can show its headings and lists.

Paragraphs are separated by empty lines. A line that begins with a number and a full stop is a heading; lines that begin
with a letter in brackets are a list's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADING = re.compile(r"\d+\. [^\n]+")
_ITEM = re.compile(r"^\([a-z]\) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, or a list."""

    kind: str  # "heading", "paragraph" or "list"
    text: str = ""
    items: tuple[str, ...] = ()


def blocks(text: str) -> Iterator[Block]:
    """Yield what a text consists of, without its first paragraph, the title."""
    for part in text.strip().split("\n\n")[1:]:
        if _HEADING.fullmatch(part):
            yield Block("heading", part)
        elif _ITEM.match(part):
            yield Block("list", items=tuple(_line(one) for one in _ITEM.split(part)[1:]))
        else:
            yield Block("paragraph", _line(part))


def _line(text: str) -> str:
    return " ".join(text.split())
