"""Credentials are made, rotated and revoked, each with its event, and only a digest of a token is kept."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account, Membership, User
from accounts.roles import Role
from pms import vault
from pms.domain import errors
from pms.models import Credential, CredentialKind, SecurityEvent, VoiceLine
from pms.models.credential import Scope, SigningScheme
from pms.services import checks, credentials
from pms.services.audit import Asker
from pms.tools.registry import TOOLS
from tests.ground.support import without_table
from tests.talking import together

ROOT = Path(__file__).resolve().parents[2]
OPERATOR = Asker(
    actor="command:test",
    endpoint="test",
    method="COMMAND",
    ip_address="198.51.100.7",
    user_agent="Browser/1.0",
    request_id="request-1",
)
TOKEN = re.compile(r"parlae_[0-9a-f]{32}_[A-Za-z0-9_-]{43}")
NOW = timezone.now()
IN_A_MONTH = NOW + timedelta(days=30)


@pytest.fixture
def alder(db: None) -> Account:
    return Account.objects.create(name="Alder Dental", time_zone="America/New_York")


@pytest.fixture
def line(alder: Account) -> VoiceLine:
    return VoiceLine.objects.create(account=alder, label="Main number", phone_number="+12125550100")


def voice(account: Account, line: VoiceLine | None = None, **values: Any) -> tuple[Credential, str]:
    given = {"label": "Vapi", "asker": OPERATOR, "now": NOW, **values}
    return credentials.create_voice(account=account, line=line, **given)


def system(account: Account, **values: Any) -> tuple[Credential, str]:
    given = {
        "label": "Our website",
        "scopes": ["appointments:read"],
        "expires_at": IN_A_MONTH,
        "asker": OPERATOR,
        "now": NOW,
        **values,
    }
    return credentials.issue_system(account=account, **given)


def events() -> list[str]:
    return list(SecurityEvent.objects.order_by("created_at").values_list("kind", flat=True))


def member(account: Account, role: str, **values: Any) -> Asker:
    user = User.objects.create_user(f"{role.lower()}-{account.pk.hex}@clinic.example")
    Membership.objects.create(user=user, account=account, role=role, **values)
    return Asker(actor=f"user:{user.pk}", endpoint="test", method="POST", user_id=str(user.pk))


# Voice


def test_a_voice_credential_gets_a_random_secret_that_is_sealed(alder: Account, line: VoiceLine) -> None:
    made, secret = voice(alder, line)
    _, another = voice(alder, line)

    stored = Credential.objects.get(pk=made.pk)
    assert len(secret) >= 43
    assert secret != another
    assert credentials.reveal(stored) == [secret]
    assert secret.encode() not in bytes(stored.secrets or b"")
    assert (stored.kind, stored.schemes, stored.secret_hash) == ("VOICE", ["timestamp_body"], "")


def test_a_secret_that_vapi_has_already_can_be_given(alder: Account) -> None:
    made, secret = voice(alder, secret="what Vapi has already", schemes=["secret", "bearer"])

    assert secret == "what Vapi has already"
    assert credentials.reveal(made) == [secret]
    assert Credential.objects.get(pk=made.pk).schemes == ["secret", "bearer"]


def test_secrets_that_were_copied_to_another_credential_do_not_open(alder: Account) -> None:
    (one, _), (other, _) = voice(alder), voice(alder)
    other.secrets = one.secrets

    with pytest.raises(vault.CannotOpen):
        credentials.reveal(other)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "  "}, "label"),
        ({"label": "x" * 81}, "label"),
        ({"schemes": []}, "schemes"),
        ({"schemes": ["md5"]}, "schemes"),
        ({"schemes": ["secret", "TIMESTAMP_BODY"]}, "schemes"),
        ({"schemes": ["secret", "secret"]}, "schemes"),
        ({"secret": "fifteen letters"}, "secret"),
        ({"secret": "x" * 201}, "secret"),
        ({"secret": " a blank at its start"}, "secret"),
        ({"secret": "a line\nbreak in the middle"}, "secret"),
        ({"secret": "geheimnisträger in Köln"}, "secret"),
        ({"expires_at": NOW}, "expires_at"),
    ],
)
def test_what_cannot_be_a_voice_credential_is_refused_with_its_field(
    alder: Account, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(errors.Invalid) as refused:
        voice(alder, **values)

    assert set(refused.value.fields) == {field}
    assert not Credential.objects.exists()
    assert not events()


def test_a_line_of_another_account_is_refused(alder: Account, line: VoiceLine) -> None:
    birch = Account.objects.create(name="Birch Dental", time_zone="America/New_York")

    with pytest.raises(errors.Invalid) as refused:
        voice(birch, line)

    assert set(refused.value.fields) == {"line"}


# System


def test_a_system_credential_s_token_is_recognised_and_kept_nowhere(alder: Account) -> None:
    made, token = system(alder, scopes=["appointments:read", Scope.PATIENTS_READ])

    found = credentials.identify(token, now=NOW)
    assert TOKEN.fullmatch(token)
    assert (found.pk, found.account) == (made.pk, alder)
    assert found.scopes == ["appointments:read", "patients:read"]
    row = Credential.objects.filter(pk=made.pk).values().get()
    kept = [repr(row), repr(SecurityEvent.objects.values())]
    assert not [text for text in kept if token in text or token.rpartition("_")[2] in text]
    assert (row["secrets"], len(row["secret_hash"])) == (None, 64)


def test_two_tokens_are_never_alike(alder: Account) -> None:
    (_, one), (_, other) = system(alder), system(alder)

    assert one.split("_")[1:] != other.split("_")[1:]
    assert one[-43:] != other[-43:]


def expired(alder: Account) -> str:
    return system(alder, expires_at=NOW - timedelta(seconds=1), now=NOW - timedelta(days=1))[1]


def revoked(alder: Account) -> str:
    made, token = system(alder)
    credentials.revoke(credential=made, asker=OPERATOR, now=NOW)
    return token


def of_a_closed_account(alder: Account) -> str:
    token = system(alder)[1]
    Account.objects.update(is_active=False)
    return token


def with_another_s_secret(alder: Account) -> str:
    (one, _), (_, token) = system(alder), system(alder)
    return f"parlae_{one.pk.hex}_{token[-43:]}"


def with_a_copied_digest(alder: Account) -> str:
    (victim, _), (own, token) = system(alder), system(alder)
    Credential.objects.filter(pk=victim.pk).update(secret_hash=own.secret_hash)
    return f"parlae_{victim.pk.hex}_{token[-43:]}"


def of_a_voice_credential(alder: Account) -> str:
    made, secret = voice(alder)
    return f"parlae_{made.pk.hex}_{secret}"


REFUSED_TOKENS: dict[str, Callable[[Account], str]] = {
    "expired": expired,
    "revoked": revoked,
    "of a closed account": of_a_closed_account,
    "another's secret": with_another_s_secret,
    "a copied digest": with_a_copied_digest,
    "a voice credential": of_a_voice_credential,
    "nobody": lambda alder: f"parlae_{'0' * 32}_{'x' * 43}",
    "a letter more": lambda alder: f"{system(alder)[1]}x",
    "a letter less": lambda alder: system(alder)[1][:-1],
    "capitals": lambda alder: system(alder)[1].upper(),
    "a dashed id": lambda alder: f"parlae_{(made := system(alder))[0].pk}_{made[1][-43:]}",
    "no token": lambda alder: "a bearer token of something else",
    "empty": lambda alder: "",
}


@pytest.mark.parametrize("make", REFUSED_TOKENS.values(), ids=REFUSED_TOKENS.keys())
def test_any_other_token_is_refused_after_the_same_work(
    alder: Account, make: Callable[[Account], str], django_assert_num_queries: Any
) -> None:
    token = make(alder)

    with django_assert_num_queries(1) as asked, pytest.raises(errors.SignatureInvalid):
        credentials.identify(token, now=NOW)

    assert asked.captured_queries[0]["sql"].startswith("SELECT ")


def test_a_token_is_good_until_it_expires(alder: Account) -> None:
    _, token = system(alder, expires_at=IN_A_MONTH)

    assert credentials.identify(token, now=IN_A_MONTH - timedelta(seconds=1))
    with pytest.raises(errors.SignatureInvalid):
        credentials.identify(token, now=IN_A_MONTH)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"label": ""}, "label"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["appointments:read", "everything"]}, "scopes"),
        ({"scopes": ["*"]}, "scopes"),
        ({"scopes": ["appointments:read"] * 2}, "scopes"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW + timedelta(days=367)}, "expires_at"),
    ],
)
def test_what_cannot_be_a_system_credential_is_refused_with_its_field(
    alder: Account, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(errors.Invalid) as refused:
        system(alder, **values)

    assert set(refused.value.fields) == {field}
    assert not Credential.objects.exists()


def test_of_the_practice_s_people_only_an_owner_makes_a_system_credential(alder: Account) -> None:
    birch = Account.objects.create(name="Birch Dental", time_zone="America/New_York")
    others = [member(alder, role) for role in (Role.ADMIN, Role.STAFF, Role.AUDITOR)]
    former = member(alder, Role.OWNER, is_active=False)
    for asker in (*others, former, member(birch, Role.OWNER)):
        with pytest.raises(errors.Forbidden):
            system(alder, asker=asker)
    Membership.objects.filter(user_id=former.user_id).update(is_active=True)

    made, _ = system(alder, asker=former)

    assert str(made.created_by_id) == former.user_id
    assert Credential.objects.get() == made


def test_every_tool_s_scope_can_be_issued() -> None:
    assert {tool.scope for tool in TOOLS.values() if tool.scope} <= set(Scope.values)


def test_the_document_about_signing_names_every_scheme_and_every_scope() -> None:
    text = (ROOT / "docs" / "signing.md").read_text(encoding="utf-8")

    for name in (*SigningScheme.values, *Scope.values):
        assert f"| `{name}` |" in text, name


# Rotation and end


def test_a_rotation_accepts_both_secrets_until_it_ends(alder: Account) -> None:
    made, old = voice(alder)

    new = credentials.begin_rotation(credential=made, asker=OPERATOR, now=NOW)
    during = credentials.reveal(Credential.objects.get())
    credentials.end_rotation(credential=made, asker=OPERATOR)
    after = credentials.reveal(Credential.objects.get())

    assert len(new) >= 43
    assert (during, after) == ([new, old], [new])


def test_a_rotation_can_be_to_a_secret_that_vapi_has_already(alder: Account) -> None:
    made, old = voice(alder)

    new = credentials.begin_rotation(credential=made, secret="what Vapi has already", asker=OPERATOR, now=NOW)

    assert new == "what Vapi has already"
    assert credentials.reveal(Credential.objects.get()) == [new, old]


def test_what_is_not_to_be_rotated_is_refused_and_stays_as_it_is(alder: Account) -> None:
    made, old = voice(alder)
    ended, _ = voice(alder)
    credentials.revoke(credential=ended, asker=OPERATOR, now=NOW)
    past, _ = voice(alder, expires_at=NOW - timedelta(days=1), now=NOW - timedelta(days=2))
    token, _ = system(alder)
    before = events()

    def rotate(credential: Credential, secret: str = "") -> None:
        with pytest.raises(errors.Invalid):
            credentials.begin_rotation(credential=credential, secret=secret, asker=OPERATOR, now=NOW)

    for credential in (ended, past, token):
        rotate(credential)
    rotate(made, old)
    rotate(made, "too short")
    with pytest.raises(errors.Invalid):
        credentials.end_rotation(credential=made, asker=OPERATOR)

    assert credentials.reveal(Credential.objects.get(pk=made.pk)) == [old]
    assert events() == before


def test_a_second_rotation_waits_for_the_end_of_the_first(alder: Account) -> None:
    made, old = voice(alder)
    new = credentials.begin_rotation(credential=made, asker=OPERATOR, now=NOW)

    with pytest.raises(errors.Invalid):
        credentials.begin_rotation(credential=made, asker=OPERATOR, now=NOW)

    assert credentials.reveal(Credential.objects.get()) == [new, old]


@pytest.mark.django_db(transaction=True)
def test_of_two_rotations_at_once_only_one_secret_is_handed_out_and_it_opens() -> None:
    alder = Account.objects.create(name="Alder Dental", time_zone="America/New_York")
    made, old = voice(alder)

    def rotate() -> str:
        try:
            return credentials.begin_rotation(credential=made, asker=OPERATOR, now=NOW)
        except errors.Invalid:
            return ""

    handed_out = [secret for secret in together(rotate, rotate, rotate) if secret]

    assert len(handed_out) == 1
    assert credentials.reveal(Credential.objects.get()) == [*handed_out, old]


def test_a_rotation_does_not_bring_a_revoked_credential_back(alder: Account) -> None:
    made, _ = voice(alder)
    credentials.begin_rotation(credential=made, asker=OPERATOR, now=NOW)
    credentials.revoke(credential=made, asker=OPERATOR, now=NOW)

    with pytest.raises(errors.Invalid):
        credentials.end_rotation(credential=made, asker=OPERATOR)

    assert not credentials.is_live(Credential.objects.get(), NOW)


def test_a_credential_is_revoked_once(alder: Account) -> None:
    made, _ = system(alder)

    credentials.revoke(credential=made, asker=OPERATOR, now=NOW)
    credentials.revoke(credential=made, asker=OPERATOR, now=NOW + timedelta(hours=1))

    assert Credential.objects.get().revoked_at == NOW
    assert events().count("credential.revoked") == 1


# Which credentials decide about a line


def test_a_line_s_own_credentials_decide_then_its_account_s_and_ended_ones_still_do(
    alder: Account, line: VoiceLine
) -> None:
    other = VoiceLine.objects.create(account=alder, label="Second number", phone_number="+12125550101")
    birch = Account.objects.create(name="Birch Dental", time_zone="America/New_York")
    voice(birch)
    system(alder)
    assert credentials.deciding_for(line) == []

    (of_account, _), (of_line, _) = voice(alder), voice(alder, line)
    credentials.revoke(credential=of_line, asker=OPERATOR, now=NOW)

    assert credentials.deciding_for(line) == [of_line]
    assert credentials.deciding_for(other) == [of_account]


# Evidence


def test_each_step_leaves_an_event_that_says_who_and_what_and_no_secret(alder: Account, line: VoiceLine) -> None:
    made, old = voice(alder, line)
    new = credentials.begin_rotation(credential=made, asker=OPERATOR, now=NOW)
    credentials.end_rotation(credential=made, asker=OPERATOR)
    credentials.revoke(credential=made, asker=OPERATOR, now=NOW)
    issued, token = system(alder)

    found = list(SecurityEvent.objects.order_by("seq"))
    assert [event.kind for event in found] == [
        "credential.created",
        "credential.rotation_begun",
        "credential.rotation_ended",
        "credential.revoked",
        "credential.created",
    ]
    assert {(event.account_id, event.actor, event.ip_address) for event in found} == {
        (alder.pk, "command:test", "198.51.100.7")
    }
    assert {(event.user_agent, event.request_id) for event in found} == {("Browser/1.0", "request-1")}
    assert found[0].detail == {"credential": str(made.pk), "kind": "VOICE", "line": str(line.pk)}
    assert found[-1].detail == {"credential": str(issued.pk), "kind": "SYSTEM", "scopes": "appointments:read"}
    text = repr([event.detail for event in found])
    assert not [secret for secret in (old, new, token, "Our website") if secret in text]


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_recorded_is_not_opened_and_what_is_to_close_is_closed() -> None:
    alder = Account.objects.create(name="Alder Dental", time_zone="America/New_York")
    made, old = voice(alder)
    new = credentials.begin_rotation(credential=made, asker=OPERATOR, now=NOW)
    rotated, _ = voice(alder)
    opening: list[Callable[[], object]] = [
        lambda: voice(alder),
        lambda: system(alder),
        lambda: credentials.begin_rotation(credential=rotated, asker=OPERATOR, now=NOW),
    ]
    closing: list[Callable[[], object]] = [
        lambda: credentials.end_rotation(credential=made, asker=OPERATOR),
        lambda: credentials.revoke(credential=rotated, asker=OPERATOR, now=NOW),
    ]

    with without_table("audit_chain_heads"):
        for step in (*opening, *closing):
            with pytest.raises(errors.Internal):
                step()

    assert set(Credential.objects.all()) == {made, rotated}
    assert credentials.reveal(Credential.objects.get(pk=made.pk)) == [new]
    assert len(credentials.reveal(Credential.objects.get(pk=rotated.pk))) == 1
    assert Credential.objects.get(pk=rotated.pk).revoked_at == NOW
    assert old != new


# What the database refuses


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("voice", {"secrets": None}),
        ("voice", {"secret_hash": "0" * 64}),
        ("voice", {"kind": CredentialKind.SYSTEM}),
        ("voice", {"kind": "ANY"}),
        ("system", {"secrets": b"sealed"}),
        ("system", {"secret_hash": ""}),
        ("system", {"expires_at": None}),
        ("system", {"kind": CredentialKind.VOICE}),
        ("system", {"line": "line"}),
    ],
)
def test_the_database_refuses_what_is_neither_kind(
    alder: Account, line: VoiceLine, kind: str, change: dict[str, Any]
) -> None:
    made, _ = voice(alder) if kind == "voice" else system(alder)
    values = {name: line.pk if value == "line" else value for name, value in change.items()}

    with pytest.raises(IntegrityError), transaction.atomic():
        Credential.objects.filter(pk=made.pk).update(**values)


# The command


def issue(*arguments: str) -> str:
    out = io.StringIO()
    call_command("issuecredential", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("named", ["id", "name"])
def test_the_command_prints_the_token_once(alder: Account, named: str) -> None:
    account = str(alder.pk) if named == "id" else alder.name

    printed = issue(account, "--label", "Website", "--scope", "appointments:read", "--scope", "patients:read")

    (token,) = TOKEN.findall(printed)
    found = credentials.identify(token, now=timezone.now())
    assert printed.splitlines()[-1] == token
    assert (found.account, found.label) == (alder, "Website")
    assert found.scopes == ["appointments:read", "patients:read"]
    assert SecurityEvent.objects.get().actor == "command:issuecredential"


def test_the_command_sets_how_long_the_token_is_good_for(alder: Account) -> None:
    issue(alder.name, "--label", "Default", "--scope", "patients:read")
    issue(alder.name, "--label", "Week", "--scope", "patients:read", "--days", "7")

    def days(label: str) -> float:
        expires: datetime | None = Credential.objects.get(label=label).expires_at
        assert expires is not None
        return round((expires - timezone.now()).total_seconds() / 86400, 2)

    assert (days("Default"), days("Week")) == (90, 7)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Nobody's practice", "--label", "x", "--scope", "patients:read"], "0 such practices"),
        (["00000000-0000-0000-0000-000000000000", "--label", "x", "--scope", "patients:read"], "0 such practices"),
        (["Twin Dental", "--label", "x", "--scope", "patients:read"], "2 such practices"),
        (["Alder Dental", "--label", "x", "--scope", "everything"], "scopes: Choose among"),
        (["Alder Dental", "--label", " ", "--scope", "patients:read"], "label: "),
        (["Alder Dental", "--label", "x", "--scope", "patients:read", "--days", "0"], "1 to 366 days"),
        (["Alder Dental", "--label", "x", "--scope", "patients:read", "--days", "999999999"], "1 to 366 days"),
        (["Alder Dental", "--scope", "patients:read"], "--label"),
        (["Alder Dental", "--label", "x"], "--scope"),
    ],
)
def test_the_command_says_what_it_cannot_do(alder: Account, arguments: list[str], told: str) -> None:
    for _ in range(2):
        Account.objects.create(name="Twin Dental", time_zone="America/New_York")

    with pytest.raises(CommandError, match=re.escape(told)):
        issue(*arguments)

    assert not Credential.objects.exists()


# System checks


def test_a_scheme_s_typing_error_is_found_at_start(settings: Settings) -> None:
    settings.VAPI_WEBHOOK_SCHEMES = list(SigningScheme.values)
    assert checks.webhook_schemes() == []

    settings.VAPI_WEBHOOK_SCHEMES = ["timestamp_body", "timestampbody"]
    assert [found.id for found in checks.webhook_schemes()] == ["pms.E003"]


def test_a_secret_that_could_be_guessed_is_warned_of_before_deployment(settings: Settings) -> None:
    settings.VAPI_WEBHOOK_SECRETS = ["x" * 16]
    assert checks.webhook_secrets() == []

    settings.VAPI_WEBHOOK_SECRETS = ["x" * 16, "x" * 15]
    assert [found.id for found in checks.webhook_secrets()] == ["pms.W001"]


def test_the_admin_shows_a_credential_without_what_it_is_known_by(alder: Account, client: Client) -> None:
    (one, _), (other, token) = voice(alder), system(alder)
    client.force_login(User.objects.create_superuser("support@parlae.example", None))

    pages = [client.get(f"/admin/pms/credential/{made.pk}/change/").content.decode() for made in (one, other)]

    assert "Our website" in pages[1]
    assert "appointments:read" in pages[1]
    shown = "".join(pages)
    assert not [private for private in (other.secret_hash, token, token[-43:]) if private in shown]
