"""Workers as real processes: what they tell is heard, a silent one is ended, no secret of theirs is seen."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lib.errors import Conflict, LimitReached, SettingsWrong
from lib.services.modes.workers import launcher, limits
from lib.services.modes.workers import local as processes
from lib.services.modes.workers.launcher import Launcher
from lib.services.modes.workers.limits import WorkerLimits
from lib.services.modes.workers.local import LocalLauncher
from lib.worker import Command, WorkerPlan
from tests.house import until
from tests.services.scripted_worker import worker_at

KEY = "tvsk_CANARY_worker"


def plan(**changes: Any) -> WorkerPlan:
    given: dict[str, Any] = {
        "session_id": "s1", "name": "n", "transport": "rtc", "tavus_base_url": "http://127.0.0.1:9/v2",
        "tavus_key": KEY, "replica_id": "r1", "max_call_s": 60, "absent_s": 30, "left_s": 5, "replica_within_s": 5.0,
    }  # fmt: skip
    return WorkerPlan(**{**given, **changes})


class Ear:
    def __init__(self) -> None:
        self.events: queue.Queue[Mapping[str, Any]] = queue.Queue()

    def __call__(self, session_id: str, event: Mapping[str, Any]) -> None:
        self.events.put(event)

    def next(self) -> Mapping[str, Any]:
        return self.events.get(timeout=10)


def local(root: Path, script: str, *, at_most: int = 2, memory_mb: int = 1500) -> LocalLauncher:
    most = WorkerLimits(memory_mb)
    return LocalLauncher(Path(sys.executable), worker_at(root, script), at_most=at_most, limits=most)


def started(root: Path, script: str, **most: int) -> tuple[LocalLauncher, Ear]:
    made, ear = local(root, script, **most), Ear()
    made.start(plan(), ear)
    assert ear.next() == {"event": "starting"}
    return made, ear


def test_events_are_heard_and_commands_arrive_among_a_librarys_own_prints(tmp_path: Path) -> None:
    made, ear = started(
        tmp_path, "print('noise'); print('{not json'); tell('turn', role='user', text=command()['text'])"
    )
    assert made.tell("s1", Command.SAY, text="line\nbreak")
    assert ear.next() == {"event": "turn", "role": "user", "text": "line\nbreak"}
    assert ear.next() == {"event": "gone", "code": 0}
    until(lambda: made.status("s1") is None)
    assert made.list() == [] and not made.tell("s1", Command.SAY, text="x")


def test_a_stop_is_asked_for_first(tmp_path: Path) -> None:
    made, ear = started(tmp_path, "tell('ended', reason=command()['command'])")
    state = made.status("s1")
    assert state is not None and state.running
    made.stop("s1")
    assert ear.next() == {"event": "ended", "reason": "stop"} and ear.next()["code"] == 0


def test_one_that_does_not_stop_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_WITHIN_S", 0.2)
    made, ear = started(tmp_path, "time.sleep(60)")
    made.stop("s1")
    assert ear.next()["code"] != 0


def test_one_that_falls_silent_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "SILENT_S", 0.5)
    _, ear = started(tmp_path, "time.sleep(60)")
    gone = ear.next()
    assert gone["event"] == "gone" and gone["why"] == "it fell silent"


BEATING = (
    "import threading\nthreading.Thread(target=lambda: [(time.sleep(.1), tell('beat')) for _ in range(600)]).start()\n"
)


def test_one_that_beats_goes_on_past_the_time_of_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "SILENT_S", 0.5)
    _, ear = started(tmp_path, BEATING + "time.sleep(2)\ntell('turn', text='here')\nos._exit(0)")
    assert ear.next() == {"event": "turn", "text": "here"}
    assert ear.next() == {"event": "gone", "code": 0}


def test_one_that_holds_more_memory_than_it_may_is_ended_and_this_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "WATCH_EVERY_S", 0.1)
    _, ear = started(tmp_path, "held = b'x' * (120 << 20)\ntime.sleep(60)", memory_mb=100)
    gone = ear.next()
    assert gone["event"] == "gone" and gone["code"] != 0
    assert gone["why"].startswith("it used more memory than it may, 1") and gone["why"].endswith(" of 100 MB")


def test_one_that_spins_is_ended_and_this_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "WATCH_EVERY_S", 0.1)
    monkeypatch.setattr(limits, "CPU_S_PER_CALL_S", 0)
    monkeypatch.setattr(limits, "CPU_S_BESIDES", 1)
    _, ear = started(tmp_path, "while True: pass")
    assert ear.next()["why"] == "it used more processor time than it may, 1 s"


def test_no_more_run_at_once_than_may_and_one_that_was_told_to_stop_does_not_count(tmp_path: Path) -> None:
    made, ear = started(tmp_path, "command()\ntime.sleep(1)", at_most=1)
    with pytest.raises(LimitReached, match="1 workers run"):
        made.start(plan(session_id="s2"), Ear())
    assert [state.session_id for state in made.list()] == ["s1"]
    made.stop("s1")
    other = Ear()
    made.start(plan(session_id="s2"), other)
    assert other.next() == {"event": "starting"} and ear.next()["event"] == "gone"
    made.close()


def test_one_that_said_its_last_is_no_hindrance_to_the_next(tmp_path: Path) -> None:
    made, ear = started(tmp_path, "tell('ended', reason='x')\ntime.sleep(2)", at_most=1)
    assert ear.next()["event"] == "ended"
    other = Ear()
    made.start(plan(session_id="s2"), other)
    assert other.next() == {"event": "starting"}
    made.close()


def test_a_session_gets_no_second_worker(tmp_path: Path) -> None:
    made, ear = started(tmp_path, "tell('turn', text=str(command()))")
    with pytest.raises(Conflict):
        made.start(plan(), Ear())
    assert made.tell("s1", Command.STOP) and "stop" in ear.next()["text"]


def test_it_is_a_launcher(tmp_path: Path) -> None:
    engine: Launcher = local(tmp_path, "")
    assert engine.here and engine.list() == [] and engine.status("s1") is None
    engine.stop("s1")


def test_the_end_of_its_input_is_the_end_of_its_parent(tmp_path: Path) -> None:
    made, ear = started(tmp_path, "tell('ended', reason=str(command()))")
    threading.Thread(target=made.close).start()
    assert ear.next() == {"event": "ended", "reason": "None"}


def test_no_key_is_in_its_arguments_or_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAVUS_API_KEY", KEY)
    script = "tell('turn', text=' '.join(sys.argv) + ' '.join(os.environ) + ' '.join(os.environ.values())); command()"
    made, ear = started(tmp_path, script)
    assert KEY not in ear.next()["text"] and KEY not in repr(plan())
    made.stop("s1")


def test_a_python_that_is_not_there_starts_nothing(tmp_path: Path) -> None:
    made = LocalLauncher(tmp_path / "none", tmp_path, at_most=1, limits=WorkerLimits(1500))
    with pytest.raises(SettingsWrong, match="can't be started: No such file"):
        made.start(plan(), Ear())
    assert made.list() == []


def test_a_plan_survives_its_line_and_a_wrong_one_is_refused() -> None:
    made = plan(system_prompt="a\nb\u2028c", greeting="“Hi”")
    assert WorkerPlan.parse(made.line()) == made and made.line().count("\n") == 1
    for line in ("", "[]", '{"surprise": 1}', '{"session_id": "s"}'):
        with pytest.raises((ValueError, TypeError)):
            WorkerPlan.parse(line)
