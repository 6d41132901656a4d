"""The way out to a vendor, against a real server on this machine."""

from __future__ import annotations

import gzip
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pms.domain import errors
from pms.domain.clock import Budget, SystemClock
from pms.providers.http import HttpPool, calls_of_this_thread, pool_for
from tests.providers.fakes import FakeClock
from tests.providers.loopback import OK, Script, answer, hang_up, loopback

KEY = {"Request-Key": "canary-key"}
CANARIES = ("canary-key", "canary-patient", "canary-path", "localhost")


@pytest.fixture
def pool() -> HttpPool:
    return HttpPool("SIKKA")


def seconds(number: float) -> Budget:
    return Budget(number, SystemClock())


def drip(script: Script, data: bytes, every: float = 0.05) -> Callable[[socket.socket], None]:
    """Send ``data`` one byte at a time."""

    def step(sock: socket.socket) -> None:
        for byte in data:
            if script.stop.wait(every):
                return
            sock.sendall(bytes([byte]))

    return step


def test_answer_is_whole_and_headers_ignore_case(server: Script, pool: HttpPool, budget: Budget) -> None:
    body = gzip.compress(b'{"a": "b"}')
    server.steps = [answer(200, body, "Content-Encoding: gzip", "X-Rate-Limit-Reset: 7")]
    got = pool.read(server.url + "/v4/x", budget=budget, headers=KEY, params={"q": "canary-patient"})
    assert (got.status, got.body, got.headers["x-rate-limit-reset"], got.wait_hint()) == (200, b'{"a": "b"}', "7", 7)
    assert server.asked[0].path == "/v4/x?q=canary-patient"
    assert "canary" not in repr(got)


def test_connection_is_reused_and_nothing_of_a_call_stays(server: Script, pool: HttpPool, budget: Budget) -> None:
    server.steps = [answer(200, b"{}", "Set-Cookie: session=abc; Path=/"), OK]
    pool.read(server.url, budget=budget, headers=KEY)
    pool.read(server.url, budget=budget, headers={})
    assert [one.connection for one in server.asked] == [1, 1]
    assert "cookie" not in server.asked[1].headers
    assert "request-key" not in server.asked[1].headers


def test_redirects_are_not_followed(server: Script, pool: HttpPool, budget: Budget) -> None:
    server.steps = [answer(302, b"", f"Location: {server.url}/elsewhere")]
    assert pool.read(server.url, budget=budget, headers=KEY).status == 302
    assert len(server.asked) == 1


def test_environment_is_ignored(
    server: Script, pool: HttpPool, budget: Budget, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    assert pool.read(server.url, budget=budget, headers={}).status == 200
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.test/v4",
        "ftp://localhost/",
        "http://127.0.0.1.example.test/",
        "https://user:secret@api.example.test/",
        "http://10.0.0.1/",
    ],
)
def test_plain_http_is_for_this_machine_only(pool: HttpPool, budget: Budget, url: str) -> None:
    with pytest.raises(errors.Internal):
        pool.read(url, budget=budget, headers={})


def test_key_that_cannot_be_a_header_is_refused_unsaid(server: Script, pool: HttpPool, budget: Budget) -> None:
    for value in ("canary-key\r\nX: y", "canary-key\u200b"):
        with pytest.raises(errors.CredentialsRejected) as caught:
            pool.read(server.url, budget=budget, headers={"Request-Key": value})
        assert "canary" not in str(caught.value)
    assert server.asked == []


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that no authority has signed, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(encoding))
    return path


@pytest.fixture
def tls_server(self_signed: Path) -> Iterator[Script]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed)
    with loopback(context) as script:
        yield script


def test_unknown_certificate_is_refused_and_nothing_is_sent(
    tls_server: Script, self_signed: Path, pool: HttpPool, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even an environment that trusts it counts; and a write then certainly was not made."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(self_signed))
    with pytest.raises(errors.PmsUnavailable):
        pool.write("POST", tls_server.url, budget=budget, headers=KEY, body={})
    assert tls_server.asked == []


def test_deadline_holds_over_tls(tls_server: Script, self_signed: Path, pool: HttpPool) -> None:
    pool._process().session.verify = str(self_signed)
    assert pool.read(tls_server.url, budget=seconds(5), headers={}).status == 200
    tls_server.steps = [drip(tls_server, OK)]
    begin = time.monotonic()
    with pytest.raises(errors.BudgetSpent):
        pool.read(tls_server.url, budget=seconds(0.4), headers={})
    assert time.monotonic() - begin < 2.5


def test_no_budget_no_call(server: Script, pool: HttpPool) -> None:
    with pytest.raises(errors.BudgetSpent):
        pool.write("POST", server.url, budget=seconds(0), headers={}, body={})
    assert server.asked == []


def test_a_thread_can_tell_whether_it_has_gone_out(server: Script, pool: HttpPool, budget: Budget) -> None:
    server.steps = [hang_up, OK]
    counts = [calls_of_this_thread()]
    with pytest.raises(errors.BudgetSpent):
        pool.read(server.url, budget=seconds(0), headers={})
    counts.append(calls_of_this_thread())
    other = threading.Thread(target=lambda: pool.read(server.url, budget=budget, headers={}))
    other.start()
    other.join()
    counts.append(calls_of_this_thread())
    pool.read(server.url, budget=budget, headers={})
    counts.append(calls_of_this_thread())
    assert [count - counts[0] for count in counts] == [0, 0, 0, 1]
    assert len(server.asked) == 3


@pytest.mark.parametrize("dripped", ["status line", "body", "chunked body"])
def test_dripping_answer_ends_at_the_deadline(server: Script, pool: HttpPool, dripped: str) -> None:
    """A time-out per receive would never strike here: a byte comes every 50 ms."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n"
    slow = drip(server, OK if dripped == "status line" else b"x" * 100)

    def step(sock: socket.socket) -> None:
        if dripped != "status line":
            sock.sendall(head if dripped == "body" else chunked)
        slow(sock)

    server.steps = [step]
    begin = time.monotonic()
    with pytest.raises(errors.BudgetSpent):
        pool.read(server.url, budget=seconds(0.4), headers=KEY)
    assert 0.3 < time.monotonic() - begin < 2.5


def test_silent_server_makes_a_write_unknown(server: Script, pool: HttpPool) -> None:
    server.steps = [lambda sock: None]
    with pytest.raises(errors.OutcomeUnknown):
        pool.write("POST", server.url, budget=seconds(0.3), headers=KEY, body={})
    assert len(server.asked) == 1


def test_answer_may_not_be_too_large(server: Script, budget: Budget) -> None:
    pool = HttpPool("SIKKA", max_bytes=1000)
    server.steps = [answer(200, gzip.compress(b"x" * 100_000), "Content-Encoding: gzip")]
    with pytest.raises(errors.UpstreamInvalid):
        pool.read(server.url, budget=budget, headers={})
    with pytest.raises(errors.OutcomeUnknown):
        pool.write("POST", server.url, budget=budget, headers={}, body={})


@pytest.mark.parametrize("failing", [hang_up, answer(503), answer(502), answer(504)])
def test_reads_are_repeated_twice(server: Script, pool: HttpPool, failing: object) -> None:
    server.steps = [failing, failing, OK]  # type: ignore[list-item]
    clock = FakeClock()
    assert pool.read(server.url, budget=Budget(5.0, clock), headers={}).status == 200
    assert len(server.asked) == 3
    first, second = clock.slept
    assert 0.1 <= first <= 0.3
    assert 0.2 <= second <= 0.6


def test_reads_are_not_repeated_for_ever(server: Script, pool: HttpPool) -> None:
    server.steps = [answer(503)]
    assert pool.read(server.url, budget=Budget(5.0, FakeClock()), headers={}).status == 503
    server.steps = [hang_up]
    with pytest.raises(errors.PmsUnavailable):
        pool.read(server.url, budget=Budget(5.0, FakeClock()), headers={})
    assert len(server.asked) == 6


@pytest.mark.parametrize("failing", [hang_up, answer(503), answer(429)])
def test_writes_are_sent_once(server: Script, pool: HttpPool, budget: Budget, failing: object) -> None:
    server.steps = [failing, OK]  # type: ignore[list-item]
    try:
        assert pool.write("POST", server.url, budget=budget, headers={}, body={"a": "b"}).status in (503, 429)
    except errors.OutcomeUnknown:
        assert failing is hang_up
    assert [(one.method, one.body) for one in server.asked] == [("POST", b'{"a": "b"}')]


def test_refused_connection_certainly_made_no_write(pool: HttpPool, budget: Budget) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(errors.PmsUnavailable):
            pool.write("POST", url, budget=budget, headers={}, body={})


@pytest.mark.parametrize("header", ["Retry-After: 3", "X-Rate-Limit-Reset: 3"])
def test_asked_wait_is_kept_once_if_it_fits(server: Script, pool: HttpPool, header: str) -> None:
    server.steps = [answer(429, b"{}", header)]
    clock = FakeClock()
    got = pool.read(server.url, budget=Budget(8.0, clock), headers={})
    assert (got.status, got.wait_hint(), len(server.asked)) == (429, 3, 2)
    assert len(clock.slept) == 1
    assert clock.slept[0] >= 3


@pytest.mark.parametrize("status", [429, 503])
def test_asked_wait_that_does_not_fit_is_not_begun(server: Script, pool: HttpPool, status: int) -> None:
    server.steps = [answer(status, b"{}", "Retry-After: 60")]
    clock = FakeClock()
    assert pool.read(server.url, budget=Budget(8.0, clock), headers={}).status == status
    assert (clock.slept, len(server.asked)) == ([], 1)


@pytest.mark.parametrize("text", ["", "-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "1790000000"])
def test_wait_hint_is_seconds_or_nothing(server: Script, pool: HttpPool, budget: Budget, text: str) -> None:
    server.steps = [answer(200, b"{}", f"Retry-After: {text}")]
    assert pool.read(server.url, budget=budget, headers={}).wait_hint() is None


@pytest.mark.parametrize("step", [hang_up, lambda sock: None, b"garbage canary-patient\r\n\r\n"])
def test_errors_say_nothing_of_the_call(server: Script, pool: HttpPool, step: object) -> None:
    """Neither in their text, nor through the exception that a library raised."""
    server.steps = [step]  # type: ignore[list-item]
    url, params = f"{server.url}/canary-path", {"lastname": "canary-patient"}

    def read() -> object:
        return pool.read(url, budget=seconds(0.4), headers=KEY, params=params)

    def write() -> object:
        return pool.write("POST", url, budget=seconds(0.4), headers=KEY, body=params)

    for call in (read, write):
        with pytest.raises(errors.PmsError) as caught:
            call()
        error = caught.value
        assert error.__cause__ is None
        assert error.__context__ is None
        assert not any(canary in f"{error!r} {error.args} {vars(error)}" for canary in CANARIES)


def test_nothing_is_logged(server: Script, pool: HttpPool, budget: Budget, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG urllib3 would write every URL, and with these headers also at WARNING."""
    server.steps = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon\r\n\r\n{}", OK]
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            pool.read(server.url, budget=budget, headers=KEY, params={"lastname": "canary-patient"})
    assert len(server.asked) == 2
    assert caplog.records == []


def test_waiting_for_a_free_connection_is_part_of_the_budget(server: Script) -> None:
    pool = HttpPool("SIKKA", connections=1)
    entered, leave = threading.Event(), threading.Event()

    def hold(sock: socket.socket) -> None:
        entered.set()
        leave.wait(5)
        sock.sendall(OK)

    server.steps = [hold]
    first = threading.Thread(target=lambda: pool.read(server.url, budget=seconds(5), headers={}))
    first.start()
    assert entered.wait(5)
    begin = time.monotonic()
    with pytest.raises(errors.BudgetSpent):
        pool.write("POST", server.url, budget=seconds(0.2), headers={}, body={})
    assert time.monotonic() - begin < 2.5
    leave.set()
    first.join()
    assert len(server.asked) == 1


def test_threads_share_one_session_and_its_connections(server: Script) -> None:
    pool = HttpPool("SIKKA", connections=3)
    threads = [
        threading.Thread(target=lambda: pool.read(server.url, budget=seconds(5), headers=KEY)) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 12
    assert server.connections <= 3


def test_a_forked_process_gets_its_own_session(pool: HttpPool, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = pool._process()
    assert pool._process() is ours
    monkeypatch.setattr(os, "getpid", lambda: ours.pid + 1)
    theirs = pool._process()
    assert theirs is not ours
    assert theirs.session is not ours.session


def test_one_pool_per_provider() -> None:
    assert pool_for("sikka") is pool_for("SIKKA")
    assert pool_for("KOLLA") is not pool_for("SIKKA")
    assert pool_for("SIKKA").provider == "SIKKA"
