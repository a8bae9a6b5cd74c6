"""`/callbacks/tavus/{secret}`: Tavus's callbacks are unsigned, so each is a hint to look, and nothing more."""

from __future__ import annotations

import hmac
import logging

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from lib.api.endpoint import THREADS, error_answer, load_json, read_body
from lib.errors import BadInput, GreenroomError
from lib.wiring import Services

log = logging.getLogger(__name__)

BODY_LIMIT = 1 << 20


def routes(services: Services) -> list[BaseRoute]:
    async def receive(request: Request) -> Response:
        secret = request.path_params["secret"]
        try:
            body = await read_body(request, BODY_LIMIT)
            known = await to_thread.run_sync(_session_of, services, secret, limiter=THREADS)
            if known is None:
                log.warning("a callback with a wrong secret was refused")
                return Response(status_code=404)
            if not isinstance(load_json(body), dict):
                raise BadInput("A callback is a JSON object.")
            await to_thread.run_sync(services.sessions.hint, known, limiter=THREADS)
        except GreenroomError as error:
            log.warning("a callback was refused: %s", error.code)
            return error_answer(error)
        return Response(status_code=204)

    return [Route("/callbacks/tavus/{secret}", receive, methods=["POST"])]


def _session_of(services: Services, secret: str) -> str | None:
    """The session that this address was made for, if we made it."""
    session_id = secret.partition(".")[0]
    expected = services.sessions.callback_secret(session_id)
    return session_id if hmac.compare_digest(secret.encode(), expected.encode()) else None
