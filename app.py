"""The one process: the dashboard, the HTTP API, the callbacks, and without a Tavus key the sandbox.

Start it with `python dev.py run`, or with `streamlit run app.py` where the requirements are installed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from anyio import to_thread
from starlette.middleware import Middleware
from starlette.routing import Mount

from lib import wiring
from lib.api.app import routes
from lib.server import fonts, inner_parts
from lib.server.headers import SecurityHeaders
from lib.server.hosts import HostCheck
from lib.server.index_page import EarlyScript
from lib.server.memory import Collector
from lib.server.open_files import allow_many
from lib.server.socket import NoDelay
from lib.server.stopping import Deadline

ROOT = Path(__file__).parent
EVERY_ADDRESS = ("", "0.0.0.0", "::", "localhost")  # noqa: S104 - compared with, not bound

services = wiring.build(ROOT, moved=inner_parts.moved)


def own_address() -> str:
    """Where this process reaches itself."""
    host = str(st.get_option("server.address") or "")
    host = "127.0.0.1" if host in EVERY_ADDRESS else f"[{host}]" if ":" in host else host
    return f"http://{host}:{st.get_option('server.port')}"


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    Deadline().install()
    allow_many()
    await to_thread.run_sync(services.open, own_address())
    wiring.install(services)
    collector = Collector()
    collector.start()
    try:
        yield
    finally:
        collector.stop()
        if told := await to_thread.run_sync(services.left_open):
            print(told, flush=True)
        await to_thread.run_sync(services.close)
        wiring.install(None)


mounts = [Mount("/sandbox", services.sandbox_app)] if services.sandbox_app is not None else []

app = st.App(
    ROOT / "lib" / "ui" / "shell" / "frame.py",
    routes=[*routes(services), *fonts.routes(), *mounts],
    middleware=[
        Middleware(NoDelay),
        Middleware(EarlyScript),
        Middleware(
            SecurityHeaders, frames=services.frame_origins, media=services.frame_origins, sandbox=services.sandbox
        ),
        Middleware(HostCheck, own=own_address(), allowed=services.loaded.settings.hosts),
    ],
    lifespan=lifespan,
)
