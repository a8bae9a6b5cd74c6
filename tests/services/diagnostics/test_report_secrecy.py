"""The report of a machine full of canary secrets holds none of them, however they are written."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from pydantic import SecretStr

from lib.clients.tavus import Tavus
from lib.services.diagnostics.service import Diagnostics, report_json, report_markdown
from lib.settings import Loaded, load, secret_names
from lib.store.database import Store
from tests.running import ROOT
from tests.scripted_server import answer, scripted

SIGNS = "tv&k{:02d}~CANARY+=/7f<3a"
DATABASE = "DATABASE_URL"
NAMES = sorted(set(secret_names()) - {DATABASE})
CANARIES = {name: SIGNS.format(number) for number, name in enumerate(NAMES)}
PASSWORD = "pw~CANARY+7f33a"


def _base64_after(count: int, encode: Callable[[bytes], bytes]) -> Callable[[str], str]:
    def written(secret: str) -> str:
        return encode(b"key="[:count] + secret.encode() + b"!!").decode()

    return written


WAYS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "reversed": lambda secret: secret[::-1],
    "address": lambda secret: quote(secret, safe=""),
    "lower-case address": lambda secret: re.sub("%..", lambda found: found[0].lower(), quote(secret, safe="")),
    "address twice over": lambda secret: quote(quote(secret, safe=""), safe=""),
    "form": quote_plus,
    "every sign as percent": lambda secret: "".join(f"%{byte:02X}" for byte in secret.encode()),
    "json": lambda secret: json.dumps(secret)[1:-1],
    "every sign as unicode escape": lambda secret: "".join(f"\\u{ord(sign):04x}" for sign in secret),
    "html": html.escape,
    "hexadecimal": lambda secret: secret.encode().hex(),
    "upper hexadecimal": lambda secret: secret.encode().hex().upper(),
    "spaced hexadecimal": lambda secret: secret.encode().hex(" "),
    "base32": lambda secret: base64.b32encode(secret.encode()).decode(),
    "upper case": str.upper,
    **{f"base64 after {n}": _base64_after(n, base64.b64encode) for n in range(3)},
    **{f"safe base64 after {n}": _base64_after(n, base64.urlsafe_b64encode) for n in range(3)},
}


@pytest.fixture
def canaries() -> Loaded:
    environ = {**CANARIES, DATABASE: f"postgresql://user:{quote(PASSWORD, safe='')}@db.example/greenroom"}
    loaded = load(Path("/nowhere"), environ)
    assert not loaded.problems and len(NAMES) >= 7
    for name in NAMES:
        assert getattr(loaded.settings, name.lower()).get_secret_value() == CANARIES[name]
    return loaded


def reports(loaded: Loaded, store: Store, said: str, status: int = 401) -> Iterator[str]:
    """Each form of a report on a machine where Tavus answers with these words."""
    with scripted(answer(status, {"message": said})) as upstream:
        key = loaded.settings.tavus_api_key
        assert key is not None
        tavus = Tavus(base_url=upstream.url, api_key=SecretStr(key.get_secret_value()), timeouts=(1, 1))
        made = Diagnostics(loaded=loaded, tavus=tavus, store=store, root=ROOT, limit_s=2.0).run()
        tavus.close()
    assert any("401" in check.evidence for check in made.checks)
    yield from (report_markdown(made), report_json(made), repr(made))


def leaked(text: str, secret: str, length: int = 8) -> str:
    """A piece of the secret that stands in the text, in any of the ways; "" if there is none."""
    bare = text.replace("\\\\", "\\").lower()
    for name, written in WAYS.items():
        whole = written(secret).lower()
        # Ends of base64 belong to what stands beside the secret.
        inner = whole[4:-4] if "base64" in name else whole
        for at in range(len(inner) - length + 1):
            if inner[at : at + length] in bare:
                return f"{name}: {inner[at : at + length]}"
    return ""


@pytest.mark.parametrize("way", WAYS)
def test_an_echo_of_each_secret_is_blotted_out_in_each_way_of_writing_it(
    way: str, canaries: Loaded, sqlite_store: Store
) -> None:
    for name, secret in [*CANARIES.items(), (DATABASE, PASSWORD)]:
        hidden = Diagnostics(
            loaded=canaries, tavus=Tavus(base_url="", api_key=SecretStr("k")), store=sqlite_store, root=ROOT
        )._configuration.hide(f"before {WAYS[way](secret)} after")
        assert not leaked(hidden, secret) and hidden.startswith("before ") and hidden.endswith(" after"), (name, hidden)


def test_no_form_of_the_report_holds_one_though_tavus_repeats_them_all(canaries: Loaded, sqlite_store: Store) -> None:
    for way in ("plain", "address", "hexadecimal", "base64 after 1"):
        said = " ".join(WAYS[way](secret) for secret in (CANARIES["TAVUS_API_KEY"], CANARIES["API_TOKEN"], PASSWORD))
        for text in reports(canaries, sqlite_store, said):
            for known in (*CANARIES.values(), PASSWORD):
                assert not leaked(text, known)


@pytest.mark.parametrize("cut", [8, 12, 20])
def test_a_secret_at_which_a_long_answer_is_cut_off_leaves_no_beginning(
    cut: int, canaries: Loaded, sqlite_store: Store
) -> None:
    for name in ("TAVUS_API_KEY", "API_TOKEN"):
        for text in reports(canaries, sqlite_store, "x" * (299 - cut) + CANARIES[name] * 3):
            assert not leaked(text, CANARIES[name], length=6)


def test_a_key_that_was_pasted_into_a_setting_that_is_shown_is_not_shown(sqlite_store: Store) -> None:
    key = "tvsk_CANARY0123456789abcd"
    loaded = load(Path("/nowhere"), {"TAVUS_API_KEY": key, "TAVUS_DEFAULT_REPLICA_ID": key, "CHAT_MODEL": key})
    for text in reports(loaded, sqlite_store, "no"):
        assert "CANARY" not in text
