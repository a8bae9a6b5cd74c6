"""Tavus behind a way that can be made slow: all goes to the sandbox, but for the paths whose answers trickle."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

HOP = ("content-length", "transfer-encoding", "connection", "content-encoding")


@dataclass
class Relay:
    """`slow` holds parts of paths; `trickling` counts the answers that come byte by byte right now."""

    url: str
    slow: set[str] = field(default_factory=set)
    trickling: int = 0
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def relayed(upstream: str) -> Iterator[Relay]:
    class Passing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            if any(part in self.path for part in relay.slow):
                self.trickle()
                return
            # With its Host, by which the sandbox names its rooms.
            given = dict(self.headers.items())
            got = requests.request(self.command, upstream + self.path, data=body, headers=given, timeout=10)
            self.send_response(got.status_code)
            for name, value in got.headers.items():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(got.content)))
            self.end_headers()
            self.wfile.write(got.content)

        do_GET = do_POST = do_PATCH = do_DELETE = pass_on

        def trickle(self) -> None:
            relay.trickling += 1
            with contextlib.suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not relay.stop.wait(0.03):
                    self.wfile.write(b"x")
            relay.trickling -= 1
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Tests read nothing of it."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

    server = Quiet(("127.0.0.1", 0), Passing)
    relay = Relay(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
