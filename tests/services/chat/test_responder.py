"""Who answers in text chat: the endpoint where one is set, the script without one, and never one for the other."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from lib.clients.chat import ChatClient
from lib.errors import KeyRefused, UpstreamRejected
from lib.services.chat.responder import HISTORY_CHARS, HISTORY_TURNS, Responder, messages
from tests.scripted_server import answer, scripted


def test_without_an_endpoint_the_script_answers_and_says_so() -> None:
    responder = Responder(None)
    assert responder.label == "scripted stand-in"
    assert "not the Tavus pipeline" in responder.note
    assert responder.reply({"system_prompt": "You are Bo."}, "", [("user", "Who are you?")])


def test_an_endpoint_that_fails_is_never_replaced_by_the_script() -> None:
    with scripted(answer(401, {"error": {"message": "no"}})) as server:
        client = ChatClient(base_url=server.url, api_key=SecretStr("k"), model="small")
        responder = Responder(client)
        assert responder.label == "small"
        with pytest.raises(KeyRefused):
            responder.reply({"system_prompt": "You are Bo."}, "", [("user", "Hello")])
        client.close()


def test_of_a_chat_that_outgrew_the_model_the_newer_half_is_sent_until_it_fits_and_no_less_than_what_was_said() -> None:
    too_long = answer(400, {"error": {"message": "maximum context length", "code": "context_length_exceeded"}})
    whole = answer(200, {"choices": [{"message": {"content": "Yes."}}]})
    turns = [("user" if i % 2 == 0 else "assistant", str(i)) for i in range(9)]
    with scripted(too_long, too_long, whole, *[too_long] * 4) as server:
        client = ChatClient(base_url=server.url, api_key=None, model="small")
        responder = Responder(client)
        assert list(responder.stream({"system_prompt": "You are Bo."}, "", turns)) == ["Yes."]
        sent = [[one["content"] for one in seen.json["messages"]] for seen in server.seen]
        assert [said[1:] for said in sent] == [list("012345678"), list("5678"), list("78")]
        assert all(said[0].startswith("You are Bo.") for said in sent)
        with pytest.raises(UpstreamRejected, match="maximum context length"):
            responder.reply({}, "", turns)
        assert len(server.seen) == 7 and [one["content"] for one in server.seen[-1].json["messages"]][1:] == ["8"]
        client.close()


def test_an_endpoint_hears_the_part_and_the_newest_turns_within_a_bound() -> None:
    turns = [("user" if i % 2 == 0 else "assistant", f"{i} " + "x" * 1000) for i in range(101)]
    heard = messages({"system_prompt": "You are Bo.", "context": "It rains."}, "Sam is here.", turns)
    assert heard[0]["role"] == "system"
    assert all(part in heard[0]["content"] for part in ("You are Bo.", "It rains.", "Sam is here."))
    assert heard[-1]["content"].startswith("100 ")
    assert len(heard) <= HISTORY_TURNS + 1
    assert sum(len(one["content"]) for one in heard[1:]) <= HISTORY_CHARS
    assert messages({}, "", [("user", "y" * 50_000)])[1]["content"] == "y" * 50_000


RICH = {
    "system_prompt": "You are Bo, a guide.", "document_ids": ["d1"], "guardrail_ids": ["g1", "g2"], "greeting": "Hi.",
    "document_tags": [], "guardrails_id": None,
}  # fmt: skip
NOTICE = "The stand-in does not read the 1 document and 2 rules."


def test_in_a_room_the_first_answer_says_once_what_is_not_read_and_the_chat_leaves_that_to_its_note() -> None:
    responder = Responder(None)
    turns = [("assistant", "Hi."), ("user", "Hello")]
    first = responder.reply(RICH, "", turns)
    assert first.endswith(f" {NOTICE}") and first != f" {NOTICE}"
    later = [*turns, ("assistant", first), ("user", "What is in your document?")]
    assert NOTICE not in responder.reply(RICH, "", later)
    assert NOTICE not in "".join(responder.stream(RICH, "", turns))
    assert "does not read" not in responder.reply({"system_prompt": "You are Bo."}, "", turns)
    assert responder.reply(
        {**RICH, "system_prompt": "Du bist Klaus, ein Einkäufer."}, "", [("user", "Guten Tag")]
    ).endswith(" Die Stellvertretung liest das eine Dokument und die 2 Regeln nicht.")


def test_a_model_in_a_room_says_it_too_as_it_is_given_the_prompt_alone() -> None:
    with scripted(answer(200, {"choices": [{"message": {"content": "Welcome."}}]})) as server:
        client = ChatClient(base_url=server.url, api_key=None, model="small")
        assert Responder(client).reply(RICH, "", [("user", "Hello")]) == f"Welcome. {NOTICE}"
        client.close()
