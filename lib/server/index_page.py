"""Streamlit's index.html with one script of ours ahead of its own, which hears a click before any component is there.

A component's script comes long after the menu is drawn. What was clicked by then waits for it.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.server.inner_parts import InnerPart

_HEAD = "<head>"
# `again` is set by the component of lib/ui/shell/menu.py, which takes up what is `waiting` then. Streamlit runs the
# page with the address as it is first, hence the timer.
_SCRIPT = """
const menu = window.greenroomMenu = { again: null, waiting: false };
addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-testid=stSidebarNav] a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  menu.waiting = new URL(link.href).pathname === location.pathname && location.search !== "";
  setTimeout(() => menu.again?.());
}, true);
"""
_UNSENT = (b"if-none-match", b"if-modified-since", b"accept-encoding", b"range")


INDEX = InnerPart(
    "Streamlit's index.html",
    "A click on the menu before it listens is lost, and the inline scripts of its own page stay forbidden.",
)


@lru_cache(maxsize=1)
def installed() -> str:
    """The index.html of the Streamlit that is installed; "" where it is not found."""
    return INDEX.reach(_index) or ""


def _index() -> str:
    spec = find_spec("streamlit")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("Streamlit is not a folder of files")
    return (Path(spec.origin).parent / "static" / "index.html").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def served() -> str:
    """The index page with the script, which is in braces of its own: index.html's other scripts share their names."""
    return installed().replace(_HEAD, f"{_HEAD}<script>{{{_SCRIPT}}}</script>", 1)


class EarlyScript:
    """Sends `served` wherever the server would send index.html; every other answer passes as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._length = str(len(installed().encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or b"text/html" not in dict(scope["headers"]).get(b"accept", b""):
            await self.app(scope, receive, send)
            return
        ours = False

        async def replaced(message: Message) -> None:
            nonlocal ours
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                html = headers.get("content-type", "").startswith("text/html")
                ours = html and headers.get("content-length") == self._length
                if ours:
                    headers["content-length"] = str(len(served().encode()))
                    del headers["etag"], headers["last-modified"]
            elif ours and scope["method"] != "HEAD":
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": served().encode()}
            await send(message)

        # A browser may hold the page as Streamlit alone sends it: it is never told that this one still counts.
        headers = [(name, value) for name, value in scope["headers"] if name not in _UNSENT]
        await self.app({**scope, "headers": headers}, receive, replaced)
