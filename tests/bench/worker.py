"""The local pipeline of the mode pipecat_daily in a real browser: how soon a face, how soon an answer, at what cost.

The pipeline is the sandbox's: Pipecat, WebRTC on this machine, packaged speech, a drawn face, a scripted brain.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests
from playwright.sync_api import Browser, Frame, Page

from tests.bench.load import p50
from tests.bot.calls import PIPECAT, TOKEN, calls, sessions, workers
from tests.house import until
from tests.loaded import heavy_among, site_of_worker
from tests.running import ROOT, Dashboard
from tests.websocket import Tab

PYTHON = ROOT / ".venv-pipecat" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
ENV = {**PIPECAT, "ABSENT_TIMEOUT_S": "120", "MAX_STARTS_PER_MINUTE": "600", "DAILY_MINUTES": "100000",
       "MAX_CALL_S": "300", "WATCH_GRACE_S": "600"}  # fmt: skip
SAID = "What do you cost?"
QUIET_S = 6.0
"""How long a call in which nobody speaks is measured."""

PAGES = ("", "live", "history", "personas", "agents", "replicas", "library", "inspector", "diagnostics")

EAR = """async () => {
  const tracks = document.querySelector("video").srcObject.getAudioTracks();
  const context = new AudioContext();
  await context.resume();
  const ear = context.createAnalyser();
  ear.fftSize = 512;
  context.createMediaStreamSource(new MediaStream(tracks)).connect(ear);
  const heard = new Float32Array(ear.fftSize);
  window.loudAt = performance.timeOrigin + performance.now();
  window.sentAt = window.heardAt = 0;
  document.getElementById("bar").addEventListener("submit", () => {
    window.sentAt = performance.timeOrigin + performance.now();
  }, true);
  setInterval(() => {
    ear.getFloatTimeDomainData(heard);
    if (!heard.some((value) => Math.abs(value) > 0.01)) return;
    window.loudAt = performance.timeOrigin + performance.now();
    if (window.sentAt && !window.heardAt) window.heardAt = window.loudAt;
  }, 5);
}"""
"""Notes when words were sent and when the avatar's voice was first heard after that, in ms since 1970."""

SILENT_FOR = "(s) => performance.timeOrigin + performance.now() - window.loudAt > s * 1000"

EYE = """(said) => {
  window.readAt = 0;
  const look = setInterval(() => {
    const [, ...after] = (document.querySelector(".st-key-transcript")?.innerText || "").split(said);
    if (!after.length || after.join("").length < 40) return;
    window.readAt = performance.timeOrigin + performance.now();
    clearInterval(look);
  }, 5);
}"""
"""Notes when the page's transcript has what was said, and behind it more than the name of who answers."""


@dataclass
class Taken:
    """Seconds, except `cpu_*` in cores and `held_mb` in MiB. `first_*` is what a dashboard's first start
    takes, which also tries the worker's packages."""

    first_room: float = 0.0
    first_frame: float = 0.0
    room: list[float] = field(default_factory=list)
    frame: list[float] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    cpu_quiet: list[float] = field(default_factory=list)
    cpu_answering: list[float] = field(default_factory=list)
    held_mb: list[float] = field(default_factory=list)


def measure(browser: Browser, rounds: int) -> Taken:
    """One call after the other on one dashboard; the first stands alone."""
    taken = Taken()
    with Dashboard(env=ENV) as console:
        for turn in range(rounds + 1):
            context = browser.new_context(permissions=["camera", "microphone"], viewport={"width": 1440, "height": 950})
            room_s, frame_s = _call(context.new_page(), console, taken if turn else None)
            if turn:
                taken.room.append(room_s)
                taken.frame.append(frame_s)
            else:
                taken.first_room, taken.first_frame = room_s, frame_s
            for session in sessions(console):
                if session["status"] not in ("ended", "failed"):
                    requests.post(f"{console.url}/api/sessions/{session['sessionId']}/end", headers=TOKEN, timeout=20)
            context.close()
            until(lambda: not workers(console) and not calls(console), within_s=30)
    return taken


def _call(page: Page, console: Dashboard, taken: Taken | None) -> tuple[float, float]:
    """Seconds from the click on *Start* to the button *Join*, and to the first frame of the face; what comes after that
    goes into `taken`."""
    page.goto(console.url)
    button = page.get_by_role("button", name=re.compile(r"^\s*Start\b")).first
    button.wait_for(timeout=30_000)
    begun = time.perf_counter()
    button.click()
    join = page.frame_locator("iframe").first.get_by_role("button", name="Join", exact=True)
    join.wait_for(timeout=60_000)
    room_s = time.perf_counter() - begun
    join.click()
    handle = page.query_selector("iframe")
    frame = handle.content_frame() if handle else None
    assert frame is not None
    frame.evaluate("new Promise((done) => document.querySelector('video').requestVideoFrameCallback(done))")
    frame_s = time.perf_counter() - begun
    if taken is not None:
        _talk(page, frame, workers(console)[0], taken)
    return room_s, frame_s


def _talk(page: Page, frame: Frame, worker: psutil.Process, taken: Taken) -> None:
    frame.evaluate(EAR)
    until(lambda: frame.evaluate(SILENT_FOR, 1.5), within_s=30)
    taken.cpu_quiet.append(_cpu(worker, QUIET_S))
    page.evaluate(EYE, SAID)
    frame.locator("#text").fill(SAID)
    frame.locator("#text").press("Enter")
    before, began = _worked(worker), time.perf_counter()
    until(lambda: frame.evaluate("window.heardAt") and page.evaluate("window.readAt"), within_s=30)
    until(lambda: frame.evaluate(SILENT_FOR, 1.0), within_s=30)
    taken.cpu_answering.append((_worked(worker) - before) / (time.perf_counter() - began))
    sent, heard, read = (
        frame.evaluate("window.sentAt"),
        frame.evaluate("window.heardAt"),
        page.evaluate("window.readAt"),
    )
    taken.heard.append((heard - sent) / 1000)
    taken.read.append((read - sent) / 1000)
    taken.held_mb.append(worker.memory_info().rss / 2**20)


def _worked(worker: psutil.Process) -> float:
    times = worker.cpu_times()
    return float(times.user + times.system)


def _cpu(worker: psutil.Process, seconds: float) -> float:
    """In cores."""
    before, began = _worked(worker), time.perf_counter()
    time.sleep(seconds)
    return (_worked(worker) - before) / (time.perf_counter() - began)


# what the dashboard does not pay


@dataclass(frozen=True)
class Imports:
    """`seconds` and `mb` are what the worker's packages cost to load, None where they are not there; `heavy` are those
    that a dashboard loaded, `modules` how many modules it has."""

    seconds: float | None
    mb: float | None
    heavy: list[str]
    modules: int


_LOAD = """
import json, time
begun = time.perf_counter()
import lib.bot.session, pipecat.services.tavus.video, pipecat.transports.daily.transport
try:
    import resource
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
except ImportError:
    mb = 0.0
print(json.dumps([time.perf_counter() - begun, mb]))
"""


def imports(folder: Path, rounds: int) -> Imports:
    """A dashboard in this mode, in which a call is started and every page opened, with the packages within reach."""
    folder.mkdir()
    site, into = site_of_worker(), folder / "loaded"
    env = {**ENV, "LOADED_INTO": str(into), "LOADED_BESIDES": str(site or "")}
    with Dashboard(env=env, module="tests.loaded") as console:
        agent = requests.get(f"{console.url}/api/agents", headers=TOKEN, timeout=10).json()["data"][0]["id"]
        body = {"agentId": agent, "enableAvatar": True}
        requests.post(f"{console.url}/api/sessions", json=body, headers=TOKEN, timeout=90)
        with Tab(console.url) as tab:
            for page in PAGES:
                tab.run(page=page)
    loaded = into.read_text(encoding="utf-8").split()
    heavy = heavy_among(loaded, site)
    if site is None:
        return Imports(None, None, heavy, len(loaded))
    costs = [_loading() for _ in range(rounds + 1)][1:]
    return Imports(p50([one[0] for one in costs]), p50([one[1] for one in costs]), heavy, len(loaded))


def _loading() -> list[float]:
    done = subprocess.run([str(PYTHON), "-c", _LOAD], cwd=ROOT, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def told(taken: Taken | None, imported: Imports) -> Iterator[str]:
    """The figures as lines. `taken` is None where the worker's environment is not there."""
    yield "The local pipeline of pipecat_daily, in a real browser on this machine, p50:"
    if taken is None:
        yield "  .venv-pipecat is not there, so none of it was measured: python dev.py worker installs it"
    else:
        yield (
            f"  Start to the first video frame   {p50(taken.frame):5.2f} s, of which {p50(taken.room):.2f} s to the "
            f"button Join, pressed at once; {taken.first_frame:.2f} s the first time, which also tries the packages"
        )
        yield (
            f"  typed words to an answer         {p50(taken.heard):5.2f} s until the avatar is heard (energy of its "
            f"audio), {p50(taken.read):.2f} s until its text is in the page"
        )
        yield (
            f"  a worker                         {p50(taken.cpu_quiet):5.2f} cores while nobody speaks, "
            f"{p50(taken.cpu_answering):.2f} while it answers; {p50(taken.held_mb):.0f} MB held"
        )
    verdict = "ok" if not imported.heavy else f"OVER: {', '.join(imported.heavy)}"
    avoided = "its packages are not there to be measured"
    if imported.seconds is not None:
        avoided = f"its packages take {imported.seconds:.2f} s and {imported.mb:.0f} MB to load"
    yield (
        f"  import cost in the dashboard     {len(imported.heavy)} of its {imported.modules} modules are the worker's "
        f"({verdict}, 0 at most); {avoided}"
    )
    yield ""
