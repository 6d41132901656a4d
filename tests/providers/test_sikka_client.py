"""Sikka's wire: headers, envelopes, pages, errors.

A test named after a row guards against that row of "Mistakes this adapter must not repeat" in the adapter's README.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
from responses import matchers

from pms.domain import errors
from pms.providers.http import HttpAnswer
from pms.providers.sikka.account import DEFAULT_BASE_URL, read_account
from pms.providers.sikka.client import SikkaClient
from pms.providers.sikka.envelope import DailyLimitReached, KeyRefused, RequestRefused, body_of, page_of
from tests.providers.fakes import APP_ID, APP_KEY, OFFICE, FakeClock, MemoryTokens, connection, stored_key

BASE = DEFAULT_BASE_URL
ERROR_CASES: list[tuple[int, str, type[errors.PmsError]]] = [
    (400, "API1025", KeyRefused),
    (400, "API1004", KeyRefused),
    (400, "API1026", RequestRefused),
    (401, "API2003", errors.CredentialsRejected),
    (401, "API2004", errors.NotEntitled),
    (401, "API2007", errors.CredentialsRejected),
    (403, "", errors.PmsUnavailable),
    (404, "API2009", RequestRefused),
    (405, "API2014", RequestRefused),
    (409, "API2013", RequestRefused),
    (412, "API2017", errors.OfficeOffline),
    (422, "API2019", RequestRefused),
    (429, "", errors.PmsRateLimited),
    (429, "API2011", DailyLimitReached),
    (429, "API2012", DailyLimitReached),
    (500, "API2010", errors.PmsUnavailable),
    (503, "API2002", errors.PmsUnavailable),
    (504, "API2022", errors.PmsUnavailable),
    (302, "", errors.UpstreamInvalid),
    (200, "API0008", RequestRefused),
    (200, "API0005", RequestRefused),
    (200, "API4003", RequestRefused),
]


def flat(status: int, code: str, long: str = "") -> dict[str, str]:
    return {"http_code": str(status), "error_code": code, "short_message": "Short", "long_message": long}


def envelope(
    items: list[dict[str, str]], *, total: int | None = None, offset: int = 0, limit: int = 50
) -> dict[str, Any]:
    return {
        "offset": str(offset),
        "limit": str(limit),
        "total_count": str(len(items) if total is None else total),
        "execution_time": "3",
        "pagination": {"first": "", "previous": "", "current": "", "next": "", "last": ""},
        "items": items,
    }


def answer(status: int, body: object = None, **headers: str) -> HttpAnswer:
    return HttpAnswer(status, headers, b"" if body is None else json.dumps(body).encode())


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(clock: FakeClock) -> MemoryTokens:
    store = MemoryTokens(clock)
    stored_key(store, "key-0", clock.now() + timedelta(hours=20), refresh="refresh-0")
    return store


@pytest.fixture
def client(tokens: MemoryTokens, clock: FakeClock) -> SikkaClient:
    return SikkaClient(connection(tokens=tokens, clock=clock))


def renewal(mocked: responses.RequestsMock, key: str = "key-1") -> None:
    body = {"request_key": key, "refresh_key": "r", "issued_to": OFFICE, "expires_in": "86400 second(s)"}
    mocked.post(f"{BASE}/request_key", json=body)


def sent_keys(mocked: responses.RequestsMock) -> list[str | None]:
    return [call.request.headers.get("Request-Key") for call in mocked.calls]


class TestAnswers:
    @pytest.mark.parametrize(("status", "code", "expected"), ERROR_CASES)
    def test_errors(self, status: int, code: str, expected: type[errors.PmsError]) -> None:
        with pytest.raises(expected) as caught:
            body_of(answer(status, flat(status, code, "canary")))
        assert type(caught.value) is expected
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize(("status", "code", "expected"), [case for case in ERROR_CASES if case[0] >= 400])
    def test_error_inside_a_body_that_comes_with_200(
        self, status: int, code: str, expected: type[errors.PmsError]
    ) -> None:
        with pytest.raises(expected):
            body_of(answer(200, flat(status, code)))

    @pytest.mark.parametrize("code", ["API2016", "API0007", "API0009", "API0011", "API1029", "API4006"])
    def test_a_success_may_carry_an_error_code(self, code: str) -> None:
        assert body_of(answer(200, flat(200, code)))["error_code"] == code

    @pytest.mark.parametrize("status", [200, 201])
    @pytest.mark.parametrize("body", [b"<html></html>", b"[1]", b"3", b"[{}, {}]", b"\xff\xfe"])
    def test_success_that_is_no_object_is_invalid(self, status: int, body: bytes) -> None:
        with pytest.raises(errors.UpstreamInvalid):
            body_of(HttpAnswer(status, {}, body))

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(502, errors.PmsUnavailable), (401, errors.PmsUnavailable), (400, RequestRefused)],
    )
    def test_error_page_that_is_not_json(self, status: int, expected: type[errors.PmsError]) -> None:
        with pytest.raises(expected):
            body_of(HttpAnswer(status, {}, b"<html>Bad Gateway</html>"))

    @pytest.mark.parametrize("given", [answer(204), answer(200), answer(200, []), answer(200, flat(204, "API2005"))])
    def test_nothing_found_is_no_rows(self, given: HttpAnswer) -> None:
        assert page_of(given).items == ()

    @pytest.mark.parametrize("wrap", [False, True])
    def test_envelope_may_be_wrapped_in_an_array(self, wrap: bool) -> None:
        listed = envelope([{"id": "1"}], total=7)
        page = page_of(answer(200, [listed] if wrap else listed))
        assert (page.items, page.total) == (({"id": "1"},), 7)

    @pytest.mark.parametrize("body", [{"items": "x"}, {"items": ["x"]}, {"offset": "0"}])
    def test_list_without_items_is_invalid(self, body: dict[str, object]) -> None:
        with pytest.raises(errors.UpstreamInvalid):
            page_of(answer(200, body))

    @pytest.mark.parametrize("name", ["long_message", "log_message"])
    def test_conflict_is_heard_in_either_text_key(self, name: str) -> None:
        with pytest.raises(RequestRefused) as caught:
            body_of(answer(409, {"http_code": "409", name: "Appointment already scheduled"}))
        assert caught.value.is_conflict

    def test_rate_limit_tells_when_to_come_back(self) -> None:
        with pytest.raises(errors.PmsRateLimited) as caught:
            body_of(answer(429, flat(429, ""), **{"X-Rate-Limit-Reset": "42"}))
        assert caught.value.retry_after_seconds == 42


class TestHeaders:
    @responses.activate
    def test_keyed_call_has_the_key_as_its_only_secret(self, client: SikkaClient) -> None:
        responses.get(f"{BASE}/practices", json=envelope([{"practice_id": "1"}]))
        client.rows("/practices", {})
        request = responses.calls[0].request
        assert request.headers["Request-Key"] == "key-0"
        assert "App-Id" not in request.headers
        assert "App-Key" not in request.headers
        assert "request_key" not in (request.url or "")

    @responses.activate
    def test_application_call_has_no_request_key(self, client: SikkaClient) -> None:
        headers = matchers.header_matcher({"App-Id": APP_ID, "App-Key": APP_KEY})
        responses.get(f"{BASE}/supported_pmses", json=envelope([]), match=[headers])
        client.app_rows("/supported_pmses", {})
        assert sent_keys(responses.mock) == [None]

    @responses.activate
    def test_key_request_has_no_authentication_header(self, clock: FakeClock) -> None:
        responses.get(f"{BASE}/authorized_practices", json=envelope([{"office_id": OFFICE, "secret_key": "s"}]))
        renewal(responses.mock)
        SikkaClient(connection(clock=clock)).check_key()
        headers = responses.calls[1].request.headers
        assert not {"App-Id", "App-Key", "Request-Key"} & set(headers)

    @responses.activate
    def test_header_shortens_the_stored_life(self, client: SikkaClient, tokens: MemoryTokens) -> None:
        expires = {"Request-Key-Expires": "Tue, 12 May 2026 18:00:00 GMT"}
        responses.get(f"{BASE}/practices", json=envelope([]), headers=expires)
        client.rows("/practices", {})
        token = tokens.get()
        assert token is not None
        assert token.expires_at == datetime(2026, 5, 12, 18, tzinfo=UTC)


class TestOffices:
    @responses.activate
    def test_row_6_exact_office_and_never_the_first_row(self, clock: FakeClock) -> None:
        """Two offices, both with practice_id "1": the key is asked for ours, with our secret."""
        rows = [
            {"office_id": "D70002", "practice_id": "1", "secret_key": "theirs"},
            {"office_id": "D7000", "practice_id": "1", "secret_key": "shorter"},
            {"office_id": OFFICE, "practice_id": "1", "secret_key": "ours"},
        ]
        responses.get(
            f"{BASE}/authorized_practices",
            json=envelope(rows),
            match=[matchers.query_param_matcher({"show": "all"}, strict_match=False)],
        )
        renewal(responses.mock)
        SikkaClient(connection(clock=clock)).check_key()
        grant = json.loads(responses.calls[1].request.body or b"")
        assert (grant["office_id"], grant["secret_key"]) == (OFFICE, "ours")

    @responses.activate
    def test_row_6_office_that_is_not_listed_is_an_error(self, clock: FakeClock) -> None:
        rows = [{"office_id": "D70002", "practice_id": "1", "secret_key": "theirs"}]
        responses.get(f"{BASE}/authorized_practices", json=envelope(rows))
        with pytest.raises(errors.CredentialsRejected):
            SikkaClient(connection(clock=clock)).check_key()
        assert len(responses.calls) == 1

    @responses.activate
    def test_rows_of_another_practice_are_all_discarded(self, client: SikkaClient) -> None:
        rows = [{"practice_id": "1"}, {"practice_id": "2"}]
        responses.get(f"{BASE}/appointments", json=envelope(rows))
        with pytest.raises(errors.TenantMismatch):
            client.rows("/appointments", {"practice_id": "1"})
        with pytest.raises(errors.TenantMismatch):
            client.first_rows("/appointments", {"practice_id": "1"}, limit=50)
        assert len(client.rows("/appointments", {})) == 2


class TestPages:
    def serve(self, count: int, *, page: int = 50, tell_total: bool = True) -> None:
        """Rows 0 to ``count`` - 1, at most ``page`` of them at a time, by page number."""

        def page_of_rows(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
            params: dict[str, str] = request.params  # type: ignore[attr-defined]
            offset, limit = int(params["offset"]), min(int(params["limit"]), page)
            numbers = range(offset * limit, min(count, (offset + 1) * limit))
            if not numbers:
                return 204, {}, ""
            items = [{"id": str(number)} for number in numbers]
            body = envelope(items, total=count, offset=offset, limit=limit)
            if not tell_total:
                del body["total_count"]
            return 200, {}, json.dumps(body)

        responses.add_callback(responses.GET, f"{BASE}/appointments", page_of_rows)

    @responses.activate
    def test_row_4_offset_is_a_page_number(self, client: SikkaClient) -> None:
        """120 rows at 50: offsets 0, 1, 2, every row once."""
        self.serve(120)
        rows = client.rows("/appointments", {"startdate": "2026-05-12"}, limit=50)
        assert [row["id"] for row in rows] == [str(number) for number in range(120)]
        asked = [call.request.params for call in responses.calls]  # type: ignore[attr-defined]
        assert [one["offset"] for one in asked] == ["0", "1", "2"]
        assert {one["startdate"] for one in asked} == {"2026-05-12"}, "filters are sent with every page"

    @responses.activate
    @pytest.mark.parametrize(
        ("count", "tell_total", "calls"), [(100, True, 2), (100, False, 3), (99, False, 2), (0, True, 1)]
    )
    def test_last_page(self, client: SikkaClient, count: int, tell_total: bool, calls: int) -> None:
        self.serve(count, tell_total=tell_total)
        assert len(client.rows("/appointments", {}, limit=50)) == count
        assert len(responses.calls) == calls

    @responses.activate
    def test_vendor_that_gives_smaller_pages_is_read_to_the_end(self, client: SikkaClient) -> None:
        self.serve(120, page=50)
        rows = client.rows("/appointments", {}, limit=1000)
        assert [row["id"] for row in rows] == [str(number) for number in range(120)]

    @responses.activate
    def test_endless_list_is_an_error_and_not_cut_off(self, client: SikkaClient) -> None:
        self.serve(200)
        with pytest.raises(errors.UpstreamInvalid):
            client.rows("/appointments", {}, limit=50, pages=3)
        assert len(responses.calls) == 3


class TestRenewal:
    @responses.activate
    @pytest.mark.parametrize("code", ["API1025", "API1004"])
    def test_row_5_expired_key_is_renewed_and_the_read_replayed_once(
        self, client: SikkaClient, tokens: MemoryTokens, code: str
    ) -> None:
        """An expired key is HTTP 400, not 401."""
        responses.get(f"{BASE}/practices", status=400, json=flat(400, code))
        responses.get(f"{BASE}/practices", json=envelope([{"practice_id": "1"}]))
        renewal(responses.mock)
        assert client.rows("/practices", {}) == [{"practice_id": "1"}]
        assert sent_keys(responses.mock) == ["key-0", None, "key-1"]
        token = tokens.get()
        assert token is not None
        assert token.values["request_key"] == "key-1"

    @responses.activate
    def test_key_that_another_process_renewed_is_taken_from_the_store(
        self, client: SikkaClient, tokens: MemoryTokens, clock: FakeClock
    ) -> None:
        def expired(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
            values = {"office_id": OFFICE, "request_key": "theirs", "refresh_key": ""}
            tokens.save(values, clock.now() + timedelta(days=1), 1)
            return 400, {}, json.dumps(flat(400, "API1025"))

        responses.add_callback(responses.GET, f"{BASE}/practices", expired)
        responses.get(f"{BASE}/practices", json=envelope([]))
        client.rows("/practices", {})
        assert sent_keys(responses.mock) == ["key-0", "theirs"]

    @responses.activate
    def test_key_that_stays_refused_ends_after_one_replay(self, client: SikkaClient) -> None:
        responses.get(f"{BASE}/practices", status=400, json=flat(400, "API1025"))
        renewal(responses.mock)
        with pytest.raises(errors.PmsUnavailable):
            client.rows("/practices", {})
        assert sent_keys(responses.mock) == ["key-0", None, "key-1"]

    @responses.activate
    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("API2003", errors.CredentialsRejected),
            ("API2004", errors.NotEntitled),
            ("API2007", errors.CredentialsRejected),
        ],
    )
    def test_refused_entitlement_is_not_an_expired_key(
        self, client: SikkaClient, code: str, expected: type[errors.PmsError]
    ) -> None:
        responses.get(f"{BASE}/patients", status=401, json=flat(401, code))
        with pytest.raises(expected):
            client.rows("/patients", {})
        assert len(responses.calls) == 1

    @responses.activate
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
    @pytest.mark.parametrize("code", ["API1025", "API1004"])
    def test_write_is_replayed_too_because_it_was_not_executed(
        self, client: SikkaClient, method: str, code: str
    ) -> None:
        responses.add(method, f"{BASE}/appointments/7", status=400, json=flat(400, code))
        responses.add(method, f"{BASE}/appointments/7", status=201, json=flat(201, "API2016", "Id:7"))
        renewal(responses.mock)

        receipt = client.write(method, "/appointments/7", {"a": "b"})

        assert receipt["long_message"] == "Id:7"
        assert sent_keys(responses.mock) == ["key-0", None, "key-1"]
        assert [json.loads(call.request.body or b"") for call in responses.calls][::2] == [{"a": "b"}] * 2

    @responses.activate
    def test_write_whose_key_stays_refused_is_sent_twice_at_most(self, client: SikkaClient) -> None:
        responses.put(f"{BASE}/appointments/7", status=400, json=flat(400, "API1025"))
        renewal(responses.mock)

        with pytest.raises(errors.PmsUnavailable):
            client.write("PUT", "/appointments/7", {})

        assert sent_keys(responses.mock) == ["key-0", None, "key-1"]

    @responses.activate
    def test_lost_answer_of_a_key_request_is_no_unknown_outcome(self, clock: FakeClock) -> None:
        """Nothing changed at the practice, so nobody has to look for anything."""
        listed = envelope([{"office_id": OFFICE, "secret_key": "s"}])
        responses.get(f"{BASE}/authorized_practices", json=listed)
        responses.post(f"{BASE}/request_key", body=requests.ReadTimeout())
        with pytest.raises(errors.PmsUnavailable):
            SikkaClient(connection(clock=clock)).write("POST", "/appointment", {})


class TestWrites:
    @responses.activate
    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (500, flat(500, "API2006")),
            (503, flat(503, "API2002")),
            (504, flat(504, "API2022")),
            (200, flat(500, "API2001")),
            (502, None),
            (302, None),
        ],
    )
    def test_server_errors_leave_the_outcome_unknown(
        self, client: SikkaClient, status: int, body: dict[str, str] | None
    ) -> None:
        responses.post(f"{BASE}/appointment", status=status, json=body)
        with pytest.raises(errors.OutcomeUnknown):
            client.write("POST", "/appointment", {})
        assert len(responses.calls) == 1

    @responses.activate
    @pytest.mark.parametrize("body", ["", "accepted", "[1, 2]"])
    def test_unreadable_success_leaves_the_outcome_unknown(self, client: SikkaClient, body: str) -> None:
        responses.post(f"{BASE}/appointment", status=201, body=body)
        if body:
            with pytest.raises(errors.OutcomeUnknown):
                client.write("POST", "/appointment", {})
        else:
            assert client.write("POST", "/appointment", {}) == {}

    @responses.activate
    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [
            (400, "API1026", RequestRefused),
            (422, "API2019", RequestRefused),
            (200, "API0008", RequestRefused),
            (401, "API2004", errors.NotEntitled),
            (412, "API2017", errors.OfficeOffline),
            (429, "API2012", errors.PmsRateLimited),
        ],
    )
    def test_refusals_are_certain(
        self, client: SikkaClient, status: int, code: str, expected: type[errors.PmsError]
    ) -> None:
        responses.post(f"{BASE}/appointment", status=status, json=flat(status, code))
        with pytest.raises(expected):
            client.write("POST", "/appointment", {})
        assert len(responses.calls) == 1

    @responses.activate
    def test_connection_that_was_never_made_is_certain_too(self, client: SikkaClient) -> None:
        responses.post(f"{BASE}/appointment", body=requests.ConnectTimeout())
        with pytest.raises(errors.PmsUnavailable):
            client.write("POST", "/appointment", {})


class TestDeleting:
    @responses.activate
    def test_it_is_the_applications_own_request_without_a_body(self, client: SikkaClient) -> None:
        headers = matchers.header_matcher({"App-Id": APP_ID, "App-Key": APP_KEY})
        number = matchers.query_param_matcher({"id": "7"})
        responses.delete(f"{BASE}/writebacks", json=flat(200, "API4006"), match=[headers, number])

        client.app_delete("/writebacks", {"id": "7"})

        request = responses.calls[0].request
        assert request.body is None
        assert "Request-Key" not in request.headers

    @responses.activate
    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [
            (400, "API1026", RequestRefused),
            (404, "API2009", RequestRefused),
            (410, "API2018", RequestRefused),
            (401, "API2004", errors.NotEntitled),
            (500, "API2001", errors.OutcomeUnknown),
            (504, "API2022", errors.OutcomeUnknown),
        ],
    )
    def test_an_error_says_whether_it_is_certain(
        self, client: SikkaClient, status: int, code: str, expected: type[errors.PmsError]
    ) -> None:
        responses.delete(f"{BASE}/writebacks", status=status, json=flat(status, code))

        with pytest.raises(expected):
            client.app_delete("/writebacks", {"id": "7"})

        assert len(responses.calls) == 1


class TestAccount:
    def test_platform_keys_may_stand_in_the_settings(self) -> None:
        account = read_account({"practiceId": " D70001 "}, {"applicationId": "a", "secretKey": "k"})
        assert (account.app_id, account.app_key, account.office_id, account.location_id) == ("a", "k", "D70001", "")
        assert "'k'" not in repr(account)

    @pytest.mark.parametrize(
        ("practice", "config", "location"),
        [("D7:1-2", {}, "1-2"), ("D7:1-2", {"locationId": "1-1"}, "1-2"), ("D7", {"locationId": "1-1"}, "1-1")],
    )
    def test_location(self, practice: str, config: dict[str, str], location: str) -> None:
        account = read_account({"applicationId": "a", "secretKey": "k", "practiceId": practice}, config)
        assert (account.office_id, account.location_id) == ("D7", location)

    @pytest.mark.parametrize("missing", ["applicationId", "secretKey", "practiceId"])
    def test_all_three_are_needed(self, missing: str) -> None:
        given = {"applicationId": "a", "secretKey": "k", "practiceId": "D7", missing: " "}
        with pytest.raises(errors.CredentialsRejected):
            read_account(given, {})

    def test_base_url(self) -> None:
        given = {"applicationId": "a", "secretKey": "k", "practiceId": "D7"}
        assert read_account(given, {}).base_url == "https://api.sikkasoft.com/v4"
        assert read_account(given, {"baseUrl": "http://localhost:1/v4/"}).base_url == "http://localhost:1/v4"
