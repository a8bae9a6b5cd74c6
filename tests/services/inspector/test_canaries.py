"""No secret that passes through is kept, shown or said: through every verb, form of a body and answer, end to end."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from lib.clients.transport import Transport
from lib.errors import GreenroomError
from lib.models import Exchange
from lib.redaction import Redaction
from lib.services.inspector.journal import Journal
from lib.services.inspector.service import Inspector
from lib.store.database import Store
from tests.databases import written
from tests.house import KEY, house
from tests.sandbox_server import RunningSandbox
from tests.scripted_server import Step, answer, close, scripted, then_close

CANARY = "CANARY-4f1c-77+a/b"
BODIES: dict[str, Any] = {
    "patch": [{"op": "replace", "path": "/layers/llm/api_key", "value": CANARY}],
    "test of a patch": [{"op": "test", "path": "/layers/tts/api_key", "value": CANARY}],
    "patch of a header": [{"op": "add", "path": "/layers/llm/headers/X-Any", "value": CANARY}],
    "patch of a branch": [{"op": "add", "path": "/layers/llm", "value": {"headers": {"X": CANARY}, "api_key": CANARY}}],
    "patch of a list": [{"op": "add", "path": "/tools/0/auth", "value": [{"password": CANARY}]}],
    "patch with a value that nests": [{"op": "add", "path": "/layers/llm/api_key", "value": {"a": [{"b": CANARY}]}}],
    "patch within an object": {"patch": [{"op": "add", "path": "/layers/tts/api_key", "value": CANARY}]},
    "one step": {"op": "replace", "path": "/layers/llm/api_key", "value": CANARY},
    "merge": {"layers": {"llm": {"api_key": CANARY}}},
    "text of a patch": {"arguments": json.dumps([{"op": "add", "path": "/layers/llm/api_key", "value": CANARY}])},
    "half a text": {"arguments": json.dumps([{"value": CANARY, "path": "/layers/llm/api_key", "op": "add"}])[:-4]},
    "form in a text": {"arguments": f"persona_name=a&api_key={quote(CANARY, safe='')}"},
    "secret and its echo": {"api_key": CANARY, "said": f"It is {CANARY}."},
    "none": None,
}
UNNAMED = ("half a text", "form in a text")
"""Hidden where they stand; nobody can know them again in the words of an error."""
ANSWERS: dict[str, Callable[[str], Step]] = {
    "taken": lambda key: answer(200, {"persona_id": "p1"}),
    "with a token": lambda key: answer(200, {"persona_id": "p1", "meeting_token": f"T-{key[:6]}+{key[6:]}"}),
    "refused with the token before": lambda key: answer(400, {"message": f"T-{key[:6]}+{key[6:]} is over"}),
    "refused with the value": lambda key: answer(400, {"message": f"The key {key} is no key of the model's provider"}),
    "refused at the cut": lambda key: answer(422, {"error": "x" * 285 + f" {key} {key}"}),
    "refused with the step": lambda key: answer(422, {"error": f"Refused: {key_step(key)}"}),
    "failed": lambda key: answer(503, {"detail": f"upstream said 401 for api_key={key}"}),
    "no answer": lambda key: then_close(close),
}


def key_step(key: str) -> str:
    return json.dumps({"op": "replace", "path": "/layers/llm/api_key", "value": key})


ROUTE = "/personas/{persona_id}"


@pytest.fixture
def journal(store: Store) -> Iterator[Journal]:
    made = Journal(store, "me", Redaction([KEY]))
    made.open()
    yield made
    made.close()


def told(journal: Journal, upstream: str, method: str, body: Any, **query: str) -> str:
    """Everything that the error of one request says, "" without one."""
    transport = Transport(
        base_url=upstream, api_key=SecretStr(KEY), sleep=lambda s: None, recorder=journal.record,
        redaction=journal._redaction,
    )  # fmt: skip
    try:
        transport.request(method, ROUTE, lambda success: str(success.status), body=body, query=query, persona_id="p1")
    except GreenroomError as error:
        return f"{error!r} {error.message} {error.hint} {error.args}"
    finally:
        transport.close()
    return ""


def shown(store: Store, journal: Journal) -> Iterator[str]:
    """All that the Inspector shows of every request."""
    inspector = Inspector(store, "me", journal, journal._redaction)
    for one in inspector.page(limit=500).items:
        whole: Exchange = inspector.get(one.id)
        made = inspector.commands(whole)
        yield f"{whole} {inspector.address(whole)} {made.bash} {made.powershell} {made.notes}"


def in_files(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in folder.rglob("*.db*"))


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "GET"])
def test_a_canary_goes_through_every_verb_body_and_answer_and_is_found_nowhere(
    method: str, store: Store, journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said, sent = [], 0
    with scripted() as upstream:
        for number, (name, body) in enumerate(BODIES.items()):
            key = f"{CANARY}-{number}"
            raw, quoted = json.dumps(body), quote(CANARY, safe="")
            mine = json.loads(raw.replace(CANARY, key).replace(quoted, quote(key, safe="")))
            for answered in ANSWERS:
                if name not in UNNAMED or answered in ("taken", "with a token", "no answer"):
                    upstream.steps = [ANSWERS[answered](key)]
                    # Without a body the query has it, as in the address of a request that reads.
                    query = {"api_key": key, "force": "true"} if body is None else {}
                    said.append(told(journal, upstream.url, method, mine, **query))
                    sent += 1
        assert all("CANARY" in one.target + one.body.decode() for one in upstream.seen)
        assert len(upstream.seen) >= sent
    everything = [*said, *shown(store, journal), written(store), "\n".join(logged(caplog))]
    assert len(everything) >= 2 * sent
    assert [one for one in everything if "CANARY" in one] == []
    assert not store.sqlite or ROUTE.encode() in in_files(tmp_path), "the files were not looked at"
    assert b"CANARY" not in in_files(tmp_path)


def logged(caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """What was logged, but for urllib3's own lines for developers, which nobody turns on."""
    return (record.getMessage() for record in caplog.records if not record.name.startswith("urllib3"))


def test_a_callback_and_a_later_error_that_repeat_a_personas_key_are_kept_without_it(
    running: RunningSandbox, tmp_path: Path
) -> None:
    with house(running.url, tmp_path) as services:
        layers = {"llm": {"model": "m", "api_key": CANARY, "base_url": "https://a.b/v1"}}
        made = services.personas.create({"persona_name": "A", "system_prompt": "You are.", "layers": layers})
        new = json.loads(json.dumps(made.raw).replace(CANARY, f"{CANARY}2"))
        services.personas.save(services.personas.get(made.id), new)
        services.personas.patch(made.id, [{"op": "replace", "path": "/layers/llm/api_key", "value": f"{CANARY}3"}])
        with pytest.raises(GreenroomError) as refused:
            services.tavus.personas.patch(persona_id=made.id, operations=[{"op": "add", "path": f"/x/{CANARY}3"}])
        agent = services.agents.add(name="Demo", persona_id=made.id, replica_id="r90bbd427f71")
        session = services.sessions.start_and_wait(agent.id, token="t")
        hints = {"event_type": "system.shutdown", "conversation_id": session.conversation_id}
        why = {"properties": {"shutdown_reason": f"the model refused {CANARY}2"}}
        services.callbacks.receive(session.id, json.dumps({**hints, **why}).encode()).result(10)
        services.personas.delete(made.id)
        new = {"persona_name": "A", "system_prompt": "You are.", "layers": {"tts": {"api_key": "CANARY-other-1"}}}
        other = running.call("POST", "/personas", new).json()
        services.personas.get(other["persona_id"])
        why = {"properties": {"shutdown_reason": "the voice refused CANARY-other-1"}}
        services.callbacks.receive(session.id, json.dumps({**hints, **why}).encode()).result(10)
        inspector = services.inspector
        kept = [inspector.get(one.id) for one in inspector.page(limit=500).items]
        everything = f"{kept} {[inspector.commands(one) for one in kept]} {refused.value!r} {written(services.store)}"
        assert {"POST", "PATCH", "DELETE", "GET"} <= {one.method for one in kept}
        assert "the model refused ***" in everything and "the voice refused ***" in everything
    assert "CANARY" not in everything
    assert b"CANARY" not in in_files(tmp_path)
    assert b"the model refused ***" in in_files(tmp_path), "the files were not looked at"


def test_a_key_that_was_pasted_where_an_id_belongs_is_not_kept(store: Store, journal: Journal) -> None:
    key = "sk-proj-4f1cA9b8c7d6e5f4a3b2"
    transport = Transport(base_url="", api_key=SecretStr(KEY), recorder=journal.record)
    with pytest.raises(GreenroomError):
        transport.request("GET", ROUTE, lambda success: "", persona_id=key)
    (kept,) = shown(store, journal)
    assert ROUTE in kept and "/personas/***" in kept
    assert key not in kept + written(store)
