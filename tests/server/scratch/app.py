"""The smallest dashboard with Greenroom's own server parts. STAY=1 in the environment makes a request that stays."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import socket
import threading

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from lib.server import fonts
from lib.server.headers import SecurityHeaders
from lib.server.hosts import HostCheck
from lib.server.memory import Collector
from lib.server.socket import NoDelay
from lib.server.stopping import Deadline


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    collector = Collector()
    collector.start()
    Deadline(grace_s=1.5).install()
    yield
    collector.stop()


def stay(_: Request) -> JSONResponse:
    threading.Event().wait(60)
    return JSONResponse({})


async def strict(_: Request) -> HTMLResponse:
    return HTMLResponse("<p>room</p>", headers={"content-security-policy": "default-src 'none'"})


async def nodelay(request: Request) -> JSONResponse:
    transport = request.receive.__self__.transport  # type: ignore[attr-defined]
    value = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    return JSONResponse({"nodelay": bool(value), "loop": type(transport).__module__})


app = st.App(
    "page.py",
    lifespan=lifespan,
    routes=[*fonts.routes(), Route("/stay", stay), Route("/strict", strict), Route("/nodelay", nodelay)],
    middleware=[
        Middleware(NoDelay),
        Middleware(SecurityHeaders, sandbox=True),
        Middleware(HostCheck, own="http://127.0.0.1"),
    ],
)
