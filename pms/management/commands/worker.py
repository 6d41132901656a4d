"""``manage.py worker``: the background worker."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from huey.consumer import Consumer

from pms.jobs.queue import queue, wake_all


class Command(BaseCommand):
    help = "Follow write-backs, keep connections well and the house in order, until told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        wake_all()
        # Process managers send SIGTERM: then the job at work is finished first.
        Consumer(queue(), workers=4, graceful_signal="TERM", shutdown_timeout=8).run()
