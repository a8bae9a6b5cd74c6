"""Pipecat's Tavus service with what it lacks: limits on the call, and failures that are said.

The stock service (pipecat-ai 1.13 and 1.14) creates a conversation without a limit on its length, swallows a refusal
into one line of log, and goes on without a face. Here the conversation carries all three of Tavus's timers and our
name, its id is told the moment it exists, and every failure ends the worker with its cause.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import aiohttp
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.tavus.video import TavusVideoService
from pipecat.transports.tavus.transport import TavusApi, TavusCallbacks, TavusParams, TavusTransportClient

from lib.bot.telling import Teller
from lib.clients import unreached
from lib.worker import Event, WorkerPlan

ECHO_PERSONA = "pipecat0"
"""Tavus's stock persona that speaks what it is sent (https://docs.tavus.io/sections/integrations/pipecat)."""


class TavusRefused(Exception):
    """Tavus did not make the conversation, or it is not known whether it did."""


class GuardedApi(TavusApi):
    """Makes one conversation, as the plan says, and sees to it that it is ended: `settle` is called at the last."""

    def __init__(self, plan: WorkerPlan, session: aiohttp.ClientSession, teller: Teller) -> None:
        super().__init__(plan.tavus_key, session)
        self.BASE_URL = plan.tavus_base_url
        self._plan = plan
        self._teller = teller
        self._making: asyncio.Task[dict[str, Any]] | None = None
        self._ended = False

    async def create_conversation(self, replica_id: str, persona_id: str) -> dict[str, Any]:
        """Billed from this moment. Sent once: nothing here or above repeats it. Raises Refused.

        Whoever waits may be cancelled, but not what was sent: its answer names the conversation to end.
        """
        self._making = asyncio.create_task(self._create(replica_id, persona_id))
        return await asyncio.shield(self._making)

    async def end_conversation(self, conversation_id: str) -> None:
        """End it. Raises aiohttp.ClientError, TimeoutError."""
        await super().end_conversation(conversation_id)
        self._ended = True

    async def settle(self) -> None:
        """Wait for a start that is under way, and end what it made unless that was done. What fails is the parent's."""
        if self._making is None or self._ended:
            return
        with contextlib.suppress(TavusRefused, aiohttp.ClientError, TimeoutError):
            made = await self._making
            await self.end_conversation(made["conversation_id"])

    async def _create(self, replica_id: str, persona_id: str) -> dict[str, Any]:
        plan = self._plan
        body = {
            "replica_id": replica_id,
            "persona_id": persona_id,
            "conversation_name": plan.name,
            "properties": {
                "max_call_duration": plan.max_call_s,
                "participant_absent_timeout": plan.absent_s,
                "participant_left_timeout": plan.left_s,
            },
            **({"callback_url": plan.callback_url} if plan.callback_url else {}),
        }
        try:
            async with self._session.post(f"{self.BASE_URL}/conversations", headers=self._headers, json=body) as answer:
                text = await answer.text()
                status, kind = answer.status, answer.headers.get("content-type", "")
        except aiohttp.ConnectionTimeoutError:
            self._teller.fail("not_sent", "Tavus can't be reached.", why=unreached.SILENT.code)
            raise TavusRefused from None
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            self._teller.fail("not_sent", "Tavus can't be reached.", why=_why(error))
            raise TavusRefused from None
        except (aiohttp.ClientError, TimeoutError):
            self._teller.fail("ambiguous", "Tavus gave no clear answer to the start.")
            raise TavusRefused from None
        if status >= 300:
            self._teller.fail("tavus_refused", f"Tavus answered {status}.", status=status, body=text[:2000], kind=kind)
            raise TavusRefused
        return self._made(text)

    def _made(self, text: str) -> dict[str, Any]:
        import json

        try:
            made: dict[str, Any] = json.loads(text)
            told = {"id": made["conversation_id"], "url": made["conversation_url"]}
        except (ValueError, KeyError, TypeError):
            self._teller.fail("ambiguous", "Tavus answered in a form that can't be used.")
            raise TavusRefused from None
        self._teller.tell(Event.CONVERSATION, **told)
        return made


def _why(error: aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError) -> str:
    """The code of what kept a connection from coming about."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return unreached.of_tls(error.certificate_error).code
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return unreached.PROXY.code
    if isinstance(error, aiohttp.ClientSSLError):
        return unreached.NO_TLS.code
    return (unreached.DNS if isinstance(error, aiohttp.ClientConnectorDNSError) else unreached.REFUSED).code


class GuardedClient(TavusTransportClient):
    """The stock client with a guarded way to Tavus."""

    def __init__(self, plan: WorkerPlan, session: aiohttp.ClientSession, api: GuardedApi, **settings: Any) -> None:
        super().__init__(
            api_key=plan.tavus_key, replica_id=plan.replica_id, persona_id=ECHO_PERSONA, session=session, **settings
        )
        self._api = api


class GuardedTavusVideo(TavusVideoService):
    """The stock service with a guarded client, which says when the replica is there and when it does not come."""

    def __init__(self, plan: WorkerPlan, session: aiohttp.ClientSession, teller: Teller, api: GuardedApi) -> None:
        super().__init__(api_key=plan.tavus_key, replica_id=plan.replica_id, persona_id=ECHO_PERSONA, session=session)
        self._plan = plan
        self._api = api
        self._teller = teller
        self._replica = asyncio.Event()
        self._waiting: asyncio.Task[None] | None = None

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """As the stock service does it, but with a client that fails aloud."""
        await super(TavusVideoService, self).setup(setup)
        self._client = GuardedClient(
            self._plan,
            self._session,
            self._api,
            bot_name="Pipecat",
            callbacks=TavusCallbacks(
                on_joined=self._on_joined,
                on_participant_joined=self._on_participant_joined,
                on_participant_left=self._on_participant_left,
            ),
            params=TavusParams(audio_in_enabled=True, video_in_enabled=True, audio_out_faster_than_realtime=True),
        )
        await self._client.setup(setup)
        if self._client.conversation_id is None:
            self._teller.fail("tavus_setup", "The room of the avatar could not be opened.")
            return
        self._waiting = asyncio.create_task(self._expect_replica())
        await self._client.join()

    async def cleanup(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        await super().cleanup()

    async def _expect_replica(self) -> None:
        try:
            await asyncio.wait_for(self._replica.wait(), self._plan.replica_within_s)
        except TimeoutError:
            told = f"The room was made, but no avatar came into it within {self._plan.replica_within_s:.0f} s."
            self._teller.fail("no_replica", told)

    async def _on_participant_joined(self, participant: Any) -> None:
        await super()._on_participant_joined(participant)
        if not self._replica.is_set():
            self._replica.set()
            self._teller.tell(Event.REPLICA)
