"""`/callbacks/tavus/{secret}`: Tavus's callbacks are unsigned, so each is a hint to look, and nothing more.

One that is answered with 204 is on the disk. One that came before is answered so too, since whoever sends it again has
not heard of the first answer; nothing is written or looked at for it. Every refusal is one line in the log. The secret
is in no line of any log: a server that logs addresses finds this one without it.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from lib.api.endpoint import THREADS, error_answer, read_body
from lib.errors import BadInput, GreenroomError, NotFound
from lib.services.callbacks.address import PATH
from lib.services.callbacks.inbox import Taken
from lib.wiring import Services

log = logging.getLogger(__name__)

BODY_LIMIT = 1 << 20
READ_HERE = 8 * 1024
"""Bytes of a body that are read on the spot: handing a small one to a thread takes longer than reading it."""
METHODS = ["POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
REFUSED = {
    Taken.NO_SESSION: NotFound("There is no such session.", code="no_session"),
    Taken.OTHER_CALL: BadInput("The callback names another conversation.", code="other_conversation"),
}


def routes(services: Services) -> list[BaseRoute]:
    async def receive(request: Request) -> Response:
        secret = request.path_params["secret"]
        hide(request)
        try:
            session_id = services.callbacks.session_of(secret)
            if session_id is None:
                log.warning("a callback was refused: wrong_secret")
                return Response(status_code=404)
            if request.method != "POST":
                log.warning("a callback was refused: wrong_method")
                return Response(status_code=405, headers={"allow": "POST"})
            body = await read_body(request, BODY_LIMIT)
            taken = await asyncio.wrap_future(await _received(services, session_id, body))
        except GreenroomError as error:
            log.warning("a callback was refused: %s", error.code)
            return error_answer(error)
        if taken is Taken.AGAIN:
            log.warning("a callback was refused: it came before, and changes nothing")
        elif taken is not Taken.NEW:
            log.warning("a callback was refused: %s", taken)
            return error_answer(REFUSED[taken])
        return Response(status_code=204)

    return [Route(PATH + "{secret:path}", receive, methods=METHODS)]


def hide(request: Request) -> None:
    """Take the secret out of the address that the server logs when it has answered."""
    request.scope["path"] = PATH + "hidden"
    request.scope["raw_path"] = request.scope["path"].encode()
    request.scope["query_string"] = b""


async def _received(services: Services, session_id: str, body: bytes) -> Future[Taken]:
    if len(body) <= READ_HERE:
        return services.callbacks.receive(session_id, body)
    return await to_thread.run_sync(services.callbacks.receive, session_id, body, limiter=THREADS)
