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

import structlog
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

log = structlog.get_logger(__name__)

# Verified against when there is nothing else, so that an unknown line takes as long as a known one.
_DECOY = random.token_hex(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A verified request: the credential that fits (``None`` is the platform's), and the lines it names."""

    credential: Credential | None
    lines: tuple[VoiceLine, ...]
    kind: CredentialKind
    scopes: frozenset[str]
    scheme: Scheme

    @property
    def line(self) -> VoiceLine | None:
        """The line that the request came over."""
        return self.lines[0] if self.lines else None

    @property
    def actor(self) -> str:
        """Who this is in the audit log."""
        name = self.credential.pk if self.credential else "platform"
        return f"{self.kind.value.lower()}:{name}"


def admit(signed: SignedRequest, *, named: Line, now: datetime) -> Admission:
    """Verify a request. Raises ``SignatureInvalid``, or ``NotConfigured`` if there is no secret at all."""
    lines = _lines(named)
    own = _credentials(lines[0], now) if lines else []
    for credential in own:
        try:
            scheme = _verify(signed, credential.schemes, reveal(credential), now)
        except errors.SignatureInvalid:
            continue
        except vault.CannotOpen:
            log.error("credential cannot be opened")
            continue
        kind = CredentialKind(credential.kind)
        return Admission(
            credential=credential, lines=lines, kind=kind, scopes=frozenset(credential.scopes), scheme=scheme
        )
    if own:
        raise errors.SignatureInvalid
    return _platform(signed, lines, now)


def account_for(admission: Admission, *, named: Sequence[str]) -> Account:
    """Return the account of an admitted request: the credential's, else the line's, else what the signed part names.

    Raises ``Forbidden`` if they contradict each other and ``AccountRequired`` if there is none.
    """
    wanted = {_canonical(name) for name in named}
    owners = {str(owner.account_id) for owner in (admission.credential, *admission.lines) if owner is not None}
    if owners and not wanted <= owners:
        raise errors.Forbidden("The request names another practice than its credential or line.")
    owners = owners or wanted
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
    """Leave an event about a request that was not let in."""
    lines = _lines(named)
    account_id = lines[0].account_id if lines else None
    _note(request, "webhook.refused", actor="anonymous", account_id=account_id, detail={"line_known": bool(lines)})


def note_misdirected(request: HttpRequest, *, admission: Admission, kind: str) -> None:
    """Leave an event about a signed request that names no practice, or two."""
    account_id = admission.credential.account_id if admission.credential else None
    _note(request, kind, actor=admission.actor, account_id=account_id, detail={})


def client_address(request: HttpRequest) -> str:
    """Return the address a request came from; forwarded addresses count only behind ``TRUSTED_PROXIES``."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    address = str(request.META.get("REMOTE_ADDR", ""))
    while hops and is_trusted_proxy(address):
        address = hops.pop()
    return address[:45] if _is_address(address) else ""


def is_trusted_proxy(address: str) -> bool:
    """Return whether an address is one of ``TRUSTED_PROXIES``."""
    return _is_address(address) and any(
        ip_address(address) in ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES
    )


def signed_request(request: HttpRequest) -> SignedRequest:
    """Return what the signature of a request is checked against."""
    return SignedRequest(
        method=request.method or "",
        url=f"{settings.PUBLIC_URL}{request.get_full_path()}",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body,
    )


def _note(
    request: HttpRequest, kind: str, *, actor: str, account_id: uuid.UUID | None, detail: dict[str, bool]
) -> None:
    """Append an event; a flood of one kind leaves only the first few of each minute."""
    try:
        limits.check(limit="refusals", key=f"{kind}:{account_id or 'platform'}")
        audit.record_event(
            kind=kind,
            actor=actor,
            account_id=account_id,
            detail=detail,
            ip_address=client_address(request),
            request_id=getattr(request, "request_id", ""),
        )
    except errors.ParlaeError:  # the answer stays what it is, also if the evidence cannot be written
        return


def _platform(signed: SignedRequest, lines: tuple[VoiceLine, ...], now: datetime) -> Admission:
    if not settings.VAPI_WEBHOOK_SECRETS:
        if not Credential.objects.exists():
            raise errors.NotConfigured
        _verify(signed, settings.VAPI_WEBHOOK_SCHEMES, [_DECOY], now)
    scheme = _verify(signed, settings.VAPI_WEBHOOK_SCHEMES, settings.VAPI_WEBHOOK_SECRETS, now)
    kind = CredentialKind.SYSTEM if settings.VAPI_SECRET_IS_SYSTEM else CredentialKind.VOICE
    scopes = frozenset(tool.scope for tool in TOOLS.values()) if settings.VAPI_SECRET_IS_SYSTEM else frozenset()
    return Admission(credential=None, lines=lines, kind=kind, scopes=scopes, scheme=scheme)


def _verify(signed: SignedRequest, schemes: Sequence[str], secrets: Sequence[str], now: datetime) -> Scheme:
    scheme = verify(
        signed, schemes=schemes, secrets=secrets, now=now, timestamp_required=settings.VAPI_REQUIRE_TIMESTAMP
    )
    if scheme.parts == ("body",) and not signed.body:
        # The signature of nothing is a constant that whoever saw it once can repeat.
        if not settings.DEBUG:
            raise errors.SignatureInvalid
        log.warning("constant signature accepted", scheme=scheme.name)
    return scheme


def _lines(named: Line) -> tuple[VoiceLine, ...]:
    """Return the active lines that any identifier belongs to, in the order of the identifiers, assistants first."""
    identifiers = (*named.assistant_ids, *named.phone_number_ids, *named.numbers)
    if not identifiers:
        return ()
    found = VoiceLine.objects.filter(
        Q(vapi_assistant_id__in=named.assistant_ids)
        | Q(vapi_phone_number_id__in=named.phone_number_ids)
        | Q(phone_number__in=named.numbers),
        is_active=True,
    ).select_related("account")

    def place(line: VoiceLine) -> int:
        own = (line.vapi_assistant_id, line.vapi_phone_number_id, line.phone_number)
        return next(n for n, identifier in enumerate(identifiers) if identifier in own)

    return tuple(sorted(found, key=place))


def _credentials(line: VoiceLine, now: datetime) -> list[Credential]:
    """Return the live credentials of the line or, if it has none of its own, of its account."""
    live = Credential.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now), account_id=line.account_id, revoked_at__isnull=True
    ).filter(kind=CredentialKind.VOICE)
    own = list(live.filter(line=line))
    return own or list(live.filter(line__isnull=True))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _canonical(account_id: str) -> str:
    """Return an account's id as we write it, whatever its case and hyphens; other text as it is."""
    return str(uuid.UUID(account_id)) if _is_uuid(account_id) else account_id


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
