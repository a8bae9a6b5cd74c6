"""Workers as real processes: what they tell is heard, a silent one is ended, no secret of theirs is seen."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lib.services.modes import launcher
from lib.services.modes.launcher import LocalLauncher
from lib.worker import Command, Plan
from tests.house import until
from tests.services.scripted_worker import worker_at

KEY = "tvsk_CANARY_worker"


def plan(**changes: Any) -> Plan:
    given: dict[str, Any] = {
        "session_id": "s1", "name": "n", "transport": "rtc", "tavus_base_url": "http://127.0.0.1:9/v2",
        "tavus_key": KEY, "replica_id": "r1", "max_call_s": 60, "absent_s": 30, "left_s": 5, "replica_within_s": 5.0,
    }  # fmt: skip
    return Plan(**{**given, **changes})


class Ear:
    def __init__(self) -> None:
        self.events: queue.Queue[Mapping[str, Any]] = queue.Queue()

    def __call__(self, session_id: str, event: Mapping[str, Any]) -> None:
        self.events.put(event)

    def next(self) -> Mapping[str, Any]:
        return self.events.get(timeout=10)


def started(root: Path, script: str) -> tuple[LocalLauncher, Ear]:
    made, ear = LocalLauncher(Path(sys.executable), worker_at(root, script)), Ear()
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
    monkeypatch.setattr(launcher, "STOP_WITHIN_S", 0.2)
    made, ear = started(tmp_path, "time.sleep(60)")
    made.stop("s1")
    assert ear.next()["code"] != 0


def test_one_that_falls_silent_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "SILENT_S", 0.5)
    _, ear = started(tmp_path, "time.sleep(60)")
    assert ear.next()["event"] == "gone"


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
    with pytest.raises(OSError):
        LocalLauncher(tmp_path / "none", tmp_path).start(plan(), Ear())


def test_a_plan_survives_its_line_and_a_wrong_one_is_refused() -> None:
    made = plan(system_prompt="a\nb\u2028c", greeting="“Hi”")
    assert Plan.parse(made.line()) == made and made.line().count("\n") == 1
    for line in ("", "[]", '{"surprise": 1}', '{"session_id": "s"}'):
        with pytest.raises((ValueError, TypeError)):
            Plan.parse(line)
