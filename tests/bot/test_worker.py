"""The real worker, with Pipecat and daily-python really installed: run by `python dev.py test --all`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from lib.doctor.machine import machine
from lib.doctor.probe import probe
from lib.worker import Service, WorkerPlan
from tests.bot.calls import ABSENT_S, PIPECAT, TOKEN, calls, sessions, started, video, workers
from tests.house import until
from tests.running import ROOT, Dashboard
from tests.sandbox_server import RunningSandbox
from tests.tls_server import secured

PYTHON = ROOT / ".venv-pipecat" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
pytestmark = pytest.mark.skipif(
    not os.environ.get("TEST_WORKER"), reason="the Pipecat worker's tests: python dev.py test --all runs them"
)


class Worker:
    """A worker process. `events` are what it told until now."""

    def __init__(self, plan: WorkerPlan) -> None:
        self.process = subprocess.Popen(
            [str(PYTHON), "-m", "lib.bot"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(plan.line())
        self.process.stdin.flush()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        with self.process:
            pass

    def until(self, event: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told: dict[str, Any] = json.loads(line)
            if told["event"] == event:
                return told
        raise AssertionError(f"the worker ended without telling {event}")


def plan(sandbox: RunningSandbox, transport: str, **changes: Any) -> WorkerPlan:
    given: dict[str, Any] = {
        "session_id": "s-1", "name": "gr-1", "transport": transport, "tavus_base_url": sandbox.v2, "tavus_key": "k",
        "replica_id": "r90bbd427f71", "max_call_s": 60, "absent_s": 30, "left_s": 5, "replica_within_s": 20.0,
        "greeting": "Hello.", "room_url": "https://nowhere.daily.co/x", "tts": Service("packaged"),
    }  # fmt: skip
    return WorkerPlan(**{**given, **changes})


def active(sandbox: RunningSandbox) -> int:
    answer = requests.get(f"{sandbox.v2}/conversations?status=active", headers={"x-api-key": "k"}, timeout=5)
    return int(answer.json()["total_count"])


def test_the_packages_of_the_worker_can_be_loaded() -> None:
    tried = probe(PYTHON, machine(), root=ROOT)
    assert tried.cause is None and tried.pipecat and tried.daily, tried.told


def test_its_conversation_carries_limits_and_name_and_ends_with_its_input(sandbox: RunningSandbox) -> None:
    with Worker(plan(sandbox, "rtc")) as worker:
        made = worker.until("conversation")
        assert made["id"].startswith("c") and active(sandbox) == 1
        body = next(entry["body"] for entry in sandbox.log() if entry["path"] == "/v2/conversations")
        assert body["conversation_name"] == "gr-1" and body["properties"] == {
            "max_call_duration": 60, "participant_absent_timeout": 30, "participant_left_timeout": 5,
        }  # fmt: skip
        worker.until("room_joined")
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        assert worker.until("ended")["reason"] == "parent_gone"
        assert worker.process.wait(20) == 0 and active(sandbox) == 0


def test_a_refusal_by_tavus_is_told_with_its_status_and_ends_the_worker(sandbox: RunningSandbox) -> None:
    sandbox.faults({"route": "POST /v2/conversations", "status": 402, "body": {"message": "out of credits"}})
    with Worker(plan(sandbox, "daily")) as worker:
        error = worker.until("error")
        assert (error["code"], error["status"]) == ("tavus_refused", 402) and "out of credits" in error["body"]
        assert worker.process.wait(60) == 3


def test_why_tavus_can_not_be_reached_is_told_as_the_dashboard_tells_it(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with secured(tmp_path) as server:
        whys = {
            server.url: "tls_untrusted",
            server.url.replace("https:", "http:").replace(server.url.rpartition(":")[2], "9"): "refused",
            "https://tavus.invalid": "dns",
        }
        for url, why in whys.items():
            with Worker(plan(sandbox, "rtc", tavus_base_url=url)) as worker:
                error = worker.until("error")
                assert (error["code"], error["why"]) == ("not_sent", why)
                assert worker.process.wait(60) == 3
        assert server.asked == []


def test_a_daily_room_that_can_not_be_joined_is_told_within_30_s_and_its_conversation_ended(
    sandbox: RunningSandbox,
) -> None:
    begun = time.monotonic()
    with Worker(plan(sandbox, "daily")) as worker:
        worker.until("conversation")
        error = worker.until("error")
        assert error["code"] == "daily_join" and "nowhere.daily.co" in error["message"]
        assert time.monotonic() - begun < 30
        assert worker.process.wait(60) == 3 and active(sandbox) == 0


# in the browser


def test_the_avatar_moves_and_is_heard_its_words_are_read_during_the_call_and_nothing_is_left_after_it(
    browser: Browser,
) -> None:
    with Dashboard(env=PIPECAT) as console:
        page, frame = started(browser, console)
        before = video(frame, "currentTime")
        stalls = "window.stalls = 0; document.querySelector('video').addEventListener('waiting', () => window.stalls++)"
        frame.evaluate(stalls)
        frame.locator("#text").fill("What do you cost?")
        frame.locator("#text").press("Enter")
        transcript = page.get_by_test_id("stMain")
        expect(transcript).to_contain_text("What do you cost?", timeout=15_000)
        assert frame.evaluate(
            """async () => {
              const stream = document.querySelector("video").srcObject;
              const context = new AudioContext();
              const ear = context.createAnalyser();
              context.createMediaStreamSource(new MediaStream(stream.getAudioTracks())).connect(ear);
              const heard = new Float32Array(ear.fftSize);
              for (let n = 0; n < 100; n++) {
                ear.getFloatTimeDomainData(heard);
                if (heard.some((value) => Math.abs(value) > 0.01)) return true;
                await new Promise((done) => setTimeout(done, 100));
              }
              return false;
            }"""
        ), "the avatar was not heard"
        until(lambda: video(frame, "currentTime") > before + 10, within_s=30)
        assert frame.evaluate("window.stalls") == 0
        assert sessions(console)[0]["mode"] == "pipecat_daily"
        page.get_by_role("button", name=re.compile("End session")).first.click()
        expect(page.get_by_text("You ended it").first).to_be_visible(timeout=20_000)
        expect(page.get_by_text("What do you cost?").first).to_be_visible(timeout=10_000)
        until(lambda: not workers(console) and calls(console) == 0, within_s=15)
        page.context.close()


def test_a_call_with_somebody_in_its_room_outlasts_the_time_within_which_somebody_must_come(browser: Browser) -> None:
    with Dashboard(env=PIPECAT) as console:
        page, frame = started(browser, console)
        before = video(frame, "currentTime")
        until(lambda: video(frame, "currentTime") > before + ABSENT_S + 3, within_s=60)
        assert (sessions(console)[0]["status"], calls(console), len(workers(console))) == ("live", 1, 1)
        page.context.close()


def test_a_worker_that_is_killed_ends_the_session_with_its_cause(browser: Browser) -> None:
    with Dashboard(env=PIPECAT) as console:
        page, _ = started(browser, console)
        for worker in workers(console):
            worker.kill()
        until(lambda: sessions(console)[0]["status"] in ("ended", "failed") and calls(console) == 0, within_s=20)
        expect(page.get_by_text(re.compile("worker of this call broke off")).first).to_be_visible(timeout=20_000)
        page.context.close()


@pytest.mark.parametrize("after_s", [0.1, 0.7, 1.5, 2.5, 4.0])
def test_a_dashboard_that_is_killed_leaves_no_worker_and_no_call(after_s: float, tmp_path: Path) -> None:
    """At several points of the start. The sandbox dies with it, and its calls come back with it: Tavus's own timer,
    sent with each of them, ends what nobody is in."""
    console = Dashboard(env=PIPECAT, data=tmp_path / "data")
    with console:
        agent = requests.get(f"{console.url}/api/agents", headers=TOKEN, timeout=5).json()["data"][0]["id"]
        body = {"agentId": agent, "enableAvatar": True}
        with contextlib.suppress(requests.Timeout):
            requests.post(f"{console.url}/api/sessions", json=body, headers=TOKEN, timeout=after_s)
        assert console.process is not None
        console.process.kill()
        console.process.wait(10)
        until(lambda: not workers(console), within_s=30)
    with Dashboard(env=PIPECAT, data=tmp_path / "data") as again:
        until(lambda: calls(again) == 0, within_s=30)
        until(lambda: all(one["status"] in ("ended", "failed") for one in sessions(again)), within_s=60)
