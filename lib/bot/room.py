"""Where the call is held: a Daily room, or a browser of this machine by WebRTC (the sandbox's way)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from lib.bot.telling import Teller
from lib.worker import Event, WorkerPlan

WIDTH, HEIGHT = 1280, 720


class WorkerRoom(Protocol):
    """`transport` is Pipecat's. `on_viewer(coming)` is called when somebody comes in, and when nobody is left."""

    transport: Any

    def offered(self, question: str, sdp: str, kind: str) -> None: ...


class DailyRoom:
    """The plan's Daily room, which the bot enters as its owner."""

    def __init__(self, plan: WorkerPlan, teller: Teller, on_viewer: Callable[[bool], Awaitable[None]]) -> None:
        from pipecat.transports.daily.transport import DailyParams, DailyTransport

        self.transport = DailyTransport(
            plan.room_url,
            plan.room_token or None,
            "Avatar",
            DailyParams(
                audio_in_enabled=True,
                audio_out_enabled=True,
                video_out_enabled=True,
                video_out_is_live=True,
                video_out_width=WIDTH,
                video_out_height=HEIGHT,
                audio_out_auto_silence=False,
            ),
        )
        present: set[str] = set()

        @self.transport.event_handler("on_joined")  # type: ignore[untyped-decorator]
        async def joined(_: Any, data: Any) -> None:
            teller.tell(Event.ROOM)

        @self.transport.event_handler("on_participant_joined")  # type: ignore[untyped-decorator]
        async def came(_: Any, participant: Any) -> None:
            present.add(participant["id"])
            if len(present) == 1:
                await on_viewer(True)

        @self.transport.event_handler("on_participant_left")  # type: ignore[untyped-decorator]
        async def went(_: Any, participant: Any, reason: str) -> None:
            present.discard(participant["id"])
            if not present:
                await on_viewer(False)

        @self.transport.event_handler("on_error")  # type: ignore[untyped-decorator]
        async def failed(_: Any, error: Any) -> None:
            teller.fail("daily_join", f"The Daily room could not be joined: {str(error)[:2000]}")

    def offered(self, question: str, sdp: str, kind: str) -> None:
        """A Daily room needs no introduction: its browser speaks to Daily."""


class BrowserRoom:
    """One browser of this machine. Its description of itself comes by a command, and ours goes back by an event.

    A second browser, or the same one after a reload, takes the place of the first.
    """

    def __init__(self, plan: WorkerPlan, teller: Teller, on_viewer: Callable[[bool], Awaitable[None]]) -> None:
        from pipecat.transports.base_transport import TransportParams
        from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
        from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport

        from lib.bot.face import HEIGHT as FACE_HEIGHT
        from lib.bot.face import WIDTH as FACE_WIDTH

        self._teller = teller
        self._connection = SmallWebRTCConnection()
        self.transport = SmallWebRTCTransport(
            self._connection,
            TransportParams(
                audio_in_enabled=True,
                audio_out_enabled=True,
                video_out_enabled=True,
                video_out_is_live=True,
                video_out_width=FACE_WIDTH,
                video_out_height=FACE_HEIGHT,
                video_out_framerate=25,
            ),
        )
        self._tasks: set[asyncio.Task[None]] = set()

        @self.transport.event_handler("on_client_connected")  # type: ignore[untyped-decorator]
        async def came(_: Any, client: Any) -> None:
            await on_viewer(True)

        @self.transport.event_handler("on_client_disconnected")  # type: ignore[untyped-decorator]
        async def went(_: Any, client: Any) -> None:
            await on_viewer(False)

    def offered(self, question: str, sdp: str, kind: str) -> None:
        """A browser wants in."""
        task = asyncio.create_task(self._describe(question, sdp, kind))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _describe(self, question: str, sdp: str, kind: str) -> None:
        if self._connection.get_answer() is None:
            await self._connection.initialize(sdp, kind)
            await self._connection.connect()
        else:
            await self._connection.renegotiate(sdp, kind, restart_pc=True)
        answer = self._connection.get_answer() or {}
        self._teller.tell(Event.DESCRIBED, id=question, sdp=answer.get("sdp", ""), type=answer.get("type", ""))
