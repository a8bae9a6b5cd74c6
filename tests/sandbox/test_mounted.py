"""The sandbox inside another app, called by that very app: the way Greenroom runs it."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from lib import sandbox
from tests.sandbox_server import KEY, QUICK, RunningSandbox, serve


def through(request: Request) -> JSONResponse:
    """A sync handler, so it runs in the server's thread pool, that calls the server it runs in."""
    url = f"{request.base_url}sandbox/v2/personas?limit=100"
    return JSONResponse(requests.get(url, headers={"x-api-key": KEY}, timeout=5).json()["total_count"])


@pytest.fixture
def mounted() -> Iterator[RunningSandbox]:
    inner = sandbox.create(reply=lambda persona, context, turns: "", timing=QUICK)
    with serve(Starlette(routes=[Route("/through", through), Mount("/sandbox", inner)])) as url:
        running = RunningSandbox(f"{url}/sandbox", inner.state.sandbox)
        yield running
        running.http.close()
    inner.state.sandbox.close()


def test_addresses_in_answers_carry_the_mount(mounted: RunningSandbox) -> None:
    url = mounted.create()["conversation_url"]
    assert url.startswith(f"{mounted.url}/room/c")
    assert requests.get(url, timeout=5).status_code == 200
    portrait = mounted.call("GET", "/replicas/r90bbd427f71").json()["thumbnail_image_url"]
    assert portrait == f"{mounted.url}/faces/r90bbd427f71.svg"
    assert requests.get(portrait, timeout=5).headers["content-type"].startswith("image/svg+xml")


def test_paths_in_the_log_are_below_the_mount(mounted: RunningSandbox) -> None:
    mounted.call("GET", "/personas/")
    assert mounted.routes() == ["GET /v2/personas/"]


def test_unknown_paths_and_methods_answer_the_sandboxs_pages(mounted: RunningSandbox) -> None:
    assert "<html" in mounted.call("GET", "/phoenix").text
    assert mounted.call("PUT", "/personas").status_code == 405


def test_sixty_handlers_that_call_their_own_server_all_answer(mounted: RunningSandbox) -> None:
    url = mounted.url.removesuffix("/sandbox") + "/through"
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda _: requests.get(url, timeout=10).json(), range(60)))
    assert answers == [6] * 60
