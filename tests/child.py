"""A process of its own on the test's database and sandbox.

``python -m tests.child CALL TOOL ARGUMENTS`` uses one tool in a known call and prints how that ended.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connection

from pms.sandbox import Sandbox
from pms.sandbox.practice import APP_ID, APP_KEY

_ROOT = Path(__file__).resolve().parent.parent


def using(call: str, tool: str, sandbox: Sandbox, **arguments: Any) -> Popen[str]:
    """Start a process that uses a tool in the call with this Vapi id."""
    return start(["-m", "tests.child", call, tool, json.dumps(arguments)], sandbox)


def start(arguments: Sequence[str], sandbox: Sandbox, **variables: str) -> Popen[str]:
    """Start Python with the settings of an installation that uses the test's database and sandbox."""
    sikka = {"SIKKA_BASE_URL": f"{sandbox.url}/v4", "SIKKA_APP_ID": APP_ID, "SIKKA_APP_KEY": APP_KEY}
    django_settings = {"DJANGO_SETTINGS_MODULE": "parlae.settings", "DATABASE_URL": database_url()}
    environment = {**os.environ, **sikka, **django_settings, **variables}
    return Popen([sys.executable, *arguments], cwd=_ROOT, env=environment, stdout=PIPE, stderr=PIPE, text=True)


def database_url() -> str:
    """Return the address of the database that the tests run on."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{Path(settings.BASE_DIR, name)}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def main() -> None:
    django.setup()
    from pms.models import Call
    from tests.talking import Caller

    call_id, tool, arguments = sys.argv[1:]
    call = Call.objects.select_related("account").get(vapi_call_id=call_id)
    result = Caller(call.account, call=call).use(tool, **json.loads(arguments))
    sys.stdout.write(json.dumps({"outcome": result.outcome, "say": result.say}))


if __name__ == "__main__":
    main()
