"""The room's endpoints over HTTP: who may come in, what is said, and what happens when an answer fails."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from starlette.applications import Starlette

from lib.errors import RateLimited
from lib.sandbox.room import routes as room
from lib.sandbox.room.words import ending, language_tag
from tests.sandbox_server import RunningSandbox, serve

NASTY = "<img src=x onerror=alert(1)>"


def room_of(box: RunningSandbox, **fields: Any) -> str:
    """The address of a new conversation's room."""
    return f"{box.url}/room/{box.create(**fields)['conversation_id']}"


def post(url: str, body: Any = None, **more: Any) -> requests.Response:
    return requests.post(url, json=body, timeout=10, **more)


def joined(box: RunningSandbox, **fields: Any) -> str:
    url = room_of(box, **fields)
    assert post(f"{url}/join").status_code == 200
    return url


@contextmanager
def answering(box: RunningSandbox, reply: Callable[..., str], *, limit_s: float = 5.0) -> Iterator[str]:
    """Rooms of the same calls with another reply function; gives the address up to the conversation's id."""
    with serve(Starlette(routes=room.routes(box.inside.calls, reply, reply_limit_s=limit_s))) as url:
        yield f"{url}/room"


def turns(box: RunningSandbox, room_url: str) -> list[tuple[str, str]]:
    view = box.inside.calls.view(room_url.rsplit("/", 1)[1])
    assert view is not None
    return [turn for turn in view.turns if turn[0] != "system"]


def test_the_page_runs_no_inline_script_and_loads_nothing_from_outside(box: RunningSandbox) -> None:
    answer = requests.get(room_of(box), timeout=5)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*(src=|application/json))|\son\w+=|\sstyle=", answer.text)
    assert not re.search(r"(src|href)=[\"'](https?:)?//", answer.text)


def test_names_are_escaped_in_the_page(box: RunningSandbox) -> None:
    persona = box.call("POST", "/personas", {"persona_name": NASTY, "system_prompt": "You are kind."}).json()
    url = room_of(
        box, persona_id=persona["persona_id"], replica_id="r90bbd427f71", conversation_name=f"</script>{NASTY}"
    )
    text = requests.get(url, timeout=5).text
    assert NASTY not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    found = re.search(r'id="settings">(.*?)</script>', text)
    assert found is not None
    assert json.loads(found[1])["part"] == NASTY


def test_an_unknown_room_says_so_as_a_page_and_as_data(box: RunningSandbox) -> None:
    page = requests.get(f"{box.url}/room/c0", timeout=5)
    assert (page.status_code, "no such room" in page.text) == (404, True)
    for what in ("join", "beat", "leave"):
        assert post(f"{box.url}/room/c0/{what}").status_code == 404
    assert set(post(f"{box.url}/room/c0/say", {"text": "x"}).json()) == {"error", "hint"}


def test_a_private_room_is_closed_without_its_token_at_every_door(box: RunningSandbox) -> None:
    made = box.create(require_auth=True)
    url, token = f"{box.url}/room/{made['conversation_id']}", made["meeting_token"]
    page = requests.get(url, timeout=5)
    assert page.status_code == 403
    assert "You are not allowed to join this meeting" in page.text
    assert requests.get(f"{url}/state?t=wrong", timeout=5).status_code == 403
    for what, body in (("join", None), ("beat", None), ("leave", None), ("say", {"text": "x"})):
        assert post(f"{url}/{what}", body).status_code == 403
        assert post(f"{url}/{what}?t={token}x", body).status_code == 403
    assert requests.get(f"{url}?t={token}", timeout=5).status_code == 200
    assert post(f"{url}/join?t={token}").status_code == 200


def test_the_greeting_is_said_at_the_first_join_only(box: RunningSandbox) -> None:
    url = room_of(box)
    before = requests.get(f"{url}/state", timeout=5).json()
    assert (before["joined"], before["turns"]) == (False, [])
    assert before["join_within_s"] > 0
    first = post(f"{url}/join").json()
    assert [role for role, _ in first["turns"]] == ["assistant"]
    assert post(f"{url}/join").json()["turns"] == first["turns"]


def test_what_is_said_is_answered_and_kept_in_order(box: RunningSandbox) -> None:
    url = joined(box)
    answer = post(f"{url}/say", {"text": "  Hello there  "})
    assert answer.json() == {"reply": "You said: Hello there", "turns": 3}
    assert turns(box, url)[1:] == [("user", "Hello there"), ("assistant", "You said: Hello there")]
    assert len(requests.get(f"{url}/state?since=2", timeout=5).json()["turns"]) == 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"text": "x"}', "text/plain", 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"text": 5}', "application/json", 400),
        (b'{"text": "  "}', "application/json", 400),
        (json.dumps({"text": "x" * 2001}).encode(), "application/json", 400),
        (json.dumps({"text": "x" * 20_000}).encode(), "application/json", 413),
        (b"\xff\xfe", "application/json", 400),
    ],
)
def test_a_message_that_is_none_is_refused_in_words(box: RunningSandbox, body: bytes, kind: str, status: int) -> None:
    url = joined(box)
    answer = requests.post(f"{url}/say", data=body, headers={"content-type": kind}, timeout=5)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "hint"}
    assert len(turns(box, url)) == 1


def test_half_an_emoji_does_not_break_the_room(box: RunningSandbox) -> None:
    url = joined(box)
    answer = requests.post(
        f"{url}/say", data=b'{"text": "\\ud83d"}', headers={"content-type": "application/json"}, timeout=5
    )
    assert answer.status_code == 200


def test_nothing_is_said_before_somebody_joined_or_after_the_end(box: RunningSandbox) -> None:
    url = room_of(box)
    assert post(f"{url}/say", {"text": "x"}).status_code == 409
    post(f"{url}/join")
    box.call("POST", f"/conversations/{url.rsplit('/', 1)[1]}/end")
    assert post(f"{url}/say", {"text": "x"}).status_code == 410
    assert post(f"{url}/join").status_code == 410
    state = requests.get(f"{url}/state", timeout=5).json()
    assert (state["status"], state["ending"]["title"]) == ("ended", "The session was ended")
    assert requests.get(url, timeout=5).status_code == 200


def test_a_failed_answer_says_what_it_knows_and_the_words_are_kept_once(box: RunningSandbox) -> None:
    url = joined(box)
    replies: list[Any] = [RateLimited("The model is busy.", hint="Wait a moment."), "Here I am."]

    def reply(persona: Any, context: str, said: Sequence[tuple[str, str]]) -> str:
        answer = replies.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    with answering(box, reply) as rooms:
        failed = post(f"{rooms}/{url.rsplit('/', 1)[1]}/say", {"text": "Are you there?"})
        assert (failed.status_code, failed.json()) == (502, {"error": "The model is busy.", "hint": "Wait a moment."})
        assert post(f"{rooms}/{url.rsplit('/', 1)[1]}/say", {"text": "Are you there?"}).json()["reply"] == "Here I am."
    assert turns(box, url)[1:] == [("user", "Are you there?"), ("assistant", "Here I am.")]


def test_the_reply_is_given_the_persona_with_the_calls_own_documents_and_language(box: RunningSandbox) -> None:
    row = {"persona_name": "Rich", "system_prompt": "You are kind.", "document_ids": ["d1"], "guardrail_ids": ["g1"]}
    persona = box.call("POST", "/personas", row).json()["persona_id"]
    given: list[Any] = []

    def reply(persona: Any, context: str, said: Sequence[tuple[str, str]]) -> str:
        given.append(persona)
        return "Yes."

    with answering(box, reply) as rooms:
        for call in ({"document_ids": ["d2"], "document_tags": ["t"], "properties": {"language": "German"}}, {}):
            url = joined(box, persona_id=persona, replica_id="r90bbd427f71", **call)
            assert post(f"{rooms}/{url.rsplit('/', 1)[1]}/say", {"text": "Hello"}).status_code == 200
    asked, plain = given
    assert (asked["document_ids"], asked["document_tags"], asked["language"]) == (["d1", "d2"], ["t"], "German")
    assert (plain["document_ids"], plain.get("language")) == (["d1"], None)
    assert asked["guardrail_ids"] == plain["guardrail_ids"] == ["g1"]
    assert box.call("GET", f"/personas/{persona}").json()["document_ids"] == ["d1"]


def test_a_bug_in_the_reply_is_not_quoted_to_the_room(box: RunningSandbox) -> None:
    def broken(*_: Any) -> str:
        raise KeyError("secret-detail")

    with answering(box, broken) as rooms:
        answer = post(f"{rooms}/{joined(box).rsplit('/', 1)[1]}/say", {"text": "x"})
    assert answer.status_code == 502
    assert "secret-detail" not in answer.text


def test_a_slow_answer_ends_at_its_limit_and_never_blocks_the_others(box: RunningSandbox) -> None:
    release = threading.Event()

    def slow(*_: Any) -> str:
        release.wait(5)
        return "late"

    conversation_id = joined(box).rsplit("/", 1)[1]
    with answering(box, slow, limit_s=0.6) as rooms:
        answers: list[requests.Response] = []
        asking = threading.Thread(target=lambda: answers.append(post(f"{rooms}/{conversation_id}/say", {"text": "x"})))
        asking.start()
        time.sleep(0.15)
        begun = time.monotonic()
        assert requests.get(f"{rooms}/{conversation_id}/state", timeout=5).status_code == 200
        second = post(f"{rooms}/{conversation_id}/say", {"text": "y"})
        assert time.monotonic() - begun < 0.4
        assert second.status_code == 409
        asking.join(5)
        release.set()
    assert answers[0].status_code == 504
    assert "0.6 s" in answers[0].json()["error"]


def test_assets_have_fixed_types_and_nothing_else_is_served(box: RunningSandbox) -> None:
    script = requests.get(f"{box.url}/room-assets/room.js?v=1", timeout=5)
    assert script.headers["content-type"].startswith("text/javascript")
    assert "max-age=31536000" in script.headers["cache-control"]
    assert requests.get(
        f"{box.url}/room-assets/room.js", headers={"if-none-match": script.headers["etag"]}, timeout=5
    ).status_code == 304  # fmt: skip
    for name in ("room.html", "..%2Froom.py", "nothing.js"):
        assert requests.get(f"{box.url}/room-assets/{name}", timeout=5).status_code == 404


@pytest.mark.parametrize(
    "reason",
    [
        "max_call_duration",
        "max_call_duration reached",
        "participant_left_timeout",
        "participant_absent_timeout reached",
        "bot_could_not_join_meeting_it_was_probably_ended",
        "daily_room_has_been_deleted",
        "exception_encountered_during_conversation_startup",
        "end_conversation_endpoint_hit",
        "internal error occurred at step 3",
    ],
)
def test_every_reason_for_an_end_has_plain_words(reason: str) -> None:
    end = ending(reason)
    assert end.title != "The call has ended"
    assert "_" not in end.title + end.text


def test_an_unknown_reason_is_quoted_and_none_at_all_is_no_mystery() -> None:
    assert "solar_flare" in ending("solar_flare").text
    assert ending("").text


def test_a_language_is_known_by_its_english_name() -> None:
    assert [language_tag(name) for name in ("German", "English", "multilingual", "")] == ["de", "en", "", ""]
