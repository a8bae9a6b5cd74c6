"""The avatar of the sandbox: a drawn face that blinks, breathes and moves its mouth with its own sound."""

from __future__ import annotations

import asyncio
import math
import random
import struct
import time
from collections.abc import Sequence

from PIL import Image, ImageDraw
from pipecat.frames.frames import CancelFrame, EndFrame, Frame, OutputImageRawFrame, StartFrame, TTSAudioRawFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

WIDTH, HEIGHT, RATE = 640, 360, 25
SCALE = 2
"""Drawn twice as large and made smaller: the edges are smooth then."""

GROUND, HALO, SHOULDERS, COLLAR = "#1C3A31", "#2B5447", "#0F6B4E", "#F4F1EA"
SKIN, SHADE, BLUSH, HAIR = "#E8B48C", "#D99F78", "#E9A184", "#5E3526"
INK, IRIS, LIPS, WHITE = "#2A1C16", "#4A6B4F", "#A8463F", "#FFFFFF"
"""The colours of the faces that the sandbox draws for its replicas."""


class DrawnAvatar(FrameProcessor):
    """Passes sound on and draws what fits to it, 25 times a second from the start of the pipeline to its end."""

    def __init__(self) -> None:
        super().__init__()
        self._drawing: asyncio.Task[None] | None = None
        self._loud: list[tuple[float, float]] = []
        self._sounds_until = 0.0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            await self.push_frame(frame, direction)
            self._drawing = asyncio.create_task(self._draw())
            return
        if isinstance(frame, TTSAudioRawFrame):
            self._hear(frame)
        elif isinstance(frame, EndFrame | CancelFrame):
            self._stop()
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        self._stop()
        await super().cleanup()

    def _stop(self) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
            self._drawing = None

    def _hear(self, frame: TTSAudioRawFrame) -> None:
        """Sound comes faster than it is played: each piece is put behind the one before it."""
        now = time.monotonic()
        begins = max(now, self._sounds_until)
        step = frame.sample_rate // RATE
        samples = struct.unpack(f"<{len(frame.audio) // 2}h", frame.audio)
        for index in range(0, len(samples), step):
            self._loud.append((begins + index / frame.sample_rate, loudness(samples[index : index + step])))
        self._sounds_until = begins + len(samples) / frame.sample_rate

    async def _draw(self) -> None:
        begun, blink_at, blinking_until, mouth = time.monotonic(), 2.0, 0.0, 0.0
        for number in range(1 << 62):
            at = number / RATE
            await asyncio.sleep(max(0.0, begun + at - time.monotonic()))
            if at >= blink_at:
                blinking_until = at + 0.14
                blink_at = at + random.uniform(2.2, 5.0)  # noqa: S311 - a blink guards nothing
            mouth += (self._now() - mouth) * 0.55
            picture = draw(mouth, closed=at < blinking_until, breath=math.sin(at * 1.4))
            await self.push_frame(OutputImageRawFrame(image=picture, size=(WIDTH, HEIGHT), format="RGB"))

    def _now(self) -> float:
        """How loud it is now, from 0 to 1."""
        now = time.monotonic()
        while len(self._loud) > 1 and self._loud[1][0] <= now:
            self._loud.pop(0)
        if not self._loud or self._loud[0][0] > now or now > self._sounds_until:
            return 0.0
        return self._loud[0][1]


def loudness(samples: Sequence[int]) -> float:
    """From 0, silence, to 1."""
    if not samples:
        return 0.0
    power = math.sqrt(sum(value * value for value in samples) / len(samples))
    return min(1.0, power / 6000)


def draw(mouth: float, *, closed: bool, breath: float) -> bytes:
    """One picture as RGB bytes. `mouth` is from 0, shut, to 1, wide open."""
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), GROUND)
    pen = _Pen(ImageDraw.Draw(image), WIDTH / 2, breath * 2)
    pen.oval(-190, -60, 190, 320, HALO, moves=False)
    pen.block(-86, 34, 86, 262, 84, HAIR)
    pen.oval(-150, 276, 150, 560, SHOULDERS)
    pen.shape([(-46, 290), (0, 330), (46, 290), (30, 268), (-30, 268)], COLLAR)
    pen.block(-23, 218, 23, 292, 20, SHADE)
    pen.block(-64, 66, 64, 244, 62, SKIN)
    pen.shape([(-66, 146), (-56, 100), (-20, 82), (18, 104), (66, 148), (66, 60), (0, 48), (-66, 60)], HAIR)
    for side in (-1, 1):
        _eye(pen, side * 29, closed)
        pen.oval(side * 44 - 13, 178, side * 44 + 13, 196, BLUSH)
    pen.line([(2, 158), (5, 178), (-3, 180)], SHADE, 3)
    _mouth(pen, mouth)
    return image.reduce(SCALE).tobytes()


def _eye(pen: _Pen, x: float, closed: bool) -> None:
    pen.line([(x - 13, 131), (x, 127), (x + 13, 131)], HAIR, 4)
    if closed:
        pen.line([(x - 10, 150), (x, 153), (x + 10, 150)], INK, 3)
        return
    pen.oval(x - 10, 141, x + 10, 157, WHITE)
    pen.oval(x - 6, 142, x + 6, 156, IRIS)
    pen.oval(x - 3, 145, x + 3, 153, INK)
    pen.line([(x - 11, 145), (x, 139), (x + 11, 145)], INK, 3)


def _mouth(pen: _Pen, mouth: float) -> None:
    """A smile where it rests, an oval where it speaks."""
    if mouth < 0.08:
        pen.line([(-17, 203), (-8, 208), (8, 208), (17, 203)], LIPS, 4)
        return
    tall, wide = 5 + mouth * 20, 19 - mouth * 4
    pen.oval(-wide, 206 - tall / 2, wide, 206 + tall / 2, LIPS)
    pen.oval(-wide + 4, 206 - tall / 2 + 3, wide - 4, 206 + tall / 2 - 3, INK)
    if mouth > 0.35:
        pen.block(-wide + 6, 206 - tall / 2 + 3, wide - 6, 206 - tall / 2 + 7, 2, WHITE)


class _Pen:
    """Draws at the head's own place: `x` counts from its middle, all of it rises and sinks with the breath."""

    def __init__(self, on: ImageDraw.ImageDraw, middle: float, lift: float) -> None:
        self._on = on
        self._middle = middle
        self._lift = lift

    def oval(self, left: float, top: float, right: float, bottom: float, colour: str, *, moves: bool = True) -> None:
        self._on.ellipse(self._box(left, top, right, bottom, moves), fill=colour)

    def block(self, left: float, top: float, right: float, bottom: float, round_: float, colour: str) -> None:
        self._on.rounded_rectangle(self._box(left, top, right, bottom, True), round_ * SCALE, fill=colour)

    def shape(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        self._on.polygon([self._at(*point) for point in points], fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        self._on.line([self._at(*point) for point in points], fill=colour, width=int(width * SCALE), joint="curve")

    def _at(self, x: float, y: float, moves: bool = True) -> tuple[float, float]:
        return (self._middle + x) * SCALE, (y + (self._lift if moves else 0)) * SCALE

    def _box(self, left: float, top: float, right: float, bottom: float, moves: bool) -> list[float]:
        return [*self._at(left, top, moves), *self._at(right, bottom, moves)]
