"""What a replica looks like: `GET /faces/{replica_id}.svg`, its portrait, and `.webm`, the same person alive.

The films are drawn once from the room's own figure and movement (`python -m tests.draw_previews`) and lie in
`previews/`; they loop without a seam, have no sound and answer range requests.
"""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from lib.sandbox.replicas import faces
from lib.sandbox.wire.assets import Asset, keeping, kept

FOLDER = Path(__file__).parent / "previews"
DAY_S = 86_400


def routes() -> list[BaseRoute]:
    return [Route("/faces/{replica_id}.svg", _portrait), Route("/faces/{replica_id}.webm", _preview)]


def addresses(base: str, replica_id: str) -> dict[str, str]:
    """Where both are found, as a replica's row tells it. `base` is the sandbox's, with its slash."""
    return {
        "thumbnail_video_url": f"{base}faces/{replica_id}.webm",
        "thumbnail_image_url": f"{base}faces/{replica_id}.svg",
    }


async def _portrait(request: Request) -> Response:
    replica_id = str(request.path_params["replica_id"])
    drawn = faces.face_svg(replica_id, name=faces.NAMES.get(replica_id, ""), square="square" in request.query_params)
    return kept(request, Asset(drawn.encode(), "image/svg+xml"), max_age_s=DAY_S)


async def _preview(request: Request) -> Response:
    film = FOLDER / f"{faces.drawing(str(request.path_params['replica_id']))}.webm"
    return FileResponse(film, media_type="video/webm", headers=keeping(DAY_S))
