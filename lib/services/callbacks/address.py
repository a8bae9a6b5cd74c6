"""The address that a session's callbacks come to: its last part names the session, and proves that we made it."""

from __future__ import annotations

import hmac

from lib.store.database import Store

PATH = "/callbacks/tavus/"


def secret_of(store: Store, session_id: str) -> str:
    """The last part, by the database's own key. Raises StoreRefused."""
    return callback_secret(store.meta("callback_secret"), session_id)


def callback_secret(key: str, session_id: str) -> str:
    """The last part, by this key."""
    return f"{session_id}.{hmac.digest(key.encode(), session_id.encode(), 'sha256').hex()[:40]}"
