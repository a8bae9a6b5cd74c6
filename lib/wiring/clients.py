"""Clients and the database from the settings, and whose account that is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from lib.clients import rooms
from lib.clients.chat import ChatClient
from lib.clients.daily import Daily
from lib.clients.tavus import Tavus
from lib.clients.transport import SentRequest
from lib.models import is_loopback
from lib.redaction import Redaction
from lib.settings import Loaded, Settings, secret_values
from lib.store.database import Store

SANDBOX_ACCOUNT = "sandbox"
SANDBOX_KEY = SecretStr("sandbox")
DEFAULT_DATABASE = "sqlite:///data/greenroom.db"


def store_of(loaded: Loaded, root: Path) -> Store:
    return Store(loaded.settings.database_url.get_secret_value() or DEFAULT_DATABASE, root=root)


def tavus_client(
    loaded: Loaded, recorder: Callable[[SentRequest], None] | None = None, redaction: Redaction | None = None
) -> Tavus:
    """The client. A key is sent nowhere while the address that was meant for it can't be read."""
    unsure = any(problem.name == "TAVUS_BASE_URL" for problem in loaded.problems)
    settings = loaded.settings
    base_url, key = "" if unsure else settings.tavus_base_url, settings.tavus_api_key or SANDBOX_KEY
    return Tavus(base_url=base_url, api_key=key, recorder=recorder, redaction=redaction or Redaction(keys_of(loaded)))


def chat_client(settings: Settings) -> ChatClient | None:
    if not settings.chat_base_url:
        return None
    return ChatClient(base_url=settings.chat_base_url, api_key=settings.chat_api_key, model=settings.chat_model)


def daily_client(settings: Settings) -> Daily | None:
    """None without a key, and on the sandbox, whose rooms are no rooms of Daily's."""
    return Daily(api_key=settings.daily_api_key) if settings.daily_api_key and not settings.sandbox else None


def keys_of(loaded: Loaded) -> list[str]:
    """Every key, token and password among the settings, which may stand in nothing that is kept or said."""
    return list(secret_values(loaded.settings))


def account_of(loaded: Loaded) -> str:
    """`sandbox`, or the base URL with a fingerprint of the key, which tells accounts apart and gives nothing away."""
    key, url = loaded.settings.tavus_api_key, urlsplit(loaded.settings.tavus_base_url)
    # A command speaks to the sandbox inside a dashboard from outside: the account is the same.
    if key is None or (key == SANDBOX_KEY and is_loopback(url.hostname) and url.path == "/sandbox/v2"):
        return SANDBOX_ACCOUNT
    return f"{loaded.settings.tavus_base_url}#{hashlib.sha256(key.get_secret_value().encode()).hexdigest()[:12]}"


def on_this_machine(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname)


@lru_cache(maxsize=8)
def own_rooms(base_url: str) -> tuple[str, ...]:
    """Origins of the rooms of a sandbox on this machine; none where Tavus itself is called."""
    return rooms.loopback_origins(base_url) if on_this_machine(base_url) else ()
