"""What should be at Vapi for a line: its credential, tools, assistant and the routing of its number, as JSON.

Read once from our own tables (``facts_of``), then pure. Nothing about any patient is in it: Vapi keeps all of this.

A number is not bound to the assistant; Vapi asks us at each call (``assistant-request``, ``pms.vapi.routing``). So a
practice that has not agreed, or is switched off, is put through to its own phone at once, and when we cannot be
reached, ``fallbackDestination`` rings there instead of an assistant none of whose tools would work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from accounts.models import Account
from pms.domain import speech
from pms.domain.phone import normalize
from pms.models import ConnectionStatus, PmsIntegration, SigningScheme, VoiceLine
from pms.services import integrations
from pms.tools.registry import TOOLS, Tool
from pms.tools.schema import TIMEOUT_SECONDS, vapi_function
from pms.vapi import provisioning_prompt as prompt
from pms.vapi.webhook import ENDPOINT

Json = dict[str, Any]

SERVER_MESSAGES = ("tool-calls", "status-update", "end-of-call-report", "transfer-destination-request", "hang")
# Of these Vapi takes under its HIPAA switch; another one that a person has chosen there stays.
COMPLIANT = {
    "model": frozenset({"openai", "azure-openai", "anthropic", "anthropic-bedrock", "google", "vertex"}),
    "voice": frozenset({"azure", "cartesia", "deepgram", "11labs", "rime-ai", "vapi"}),
    "transcriber": frozenset({"azure", "cartesia", "deepgram", "soniox"}),
}
LINE_KEY = "lineId"
NAME_PREFIX = "parlae-"
MAX_NAME = 40

_MODEL = {"provider": "openai", "model": "gpt-4.1", "temperature": 0.2}
_MAX_TOKENS = 500
_VOICE = {"provider": "vapi", "voiceId": "Elliot"}
_TRANSCRIBER = {"provider": "deepgram", "model": "nova-3", "language": "en"}
# The connection that a practice has, also while its credentials are refused for a while.
_STANDING = (ConnectionStatus.ACTIVE, ConnectionStatus.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What our tables say about a line; ``fallback`` is the number in E.164 that always takes calls, or empty.

    ``own_names`` are the names that the practice's lines give their objects.
    """

    line_id: str
    account_id: str
    label: str
    practice: str
    zone: str
    country: str
    tools: tuple[Tool, ...]
    fallback: str
    own_names: frozenset[str]
    is_recorded: bool
    is_transcribed: bool

    @property
    def tool_names(self) -> tuple[str, ...]:
        return tuple(tool.name for tool in self.tools)

    @property
    def webhook(self) -> str:
        return f"{settings.PUBLIC_URL}{ENDPOINT}"

    def server(self, credential_id: str) -> Json:
        """Return where Vapi sends to, and the credential that it signs with."""
        return {"url": self.webhook, "timeoutSeconds": TIMEOUT_SECONDS, "credentialId": credential_id}


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """The secret that Vapi is to sign with, the newest one, and how; ``digest`` tells it from others."""

    scheme: str
    secret: str = field(repr=False)
    digest: str


def facts_of(line: VoiceLine) -> Facts:
    """Read what a line needs."""
    account = line.account
    fallback = account.transfer_number or account.after_hours_number
    return Facts(
        line_id=str(line.pk),
        account_id=str(account.pk),
        label=speech.one_line(line.label, MAX_NAME),
        practice=speech.one_line(account.name) or "the practice",
        zone=account.time_zone,
        country=account.country,
        tools=enabled_tools(account),
        fallback=normalize(fallback, account.country) or "",
        own_names=frozenset(credential_name(str(pk)) for pk in account.voice_lines.values_list("pk", flat=True)),
        is_recorded=account.keeps_recordings,
        is_transcribed=account.keeps_transcripts,
    )


def enabled_tools(account: Account) -> tuple[Tool, ...]:
    """Return the tools that do something for a practice's callers: not those that would only refuse."""
    integration = integrations.current(account=account)
    if integration is not None and integration.status not in _STANDING:
        integration = None
    return tuple(tool for tool in TOOLS.values() if tool.for_voice and _is_of_use(tool, integration))


def _is_of_use(tool: Tool, integration: PmsIntegration | None) -> bool:
    if not tool.needs_pms:
        return True
    if integration is None:
        return False
    is_booked = (integration.config or {}).get("allowOnlineBooking", True) or tool.feature != "booking"
    is_on = not tool.feature or (integration.features or {}).get(tool.feature, False)
    is_able = tool.asks_itself or tool.capability is None or tool.capability in integrations.capabilities(integration)
    return bool(is_booked and is_on and is_able)


def credential_name(line_id: str) -> str:
    """Return the name by which a line's credential, or new number, is found again at Vapi."""
    return f"{NAME_PREFIX}{line_id.replace('-', '')}"


def credential(line_id: str, signing: SigningSecret) -> Json:
    """Return the server credential with the secret in it."""
    return {
        "provider": "custom-credential",
        "name": credential_name(line_id),
        "authenticationPlan": authentication_plan(signing),
    }


def authentication_plan(signing: SigningSecret) -> Json:
    """Return how Vapi is to prove itself; the headers are those that ``pms.vapi.signatures`` reads."""
    if signing.scheme == SigningScheme.BEARER:
        return {"type": "bearer", "token": signing.secret}
    if signing.scheme == SigningScheme.SECRET:
        sent_as = {"headerName": "X-Vapi-Secret", "bearerPrefixEnabled": False}
        return {"type": "bearer", "token": signing.secret, **sent_as}
    plan = {"type": "hmac", "secretKey": signing.secret, "algorithm": "sha256", "signatureHeader": "x-signature"}
    if signing.scheme == SigningScheme.BODY:
        return {**plan, "includeTimestamp": False, "payloadFormat": "{body}"}
    with_url = signing.scheme == SigningScheme.TIMESTAMP_METHOD_URL_BODY
    payload = "{timestamp}.{method}.{url}.{body}" if with_url else "{timestamp}.{body}"
    return {**plan, "timestampHeader": "x-timestamp", "includeTimestamp": True, "payloadFormat": payload}


def tool(facts: Facts, one: Tool, credential_id: str) -> Json:
    """Return a tool's object. Its static ``parameters`` stand above what the model writes under the same names.

    We do not trust them either: what counts is in the signed envelope, and the runner drops them.
    """
    fixed = {
        LINE_KEY: facts.line_id,
        "accountId": facts.account_id,
        "callId": "{{ call.id }}",
        "callerNumber": "{{ customer.number }}",
        "calledNumber": "{{ phoneNumber.number }}",
    }
    return {
        **vapi_function(one, url=facts.webhook),
        "server": facts.server(credential_id),
        "parameters": [{"key": key, "value": value} for key, value in fixed.items()],
    }


def assistant(facts: Facts, credential_id: str, tool_ids: Mapping[str, str]) -> Json:
    """Return the assistant's object; ``tool_ids`` are those at Vapi, by our names."""
    return {
        "name": speech.one_line(f"{facts.practice} {facts.label}", MAX_NAME),
        "firstMessage": prompt.first_message(practice=facts.practice, is_recorded=facts.is_recorded),
        "firstMessageMode": "assistant-speaks-first",
        "model": {**_MODEL, **_told(facts), "toolIds": [tool_ids[name] for name in facts.tool_names]},
        "voice": dict(_VOICE),
        "transcriber": dict(_TRANSCRIBER),
        "serverMessages": list(SERVER_MESSAGES),
        "server": facts.server(credential_id),
        "metadata": {"accountId": facts.account_id, LINE_KEY: facts.line_id},
        # What the practice does not keep, Vapi need not make.
        "artifactPlan": {
            "recordingEnabled": facts.is_recorded,
            "videoRecordingEnabled": False,
            "transcriptPlan": {"enabled": facts.is_transcribed},
        },
        "analysisPlan": {
            "summaryPlan": {"enabled": facts.is_transcribed},
            "successEvaluationPlan": {"enabled": False},
        },
    }


def _told(facts: Facts) -> Json:
    """Return what the model is told, and the one tool of Vapi's own: without destinations, it asks us for one."""
    transfers = bool(facts.fallback)
    content = prompt.system_prompt(
        practice=facts.practice, zone=facts.zone, country=facts.country, tools=facts.tool_names, transfers=transfers
    )
    return {
        "messages": [{"role": "system", "content": content}],
        "tools": [{"type": "transferCall", "destinations": []}] if transfers else [],
        "maxTokens": _MAX_TOKENS,
    }


def routing(facts: Facts, credential_id: str) -> Json:
    """Return where a number's calls go: to us, and to the practice's own phone if we cannot be reached."""
    return {
        "assistantId": None,
        "squadId": None,
        "workflowId": None,
        "server": facts.server(credential_id),
        "fallbackDestination": {"type": "number", "number": facts.fallback} if facts.fallback else None,
    }


def no_routing(facts: Facts) -> Json:
    """Return the routing of a number whose line is out of use: to the practice's own phone, or nowhere."""
    return {**routing(facts, ""), "server": None}
