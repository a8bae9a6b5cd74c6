"""The sandbox's room of the mode pipecat_daily: a page whose sound and picture go to the worker by WebRTC.

Only the introduction of the two passes through here, as JSON; the media go straight from browser to worker. The token
in the page's address opens one room, and nothing here answers without it.
"""

from __future__ import annotations

from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lib.api.endpoint import THREADS, load_json, read_body, said
from lib.errors import GreenroomError
from lib.wiring import Services

BODY_LIMIT = 200_000
STATIC = Path(__file__).parent / "rtc_static"
FILES = {"room.js": "text/javascript", "room.css": "text/css"}


def routes(services: Services) -> list[BaseRoute]:
    """The page, its two files, and what it asks. None of them where no sandbox is embedded."""
    if services.sandbox_app is None:
        return []

    def opens(request: Request) -> bool:
        token = request.query_params.get("t", "") or request.headers.get("x-room-token", "")
        return services.pipecat.opens(request.path_params["session"], token)

    async def page(request: Request) -> Response:
        if not opens(request):
            return said(404, "There is no such room.", "It may be over. Open the session in Greenroom.")
        return FileResponse(STATIC / "room.html", headers={"cache-control": "no-store"})

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            return Response(status_code=404)
        return FileResponse(STATIC / name, media_type=FILES[name])

    async def offer(request: Request) -> Response:
        given = await _given(request)
        if given is None or not opens(request):
            return said(404, "There is no such room.", "It may be over.")
        sdp, kind = str(given.get("sdp", "")), str(given.get("type", ""))
        answer = await to_thread.run_sync(
            services.pipecat.describe, request.path_params["session"], sdp, kind, limiter=THREADS
        )
        if answer is None:
            return said(503, "The worker did not answer.", "Reload the page; if it stays so, start again.")
        return JSONResponse(dict(answer))

    async def say(request: Request) -> Response:
        given = await _given(request)
        if given is None or not opens(request):
            return said(404, "There is no such room.", "It may be over.")
        text = str(given.get("text", "")).strip()[:2000]
        heard = bool(text) and services.pipecat.say(request.path_params["session"], text)
        return Response(status_code=204 if heard else 409)

    return [
        Route("/sandbox/rtc/files/{name}", file),
        Route("/sandbox/rtc/{session}", page),
        Route("/sandbox/rtc/{session}/offer", offer, methods=["POST"]),
        Route("/sandbox/rtc/{session}/say", say, methods=["POST"]),
    ]


async def _given(request: Request) -> dict[str, object] | None:
    try:
        value = load_json(await read_body(request, BODY_LIMIT))
    except GreenroomError:
        return None
    return value if isinstance(value, dict) else None
