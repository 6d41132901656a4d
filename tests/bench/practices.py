"""``python -m tests.bench.practices COUNT FILE``: connected practices, and their lines' secrets written to FILE."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import django


def seeded(number: int) -> dict[str, Any]:
    """Create one more copy of the demo's practice, on a line of its own; return what its callers need to know."""
    from accounts.models import User
    from pms.management.commands import seeddemo
    from pms.models import Credential, PmsIntegration
    from pms.services import credentials

    practice = json.loads(seeddemo.PRACTICE.read_text(encoding="utf-8"))
    line = {
        "label": f"Line {number}",
        "vapi_assistant_id": str(uuid.uuid4()),
        "vapi_phone_number_id": str(uuid.uuid4()),
        "phone_number": f"+1212555{100 + number:04}",
    }
    account = seeddemo.seed({**practice, "line": line}, password=None)
    # Every practice has an owner of its own, but they share the one office that the sandbox has of this kind, which
    # the product allows to one practice alone.
    User.objects.filter(email=seeddemo.LOGIN).update(email=f"owner{number}@parlae.example")
    PmsIntegration.objects.filter(account=account).update(practice_digest=f"bench {number}")
    secret = credentials.reveal(Credential.objects.get(account=account))[0]
    return {**line, "secret": secret}


def main() -> None:
    django.setup()
    count, path = int(sys.argv[1]), Path(sys.argv[2])
    path.write_text(json.dumps([seeded(number) for number in range(count)]), encoding="utf-8")


if __name__ == "__main__":
    main()
