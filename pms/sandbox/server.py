"""HTTP plumbing: sockets, threads, faults. `Sandbox` runs the server in a thread of this process."""

import ipaddress
import socket
from contextlib import suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

from . import control, vapi
from .clock import Clock
from .faults import Fault, Loss
from .message import Answer, Request, as_json
from .routes import dispatch
from .state import StateFile
from .world import REFRESH_LAG, WRITEBACK_DELAY, Settings, World

MAX_BODY = 1024 * 1024
LONGEST_IDLE = 120  # seconds a kept-alive connection may stay silent


class _Server(ThreadingHTTPServer):
    """Knows its world, where that is kept, and its open connections, so that closing it really ends them."""

    daemon_threads = True
    block_on_close = False
    world: World

    def __init__(self, host: str, port: int, state: StateFile | None) -> None:
        self.state = state
        self.stopping = Event()
        self.connections: set[socket.socket] = set()
        self.guard = Lock()
        super().__init__((host, port), _Handler)

    def keep(self) -> None:
        """Have the world outlive this process as it is now; call it before an answer leaves, holding the lock."""
        if self.state:
            self.state.save(self.world)

    def hang_up(self) -> None:
        """Wake every waiting thread and end every connection."""
        self.stopping.set()
        with self.guard:
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet per answer instead of one per header block and body
    timeout = LONGEST_IDLE

    def setup(self) -> None:
        super().setup()
        with self.server.guard:
            self.server.connections.add(self.connection)

    def finish(self) -> None:
        with self.server.guard:
            self.server.connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal: the log is at /_sim/requests."""

    def _serve(self) -> None:
        content = self._content()
        if content is None:
            self.close_connection = True
            self._send(as_json({"error": "body too large or of unknown length"}, 413))
            return
        parts = urlsplit(self.path)
        query = dict(reversed(parse_qsl(parts.query)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, query, headers, content)
        if parts.path.startswith(f"{control.PREFIX}/"):
            self._control(request)
        else:
            self._vendor(request)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve

    def _content(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            return None
        if int(length) > MAX_BODY:
            # Swallow what is on its way: closing on unread bytes would reset the connection before the 413 is read.
            left = min(int(length), 8 * MAX_BODY)
            while left > 0 and (piece := self.rfile.read(min(left, 65536))):
                left -= len(piece)
            return None
        return self.rfile.read(int(length))

    def _control(self, request: Request) -> None:
        if not ipaddress.ip_address(self.client_address[0]).is_loopback:
            self._send(as_json({"error": "loopback only"}, 403))
            return
        world = self.server.world
        with world.lock:
            answer = control.command(world, request)
            self.server.keep()
        self._send(answer)

    def _vendor(self, request: Request) -> None:
        world = self.server.world
        with world.lock:
            life, fault, delay = world.life, world.faults.take(request), world.faults.delay(request)
            if fault:
                self.server.keep()
        if delay:
            self.server.stopping.wait(delay)
        with world.lock:
            answer, hold = self._answer(world, request, fault) if world.life == life else (None, 0.0)
        if answer is None:
            self._say_nothing(hold)
        else:
            self._send(answer)

    def _answer(self, world: World, request: Request, fault: Fault | None) -> tuple[Answer | None, float]:
        """Carry out a request; the answer is None where none is sent, and then comes how long to be silent."""
        if fault and fault.kind in ("timeout", "drop"):
            world.journal.note(world.clock.now(), request, 0)
            return None, fault.hold if fault.kind == "timeout" else 0.0
        now = world.settle()
        answered = _of_vapi if request.path.startswith(f"{vapi.PREFIX}/") else _of_sikka
        answer, loss = answered(world, request, fault)
        world.journal.note(now, request, 0 if loss else answer.status)
        self.server.keep()
        return (None, loss.hold) if loss else (answer, 0.0)

    def _say_nothing(self, hold: float) -> None:
        self.close_connection = True
        if hold:
            self.server.stopping.wait(hold)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, answer: Answer) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.content)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD" and answer.status != 204:
                self.wfile.write(answer.content)
            self.wfile.flush()


def _of_sikka(world: World, request: Request, fault: Fault | None) -> tuple[Answer, Loss | None]:
    return (fault.answer(), None) if fault else dispatch(world, request)


def _of_vapi(world: World, request: Request, fault: Fault | None) -> tuple[Answer, Loss | None]:
    if fault:
        return vapi.broken(fault), None
    answer = vapi.dispatch(world.vapi, request, world.clock.now())
    was_done = answer.status in (200, 201)
    return answer, world.faults.take_loss(request, writes=False) if was_done else None


class Sandbox:
    """A running sandbox: `with Sandbox(writeback_delay=0.2) as sandbox: sandbox.url`.

    Seconds: `writeback_delay` until the office has carried out a write, `refresh_lag` between two copies from the PMS
    to the cloud (0 = at once). `start` sets the sandbox's clock (aware); `seed` chooses the invented people. `state`
    names a file in which everything outlives this process; what is in it already counts more than the other arguments.
    Raises `state.Unusable` for a file that is something else.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        writeback_delay: float = WRITEBACK_DELAY,
        refresh_lag: float = REFRESH_LAG,
        seed: int = 1,
        start: datetime | None = None,
        state: Path | None = None,
    ) -> None:
        self._server = _Server(host, port, StateFile(state) if state else None)
        self.host = host
        self.port: int = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}"
        self.vapi_url = f"{self.url}{vapi.PREFIX}"
        settings = Settings(writeback_delay=writeback_delay, refresh_lag=refresh_lag, seed=seed)
        self.world = self._server.world = World(self.url, settings, Clock(start))
        self._resume()
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        self._thread.start()

    def _resume(self) -> None:
        if self._server.state is None:
            return
        try:
            self._server.state.restore(self.world)
            self._server.keep()
        except BaseException:
            self._server.server_close()
            raise

    def close(self) -> None:
        """Stop at once: no new connection, no open one left. A second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.hang_up()
            self._server.server_close()
            self._thread.join()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()
