"""One call from its plan to its end: the pipeline, who is in the room, when it is over."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import LLMMessagesAppendFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.workers.runner import WorkerRunner

from lib.bot.brain import ParentBrain
from lib.bot.presence import Presence
from lib.bot.room import BrowserRoom, DailyRoom, WorkerRoom
from lib.bot.services import hearing, speaking, thinking
from lib.bot.tavus import GuardedApi, GuardedTavusVideo, TavusRefused
from lib.bot.telling import Teller
from lib.worker import Command, Event, WorkerPlan

SETUP_WITHIN_S = 60.0
"""A Daily room that can't be joined says so after 19 s, in the pipeline's set-up; the library gives up after 20."""


class WorkerCall:
    """Runs one session. `stop` ends it from any thread of this loop."""

    def __init__(self, plan: WorkerPlan, teller: Teller) -> None:
        self._plan = plan
        self._teller = teller
        self._over = asyncio.Event()
        self._reason = "ended_here"
        self._leaving: asyncio.TimerHandle | None = None
        self._greeted = False
        self._worker: PipelineWorker | None = None
        self._brain: ParentBrain | None = None
        self._room: WorkerRoom | None = None
        self._presence: Presence | None = None

    async def run(self) -> int:
        """Hold the call. 0 if it ended by a wish or a limit, 3 if it failed; then an error was told."""
        plan = self._plan
        if self._over.is_set():
            self._teller.tell(Event.ENDED, reason=self._reason)
            return 0
        # A proxy of the environment counts, except towards this machine itself.
        limits, outside = aiohttp.ClientTimeout(total=30, connect=5), plan.tavus_base_url.startswith("https://")
        async with aiohttp.ClientSession(timeout=limits, trust_env=outside) as http:
            api = GuardedApi(plan, http, self._teller)
            try:
                if plan.transport == "rtc":
                    # No room of Tavus's is entered here, but the conversation is made and ended like any other.
                    made = await api.create_conversation(plan.replica_id, "")
                    self._presence = Presence(http, str(made["conversation_url"]))
                return await self._held(http, api)
            except TavusRefused:
                return 3
            finally:
                if self._presence is not None:
                    await self._presence.left()
                await api.settle()

    def stop(self, reason: str) -> None:
        """End it; only the first reason counts."""
        if not self._over.is_set():
            self._reason = reason
            self._over.set()

    async def command(self, told: dict[str, Any]) -> None:
        """What the parent wants; an unknown command does nothing."""
        match told.get("command"):
            case Command.STOP:
                self.stop("ended_here")
            case Command.SAY if self._worker is not None:
                text = str(told.get("text", ""))
                self._teller.tell(Event.TURN, role="user", text=text)
                said = {"role": "user", "content": text}
                await self._worker.queue_frames([LLMMessagesAppendFrame(messages=[said], run_llm=True)])
            case Command.ANSWER if self._brain is not None:
                text = str(told.get("text", ""))
                if self._brain.answered(str(told.get("id", "")), text):
                    self._teller.tell(Event.TURN, role="assistant", text=text)
            case Command.OFFER if self._room is not None:
                self._room.offered(str(told.get("id", "")), str(told.get("sdp", "")), str(told.get("type", "")))

    async def _held(self, http: aiohttp.ClientSession, api: GuardedApi) -> int:
        plan, loop = self._plan, asyncio.get_running_loop()
        room: WorkerRoom = (DailyRoom if plan.transport == "daily" else BrowserRoom)(plan, self._teller, self._viewer)
        self._room = room
        self._worker = worker = self._pipeline(room, http, api)
        if plan.transport == "rtc":
            self._teller.tell(Event.ROOM)
        limits = [
            loop.call_later(plan.max_call_s, self.stop, "max_call_duration"),
            loop.call_later(plan.absent_s, self._nobody_came),
        ]
        runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
        await runner.add_workers(worker)
        running = asyncio.create_task(runner.run())
        waits = [asyncio.create_task(self._over.wait()), asyncio.create_task(self._teller.failed.wait())]
        try:
            await asyncio.wait([running, *waits], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for limit in limits:
                limit.cancel()
            await worker.cancel()
            for task in waits:
                task.cancel()
            await asyncio.wait([running], timeout=10)
        if self._teller.failed.is_set():
            return 3
        self._teller.tell(Event.ENDED, reason=self._reason)
        return 0

    def _pipeline(self, room: WorkerRoom, http: aiohttp.ClientSession, api: GuardedApi) -> PipelineWorker:
        plan = self._plan
        instructions = [{"role": "system", "content": plan.system_prompt}] if plan.system_prompt else []
        pair = LLMContextAggregatorPair(
            LLMContext(instructions), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
        )
        user, assistant = pair.user(), pair.assistant()
        if plan.llm.kind == "parent":
            self._brain = ParentBrain(self._teller)
        if plan.transport == "daily":
            avatar: Any = GuardedTavusVideo(plan, http, self._teller, api)
        else:
            from lib.bot.face import DrawnAvatar

            avatar = DrawnAvatar()
        parts = [
            room.transport.input(),
            hearing(plan.stt),
            user,
            self._brain or thinking(plan.llm),
            speaking(plan.tts),
            avatar,
            room.transport.output(),
            assistant,
        ]

        @user.event_handler("on_user_turn_stopped")  # type: ignore[untyped-decorator]
        async def said(_: Any, strategy: Any, message: Any) -> None:
            if message.content:
                self._teller.tell(Event.TURN, role="user", text=message.content)

        @assistant.event_handler("on_assistant_turn_stopped")  # type: ignore[untyped-decorator]
        async def answered(_: Any, message: Any) -> None:
            # The parent's own answers and the greeting are told when they begin.
            if message.content and self._brain is None and message.content.strip() != plan.greeting.strip():
                self._teller.tell(Event.TURN, role="assistant", text=message.content)

        worker = PipelineWorker(
            Pipeline([part for part in parts if part is not None]),
            params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
            enable_rtvi=False,
            idle_timeout_secs=None,
            setup_timeout_secs=SETUP_WITHIN_S,
        )

        @worker.event_handler("on_pipeline_error")  # type: ignore[untyped-decorator]
        async def broke(_: Any, frame: Any) -> None:
            self._teller.fail("pipeline", f"A part of the call failed: {str(getattr(frame, 'error', frame))[:2000]}")

        return worker

    async def _viewer(self, came: bool) -> None:
        loop = asyncio.get_running_loop()
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if self._presence is not None and came:
            self._presence.came()
        elif self._presence is not None:
            await self._presence.left()
        if not came:
            self._leaving = loop.call_later(max(1, self._plan.left_s), self.stop, "participant_left_timeout")
        elif not self._greeted and self._worker is not None:
            self._greeted = True
            if self._plan.transport == "rtc":
                self._teller.tell(Event.REPLICA)
            if self._plan.greeting:
                self._teller.tell(Event.TURN, role="assistant", text=self._plan.greeting)
                await self._worker.queue_frames([TTSSpeakFrame(self._plan.greeting)])

    def _nobody_came(self) -> None:
        if not self._greeted:
            self.stop("participant_absent_timeout")
