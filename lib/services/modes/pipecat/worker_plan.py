"""What a worker is told: the call, its limits, its persona, and the services with their keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import SecretStr

from lib.services.modes.mode import CallPlan
from lib.services.modes.phoenix import PhoenixRest
from lib.services.modes.pipecat.open_call import OpenCall
from lib.settings import Settings
from lib.worker import Service, WorkerPlan

REPLICA_WITHIN_S = 30.0
DAILY_KEY = "DAILY_API_KEY"


def missing_keys(given: Settings) -> tuple[str, ...]:
    """The settings that a call in this mode needs and does not have. None on the sandbox.

    The keys of the speech services are the worker's alone: in a cluster they are in its Secret, and not needed here.
    """
    if given.sandbox:
        return ()
    wanted: dict[str, object] = {DAILY_KEY: given.daily_api_key, "CHAT_BASE_URL": given.chat_base_url}
    if given.in_cluster:
        wanted |= {
            "WORKER_IMAGE": given.worker_image,
            "CARTESIA_VOICE_ID": given.cartesia_voice_id or given.elevenlabs_voice_id,
        }
    else:
        wanted |= {
            "DEEPGRAM_API_KEY": given.deepgram_api_key,
            "CARTESIA_API_KEY and CARTESIA_VOICE_ID": _cartesia(given) or _elevenlabs(given),
        }
    return tuple(name for name, value in wanted.items() if not value)


@dataclass(frozen=True)
class WorkerPlans:
    """`tavus_address`: Tavus and the key for it."""

    settings: Settings
    phoenix: PhoenixRest
    tavus_address: Callable[[], tuple[str, SecretStr]]

    def for_browser(self, plan: CallPlan) -> WorkerPlan:
        """A call with a browser of this machine, on the sandbox."""
        return replace(
            self._common(plan),
            transport="rtc",
            stt=Service("whisper"),
            llm=Service("parent"),
            tts=Service("packaged"),
        )

    def for_room(self, plan: CallPlan, call: OpenCall, token: str) -> WorkerPlan:
        """A call in the room that was made for it, which the worker enters with `token`."""
        given = self.settings
        return replace(
            self._common(plan),
            transport="daily",
            room_url=call.room.url if call.room else "",
            room_token=token,
            stt=Service("deepgram", _secret(given.deepgram_api_key)),
            llm=Service("openai", _secret(given.chat_api_key), given.chat_base_url, given.chat_model),
            tts=self._voice(),
        )

    def _common(self, plan: CallPlan) -> WorkerPlan:
        """What is the same for every room; the transport is still to be named."""
        session = plan.session
        base_url, key = self.tavus_address()
        part = plan.part
        instructions = "\n\n".join(filter(None, (part.get("system_prompt"), part.get("context"), plan.call.context)))
        return WorkerPlan(
            session_id=session.id,
            name=plan.name,
            transport="",
            tavus_base_url=base_url,
            tavus_key=key.get_secret_value(),
            replica_id=session.replica_id,
            max_call_s=session.max_call_s,
            absent_s=plan.absent_s,
            left_s=plan.left_s,
            replica_within_s=REPLICA_WITHIN_S,
            system_prompt=instructions,
            greeting=plan.call.greeting or part.get("greeting", ""),
            language=plan.call.language,
            callback_url=self.phoenix.callback_url(session.id),
        )

    def _voice(self) -> Service:
        given = self.settings
        if _cartesia(given):
            return Service("cartesia", _secret(given.cartesia_api_key), voice=given.cartesia_voice_id)
        return Service("elevenlabs", _secret(given.elevenlabs_api_key), voice=given.elevenlabs_voice_id)


def _cartesia(given: Settings) -> bool:
    return bool(given.cartesia_voice_id and (given.cartesia_api_key or given.in_cluster))


def _elevenlabs(given: Settings) -> bool:
    return bool(given.elevenlabs_voice_id and given.elevenlabs_api_key)


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""
