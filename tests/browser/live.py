"""In the tests' site, practices whose name begins with "Real" are taken for such: a code from their mailbox is needed,
and a test call books for nobody unasked."""

from __future__ import annotations

from django.apps import AppConfig

REAL = "Real"


class LiveConfig(AppConfig):
    """Put beside the product's applications, it changes what the stand-in is known by."""

    name = "tests.browser"
    label = "tests_browser"

    def ready(self) -> None:
        """Change it in the web server and in the worker."""
        from pms.services import stand_in  # before this no model can be imported

        known = stand_in.is_sandbox
        stand_in.is_sandbox = lambda integration: (
            known(integration) and not (integration is not None and integration.account.name.startswith(REAL))
        )
