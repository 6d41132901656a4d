"""What the pages refuse: every change, by everybody, and every way around the list of what is shown."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account, Invitation, Membership, User
from pms.admin.base import ReadOnlyAdmin
from pms.models import Booking, Call, PmsAuditLog, SecurityEvent, ToolCall, Verification, VoiceLine, WriteBack
from tests.admin import rows
from tests.admin.conftest import Rows
from tests.admin.pages import MODELS, address, detail, listing, page

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
REFUSED = {403, 405}


def _everything() -> dict[str, list[dict[str, Any]]]:
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in MODELS}


@every_model
def test_a_superuser_changes_nothing(desk: Client, seeded: Rows, model: type[Model]) -> None:
    row = seeded[model]
    before = _everything()
    form = {
        **{f.name: "changed" for f in model._meta.concrete_fields},
        "action": "delete_selected",
        "_selected_action": [str(row.pk)],
        "index": "0",
        "select_across": "1",
        "post": "yes",
        "_save": "Save",
        "_saveasnew": "1",
        "form-TOTAL_FORMS": "1",
        "form-INITIAL_FORMS": "1",
        "form-0-id": str(row.pk),
    }
    views = [listing(model), address(model, "add"), *(address(model, v, row) for v in ("change", "delete", "history"))]
    for url in views:
        answers = [desk.post(url, form), desk.put(url, "{}"), desk.patch(url, "{}"), desk.delete(url)]
        assert {answer.status_code for answer in answers} <= REFUSED, url
    assert _everything() == before


@every_model
def test_forms_for_changing_are_not_even_shown(desk: Client, seeded: Rows, model: type[Model]) -> None:
    row = seeded[model]
    for url in (address(model, "add"), address(model, "delete", row), address(model, "history", row)):
        assert desk.get(url).status_code == 403, url
    for url in (listing(model), detail(row)):
        html = desk.get(url).content.decode()
        for word in ('name="_save"', 'name="action"', "_selected_action", "addlink", "deletelink", "historylink"):
            assert word not in html, (url, word)


def test_the_users_page_takes_no_password(desk: Client, seeded: Rows) -> None:
    before = _everything()
    url = detail(seeded[User]).replace("/change/", "/password/")
    assert desk.post(url, {"password1": "another-long-one", "password2": "another-long-one"}).status_code in (302, 404)
    assert _everything() == before


@every_model
def test_a_stranger_is_sent_to_the_login(client: Client, seeded: Rows, model: type[Model]) -> None:
    row = seeded[model]
    views = [listing(model), address(model, "add"), *(address(model, v, row) for v in ("change", "delete", "history"))]
    for url in views:
        answer = client.get(url)
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_login"))


@every_model
def test_staff_without_permission_see_nothing(client: Client, seeded: Rows, model: type[Model]) -> None:
    client.force_login(User.objects.create_user("new@parlae.example", None, is_staff=True))
    for url in (listing(model), detail(seeded[model])):
        assert client.get(url).status_code == 403
    index = client.get(reverse("admin:index"))
    assert index.status_code == 200
    assert listing(model) not in index.content.decode()


def test_a_person_of_a_practice_is_no_support_staff(client: Client, seeded: Rows) -> None:
    client.force_login(seeded[User])  # type: ignore[arg-type]
    assert client.get(listing(Account)).status_code == 302


def test_staff_see_what_they_may_and_change_nothing(client: Client, seeded: Rows) -> None:
    user = User.objects.create_user("desk@parlae.example", None, is_staff=True)
    kind = ContentType.objects.get_for_model(Account)
    user.user_permissions.set(Permission.objects.filter(content_type=kind))  # to add, change and delete as well
    client.force_login(user)
    assert client.get(listing(Account)).status_code == 200
    assert client.get(listing(Call)).status_code == 403
    for view in ("change", "delete"):
        assert client.post(address(Account, view, seeded[Account]), {"post": "yes"}).status_code in REFUSED
    assert client.post(address(Account, "add"), {"name": "x"}).status_code in REFUSED


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (User, "password__startswith=s"),
        (User, "memberships__account__name=x"),
        (Invitation, "token_digest__startswith=a"),
        (Invitation, "invited_by__password__startswith=s"),
        (Call, "caller_digest__startswith=a"),
        (Booking, f"patient_id={rows.PATIENT}"),
        (Booking, "idempotency_key__startswith=a"),
        (Booking, "failure__contains=Maria"),
        (Booking, "call__caller_digest__startswith=a"),
        (Booking, "integration__credentials__isnull=False"),
        (Verification, f"patient_id__startswith={rows.PATIENT[:3]}"),
        (Verification, "subject_digest__gt=5"),
        (WriteBack, f"record_id={rows.PATIENT}"),
        (ToolCall, "arguments_digest__startswith=a"),
        (PmsAuditLog, f"patient_id={rows.PATIENT}"),
        (PmsAuditLog, "request_summary__contains=Maria"),
        (PmsAuditLog, "hash__startswith=a"),
        (SecurityEvent, "detail__said__startswith=C"),
    ],
)
def test_hidden_columns_cannot_be_guessed_through_filters(
    desk: Client, seeded: Rows, model: type[Model], query: str
) -> None:
    assert desk.get(f"{listing(model)}?{query}").status_code == 400


def test_a_foreign_key_that_is_not_shown_does_not_narrow() -> None:
    narrow = type("NarrowAdmin", (ReadOnlyAdmin,), {"fields": ("id", "call")})(Booking, admin.site)
    assert narrow.lookup_allowed("call__exact", "x")
    assert not narrow.lookup_allowed("integration__exact", "x")


@every_model
def test_no_column_is_sorted_by_that_is_not_shown(desk: Client, seeded: Rows, model: type[Model]) -> None:
    shown = {field.column for field in model._meta.concrete_fields if field.name in page(model).columns()}
    for number in (-99, *range(len(page(model).list_display) + 2)):
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(f"{listing(model)}?o={number}").status_code == 200
        order = [
            query["sql"].partition(" ORDER BY ")[2] for query in queries if f'"{model._meta.db_table}"' in query["sql"]
        ]
        assert any(order)
        for sorted_by in order:
            own = set(re.findall(rf'"{model._meta.db_table}"\."(\w+)"', sorted_by))
            assert own <= shown | {model._meta.pk.column}, sorted_by


def test_filters_and_foreign_keys_still_narrow(desk: Client, seeded: Rows) -> None:
    other = rows.practice()
    for query in (f"account={other[Account].pk}", f"account__id__exact={other[Account].pk}"):
        html = desk.get(f"{listing(Booking)}?{query}").content.decode()
        assert detail(other[Booking]) in html
        assert detail(seeded[Booking]) not in html
    for query in ("state__exact=HELD", "created_at__lt=2020-01-01T00:00:00Z"):
        assert detail(seeded[Booking]) not in desk.get(f"{listing(Booking)}?{query}").content.decode()
    assert detail(seeded[Booking]) in desk.get(f"{listing(Booking)}?state__exact=FAILED").content.decode()


@pytest.mark.parametrize(
    "query", ["account=x", "state__exact=x&created_at__gte=never", "q=%00", "state__exact=%00", "p=99", "all=", "e=1"]
)
def test_odd_questions_are_no_crash(desk: Client, seeded: Rows, query: str) -> None:
    assert desk.get(f"{listing(Booking)}?{query}").status_code in (200, 302, 400)


@every_model
def test_odd_rows_are_no_crash(desk: Client, model: type[Model]) -> None:
    for key in ("x", "%00", "9" * 400, "..", str(uuid.uuid4())):
        assert desk.get(f"{listing(model)}{key}/change/").status_code in (302, 400, 404), key


@every_model
def test_popups_open_nothing(desk: Client, seeded: Rows, model: type[Model]) -> None:
    for query in ("_popup=1", "_to_field=id", "_to_field=password", "_popup=1&_to_field=email"):
        for url in (listing(model), detail(seeded[model])):
            assert desk.get(f"{url}?{query}").status_code == 403


def test_autocomplete_opens_nothing(desk: Client, seeded: Rows) -> None:
    asked = 0
    for model in MODELS:
        for field in model._meta.concrete_fields:
            if field.remote_field:
                query = {"app_label": model._meta.app_label, "model_name": model.__name__, "term": ""}
                answer = desk.get(reverse("admin:autocomplete"), {**query, "field_name": field.name})
                assert answer.status_code in (403, 404), field
                asked += answer.status_code == 403
    assert asked > 20


@every_model
def test_view_on_site_opens_nothing(desk: Client, seeded: Rows, model: type[Model]) -> None:
    row = seeded[model]
    url = reverse("admin:view_on_site", args=[ContentType.objects.get_for_model(model).pk, row.pk])
    assert desk.get(url).status_code == 404
    assert url not in desk.get(detail(row)).content.decode()


def test_there_are_no_recent_actions_and_no_groups(desk: Client, seeded: Rows) -> None:
    html = desk.get(reverse("admin:index")).content.decode()
    assert "Parlae support" in html
    assert "Recent actions" not in html
    assert "Groups" not in html


# Search


def _found(desk: Client, row: Model, words: str) -> bool:
    return detail(row) in desk.get(listing(type(row)), {"q": words}).content.decode()


def test_rows_are_found_by_ids_numbers_and_names_of_accounts(desk: Client, seeded: Rows) -> None:
    rows.practice()
    account: Any = seeded[Account]
    booking: Any = seeded[Booking]
    call: Any = seeded[Call]
    line: Any = seeded[VoiceLine]
    by_account: list[type[Model]] = [
        m for m in MODELS if m in (Account, User, Membership, Booking, Call, ToolCall, WriteBack, PmsAuditLog)
    ]
    for model in by_account:
        assert _found(desk, seeded[model], account.name.split()[1]), model.__name__
    by_id: list[type[Model]] = [Account, Booking, Call, PmsAuditLog, SecurityEvent]
    for model in by_id:
        assert _found(desk, seeded[model], f" {account.pk} "), model.__name__
        assert not _found(desk, seeded[model], str(uuid.uuid4())), model.__name__
    assert _found(desk, booking, booking.confirmation_number.lower())
    assert _found(desk, booking, str(booking.pk))
    assert _found(desk, booking, call.vapi_call_id)
    assert _found(desk, seeded[WriteBack], booking.confirmation_number)
    assert _found(desk, seeded[PmsAuditLog], call.vapi_call_id)
    assert _found(desk, line, line.phone_number[-7:])


@pytest.mark.parametrize("model", [Booking, Verification, WriteBack, PmsAuditLog])
def test_patients_cannot_be_searched_for(desk: Client, seeded: Rows, model: type[Model]) -> None:
    assert not _found(desk, seeded[model], rows.PATIENT)
