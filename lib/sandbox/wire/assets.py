"""Files and pictures that a browser may keep."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

_TYPES = {".css": "text/css", ".js": "text/javascript", ".ttf": "font/ttf"}
"""Fixed: Windows may call a script `text/plain`."""


@dataclass(frozen=True)
class Asset:
    body: bytes
    media_type: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


def loaded(path: Path) -> Asset:
    return Asset(path.read_bytes(), _TYPES[path.suffix])


def keeping(max_age_s: int) -> dict[str, str]:
    """The headers of what a browser may keep for so long."""
    return {"cache-control": f"public, max-age={max_age_s}", "x-content-type-options": "nosniff"}


def kept(request: Request, asset: Asset, *, max_age_s: int) -> Response:
    """The asset, or 304 where the browser still has it."""
    etag = asset.etag
    headers = {"etag": etag, **keeping(max_age_s)}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type=asset.media_type, headers=headers)
