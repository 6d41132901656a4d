"""``manage.py renderdocs``: the pages of ``docs/`` that are made from code; ``--check`` fails if one is stale."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from pms.management.pages import PAGES


class Command(BaseCommand):
    help = f"Write docs/ {', '.join(PAGES)} from the declarations, or check that they are current."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Write nothing; fail if a page is stale.")

    def handle(self, *args: Any, **options: Any) -> None:
        stale = []
        for name, render in PAGES.items():
            page, wanted = settings.BASE_DIR / "docs" / name, render()
            if not options["check"]:
                page.write_text(wanted, encoding="utf-8")
            elif not page.exists() or page.read_text(encoding="utf-8") != wanted:
                stale.append(f"docs/{name}")
        if stale:
            raise CommandError(f"Stale: {', '.join(stale)}. Run manage.py renderdocs.")
