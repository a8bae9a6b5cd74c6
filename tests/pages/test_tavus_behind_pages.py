"""Every page against a Tavus that answers, and one that refuses in every way, in a real server over the websocket."""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import requests

from tests.house import ANNA, GUIDE, KEY, until
from tests.running import Dashboard
from tests.sandbox_server import RunningSandbox
from tests.websocket import Tab

TOKEN = "canary-api-token-5521"
PAGES = ["", "live", "personas", "replicas", "agents", "library", "history", "session"]
WITH_TAVUS = ["", "live", "personas", "replicas", "agents", "library"]
"""Pages that show what Tavus has; the others show our own records, whatever Tavus answers."""

KINDS = [("library", "kind=guardrails"), ("library", "kind=documents")]
"""The other lists of the library, which shows objectives first."""


def dashboard(sandbox: RunningSandbox, **env: str) -> Dashboard:
    return Dashboard(
        env={
            "TAVUS_API_KEY": KEY,
            "TAVUS_BASE_URL": sandbox.v2,
            "API_TOKEN": TOKEN,
            "SWEEP_INTERVAL_S": "60",
            **env,
        }
    )


def has_asked(sandbox: RunningSandbox, times: int) -> bool:
    return len(sandbox.log()) >= times


@pytest.fixture
def console(sandbox: RunningSandbox) -> Iterator[Dashboard]:
    sandbox.reset()
    sandbox.faults()
    with dashboard(sandbox) as made:
        yield made


def api(console: Dashboard, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return requests.request(method, console.url + path, json=body, headers=headers, timeout=30).json()


def furnish(console: Dashboard) -> dict[str, Any]:
    """An agent, and a text session of it."""
    agent = api(
        console, "POST", "/api/agents", {"name": "Demo", "avatar": {"tavusPersonaId": GUIDE, "replicaId": ANNA}}
    )
    return dict(api(console, "POST", "/api/sessions", {"agentId": agent["id"], "enableAvatar": False}), agent=agent)


def words(tab: Tab) -> str:
    """All text that the last run drew."""
    return " ".join(str(element) for element in tab.elements()).replace("\\", "")


def drew_without_a_bug(tab: Tab) -> None:
    kinds = [element.WhichOneof("type") for element in tab.elements()]
    assert kinds
    assert "exception" not in kinds
    assert "something is wrong in Greenroom itself" not in words(tab)


def queries(session: dict[str, Any]) -> dict[str, str]:
    """Each page with what it is opened with."""
    return {
        **dict.fromkeys(PAGES, ""),
        "session": f"session={session['sessionId']}",
    }


def test_a_page_opened_cold_costs_at_most_two_lists_and_a_rerun_costs_none(
    sandbox: RunningSandbox, console: Dashboard
) -> None:
    for number in range(120):
        sandbox.call("POST", "/personas", {"persona_name": f"P{number}", "system_prompt": "You are a guide."})
    session = furnish(console)
    opened = [
        *queries(session).items(),
        ("personas", f"persona={GUIDE}"),
        ("agents", f"agent={session['agent']['id']}"),
        *KINDS,
        ("library", "kind=objectives&item=o4c17d0be92a"),
        ("library", "kind=guardrails&item=g10b8a4d72e6"),
        ("library", "kind=documents&item=d8-7be24d90a5c1"),
    ]
    console.stop()
    for page, query in opened:
        started = len(sandbox.log())
        with dashboard(sandbox) as cold, Tab(cold.url) as tab:
            # The sweeper's lists come first: what it looks for must be known before a start.
            until(partial(has_asked, sandbox, started + 2))
            before = len(sandbox.log())
            tab.run(page=page, query=query)
            drew_without_a_bug(tab)
            asked = sandbox.log()[before:]
            assert len({(entry["method"], entry["path"]) for entry in asked}) <= 2, (page, query, asked)
            assert {entry["method"] for entry in asked} <= {"GET"}
            before = len(sandbox.log())
            for _ in range(3):
                tab.run(query=query)
                drew_without_a_bug(tab)
            assert sandbox.log()[before:] == [], (page, query)


def test_opening_any_page_by_its_address_starts_nothing(sandbox: RunningSandbox, console: Dashboard) -> None:
    session = furnish(console)
    agent = session["agent"]["id"]
    for page in PAGES:
        with Tab(console.url) as tab:
            tab.run(page=page, query=f"start=1&agent={agent}&session=s-none&persona=pnone&item=new&action=end")
            drew_without_a_bug(tab)
    assert not [entry for entry in sandbox.log() if entry["method"] != "GET"]


REFUSED: dict[str, dict[str, Any]] = {
    "401": {"status": 401, "body": {"message": "Invalid access token"}},
    "402": {"status": 402, "body": {"message": "The user is out of conversational credits"}},
    "500": {"status": 500, "body": {"error": "boom"}},
    "html": {"html": True},
    "timeout": {"delay_s": 30.0},
    "dropped": {"drop": "before"},
    "truncated": {"truncate": True},
}

CAUSES = {
    "401": "refused the key",
    "402": "no minutes left",
    "500": "failed (500)",
    "html": "web page instead of data",
    "timeout": "did not answer",
    "dropped": "",
    "truncated": "",
    "no network": "",
}


def canaries(*secrets: str) -> list[bytes]:
    """The secrets as they are, in encodings in which they could slip out, and their telling last part."""
    forms = []
    for secret in secrets:
        raw = secret.encode()
        encoded = base64.b64encode(raw).rstrip(b"=")
        forms += [raw, encoded[:-1], urllib.parse.quote(secret, safe="").encode(), raw.hex().encode(), raw[-10:]]
    return forms


@pytest.mark.parametrize("how", [*REFUSED, "no network"])
def test_a_refusal_is_named_on_every_page_never_looks_empty_and_gives_no_secret_away(
    how: str, sandbox: RunningSandbox
) -> None:
    sandbox.reset()
    sandbox.faults()
    env = {"TAVUS_BASE_URL": "http://127.0.0.1:9/v2"} if how == "no network" else {}
    with dashboard(sandbox, **env) as console:
        session = furnish(console)
        if how != "no network":
            sandbox.faults({"route": "* /v2/*", "times": -1, **REFUSED[how]})
        spilled = [
            requests.get(f"{console.url}/api/personas", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=90)
        ]
        assert spilled[0].status_code >= 400
        try:
            # A list that is not answered holds its page up for ten seconds: one of the three is enough then.
            kinds = [] if how == "timeout" else KINDS
            for page, query in [*queries(session).items(), *kinds, ("diagnostics", "")]:
                with Tab(console.url, timeout_s=90) as tab:
                    tab.run(page=page, query=query)
                    drew_without_a_bug(tab)
                    drawn = words(tab)
                    if page in WITH_TAVUS:
                        assert "banner-" in str(tab.messages) or re.search("Retry", drawn), page
                        assert CAUSES[how] in drawn, (page, how)
                        assert not re.search("No (personas|objectives|guardrails|documents) ", drawn), page
                    for form in canaries(KEY, TOKEN):
                        assert not any(form in data for data in tab.received), (page, form)
        finally:
            sandbox.faults()
        console.stop()
        files = [path.read_bytes() for path in console.data.rglob("*") if path.is_file()]
        for form in canaries(KEY, TOKEN):
            assert not any(form in data for data in files), form
            assert form not in console.log.encode(), form
            assert not any(form in answer.content for answer in spilled), form


def test_a_meeting_token_is_in_the_frame_and_in_the_apis_answer_and_nowhere_else(sandbox: RunningSandbox) -> None:
    sandbox.reset()
    sandbox.faults()
    with dashboard(sandbox, SWEEP_INTERVAL_S="0.1") as console:
        body = {
            "name": "Private",
            "avatar": {"tavusPersonaId": GUIDE, "replicaId": ANNA},
            "call": {"privateRoom": True},
        }
        agent = api(console, "POST", "/api/agents", body)
        session = api(console, "POST", "/api/sessions", {"agentId": agent["id"]})
        token = session["conversationUrl"].partition("?t=")[2].encode()
        assert len(token) > 20
        until(lambda: api(console, "GET", f"/api/sessions/{session['sessionId']}")["status"] == "live")
        query = f"session={session['sessionId']}"
        with Tab(console.url) as tab:
            tab.run(page="live", query=query)
            drew_without_a_bug(tab)
            holders = [element.WhichOneof("type") for element in tab.elements() if token in element.SerializeToString()]
            assert holders == ["bidi_component"]
            for page in ("", "history", "session", "agents", "diagnostics"):
                with Tab(console.url) as other:
                    other.run(page=page, query=query if page == "session" else "")
                    drew_without_a_bug(other)
                    assert not any(token in data for data in other.received), page
        api(console, "POST", f"/api/sessions/{session['sessionId']}/end")
        until(lambda: api(console, "GET", f"/api/sessions/{session['sessionId']}")["status"] == "ended")
        assert token.decode() not in str(api(console, "GET", "/api/sessions"))
        console.stop()
        assert token not in console.log.encode()
        for path in console.data.rglob("*"):
            assert not path.is_file() or token not in path.read_bytes(), path


STARTS: dict[str, tuple[dict[str, Any], str]] = {
    "401": ({"status": 401, "body": {"message": "Invalid access token"}}, "refused the key"),
    "402": ({"status": 402, "body": {"message": "The user is out of conversational credits"}}, "no minutes left"),
    "slots": (
        {"status": 400, "body": {"message": "User has reached maximum concurrent conversations"}},
        "All conversation slots",
    ),
    "400": ({"status": 400, "body": {"error": "Invalid replica_uuid"}}, "Invalid replica_uuid"),
    "429": ({"status": 429, "body": {"error": "slow down"}}, "slow down"),
    "html": ({"html": True}, "web page instead of data"),
    "500": ({"status": 500, "body": {"error": "boom"}}, "Checking with Tavus"),
    "lost": ({"drop": "before"}, "Checking with Tavus"),
}


def test_a_start_that_is_refused_is_named_on_the_live_page_whatever_the_refusal(
    sandbox: RunningSandbox, console: Dashboard
) -> None:
    agent = furnish(console)["agent"]
    for name, (how, cause) in STARTS.items():
        sandbox.faults({"route": "POST /v2/conversations", **how})
        session = api(console, "POST", "/api/sessions", {"agentId": agent["id"]})
        with Tab(console.url) as tab:
            tab.run(page="live", query=f"session={session['sessionId']}")
            drew_without_a_bug(tab)
            drawn = words(tab)
        assert cause in drawn, name
        assert "<!doctype" not in drawn.lower()
        if session["mode"] == "text":
            assert "Avatar unavailable" in drawn, name
            assert "Retry" in drawn, name
            said = api(console, "POST", f"/api/sessions/{session['sessionId']}/messages", {"text": "Hello"})
            assert said["text"], name
    posts = [entry for entry in sandbox.log() if entry["method"] == "POST"]
    assert len(posts) == len(STARTS)
