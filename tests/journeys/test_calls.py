"""Whole calls, over HTTP, through the real signature check, against the sandbox."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from pms.sandbox import Sandbox
from tests.conftest import use_sandbox
from tests.practice import seeded


@pytest.mark.django_db(transaction=True)
def test_the_demo_call_books_exactly_one_appointment(
    live_server: LiveServer, sandbox: Sandbox, settings: Settings
) -> None:
    use_sandbox(settings, sandbox)
    seeded()
    printed = StringIO()

    call_command("simulatecall", "booking", url=live_server.url, sandbox=sandbox.url, stdout=printed)

    assert "Exactly one, as the caller heard." in printed.getvalue()
