"""A line set up at Vapi, end to end against the stand-in: what is there afterwards, and what is written when."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts.models import Account
from pms.jobs import queue, sweeps
from pms.models import PmsIntegration, VoiceLine
from pms.providers.base import Capability
from pms.sandbox import Sandbox
from pms.services import credentials, lines
from pms.tools.registry import TOOLS
from pms.vapi import provisioning, provisioning_work
from tests.canaries import WORDS, found_in
from tests.conftest import Sim
from tests.vapi.office import ASKER, PUBLIC, HastyClock, Office, another_line

WITHOUT_PMS = {"takeMessage", "transferToHuman"}
FOR_VOICE = {name for name, tool in TOOLS.items() if tool.for_voice}
NUMBER_ID = "8a2e4c66-1b9d-4f3a-8e57-2c6d9f0a1b34"


@pytest.fixture
def office(practice: Account, sandbox: Sandbox, sim: Sim, settings: Settings) -> Office:
    # The demo's own line holds the number that the stand-in's organization has.
    VoiceLine.objects.filter(account=practice).update(vapi_phone_number_id=None, phone_number=None)
    return Office(practice, sandbox, sim, settings)


class TestFirstTime:
    def test_a_line_gets_everything_it_needs(self, office: Office) -> None:
        row = office.set_up()

        assert (row.state, row.error_code, row.attempts) == ("DONE", "", 0)
        assert set(office.tools()) == FOR_VOICE
        assistant, model = office.assistant(), office.assistant()["model"]
        assert model["toolIds"] == [office.tools()[name]["id"] for name in TOOLS if name in FOR_VOICE]
        assert assistant["metadata"] == {"accountId": str(office.account.pk), "lineId": str(office.line.pk)}
        assert "tool-calls" in assistant["serverMessages"]
        assert office.line.vapi_assistant_id == assistant["id"]
        assert row.tool_ids == {name: one["id"] for name, one in office.tools().items()}

    def test_everything_is_sent_to_us_and_signed_with_the_lines_own_secret(self, office: Office) -> None:
        row = office.set_up()

        server = {"url": f"{PUBLIC}/api/pms/vapi/webhook", "timeoutSeconds": 20, "credentialId": row.vapi_credential_id}
        assert [one["server"] for one in (*office.tools().values(), office.assistant())] == [server] * 19
        credential = lines.deciding_credential(line=office.line, now=HastyClock().now())
        assert credential is not None
        assert office.credential()["authenticationPlan"] == {
            "type": "hmac",
            "secretKey": credentials.reveal(credential)[0],
            "algorithm": "sha256",
            "signatureHeader": "x-signature",
            "timestampHeader": "x-timestamp",
            "includeTimestamp": True,
            "payloadFormat": "{timestamp}.{body}",
        }

    def test_a_second_run_writes_nothing_and_leaves_no_evidence(self, office: Office) -> None:
        office.set_up()
        office.forget_requests()

        office.set_up()

        assert office.written() == []
        assert office.events() == [("vapi.provisioned", {"create": 20, "change": 0, "delete": 0})]

    def test_what_is_kept_at_vapi_holds_nothing_of_any_patient(self, office: Office) -> None:
        office.change(transfer_number="+12125550199", keeps_transcripts=True, keeps_recordings=True)
        office.set_up()

        everything = str([office.at_vapi(kind) for kind in ("tool", "assistant", "phone-number", "credential")])

        assert found_in(everything) == []
        assert len(WORDS) > 10

    def test_a_practice_that_has_not_agreed_gets_nothing(self, office: Office) -> None:
        office.line = another_line(Account.objects.create(name="Birch Dental", time_zone="America/Chicago"))

        row = office.set_up()

        assert (row.state, row.error_code) == ("FAILED", "baa_required")
        assert row.next_attempt_at is not None
        assert row.next_attempt_at > HastyClock().now() + timedelta(hours=23)
        assert office.sent() == []

    def test_without_a_connection_there_are_the_tools_that_need_none(self, office: Office) -> None:
        PmsIntegration.objects.filter(account=office.account).update(status="SETUP_REQUIRED")

        office.set_up()

        assert set(office.tools()) == WITHOUT_PMS
        assert "findPatient" not in office.assistant()["model"]["messages"][0]["content"]


class TestChanges:
    def test_a_feature_that_is_switched_off_loses_its_tools(self, office: Office) -> None:
        office.set_up()
        office.switch(payments=False)
        office.forget_requests()

        office.set_up()

        gone = {"getBalance", "processPayment"}
        assert set(office.tools()) == set(office.row().tool_ids) == FOR_VOICE - gone
        model = office.assistant()["model"]
        assert set(model["toolIds"]) == {one["id"] for one in office.tools().values()}
        assert "getBalance" not in model["messages"][0]["content"]
        # The assistant lets go of them before they are gone.
        assert [method for method, _ in office.written()] == ["PATCH", "DELETE", "DELETE"]

    def test_and_gets_them_back(self, office: Office) -> None:
        office.switch(payments=False)
        office.set_up()
        office.switch(payments=True)

        office.set_up()

        assert set(office.tools()) == FOR_VOICE

    def test_online_booking_off_is_as_good_as_the_switch(self, office: Office) -> None:
        PmsIntegration.objects.filter(account=office.account).update(config={"allowOnlineBooking": False})

        office.set_up()

        assert {name for name in FOR_VOICE if TOOLS[name].feature == "booking"} & set(office.tools()) == set()

    def test_what_the_connection_cannot_do_is_left_out_unless_it_becomes_a_task(self, office: Office) -> None:
        integration = PmsIntegration.objects.get(account=office.account)
        able = set((integration.metadata or {})["capabilities"]) - {Capability.CREATE_PATIENT, Capability.ADD_NOTE}
        integration.metadata = {**(integration.metadata or {}), "capabilities": sorted(able)}
        integration.save()

        office.set_up()

        assert "createPatient" not in office.tools()
        assert "addPatientNote" in office.tools()

    def test_a_number_to_transfer_to_brings_the_transfer_tool(self, office: Office) -> None:
        office.set_up()
        before = office.assistant()["model"]
        office.change(transfer_number="+12125550199")

        office.set_up()

        after = office.assistant()["model"]
        assert (before["tools"], after["tools"]) == ([], [{"type": "transferCall", "destinations": []}])
        assert "use transferCall" in after["messages"][0]["content"]
        assert "use transferCall" not in before["messages"][0]["content"]

    def test_a_call_that_may_be_recorded_begins_with_saying_so(self, office: Office) -> None:
        office.set_up()
        before = office.assistant()
        office.change(keeps_recordings=True)

        office.set_up()

        assert [one["artifactPlan"]["recordingEnabled"] for one in (before, office.assistant())] == [False, True]
        assert ["recorded" in one["firstMessage"] for one in (before, office.assistant())] == [False, True]
        assert all("AI assistant" in one["firstMessage"] for one in (before, office.assistant()))

    def test_only_what_differs_is_sent_and_the_model_whole(self, office: Office) -> None:
        office.set_up()
        office.forget_requests()
        office.switch(insurance=False)

        office.set_up()

        [sent] = [one for one in office.sim("GET", "requests")["requests"] if one["method"] == "PATCH"]
        assert set(sent["body"]) == {"model"}
        assert {"provider", "model", "messages", "toolIds"} <= set(sent["body"]["model"])

    def test_a_line_of_a_practice_that_is_switched_off_is_taken_down(self, office: Office) -> None:
        office.change(transfer_number="+12125550199")
        provisioning.want_existing_number(line=office.line, number=NUMBER_ID, now=HastyClock().now())
        office.work()
        lines.deactivate(line=office.line, asker=ASKER)

        row = office.set_up()

        assert [office.at_vapi(kind) for kind in ("tool", "assistant", "credential")] == [[], [], []]
        assert (row.state, row.tool_ids, row.vapi_credential_id, row.next_attempt_at) == ("DONE", {}, "", None)
        assert "server" not in office.number()
        assert office.number()["fallbackDestination"]["number"] == "+12125550199"
        assert office.line.vapi_assistant_id is None


class TestWhatPeopleDoAtVapi:
    def test_what_somebody_has_deleted_is_made_again_the_next_day(self, office: Office) -> None:
        office.set_up()
        office.edit("assistant", office.assistant()["id"], None)
        office.edit("tool", office.tools()["findPatient"]["id"], None)
        office.edit("credential", office.row().vapi_credential_id, None)

        unchanged = office.work()
        put_right = office.work(timedelta(days=1, minutes=1))

        assert unchanged.done_at != put_right.done_at
        assert set(office.tools()) == FOR_VOICE
        assert set(office.assistant()["model"]["toolIds"]) == set(put_right.tool_ids.values())
        assert all(one["server"]["credentialId"] == office.credential()["id"] for one in office.tools().values())

    def test_what_somebody_has_changed_is_put_right(self, office: Office) -> None:
        office.set_up()
        tool, assistant = office.tools()["findPatient"], office.assistant()
        function = {**copy.deepcopy(tool["function"]), "description": "Finds anybody."}
        function["parameters"]["properties"]["anything"] = {"type": "string"}
        office.edit("tool", tool["id"], {"function": function})
        office.edit("assistant", assistant["id"], {"model": {**assistant["model"], "messages": [], "toolRefs": []}})

        office.set_up()

        assert office.tools()["findPatient"]["function"] == tool["function"]
        assert office.assistant()["model"]["messages"] == assistant["model"]["messages"]

    def test_another_voice_stays_and_one_that_is_not_compliant_does_not(self, office: Office) -> None:
        office.set_up()
        ours = office.assistant()
        liked = {"provider": "cartesia", "voiceId": "warm"}
        model = {**ours["model"], "provider": "anthropic", "model": "claude-sonnet", "numFastTurns": 1}
        chosen = {"voice": liked, "transcriber": {"provider": "gladia"}, "model": model}
        office.edit("assistant", ours["id"], chosen)

        office.set_up()

        now = office.assistant()
        assert (now["voice"], now["transcriber"]) == (liked, ours["transcriber"])
        assert now["model"] == model

    def test_an_assistant_of_somebody_elses_is_not_touched(self, office: Office, sim: Sim) -> None:
        theirs = sim("POST", "vapi/add", kind="assistant", body={"name": "Theirs"})["object"]
        lines.attach_assistant(line=office.line, assistant_id=theirs["id"], asker=ASKER)

        row = office.set_up()

        assert (row.state, row.error_code, row.next_attempt_at) == ("FAILED", "assistant_not_ours", None)
        assert office.assistant() == theirs

    def test_after_letting_go_of_it_the_line_gets_its_own(self, office: Office, sim: Sim) -> None:
        theirs = sim("POST", "vapi/add", kind="assistant", body={"name": "Theirs"})["object"]
        lines.attach_assistant(line=office.line, assistant_id=theirs["id"], asker=ASKER)
        office.set_up()
        lines.detach_assistant(line=office.line, asker=ASKER)

        row = office.set_up()

        assert row.state == "DONE"
        assert office.line.vapi_assistant_id not in (None, theirs["id"])


class TestSecret:
    def test_vapi_signs_with_the_newer_secret_before_the_older_is_dropped(self, office: Office) -> None:
        office.set_up()
        credential = lines.deciding_credential(line=office.line, now=HastyClock().now())
        assert credential is not None
        newer = credentials.begin_rotation(credential=credential, asker=ASKER, now=HastyClock().now())
        office.forget_requests()

        office.set_up()

        assert office.credential()["authenticationPlan"]["secretKey"] == newer
        assert office.written() == [("PATCH", f"/vapi/credential/{office.row().vapi_credential_id}")]
        provisioning.end_rotation(line=office.line, asker=ASKER, now=HastyClock().now())
        credential.refresh_from_db()
        assert credentials.reveal(credential) == [newer]

    def test_the_older_secret_is_not_dropped_while_vapi_signs_with_it(self, office: Office) -> None:
        office.set_up()
        credential = lines.deciding_credential(line=office.line, now=HastyClock().now())
        assert credential is not None
        credentials.begin_rotation(credential=credential, asker=ASKER, now=HastyClock().now())

        with pytest.raises(provisioning.errors.Invalid):
            provisioning.end_rotation(line=office.line, asker=ASKER, now=HastyClock().now())

        credential.refresh_from_db()
        assert len(credentials.reveal(credential)) == 2

    def test_where_credentials_cannot_be_made_a_person_gives_an_id(self, office: Office, sim: Sim) -> None:
        sim("POST", "vapi/config", credentials=False)

        asked = office.set_up()
        made = sim("POST", "vapi/add", kind="credential", body={"provider": "custom-credential"})["object"]
        provisioning.give_credential_id(line=office.line, credential_id=made["id"], now=HastyClock().now())
        done = office.work()

        assert (asked.state, asked.error_code, asked.needs_credential_id) == ("FAILED", "needs_credential_id", True)
        assert asked.next_attempt_at is None
        assert (done.state, done.needs_credential_id, done.vapi_credential_id) == ("DONE", False, made["id"])
        assert office.assistant()["server"]["credentialId"] == made["id"]

    def test_and_is_asked_again_when_the_secret_changes(self, office: Office, sim: Sim) -> None:
        sim("POST", "vapi/config", credentials=False)
        made = sim("POST", "vapi/add", kind="credential", body={"provider": "custom-credential"})["object"]
        provisioning.give_credential_id(line=office.line, credential_id=made["id"], now=HastyClock().now())
        office.work()
        credential = lines.deciding_credential(line=office.line, now=HastyClock().now())
        assert credential is not None
        credentials.begin_rotation(credential=credential, asker=ASKER, now=HastyClock().now())

        row = office.set_up()

        assert (row.error_code, row.needs_credential_id) == ("needs_credential_id", True)

    def test_a_credential_that_a_person_has_made_is_used_and_never_changed(self, office: Office, sim: Sim) -> None:
        sim("POST", "fail", path="/vapi/credential", method="POST", status=403)
        asked = office.set_up()
        made = sim("POST", "vapi/add", kind="credential", body={"provider": "custom-credential"})["object"]
        provisioning.give_credential_id(line=office.line, credential_id=made["id"], now=HastyClock().now())
        used = office.work()
        credential = lines.deciding_credential(line=office.line, now=HastyClock().now())
        assert credential is not None
        newer = credentials.begin_rotation(credential=credential, asker=ASKER, now=HastyClock().now())

        office.set_up()

        assert (asked.error_code, used.vapi_credential_id) == ("needs_credential_id", made["id"])
        assert made in office.at_vapi("credential")
        assert office.credential()["authenticationPlan"]["secretKey"] == newer

    def test_a_line_without_a_credential_is_not_set_up(self, office: Office) -> None:
        credential = lines.deciding_credential(line=office.line, now=HastyClock().now())
        assert credential is not None
        credentials.revoke(credential=credential, asker=ASKER, now=HastyClock().now())

        row = office.set_up()

        assert (row.state, row.error_code) == ("FAILED", "validation_failed")


class TestInTheMiddle:
    @pytest.mark.parametrize("kind", ["credential", "tool", "assistant"])
    def test_an_answer_that_is_lost_leaves_no_orphan(self, office: Office, sim: Sim, kind: str) -> None:
        sim("POST", "lose_answer", method="POST", path=f"/vapi/{kind}")

        broken = office.set_up()
        later = office.work(timedelta(minutes=1))

        assert (broken.state, broken.error_code) == ("FAILED", "vapi_unavailable")
        assert later.state == "DONE"
        assert set(office.tools()) == FOR_VOICE
        assert [len(office.at_vapi(one)) for one in ("credential", "assistant")] == [1, 1]

    def test_a_process_that_dies_is_followed_by_another(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        office.want()

        class Killed(BaseException):
            pass

        def killed(*_: object) -> None:
            raise Killed

        monkeypatch.setattr("pms.vapi.provisioning_steps.settle_assistant", killed)
        with pytest.raises(Killed):
            office.work()
        monkeypatch.undo()

        too_early, in_time = office.work().state, office.work(provisioning_work.LEASE)

        assert (too_early, in_time.state) == ("RUNNING", "DONE")
        assert set(office.tools()) == FOR_VOICE

    def test_a_line_belongs_to_one_worker(self, office: Office) -> None:
        row, now = office.want(), HastyClock().now()

        claims = [provisioning_work.claim(row.pk, now=now) for _ in range(2)]

        assert [claim is not None for claim in claims] == [True, False]

    def test_a_worker_that_took_too_long_stops_at_the_next_step(self, office: Office) -> None:
        office.want()
        [slow] = provisioning_work.claim_due(clock=HastyClock())
        [quick] = provisioning_work.claim_due(clock=HastyClock(provisioning_work.LEASE + timedelta(seconds=1)))

        assert not provisioning_work.carry_out(provisioning=slow, clock=HastyClock())
        assert len(office.at_vapi("tool")) == 0
        assert provisioning_work.carry_out(provisioning=quick, clock=HastyClock())
        assert (office.row().state, len(office.at_vapi("credential"))) == ("DONE", 1)

    def test_what_is_wanted_meanwhile_is_done_afterwards(self, office: Office) -> None:
        office.want()
        [claimed] = provisioning_work.claim_due(clock=HastyClock())
        office.switch(payments=False)
        office.want()

        provisioning_work.carry_out(provisioning=claimed, clock=HastyClock())

        assert office.row().state == "QUEUED"
        assert office.work().state == "DONE"

    @pytest.mark.parametrize(
        ("fault", "code"), [({"status": 503}, "vapi_unavailable"), ({"status": 429}, "vapi_rate_limited")]
    )
    def test_what_passes_is_tried_again_with_growing_intervals(
        self, office: Office, sim: Sim, fault: dict[str, int], code: str
    ) -> None:
        sim("POST", "fail", path="/vapi/*", times=1000, **fault)
        office.want()

        gaps, ahead = [], timedelta()
        for _ in range(3):
            clock = HastyClock(ahead)
            row = office.work(clock=clock)
            assert (row.state, row.error_code, row.next_attempt_at is None) == ("FAILED", code, False)
            gap = (row.next_attempt_at or clock.now()) - clock.now()
            gaps.append(round(gap.total_seconds() / 30))
            ahead = clock.now() - HastyClock().now() + gap

        assert gaps == [1, 2, 4]
        assert [kind for kind, _ in office.events()] == ["vapi.provisioning_failed"]

    def test_a_key_that_is_not_known_is_tried_again_every_hour(self, office: Office) -> None:
        office.settings.VAPI_API_KEY = "another-key"

        row = office.set_up()

        assert (row.error_code, row.attempts) == ("vapi_unauthorized", 1)
        assert row.next_attempt_at is not None
        assert row.next_attempt_at - HastyClock().now() > timedelta(minutes=59)

    def test_what_vapi_refuses_waits_for_a_person(self, office: Office, sim: Sim) -> None:
        sim("POST", "fail", path="/vapi/assistant", method="POST", status=400)

        row = office.set_up()

        assert (row.state, row.error_code, row.next_attempt_at) == ("FAILED", "vapi_refused", None)
        assert office.events() == [("vapi.provisioning_failed", {"code": "vapi_refused"})]
        assert office.set_up().state == "DONE"

    def test_without_a_key_nothing_is_sent(self, office: Office) -> None:
        office.settings.VAPI_API_KEY = ""

        row = office.set_up()

        assert (row.error_code, provisioning.is_configured()) == ("vapi_not_configured", False)

    def test_a_pinned_tool_is_left_and_said(self, office: Office, sim: Sim) -> None:
        office.set_up()
        pin = {"provider": "openai", "model": "gpt-4.1", "toolRefs": [{"toolId": office.tools()["getBalance"]["id"]}]}
        sim("POST", "vapi/add", kind="assistant", body={"model": pin})
        office.switch(payments=False)

        row = office.set_up()

        assert (row.state, row.error_code) == ("FAILED", "vapi_tool_pinned")


class TestTwoLines:
    def test_each_has_its_own_objects(self, office: Office) -> None:
        second = another_line(office.account)
        provisioning.want_all(account=office.account, now=HastyClock().now())

        office.work()

        second.refresh_from_db()
        assert len(office.tools()) == len(FOR_VOICE)
        assert len(office.at_vapi("tool")) >= 2 * len(FOR_VOICE)
        assert office.line.vapi_assistant_id != second.vapi_assistant_id


def test_the_demos_own_line_is_set_up_with_its_number(
    practice: Account, sandbox: Sandbox, sim: Sim, settings: Settings
) -> None:
    office = Office(practice, sandbox, sim, settings)
    office.line = VoiceLine.objects.get(account=practice, phone_number="+12125550100")

    row = office.set_up()

    assert (row.state, row.error_code) == ("DONE", "")
    assert office.number()["server"]["url"].startswith(PUBLIC)


def test_a_sweep_ends_in_time_and_the_next_one_goes_on(office: Office) -> None:
    for number in range(6):
        provisioning.want(line=another_line(office.account, f"Line {number}"), now=HastyClock().now())

    # Each takes some fifteen seconds, because calls keep their distance.
    first, second = sweeps.provision_lines(HastyClock()), sweeps.provision_lines(HastyClock())

    assert 1 <= first < 6
    assert second >= 1


def test_the_worker_is_woken_for_it(office: Office) -> None:
    office.want()

    done = sweeps.provision_lines(HastyClock())

    assert (done, office.row().state) == (1, "DONE")
    assert "provision" in queue.SWEEPS
