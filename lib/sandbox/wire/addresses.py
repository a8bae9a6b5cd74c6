"""Addresses of files that the real service would download. The sandbox downloads nothing: an address says it all."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit


def parts_of(address: str) -> SplitResult | None:
    """The address in its parts; None if it is none that anything could be downloaded from."""
    try:
        parts = urlsplit(address)
        return parts if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def unreachable(address: str) -> bool:
    """True for a host under `.invalid`, a name that is reserved for never being there, and for what is no address."""
    parts = parts_of(address)
    return parts is None or f".{parts.hostname}".endswith(".invalid")


def suffix_of(address: str) -> str:
    """The ending of the file's name, in small letters with its dot; "" if there is none."""
    parts = parts_of(address)
    return PurePosixPath(parts.path.lower()).suffix if parts else ""


def name_from(address: str) -> str:
    """What a document is called that was given no name: its file's name, else its host's."""
    parts = parts_of(address)
    return (unquote(PurePosixPath(parts.path).name) or parts.hostname or address) if parts else address
