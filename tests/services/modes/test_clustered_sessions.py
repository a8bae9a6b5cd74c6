"""Whole sessions whose workers are Jobs: paid once, ended for certain, found again after the dashboard has died."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from lib.clients.daily import Daily
from lib.doctor.modes import ModeStanding
from lib.doctor.report import CheckResult
from lib.models import Mode, Session, Status
from lib.services.modes.workers import left_workers
from lib.wiring import Services, clients
from lib.worker import WorkerPlan
from tests.house import KEY, demo, house, reaches, until
from tests.kubernetes_api import FakeCluster, cluster
from tests.running import ROOT
from tests.sandbox_server import RunningSandbox
from tests.services.modes.test_kubernetes import IMAGE, SECRET, Ear, documented_rights, launched_from
from tests.services.modes.test_kubernetes import plan as worker_plan
from tests.services.scripted_worker import image_at

KEYS = {"TAVUS_API_KEY": KEY, "DEEPGRAM_API_KEY": "g", "CARTESIA_API_KEY": "c"}
HOLD = "\nuntil_told()\n"
NEVER = "\nsignal.signal(signal.SIGTERM, lambda *_: os._exit(0))\nwhile True: time.sleep(0.05)\n"

# A dashboard of its own that starts one session and is killed as soon as the cluster runs its worker.
ANOTHER = """
import json, sys, time
from pathlib import Path
from lib.models import Status
from tests.house import demo, reaches
from tests.services.modes.test_clustered_sessions import of_a_cluster
given = json.loads(sys.argv[1])
with of_a_cluster(given["sandbox"], Path(given["root"])) as services:
    session = services.sessions.start(demo(services).id, token="t")
    if given["waits"]:
        reaches(services, session, Status.WAITING, within_s=20)
    print(session.id, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_workers, "EVERY_S", 0.2)
    monkeypatch.setattr(left_workers, "UNHEARD_S", 1.5)


@contextmanager
def of_a_cluster(sandbox: str, root: Path, **settings: Any) -> Iterator[Services]:
    """A dashboard whose workers are Jobs, and whose Daily is the sandbox's."""
    given: dict[str, Any] = {
        "tavus_avatar_mode": "pipecat_daily", "worker_launcher": "kubernetes", "worker_image": IMAGE,
        "kubeconfig": str(root / "kubeconfig"), "kubernetes_context": "right", "daily_api_key": SecretStr("d"),
        "chat_base_url": "http://127.0.0.1:9/v1", "cartesia_voice_id": "v", "reconcile_horizon_s": 1.0,
        "watch_grace_s": 600.0,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clients, "Daily", partial(Daily, base_url=f"{sandbox}/daily/v1"))
        with house(sandbox, root, **{**given, **settings}) as services:
            yield services


@contextmanager
def fake_cluster(root: Path, script: str) -> Iterator[FakeCluster]:
    with cluster({IMAGE: image_at(root / "image", script)}, {SECRET: KEYS}, documented_rights()) as fake:
        fake.kubeconfig(root)
        yield fake


@contextmanager
def clustered(
    sandbox: RunningSandbox, root: Path, script: str, **settings: Any
) -> Iterator[tuple[FakeCluster, Services]]:
    with fake_cluster(root, script) as fake, of_a_cluster(sandbox.url, root, **settings) as services:
        yield fake, services


def count(url: str, headers: dict[str, str]) -> int:
    return int(requests.get(url, headers=headers, timeout=5).json()["total_count"])


def left(sandbox: RunningSandbox, fake: FakeCluster) -> tuple[int, int, int, int]:
    """Calls, rooms, worker processes and Jobs that are there."""
    calls = count(f"{sandbox.v2}/conversations?status=active", {"x-api-key": KEY})
    return (
        calls,
        count(f"{sandbox.url}/daily/v1/rooms", {"Authorization": "Bearer d"}),
        len(fake.running()),
        len(fake.jobs),
    )


NOTHING = (0, 0, 0, 0)


def made(sandbox: RunningSandbox) -> int:
    return len([one for one in sandbox.log() if one["method"] == "POST" and one["path"] == "/v2/conversations"])


def started(services: Services) -> Session:
    session = services.sessions.start(demo(services).id, token="t")
    return reaches(services, session, Status.WAITING, Status.LIVE, within_s=20)


def test_a_call_is_held_by_a_job_and_its_end_leaves_nothing(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with clustered(sandbox, tmp_path, HOLD) as (fake, services):
        session = started(services)
        assert (
            session.mode is Mode.PIPECAT_DAILY and session.conversation_url == f"https://sandbox.daily.co/{session.id}"
        )
        assert left(sandbox, fake) == (1, 1, 1, 1)
        services.sessions.end(session.id)
        reaches(services, session, Status.ENDED)
        until(lambda: left(sandbox, fake) == NOTHING)
        assert made(sandbox) == 1


def test_what_a_call_in_a_cluster_lacks_is_named_and_the_keys_of_the_secret_are_not(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with of_a_cluster(sandbox.url, tmp_path) as services:
        assert services.pipecat.unable() is None
    with of_a_cluster(sandbox.url, tmp_path, worker_image="", cartesia_voice_id="") as services:
        session = services.sessions.start(demo(services).id, token="t")
        assert (session.mode, session.reason_code) == (Mode.TEXT, "missing_keys")
        assert session.reason == "pipecat_daily is not set up: WORKER_IMAGE, CARTESIA_VOICE_ID missing."


def test_a_worker_that_dies_ends_its_session_with_the_cause(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with clustered(sandbox, tmp_path, HOLD) as (fake, services):
        session = started(services)
        process = next(pod.process for pod in fake.pods.values())
        assert process is not None
        process.send_signal(signal.SIGKILL)
        over = reaches(services, session, Status.ENDED)
        assert over.reason is not None and "memory" in over.reason
        until(lambda: left(sandbox, fake) == NOTHING)


@pytest.mark.skipif(
    not os.environ.get("TEST_WORKER"), reason="the Pipecat worker's tests: python dev.py test --all runs them"
)
def test_the_real_worker_in_a_pod_makes_its_conversation_and_ends_it_where_its_room_can_not_be_joined(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with clustered(sandbox, tmp_path, HOLD) as (fake, services):
        fake.images[IMAGE] = tmp_path / "real"
        shutil.copytree(ROOT / "lib", tmp_path / "real" / "lib", ignore=shutil.ignore_patterns("__pycache__"))
        fake.python = str(ROOT / ".venv-pipecat" / "bin" / "python")
        session = services.sessions.start(demo(services).id, token="t")
        over = reaches(services, session, Status.ENDED, within_s=60)
        assert over.reason_code == "daily_join" and over.reason is not None and "Daily room" in over.reason
        until(lambda: left(sandbox, fake) == NOTHING, within_s=20)
        assert made(sandbox) == 1


def test_an_image_that_is_not_there_makes_a_session_text_with_the_cause(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with clustered(sandbox, tmp_path, HOLD, worker_image="registry.example.com/typo:1") as (fake, services):
        session = services.sessions.start(demo(services).id, token="t")
        text = reaches(services, session, Status.LIVE, within_s=20)
        assert (text.mode, text.reason_code) == (Mode.TEXT, "image_pull")
        assert left(sandbox, fake) == NOTHING and made(sandbox) == 0


def test_a_dashboard_that_closes_ends_its_calls(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with fake_cluster(tmp_path, HOLD) as fake:
        with of_a_cluster(sandbox.url, tmp_path) as services:
            started(services)
        until(lambda: left(sandbox, fake) == NOTHING)


@pytest.mark.usefixtures("hasty")
def test_a_job_that_could_not_be_deleted_at_the_calls_end_is_deleted_later(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with clustered(sandbox, tmp_path, HOLD) as (fake, services):
        session = started(services)
        fake.refuse("delete jobs", 503)
        services.sessions.end(session.id)
        reaches(services, session, Status.ENDED)
        assert left(sandbox, fake)[:2] == (0, 0) and len(fake.jobs) == 1
        fake.allow_all()
        until(lambda: left(sandbox, fake) == NOTHING)


def killed(sandbox: RunningSandbox, root: Path, fake: FakeCluster, there: tuple[int, ...], *, waits: bool) -> str:
    """Let another process start a session, and kill it once that much is there; the session's id.

    `waits`: not before its row says that the call is there.
    """
    given = json.dumps({"sandbox": sandbox.url, "root": str(root), "waits": waits})
    with subprocess.Popen([sys.executable, "-c", ANOTHER, given], cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        session_id = other.stdout.readline().strip()
        until(lambda: left(sandbox, fake) == there, within_s=20)
        other.kill()
    assert left(sandbox, fake) == there, "a Job outlives its dashboard"
    return session_id


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("waits", [True, False])
def test_a_call_whose_dashboard_was_killed_is_found_and_ended_with_its_room(
    sandbox: RunningSandbox, tmp_path: Path, waits: bool
) -> None:
    with fake_cluster(tmp_path, HOLD) as fake:
        session_id = killed(sandbox, tmp_path, fake, (1, 1, 1, 1), waits=waits)
        with of_a_cluster(sandbox.url, tmp_path) as services:
            over = reaches(services, services.sessions.get(session_id), Status.ENDED, Status.FAILED, within_s=20)
            until(lambda: left(sandbox, fake) == NOTHING)
            assert over.reason_code in (("worker_unheard",) if waits else ("worker_unheard", "worker_lost"))
        assert made(sandbox) == 1


@pytest.mark.usefixtures("hasty")
def test_a_start_whose_dashboard_was_killed_makes_no_call_afterwards(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_workers, "UNHEARD_S", 600.0)
    with fake_cluster(tmp_path, NEVER) as fake:
        session_id = killed(sandbox, tmp_path, fake, (0, 1, 1, 1), waits=False)
        with of_a_cluster(sandbox.url, tmp_path) as services:
            until(lambda: left(sandbox, fake) == NOTHING, within_s=20)
            reaches(services, services.sessions.get(session_id), Status.ENDED, Status.FAILED, within_s=20)
        assert made(sandbox) == 0


@pytest.mark.usefixtures("hasty")
def test_what_no_session_knows_is_ended_and_what_another_dashboard_hears_or_owns_is_not(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    def plan_of(session_id: str) -> WorkerPlan:
        return worker_plan(session_id=session_id, tavus_base_url=sandbox.v2, tavus_key=KEY, callback_url="")

    script = "\nif plan['session_id'].startswith('s-2000'):" + NEVER.replace("\n", "\n    ") + HOLD
    with clustered(sandbox, tmp_path, script + HOLD) as (fake, services):
        heard = started(services)
        prefix = services.store.meta("prefix")
        strangers = launched_from(fake, tmp_path, installation=lambda: "gr999999", at_most=5)
        ours = launched_from(fake, tmp_path, installation=lambda: prefix, at_most=5)
        strangers.start(plan_of("s-20000101-101010-aaaaaa"), Ear())
        ours.start(plan_of("s-20000101-101010-bbbbbb"), Ear())
        until(lambda: "gr999999-s-20000101-101010-aaaaaa" in fake.jobs)
        until(lambda: [state.session_id for state in ours.list()] == [heard.id])
        calls = {state.session_id: state for state in services.pipecat._launcher.list()}
        assert calls[heard.id].running and not calls[heard.id].stopping
        assert [state.running for state in strangers.list()] == [True]
        strangers.close()


def test_a_second_dashboard_sees_how_long_nobody_has_heard_a_worker(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.services.modes.workers.kubernetes.follower.MARK_EVERY_S", 0.2)
    beat = "\nmade = create()\nsignal.signal(signal.SIGTERM, lambda *_: end(made))\n"
    beat += "for n in range(10**6): tell('beat') if n < 30 else None; time.sleep(0.1)\n"
    with clustered(sandbox, tmp_path, beat) as (fake, services):
        session = started(services)
        prefix = services.store.meta("prefix")
        other = launched_from(fake, tmp_path, installation=lambda: prefix)
        other.list()
        until(lambda: fake.asked.count(("patch", "jobs")) > 8)
        assert other.list()[0].silent_s < 1.0
        until(lambda: other.list()[0].silent_s > 1.5, within_s=15)
        assert other.list()[0].session_id == session.id


def test_two_accounts_on_one_database_leave_each_others_workers_alone(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with clustered(sandbox, tmp_path, HOLD) as (fake, services):
        session = started(services)
        with of_a_cluster(sandbox.url, tmp_path, tavus_api_key=SecretStr("another")) as other:
            launcher = other.pipecat._launcher
            assert [state.session_id for state in launcher.list()] == [session.id]
            left_workers.LeftWorkers(
                launcher, other.archive._ledger, end_room=lambda _: None, on_broken=lambda *_: None
            ).look()
        state = services.pipecat._launcher.status(session.id)
        assert state is not None and state.running and not state.stopping
        assert left(sandbox, fake) == (1, 1, 1, 1)


def test_diagnostics_ask_the_cluster_and_not_this_machines_packages(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with clustered(sandbox, tmp_path, HOLD) as (fake, services):
        made = services.diagnostics.run(0)
        row = {check.name: check for check in made.checks}
        assert "Pipecat worker" not in row
        asked = row["Kubernetes cluster"]
        assert asked.result is CheckResult.PASS
        assert asked.evidence == "The cluster answers. No worker of this database is in its namespace greenroom."
        mode = next(state for state in made.modes if state.mode == "pipecat_daily")
        assert mode.state is ModeStanding.WORKS and "in the cluster" in mode.because

        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert session.mode is Mode.PIPECAT_DAILY
        assert (
            "1 worker is in its" in {one.name: one for one in services.diagnostics.run(0).checks}[asked.name].evidence
        )
        services.sessions.end(session.id)

        fake.refuse("list jobs", 403, "jobs.batch is forbidden")
        made = services.diagnostics.run(0)
        refused = next(check for check in made.checks if check.name == asked.name)
        assert refused.result is CheckResult.FAIL and "(403)" in refused.evidence and "Role" in refused.fix
        mode = next(state for state in made.modes if state.mode == "pipecat_daily")
        assert mode.state is ModeStanding.CANT and "(403)" in mode.because
        fake.allow_all()
