"""What `requests` and `urllib3` do not offer: a deadline over a whole answer, and whether a request can have left.

`urllib3` applies its read time-out to each receive, so an answer that drips in lasts as long as the server likes.
Here every receive gets only what is left until the call's deadline. Both facts belong to the call of the current
thread, because `requests` sends in the thread that asks.

Importing this module also silences urllib3's loggers: at DEBUG they write every URL, and a malformed answer writes it
at WARNING, and URLs to a PMS hold names and ids of patients.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
import threading
import time
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

# A filter rather than a level, because logging configuration resets levels.
for _name in ("connectionpool", "connection", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(lambda _record: False)

_SHORTEST_WAIT = 0.001  # seconds; 0 would switch the socket to non-blocking


class _Wire(threading.local):
    """The state of the current thread's call."""

    def __init__(self) -> None:
        self.calls = 0
        self._deadline = 0.0
        self._connecting = False

    def begin(self, seconds: float) -> None:
        """Start a call that may last ``seconds``."""
        self.calls += 1
        self._deadline = time.monotonic() + seconds
        self._connecting = False

    def left(self) -> float:
        """Return the seconds left, never 0."""
        return max(_SHORTEST_WAIT, self._deadline - time.monotonic())

    def is_late(self) -> bool:
        """Return whether the call's time is over."""
        return time.monotonic() >= self._deadline

    def is_connecting(self) -> bool:
        """Return whether the call ended between opening its connection and the first byte sent.

        ``False`` also where that is not known, such as on a connection that was open already.
        """
        return self._connecting

    def connect_begins(self) -> None:
        self._connecting = True

    def send_begins(self) -> None:
        self._connecting = False


wire = _Wire()


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes, each receive bounded by the deadline of the call."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._sock.settimeout(wire.left())
        return cast("int | None", cast(Any, self._raw).readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    """An answer that is read within the deadline, from the status line on."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_DeadlineReader(sock, raw))


class _Connection(HTTPConnection):
    """A connection that notes when it begins to connect and when it begins to send."""

    response_class = _DeadlineResponse

    def connect(self) -> None:
        wire.connect_begins()
        super().connect()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        wire.send_begins()
        super().send(data)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS; the handshake and the check of the certificate count as connecting."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class DeadlineAdapter(HTTPAdapter):
    """A transport whose connections keep the deadline that `wire` holds. It never repeats a request by itself."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
