"""The speech and language services of a plan. Each is imported only when it is used."""

from __future__ import annotations

from typing import Any

from lib.worker import Service


def hearing(service: Service) -> Any:
    """Speech to text, or None where only typing is heard."""
    match service.kind:
        case "deepgram":
            from pipecat.services.deepgram.stt import DeepgramSTTService

            return DeepgramSTTService(api_key=service.key)
        case "whisper":
            from lib.bot.speech import packaged_whisper

            return packaged_whisper()
    return None


def thinking(service: Service) -> Any:
    """A language model at an OpenAI-compatible endpoint."""
    from pipecat.services.openai.llm import OpenAILLMService

    given: dict[str, Any] = {"base_url": service.base_url} if service.base_url else {}
    if service.model:
        given["settings"] = OpenAILLMService.Settings(model=service.model)
    return OpenAILLMService(api_key=service.key or "none", **given)


def speaking(service: Service) -> Any:
    """Text to speech."""
    match service.kind:
        case "cartesia":
            from pipecat.services.cartesia.tts import CartesiaTTSService

            return CartesiaTTSService(api_key=service.key, settings=CartesiaTTSService.Settings(**_chosen(service)))
        case "elevenlabs":
            from pipecat.services.elevenlabs.tts import ElevenLabsTTSService

            return ElevenLabsTTSService(api_key=service.key, settings=ElevenLabsTTSService.Settings(**_chosen(service)))
    from lib.bot.speech import PackagedVoice

    return PackagedVoice()


def _chosen(service: Service) -> dict[str, str]:
    return {name: value for name, value in (("voice", service.voice), ("model", service.model)) if value}
