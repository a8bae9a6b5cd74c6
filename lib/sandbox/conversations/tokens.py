"""Meeting tokens of private rooms: JWTs as Daily makes them, derived and never stored.

https://docs.tavus.io/sections/conversational-video-interface/conversation/customizations/private-rooms
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets

from lib.sandbox.conversations.model import RoomConversation
from lib.sandbox.state import SandboxState

KIND = "meta"


class Tokens:
    """Signs with a secret that is made once and kept with the state, so that a token outlives a restart."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def make(self, call: RoomConversation) -> str:
        """A meeting token, one and the same for a conversation. Its `exp` is when the wait for a participant ends."""
        header = {"alg": "HS256", "typ": "JWT"}
        claims = {"r": call.conversation_id, "iat": int(call.created_at), "exp": int(call.created_at + call.absent_s)}
        signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
        return f"{signed}.{_part(hmac.new(self._secret(), signed.encode(), hashlib.sha256).digest())}"

    def _secret(self) -> bytes:
        row = self._state.get(KIND, "token")
        if row is None:
            row = {"secret": secrets.token_hex(32)}
            self._state.put(KIND, "token", row)
        return bytes.fromhex(row["secret"])


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
