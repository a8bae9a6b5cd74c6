"""Addresses as people write them, and as they are used. Each function raises ValueError for what is none."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from lib.models import is_loopback


def _web_url(text: str) -> SplitResult:
    """The parts of a plain http(s) address; ValueError for a user name, a query, a space or a wrong port."""
    parts = urlsplit(text)
    plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and "\\" not in text
    if not plain or parts.query or parts.fragment or re.search(r"\s", text) or parts.port == 0:
        raise ValueError
    return parts


def tavus(text: str) -> str:
    """Where Tavus answers, ending in /v2; https, unless on this machine, as the key goes there."""
    parts = _web_url(text)
    if parts.scheme != "https" and not is_loopback(parts.hostname):
        raise ValueError
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith('/v2') else path + '/v2'}"


def plain(text: str) -> str:
    """An http(s) address without a slash at its end, or ""."""
    return _web_url(text).geturl().rstrip("/") if text else ""


def public(text: str) -> str:
    """The same, with a host that browsers can open."""
    if text:
        host(text)
    return plain(text)


def host(text: str) -> str:
    """`[scheme://]name[:port]` of an address or a part of one, as browsers write it; ValueError for a pattern."""
    scheme = f"{text.partition('://')[0].lower()}://" if "://" in text else ""
    if not scheme and text.count(":") > 1 and "[" not in text:
        text = f"[{text}]"
    parts = _web_url(text if scheme else f"http://{text}")
    name = (parts.hostname or "").removesuffix(".")
    name = f"[{ipaddress.IPv6Address(name)}]" if ":" in name else name.encode("idna").decode()
    if not re.fullmatch(r"\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
        raise ValueError
    return f"{scheme}{name}{f':{parts.port}' if parts.port else ''}"


def hosts(text: str) -> str:
    """Hosts apart by blanks, each once; given apart by commas, semicolons or blanks."""
    return " ".join(dict.fromkeys(host(one) for one in re.split(r"[\s,;]+", text) if one))
