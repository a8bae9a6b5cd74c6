"""Answers from whoever started the worker: Greenroom's own stand-in, or the chat endpoint that it uses."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from lib.bot.telling import Teller
from lib.worker import Event

ANSWER_WITHIN_S = 30.0


class ParentBrain(FrameProcessor):
    """Stands in the place of a language model: asks by an event, and gets the answer by a command."""

    def __init__(self, teller: Teller) -> None:
        super().__init__()
        self._teller = teller
        self._numbers = itertools.count(1)
        self._asked: dict[str, asyncio.Future[str]] = {}
        self._thinking: asyncio.Task[None] | None = None

    def answered(self, question: str, text: str) -> bool:
        """The parent's answer. False for one that comes after an interruption: it is dropped."""
        waiting = self._asked.pop(question, None)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(text)
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            self._drop()
            self._thinking = asyncio.create_task(self._answer(frame))
            return
        if isinstance(frame, InterruptionFrame):
            self._drop()
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        self._drop()
        await super().cleanup()

    def _drop(self) -> None:
        if self._thinking is not None:
            self._thinking.cancel()
            self._thinking = None

    async def _answer(self, frame: LLMContextFrame) -> None:
        question = str(next(self._numbers))
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked[question] = waiting
        self._teller.tell(Event.ASK, id=question, turns=_turns(frame.context.get_messages()))
        try:
            text = await asyncio.wait_for(waiting, ANSWER_WITHIN_S)
        except TimeoutError:
            return
        finally:
            self._asked.pop(question, None)
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(text))
        await self.push_frame(LLMFullResponseEndFrame())


def _turns(messages: list[Any]) -> list[list[str]]:
    """Role and text of what was said, without the instructions."""
    found = []
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        content = message.get("content") if isinstance(message, dict) else None
        if role in ("user", "assistant") and isinstance(content, str):
            found.append([role, content])
    return found
