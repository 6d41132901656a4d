"""What the pages show, and what never leaves the database for them."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.checks import Error
from django.db import connection
from django.db.models import BinaryField, Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from accounts.models import Account, User
from pms.admin.base import NOT_SHOWN, ReadOnlyAdmin, as_code, never_shown
from pms.models import Booking, Call, PmsIntegration, RateCounter, VoiceLine, WriteBack
from tests.admin import rows
from tests.admin.conftest import Rows
from tests.admin.pages import MODELS, detail, listing, page

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def _html(desk: Client, address: str) -> str:
    answer = desk.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def _both(desk: Client, row: Model) -> str:
    return _html(desk, listing(type(row))) + _html(desk, detail(row))


def test_every_model_has_a_page_and_every_page_is_read_only() -> None:
    for label in ("accounts", "pms"):
        for model in apps.get_app_config(label).get_models():
            assert admin.site.is_registered(model), f"{model.__name__} is missing from the admin"
    for model, registered in admin.site._registry.items():
        assert isinstance(registered, ReadOnlyAdmin), f"{model.__name__} can be changed"
    assert not admin.site.is_registered(Group)


def test_the_seed_has_a_row_of_every_model(seeded: Rows) -> None:
    assert set(seeded) == set(MODELS)


@every_model
def test_no_secret_and_no_patient_is_on_any_page(desk: Client, seeded: Rows, model: type[Model]) -> None:
    row = model._default_manager.get(pk=seeded[model].pk)
    html = _both(desk, row)

    assert rows.CANARY not in html
    columns = page(model).columns()
    for field in model._meta.concrete_fields:
        value = getattr(row, field.attname)
        if isinstance(value, bytes | memoryview):
            token = bytes(value).split(b".", 2)[2]
            for text in (escape(repr(token)[2:30]), base64.b64encode(token).decode()[:20], token.hex()[:20]):
                assert text not in html, field.name
        elif never_shown(field) or field.name not in columns:
            hidden = value if isinstance(value, str) and len(value) > 5 else None
            assert hidden is None or hidden not in html, field.name
    assert not re.search(r"\b[0-9a-f]{64}\b", html), "a digest"
    assert not re.search(r"b&#x27;|&lt;memory", html), "bytes"


@every_model
def test_sealed_columns_do_not_leave_the_database(desk: Client, seeded: Rows, model: type[Model]) -> None:
    names = {f.column for m in MODELS for f in m._meta.concrete_fields if isinstance(f, BinaryField)}
    hidden = names | {"patient_id", "guarantor_id", "caller_digest", "subject_digest", "token_digest"}
    with CaptureQueriesContext(
        connection,
    ) as queries:
        _both(desk, seeded[model])
    # Where the person is signed in is noted too; that table has a column of the same name as one of ours.
    of_rows = [query for query in queries if '"usersessions_usersession"' not in query["sql"]]
    asked = {column for query in of_rows for column in re.findall(r'\."(\w+)"', query["sql"])}
    assert model._meta.pk.column in asked
    assert not asked & hidden


@every_model
def test_names_are_escaped(desk: Client, seeded: Rows, model: type[Model]) -> None:
    html = _both(desk, seeded[model])
    assert rows.HOSTILE not in html
    assert "<script>alert" not in html


def test_the_hostile_names_are_there_to_be_escaped(desk: Client, seeded: Rows) -> None:
    escaped = "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;"
    for model in (Account, User, VoiceLine, PmsIntegration, Booking, Call):
        assert escaped in _both(desk, seeded[model]), model.__name__


def test_a_list_asks_few_questions_however_long_it_is(desk: Client) -> None:
    for _ in range(30):
        rows.practice()
    _html(desk, "/admin/")  # notes where the person is signed in
    for model in MODELS:
        with CaptureQueriesContext(connection) as queries:
            html = _html(desk, listing(model))
        assert len(re.findall("<tr>", html)) >= 30, model.__name__
        assert len(queries) <= 7, (model.__name__, [query["sql"] for query in queries])


def test_a_detail_page_loads_no_choices(desk: Client, seeded: Rows) -> None:
    for _ in range(30):
        rows.practice()
    _html(desk, "/admin/")
    with CaptureQueriesContext(connection) as queries:
        html = _html(desk, detail(seeded[WriteBack]))
    assert len(queries) <= 8
    assert "<select" not in html


def test_a_counters_key_is_on_no_page(desk: Client, seeded: Rows) -> None:
    key = str(seeded[RateCounter].pk)
    assert key.rpartition(":")[2] not in _html(desk, listing(RateCounter))
    html = _html(desk, detail(seeded[RateCounter]))
    assert key not in html
    assert "Counter" in html


def test_an_integration_shows_what_support_needs(desk: Client, seeded: Rows) -> None:
    html = _html(desk, detail(seeded[PmsIntegration]))
    assert "Application key: ••••" in html
    assert "stepMinutes: 30" in html
    assert "booking: yes" in html
    assert "READ_SCHEDULE" in html
    assert NOT_SHOWN in html  # the vendor's sentence


def test_the_history_names_fields_and_not_values(desk: Client, seeded: Rows) -> None:
    entry: Any = next(row for model, row in seeded.items() if model._meta.app_label == "auditlog")
    html = _both(desk, entry)
    assert "email" in html
    assert f'href="{detail(seeded[User])}"' in html
    assert "@clinic.example" not in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("slot_taken", "slot_taken"),
        ("call.in-progress.error-sip", "call.in-progress.error-sip"),
        ("", None),
        (None, None),
        ("Maria Gonzalez", NOT_SHOWN),
        ("2125550100", NOT_SHOWN),
        ("1988-02-03", NOT_SHOWN),
        ("slot_taken\n", NOT_SHOWN),
    ],
)
def test_only_codes_read_as_codes(text: str | None, shown: str | None) -> None:
    assert as_code(text) == shown


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"fields": ("id", "patient_id")}, "pms.admin.E001"),
        ({"fields": ("id", "note")}, "pms.admin.E001"),
        ({"fields": ("id",), "search_fields": ("patient_id__exact",)}, "pms.admin.E001"),
        ({"fields": ("id",), "search_fields": ("=call__caller_digest",)}, "pms.admin.E001"),
        ({"fields": ("id",), "list_display": ("state",)}, "pms.admin.E002"),
        ({"fields": ("id",), "list_filter": ("state",)}, "pms.admin.E002"),
        ({"fields": ("id",), "ordering": ("-created_at",)}, "pms.admin.E002"),
    ],
)
def test_a_page_that_names_too_much_is_refused_at_start(attributes: dict[str, Any], error: str) -> None:
    bad = type("BadAdmin", (ReadOnlyAdmin,), {"list_display": ("id",), **attributes})(Booking, admin.site)
    found = bad.check()
    assert error in {message.id for message in found if isinstance(message, Error)}


def test_the_pages_in_use_pass_the_checks() -> None:
    assert [message for registered in admin.site._registry.values() for message in registered.check()] == []
