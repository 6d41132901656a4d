"""A line that sends as Vapi does, and what is written to the log meanwhile, as the product's own handler writes it."""

from __future__ import annotations

import io
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.test import Client

from accounts.models import Account
from pms.models import VoiceLine
from tests.vapi.sending import about, post, results, secret_of, tool_call

Send = Callable[..., Any]

CALLER = {"number": "+12125550147"}


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    own = next(h for h in root.handlers if isinstance(h.formatter, structlog.stdlib.ProcessorFormatter))
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(own.formatter)
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


@pytest.fixture
def line(practice: Account) -> VoiceLine:
    return VoiceLine.objects.get(account=practice)


@pytest.fixture
def send(client: Client, line: VoiceLine) -> Send:
    """Send one message of the line, signed: ``send(type="hang")``."""
    secret = secret_of(line)

    def send(**message: Any) -> Any:
        return post(client, about(line, **{"customer": CALLER, **message}), secret)

    return send


@pytest.fixture
def use(send: Send) -> Callable[..., str]:
    """Use one tool in a call: ``use("call-1", "findPatient", {...})``."""

    def use(call_id: str, name: str, arguments: Any, tool_call_id: str = "") -> str:
        entry = tool_call(name, arguments, tool_call_id or uuid.uuid4().hex)
        (said,) = results(send(type="tool-calls", toolCallList=[entry], call={"id": call_id}))
        return said

    return use
