"""No key, token or password is kept, wherever it stands; everything else is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from lib.errors import BadInput
from lib.services.inspector.callback import KEPT_LIMIT, read
from lib.services.inspector.redaction import DEEPEST, LONGEST, Redaction

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
