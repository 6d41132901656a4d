"""What the machine tells: the CPU seconds and the memory of our own processes, and which machine it is."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One process that this one started, or one of those started. ``cpu_seconds`` are user and system together."""

    pid: int
    parent: int
    command: str
    cpu_seconds: float


def descendants() -> list[Process]:
    """Return every process below this one."""
    everything = {process.pid: process for process in _processes()}

    def is_ours(process: Process | None) -> bool:
        while process is not None and process.parent != os.getpid():
            process = everything.get(process.parent)
        return process is not None

    return [process for process in everything.values() if is_ours(process)]


def cpu_seconds(words: Mapping[str, str]) -> dict[str, float]:
    """Return the CPU seconds that our processes used so far, by the names whose word is in their command line."""
    ours = descendants()
    return {name: sum(one.cpu_seconds for one in ours if word in one.command) for name, word in words.items()}


def memory_mb(pid: int) -> tuple[float, float]:
    """Return the resident and the proportional set size of a process in MB: pages that it shares count in part."""
    text = (_PROC / str(pid) / "smaps_rollup").read_text()
    rss, pss = (int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1]) for name in ("Rss", "Pss"))  # type: ignore[index]
    return rss * 1024 / 1e6, pss * 1024 / 1e6


def facts() -> str:
    """Return the machine and the versions in one line."""
    cpu = re.search(r"^model name\s*: (.+)$", (_PROC / "cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    model = f" ({cpu[1]})" if cpu else ""
    return f"{cores} cores{model}, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def _processes() -> Iterator[Process]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                # After the command's name, which may hold anything: state, parent, ... and from the 14th on, times.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                command = (folder / "cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
            yield Process(int(folder.name), int(fields[1]), command, (int(fields[11]) + int(fields[12])) / _TICKS)
