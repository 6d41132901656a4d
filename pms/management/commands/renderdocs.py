"""``manage.py renderdocs``: the parts of ``docs/`` that are made from code; ``--check`` fails if they are stale."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from pms.domain import errors
from pms.tools.registry import TOOLS, Tool
from pms.tools.schema import parameters

_NOTE = "Made by `manage.py renderdocs` from `pms/tools/registry.py` and `pms/domain/errors.py`; do not edit by hand."


class Command(BaseCommand):
    help = "Write docs/tools.md from the declarations, or check that it is current."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Write nothing; fail if the page is stale.")

    def handle(self, *args: Any, **options: Any) -> None:
        page = settings.BASE_DIR / "docs" / "tools.md"
        wanted = render()
        if not options["check"]:
            page.write_text(wanted, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != wanted:
            raise CommandError("docs/tools.md is stale: run manage.py renderdocs.")


def render() -> str:
    """Return the page about tools and errors."""
    lines = ["# Tools and errors", "", _NOTE, ""]
    for tool in TOOLS.values():
        lines += [f"## {tool.name}", "", tool.purpose, ""]
        lines += [" ".join(_conditions(tool))]
        lines += ["", "| argument | | meaning |", "|---|---|---|"]
        schema = parameters(tool)
        for name, described in schema["properties"].items():
            needed = "required" if name in schema["required"] else "optional"
            lines.append(f"| `{name}` | {needed} | {described['description']} |")
        lines.append("")
    lines += ["## Errors", "", "| code | HTTP | a repetition may help | what the agent says |", "|---|---|---|---|"]
    for code, error in sorted(_errors().items()):
        again = "yes" if error.retryable else "no"
        lines.append(f"| `{code}` | {error.status} | {again} | {error.default_spoken} |")
    return "\n".join(lines) + "\n"


def _conditions(tool: Tool) -> list[str]:
    needed = [f"`{tool.capability}` of the connection"] if tool.capability else []
    needed += [f"the feature `{tool.feature}`"] if tool.feature else []
    said = [f"Needs {' and '.join(needed)}."] if needed else ["Works also without the practice's system."]
    said.append(f"A system credential needs the scope `{tool.scope}`.")
    if not tool.for_voice:
        return [*said, "Over REST only."]
    return [*said, "By voice only within a live call." if tool.discloses else "Discloses no patient data."]


def _errors() -> dict[str, type[errors.ParlaeError]]:
    """Return one class per public code, the most general one."""
    found: dict[str, type[errors.ParlaeError]] = {}
    waiting = [errors.ParlaeError]
    while waiting:
        error = waiting.pop(0)
        found.setdefault(error.code, error)
        waiting += error.__subclasses__()
    return found
