"""``POST /api/pms/messages``: a message for the team, kept as a task whether or not the PMS can be reached."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.models import Call, ConnectionStatus, PmsAuditLog, PmsIntegration, Task
from pms.models.credential import Scope
from pms.services import tasks
from tests import agreement
from tests.api.site import MESSAGES, Site
from tests.conftest import Sim
from tests.practice import CALLER, live_call
from tests.talking import asked_of_the_pms
from tests.vapi.sending import refused

WORDS = {"message": "Please call about the crown."}


@pytest.fixture
def site(client: Client, practice: Account) -> Site:
    return Site(client, practice, Scope.MESSAGES_WRITE)


def leave(site: Site, body: Any) -> Any:
    return site.ask("POST", MESSAGES, body)


def test_it_is_kept_as_a_task_and_told_by_its_id(site: Site, practice: Account, sim: Sim) -> None:
    sim("DELETE", "requests")

    response = leave(site, {**WORDS, "callerName": "Cora", "phoneNumber": "646 555 0188", "urgent": True})

    task, body = Task.objects.get(), response.json()
    assert response.status_code == 201
    assert body == {"success": True, "message": {"id": str(task.pk), "createdAt": body["message"]["createdAt"]}}
    assert abs((datetime.fromisoformat(body["message"]["createdAt"]) - timezone.now()).total_seconds()) < 60
    assert (task.account, task.kind, task.call) == (practice, "message", None)
    assert tasks.detail(task) == {**WORDS, "callerName": "Cora", "phoneNumber": "+16465550188", "urgent": "yes"}
    assert asked_of_the_pms(sim) == []
    assert not PmsAuditLog.objects.filter(endpoint=MESSAGES).exists()


@pytest.mark.parametrize("status", [ConnectionStatus.ERROR, ConnectionStatus.SETUP_REQUIRED, ConnectionStatus.INACTIVE])
def test_it_is_kept_whatever_the_connection_is(site: Site, status: str) -> None:
    PmsIntegration.objects.update(status=status, features={})
    Account.objects.update(is_paused=True)

    assert leave(site, WORDS).status_code == 201


def test_it_is_kept_from_a_voice_credential_with_and_without_a_call(
    voice: Callable[..., Any], practice: Account
) -> None:
    call = live_call(practice)

    answers = [
        voice("POST", MESSAGES, WORDS),
        voice("POST", MESSAGES, {"message": "And my son's, too."}, call.vapi_call_id),
    ]

    with_call = Task.objects.get(call=call)
    assert [one.status_code for one in answers] == [201, 201]
    assert tasks.detail(with_call)["phoneNumber"] == CALLER
    assert Task.objects.filter(call=None).count() == 1


def test_it_is_kept_also_if_its_call_is_over_or_unknown(site: Site, practice: Account) -> None:
    over = live_call(practice)
    Call.objects.update(ended_at=timezone.now())

    statuses = [
        site.ask("POST", MESSAGES, {"message": "Please call."}, call=call).status_code
        for call in (over.vapi_call_id, "nobody's")
    ]

    assert statuses == [201, 201]
    assert Task.objects.count() == 2


def test_words_that_hold_an_envelope_s_are_only_words(site: Site) -> None:
    """A body with the word "message" in it is still a REST request."""
    said = 'They wrote "message": {"type": "tool-calls"}.'

    assert leave(site, {"message": said}).status_code == 201
    assert tasks.detail(Task.objects.get())["message"] == said


@pytest.mark.parametrize(("body", "status", "code"), [
    (None, 422, "validation_failed"),
    ({}, 422, "validation_failed"),
    ({"message": ""}, 422, "validation_failed"),
    ({"message": None}, 422, "validation_failed"),
    ({"message": {"text": "Please call"}}, 422, "validation_failed"),
    ({"message": ["Please call"]}, 422, "validation_failed"),
    ({"message": {"type": 1}}, 422, "validation_failed"),
    ({"message": "{{summary}}"}, 422, "placeholder"),
    ({"message": "Please\0call"}, 422, "validation_failed"),
    ({**WORDS, "urgent": "perhaps"}, 422, "validation_failed"),
    (b"{", 400, "arguments_unreadable"),
    (b"[]", 400, "arguments_unreadable"),
    (b'{"message": "' + b"x" * 256 * 1024 + b'"}', 413, "too_large"),
])  # fmt: skip
def test_a_body_that_is_none_has_its_code_and_nothing_is_kept(site: Site, body: Any, status: int, code: str) -> None:
    refused(leave(site, body), status, code)
    assert not Task.objects.exists()


def test_another_practice_in_the_body_is_not_believed(site: Site, practice: Account) -> None:
    other = Account.objects.create(name="Birch Dental", time_zone="America/Los_Angeles")

    refused(leave(site, {**WORDS, "accountId": str(other.pk)}), 403, "forbidden")
    assert leave(site, {**WORDS, "account_id": str(other.pk)}).status_code == 201

    assert Task.objects.get().account == practice


def test_without_the_right_to_it_is_403(client: Client, practice: Account) -> None:
    site = Site(client, practice, *(set(Scope.values) - {Scope.MESSAGES_WRITE}))

    refused(leave(site, WORDS), 403, "forbidden")
    assert not Task.objects.exists()


def test_without_the_agreement_it_is_403(site: Site) -> None:
    agreement.withdraw()

    refused(leave(site, WORDS), 403, "baa_required")
    assert not Task.objects.exists()


def test_unsigned_it_is_401(client: Client, practice: Account, settings: Settings) -> None:
    refused(client.post(MESSAGES, json.dumps(WORDS), content_type="application/json"), 401, "signature_invalid")
    assert not Task.objects.exists()


def test_a_store_that_fails_is_500_and_says_nothing_of_a_message(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "open_task", lambda **_: 1 / 0)

    error = refused(leave(site, WORDS), 500, "internal_error")

    assert "crown" not in json.dumps(error)
    assert not Task.objects.exists()


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_another_method_is_405(site: Site, method: str) -> None:
    refused(site.ask(method, MESSAGES), 405, "method_not_allowed")
