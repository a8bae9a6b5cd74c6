"""The room's documents: the page itself, the notices for a closed door, the files they load.

The templates hold `{{marks}}`; whatever fills them is escaped here, once. The page's settings travel as a JSON data
block, which a browser never runs, and the script puts them on screen as text only.
"""

from __future__ import annotations

import hashlib
import html
import json
import secrets
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse

from lib.sandbox.replicas import faces
from lib.sandbox.room.view import CallView
from lib.sandbox.room.words import language_tag
from lib.sandbox.wire.assets import Asset, loaded

_FOLDER = Path(__file__).parent / "static"
_LOADED = ("room.css", "room.js", "avatar.js", "speech.js", "devices.js", "beat.js")

GREEN_SCREEN = "rgb(0,255,155)"
"""`apply_greenscreen` asks for this ground, to be keyed out: https://docs.tavus.io/api-reference/conversations."""

MAX_MESSAGE = 2000


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """The files that the page loads, by name."""
    found = {name: _FOLDER / name for name in _LOADED}
    spec = find_spec("font_manrope")  # without it the page falls back on the system's own typeface
    if spec is not None and spec.origin is not None:
        found["manrope.ttf"] = Path(spec.origin).parent / "files" / "Manrope-VariableFont_wght.ttf"
    return {name: loaded(path) for name, path in found.items() if path.is_file()}


def names(view: CallView) -> tuple[str, str, str]:
    """Replica id, who you will meet, and as what: the replica's and the persona's names, in either vocabulary."""
    replica, persona = view.replica, view.persona
    replica_id = str(replica.get("replica_id") or replica.get("face_id") or "")
    who = str(replica.get("replica_name") or replica.get("face_name") or faces.NAMES.get(replica_id, "")).strip()
    part = str(persona.get("persona_name") or persona.get("pal_name") or "").strip()
    return replica_id, who or part or "The avatar", part


def page(view: CallView) -> HTMLResponse:
    """The room, with a policy of its own: nothing from outside, no inline script, one inline style by its nonce."""
    replica_id, who, part = names(view)
    one, nonce = faces.look(replica_id), secrets.token_urlsafe(12)
    settings: dict[str, Any] = {
        "id": view.conversation_id,
        "name": view.name,
        "who": who,
        "part": part,
        "lang": language_tag(view.language),
        "audioOnly": view.audio_only,
        "maxMessage": MAX_MESSAGE,
    }
    kind = "audio" if view.audio_only else "video"
    return _document(
        "room.html",
        nonce=nonce,
        title=html.escape(f"{who}: {view.name}" if view.name else who),
        who=html.escape(who),
        part=html.escape(part),
        replica=html.escape(replica_id, quote=True) or "none",
        kind=kind + (" greenscreen" if view.greenscreen else ""),
        ground=GREEN_SCREEN if view.greenscreen else one.ground[1],
        halo=GREEN_SCREEN if view.greenscreen else one.halo[1],
        figure=faces.figure(replica_id),
        settings=json.dumps(settings).replace("<", "\\u003c"),
    )


def notice(status: int, title: str, text: str) -> HTMLResponse:
    """A page that says why there is no room to show."""
    answer = _document("notice.html", nonce="", title=html.escape(title), text=html.escape(text))
    answer.status_code = status
    return answer


@lru_cache(maxsize=4)
def _template(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _version() -> str:
    return hashlib.sha256("".join(one.etag for one in assets().values()).encode()).hexdigest()[:10]


def _document(name: str, *, nonce: str, **marks: str) -> HTMLResponse:
    text = _template(name)
    filled = []
    for i, piece in enumerate(text.split("{{")):
        mark, closed, rest = piece.partition("}}")
        filled.append(piece if i == 0 or not closed else {**marks, "nonce": nonce, "version": _version()}[mark] + rest)
    return HTMLResponse("".join(filled), headers={"content-security-policy": _policy(nonce), **_HEADERS})


_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def _policy(nonce: str) -> str:
    style = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src {style}; img-src 'self' data:; font-src 'self'; "
        "media-src 'self' blob:; connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*"
    )
