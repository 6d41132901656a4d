"""A process whose machine is in another time zone: ``python -m tests.regressions.elsewhere ZONE CALL USES``.

Django sets the process's zone to its own setting, so it is changed after that, as another library might. USES is a JSON
list of tools with their arguments; printed are the results, and the machine's own idea of the zone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import django

from pms.sandbox import Sandbox
from tests import child


def used(zone: str, call: str, uses: list[tuple[str, dict[str, Any]]], sandbox: Sandbox) -> dict[str, Any]:
    """Use tools in the call with this Vapi id, on a machine in another zone."""
    arguments = ["-m", "tests.regressions.elsewhere", zone, call, json.dumps(uses)]
    with child.start(arguments, sandbox, TZ=zone) as process:
        told, problem = process.communicate(timeout=60)
    assert process.returncode == 0, problem[-2000:]
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def main() -> None:
    zone, call_id, uses = sys.argv[1:]
    django.setup()
    os.environ["TZ"] = zone
    time.tzset()
    from pms.models import Call
    from tests.talking import Caller

    call = Call.objects.select_related("account").get(vapi_call_id=call_id)
    caller = Caller(call.account, call=call)
    said = [caller.use(tool, **arguments).say for tool, arguments in json.loads(uses)]
    sys.stdout.write(f"\n{json.dumps({'said': said, 'offset': -time.timezone})}")


if __name__ == "__main__":
    main()
