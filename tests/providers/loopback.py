"""A real HTTP server on this machine that answers from a script and remembers what it was asked."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

# What to do with one request: bytes to send, or a function that gets the socket. Then the connection goes on.
Step = bytes | Callable[[socket.socket], None]


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Script:
    """The steps for the requests to come, the last one repeated; and the requests that came."""

    url: str
    steps: list[Step] = field(default_factory=lambda: [OK])
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def next_step(self) -> Step:
        return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]


def answer(status: int, body: bytes = b"{}", *headers: str) -> bytes:
    """Return a whole answer as it stands on the wire."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def hang_up(sock: socket.socket) -> None:
    """End the connection without an answer."""
    sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def loopback(context: ssl.SSLContext | None = None) -> Iterator[Script]:
    """Run the server; with ``context`` it speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            script.connections += 1
            self.number = script.connections

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.asked.append(Asked(self.command, self.path, headers, body, self.number))
            step = script.next_step()
            try:
                if isinstance(step, bytes):
                    self.connection.sendall(step)
                else:
                    step(self.connection)
            except OSError:
                self.close_connection = True

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away, or that refuses our certificate, is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    script = Script(f"http{'s' if context else ''}://localhost:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        script.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
