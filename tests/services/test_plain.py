"""Statements that are written out give what the ORM gives, on both databases."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError
from django.forms import model_to_dict

from accounts.models import Account
from pms.models import AppointmentType, Credential, CredentialKind, Task, VoiceLine
from pms.services import plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return Account.objects.create(name="Alder Dental", time_zone="America/New_York")


@pytest.fixture
def lines(account: Account) -> list[VoiceLine]:
    made = [
        {"vapi_assistant_id": "a1", "phone_number": "+12125550101"},
        {"vapi_assistant_id": "a2", "vapi_phone_number_id": "p2"},
        {"vapi_phone_number_id": "p3", "phone_number": "+12125550103"},
    ]
    return [VoiceLine.objects.create(account=account, label=f"Line {n}", **one) for n, one in enumerate(made)]


def whole(model: type, pk: object) -> list[object]:
    """Return all columns of a row, as the ORM reads them."""
    row = model.objects.get(pk=pk)  # type: ignore[attr-defined]
    return [getattr(row, name) for name in plain.fields(model)]


def test_a_row_is_found_with_every_kind_of_column_as_the_orm_gives_it(account: Account) -> None:
    credential = Credential.objects.create(
        account=account,
        kind=CredentialKind.VOICE,
        label="Ours",
        schemes=["body", "bearer"],
        secrets=b"\x00\xffsealed",
        expires_at=datetime(2026, 11, 1, 9, tzinfo=UTC),
    )

    found = plain.first(Credential, account_id=account.pk, kind=CredentialKind.VOICE)

    assert found is not None
    read = [
        bytes(value) if isinstance(value, memoryview) else value
        for value in map(found.__getattribute__, plain.fields(Credential))
    ]
    assert read == [bytes(v) if isinstance(v, memoryview) else v for v in whole(Credential, credential.pk)]
    assert (found.schemes, found.revoked_at, found.line_id) == (["body", "bearer"], None, None)
    assert found.account.name == "Alder Dental"


def test_only_rows_with_all_the_wanted_values_are_found(account: Account, lines: list[VoiceLine]) -> None:
    other = Account.objects.create(name="Birch Dental", time_zone="America/Chicago")
    lines[0].is_active = False
    lines[0].save()

    found = plain.find(VoiceLine, account_id=account.pk, is_active=True)

    assert {line.pk for line in found} == {lines[1].pk, lines[2].pk}
    assert plain.find(VoiceLine, account_id=other.pk, is_active=True) == []
    assert plain.first(VoiceLine, id=uuid.uuid4()) is None


def test_rows_are_found_by_any_of_several_values_in_any_of_several_columns(lines: list[VoiceLine]) -> None:
    def found(**wanted: tuple[str, ...]) -> set[str]:
        return {line.label for line in plain.find_any(VoiceLine, wanted)}

    assert found(vapi_assistant_id=("a1", "nobody's"), phone_number=("+12125550103",)) == {"Line 0", "Line 2"}
    assert found(vapi_assistant_id=("a1",), phone_number=("+12125550101",)) == {"Line 0"}
    assert found(vapi_assistant_id=(), vapi_phone_number_id=("p2", "p3")) == {"Line 1", "Line 2"}
    assert found(vapi_assistant_id=(), phone_number=()) == set()


def test_a_row_is_inserted_as_the_orm_would(account: Account) -> None:
    task = Task(account=account, kind="message", detail=b"\x00sealed")

    assert plain.insert(task)

    kept = Task.objects.get()
    assert model_to_dict(kept) == model_to_dict(task)
    assert (kept.pk, kept.created_at, bytes(kept.detail)) == (task.pk, task.created_at, b"\x00sealed")
    task.kind = "callback"
    task.save()  # an update: the object knows that its row is there
    assert Task.objects.get().kind == "callback"


def test_a_second_row_of_the_same_key_is_refused_or_left_out_as_the_caller_says(account: Account) -> None:
    def line() -> VoiceLine:
        return VoiceLine(account=account, label="Line", phone_number="+12125550101")

    assert plain.insert(line(), unless_known=["phone_number"])
    assert not plain.insert(line(), unless_known=["phone_number"])
    assert VoiceLine.objects.count() == 1
    with pytest.raises(DatabaseError):
        plain.insert(line())


def test_json_is_kept_as_json(account: Account) -> None:
    kind = AppointmentType(account=account, name="Cleaning", aliases=["hygiene"], duration_minutes=60, resources=[])

    plain.insert(kind)

    assert AppointmentType.objects.get(pk=kind.pk).aliases == ["hygiene"]
    found = plain.first(AppointmentType, id=kind.pk)
    assert found is not None
    assert found.aliases == ["hygiene"]
