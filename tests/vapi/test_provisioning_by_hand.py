"""Setting up without a key, the command, and what a person reads of a difference."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.domain import errors
from pms.models import SecurityEvent, VoiceLine
from pms.sandbox import Sandbox
from pms.sandbox.vapi import API_KEY
from pms.sandbox.vapi.schemas import ASSISTANT, TOOL
from pms.services import credentials, lines
from pms.vapi import management, provisioning_manual
from pms.vapi.provisioning_diff import Change, differing
from pms.vapi.provisioning_manual import manual_configuration, secret_for_copying
from tests.canaries import found_in
from tests.conftest import Sim
from tests.vapi.office import ASKER, PUBLIC, Office


@pytest.fixture
def office(
    practice: Account, sandbox: Sandbox, sim: Sim, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Office:
    monkeypatch.setattr(management, "SPACING_SECONDS", 0.0)  # the command takes the machine's own clock
    VoiceLine.objects.filter(account=practice).update(is_active=False, vapi_phone_number_id=None, phone_number=None)
    return Office(practice, sandbox, sim, settings)


def secret_of(line: VoiceLine) -> str:
    credential = lines.deciding_credential(line=line, now=timezone.now())
    assert credential is not None
    return credentials.reveal(credential)[0]


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("provisionvapi", *arguments, stdout=out, stderr=out)
    return out.getvalue()


class TestCommand:
    def test_a_dry_run_shows_the_difference_and_writes_nothing(self, office: Office) -> None:
        said = run("Alder Dental", "--dry-run")

        assert office.written() == []
        assert "Alder Dental, Front desk: 20 changes" in said
        assert "create tool findPatient" in said
        assert '+  "firstMessage": "Thank you for calling Alder Dental.' in said
        assert secret_of(office.line) not in said
        assert '"secretKey": "••••"' in said

    def test_without_it_the_line_is_set_up(self, office: Office) -> None:
        said = run()

        assert said == "Alder Dental, Front desk: set up\n"
        assert run(str(office.account.pk), "--dry-run") == "Alder Dental, Front desk: nothing to change\n"

    def test_a_change_is_read_as_a_difference(self, office: Office) -> None:
        run()
        office.change(name="Alder Dental Care")

        said = run("--dry-run")

        assert "change assistant Alder Dental Care Front desk" in said
        assert '-  "name": "Alder Dental Front desk"\n' in said
        assert '+  "name": "Alder Dental Care Front desk"\n' in said

    def test_what_goes_wrong_is_said_and_is_a_failure(self, office: Office) -> None:
        office.settings.VAPI_API_KEY = "another"

        with pytest.raises(CommandError):
            run("--dry-run")
        with pytest.raises(CommandError):
            run()

    def test_a_practice_that_is_not_there_is_said(self, office: Office) -> None:
        with pytest.raises(CommandError, match="There are 0 such practices"):
            run("Elm Dental")

    def test_without_a_key_it_says_so_and_gives_what_to_copy(self, office: Office) -> None:
        office.settings.VAPI_API_KEY = ""

        said = run("--dry-run")

        assert said.startswith("VAPI_API_KEY is not set")
        assert '"name": "bookAppointment"' in said
        assert secret_of(office.line) not in said


class TestByHand:
    def test_the_json_is_what_vapi_takes(self, office: Office, sim: Sim) -> None:
        office.set_up()

        manual = manual_configuration(line=office.line, now=timezone.now())

        assert [list(TOOL.faults(one, "")) for one in manual.tools] == [[]] * len(manual.tools)
        assert list(ASSISTANT.faults(manual.assistant, "")) == []
        assert manual.assistant == {key: office.assistant()[key] for key in manual.assistant}

    def test_before_anything_is_there_it_says_where_ids_go(self, office: Office) -> None:
        manual = manual_configuration(line=office.line, now=timezone.now())

        assert "PASTE-THE-ID-OF-findPatient-HERE" in manual.assistant["model"]["toolIds"]
        assert manual.webhook == f"{PUBLIC}/api/pms/vapi/webhook"
        assert manual.tools[0]["server"]["credentialId"] == "PASTE-THE-CREDENTIAL-ID-HERE"

    def test_it_holds_no_secret_and_nothing_of_any_patient(self, office: Office) -> None:
        manual = manual_configuration(line=office.line, now=timezone.now())
        everything = "".join(text for step in manual.steps for _, text in step.copies) + str(manual.credential)

        assert secret_of(office.line) not in everything
        assert found_in(everything) == []
        assert [bool(step.title and step.text) for step in manual.steps] == [True] * 5

    @pytest.mark.parametrize(("number", "warns"), [("+12125550199", False), ("", True)])
    def test_it_warns_where_callers_would_hear_an_error(self, office: Office, number: str, warns: bool) -> None:
        office.change(transfer_number=number)
        office.line.refresh_from_db()

        step = manual_configuration(line=VoiceLine.objects.get(pk=office.line.pk), now=timezone.now()).steps[3]

        assert ("callers hear an error" in step.text) is warns

    def test_whoever_sees_the_secret_leaves_evidence(self, office: Office) -> None:
        shown = secret_for_copying(line=office.line, asker=ASKER, now=timezone.now())

        assert shown == secret_of(office.line)
        event = SecurityEvent.objects.get(kind="vapi.secret_shown")
        assert (event.actor, event.account_id) == (ASKER.actor, office.account.pk)
        assert shown not in str(event.detail)

    def test_a_line_without_a_secret_has_nothing_to_copy(self, office: Office) -> None:
        credential = lines.deciding_credential(line=office.line, now=timezone.now())
        assert credential is not None
        credentials.revoke(credential=credential, asker=ASKER, now=timezone.now())

        with pytest.raises(errors.Invalid):
            provisioning_manual.manual_configuration(line=office.line, now=timezone.now())


class TestDifference:
    def test_only_what_is_wanted_counts(self) -> None:
        assert (
            differing({"a": {"b": 1}, "c": [{"d": 2}]}, {"a": {"b": 1, "x": 9}, "c": [{"d": 2, "y": 8}], "z": 7}) == {}
        )

    @pytest.mark.parametrize("nothing", [None, [], {}])
    def test_nothing_null_and_empty_are_one(self, nothing: object) -> None:
        assert differing({"a": nothing}, {}) == differing({"a": nothing}, {"a": None}) == {}
        assert differing({"a": nothing}, {"a": [1]}) == {"a": nothing}

    @pytest.mark.parametrize("held", [{}, {"a": [1, 2, 3]}, {"a": [2, 1]}, {"a": "12"}])
    def test_what_differs_is_sent_as_a_whole(self, held: dict[str, object]) -> None:
        assert differing({"a": [1, 2]}, held) == {"a": [1, 2]}

    def test_an_argument_too_many_is_a_difference(self) -> None:
        wanted = {"function": {"parameters": {"properties": {"date": {"type": "string"}}}}}
        held = {"function": {"parameters": {"properties": {"date": {"type": "string"}, "ssn": {"type": "string"}}}}}

        assert differing(wanted, held) == wanted

    def test_no_and_zero_are_not_nothing(self) -> None:
        assert differing({"a": False, "b": 0}, {}) == {"a": False, "b": 0}

    def test_secrets_are_masked_however_deep(self) -> None:
        said = Change(
            "create", "credential", "x", after={"plan": [{"token": "hidden", "secretKey": "hidden"}]}
        ).unified()

        assert "hidden" not in said
        assert said.count("••••") == 2

    def test_a_long_text_is_compared_line_by_line(self) -> None:
        said = Change("change", "assistant", "x", before={"p": "one\ntwo"}, after={"p": "one\nthree"}).unified()

        assert '-two"' in said
        assert '+three"' in said


def test_the_stand_ins_key_is_no_secret_of_ours(settings: Settings) -> None:
    assert settings.VAPI_API_KEY != API_KEY
