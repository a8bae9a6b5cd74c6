"""The room: what a `conversation_url` of the sandbox shows, and the few endpoints that its page calls.

`GET /room/{id}` is the page; `GET /room/{id}/state?since=N` tells once a second how the call stands, with the turns
from the N-th on; `POST /room/{id}/join|beat|leave` say that somebody is there; `POST /room/{id}/say {"text"}` answers
`{"reply", "turns"}`. All of them ask for the meeting token (`?t=`) where the call has one. Failures are
`{"error", "hint"}`.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lib.sandbox.room.page import MAX_MESSAGE, assets, names, notice, page
from lib.sandbox.room.view import CallView, Reply, RoomCalls
from lib.sandbox.room.words import ending
from lib.sandbox.wire.assets import kept

logger = logging.getLogger(__name__)

_MAX_BODY = 16_384
_WORKERS = 16
"""Replies that may be worked on at once; they have threads of their own, so that a slow one starves nobody else."""

Handler = Callable[[Request], Awaitable[Response]]


def routes(calls: RoomCalls, reply: Reply, *, reply_limit_s: float = 30.0) -> list[BaseRoute]:
    """The room's routes, relative to where the sandbox is mounted. A reply may take `reply_limit_s` seconds."""
    room = _Room(calls, reply, reply_limit_s)
    return [
        Route("/room-assets/{name}", _asset),
        Route("/room/{conversation_id}", room.page),
        Route("/room/{conversation_id}/state", room.state),
        Route("/room/{conversation_id}/join", room.join, methods=["POST"]),
        Route("/room/{conversation_id}/beat", room.beat, methods=["POST"]),
        Route("/room/{conversation_id}/leave", room.leave, methods=["POST"]),
        Route("/room/{conversation_id}/say", room.say, methods=["POST"]),
    ]


async def _asset(request: Request) -> Response:
    asset = assets().get(str(request.path_params["name"]))
    if asset is None:
        return _refusal(404, "There is no such file.", "Reload the room's page.")
    # The page asks with its version, so a file may be kept for long once it was asked for by that name.
    return kept(request, asset, max_age_s=31_536_000 if "v" in request.query_params else 0)


class _Room:
    def __init__(self, calls: RoomCalls, reply: Reply, reply_limit_s: float) -> None:
        self._calls, self._reply, self._limit_s = calls, reply, reply_limit_s
        self._answering: set[str] = set()
        self._workers: anyio.CapacityLimiter | None = None

    async def page(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return notice(404, "There is no such room", "The address may be old, or the conversation was deleted.")
        if not _admitted(request, view):
            return notice(
                403,
                "You are not allowed to join this meeting",
                "This room is private: its address needs a meeting token, and this one has none that fits.",
            )
        return page(view)

    async def state(self, request: Request) -> Response:
        view = self._view(request)
        return _turned_away(request, view) or self._state(view, _since(request))

    async def join(self, request: Request) -> Response:
        view = self._view(request)
        refused = _turned_away(request, view) or _over(view)
        if refused is None and view is not None:
            self._calls.join(view.conversation_id)
            view = self._view(request)
        return refused or self._state(view, 0)

    async def beat(self, request: Request) -> Response:
        view = self._view(request)
        refused = _turned_away(request, view)
        if refused is None and view is not None:
            self._calls.beat(view.conversation_id)
        return refused or Response(status_code=204)

    async def leave(self, request: Request) -> Response:
        view = self._view(request)
        refused = _turned_away(request, view)
        if refused is None and view is not None:
            self._calls.leave(view.conversation_id)
        return refused or Response(status_code=204)

    async def say(self, request: Request) -> Response:
        view = self._view(request)
        refused = _turned_away(request, view) or _over(view)
        if refused is not None or view is None:
            return refused or _GONE
        if view.joined_at is None:
            return _refusal(409, "Nobody has joined this call yet.", "Join first, then speak.")
        text = await _text(request)
        if isinstance(text, Response):
            return text
        if view.conversation_id in self._answering:
            return _refusal(409, "One answer is still on its way.", "Wait for it, then send this again.")
        self._answering.add(view.conversation_id)
        try:
            return await self._answer(view, text)
        finally:
            self._answering.discard(view.conversation_id)

    async def _answer(self, view: CallView, text: str) -> Response:
        turns = tuple(turn for turn in view.turns if turn[0] in ("user", "assistant"))
        if not turns or turns[-1] != ("user", text):  # a second try of what failed is not said twice
            self._calls.add_turn(view.conversation_id, "user", text)
            turns += (("user", text),)
        if self._workers is None:
            self._workers = anyio.CapacityLimiter(_WORKERS)
        try:
            with anyio.fail_after(self._limit_s):
                said = await anyio.to_thread.run_sync(
                    self._reply, view.persona, view.context, turns, abandon_on_cancel=True, limiter=self._workers
                )
        except TimeoutError:
            return _refusal(504, f"No answer came within {self._limit_s:g} s.", "Send it again.")
        except Exception as error:  # noqa: BLE001 - whoever handed in the reply function has its own errors
            return _refusal(502, *_said_by(error))
        if not said.strip():
            return _refusal(502, "The answer was empty.", "Send it again.")
        self._calls.add_turn(view.conversation_id, "assistant", said)
        after = self._calls.view(view.conversation_id)
        if after is None or not after.active:
            return _over(after) or _GONE
        return JSONResponse({"reply": said, "turns": len(_spoken(after))}, headers=_FRESH)

    def _state(self, view: CallView | None, since: int) -> Response:
        return JSONResponse(_state(view, since), headers=_FRESH)

    def _view(self, request: Request) -> CallView | None:
        return self._calls.view(str(request.path_params["conversation_id"]))


_FRESH = {"cache-control": "no-store"}


def _refusal(status: int, error: str, hint: str) -> JSONResponse:
    return JSONResponse({"error": error, "hint": hint}, status_code=status, headers=_FRESH)


_GONE = _refusal(404, "There is no such room.", "The conversation may have been deleted.")


def _admitted(request: Request, view: CallView) -> bool:
    given = request.query_params.get("t", "")
    return not view.meeting_token or hmac.compare_digest(given.encode(), view.meeting_token.encode())


def _turned_away(request: Request, view: CallView | None) -> Response | None:
    if view is None:
        return _GONE
    if not _admitted(request, view):
        return _refusal(403, "You are not allowed to join this meeting.", "Use the address with the meeting token.")
    return None


def _over(view: CallView | None) -> Response | None:
    if view is None or view.active:
        return None
    end = ending(view.shutdown_reason)
    return _refusal(410, f"The call is over: {end.title}.", "Start a new session to go on.")


def _said_by(error: Exception) -> tuple[str, str]:
    """What an error says for itself. Ours carry `message` and `hint`; any other is a bug and is not quoted."""
    message, hint = getattr(error, "message", ""), getattr(error, "hint", "")
    if isinstance(message, str) and message:
        return message, hint if isinstance(hint, str) and hint else "Send it again."
    logger.error("The reply function failed", exc_info=error)
    return "Something went wrong inside.", "Send it again; the server's log says what it was."


async def _text(request: Request) -> str | Response:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return _refusal(415, "The body is not JSON.", 'Send {"text": "..."} as application/json.')
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BODY:
                return _refusal(413, "The message is too long.", f"Send at most {MAX_MESSAGE} characters.")
        data: Any = json.loads(body)
    except ClientDisconnect:
        return _refusal(400, "The message did not arrive whole.", "Send it again.")
    except ValueError:
        return _refusal(400, "The body is not JSON.", 'Send {"text": "..."}.')
    text = data.get("text") if isinstance(data, dict) else None
    if not isinstance(text, str) or not text.strip():
        return _refusal(400, "There is no text in the message.", 'Send {"text": "..."} with at least one character.')
    text = text.strip().encode("utf-8", "replace").decode()  # lone surrogates can't be stored
    if len(text) > MAX_MESSAGE:
        return _refusal(400, "The message is too long.", f"Send at most {MAX_MESSAGE} characters.")
    return text


def _since(request: Request) -> int:
    given = request.query_params.get("since", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def _spoken(view: CallView) -> list[tuple[str, str]]:
    return [turn for turn in view.turns if turn[0] in ("user", "assistant")]


def _state(view: CallView | None, since: int) -> dict[str, Any]:
    """How the call stands. Durations are seconds; `join_within_s` is null once somebody was in the room.

    `left_s` runs to the call's longest time, `closes_in_s` to when it ends by itself if nobody joins or comes back.
    """
    if view is None:
        return {"status": "ended", "ending": {"title": "The room is gone", "text": "The conversation was deleted."}}
    spoken, end = _spoken(view), ending(view.shutdown_reason)
    joined = view.joined_at is not None
    return {
        "status": "active" if view.active else "ended",
        "joined": joined,
        "elapsed_s": round(view.now - view.joined_at, 1) if view.joined_at is not None else 0.0,
        "left_s": round(max(0.0, view.ends_at - view.now), 1),
        "join_within_s": None if joined else round(max(0.0, view.joins_before - view.now), 1),
        "closes_in_s": round(max(0.0, view.closes_at - view.now), 1),
        "who": names(view)[1],
        "turns": spoken[since:],
        "count": len(spoken),
        "ending": None if view.active else {"title": end.title, "text": end.text},
    }
