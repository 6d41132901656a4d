"""Pieces of Markdown that the pages of ``docs/`` are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def note(sources: str) -> str:
    """Return the line that says what a page is made from."""
    return f"Made by `manage.py renderdocs` from {sources}; do not edit by hand."


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def page(lines: Sequence[str]) -> str:
    """Return a whole page."""
    return "\n".join(lines) + "\n"
