"""Addresses that are secret for what is in them: a password, a key or a token."""

from __future__ import annotations

from urllib.parse import urlsplit

from lib.redaction.names import names_secret


def signed(text: str) -> bool:
    """True for an address with a password, a key or a token in it."""
    if "://" not in text or not ("@" in text or "=" in text) or any(map(str.isspace, text)):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.password is not None or any(map(_gives_away, parts.query.split("&")))


def unsigned(text: str) -> str:
    """The address without its user and password, its keys and tokens."""
    parts = urlsplit(text)
    query = "&".join(option for option in parts.query.split("&") if not _gives_away(option))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query).geturl()


def _gives_away(option: str) -> bool:
    name, _, value = option.partition("=")
    return bool(value) and names_secret(name)
