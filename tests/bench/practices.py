"""``python -m tests.bench.practices FILE URL...``: a practice at each sandbox, and their lines' secrets in FILE."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any
from unittest import mock

import django
from django.conf import settings


def seeded(number: int, sandbox: str) -> dict[str, Any]:
    """Create one more copy of the demo's practice at a sandbox, on a line of its own; return what its callers need."""
    from pms import vault
    from pms.management.commands import seeddemo
    from pms.models import Credential, PmsIntegration
    from pms.services import credentials, integrations
    from tests.practice import owner_is_now

    practice = json.loads(seeddemo.PRACTICE.read_text(encoding="utf-8"))
    line = {
        "label": f"Line {number}",
        "vapi_assistant_id": str(uuid.uuid4()),
        "vapi_phone_number_id": str(uuid.uuid4()),
        "phone_number": f"+1212555{100 + number:04}",
    }
    defaults = settings.PMS_PROVIDER_DEFAULTS["SIKKA"]
    with mock.patch.dict(defaults, baseUrl=f"{sandbox}/v4"):
        account = seeddemo.seed({**practice, "line": line}, password=None)
    # Every practice has an owner of its own, but they share the one office that the sandbox has of this kind, which
    # the product allows to one practice alone.
    owner_is_now(f"owner{number}@parlae.example")
    integration = PmsIntegration.objects.get(account=account)
    integration.practice_digest = f"bench {number}"
    # The product sends all practices of a vendor to one address; here some of them are at a slow one.
    own = {**integrations.reveal(integration=integration), "baseUrl": f"{sandbox}/v4"}
    integration.credentials = vault.seal(own, integrations._place(integration.pk))
    integration.save()
    secret = credentials.reveal(Credential.objects.get(account=account))[0]
    return {**line, "secret": secret}


def main() -> None:
    django.setup()
    path, sandboxes = Path(sys.argv[1]), sys.argv[2:]
    lines = [seeded(number, sandbox) for number, sandbox in enumerate(sandboxes)]
    path.write_text(json.dumps(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
