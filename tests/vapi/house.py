"""Two practices in front of the door, and every way to knock."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.models import Credential, SecurityEvent, VoiceLine
from pms.services import credentials
from tests.vapi.sending import (
    ASKER,
    OWN,
    PLATFORM,
    WEBHOOK,
    about,
    credential,
    hexdigest,
    issued,
    line_of,
    post,
    practice,
    signed,
    timestamp,
)

AVAILABILITY = "/api/pms/appointments/availability"
APPOINTMENTS = "/api/pms/appointments"
PUBLIC = "https://parlae.example"
NEW, OLD = "the newer of two secrets", "the older of two secrets"
WRONG = "a secret that nobody has"

Headers = Mapping[str, str]

# How each scheme is proven, made by hand from secret, method, URL and body.
PROOFS: dict[str, Callable[[str, str, str, bytes], dict[str, str]]] = {
    "timestamp_body": lambda secret, method, url, body: signed(body, secret),
    "timestamp_method_url_body": lambda secret, method, url, body: _with_url(secret, method, url, body),
    "body": lambda secret, method, url, body: {"X-Vapi-Signature": hexdigest(secret, body)},
    "secret": lambda secret, method, url, body: {"X-Vapi-Secret": secret},
    "bearer": lambda secret, method, url, body: {"Authorization": f"Bearer {secret}"},
}


def _with_url(secret: str, method: str, url: str, body: bytes) -> dict[str, str]:
    at = timestamp()
    return {"X-Timestamp": at, "X-Signature": hexdigest(secret, at, method, url, body)}


class House:
    """Alder, whose line has a credential of its own (``OWN``), and Birch, which has a line and no credential."""

    def __init__(self, client: Client, settings: Settings) -> None:
        settings.VAPI_WEBHOOK_SECRETS = [PLATFORM]
        settings.VAPI_WEBHOOK_SCHEMES = ["timestamp_body"]
        settings.VAPI_REQUIRE_TIMESTAMP = True
        settings.VAPI_SECRET_IS_SYSTEM = False
        settings.PUBLIC_URL = PUBLIC
        settings.ALLOWED_HOSTS = ["*"]
        settings.TRUSTED_PROXIES = []
        self.client, self.settings = client, settings
        self.alder, self.birch = practice("Alder Dental"), practice("Birch Dental")
        self.line, self.bare = line_of(self.alder, "+12125550100"), line_of(self.birch, "+12125550101")
        self.own = credential(self.alder, self.line, OWN)

    # What there is

    def set(self, **values: Any) -> House:
        """Change settings."""
        for name, value in values.items():
            setattr(self.settings, name, value)
        return self

    def give(self, owner: VoiceLine | Account, secret: str, older: str = "", **how: Any) -> House:
        """Give a line or an account a voice credential."""
        line = owner if isinstance(owner, VoiceLine) else None
        account = owner.account if isinstance(owner, VoiceLine) else owner
        credential(account, line, secret, older, **how)
        return self

    def issue_to(self, account: Account) -> House:
        """Give an account a system credential."""
        issued(account)
        return self

    def another_line(self) -> VoiceLine:
        """Return a second line of Alder's, without a credential of its own."""
        return line_of(self.alder, "+12125550102")

    def revoke(self, held: Credential) -> House:
        credentials.revoke(credential=held, asker=ASKER, now=timezone.now())
        return self

    def with_nothing_configured(self) -> House:
        self.own.delete()
        return self.set(VAPI_WEBHOOK_SECRETS=[])

    @contextlib.contextmanager
    def broken(self) -> Iterator[None]:
        """Let everything behind the signature fail."""

        def fails(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if 'FROM "accounts"' in sql:
                raise DatabaseError("a canary")
            return execute(sql, params, many, context)

        with connection.execute_wrapper(fails):
            yield

    # Ways to knock

    def hook(
        self,
        body: Any,
        secret: str = "",
        *,
        scheme: str = "timestamp_body",
        url: str = f"{PUBLIC}{WEBHOOK}",
        headers: Headers | None = None,
    ) -> Any:
        """Send a body to the webhook, proven by ``scheme`` if there is a secret."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        proof = PROOFS[scheme](secret, "POST", url, raw) if secret else {}
        return post(self.client, raw, headers={**proof, **(headers or {})})

    def rest(
        self,
        secret: str = "",
        method: str = "GET",
        address: str = AVAILABILITY,
        body: Any = b"",
        *,
        scheme: str = "timestamp_body",
        line: VoiceLine | None = None,
    ) -> Any:
        """Send a request to the REST face, proven by ``scheme`` if there is a secret; ``line`` is named in a header."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = PROOFS[scheme](secret, method, f"{PUBLIC}{address}", raw) if secret else {}
        if line:
            headers["X-Vapi-Phone-Number-Id"] = line.vapi_phone_number_id or ""
        return self.client.generic(method, address, raw, content_type="application/json", headers=headers)

    def aged(self, seconds: float) -> Any:
        """Send a message of Alder's line that was signed so long ago."""
        at = str(round((timezone.now().timestamp() - seconds) * 1000))
        body = json.dumps(about(self.line)).encode()
        return self.hook(body, headers=signed(body, OWN, at=at))

    def crashing(self, **message: Any) -> Any:
        """Send a message of Alder's line whose answer crashes."""
        with self.broken():
            return self.hook(about(self.line, **message), OWN)

    def rotating(self, secret: str, *, ended: bool = False, revoked: bool = False) -> Any:
        """Send a message of Birch's line, whose credential is being rotated from ``OLD`` to ``NEW``."""
        held = credential(self.birch, self.bare, NEW, OLD)
        if ended:
            credentials.end_rotation(credential=held, asker=ASKER)
        if revoked:
            self.revoke(held)
        return self.hook(about(self.bare), secret)

    def token(self, *scopes: str, **how: Any) -> str:
        """Return the token of a new system credential of Alder's."""
        return issued(self.alder, *scopes, **how)[0]

    def expired_token(self) -> str:
        return self.token(days=1, issued_at=timezone.now() - timedelta(days=2))

    def revoked_token(self) -> str:
        token, pk = issued(self.alder)
        self.revoke(Credential.objects.get(pk=pk))
        return token

    def token_of_a_closed_account(self) -> str:
        token = self.token()
        Account.objects.filter(pk=self.alder.pk).update(is_active=False)
        return token

    def token_with_another_secret(self) -> str:
        return self.token().rpartition("_")[0] + "_" + "x" * 43

    # What it leaves

    def events(self) -> list[str]:
        """Return kind, actor and address of every event about a request; ids of credentials are replaced by words."""
        words = {str(self.own.pk): "OWN"}
        words |= {str(one.pk): "ISSUED" for one in Credential.objects.filter(kind="SYSTEM")}
        found = SecurityEvent.objects.exclude(kind__startswith="credential.").order_by("created_at")
        return [
            " ".join([event.kind, *(words.get(part, part) for part in event.actor.split(":")), event.ip_address])
            for event in found
        ]


def said(response: Any) -> str:
    """Return what an answer says: the ids and sentences of a webhook's results, or the body as it is."""
    body = response.json()
    rows: Sequence[Mapping[str, str]] = body.get("results", ())
    return " ".join(f"{row['toolCallId']}: {row['result']}" for row in rows) or str(response.content.decode())
