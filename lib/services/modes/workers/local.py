"""The local launcher: one process a session on this machine, with limits on what each may use and how many run."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from lib.errors import Conflict, LimitReached, SettingsWrong
from lib.models import JsonObject
from lib.services.modes.workers import launcher
from lib.services.modes.workers.launcher import GONE, LAST, Heard, WorkerState
from lib.services.modes.workers.limits import WorkerLimits
from lib.worker import Command, Event, WorkerPlan, line_of, parsed

log = logging.getLogger(__name__)

STOP_WITHIN_S = 8.0
WATCH_EVERY_S = 2.0

KEPT = (
    "PATH", "SYSTEMROOT", "TEMP", "TMP", "HOME", "USERPROFILE", "LOCALAPPDATA", "LD_LIBRARY_PATH", "LANG",
    "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE",
)  # fmt: skip
"""What a worker gets of our environment. Keys are not among it: those that it needs are in its plan."""


@dataclass
class _Worker:
    process: subprocess.Popen[str]
    heard: Heard
    max_call_s: int
    beaten_at: float = field(default_factory=time.monotonic)
    talking: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)
    reader: threading.Thread | None = None
    stopping: bool = False
    why: str = ""


class LocalLauncher:
    """Processes of this machine, `at_most` at once. `python` is the worker's own, `root` the project's folder."""

    here = True

    def __init__(self, python: Path, root: Path, *, at_most: int, limits: WorkerLimits) -> None:
        self._python = python
        self._root = root
        self._at_most = at_most
        self._limits = limits
        self._workers: dict[str, _Worker] = {}
        self._door = threading.Lock()

    def start(self, plan: WorkerPlan, heard: Heard) -> None:
        """Raises Conflict, LimitReached, SettingsWrong; no process was started then."""
        with self._door:
            if plan.session_id in self._workers:
                raise Conflict("This session has a worker already.", hint="Reload the page. No second one was started.")
            running = sum(not worker.stopping for worker in self._workers.values())
            if running >= self._at_most:
                told = f"{running} workers run on this machine, which is as many as may."
                raise LimitReached(told, code="workers_full")
            worker = self._workers[plan.session_id] = _Worker(self._process(), heard, plan.max_call_s)
        try:
            self._write(worker, plan.line())
            for run in (self._read, self._watch):
                thread = threading.Thread(
                    target=run, args=(plan.session_id, worker), name=f"greenroom-worker-{plan.session_id}", daemon=True
                )
                thread.start()
                worker.reader = worker.reader or thread
        except BaseException:
            # Without them nobody hears it, and nobody ends it.
            _kill(worker.process)
            if worker.reader is None:
                self._over(plan.session_id, worker)
            raise

    def tell(self, session_id: str, command: Command, **values: object) -> bool:
        """Give a worker a command; False if it is not there to hear it."""
        worker = self._workers.get(session_id)
        return worker is not None and self._write(worker, line_of(command, values))

    def status(self, session_id: str) -> WorkerState | None:
        """None for a worker that this process did not start, or that was tidied up."""
        worker = self._workers.get(session_id)
        if worker is None:
            return None
        code = worker.process.poll()
        return WorkerState(session_id, code is None, code, time.monotonic() - worker.beaten_at, worker.stopping)

    def list(self) -> list[WorkerState]:
        with self._door:
            known = list(self._workers)
        return [state for session_id in known if (state := self.status(session_id)) is not None]

    def stop(self, session_id: str) -> None:
        """Ask it to end, and end it if it does not within some seconds. Returns at once."""
        worker = self._workers.get(session_id)
        if worker is None:
            return
        worker.stopping = True
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
        try:
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
        except OSError as error:
            raise SettingsWrong(f"The worker can't be started: {error.strerror}.", code="worker_start") from None

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
        try:
            self._hear(session_id, worker)
        except Exception:
            log.exception("the worker of session %s can't be heard any more", session_id)
            worker.why = "it could not be heard any more"
            _kill(worker.process)
        code = self._over(session_id, worker)
        self._tell(session_id, worker, {"event": GONE, "code": code, **({"why": worker.why} if worker.why else {})})

    def _hear(self, session_id: str, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            worker.beaten_at = time.monotonic()
            event = parsed(line)
            # One that says its last is no hindrance to the next.
            worker.stopping = worker.stopping or event.get("event") in LAST
            if event and event.get("event") != Event.BEAT:
                self._tell(session_id, worker, event)

    def _over(self, session_id: str, worker: _Worker) -> int:
        """Wait for its end and make room for the next; its exit code."""
        code = worker.process.wait()
        worker.over.set()
        if worker.process.stdout is not None:
            worker.process.stdout.close()
        _hang_up(worker)
        with self._door:
            self._workers.pop(session_id, None)
        return code

    def _watch(self, session_id: str, worker: _Worker) -> None:
        """End a worker whose loop hangs, since its call is billed and nobody speaks in it, and one over its limits."""
        while worker.process.poll() is None:
            left_s = launcher.SILENT_S - (time.monotonic() - worker.beaten_at)
            worker.why = self._over_limits(worker)
            if left_s <= 0:
                worker.why = "it fell silent"
            if worker.why:
                log.warning("the worker of session %s is ended: %s", session_id, worker.why)
                _kill(worker.process)
                return
            worker.over.wait(min(left_s, WATCH_EVERY_S))

    def _over_limits(self, worker: _Worker) -> str:
        try:
            return self._limits.broken(worker.process.pid, worker.max_call_s)
        except Exception:
            log.exception("what a worker uses of this machine can't be seen")
            return ""

    @staticmethod
    def _tell(session_id: str, worker: _Worker, event: JsonObject) -> None:
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
