"""An https server on this machine with a certificate authority of its own, as a company's proxy has one."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Secured:
    """`url` has no path; `authority` is the file that makes it trusted; `asked` what was asked, such as "GET /x"."""

    url: str
    authority: Path
    asked: list[str]


@contextmanager
def secured(folder: Path, *, name: str = "127.0.0.1", valid_days: float = 1.0) -> Iterator[Secured]:
    """Answers everything with `{"data": [], "total_count": 0}`. `valid_days` is until when, below 0 for one lapsed."""
    authority = trustme.CA()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(file)
    until = datetime.now(UTC) + timedelta(days=valid_days)
    certificate = authority.issue_cert(name, not_before=until - timedelta(days=30), not_after=until)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    asked: list[str] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            body = b'{"data": [], "total_count": 0}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Tests read nothing of it."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> tuple[ssl.SSLSocket, object]:
            peer, address = super().get_request()
            # A handshake that the other side breaks off is an OSError, after which the server goes on.
            return context.wrap_socket(peer, server_side=True), address

    server = Quiet(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Secured(f"https://127.0.0.1:{server.server_port}", file, asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
