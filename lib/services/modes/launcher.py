"""Starts workers and hears them: one process a session on this machine.

A launcher has four methods: start, status, stop, list. What a worker tells arrives in a thread of its own; what it
leaves behind when it dies is for whoever started it to tidy up, so its end is told too, whatever the way.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lib.worker import BEAT_EVERY_S, Command, Event, Plan, line_of, parsed

log = logging.getLogger(__name__)

SILENT_S = 6 * BEAT_EVERY_S
"""A worker that has not beaten for so long hangs."""

STOP_WITHIN_S = 8.0

KEPT = (
    "PATH", "SYSTEMROOT", "TEMP", "TMP", "HOME", "USERPROFILE", "LOCALAPPDATA", "LD_LIBRARY_PATH", "LANG",
    "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE",
)  # fmt: skip
"""What a worker gets of our environment. Keys are not among it: those that it needs are in its plan."""

Heard = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class State:
    """`running` as long as its process lives; `code` is its exit code after that."""

    session_id: str
    running: bool
    code: int | None
    silent_s: float


class Launcher(Protocol):
    """`start` calls `heard(session_id, event)` for each event, last for `{"event": "gone", "code": ...}`."""

    def start(self, plan: Plan, heard: Heard) -> None: ...

    def status(self, session_id: str) -> State | None: ...

    def stop(self, session_id: str) -> None: ...

    def list(self) -> list[State]: ...


@dataclass
class _Worker:
    process: subprocess.Popen[str]
    heard: Heard
    beaten_at: float = field(default_factory=time.monotonic)
    talking: threading.Lock = field(default_factory=threading.Lock)
    reader: threading.Thread | None = None


class LocalLauncher:
    """Processes of this machine. `python` is the worker's own, `root` the project's folder."""

    def __init__(self, python: Path, root: Path) -> None:
        self._python = python
        self._root = root
        self._workers: dict[str, _Worker] = {}
        self._door = threading.Lock()

    def start(self, plan: Plan, heard: Heard) -> None:
        """Raises OSError where the process can't be started; then nothing was."""
        worker = _Worker(self._process(), heard)
        with self._door:
            self._workers[plan.session_id] = worker
        self._write(worker, plan.line())
        worker.reader = threading.Thread(
            target=self._read, args=(plan.session_id, worker), name=f"greenroom-worker-{plan.session_id}", daemon=True
        )
        worker.reader.start()

    def tell(self, session_id: str, command: Command, **values: Any) -> bool:
        """Give a worker a command; False if it is not there to hear it."""
        worker = self._workers.get(session_id)
        return worker is not None and self._write(worker, line_of(command, values))

    def status(self, session_id: str) -> State | None:
        """None for a worker that this process did not start, or that was tidied up."""
        worker = self._workers.get(session_id)
        if worker is None:
            return None
        code = worker.process.poll()
        return State(session_id, code is None, code, time.monotonic() - worker.beaten_at)

    def list(self) -> list[State]:
        with self._door:
            known = list(self._workers)
        return [state for session_id in known if (state := self.status(session_id)) is not None]

    def stop(self, session_id: str) -> None:
        """Ask it to end, and end it if it does not within some seconds. Returns at once."""
        worker = self._workers.get(session_id)
        if worker is None:
            return
        self._write(worker, line_of(Command.STOP, {}))
        timer = threading.Timer(STOP_WITHIN_S, _kill, (worker.process,))
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """End all of them: their input ends, which each takes as its parent's end. What they told was heard then."""
        with self._door:
            workers = list(self._workers.values())
        for worker in workers:
            _hang_up(worker)
        deadline = time.monotonic() + 3.0
        for worker in workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.05, deadline - time.monotonic()))
            _kill(worker.process)
        for worker in workers:
            # It may be deleting the room of its call.
            if worker.reader is not None:
                worker.reader.join(max(1.0, deadline - time.monotonic()))

    def _process(self) -> subprocess.Popen[str]:
        env = {name: os.environ[name] for name in KEPT if name in os.environ}
        return subprocess.Popen(
            [str(self._python), "-m", "lib.bot"],
            cwd=self._root,
            env={**env, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C in the terminal is for the dashboard: it decides how its workers end.
            start_new_session=os.name != "nt",
        )

    def _write(self, worker: _Worker, line: str) -> bool:
        with worker.talking:
            try:
                assert worker.process.stdin is not None
                worker.process.stdin.write(line)
                worker.process.stdin.flush()
            except (OSError, ValueError):
                return False
        return True

    def _read(self, session_id: str, worker: _Worker) -> None:
        watch = threading.Timer(SILENT_S, self._watch, (session_id, worker))
        watch.daemon = True
        watch.start()
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            worker.beaten_at = time.monotonic()
            event = parsed(line)
            if event and event.get("event") != Event.BEAT:
                self._tell(session_id, worker, event)
        code = worker.process.wait()
        watch.cancel()
        worker.process.stdout.close()
        _hang_up(worker)
        with self._door:
            self._workers.pop(session_id, None)
        self._tell(session_id, worker, {"event": "gone", "code": code})

    def _watch(self, session_id: str, worker: _Worker) -> None:
        """End a worker whose loop hangs: its call is billed, and nobody speaks in it."""
        while worker.process.poll() is None:
            silent_s = time.monotonic() - worker.beaten_at
            if silent_s >= SILENT_S:
                log.warning("the worker of session %s is silent and is ended", session_id)
                _kill(worker.process)
                return
            time.sleep(min(SILENT_S - silent_s, 5.0))

    @staticmethod
    def _tell(session_id: str, worker: _Worker, event: Mapping[str, Any]) -> None:
        try:
            worker.heard(session_id, event)
        except Exception:
            log.exception("what the worker of session %s told could not be used", session_id)


def _hang_up(worker: _Worker) -> None:
    with worker.talking, contextlib.suppress(OSError):
        if worker.process.stdin is not None:
            worker.process.stdin.close()


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(OSError):
        if process.poll() is None:
            process.kill()
