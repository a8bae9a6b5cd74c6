"""Avatar unavailable: each cause is made for real where it can be, and shows its words, what works and what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from pydantic import SecretStr
from streamlit.testing.v1 import AppTest

from lib import wiring
from lib.doctor import bare
from lib.doctor.causes import Cause, of_import, of_platform
from lib.doctor.probe import Probe
from lib.doctor.report import CheckResult
from lib.models import Mode, Session, Status
from lib.ui.call import browser_check
from tests.doctor.test_causes import DLL, JOINED, LINUX, MAC, NO_DAILY, OLD, SHADOW, WINDOWS
from tests.house import demo, reaches
from tests.pages.opened import Console, console, words
from tests.services.scripted_worker import worker_at
from tests.tls_server import secured

REFUSED = "POST /v2/conversations"
PIPECAT: dict[str, Any] = {
    "tavus_avatar_mode": Mode.PIPECAT_DAILY, "daily_api_key": SecretStr("d"), "deepgram_api_key": SecretStr("g"),
    "chat_base_url": "http://127.0.0.1:9/v1", "cartesia_api_key": SecretStr("c"), "cartesia_voice_id": "v",
    "pipecat_python": sys.executable,
}  # fmt: skip
LOADED = Probe("3.12", "1.14.0", "0.36.0", None)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with console(tmp_path_factory.mktemp("phoenix"), sweep_interval_s=60) as made:
        yield made


@pytest.fixture
def house(kept: Console) -> Console:
    """One for all tests, and this process's own again: others were in between."""
    wiring.install(kept.services)
    kept.sandbox.faults()
    return kept


@contextmanager
def pipecat(root: Path, script: str = "", tried: Probe | None = LOADED, **settings: Any) -> Iterator[Console]:
    """The mode with a worker that does as `script` says. `tried` is what became of its packages, None: tried now."""
    worker_at(root, script)
    with console(root, **{**PIPECAT, **settings}) as made:
        daily = made.services.pipecat._daily
        assert daily is not None
        daily.reach_at(f"{made.sandbox.url}/daily/v1")
        made.services.pipecat._probe = tried
        yield made


def refused(house: Console) -> tuple[Session, AppTest]:
    """A start that becomes text, and its page."""
    session = house.services.sessions.start_and_wait(demo(house.services).id, token=token_hex(8))
    assert (session.mode, session.status) == (Mode.TEXT, Status.LIVE), session
    app = house.open("live", session=session.id)
    house.services.sessions.end(session.id)
    return session, app


def banner(app: AppTest) -> str:
    """The text of the banner. Its two buttons are there."""
    assert {"Retry", "Diagnostics"} <= {button.label for button in app.button}
    said = [str(part.value).replace("\\", "").replace("\u2060", "") for part in app.markdown]
    (told,) = [text for text in said if "Avatar unavailable." in text]
    return told


ANSWERS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"status": 401, "body": {"message": "Invalid access token"}}, "key_refused", "refused the key (401)", "API_KEY"),
    ({"status": 402, "body": {"message": "out of conversational credits"}}, "out_of_credit", "no minutes", "Top up"),
    (
        {"status": 400, "body": {"message": "User has reached maximum concurrent conversations"}},
        "slots_full", "slots", "End an open conversation",
    ),
    ({"status": 400, "body": {"error": "Invalid persona_id"}}, "persona_unknown", "the persona", "Choose a persona"),
    ({"status": 400, "body": {"error": "Invalid replica_uuid"}}, "replica_unknown", "the replica", "Choose a replica"),
    ({"status": 404, "html": True}, "web_page", "with a web page instead of data", "TAVUS_BASE_URL"),
    ({"status": 429, "body": {"error": "slow down"}, "headers": {"retry-after": "90"}}, "rate_limited", "429", "Wait"),
]  # fmt: skip


@pytest.mark.parametrize(("how", "code", "cause", "advice"), ANSWERS, ids=[row[1] for row in ANSWERS])
def test_what_tavus_refuses(house: Console, how: dict[str, Any], code: str, cause: str, advice: str) -> None:
    house.sandbox.faults({"route": REFUSED, **how})
    session, app = refused(house)
    told = banner(app)
    assert session.reason_code == code and cause in told and advice in told
    assert "Nothing was created and nothing is billed. Text chat below works" in told
    assert ("Open the agent" in words(app)) is (code in ("persona_unknown", "replica_unknown"))


@pytest.mark.parametrize(
    ("where", "code", "cause", "advice"),
    [
        ("https://tavus.invalid/v2", "dns", "its name can't be found", "online"),
        ("http://127.0.0.1:9/v2", "refused", "the connection is refused", "TAVUS_BASE_URL"),
        ("", "tls_untrusted", "its certificate is not trusted here", "REQUESTS_CA_BUNDLE"),
    ],
)
def test_a_tavus_that_can_not_be_reached(where: str, code: str, cause: str, advice: str, tmp_path: Path) -> None:
    with console(tmp_path, sweep_interval_s=60) as house, secured(tmp_path) as proxy:
        house.services.tavus.reach_at(where or f"{proxy.url}/v2")
        session, app = refused(house)
        assert proxy.asked == []
        told = banner(app)
        assert session.reason_code == code and cause in told and advice in told and "Text chat below works" in told


def test_after_three_failures_a_start_asks_nobody_and_says_since_when(tmp_path: Path) -> None:
    with console(tmp_path, sweep_interval_s=60) as house:
        right = house.services.tavus.base_url
        house.services.tavus.reach_at("http://127.0.0.1:9/v2")
        for _ in range(3):
            refused(house)
        house.services.tavus.reach_at(right)
        session, app = refused(house)
        told = banner(app)
        assert session.reason_code == "tavus_out_of_reach" and "out of reach since" in told
        assert "Text chat below works" in told and REFUSED not in house.asked()


def test_an_answer_that_never_comes_is_asked_about_and_then_given_up(tmp_path: Path) -> None:
    with console(tmp_path, reconcile_horizon_s=1) as house:
        house.sandbox.faults({"route": REFUSED, "drop": "before"})
        session = house.services.sessions.start_and_wait(demo(house.services).id, token="t")
        over = reaches(house.services, session, Status.LIVE, Status.FAILED)
        told = banner(house.open("live", session=over.id))
        assert "Tavus" in told and house.asked().count(REFUSED) == 1
        assert "Nothing was created and nothing is billed" in told
        assert ("Text chat below works" if over.status is Status.LIVE else "Text chat") in told


def of(told: str, here: Any = LINUX, daily: str = "", daily_from: str = "") -> Cause:
    return of_import(told, here, daily=daily, daily_from=daily_from)


def at(here: Any) -> Cause:
    cause = of_platform(here)
    assert cause is not None
    return cause


LOADING: list[tuple[Cause, str, str]] = [
    (of(NO_DAILY), "No module named 'daily'", "python dev.py worker"),
    (of(OLD, WINDOWS), "too old for Windows", "0.34.0"),
    (of(DLL, WINDOWS, "0.36.0"), "could not load daily", "Media Feature Pack"),
    (of(SHADOW), "Another module named daily", "Rename"),
    (of(JOINED), "somelib (types.py, line 41)", "pip install --upgrade somelib"),
    (at(replace(WINDOWS, architecture="arm64")), "Windows for ARM", "WSL2"),
    (at(replace(LINUX, libc="musl")), "musl", "python:3.12-slim"),
    (at(replace(MAC, release="12.7.6")), "macOS 13", "Update macOS"),
    (at(replace(MAC, architecture="x86_64")), "Intel", "Apple"),
    (at(replace(LINUX, python="3.10.1")), "3.10.1", "PIPECAT_PYTHON"),
]


@pytest.fixture(scope="module")
def kept_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with pipecat(tmp_path_factory.mktemp("pipecat")) as made:
        yield made


@pytest.fixture
def worker_house(kept_worker: Console) -> Console:
    wiring.install(kept_worker.services)
    return kept_worker


@pytest.mark.parametrize(("cause", "words_of_it", "advice"), LOADING, ids=[row[0].code for row in LOADING])
def test_what_keeps_the_workers_packages_from_loading(
    worker_house: Console, cause: Cause, words_of_it: str, advice: str
) -> None:
    worker_house.services.pipecat._probe = Probe("3.12", "1.14.0", "", cause)
    session, app = refused(worker_house)
    told = banner(app)
    assert session.reason_code == cause.code and words_of_it in told and advice in told
    assert "Text chat below works" in told and "phoenix_rest works too" in told
    row = bare.worker(LINUX, Probe("3.12", "1.14.0", "", cause))
    assert row.result is not CheckResult.PASS and words_of_it in row.evidence and advice in row.evidence + row.fix
    assert row.fix == cause.fix
    assert worker_house.sandbox.log() == [] or not any(r.startswith("POST") for r in worker_house.asked())


def test_a_worker_without_pipecat_for_real(tmp_path: Path) -> None:
    with pipecat(tmp_path, tried=None) as house:
        session, app = refused(house)
        assert session.reason_code == "pipecat_missing" and "Pipecat is not installed" in banner(app)


def test_missing_keys_are_named(tmp_path: Path) -> None:
    with pipecat(tmp_path, deepgram_api_key=None, cartesia_voice_id="") as house:
        session, app = refused(house)
        told = banner(app)
        assert session.reason_code == "missing_keys" and "Put what is missing into .env" in told
        assert "DEEPGRAM_API_KEY, CARTESIA_API_KEY and CARTESIA_VOICE_ID" in told


def test_a_daily_key_that_is_refused_and_one_of_another_domain(tmp_path: Path) -> None:
    with pipecat(tmp_path, daily_subdomain="go-scope") as house:
        _, app = refused(house)
        told = banner(app)
        assert "The Daily key belongs to sandbox.daily.co, not to go-scope.daily.co" in told
        assert "Correct DAILY_SUBDOMAIN or DAILY_API_KEY" in told
        house.sandbox.faults({"route": "POST /daily/v1/rooms", "status": 401, "body": {"error": "authentication"}})
        _, app = refused(house)
        told = banner(app)
        assert "Daily refused the key (401)" in told and "Put a valid DAILY_API_KEY" in told and "TAVUS" not in told
        assert not any(route == REFUSED for route in house.asked())


@pytest.mark.parametrize(
    ("tell", "code", "cause", "advice"),
    [
        ("tell('error', code='no_replica', message='The room was made, but no avatar came into it within 30 s.')",
         "no_replica", "no avatar came into it within 30 s", "Look at the replica"),
        ("tell('error', code='daily_join', message='The Daily room nowhere.daily.co could not be joined.')",
         "daily_join", "could not be joined", "DAILY_SUBDOMAIN"),
        ("os._exit(7)", "worker_died", "broke off (exit code 7)", "Diagnostics tries the worker's packages"),
    ],
)  # fmt: skip
def test_a_call_that_breaks_off_says_so_and_goes_on_in_writing(
    tell: str, code: str, cause: str, advice: str, tmp_path: Path
) -> None:
    with pipecat(tmp_path, f"\ncreate()\ncommand()\n{tell}\nsys.exit(3)") as house:
        services = house.services
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert session.mode is Mode.PIPECAT_DAILY and session.status.open, session
        services.pipecat.say(session.id, "go")
        over = reaches(services, session, Status.ENDED)
        app = house.open("live", session=session.id)
        told = banner(app)
        assert over.reason_code == code and cause in told and advice in told and "It lasted" in told
        app.button(key="live_write").click().run()
        (written,) = services.sessions.open()
        assert written.mode is Mode.TEXT and not written.reason


@pytest.mark.parametrize(
    ("told", "title", "cause", "works"),
    [
        ({"secure": False}, "Avatar unavailable.", "neither on https nor on localhost", "Text chat works as it is."),
        ({"secure": True, "webrtc": False}, "Avatar unavailable.", "no WebRTC", "Text chat works as it is."),
        (
            {"secure": True, "webrtc": True, "microphone": "denied", "microphones": 1},
            "The avatar can't hear you.", "was refused once", "written to in its room",
        ),
    ],
)  # fmt: skip
def test_what_the_browser_lacks_is_said_around_the_frame(
    house: Console, told: dict[str, Any], title: str, cause: str, works: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser_check, "ask", lambda key: told)
    session = house.services.sessions.start_and_wait(demo(house.services).id, token=title + cause)
    assert session.mode is Mode.PHOENIX_REST, session
    try:
        app = house.open("live", session=session.id)
        shown = words(app)
        assert f"**{title} " in shown and cause in shown and works in shown
        assert app.button(key="live_ask_browser").label == "Retry" and app.button(key="live_browser_diagnostics")
    finally:
        house.services.sessions.end(session.id)


def test_a_browser_that_lacks_nothing_is_not_spoken_of(house: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = {"secure": True, "webrtc": True, "microphone": "prompt", "microphones": 0, "camera": "denied", "cameras": 0}
    monkeypatch.setattr(browser_check, "ask", lambda key: fine)
    session = house.services.sessions.start_and_wait(demo(house.services).id, token="fine")
    app = house.open("live", session=session.id)
    assert "live_ask_browser" not in [button.key for button in app.button]
    house.services.sessions.end(session.id)
