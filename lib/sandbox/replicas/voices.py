"""`/v2/voices`: those of the stock replicas (https://docs.tavus.io/api-reference/voices/list-voices)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.replicas.routes import ReplicaBook
from lib.sandbox.state import Row
from lib.sandbox.wire.responses import page_of


class VoiceRoutes:
    """The handler. It does not block."""

    def __init__(self, replicas: ReplicaBook) -> None:
        self._replicas = replicas

    async def list(self, request: Request) -> Response:
        asked = request.query_params
        search, tag = asked.get("search", "").lower(), asked.get("tag", "").lower()
        rows = [_shown(row) for row in self._replicas.all() if row["replica_type"] == "system"]
        rows = [row for row in rows if search in row["voice_name"]]
        rows = [row for row in rows if not tag or tag in [one["tag_name"].lower() for one in row["tags"]]]
        rows.sort(key=lambda row: str(row["voice_name"]), reverse=asked.get("sort") == "desc")
        return JSONResponse(page_of(request, rows, numbered=True))


def _shown(row: Row) -> Row:
    return {
        "voice_name": row["replica_name"].lower(),
        "replica_id": row["replica_id"],
        "audio_url": None,
        "tags": [{"tag_name": tag} for tag in row["tags"]],
    }
