"""The security headers of every answer.

Plain ASGI: Starlette's BaseHTTPMiddleware would put a task and a queue between the server and each request.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.server import index_page

DAILY = "https://*.daily.co"
TAVUS_MEDIA = "https://*.tavus.io"
"""Where Tavus keeps the pictures and films of replicas: https://cdn.replica.tavus.io/..."""


@lru_cache(maxsize=1)
def script_hashes() -> tuple[str, ...]:
    """CSP sources for the inline scripts of the page that is served."""
    inline = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", index_page.served(), re.DOTALL)
    return tuple(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inline)


def policy(*, frames: Sequence[str] = (), media: Sequence[str] = (), ancestors: Sequence[str] = ()) -> str:
    """The Content-Security-Policy. `frames`, `media` and `ancestors` are origins allowed besides our own.

    `blob:` is there for inline components of Streamlit, which draw nothing without it. `connect-src 'self'` covers
    the websocket of the same host.
    """
    rules = {
        "default-src": ["'self'"],
        "script-src": ["'self'", "blob:", *script_hashes()],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:", *media],
        "media-src": ["'self'", "data:", "blob:", *media],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'", "blob:"],
        "frame-src": ["'self'", *frames],
        "frame-ancestors": ["'self'", *ancestors],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
    }
    # A CSP can't name an IPv6 address: browsers ignore such a source and complain of it.
    told = {name: dict.fromkeys(source for source in sources if "[" not in source) for name, sources in rules.items()}
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in told.items())


def own_spellings(port: int) -> tuple[str, str]:
    """This server's origin in both loopback spellings: to a browser they are two sites."""
    return f"http://127.0.0.1:{port}", f"http://localhost:{port}"


class SecurityHeaders:
    """Adds the headers that an answer does not carry already: a route that is stricter keeps its own.

    `frames` are the origins whose rooms may be drawn (Daily's always may); `media` those whose pictures and films
    may be shown besides Tavus's. `sandbox` says that rooms and faces also come from this server itself, then allowed
    in both loopback spellings. The port is read from each connection, because it may move at start.
    """

    def __init__(
        self, app: ASGIApp, *, frames: Sequence[str] = (), media: Sequence[str] = (), sandbox: bool = False
    ) -> None:
        self.app = app
        self._frames, self._media, self._sandbox = (DAILY, *frames), (TAVUS_MEDIA, *media), sandbox
        self._policies: dict[int, str] = {}

    def _policy(self, scope: Scope) -> str:
        port = int((scope.get("server") or ("", 0))[1] or 0) if self._sandbox else 0
        if port not in self._policies:
            own = own_spellings(port) if port else ()
            self._policies[port] = policy(
                frames=(*self._frames, *own), media=(*self._media, *own), ancestors=own
            )  # fmt: skip
        return self._policies[port]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", self._policy(scope))
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "same-origin")
            await send(message)

        await self.app(scope, receive, guarded)
