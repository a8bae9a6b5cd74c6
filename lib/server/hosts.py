"""Which requests are meant for this server: by the host that they name, and by the page that they come from.

A site can let its own name lead to this machine (DNS rebinding). To the browser, a page of that site and this server
are then one origin, so the name in `Host` is all that tells. A page of another origin names itself in `Origin`.
Headers that a proxy adds say nothing here: whoever sends a request can write them.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

HEALTH = "/_stcore/health"
USUAL_PORT = {"http": 80, "https": 443}
SPELLINGS = {"127.0.0.1", "localhost", "::1"}
"""To a browser these are sites of their own, but a page and its parts may come from any of them."""
JSON_UNDER = ("/api", "/callbacks/")
MOST_LOGGED = 50

_SITE = re.compile(
    r"(?:(?P<scheme>https?)://)?"
    r"(?:\[(?P<ip6>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::(?P<port>[0-9]{0,5}))?"
)


class Site(NamedTuple):
    """`scheme` is "" and `port` None where they are not said; `name` is in small letters, without a dot at its end."""

    scheme: str
    name: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Site | None:
        """The site in `[scheme://]name[:port]`; None for all else, such as a path or a user's name."""
        found = _SITE.fullmatch(text.lower())
        if found is None or int(found["port"] or 0) > 65_535:
            return None
        scheme, name = found["scheme"] or "", found["name"] or _ip6(found["ip6"])
        return cls(scheme, name, int(found["port"]) if found["port"] else USUAL_PORT.get(scheme)) if name else None

    @property
    def loopback(self) -> bool:
        """True for this machine's own names. Nobody can own a name under `.localhost` (RFC 6761)."""
        try:
            return ipaddress.ip_address(self.name).is_loopback
        except ValueError:
            return self.name == "localhost" or self.name.endswith(".localhost")


def _ip6(text: str) -> str:
    """The one way of writing it, that of IPv4 for what is mapped from it; "" for no address."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return ""
    return str(address.ipv4_mapped or address)


class Refused(NamedTuple):
    message: str
    hint: str


class HostCheck:
    """Refuses what is not meant for this server with 403, before anything else sees it; health is told to everybody.

    `own` is where the server is reached, such as http://127.0.0.1:8501. `allowed` are further sites as `Site.parse`
    takes them: a request may name each, and come from each. One without a port stands for the usual ones.
    """

    def __init__(self, app: ASGIApp, *, own: str, allowed: Iterable[str] = ()) -> None:
        self.app = app
        sites = {site for site in map(Site.parse, allowed) if site}
        here = Site.parse(own)
        self._names = {site.name for site in sites} | ({here.name} if here else set())
        self._origins = {(scheme, site.name, site.port or USUAL_PORT[scheme])
                         for site in sites for scheme in ((site.scheme,) if site.scheme else USUAL_PORT)}  # fmt: skip
        self._logged: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or (scope["type"] == "http" and scope["path"] == HEALTH):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._refused(scope, headers.getlist("host"), headers.getlist("origin"))
        if refused is None:
            await self.app(_agreeing(scope, headers), receive, send)
            return
        self._tell(refused)
        await _answer(scope, refused)(scope, receive, send)

    def _refused(self, scope: Scope, hosts: list[str], origins: list[str]) -> Refused | None:
        host = Site.parse(hosts[0]) if len(hosts) == 1 else None
        # A target that is a whole address names a host of its own.
        if host is None or host.scheme or not scope["path"].startswith("/"):
            return Refused("The request does not say in one plain name which server it is for.", _open(scope))
        if not host.loopback and host.name not in self._names:
            hint = f"{_open(scope)} If {host.name} is meant to lead to Greenroom, set ALLOWED_HOSTS={_text(host.name)}"
            return Refused(f"Greenroom does not answer under the name {host.name}.", _then(hint))
        if not origins:
            return None
        origin = Site.parse(origins[0]) if len(origins) == 1 else None
        if origin is None or not origin.scheme:
            return Refused("The request comes from a page that does not say its address.", _open(scope))
        if self._ours(host, origin):
            return None
        port = "" if origin.port == USUAL_PORT[origin.scheme] else f":{origin.port}"
        address = f"{origin.scheme}://{_text(origin.name)}{port}"
        hint = f"If that is where you open Greenroom, as behind a proxy, set ALLOWED_HOSTS={address}"
        return Refused(f"The request comes from a page of {address}, which is not Greenroom's.", _then(hint))

    def _ours(self, host: Site, origin: Site) -> bool:
        if (origin.scheme, origin.name, origin.port) in self._origins:
            return True
        if host.name != origin.name and not {host.name, origin.name} <= SPELLINGS:
            return False
        if host.port is not None:
            return host.port == origin.port
        # Where a name is known to be on https, its page on http may be anybody's on the way.
        secured = origin.scheme == "http" and ("https", host.name, 443) in self._origins
        return origin.port == USUAL_PORT[origin.scheme] and not secured

    def _tell(self, refused: Refused) -> None:
        """One line in the log for each cause, and not without end: others choose the names."""
        if refused.message not in self._logged and len(self._logged) < MOST_LOGGED:
            self._logged.add(refused.message)
            log.warning("A request was refused. %s %s", *refused)


def _agreeing(scope: Scope, headers: Headers) -> Scope:
    """The handshake of a socket with the host that its page has.

    Streamlit compares the two as texts. Where they differ it asks the network for this machine's address, with the
    event loop standing still for seconds, and refuses what we allowed, as behind a proxy that names another host.
    """
    host = headers.get("origin", "").partition("://")[2]
    if scope["type"] != "websocket" or host in ("", headers["host"]):
        return scope
    rest = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "headers": [(b"host", host.encode("latin-1")), *rest]}


def _answer(scope: Scope, refused: Refused) -> Response:
    if scope["path"].startswith(JSON_UNDER):
        return JSONResponse({"error": refused.message, "hint": refused.hint}, 403)
    text = f"{refused.message}\n\nNothing was done. {refused.hint}\n"
    return PlainTextResponse(text, 403, {"cache-control": "no-store"})


def _open(scope: Scope) -> str:
    port = (scope.get("server") or ("", None))[1]
    return f"On the machine that runs Greenroom, open http://localhost{f':{port}' if port else ''}."


def _then(hint: str) -> str:
    return f"{hint} in .env (several are set apart by commas) and restart Greenroom."


def _text(name: str) -> str:
    return f"[{name}]" if ":" in name else name
