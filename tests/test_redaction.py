"""No key, token or password is kept, wherever it stands; everything else is."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from lib.errors import BadInput
from lib.redaction import DEEPEST, LONGEST, REMEMBERED, Redaction
from lib.services.inspector.callback import KEPT_LIMIT, read

CANARY = "CANARY-4f1c-77"
KEY = "tvsk_canary_7f3a9c21e5"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOME = Redaction([KEY, "sandbox"])


@pytest.mark.parametrize(
    "value",
    [
        {"layers": {"llm": {"api_key": CANARY, "model": "m"}}},
        {"layers": {"llm": {"headers": {"X-Any": CANARY, "Other": [CANARY]}}}},
        {"layers": {"llm": {"default_headers": {"X-Any": CANARY}}}},
        {"tts": {"apiKey": CANARY}},
        {"tools": [{"auth": {"password": CANARY}}, {"Authorization": f"Token {CANARY}"}]},
        {"secret_access_key": CANARY, "clientSecret": CANARY, "private_key": CANARY, "session_cookie": CANARY},
        {"meeting_token": CANARY},
        {"tokens": [CANARY], "credentials": {"user": CANARY}},
        {"conversation_url": f"https://tavus.daily.co/c1?t={CANARY}"},
        {"conversation_url": f"https://tavus.daily.co/c1?a=b&t={CANARY}#x"},
        {"uri": f"https://b.s3.amazonaws.com/o?X-Amz-Signature={CANARY}&X-Amz-Security-Token={CANARY}&X-Amz-Date=1"},
        {"webhook_url": f"https://a.example/callbacks/tavus/s-1.{CANARY}"},
        {"document_url": f"https://reader:{CANARY}@files.example/a.pdf"},
        {"document_url": f"https://{CANARY}@files.example/a.pdf"},
        {"said": f"curl -H 'Authorization: Bearer {CANARY}'"},
        {"token_like": f"eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}"},
        {"plain": f"eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}"},
        {"arguments": json.dumps({"api_key": CANARY, "n": 1})},
        {"arguments": json.dumps(json.dumps({"password": CANARY}))},
        {KEY + "?t=" + CANARY: 1},
    ],
)
def test_a_secret_is_taken_out_wherever_it_stands(value: Any) -> None:
    clean = json.dumps(SOME.value(value))
    assert CANARY not in clean
    assert "***" in clean


LLM_KEY = "/layers/llm/api_key"


@pytest.mark.parametrize(
    "value",
    [
        [{"op": "replace", "path": LLM_KEY, "value": CANARY}],
        {"op": "test", "path": LLM_KEY, "value": CANARY},
        {"op": "replace", "path": LLM_KEY, "value": "short"},
        [{"op": "add", "path": "/layers/llm/headers/Authorization", "value": CANARY}],
        [{"op": "add", "path": "/layers/llm/headers/X~1Any", "value": CANARY}],
        [{"op": "add", "path": "/layers/llm/default_headers", "value": {"X": [CANARY]}}],
        [{"op": "add", "path": "/layers/llm/extra_body/auth/key", "value": {"a": {"b": CANARY}}}],
        [{"op": "add", "path": "/tools/0/auth/password", "value": [CANARY, {"x": CANARY}]}],
        [{"op": "add", "path": "/layers/tts", "value": {"voice": {"apiKey": CANARY}}}],
        [{"op": "add", "path": "#/layers/llm/api%5Fkey", "value": CANARY}],
        [{"op": "add", "path": ["layers", "llm", "api_key"], "value": CANARY}],
        {"patch": {"steps": [{"path": "layers.llm.api_key", "old_value": CANARY, "value": CANARY}]}},
        {"layers.llm.api_key": CANARY, "/layers/llm/headers/X": CANARY},
        {"headers": [{"name": "Authorization", "value": CANARY}], "fields": [{"name": "password", "value": CANARY}]},
        {"auth": {"type": "api_key", "value": CANARY}, "detail": {"loc": ["body", "api_key"], "input": CANARY}},
        {"passphrase": CANARY, "database_connection_string": CANARY, "subscription-key": CANARY, "pwd": CANARY},
        {"eleven_key": "9f1c4e2ab7" + CANARY, "proxy-auth": CANARY},
        {"layers": {"llm": {"api_key": CANARY}}, "said": f"the key was {CANARY}, it is {CANARY.lower()}"},
        {"arguments": json.dumps([{"op": "replace", "path": LLM_KEY, "value": {"x": CANARY}}])},
        {"arguments": json.dumps({"a": json.dumps([{"value": CANARY, "path": LLM_KEY}])})},
        {"arguments": json.dumps([{"op": "replace", "path": LLM_KEY, "value": CANARY}])[:-9]},
        {"arguments": json.dumps([{"value": CANARY, "path": LLM_KEY, "op": "add"}])[:-3]},
        {"arguments": f'{{"api_key": "{CANARY}", "api_key": ""}}'},
        {"arguments": f'{{"path": "{LLM_KEY}", "value": "{CANARY}", "path": "/x"}}'},
        {"said": f'Refused: {{"op": "replace", "path": "{LLM_KEY}", "value": "{CANARY}"}} is wrong'},
        {"said": f"Refused: {{'op': 'replace', 'path': '{LLM_KEY}', 'value': '{CANARY}'}}"},
        {"said": "Refused: " + json.dumps({"path": LLM_KEY, "value": {"a": {"b": 1}, "c": CANARY}})},
        {"said": f"Refused: {{'layers': {{'llm': {{'api_key': '{CANARY}'}}}}}}"},
        {"form": f"persona_name=a&api_key={CANARY}&x=1", "other": f"x=1&layers[llm][api_key]={CANARY}"},
        {"form": f'--b\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n{CANARY}\r\n--b--'},
        {"said": f"X-Api-Key: {CANARY}", "env": f"OPENAI_API_KEY={CANARY}", "log": f"Authorization: Token {CANARY}"},
        {
            "said": f"the api_key '{CANARY}' is wrong",
            "header": f"ApiKey {CANARY}",
            "shell": f"-H 'x-api-key: {CANARY}'",
        },
        {"said": f"Incorrect API key provided: {CANARY}. You can find it in your account."},
        {"said": f"postgresql://me:{CANARY}@db.example/x?sslmode=require"},
        {"said": f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----"},
    ],
)
def test_a_secret_is_known_by_the_path_and_the_label_that_it_stands_under(value: Any) -> None:
    clean = json.dumps(SOME.value(value))
    assert CANARY.lower() not in clean.lower()
    assert '"short"' not in clean
    assert "***" in clean
    assert SOME.value(json.loads(clean)) == json.loads(clean), "what is clean stays so"


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-4f1cA9b8c7d6e5f4a3b2c1d0", "sk-ant-api03-4f1cA9b8c7d6", "sk_4f1ca9b8c7d6e5f4a3b2c1d0e9f8a7b6",
        "sk_live_4f1cA9b8c7d6e5f4", "sk_car_4f1cA9b8c7d6e5f4", "xai-4f1cA9b8c7d6e5f4a3b2", "gsk_4f1cA9b8c7d6e5f4a3b2",
        "AIzaSyA4f1cA9b8c7d6e5f4a3b2c1d0e9f8a7b6c", "AKIA4F1CA9B8C7D6E5F4", "ghp_4f1cA9b8c7d6e5f4a3b2c1d0",
        "github_pat_4f1cA9b8c7d6e5f4a3b2", "hf_4f1cA9b8c7d6e5f4a3b2", "xoxb-4f1c-A9b8c7d6e5f4",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.4f1cA9b8c7d6", "glpat-4f1cA9b8c7d6e5f4a3b2",
    ],
)  # fmt: skip
def test_a_key_of_a_well_known_maker_is_known_in_any_text(key: str) -> None:
    assert Redaction().text(f"It is {key}, says «{key}».") == "It is ***, says «***»."
    assert Redaction().value({"note": [key]}) == {"note": ["***"]}


def test_what_was_seen_under_a_secrets_name_is_known_wherever_it_turns_up_later() -> None:
    some = Redaction()
    assert some.text(f"Invalid: {CANARY}") == f"Invalid: {CANARY}"
    some.learn(
        [{"op": "replace", "path": LLM_KEY, "value": CANARY}, {"headers": {"X-A": "bearer a9/b8+c7 d6-e5F4a3b2"}}]
    )
    assert some.text(f"Invalid: {CANARY}.") == "Invalid: ***."
    assert some.text("Invalid: d6-e5F4a3b2.") == "Invalid: ***."
    assert CANARY not in json.dumps(some.value({"event_type": "x", "why": [f"<{CANARY}>"], CANARY: 1}))
    some.learn({"password": 'a&b=c d/e "f" 1'})
    assert "f" not in some.text("/x?a=a%26b%3Dc%20d%2Fe%20%22f%22%201").partition("?a=")[2]
    assert "***" in some.text(json.dumps({"said": 'a&b=c d/e "f" 1'})), "as JSON writes it"


def test_what_is_remembered_is_bounded_and_is_the_latest() -> None:
    some = Redaction([KEY])
    for n in range(REMEMBERED + 5):
        some.learn({"api_key": f"key-number-{n:05d}"})
    assert some.text("key-number-00004") == "key-number-00004"
    assert some.text(f"key-number-00005 key-number-{REMEMBERED + 4:05d} {KEY}") == "*** *** ***"


def test_no_word_is_taken_for_a_secret_because_it_stood_under_a_secrets_name_once() -> None:
    some = Redaction()
    plain = {"event_type": "system.shutdown", "conversation_name": "application/json", "r": "r90bbd427f71"}
    some.learn({"key": "conversation_name", "headers": {"Accept": "application/json", "X-R": "r90bbd427f71"}})
    some.learn({"token": "system", "parameters": {"token": {"type": "string", "description": "system.shutdown"}}})
    assert some.value(plain) == plain


def test_a_known_key_is_taken_out_of_any_text_and_the_sandboxs_is_a_word() -> None:
    assert SOME.text(f"Invalid access token {KEY}!") == "Invalid access token ***!"
    assert SOME.text("nothing is billed in the sandbox") == "nothing is billed in the sandbox"


@pytest.mark.parametrize(
    "value",
    [
        {"event_type": "system.shutdown", "properties": {"shutdown_reason": "max_call_duration", "n": [1, 2.5, None]}},
        {"max_tokens": 200, "tokens": 12, "speculative_inference": True, "api_key": "", "headers": {}, "token": None},
        {"conversation_url": "https://tavus.daily.co/c1?lang=de&theme=dark", "s3_key": "a/b/c.mp4"},
        {"content": 'The token of my esteem; mail me at ann@example.org, at 3 o\'clock: "why?"'},
        {"name": "<img src=x> שלום 🎭 \u2029", "tooltip": "key=value"},
        [[], {}, "", 0, False],
        [{"op": "replace", "path": "/layers/llm/model", "value": "gpt-4o-mini-2024-07-18"}],
        [{"op": "replace", "path": "/layers/llm/max_tokens", "value": 4096}, {"name": "token_usage", "value": 1234}],
        {"persona_id": "p2b8e10c94d6", "replica_id": "r90bbd427f71", "conversation_id": "c0f1e2d3c4b5a697"},
        {
            "uuid": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "digest": "9e107d9d372bb6826bd81d3542a419d6",
            "n": "1,234.50 €",
        },
        {"at": "2026-11-20T12:00:00.000000Z", "url": "https://tavus.daily.co/c0f1e2d3c4b5?lang=de", "path": "/a/b/c"},
        {
            "said": "Basic understanding, a bearer of news; ask-me-anything-2024 is a risk-free key.",
            "page": "max_tokens=4096; authorization required: see docs/page-2024. The token of love: 12 roses.",
        },
        {"said": "{name} keeps a secret", "prompt": '[{"role": "guide", "says": "hello"}]', "half": '[{"role": "gui'},
        {"name": "secret agent", "value": "007", "tools": [{"name": "lookup", "parameters": {"type": "object"}}]},
    ],
)
def test_what_is_no_secret_stays_as_it_is(value: Any) -> None:
    assert SOME.value(value) == value


def test_a_value_that_nests_too_deeply_is_refused_and_one_that_does_not_is_not() -> None:
    value: Any = "x"
    for _ in range(DEEPEST):
        value = [value]
    assert SOME.value(value) == value
    with pytest.raises(BadInput) as refused:
        SOME.value([value])
    assert refused.value.code == "too_deep"


@pytest.mark.parametrize("before", [KEPT_LIMIT - 5, KEPT_LIMIT, LONGEST - 5, LONGEST])
def test_a_body_is_cut_without_leaving_half_a_secret(before: int) -> None:
    body = json.dumps({"a": "x" * before + KEY + "y" * 100}).encode()
    kept = read("s-1", body, NOON, SOME)
    assert len(kept.body) <= KEPT_LIMIT
    assert kept.size == len(body)
    assert KEY[:8] not in kept.body


def test_many_secrets_before_the_cut_leave_no_half_of_one_at_the_end() -> None:
    body = json.dumps({"a": (KEY + " ") * (LONGEST // len(KEY) + 50)}).encode()
    assert KEY[:8] not in read("s-1", body, NOON, SOME).body


SLOW = (
    "a-",
    "eyJ-",
    "://",
    "token",
    '"path": "',
    "key ",
    "bearer 1",
    "a.b://",
    '"value": ',
    "-----begin private key-----",
)


@pytest.mark.parametrize("part", SLOW)
def test_no_text_takes_long(part: str) -> None:
    began = time.process_time()
    SOME.text(part * (LONGEST // len(part)))
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "no_json"),
        (b"{", "no_json"),
        (b"\xff\xfe", "no_json"),
        ('{"a": 1}'.encode("utf-16"), "no_json"),
        (b'{"a": NaN}', "no_json"),
        (b'{"a": Infinity}', "no_json"),
        (b"[" * 100_000, "no_json"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "too_deep"),
        (b"[]", "no_object"),
        (b'"system.shutdown"', "no_object"),
        (b"null", "no_object"),
    ],
)
def test_what_is_no_callback_is_refused_by_name(raw: bytes, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        read("s-1", raw, NOON, SOME)
    assert refused.value.code == code


def test_one_callback_is_known_by_its_content_and_its_session() -> None:
    first = read("s-1", b'{"event_type": "x", "n": 1}', NOON, SOME).digest
    assert read("s-1", b' {"n":1,"event_type":"x"}\n', NOON, SOME).digest == first
    assert read("s-1", b'{"event_type": "x", "n": 2}', NOON, SOME).digest != first
    assert read("s-2", b'{"event_type": "x", "n": 1}', NOON, SOME).digest != first


@pytest.mark.parametrize("odd", [{"event_type": 5}, {"event_type": None, "conversation_id": ["c"]}, {}])
def test_an_envelope_of_odd_types_is_kept_without_a_name(odd: Any) -> None:
    kept = read("s-1", json.dumps(odd).encode(), NOON, SOME)
    assert (kept.event_type, kept.conversation_id) == ("", "")
