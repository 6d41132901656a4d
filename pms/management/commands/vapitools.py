"""``manage.py vapitools``: the tools as JSON, to be created at Vapi."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from pms.tools.registry import TOOLS
from pms.tools.schema import vapi_function
from pms.vapi.webhook import ENDPOINT


class Command(BaseCommand):
    help = "Print the function tools that Vapi's assistant needs, as JSON."

    def handle(self, *args: Any, **options: Any) -> None:
        url = f"{settings.PUBLIC_URL}{ENDPOINT}"
        self.stdout.write(
            json.dumps([vapi_function(tool, url=url) for tool in TOOLS.values() if tool.for_voice], indent=2)
        )
