"""From a request to the account it may act for.

Nothing is written or logged before the signature is verified. A line's own credential opens it; the account's, if the
line never had one; the platform's only if neither ever existed. Ids in a request choose which secret must fit; they
never open anything by themselves. Over REST a server of a practice's own shows its token instead.
"""

from __future__ import annotations

import secrets as random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import structlog
from django.conf import settings
from django.http import HttpRequest

from accounts.addresses import client_address
from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.models import Credential, CredentialKind, VoiceLine
from pms.models.credential import Scope, SigningScheme
from pms.services import audit, credentials, limits, plain
from pms.services.credentials import reveal
from pms.vapi.envelope import Line
from pms.vapi.signatures import SCHEMES, Scheme, SignedRequest, bearer_token, verify

log = structlog.get_logger(__name__)

# Verified against when there is nothing else, so that an unknown line takes as long as a known one.
_DECOY = [random.token_hex(32)]
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


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
    deciding = credentials.deciding_for(lines[0]) if lines else []
    for credential in deciding:
        try:
            accepted = reveal(credential) if credentials.is_live(credential, now) else _DECOY
            scheme = _verify(signed, credential.schemes, accepted, now)
        except errors.SignatureInvalid:
            continue
        except vault.CannotOpen:
            log.error("credential cannot be opened")
            continue
        return Admission(
            credential=credential, lines=lines, kind=CredentialKind.VOICE, scopes=frozenset(), scheme=scheme
        )
    if deciding:
        raise errors.SignatureInvalid
    return _platform(signed, lines, now)


def admit_over_rest(signed: SignedRequest, *, named: Line, now: datetime) -> Admission:
    """Verify a REST request: a system credential by its token, any other as ``admit`` does.

    REST has many addresses, so a write whose signature covers nothing but the time could be sent to another one.
    """
    token = bearer_token(signed)
    if not credentials.is_token(token):
        admission = admit(signed, named=named, now=now)
        if signed.method not in _READING and not admission.scheme.covers(signed):
            _only_in_development(admission.scheme)
        return admission
    credential = credentials.identify(token, now=now)
    return Admission(
        credential=credential,
        lines=_lines(named),
        kind=CredentialKind.SYSTEM,
        scopes=frozenset(credential.scopes),
        scheme=SCHEMES[SigningScheme.BEARER],
    )


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
    [owner] = owners or [""]
    account = plain.first(Account, id=owner) if _is_uuid(owner) else None
    if account is None:
        raise errors.AccountRequired
    return account


def note_refusal(request: HttpRequest, *, named: Line) -> None:
    """Leave an event about a request that was not let in."""
    lines = _lines(named)
    account_id = lines[0].account_id if lines else None
    _note(request, "webhook.refused", actor="anonymous", account_id=account_id, detail={"line_known": bool(lines)})


def note_misdirected(request: HttpRequest, *, admission: Admission, kind: str) -> None:
    """Leave an event about a signed request that names no practice, or two."""
    account_id = admission.credential.account_id if admission.credential else None
    _note(request, kind, actor=admission.actor, account_id=account_id, detail={})


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
    if not settings.VAPI_WEBHOOK_SECRETS and not Credential.objects.exists():
        raise errors.NotConfigured
    scheme = _verify(signed, settings.VAPI_WEBHOOK_SCHEMES, settings.VAPI_WEBHOOK_SECRETS or _DECOY, now)
    is_system = settings.VAPI_SECRET_IS_SYSTEM
    return Admission(
        credential=None,
        lines=lines,
        kind=CredentialKind.SYSTEM if is_system else CredentialKind.VOICE,
        scopes=frozenset(Scope.values) if is_system else frozenset(),
        scheme=scheme,
    )


def _verify(signed: SignedRequest, schemes: Sequence[str], secrets: Sequence[str], now: datetime) -> Scheme:
    scheme = verify(
        signed, schemes=schemes, secrets=secrets, now=now, timestamp_required=settings.VAPI_REQUIRE_TIMESTAMP
    )
    if not scheme.signs_time and not scheme.covers(signed):
        _only_in_development(scheme)
    return scheme


def _only_in_development(scheme: Scheme) -> None:
    """Refuse a signature that is good for other requests too: whoever saw it once can repeat it."""
    if not settings.DEBUG:
        raise errors.SignatureInvalid
    log.warning("signature that covers nothing accepted", scheme=scheme.name)


def _lines(named: Line) -> tuple[VoiceLine, ...]:
    """Return the active lines that any identifier belongs to, in the order of the identifiers, assistants first."""
    wanted = {
        "vapi_assistant_id": named.assistant_ids,
        "vapi_phone_number_id": named.phone_number_ids,
        "phone_number": named.numbers,
    }
    identifiers = list(chain.from_iterable(wanted.values()))

    def place(line: VoiceLine) -> int:
        own = (line.vapi_assistant_id, line.vapi_phone_number_id, line.phone_number)
        return next(n for n, identifier in enumerate(identifiers) if identifier in own)

    return tuple(sorted((line for line in plain.find_any(VoiceLine, wanted) if line.is_active), key=place))


def _canonical(account_id: str) -> str:
    """Return an account's id as we write it, whatever its case and hyphens; other text as it is."""
    return str(uuid.UUID(account_id)) if _is_uuid(account_id) else account_id


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
