"""E-mail to patients about their appointments: to whom, when, how often, and that nothing of the patient is in it."""

from __future__ import annotations

import io
import smtplib
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.locmem import EmailBackend as Memory
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.domain.clock import Budget, SystemClock
from pms.models import AuditPhase, Booking, BookingState, Operation, PmsAuditLog, WriteBack, WriteBackState
from pms.services import gateway, notices, write_backs
from pms.services.audit import Asker
from pms.services.notices import Notice
from tests import canaries
from tests.api.conftest import voice
from tests.api.site import APPOINTMENTS, Json, Site
from tests.conftest import Sim, copied_since
from tests.ground.support import without_table
from tests.talking import (
    NEW_YORK,
    Caller,
    carry_out,
    in_the_pms,
    look,
    quiet_day,
    slow_write,
    together,
)
from tests.tools.conftest import number
from tests.vapi.conftest import logs

__all__ = ["logs", "number", "voice"]

CORA_S = "cora.whitfield@example.test"
GRACE = write_backs.REQUEST_GRACE.total_seconds()
HERE = __name__
ADA = {
    "firstName": "Ada",
    "lastName": "Ottershaw",
    "dateOfBirth": "1985-05-15",
    "email": "ada.ottershaw@example.test",
}
# What a message must not have: who, with whom, what for and when.
PRIVATE = ("cora", "perpetua", "lindqvist", "hygien", "cleaning", "hyg 1", "1001", "09:00", "9:00", "10:00")

Outbox = Sequence[EmailMessage]


class Broken(BaseEmailBackend):
    """A mail server that refuses, and repeats the address in its refusal."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        raise smtplib.SMTPRecipientsRefused({to: (550, to.encode()) for one in email_messages for to in one.to})


class Deaf(BaseEmailBackend):
    """A mail server that does not answer."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        raise TimeoutError


class Watchful(Memory):
    """A mail server that refuses whoever keeps a transaction open meanwhile."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        assert not connection.in_atomic_block
        return super().send_messages(messages)


@pytest.fixture
def telling(practice: Account) -> Account:
    """Alder Dental, which lets its patients be told by e-mail."""
    practice.sends_confirmations = True
    practice.save()
    return practice


@pytest.fixture
def site(client: Client, telling: Account) -> Site:
    return Site(client, telling)


def at(clock: str) -> str:
    """Return a time of the quiet day as an instant."""
    local = datetime.combine(quiet_day(), time.fromisoformat(clock), tzinfo=NEW_YORK)
    return f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def wish(clock: str = "09:00", **changes: Any) -> Json:
    """Return what books a cleaning for Cora and asks for a confirmation, unless ``changes`` say otherwise."""
    wanted = {"patientId": "1001", "appointmentType": "Cleaning", "startTime": at(clock), "sendConfirmation": True}
    return {**wanted, **changes}


def text_of(message: EmailMessage) -> str:
    """Return everything in a message but whom it is to, when it was sent and its random name."""
    written = message.message()
    for header in ("To", "Date", "Message-ID"):
        del written[header]
    return str(written.as_string())


def only(outbox: Outbox) -> EmailMessage:
    [message] = outbox
    return message


class TestBooking:
    def test_is_told_to_the_address_on_file_without_a_word_about_the_patient(
        self, site: Site, mailoutbox: Outbox
    ) -> None:
        response = site.book(wish())

        booking, message = Booking.objects.get(), only(mailoutbox)
        assert (response.status_code, response.json()["confirmationSent"]) == (201, True)
        assert (message.to, message.cc, message.bcc) == ([CORA_S], [], [])
        assert message.from_email == django_settings.DEFAULT_FROM_EMAIL
        assert message.subject == "Your appointment at Alder Dental"
        assert message.body == (
            "Alder Dental\n\nAn appointment of yours has been booked.\n"
            f"Confirmation number: {booking.confirmation_number}\n\n"
            "If you did not ask for this, please call the practice.\n"
        )
        said = text_of(message).casefold()
        assert not [word for word in (*PRIVATE, quiet_day().isoformat()) if word in said]
        assert not canaries.found_in(said)

    def test_leaves_the_address_s_reading_in_the_row_of_its_access(self, site: Site) -> None:
        site.book(wish())

        row = PmsAuditLog.objects.get(action=Operation.BOOK, phase=AuditPhase.OUTCOME)
        assert (row.patient_id, row.phi_accessed) == ("1001", True)
        assert '"notice": "addressed"' in (row.request_summary or "")
        assert "@" not in (row.request_summary or "")

    def test_is_told_once_however_often_it_is_asked_for_and_looked_at(self, site: Site, mailoutbox: Outbox) -> None:
        first = site.book(wish(), key="k-1").json()

        again = site.book(wish(), key="k-1").json()
        look(seconds=GRACE)

        assert (again, len(mailoutbox)) == (first, 1)

    @pytest.mark.parametrize("asked", [{"sendConfirmation": False}, {"sendConfirmation": None}])
    def test_is_not_told_unless_somebody_asks(self, site: Site, mailoutbox: Outbox, asked: Json) -> None:
        body = site.book(wish(**asked)).json()
        look(seconds=GRACE)

        assert "confirmationSent" not in body
        assert not mailoutbox

    def test_is_not_told_unless_the_practice_allows_it(self, site: Site, telling: Account, mailoutbox: Outbox) -> None:
        Account.objects.update(sends_confirmations=False)

        response = site.book(wish())
        look(seconds=GRACE)

        assert (response.status_code, response.json()["confirmationSent"]) == (201, False)
        assert not mailoutbox

    def test_of_somebody_without_an_address_is_told_to_nobody(self, site: Site, mailoutbox: Outbox) -> None:
        response = site.book(wish(patientId="1010", email="somebody@example.test"))
        look(seconds=GRACE)

        assert (response.status_code, response.json()["confirmationSent"]) == (201, False)
        assert (WriteBack.objects.get().notifies, list(mailoutbox)) == (False, [])

    def test_is_told_in_the_name_that_the_account_has_on_one_line(
        self, site: Site, telling: Account, mailoutbox: Outbox
    ) -> None:
        Account.objects.update(name="Alder\r\nBcc: thief@example.test\u2028\nDental")

        response = site.book(wish())

        message = only(mailoutbox)
        assert response.json()["confirmationSent"] is True
        assert message.subject == "Your appointment at Alder Bcc: thief@example.test Dental"
        assert (message.message()["Bcc"], message.recipients()) == (None, [CORA_S])
        assert str(message.body).splitlines()[:2] == ["Alder Bcc: thief@example.test Dental", ""]

    def test_is_told_outside_of_any_transaction(
        self, site: Site, settings: Settings, mailoutbox: Outbox, transactional_db: None
    ) -> None:
        settings.EMAIL_BACKEND = f"{HERE}.Watchful"

        response = site.book(wish())

        assert (response.json()["confirmationSent"], len(mailoutbox)) == (True, 1)

    def test_of_a_record_that_the_pms_does_not_show_waits_for_the_address_on_file(
        self, site: Site, sim: Sim, mailoutbox: Outbox
    ) -> None:
        patient_id = site.create(ADA).json()["patient"]["id"]

        response = site.book(wish(patientId=patient_id))
        look(seconds=GRACE)
        told_before = len(mailoutbox)
        copied_since(sim)
        look(seconds=GRACE + 60)

        assert (response.status_code, response.json()["confirmationSent"], told_before) == (201, False, 0)
        assert only(mailoutbox).to == [ADA["email"]]


class TestPending:
    def test_is_told_once_it_is_done(self, site: Site, sim: Sim, mailoutbox: Outbox) -> None:
        slow_write(sim)
        response = site.book(wish())
        look(seconds=GRACE)
        told_before = len(mailoutbox)
        carry_out(sim)

        look(seconds=GRACE + 30)
        look(seconds=GRACE + 60)

        assert (response.status_code, response.json()["confirmationSent"], told_before) == (202, False, 0)
        assert only(mailoutbox).to == [CORA_S]
        assert Booking.objects.get().confirmation_number in str(only(mailoutbox).body)
        row = PmsAuditLog.objects.filter(action="followWriteBack", request_summary__contains="addressed").get()
        assert (row.patient_id, row.phi_accessed) == ("1001", True)

    def test_that_fails_is_told_to_nobody(self, site: Site, sim: Sim, mailoutbox: Outbox) -> None:
        slow_write(sim)
        site.book(wish())
        WriteBack.objects.update(reference="0")
        write_backs.fail(WriteBack.objects.get(), "refused")

        look(seconds=GRACE)

        assert (Booking.objects.get().state, list(mailoutbox)) == (BookingState.FAILED, [])

    def test_of_which_nothing_is_known_is_told_to_nobody(self, site: Site, sim: Sim, mailoutbox: Outbox) -> None:
        sim("POST", "fail", path="/v4/appointment")
        response = site.book(wish())

        look(seconds=GRACE)

        assert (response.status_code, response.json()["confirmationSent"]) == (202, False)
        assert (Booking.objects.get().state, list(mailoutbox)) == (BookingState.UNKNOWN, [])

    def test_that_is_withdrawn_is_told_to_nobody(self, site: Site, sim: Sim, mailoutbox: Outbox) -> None:
        slow_write(sim)
        booked = site.book(wish()).json()["appointment"]["bookingId"]

        response = site.cancel(booked, {"sendNotification": True})
        carry_out(sim)
        look(seconds=GRACE)

        assert (response.status_code, response.json()["confirmationSent"]) == (200, False)
        assert (WriteBack.objects.get().failure, list(mailoutbox)) == ("withdrawn", [])

    def test_that_was_made_although_it_was_taken_back_is_left_to_the_team(
        self, site: Site, sim: Sim, mailoutbox: Outbox
    ) -> None:
        slow_write(sim)
        site.book(wish())
        write_backs.ask_to_withdraw(WriteBack.objects.get(), now=timezone.now())
        carry_out(sim)

        look(seconds=GRACE)

        assert (WriteBack.objects.get().state, list(mailoutbox)) == (WriteBackState.DONE, [])


class TestChange:
    def test_of_the_time_is_told_once_as_a_move(self, site: Site, number: str, mailoutbox: Outbox) -> None:
        response = site.move(number, {"startTime": at("10:00"), "sendNotification": True})
        look(seconds=GRACE)

        assert (response.status_code, response.json()["confirmationSent"]) == (200, True)
        body = str(only(mailoutbox).body)
        assert "An appointment of yours has been moved.\n" in body
        assert f"Confirmation number: {Booking.objects.get().confirmation_number}\n" in body

    def test_of_our_own_booking_s_time_is_told_as_nothing_else(self, site: Site, mailoutbox: Outbox) -> None:
        number = site.book(wish(sendConfirmation=False)).json()["appointment"]["id"]

        site.move(number, {"startTime": at("10:00"), "sendNotification": True})
        look(seconds=GRACE)

        moved = Booking.objects.get(state=BookingState.CONFIRMED)
        assert "has been moved" in str(only(mailoutbox).body)
        assert moved.confirmation_number in str(only(mailoutbox).body)

    def test_to_cancelled_of_the_desk_s_appointment_has_no_number(
        self, site: Site, number: str, mailoutbox: Outbox
    ) -> None:
        response = site.cancel(number, {"sendNotification": True})

        assert (response.status_code, response.json()["confirmationSent"]) == (200, True)
        assert only(mailoutbox).body == (
            "Alder Dental\n\nAn appointment of yours has been cancelled.\n\n"
            "If you did not ask for this, please call the practice.\n"
        )

    def test_to_cancelled_has_the_number_of_the_booking_as_it_was_moved_last(
        self, site: Site, mailoutbox: Outbox
    ) -> None:
        number = site.book(wish(sendConfirmation=False)).json()["appointment"]["id"]
        moved = site.move(number, {"startTime": at("10:00")}).json()["appointment"]["confirmationNumber"]

        site.cancel(number, {"sendNotification": True})

        assert f"Confirmation number: {moved}\n" in str(only(mailoutbox).body)

    def test_to_cancelled_is_told_once_and_answered_the_same_again(
        self, site: Site, number: str, mailoutbox: Outbox
    ) -> None:
        first, again = (site.cancel(number, {"sendNotification": True}).json() for _ in range(2))

        assert (again, len(mailoutbox)) == (first, 1)

    def test_to_confirmed_is_told_to_nobody(self, site: Site, number: str, mailoutbox: Outbox) -> None:
        response = site.move(number, {"status": "confirmed", "sendNotification": True})
        look(seconds=GRACE)

        assert (response.status_code, response.json()["confirmationSent"]) == (200, False)
        assert (WriteBack.objects.get().notifies, list(mailoutbox)) == (False, [])

    def test_that_another_one_followed_is_no_news(self, telling: Account, mailoutbox: Outbox) -> None:
        caller = Caller(telling).verified()
        caller.book()
        caller.cancel()

        look(seconds=GRACE)

        assert "has been cancelled" in str(only(mailoutbox).body)

    def test_that_was_done_a_day_ago_is_no_news(self, telling: Account, mailoutbox: Outbox) -> None:
        Caller(telling).verified().book()

        look(seconds=notices.FRESH_FOR.total_seconds() + GRACE)

        assert WriteBack.objects.get().state == WriteBackState.DONE
        assert not mailoutbox


class TestCall:
    def test_has_the_job_tell_what_was_done_in_it(self, telling: Account, mailoutbox: Outbox) -> None:
        said = Caller(telling).verified().book().say
        told_before = len(mailoutbox)

        look(seconds=GRACE)

        assert "mail" not in said.lower()
        assert (told_before, only(mailoutbox).to) == (0, [CORA_S])

    def test_has_every_change_told(self, telling: Account, mailoutbox: Outbox) -> None:
        caller = Caller(telling).verified()
        for step in (caller.book, caller.move, caller.cancel):
            assert step().outcome == "ok"
            look(seconds=GRACE)

        assert [str(one.body).split("has been ")[1].split(".")[0] for one in mailoutbox] == [
            *("booked", "moved", "cancelled")
        ]

    def test_gives_the_model_no_say_in_it(self, telling: Account, mailoutbox: Outbox) -> None:
        Caller(telling).verified().book(sendConfirmation=False, email="thief@example.test")

        look(seconds=GRACE)

        assert only(mailoutbox).to == [CORA_S]

    def test_has_nothing_told_where_the_practice_does_not_allow_it(self, practice: Account, mailoutbox: Outbox) -> None:
        Caller(practice).verified().book(sendConfirmation=True)

        look(seconds=GRACE)

        assert (WriteBack.objects.get().notifies, list(mailoutbox)) == (False, [])

    @pytest.mark.parametrize(
        ("asked", "told"), [({}, 1), ({"sendConfirmation": True}, 1), ({"sendConfirmation": False}, 0)]
    )
    def test_over_rest_answers_that_nothing_was_sent_yet(
        self, telling: Account, voice: Any, mailoutbox: Outbox, asked: Json, told: int
    ) -> None:
        call = Caller(telling).verified().call
        plain = {name: value for name, value in wish().items() if name != "sendConfirmation"}

        response = voice("POST", APPOINTMENTS, {**plain, **asked}, call=call.vapi_call_id)
        told_before = len(mailoutbox)
        look(seconds=GRACE)

        assert response.status_code == 201, response.content
        assert response.json().get("confirmationSent") == (False if asked.get("sendConfirmation") else None)
        assert (told_before, len(mailoutbox)) == (0, told)


class TestFailure:
    @pytest.mark.parametrize("server", ["Broken", "Deaf"])
    def test_of_the_mail_server_changes_nothing_and_is_not_tried_again(
        self, site: Site, sim: Sim, settings: Settings, mailoutbox: Outbox, logs: io.StringIO, server: str
    ) -> None:
        works = settings.EMAIL_BACKEND
        settings.EMAIL_BACKEND = f"{HERE}.{server}"

        response = site.book(wish(), key="k-1")
        settings.EMAIL_BACKEND = works
        again = site.book(wish(), key="k-1")
        look(seconds=GRACE)

        assert (response.status_code, response.json()["confirmationSent"]) == (201, False)
        assert (again.json(), list(mailoutbox)) == (response.json(), [])
        assert Booking.objects.get().state == BookingState.CONFIRMED
        assert len(in_the_pms(sim, "1001")) == 1
        assert '"code": "mail_failed"' in logs.getvalue()
        assert "@" not in logs.getvalue()

    def test_of_the_mail_server_does_not_keep_the_job_from_its_work(
        self, telling: Account, settings: Settings, sim: Sim
    ) -> None:
        settings.EMAIL_BACKEND = f"{HERE}.Broken"
        Caller(telling).verified().book()
        copied_since(sim)

        look(seconds=GRACE)

        write_back = WriteBack.objects.get()
        assert write_back.verified_at is not None
        assert (write_back.notifies, write_back.notified_at is not None) == (False, True)

    def test_to_read_the_address_leaves_the_notice_to_the_job(
        self, site: Site, number: str, sim: Sim, mailoutbox: Outbox
    ) -> None:
        sim("POST", "fail", path="/v4/patients")

        response = site.cancel(number, {"sendNotification": True})
        told_before = len(mailoutbox)
        look(seconds=GRACE)

        assert (response.status_code, response.json()["confirmationSent"], told_before) == (200, False, 0)
        assert only(mailoutbox).to == [CORA_S]

    def test_of_which_nobody_expected_anything_leaves_the_notice_to_the_job(
        self, site: Site, number: str, monkeypatch: pytest.MonkeyPatch, mailoutbox: Outbox
    ) -> None:
        def broken(_text: str) -> str:
            raise ZeroDivisionError

        with monkeypatch.context() as patched:
            patched.setattr(notices, "usable", broken)
            response = site.cancel(number, {"sendNotification": True})
        look(seconds=GRACE)

        assert (response.status_code, response.json()["confirmationSent"]) == (200, False)
        assert len(mailoutbox) == 1

    def test_to_have_time_left_leaves_the_notice_to_the_job(
        self, site: Site, settings: Settings, mailoutbox: Outbox
    ) -> None:
        settings.EMAIL_TIMEOUT = settings.TOOL_BUDGET_SECONDS

        response = site.book(wish())
        told_before = len(mailoutbox)
        look(seconds=GRACE)

        assert (response.json()["confirmationSent"], told_before, len(mailoutbox)) == (False, 0, 1)

    @pytest.mark.parametrize("name", ["console", "dummy"])
    def test_to_have_a_mail_server_is_no_message_sent(
        self, site: Site, settings: Settings, name: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        settings.EMAIL_BACKEND = f"django.core.mail.backends.{name}.EmailBackend"

        response = site.book(wish())
        look(seconds=GRACE)

        printed = capfd.readouterr()
        assert (response.status_code, response.json()["confirmationSent"]) == (201, False)
        assert CORA_S not in printed.out + printed.err

    def test_to_be_allowed_any_longer_is_heeded(self, telling: Account, mailoutbox: Outbox) -> None:
        Caller(telling).verified().book()
        Account.objects.update(sends_confirmations=False)

        look(seconds=GRACE)

        assert not mailoutbox


@pytest.mark.django_db(transaction=True)
def test_of_which_no_evidence_can_be_written_nothing_is_told(telling: Account, mailoutbox: Outbox) -> None:
    Caller(telling).verified().book()

    with without_table("audit_chain_heads"):
        look(seconds=GRACE)
        told_before = len(mailoutbox)
    look(seconds=2 * GRACE)

    assert (told_before, len(mailoutbox)) == (0, 1)


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_of_all_who_send_one_notice_one_does(self, telling: Account, mailoutbox: Outbox) -> None:
        Caller(telling).verified().book()
        notice = addressed(telling)

        together(*[lambda: notices.send(notice, now=timezone.now())] * 6)

        assert len(mailoutbox) == 1
        assert notices.was_sent(WriteBack.objects.get())

    def test_of_request_and_job_tells_once(
        self, site: Site, number: str, monkeypatch: pytest.MonkeyPatch, mailoutbox: Outbox
    ) -> None:
        found = notices.addressed

        def addressed_while_the_job_sends(access: Any, write_back: WriteBack) -> Notice | None:
            notice = found(access, write_back)
            monkeypatch.setattr(notices, "addressed", found)
            together(lambda: look(seconds=GRACE))
            return notice

        monkeypatch.setattr(notices, "addressed", addressed_while_the_job_sends)

        response = site.cancel(number, {"sendNotification": True})

        assert (response.json()["confirmationSent"], len(mailoutbox)) == (True, 1)

    def test_of_request_and_mail_server_claims_nothing_before_it_is_taken(
        self, site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[bool] = []

        def send(_self: EmailMessage) -> int:
            seen.extend(together(lambda: notices.was_sent(WriteBack.objects.get())))
            return 1

        monkeypatch.setattr(EmailMessage, "send", send)

        response = site.book(wish())

        assert (seen, response.json()["confirmationSent"]) == ([False], True)


class TestAddress:
    @pytest.mark.parametrize(
        "on_file",
        [
            *("", " ", "none", "n/a", "@", "cora@", "@example.test", "cora@example", "cora at example.test"),
            *("cora@example.test, milo@example.test", "cora@example.test;milo@example.test", "cora@@example.test"),
            *(
                "cora@example.test\nBcc: thief@example.test",
                "cora\r@example.test",
                "cora @example.test",
                "a\0b@example.test",
            ),
            *("Cora <cora@example.test>", '"cora whitfield"@example.test', '"a@thief.test"@example.test'),
            f"{'c' * 300}@example.test",
        ],
    )
    def test_that_is_not_one_plain_address_is_none(self, on_file: str) -> None:
        assert notices.usable(on_file) == ""

    @pytest.mark.parametrize(
        "on_file", ["cora@example.test", " cora.o'dell+dentist@mail.example.test ", "C@EXAMPLE.TEST"]
    )
    def test_that_is_one_plain_address_is_taken_as_it_is(self, on_file: str) -> None:
        assert notices.usable(on_file) == on_file.strip()


def addressed(account: Account) -> Notice:
    """Return the notice of the only write-back there is."""
    clock = SystemClock()
    with gateway.reading(
        integration=account.integrations.select_related("account").get(),
        asker=Asker(actor="job:test", endpoint="test", method="JOB"),
        action="test",
        phi=True,
        clock=clock,
        budget=Budget(8, clock),
    ) as access:
        notice = notices.addressed(access, WriteBack.objects.get())
    assert notice is not None
    return notice
