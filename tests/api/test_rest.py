"""Availability and booking over REST, in the spec's shapes, and what a server is told when it may not."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.domain.localtime import local_date_of
from pms.models import (
    Booking,
    BookingState,
    Call,
    PmsAuditLog,
    PmsIntegration,
    PmsToken,
    SecurityEvent,
    Verification,
    VoiceLine,
)
from tests import agreement
from tests.conftest import Sim
from tests.practice import live_call
from tests.talking import quiet_day
from tests.vapi.sending import (
    PLATFORM,
    credential,
    hexdigest,
    line_of,
    refused,
    secret_of,
    signed,
    timestamp,
)
from tests.vapi.sending import (
    practice as another_practice,
)

AVAILABILITY = "/api/pms/appointments/availability"
APPOINTMENTS = "/api/pms/appointments"
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
QUARTER_MEGABYTE = 256 * 1024

Json = dict[str, Any]


@pytest.fixture
def line(practice: Account) -> VoiceLine:
    return VoiceLine.objects.get(account=practice)


@pytest.fixture
def day() -> str:
    return quiet_day().isoformat()


@pytest.fixture(autouse=True)
def _platform(settings: Settings) -> None:
    settings.VAPI_WEBHOOK_SECRETS = [PLATFORM]
    settings.VAPI_WEBHOOK_SCHEMES = ["timestamp_body", "secret"]
    settings.VAPI_REQUIRE_TIMESTAMP = True
    settings.VAPI_SECRET_IS_SYSTEM = True


class Server:
    """A server that signs its requests. ``line`` is named in the header; without it, ``account`` in the address."""

    def __init__(
        self, client: Client, secret: str, *, line: VoiceLine | None = None, account: Account | None = None
    ) -> None:
        self.client, self.secret, self.line, self.account = client, secret, line, account

    def headers(self, call: str = "", key: str = "") -> dict[str, str]:
        named = {
            "X-Vapi-Assistant-Id": self.line.vapi_assistant_id or "" if self.line else "",
            "X-Vapi-Call-Id": call,
            "Idempotency-Key": key,
        }
        return {name: value for name, value in named.items() if value}

    def times(self, *, call: str = "", **query: str) -> Any:
        asked = {**query, **({"account": str(self.account.pk)} if self.account else {})}
        proof = signed(b"", self.secret) if self.line else {"X-Vapi-Secret": self.secret}
        return self.client.get(f"{AVAILABILITY}?{urlencode(asked)}", headers={**proof, **self.headers(call)})

    def book(self, body: Any, *, call: str = "", key: str = "") -> Any:
        if isinstance(body, dict) and self.account:
            body = {"accountId": str(self.account.pk), **body}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {**signed(raw, self.secret), **self.headers(call, key)}
        return self.client.post(APPOINTMENTS, data=raw, content_type="application/json", headers=headers)


@pytest.fixture
def voice(client: Client, line: VoiceLine) -> Server:
    return Server(client, secret_of(line), line=line)


@pytest.fixture
def system(client: Client, practice: Account) -> Server:
    return Server(client, PLATFORM, account=practice)


@pytest.fixture
def start(system: Server, day: str) -> str:
    """The first open time of the wished day."""
    slots = system.times(date=day, appointmentType="Cleaning").json()["slots"]
    return str(slots[0]["startTime"])


@pytest.fixture
def wish(start: str) -> Json:
    return {"patientId": "1001", "appointmentType": "Cleaning", "startTime": start}


def proven(call: Call, patient_id: str = "1001") -> Call:
    Verification.objects.create(
        account=call.account, call=call, succeeded=True, patient_id=patient_id, subject_digest="-"
    )
    return call


# Availability


def test_the_open_times_of_a_day_come_in_the_spec_s_shape(system: Server, practice: Account, day: str) -> None:
    response = system.times(date=day, appointmentType="Cleaning", duration="30")

    body = response.json()
    assert response.status_code == 200
    assert set(body) == {"success", "date", "slots"}
    assert (body["success"], body["date"]) == (True, day)
    assert body["slots"]
    for slot in body["slots"]:
        assert set(slot) == {"startTime", "endTime", "providerId", "providerName", "available"}
        assert INSTANT.fullmatch(slot["startTime"])
        assert INSTANT.fullmatch(slot["endTime"])
        starts, ends = (datetime.fromisoformat(slot[name]) for name in ("startTime", "endTime"))
        # The type says how long it takes, not the request.
        assert ends - starts == timedelta(hours=1)
        assert starts.astimezone(practice.zone).date().isoformat() == day
        assert slot["available"] is True
        assert slot["providerId"] in {"HY1", "HY2"}
        assert slot["providerName"]


def test_without_a_date_it_is_the_practice_s_today(system: Server, practice: Account) -> None:
    today = local_date_of(timezone.now(), practice.zone)

    body = system.times(appointmentType="Cleaning").json()

    # Midnight may pass in between.
    assert date.fromisoformat(body["date"]) - today in (timedelta(0), timedelta(days=1))


def test_a_closed_day_is_empty_and_stays_the_day_that_was_asked_for(system: Server, day: str) -> None:
    sunday = (date.fromisoformat(day) + timedelta(days=5)).isoformat()

    assert system.times(date=sunday, appointmentType="Cleaning").json() == {
        "success": True,
        "date": sunday,
        "slots": [],
    }


def test_one_clinician_s_times_can_be_asked_for(system: Server, day: str) -> None:
    body = system.times(date=day, appointmentType="Cleaning", providerId="HY2").json()

    assert {slot["providerId"] for slot in body["slots"]} == {"HY2"}


def test_what_is_not_known_in_a_query_is_ignored(system: Server, day: str) -> None:
    plain = system.times(date=day, appointmentType="Cleaning").json()

    odd = system.times(date=day, appointmentType="Cleaning", officeId="D20002", practiceId="2", verified="true").json()

    assert odd == plain


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"date": "2020-01-01", "appointmentType": "Cleaning"}, "date_in_past"),
        ({"date": "2027-02-30", "appointmentType": "Cleaning"}, "date_invalid"),
        ({"date": "03/04/2027", "appointmentType": "Cleaning"}, "date_ambiguous"),
        ({"date": "soon", "appointmentType": "Cleaning"}, "time_format"),
        ({"date": "{{date}}", "appointmentType": "Cleaning"}, "placeholder"),
        ({"appointmentType": "Haircut"}, "validation_failed"),
        ({"appointmentType": "Crown Prep"}, "on_request_only"),
        ({"appointmentType": "Cleaning", "providerId": "nobody"}, "validation_failed"),
        ({"appointmentType": "x" * 300}, "validation_failed"),
        ({"appointmentType": "a\u0000b"}, "validation_failed"),
    ],
)
def test_a_query_that_cannot_be_answered_is_422_with_its_code(system: Server, query: dict[str, str], code: str) -> None:
    refused(system.times(**query), 422, code)


def test_a_voice_credential_may_ask_for_times_without_a_call(voice: Server, day: str) -> None:
    body = voice.times(date=day, appointmentType="Cleaning").json()

    assert (body["date"], bool(body["slots"])) == (day, True)
    assert not PmsAuditLog.objects.filter(patient_id__isnull=False).exists()
    assert PmsAuditLog.objects.get(action="checkAvailability").actor.startswith("voice:")


def test_within_a_call_the_next_open_day_is_told(voice: Server, practice: Account, day: str) -> None:
    sunday = date.fromisoformat(day) + timedelta(days=5)
    call = live_call(practice)

    body = voice.times(call=call.vapi_call_id, date=sunday.isoformat(), appointmentType="Cleaning").json()

    assert date.fromisoformat(body["date"]) > sunday
    assert body["slots"]


# Booking by a server of the practice's own


def test_a_system_books_and_the_answer_is_the_spec_s(system: Server, wish: Json, sim: Sim, practice: Account) -> None:
    before = sim("GET", "truth", office_id="D10001", patient_id="1001")["appointments"]

    response = system.book({**wish, "notes": "Afternoons", "duration": 15, "sendConfirmation": True})

    body = response.json()
    assert response.status_code == 201, body
    assert set(body) == {"success", "appointment", "confirmationSent"}
    assert body["confirmationSent"] is False
    appointment = body["appointment"]
    assert set(appointment) == {"id", "bookingId", "confirmationNumber", "patientName", "startTime", "endTime"}
    assert (appointment["patientName"], appointment["startTime"]) == ("Cora Whitfield", wish["startTime"])
    starts, ends = (datetime.fromisoformat(appointment[name]) for name in ("startTime", "endTime"))
    assert ends - starts == timedelta(hours=1)
    after = sim("GET", "truth", office_id="D10001", patient_id="1001")["appointments"]
    (new,) = [row for row in after if row not in before]
    assert new["appointment_sr_no"] == appointment["id"]
    assert Booking.objects.get().pk == uuid.UUID(appointment["bookingId"])


def test_a_write_that_takes_long_is_202_and_pending(system: Server, wish: Json, sim: Sim, settings: Settings) -> None:
    settings.TOOL_BUDGET_SECONDS = 4.0
    sim("POST", "config", writeback_delay=60)

    response = system.book(wish)

    body = response.json()
    assert (response.status_code, body["success"], body["status"]) == (202, True, "pending")
    assert body["appointment"]["id"] is None
    assert body["appointment"]["confirmationNumber"] == Booking.objects.get().confirmation_number
    assert Booking.objects.get().state == BookingState.PENDING


def test_a_repeated_idempotency_key_gets_the_same_booking(system: Server, wish: Json, sim: Sim) -> None:
    first = system.book(wish, key="order-1")
    second = system.book(wish, key="order-1")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert Booking.objects.count() == 1


def test_an_idempotency_key_with_another_wish_is_409_and_books_nothing(system: Server, wish: Json) -> None:
    system.book(wish, key="order-1")

    refused(system.book({**wish, "patientId": "1010"}, key="order-1"), 409, "idempotency_conflict")
    assert Booking.objects.count() == 1


def test_what_became_of_a_booking_is_told_under_its_key(system: Server, wish: Json) -> None:
    system.book(wish, key="order-1")
    Booking.objects.update(state=BookingState.CANCELLED)

    response = system.book(wish, key="order-1")

    assert (response.status_code, response.json()["status"]) == (202, "cancelled")


def test_an_idempotency_key_that_is_too_long_is_refused(system: Server, wish: Json) -> None:
    refused(system.book(wish, key="k" * 101), 422, "validation_failed")
    assert not Booking.objects.exists()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"patientId": None}, 422, "validation_failed"),
        ({"patientId": "no-such-patient"}, 404, "patient_not_found"),
        ({"patientId": "999999"}, 404, "patient_not_found"),
        ({"startTime": None}, 422, "date_missing"),
        ({"startTime": "soon"}, 422, "date_invalid"),
        ({"startTime": "2027-02-30T10:00:00Z"}, 422, "date_invalid"),
        ({"startTime": "2027-02-20T10:00:00"}, 422, "time_format"),
        ({"startTime": "2020-02-20T10:00:00Z"}, 422, "date_in_past"),
        ({"appointmentType": "Haircut"}, 422, "validation_failed"),
        ({"appointmentType": "Crown Prep"}, 422, "on_request_only"),
        ({"providerId": "nobody"}, 422, "validation_failed"),
        ({"providerId": {"id": 1}}, 422, "validation_failed"),
        ({"slotCode": "A1"}, 409, "slot_expired"),
    ],
)
def test_a_wish_that_cannot_be_booked_is_refused_with_its_code(
    system: Server, wish: Json, change: Json, status: int, code: str
) -> None:
    error = refused(system.book({**wish, **change}), status, code)

    assert "Cora" not in json.dumps(error)
    assert not Booking.objects.exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda at: at.replace(minute=7), "not_on_grid"),
        (lambda at: at.replace(hour=3), "outside_hours"),
        (lambda at: at + timedelta(days=5), "outside_hours"),
        (lambda at: at + timedelta(days=150), "too_far"),
    ],
)
def test_a_time_outside_the_practice_s_rules_is_refused_with_its_reason(
    system: Server, wish: Json, practice: Account, change: Callable[[datetime], datetime], code: str
) -> None:
    local = datetime.fromisoformat(wish["startTime"]).astimezone(practice.zone)
    instant = change(local).astimezone(UTC).isoformat().replace("+00:00", "Z")

    refused(system.book({**wish, "startTime": instant}), 422, code)


def test_a_time_that_was_taken_is_409(system: Server, wish: Json) -> None:
    who = next(c for c in ("HY1", "HY2") if system.book({**wish, "providerId": c}).status_code == 201)

    refused(system.book({**wish, "patientId": "1010", "providerId": who}), 409, "slot_taken")

    assert Booking.objects.filter(state=BookingState.CONFIRMED).count() == 1


def test_a_second_appointment_of_a_person_at_one_time_is_409(system: Server, wish: Json) -> None:
    system.book(wish)

    refused(system.book({**wish, "appointmentType": "Emergency"}), 409, "person_overlap")


def test_what_the_practice_s_system_says_is_told_by_its_code(
    system: Server, wish: Json, sim: Sim, practice: Account
) -> None:
    sim("POST", "fail_write", times=1, result="Appointment could not be written")
    refused(system.book(wish), 502, "write_rejected")

    sim("POST", "office", office_id="D10001", online=False)
    error = refused(system.book({**wish, "patientId": "1010"}), 503, "pms_unavailable")

    assert error["retryable"] is True


def test_an_answer_that_was_lost_is_202_and_unknown_and_never_called_booked(
    system: Server, wish: Json, sim: Sim
) -> None:
    sim("POST", "lose_answer", times=1)

    response = system.book(wish)

    booking = Booking.objects.get()
    assert (response.status_code, response.json()["status"]) == (202, "unknown")
    assert response.json()["appointment"]["id"] is None
    assert response.json()["appointment"]["bookingId"] == str(booking.pk)
    assert booking.state == BookingState.UNKNOWN


def test_refused_credentials_are_502(system: Server, wish: Json, settings: Settings) -> None:
    keys = settings.PMS_PROVIDER_DEFAULTS["SIKKA"]
    settings.PMS_PROVIDER_DEFAULTS = {"SIKKA": {**keys, "secretKey": "wrong"}}
    PmsToken.objects.update(sealed=None, expires_at=None)

    refused(system.book(wish), 502, "credentials_rejected")


def test_an_unreachable_system_is_503(system: Server, day: str, settings: Settings) -> None:
    keys = settings.PMS_PROVIDER_DEFAULTS["SIKKA"]
    settings.PMS_PROVIDER_DEFAULTS = {"SIKKA": {**keys, "baseUrl": "http://127.0.0.1:9/v4"}}

    refused(system.times(date=day, appointmentType="Emergency"), 503, "pms_unavailable")


@pytest.mark.parametrize(
    ("switch", "status", "code"),
    [
        (lambda: Account.objects.update(is_paused=True), 403, "paused"),
        (lambda: Account.objects.update(is_active=False), 403, "paused"),
        (lambda: agreement.outdate("an older one"), 403, "baa_required"),
        (lambda: PmsIntegration.objects.update(features={}), 403, "feature_disabled"),
        (lambda: PmsIntegration.objects.update(config={"allowOnlineBooking": False}), 403, "feature_disabled"),
        (lambda: PmsIntegration.objects.update(status="ERROR"), 502, "credentials_rejected"),
    ],
)
def test_a_practice_s_own_switches_close_both_addresses(
    system: Server, wish: Json, switch: Callable[[], Any], status: int, code: str
) -> None:
    switch()

    refused(system.times(), status, code)
    refused(system.book(wish), status, code)
    assert not Booking.objects.exists()


def test_more_than_a_hundred_requests_a_minute_are_429_with_the_time_to_wait(system: Server) -> None:
    passed = [system.times(date="2020-01-01", appointmentType="Cleaning") for _ in range(100)]

    limited = system.times()

    assert {answer.status_code for answer in passed} == {422}
    assert refused(limited, 429, "rate_limited")["retryable"] is True
    assert 1 <= int(limited["Retry-After"]) <= 60


# Booking by voice


def test_a_voice_credential_without_a_call_books_nothing(voice: Server, wish: Json) -> None:
    refused(voice.book(wish), 403, "call_required")
    assert not Booking.objects.exists()


@pytest.mark.parametrize("which", ["unknown", "foreign", "ended", "too old"])
def test_a_call_that_is_not_live_here_opens_nothing(
    voice: Server, practice: Account, wish: Json, day: str, which: str
) -> None:
    call_id = str(uuid.uuid4())
    if which == "foreign":
        proven(Call.objects.create(
            account=another_practice("Birch Dental"), vapi_call_id=call_id, started_at=timezone.now(),
            last_seen_at=timezone.now(),
        ))  # fmt: skip
    if which in ("ended", "too old"):
        call = proven(live_call(practice, vapi_call_id=call_id))
        long_ago = timezone.now() - timedelta(hours=2, seconds=1)
        Call.objects.filter(pk=call.pk).update(
            **({"ended_at": timezone.now()} if which == "ended" else {"started_at": long_ago})
        )

    refused(voice.book(wish, call=call_id), 403, "call_required")
    refused(voice.times(call=call_id, date=day, appointmentType="Cleaning"), 403, "call_required")
    assert not Booking.objects.exists()


def test_within_a_call_only_a_verified_patient_is_booked(voice: Server, practice: Account, wish: Json) -> None:
    call = live_call(practice)

    refused(voice.book(wish, call=call.vapi_call_id), 403, "not_verified")
    proven(call)
    refused(voice.book({**wish, "patientId": "1010"}, call=call.vapi_call_id), 403, "not_verified")

    assert not Booking.objects.exists()


def test_within_a_call_times_are_the_practice_s_wall_clock(voice: Server, practice: Account, wish: Json) -> None:
    call = proven(live_call(practice))
    local = datetime.fromisoformat(wish["startTime"]).astimezone(practice.zone)

    # As models write it: the local time with a Z.
    response = voice.book({**wish, "startTime": f"{local:%Y-%m-%dT%H:%M:%S}Z"}, call=call.vapi_call_id)

    assert response.status_code == 201, response.json()
    assert response.json()["appointment"]["startTime"] == wish["startTime"]
    log = PmsAuditLog.objects.filter(action="bookAppointment").first()
    assert log is not None
    assert (log.vapi_call_id, log.actor.split(":")[0]) == (call.vapi_call_id, "voice")


def test_a_minor_needs_a_guardian_over_rest_too(voice: Server, practice: Account, wish: Json) -> None:
    call = proven(live_call(practice), "1002")
    Verification.objects.update(is_minor=True, guarantor_id="1001")

    refused(voice.book({**wish, "patientId": "1002"}, call=call.vapi_call_id), 422, "minor_needs_guardian")


def test_the_platform_s_secret_speaks_for_callers_unless_it_is_told_to_be_a_system(
    system: Server, wish: Json, settings: Settings
) -> None:
    settings.VAPI_SECRET_IS_SYSTEM = False

    refused(system.book(wish), 403, "call_required")


def test_a_system_that_names_a_call_is_bound_by_what_was_proven_in_it(
    system: Server, practice: Account, wish: Json
) -> None:
    refused(system.book(wish, call=live_call(practice).vapi_call_id), 403, "not_verified")


# The door


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Signature": "0" * 64, "X-Timestamp": timestamp()},
        {"X-Vapi-Secret": "wrong"},
        {"X-Vapi-Secret": "sch\u00f6n"},
        {"Authorization": f"Bearer {PLATFORM}"},
    ],
)
def test_without_the_right_signature_rest_is_401_and_leaves_an_event(
    client: Client, practice: Account, line: VoiceLine, headers: dict[str, str]
) -> None:
    named = {**headers, "X-Vapi-Assistant-Id": line.vapi_assistant_id or ""}

    refused(client.get(AVAILABILITY, headers=named), 401, "signature_invalid")
    refused(
        client.post(APPOINTMENTS, data=b"{", content_type="application/json", headers=named), 401, "signature_invalid"
    )

    assert SecurityEvent.objects.filter(kind="webhook.refused", account_id=practice.pk).count() == 2
    assert not PmsAuditLog.objects.filter(action="checkAvailability").exists()


def test_where_nothing_is_configured_rest_is_503(client: Client, db: None, settings: Settings) -> None:
    settings.VAPI_WEBHOOK_SECRETS = []

    refused(client.get(AVAILABILITY), 503, "not_configured")


def test_no_practice_named_is_400(client: Client, db: None) -> None:
    refused(Server(client, PLATFORM).times(), 400, "account_required")


def test_an_account_in_an_address_that_is_not_signed_names_nobody(client: Client, practice: Account) -> None:
    response = client.get(f"{AVAILABILITY}?account={practice.pk}", headers=signed(b"", PLATFORM))

    refused(response, 400, "account_required")


def test_an_account_in_a_signed_address_names_the_practice(
    client: Client, practice: Account, settings: Settings, day: str
) -> None:
    settings.VAPI_WEBHOOK_SCHEMES, settings.PUBLIC_URL = ["timestamp_method_url_body"], "https://parlae.example"
    address = f"{AVAILABILITY}?account={practice.pk}&date={day}&appointmentType=Cleaning"

    def asked(signed_address: str) -> Any:
        at = timestamp()
        url = f"https://parlae.example{signed_address}"
        return client.get(address, headers={"X-Signature": hexdigest(PLATFORM, at, "GET", url, b""), "X-Timestamp": at})

    assert asked(address).status_code == 200
    refused(asked(address.replace(str(practice.pk), str(uuid.uuid4()))), 401, "signature_invalid")


def test_a_line_s_credential_may_not_name_another_practice(voice: Server, wish: Json) -> None:
    other = another_practice("Birch Dental")

    refused(voice.book({**wish, "accountId": str(other.pk)}), 403, "forbidden")
    assert SecurityEvent.objects.filter(kind="request.two_practices").count() == 1


def test_a_credential_of_one_practice_opens_no_other_line(voice: Server) -> None:
    voice.line = line_of(another_practice("Birch Dental"), "+12125550101")

    refused(voice.times(), 401, "signature_invalid")


def test_an_account_s_credential_opens_its_lines_over_rest(client: Client, practice: Account, day: str) -> None:
    second = line_of(practice, "+12125550102")
    credential(practice, None, "the account's secret")

    response = Server(client, "the account's secret", line=second).times(date=day, appointmentType="Cleaning")

    assert response.status_code == 200


def test_a_number_in_a_header_names_the_line(client: Client, line: VoiceLine, day: str) -> None:
    headers = {**signed(b"", secret_of(line)), "X-Vapi-Phone-Number-Id": line.vapi_phone_number_id or ""}

    response = client.get(f"{AVAILABILITY}?date={day}&appointmentType=Cleaning", headers=headers)

    assert response.status_code == 200


# Bodies, methods and addresses


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"a": NaN}',
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b"name=value",
    ],
    ids=range(10),
)
def test_a_body_that_is_no_json_object_is_400(voice: Server, body: bytes) -> None:
    refused(voice.book(body), 400, "arguments_unreadable")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "x" * 300,
    ],
)
def test_another_content_type_is_400_with_the_reason(voice: Server, content_type: str) -> None:
    headers = {**signed(b"{}", voice.secret), **voice.headers()}

    response = voice.client.post(APPOINTMENTS, data=b"{}", content_type=content_type, headers=headers)

    assert refused(response, 400, "arguments_unreadable")["message"] == "The body is not JSON."


@pytest.mark.parametrize("charset", ["utf-16", "hex", "zlib", "rot13", "idna", "no-such-charset"])
def test_a_claimed_charset_does_not_matter(voice: Server, charset: str) -> None:
    headers = {**signed(b"{}", voice.secret), **voice.headers()}

    response = voice.client.generic(
        "POST", APPOINTMENTS, b"{}", content_type=f"application/json; charset={charset}", headers=headers
    )

    refused(response, 403, "call_required")


def test_a_body_over_256_kilobytes_is_413_whoever_sent_it(client: Client, voice: Server) -> None:
    large = b'{"notes": "' + b"x" * QUARTER_MEGABYTE + b'"}'

    refused(voice.book(large), 413, "too_large")
    refused(client.post(APPOINTMENTS, data=large, content_type="application/json"), 413, "too_large")
    refused(voice.book(large * 24), 413, "too_large")
    refused(voice.book(b"{}".ljust(QUARTER_MEGABYTE)), 403, "call_required")
    assert not SecurityEvent.objects.filter(kind="webhook.refused").exists()


@pytest.mark.parametrize(
    ("method", "address"), [("post", AVAILABILITY), ("delete", AVAILABILITY), ("put", APPOINTMENTS)]
)
def test_another_method_is_405_in_the_shape_of_errors(voice: Server, method: str, address: str) -> None:
    headers = {**signed(b"{}", voice.secret), **voice.headers()}

    response = voice.client.generic(method.upper(), address, b"{}", content_type="application/json", headers=headers)

    refused(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"] or "POST" in response["Allow"]


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize(
    "address", ["/api/", "/api/pms/nothing", f"{APPOINTMENTS}/", "/api/pms/vapi/webhook/", "/api/v2"]
)
def test_an_address_that_does_not_exist_is_404_in_the_shape_of_errors(
    client: Client, method: str, address: str
) -> None:
    refused(getattr(Client(enforce_csrf_checks=True), method)(address), 404, "not_found")


def test_signed_requests_need_no_csrf_token(practice: Account, line: VoiceLine) -> None:
    voice = Server(Client(enforce_csrf_checks=True), secret_of(line), line=line)

    refused(voice.book({}), 403, "call_required")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*;q=0.1", "nonsense"])
def test_the_answer_is_json_whatever_is_accepted(voice: Server, day: str, accept: str) -> None:
    headers = {**signed(b"", voice.secret), **voice.headers(), "Accept": accept}

    response = voice.client.get(f"{AVAILABILITY}?appointmentType=Cleaning&format=xml", headers=headers)

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    refused(voice.client.get(AVAILABILITY, headers={"Accept": accept}), 401, "signature_invalid")


def test_a_crash_is_500_without_its_details(voice: Server, day: str, logs: io.StringIO) -> None:
    def fails(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        raise DatabaseError("a canary")

    with connection.execute_wrapper(fails):
        response = voice.times(date=day)

    refused(response, 500, "internal_error")
    assert "request crashed" in logs.getvalue()
    assert "canary" not in logs.getvalue() + response.content.decode()


def test_no_patient_data_and_no_address_with_ids_is_logged(
    system: Server, wish: Json, practice: Account, logs: io.StringIO
) -> None:
    system.book({**wish, "notes": "canary note"})

    written = logs.getvalue()
    for private in ("Whitfield", "Cora", "1987-04-12", "canary", "accountId=", "account="):
        assert private not in written
    assert '"route": "api/pms/appointments"' in written


def test_every_answer_carries_its_request_id(client: Client, db: None) -> None:
    response = client.get(AVAILABILITY, headers={"X-Request-Id": "abcdefgh-1234"})

    assert refused(response, 401, "signature_invalid")["requestId"] == "abcdefgh-1234"
