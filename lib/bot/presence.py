"""Tells the sandbox that somebody is in the room of a call.

Its browser speaks to the worker and not to the sandbox, which would take the room for empty and end the call.
"""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp

BEAT_EVERY_S = 5.0


class Presence:
    """`room_url` is the room that belongs to the conversation, of which only its presence is used. A sandbox that does
    not answer is no reason to end a call: its own timer ends it then."""

    def __init__(self, http: aiohttp.ClientSession, room_url: str) -> None:
        self._http = http
        self._room_url = room_url
        self._beating: asyncio.Task[None] | None = None

    def came(self) -> None:
        if self._beating is None:
            self._beating = asyncio.create_task(self._beat())

    async def left(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
            await self._say("leave")

    async def _beat(self) -> None:
        await self._say("join")
        while True:
            await asyncio.sleep(BEAT_EVERY_S)
            await self._say("beat")

    async def _say(self, what: str) -> None:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.post(f"{self._room_url}/{what}"):
                return
