"""A server that does to each request what a script says, down to the bytes and to how the connection ends."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Step = Callable[[socket.socket], None]


@dataclass
class Seen:
    """One request as it arrived. Header names are lower-case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer(
    status: int = 200, body: Any = None, headers: Mapping[str, str] | None = None, *, claimed: int | None = None
) -> Step:
    """A whole answer: text and bytes as they are, anything else as JSON. `claimed` lies about the length."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    raw = b"" if body is None else raw
    kind = "text/html" if raw.lstrip()[:1] == b"<" else "application/json"
    fields = {"Content-Type": kind, "Content-Length": str(len(raw) if claimed is None else claimed), **(headers or {})}
    head = f"HTTP/1.1 {status} Scripted\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return lambda peer: peer.sendall(head.encode() + b"\r\n" + raw)


def raw(data: bytes) -> Step:
    return lambda peer: peer.sendall(data)


def then_close(step: Step) -> Step:
    """The step, then the end of the connection."""

    def both(peer: socket.socket) -> None:
        step(peer)
        close(peer)

    return both


def close(peer: socket.socket) -> None:
    """Hang up."""
    peer.shutdown(socket.SHUT_RDWR)


def reset(peer: socket.socket) -> None:
    """Break the connection off, as a machine does that was just restarted."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Not peer.close(): that waits until the file that reads from it is closed too.
    socket.close(peer.detach())


@dataclass
class Scripted:
    """Plays `steps`, one for each request, the last one for all that follow. `seen` is what arrived."""

    port: int
    steps: list[Step] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2"

    def silent(self, peer: socket.socket) -> None:
        """Never answer, until the test ends."""
        self.stop.wait(10)

    def trickle(self, peer: socket.socket) -> None:
        """A byte now and then, each within any time limit for a single read."""
        answer(200, None, claimed=1000)(peer)
        while not self.stop.wait(0.02):
            peer.sendall(b" ")


@contextmanager
def scripted(*steps: Step) -> Iterator[Scripted]:
    """A server on a free port of this machine, gone at the end with all its connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Scripted(listener.getsockname()[1], list(steps))
        peers: list[socket.socket] = []
        threads = [threading.Thread(target=_accept, args=(listener, server, peers))]
        threads[0].start()
        try:
            yield server
        finally:
            server.stop.set()
            # A blocked accept() is woken by a visitor on every platform; closing the listener is not enough on some.
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", server.port), 1).close()
            threads[0].join(5)
            for peer in peers:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
                peer.close()


def _accept(listener: socket.socket, server: Scripted, peers: list[socket.socket]) -> None:
    threads = []
    while True:
        peer, _ = listener.accept()
        if server.stop.is_set():
            peer.close()
            break
        server.connections += 1
        peers.append(peer)
        threads.append(threading.Thread(target=_serve, args=(peer, server)))
        threads[-1].start()
    for peer in peers:
        with contextlib.suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(5)


def _serve(peer: socket.socket, server: Scripted) -> None:
    with contextlib.suppress(OSError):
        reader = peer.makefile("rb")
        with reader:
            while request := _request(reader):
                server.seen.append(request)
                step = server.steps.pop(0) if len(server.steps) > 1 else server.steps[0]
                step(peer)
        peer.shutdown(socket.SHUT_RDWR)


def _request(reader: Any) -> Seen | None:
    """The next request; None at the end of the connection, and for what is not HTTP."""
    if not reader.peek(1)[:1].isalpha():
        return None
    line = reader.readline().decode()
    method, target, _ = line.split()
    headers = {}
    while (line := reader.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Seen(method, target, headers, reader.read(int(headers.get("content-length", "0"))))
