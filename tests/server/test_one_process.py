"""One process that calls itself: the embedded sandbox under load, its callbacks, Ctrl-C, a wrong setting."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.house import until
from tests.running import Dashboard
from tests.sandbox_server import KEY, RunningSandbox
from tests.websocket import Tab

HEADERS = {"Authorization": "Bearer sandbox"}


@pytest.fixture(scope="module")
def console() -> Iterator[Dashboard]:
    with Dashboard() as made:
        yield made


def api(console: Dashboard, method: str, path: str, body: Any = None) -> Any:
    return requests.request(method, f"{console.url}/api{path}", json=body, headers=HEADERS, timeout=30).json()


def started(console: Dashboard) -> dict[str, Any]:
    agent = api(console, "GET", "/agents")["data"][0]
    session = api(console, "POST", "/sessions", {"agentId": agent["id"]})
    assert session["mode"] == "phoenix_rest", session
    return dict(session)


def test_sixty_lists_at_once_on_the_embedded_sandbox_all_answer_within_two_seconds(console: Dashboard) -> None:
    def ask(_: int) -> tuple[int, int]:
        answer = requests.get(f"{console.url}/api/personas", headers=HEADERS, timeout=10)
        return answer.status_code, len(answer.json()["data"])

    with ThreadPoolExecutor(60) as pool:
        begun = time.monotonic()
        answers = list(pool.map(ask, range(60)))
        took_s = time.monotonic() - begun
    assert set(answers) == {(200, 6)}
    assert took_s < 2, f"{took_s:.1f} s"


def test_sixty_reads_that_each_ask_the_sandbox_do_not_wait_for_each_other(console: Dashboard) -> None:
    def ask(_: int) -> int:
        url = f"{console.url}/api/personas/p2b8e10c94d6"
        return requests.get(url, headers=HEADERS, timeout=10).status_code

    with ThreadPoolExecutor(60) as pool:
        begun = time.monotonic()
        assert set(pool.map(ask, range(60))) == {200}
        assert time.monotonic() - begun < 2


def test_a_callback_of_the_embedded_sandbox_reaches_this_process(console: Dashboard) -> None:
    session = started(console)

    def arrived() -> Any:
        sent = requests.get(f"{console.url}/sandbox/_sandbox/log?kind=callback", timeout=5).json()
        return [one for one in sent if one["conversation_id"] == session["conversationId"] and one["status"] == 204]

    assert until(arrived)[0]["event_type"] == "system.replica_joined"
    until(lambda: api(console, "GET", f"/sessions/{session['sessionId']}")["status"] == "live")
    api(console, "POST", f"/sessions/{session['sessionId']}/end")
    until(lambda: api(console, "GET", f"/sessions/{session['sessionId']}")["status"] == "ended")


def busy(console: Dashboard) -> None:
    """A call that is open, a tab, and a start that Tavus does not answer."""
    started(console)
    fault = [{"route": "POST /v2/conversations", "delay_s": 60, "times": 1}]
    requests.post(f"{console.url}/sandbox/_sandbox/faults", json=fault, timeout=5)
    agent = api(console, "GET", "/agents")["data"][1]

    def hang() -> None:
        with contextlib.suppress(requests.RequestException):
            api(console, "POST", "/sessions", {"agentId": agent["id"]})

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hang)
        until(lambda: any(row["status"] == "starting" for row in api(console, "GET", "/sessions")["data"]))
        begun = time.monotonic()
        took = console.stop(wait_s=15)
        assert took < 5, f"{took:.1f} s"
        assert time.monotonic() - begun < 6


def test_ctrl_c_ends_a_busy_process_within_five_seconds_and_the_start_is_found_again() -> None:
    with Dashboard() as console:
        with Tab(console.url) as tab:
            tab.run()
            busy(console)
        with Dashboard(data=console.data) as again:

            def taken_over() -> Any:
                rows = api(again, "GET", "/sessions")["data"]
                return rows if "starting" not in {row["status"] for row in rows} else None

            rows = until(taken_over)
            assert {row["status"] for row in rows} <= {"unknown", "waiting", "live"}
            assert len(rows) == 2

            def rejoinable() -> bool:
                row = api(again, "GET", f"/sessions/{rows[-1]['sessionId']}")
                return bool(row["conversationUrl"] and row["conversationUrl"].startswith(again.url))

            until(rejoinable)


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    with Dashboard() as console:
        fault = [{"route": "GET /v2/personas", "delay_s": 60, "times": -1}]
        requests.post(f"{console.url}/sandbox/_sandbox/faults", json=fault, timeout=5)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: requests.get(f"{console.url}/api/personas", headers=HEADERS, timeout=30).ok)
            time.sleep(0.3)
            console.send(signal.SIGINT)
            time.sleep(0.3)
            assert console.stop(signal.SIGINT, wait_s=10) < 1


def test_a_wrong_setting_starts_the_dashboard_on_diagnostics_which_names_it_and_no_call_starts() -> None:
    with Dashboard(env={"MAX_CALL_S": "ten minutes", "DAILY_SUBDOMAIN": "https://go-scope.daily.co"}) as console:
        with Tab(console.url) as tab:
            tab.run()
            drawn = " ".join(str(element) for element in tab.elements())
            assert "Diagnostics" in drawn
            assert "MAX_CALL_S" in drawn
            assert "go-scope" in drawn
        agent = api(console, "GET", "/agents")["data"][0]
        session = api(console, "POST", "/sessions", {"agentId": agent["id"]})
        assert session["mode"] == "text"
        assert "MAX_CALL_S" in session["reason"]
        asked = requests.get(f"{console.url}/sandbox/_sandbox/log", timeout=5).json()
        assert [entry for entry in asked if entry["method"] == "POST"] == []


def test_a_database_that_can_not_be_opened_leaves_diagnostics_to_say_so(tmp_path: Any) -> None:
    (tmp_path / "x.db").write_bytes(b"this is no database" * 100)
    with Dashboard(env={"DATABASE_URL": f"sqlite:///{(tmp_path / 'x.db').as_posix()}"}) as console:
        for page in ("", "live", "history", "agents", "diagnostics"):
            with Tab(console.url) as tab:
                tab.run(page=page)
                drawn = " ".join(str(element) for element in tab.elements()).replace("\\", "")
                assert "exception" not in [element.WhichOneof("type") for element in tab.elements()]
                assert "database" in drawn.lower(), page
        answer = requests.get(f"{console.url}/api/agents", headers=HEADERS, timeout=10)
        assert answer.status_code == 503
        assert answer.json()["hint"]


@pytest.mark.parametrize("calls", [0, 1])
def test_a_stop_tells_of_the_calls_that_go_on_and_are_billed(calls: int, sandbox: RunningSandbox) -> None:
    env = {"TAVUS_API_KEY": KEY, "TAVUS_BASE_URL": sandbox.v2, "API_TOKEN": "sandbox"}
    with Dashboard(env=env) as console:
        for _ in range(calls):
            avatar = {"replicaId": "r90bbd427f71", "tavusPersonaId": "p2b8e10c94d6"}
            agent = api(console, "POST", "/agents", {"name": "Demo", "avatar": avatar})
            session = api(console, "POST", "/sessions", {"agentId": agent["id"], "enableAvatar": True})
            assert session["mode"] == "phoenix_rest", session
        console.stop(signal.SIGINT)
        told = "1 call is still open at Tavus, and billed until it ends. Start Greenroom again, which takes it up"
        assert (told in console.log) == bool(calls), console.log
        assert ("end-all --ours" in console.log) == bool(calls)
