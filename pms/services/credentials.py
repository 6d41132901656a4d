"""Credentials: made, rotated, revoked, and a system credential's token recognised.

A voice credential's secrets are sealed, because an HMAC needs the value itself. A system credential sends its token, so
only a digest of it is kept: keyed, though a random token needs no slow hash, because then a row that somebody wrote
into the database opens nothing, and over the whole token, so that a digest copied to another row does not fit there.

What opens a door is in the evidence before it exists; what closes one is closed first.
"""

from __future__ import annotations

import hmac
import re
import secrets as random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts.models import Account, Membership
from accounts.roles import Role
from pms import vault
from pms.domain import errors
from pms.models import Credential, CredentialKind, VoiceLine
from pms.models.credential import Scope, SigningScheme
from pms.services import audit, plain
from pms.services.audit import Asker

MAX_LIFETIME = timedelta(days=366)
MIN_SECRET_LENGTH = 16

_MAX_LABEL = 80
_MAX_SECRET_LENGTH = 200
_TOKEN = re.compile(r"parlae_([0-9a-f]{32})_[A-Za-z0-9_-]{43,128}")
_NOBODY = uuid.UUID(int=0)
_NO_DIGEST = "0" * 64


def create_voice(
    *,
    account: Account,
    line: VoiceLine | None,
    label: str,
    asker: Asker,
    now: datetime,
    schemes: Sequence[str] = (SigningScheme.TIMESTAMP_BODY,),
    secret: str = "",
    expires_at: datetime | None = None,
) -> tuple[Credential, str]:
    """Make the credential of a line, or with ``line=None`` of an account, and return it with its secret.

    ``secret`` is one that Vapi has already; without it a random one is made. Raises ``Invalid`` with the fields.
    """
    problems = _named(label) | _known("schemes", schemes, SigningScheme.values) | _usable(secret)
    if line is not None and line.account_id != account.pk:
        problems["line"] = "The line belongs to another account."
    if expires_at is not None and expires_at <= now:
        problems["expires_at"] = "The time has passed already."
    _refuse(problems)
    secret = secret or random.token_urlsafe(32)
    credential = Credential(
        account=account,
        line=line,
        kind=CredentialKind.VOICE,
        label=label.strip(),
        schemes=[str(scheme) for scheme in schemes],
        created_by_id=asker.user_id,
        expires_at=expires_at,
    )
    credential.secrets = _sealed(credential, [secret])
    _record("credential.created", credential, asker)
    credential.save(force_insert=True)
    return credential, secret


def issue_system(
    *, account: Account, label: str, scopes: Sequence[str], expires_at: datetime, asker: Asker, now: datetime
) -> tuple[Credential, str]:
    """Make a credential for a server of the account's own, and return it with its token, which is kept nowhere.

    A person must be an owner of the account; without one it is the operator, at the command line. Raises ``Forbidden``,
    and ``Invalid`` with the fields.
    """
    if asker.user_id is not None and not _is_owner(account, asker.user_id):
        raise errors.Forbidden("Only an owner of the practice may do that.")
    problems = _named(label) | _known("scopes", scopes, Scope.values)
    if not now < expires_at <= now + MAX_LIFETIME:
        problems["expires_at"] = f"Choose a time within the next {MAX_LIFETIME.days} days."
    _refuse(problems)
    credential = Credential(
        account=account,
        kind=CredentialKind.SYSTEM,
        label=label.strip(),
        scopes=[str(scope) for scope in scopes],
        created_by_id=asker.user_id,
        expires_at=expires_at,
    )
    token = f"parlae_{credential.pk.hex}_{random.token_urlsafe(32)}"
    credential.secret_hash = _digest(token)
    _record("credential.created", credential, asker)
    credential.save(force_insert=True)
    return credential, token


def begin_rotation(*, credential: Credential, asker: Asker, now: datetime, secret: str = "") -> str:
    """Accept a second secret beside the first, and return it; ``end_rotation`` drops the first.

    Raises ``Invalid`` for a ``secret`` that cannot be used, and where there is nothing to rotate.
    """
    held = Credential.objects.get(pk=credential.pk)
    if held.kind != CredentialKind.VOICE or not is_live(held, now):
        raise errors.Invalid("Only a live voice credential is rotated; a system credential is issued anew.")
    known = reveal(held)
    if len(known) > 1:
        raise errors.Invalid("A rotation is under way; end it first.")
    _refuse(_usable(secret) | ({"secret": "It is the secret in use."} if secret in known else {}))
    secret = secret or random.token_urlsafe(32)
    _record("credential.rotation_begun", held, asker)
    _replace_secrets(held, [secret, *known])
    return secret


def end_rotation(*, credential: Credential, asker: Asker) -> None:
    """Accept only the newer secret from now on. Raises ``Invalid`` if no rotation is under way."""
    held = Credential.objects.get(pk=credential.pk)
    known = reveal(held)
    if len(known) < 2 or held.revoked_at is not None:
        raise errors.Invalid("No rotation is under way.")
    _replace_secrets(held, known[:1])
    _record("credential.rotation_ended", held, asker)


def revoke(*, credential: Credential, asker: Asker, now: datetime) -> None:
    """End a credential for good; a second time changes nothing."""
    if Credential.objects.filter(pk=credential.pk, revoked_at__isnull=True).update(revoked_at=now):
        _record("credential.revoked", credential, asker)


def deciding_for(line: VoiceLine) -> list[Credential]:
    """Return the voice credentials that a line is opened by: its own or, if it never had one, its account's.

    Ended ones are among them: where one has ended, nothing more general takes its place.
    """
    voice = plain.find(Credential, account_id=line.account_id, kind=CredentialKind.VOICE)
    voice.sort(key=lambda one: one.created_at)
    own = [one for one in voice if one.line_id == line.pk]
    return own or [one for one in voice if one.line_id is None]


def is_live(credential: Credential, now: datetime) -> bool:
    """Return whether a credential is neither revoked nor expired."""
    return credential.revoked_at is None and (credential.expires_at is None or credential.expires_at > now)


def reveal(credential: Credential) -> list[str]:
    """Return a voice credential's secrets, the newest first, for signing and verifying and for nothing else.

    Raises ``vault.CannotOpen``.
    """
    return list(vault.unseal(credential.secrets, _place(credential))) if credential.secrets is not None else []


def is_token(text: str) -> bool:
    """Return whether a bearer token has the shape of a system credential's."""
    return bool(_TOKEN.fullmatch(text))


def identify(token: str, *, now: datetime) -> Credential:
    """Return the live system credential that ``token`` belongs to, with its account, or raise ``SignatureInvalid``.

    Whatever is wrong, the same is done: one query, one digest, one comparison in constant time.
    """
    match = _TOKEN.fullmatch(token)
    named = uuid.UUID(match[1]) if match else _NOBODY
    found = Credential.objects.select_related("account").filter(pk=named).first()
    fits = hmac.compare_digest(_digest(token), (found.secret_hash if found else "") or _NO_DIGEST)
    if found is None or not fits or not is_live(found, now) or not found.account.is_active:
        raise errors.SignatureInvalid
    return found


def _is_owner(account: Account, user_id: str) -> bool:
    owners = Membership.objects.filter(account=account, role=Role.OWNER, is_active=True, user__is_active=True)
    return owners.filter(user_id=user_id).exists()


def _named(label: str) -> dict[str, str]:
    return {} if 0 < len(label.strip()) <= _MAX_LABEL else {"label": f"Give it a name of up to {_MAX_LABEL} letters."}


def _known(field: str, chosen: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    good = chosen and len(set(chosen)) == len(chosen) and set(chosen) <= set(known)
    return {} if good else {field: f"Choose among {', '.join(known)}, each at most once."}


def _usable(secret: str) -> dict[str, str]:
    """Return what is wrong with a secret that was given, because a header must be able to hold it."""
    fits = MIN_SECRET_LENGTH <= len(secret) <= _MAX_SECRET_LENGTH
    if not secret or (fits and secret.isascii() and secret.isprintable() and secret == secret.strip()):
        return {}
    return {"secret": f"Use {MIN_SECRET_LENGTH} to {_MAX_SECRET_LENGTH} printable ASCII characters."}


def _refuse(problems: dict[str, str]) -> None:
    if problems:
        raise errors.Invalid(fields=problems)


def _replace_secrets(held: Credential, known: list[str]) -> None:
    """Store other secrets, unless somebody else has changed the credential since it was read."""
    same = Credential.objects.filter(pk=held.pk, secrets=bytes(held.secrets or b""), revoked_at__isnull=True)
    if not same.update(secrets=_sealed(held, known)):
        raise errors.Invalid("The credential has been changed meanwhile; look at it again.")


def _sealed(credential: Credential, known: list[str]) -> bytes:
    return vault.seal(known, _place(credential))


def _place(credential: Credential) -> str:
    return f"credentials:{credential.pk}:secrets"


def _digest(token: str) -> str:
    return vault.digest(token, "system-credential")


def _record(kind: str, credential: Credential, asker: Asker) -> None:
    detail = {"credential": str(credential.pk), "kind": credential.kind}
    if credential.line_id:
        detail["line"] = str(credential.line_id)
    if credential.scopes:
        detail["scopes"] = " ".join(credential.scopes)
    audit.record_event_by(asker, kind, account_id=credential.account_id, detail=detail)
