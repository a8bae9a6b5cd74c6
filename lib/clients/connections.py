"""Connections that end in time: one deadline from the look-up of the name to the last byte of the answer.

urllib3's limits are for a single read, and a peer that sends a byte now and then never exceeds one. Here every read
and every piece that is sent waits no longer than what is left of the whole.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util.connection import allowed_gai_family, create_connection

from lib.clients import unreached
from lib.clients.unreached import Reason

PIECE = 16 * 1024
"""Bytes that are sent under one limit: what one record of TLS holds, so that no piece waits more than once."""

LONGEST_LINE = 65536
NONE_GIVEN_S = 86_400.0
_lookups: dict[str, Future[list[str]]] = {}
_looking_up = threading.Lock()
_here = threading.local()


class ExchangeDeadline:
    """When an exchange is over, whatever it is doing then: `within_s` seconds from now."""

    def __init__(self, within_s: float) -> None:
        self._at = time.monotonic() + within_s

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._at

    def renew(self, within_s: float) -> None:
        """Let it be over that long after now instead."""
        self._at = time.monotonic() + within_s

    def left_s(self, most_s: float | None = None) -> float:
        """What a single wait may take, `most_s` at most. Raises TimeoutError where nothing is left."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the whole exchange has passed")
        return left if most_s is None else min(left, most_s)


@contextmanager
def ending_at(deadline: ExchangeDeadline) -> Iterator[None]:
    """What this thread connects, sends and receives inside ends at this deadline; an answer that came keeps it."""
    before = getattr(_here, "deadline", None)
    _here.deadline = deadline
    try:
        yield
    finally:
        _here.deadline = before


def _deadline() -> ExchangeDeadline:
    return getattr(_here, "deadline", None) or ExchangeDeadline(NONE_GIVEN_S)


class Unreached(NewConnectionError):
    """Whatever went wrong before the first byte of the request left, which urllib3 does not tell apart."""

    def __init__(self, connection: HTTPConnection, why: Reason) -> None:
        super().__init__(connection, why.told)
        self.why = why


def addresses(host: str, port: int, within_s: float) -> list[str]:
    """The addresses of a name, in the order to try. Raises OSError, TimeoutError.

    A look-up can't be interrupted, so it is made by a thread of its own, one for each name however many wait for it.
    """
    if host == "localhost":
        return _looked_up(host, port)
    with suppress(socket.gaierror):
        return _looked_up(host, port, socket.AI_NUMERICHOST)
    with _looking_up:
        running = _lookups.get(host)
        if running is None:
            running = Future()
            threading.Thread(target=_look_up, args=(host, port, running), name="greenroom-name", daemon=True).start()
            _lookups[host] = running
    return running.result(within_s)


def _look_up(host: str, port: int, running: Future[list[str]]) -> None:
    try:
        running.set_result(_looked_up(host, port))
    except (OSError, ValueError) as error:
        running.set_exception(error)
    finally:
        with _looking_up:
            _lookups.pop(host, None)


def _looked_up(host: str, port: int, flags: int = 0) -> list[str]:
    found = socket.getaddrinfo(host.strip("[]"), port, allowed_gai_family(), socket.SOCK_STREAM, 0, flags)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


class _Reading(io.RawIOBase):
    """What the other side sends. `idle_s`, the socket's own limit, bounds each silence; the deadline bounds all."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw
        self._idle_s = sock.gettimeout()
        self._until = _deadline()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._until.left_s(self._idle_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reply(http.client.HTTPResponse):
    """An answer, or a proxy's to CONNECT."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Reading(sock, self.fp.detach()))

    def _read_status(self) -> tuple[str, int, str]:
        """http.client takes any interim answer but 100 (102, 103) for the whole answer."""
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 101 < status < 200:
                return version, status, reason
            while self.fp.readline(LONGEST_LINE).strip():
                pass


class _Bounded(HTTPConnection):
    response_class = _Reply

    def connect(self) -> None:
        try:
            super().connect()
        except Unreached:
            raise
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise Unreached(self, unreached.of_tls(error)) from None

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        for start in range(0, len(data), PIECE):
            self.sock.settimeout(_deadline().left_s())
            super().send(data[start : start + PIECE])

    def _new_conn(self) -> socket.socket:
        until, why = _deadline(), unreached.DNS
        try:
            found = addresses(self._dns_host, self.port, until.left_s())
        except (OSError, UnicodeError):
            found = []
        for address in found:
            try:
                place, limit_s = (address, self.port), until.left_s(self.timeout)
                return create_connection(place, limit_s, socket_options=self.socket_options)
            except OSError as error:
                why = unreached.SILENT if isinstance(error, TimeoutError) else unreached.REFUSED
        raise Unreached(self, why)

    def _tunnel(self) -> None:
        try:
            super()._tunnel()
        except (OSError, http.client.HTTPException):
            raise Unreached(self, unreached.PROXY) from None


class _BoundedSecure(_Bounded, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _BoundedSecure


POOLS = {"http": _PlainPool, "https": _SecurePool}
"""The classes of pools for a urllib3 `PoolManager`."""
