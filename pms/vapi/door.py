"""From a request to the account it may act for.

Nothing is written or logged before the signature is verified. A line's own credential opens it; the account's, if the
line has none; the platform's only if neither exists. Ids in a request choose which secret must fit; they never open
anything by themselves.
"""

from __future__ import annotations

import secrets as random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest

from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.models import Credential, CredentialKind, VoiceLine
from pms.services import audit, limits
from pms.tools.registry import TOOLS
from pms.vapi.envelope import Line
from pms.vapi.signatures import Scheme, SignedRequest, verify

# Verified against when there is nothing else, so that an unknown line takes as long as a known one.
_DECOY = random.token_hex(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A verified request: the credential that fits (``None`` is the platform's), and the line it came over."""

    credential: Credential | None
    line: VoiceLine | None
    kind: CredentialKind
    scopes: frozenset[str]
    scheme: Scheme

    @property
    def actor(self) -> str:
        """Who this is in the audit log."""
        name = self.credential.pk if self.credential else "platform"
        return f"{self.kind.value.lower()}:{name}"


def admit(signed: SignedRequest, *, named: Line, now: datetime) -> Admission:
    """Verify a request. Raises ``SignatureInvalid``, ``NotConfigured``, or ``Forbidden`` for lines of two practices."""
    lines = _lines(named)
    line = lines[0] if lines else None
    for credential in _credentials(line, now):
        try:
            scheme = _verify(signed, credential.schemes, reveal(credential), now)
        except errors.SignatureInvalid:
            continue
        _refuse_two_practices(lines)
        kind = CredentialKind(credential.kind)
        return Admission(
            credential=credential, line=line, kind=kind, scopes=frozenset(credential.scopes), scheme=scheme
        )
    if line is not None and _credentials(line, now):
        raise errors.SignatureInvalid
    return _platform(signed, lines, now)


def account_for(admission: Admission, *, named: Sequence[str]) -> Account:
    """Return the account of an admitted request: the credential's, else the line's, else what the signed part names.

    Raises ``Forbidden`` if they contradict each other and ``AccountRequired`` if there is none.
    """
    owners = {str(owner.account_id) for owner in (admission.credential, admission.line) if owner is not None}
    if admission.credential is None and admission.line is None:
        owners |= set(named)
    elif any(name not in owners for name in named):
        raise errors.Forbidden("The request names another practice than its credential or line.")
    if len(owners) > 1:
        raise errors.Forbidden("The request names two practices.")
    account = Account.objects.filter(pk__in=[owner for owner in owners if _is_uuid(owner)]).first()
    if account is None:
        raise errors.AccountRequired
    return account


def reveal(credential: Credential) -> list[str]:
    """Return a credential's secrets, for verifying a signature and for nothing else."""
    return list(vault.unseal(credential.secrets, secrets_place(credential.pk)))


def secrets_place(pk: uuid.UUID) -> str:
    """Return the place that a credential's secrets are sealed for."""
    return f"credentials:{pk}:secrets"


def note_refusal(request: HttpRequest, *, named: Line) -> None:
    """Leave an event about a request that was not let in; a flood of them leaves only the first few of each minute."""
    lines = _lines(named)
    account_id = lines[0].account_id if lines else None
    try:
        limits.check(limit="refusals", key=str(account_id or "platform"))
    except errors.RateLimited:
        return
    audit.record_event(
        kind="webhook.refused",
        actor="anonymous",
        account_id=account_id,
        detail={"line_known": bool(lines)},
        ip_address=client_address(request),
        request_id=getattr(request, "request_id", ""),
    )


def client_address(request: HttpRequest) -> str:
    """Return the address a request came from; forwarded addresses count only behind ``TRUSTED_PROXIES``."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    address = str(request.META.get("REMOTE_ADDR", ""))
    while hops and _is_trusted(address):
        address = hops.pop()
    return address[:45] if _is_address(address) else ""


def signed_request(request: HttpRequest) -> SignedRequest:
    """Return what the signature of a request is checked against."""
    return SignedRequest(
        method=request.method or "",
        url=f"{settings.PUBLIC_URL}{request.get_full_path()}",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body,
    )


def _platform(signed: SignedRequest, lines: list[VoiceLine], now: datetime) -> Admission:
    if not settings.VAPI_WEBHOOK_SECRETS:
        if not Credential.objects.exists():
            raise errors.NotConfigured
        _verify(signed, settings.VAPI_WEBHOOK_SCHEMES, [_DECOY], now)
    scheme = _verify(signed, settings.VAPI_WEBHOOK_SCHEMES, settings.VAPI_WEBHOOK_SECRETS, now)
    _refuse_two_practices(lines)
    kind = CredentialKind.SYSTEM if settings.VAPI_SECRET_IS_SYSTEM else CredentialKind.VOICE
    scopes = frozenset(tool.scope for tool in TOOLS.values()) if settings.VAPI_SECRET_IS_SYSTEM else frozenset()
    return Admission(credential=None, line=lines[0] if lines else None, kind=kind, scopes=scopes, scheme=scheme)


def _verify(signed: SignedRequest, schemes: Sequence[str], secrets: Sequence[str], now: datetime) -> Scheme:
    scheme = verify(
        signed, schemes=schemes, secrets=secrets, now=now, timestamp_required=settings.VAPI_REQUIRE_TIMESTAMP
    )
    if scheme.parts == ("body",) and not signed.body and not settings.DEBUG:
        raise errors.SignatureInvalid  # the signature of nothing is a constant
    return scheme


def _lines(named: Line) -> list[VoiceLine]:
    """Return the active lines that any identifier belongs to, assistants first."""
    if not (named.assistant_ids or named.phone_number_ids or named.numbers):
        return []
    found = VoiceLine.objects.filter(
        Q(vapi_assistant_id__in=named.assistant_ids)
        | Q(vapi_phone_number_id__in=named.phone_number_ids)
        | Q(phone_number__in=named.numbers),
        is_active=True,
    ).select_related("account")
    return sorted(found, key=lambda line: line.vapi_assistant_id not in named.assistant_ids)


def _credentials(line: VoiceLine | None, now: datetime) -> list[Credential]:
    """Return the live credentials of the line or, if it has none of its own, of its account."""
    if line is None:
        return []
    live = Credential.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now), account_id=line.account_id, revoked_at__isnull=True
    ).filter(kind=CredentialKind.VOICE)
    own = list(live.filter(line=line))
    return own or list(live.filter(line__isnull=True))


def _refuse_two_practices(lines: list[VoiceLine]) -> None:
    if len({line.account_id for line in lines}) > 1:
        raise errors.Forbidden("The request names lines of two practices.")


def _is_trusted(address: str) -> bool:
    return _is_address(address) and any(
        ip_address(address) in ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
