"""Making figures of what was measured, and a table of the figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TARGET_THROUGHPUT = 0.5
TARGET_P50 = 2.0
TARGET_MEMORY_MB = 130
TARGET_START_SECONDS = 2.0
TARGET_SLOTS_MS = 10
TARGET_SLOPE = 1.1
TARGET_BESIDE_SLOW = 2.0
TARGET_CROWDED_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One scenario for a few seconds. Milliseconds; ``added`` is what is left without waiting for the PMS.

    ``refused`` is the share of calls that found too many others waiting for the PMS; the other figures leave them out.
    ``cpu`` has the milliseconds of CPU that one request cost the web server, the database and the cache.
    """

    per_second: float
    p50: float
    p95: float
    added: float
    waited: float
    refused: float
    cpu: dict[str, float]
    client_share: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A scenario's rounds, each with the round of the bare endpoint just before it."""

    title: str
    rounds: list[tuple[Round, Round]]

    def median(self, name: str) -> float:
        return float(statistics.median(getattr(own, name) for own, _ in self.rounds))

    def ratios(self, name: str) -> list[float]:
        return sorted(getattr(own, name) / getattr(bare, name) for own, bare in self.rounds)

    def cpu(self) -> dict[str, float]:
        """Return the median milliseconds of CPU of each part."""
        return {part: statistics.median(own.cpu[part] for own, _ in self.rounds) for part in self.rounds[0][0].cpu}

    def cpu_ratio(self) -> float:
        return statistics.median(sum(own.cpu.values()) / sum(bare.cpu.values()) for own, bare in self.rounds)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def spread(ratios: Sequence[float]) -> str:
    """Return the median of sorted ratios with the lowest and the highest: ``0.48 (0.45-0.52)``."""
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"


def verdict(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are also aligned in plain text, the first one to the left."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    text = [
        "| "
        + " | ".join(
            cell.rjust(width) if n else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 1) + (":" if n else "-") for n, width in enumerate(widths)) + "|"
    return "\n".join([text[0], rule, *text[1:]])
