"""Workers as Jobs of a cluster, against an API of its own that runs them: heard, stopped, never two, nothing leaked."""

from __future__ import annotations

import json
import queue
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.errors import Ambiguous, Conflict, LimitReached, SettingsWrong
from lib.services.modes.pipecat.worker_error import error_of
from lib.services.modes.workers import launcher
from lib.services.modes.workers.kubernetes import api, follower
from lib.services.modes.workers.kubernetes.api import Cluster
from lib.services.modes.workers.kubernetes.job import WorkerJob
from lib.services.modes.workers.kubernetes.launcher import KubernetesLauncher
from lib.services.modes.workers.launcher import Launcher
from lib.worker import Command, Service, WorkerPlan
from tests.house import until
from tests.kubernetes_api import NAMESPACE, FakeCluster, Rights, cluster, kept_by_the_official_client
from tests.running import ROOT
from tests.scripted_server import scripted
from tests.services.scripted_worker import image_at
from tests.surroundings import for_a_process

KEYS = {"TAVUS_API_KEY": "tvsk_CANARY\n", "DEEPGRAM_API_KEY": "dg_CANARY", "CARTESIA_API_KEY": "ca_CANARY"}
IMAGE, SECRET = "registry.example.com/worker:1", "greenroom-worker"
STAY = "\nwhile True: time.sleep(0.05)\n"


def plan(**changes: Any) -> WorkerPlan:
    given: dict[str, Any] = {
        "session_id": "s-20261126-101010-abcdef", "name": "gr-n", "transport": "daily",
        "tavus_base_url": "http://127.0.0.1:9/v2", "tavus_key": "tvsk_CANARY", "replica_id": "r1", "max_call_s": 60,
        "absent_s": 30, "left_s": 5, "replica_within_s": 5.0, "room_url": "https://x.daily.co/r",
        "room_token": "room_CANARY", "callback_url": "https://g.example/callbacks/tavus/CANARY",
        "stt": Service("deepgram", "dg_CANARY"), "llm": Service("openai", "chat_CANARY", "https://llm.example/v1", "m"),
        "tts": Service("cartesia", "ca_CANARY", voice="v"),
        "system_prompt": "You cost $(TAVUS_API_KEY) or $5.",
    }  # fmt: skip
    return WorkerPlan(**{**given, **changes})


ID = plan().session_id


def documented_rights() -> Rights:
    """The Role of docs/platforms.md: what it does not allow is refused."""
    text = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
    block = re.search(r"^( *)```yaml\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    assert block is not None
    role = yaml.safe_load("\n".join(line[len(block[1]) :] for line in block[2].splitlines()))
    assert role["kind"] == "Role" and role["metadata"]["namespace"] == NAMESPACE
    return Rights(tuple(role["rules"]))


class Ear:
    def __init__(self) -> None:
        self.events: queue.Queue[Mapping[str, Any]] = queue.Queue()

    def __call__(self, session_id: str, event: Mapping[str, Any]) -> None:
        self.events.put(event)

    def next(self, within_s: float = 15) -> Mapping[str, Any]:
        return self.events.get(timeout=within_s)


def launched_from(fake: FakeCluster, folder: Path, **changes: Any) -> KubernetesLauncher:
    given: dict[str, Any] = {"installation": lambda: "gr0a1b2c", "image": IMAGE, "secret": SECRET, "memory_mb": 1500}
    way = changes.pop("cluster", None)
    way = way or Cluster(NAMESPACE, kubeconfig=str(fake.kubeconfig(folder)), context="right")
    return KubernetesLauncher(way, **{**given, "at_most": 2, **changes})


@contextmanager
def clustered(root: Path, script: str, **changes: Any) -> Iterator[tuple[FakeCluster, KubernetesLauncher]]:
    """A cluster whose worker does what the script says, and a launcher with the rights that the documentation names."""
    secrets = changes.pop("secrets", {SECRET: KEYS})
    with cluster({IMAGE: image_at(root, script)}, secrets, documented_rights()) as fake:
        made = launched_from(fake, root, **changes)
        try:
            yield fake, made
        finally:
            made.close()


# the manifests


def job(**changes: Any) -> dict[str, Any]:
    return WorkerJob(plan(**changes), "gr0a1b2c", IMAGE, SECRET, 1500).job()


def test_the_manifests_lose_nothing_in_the_official_clients_models() -> None:
    secret = WorkerJob(plan(), "gr0a1b2c", IMAGE, SECRET, 1500).own_secret("u-1")
    assert kept_by_the_official_client(job()) == job()
    assert kept_by_the_official_client(secret) == secret


@pytest.mark.parametrize("path", [("spec",), ("spec", "template", "spec"), ("metadata",)])
def test_a_misspelt_field_would_be_lost_there(path: tuple[str, ...]) -> None:
    wrong = job()
    place = wrong
    for name in path:
        place = place[name]
    place["activeDeadlineSecond"] = 1
    assert kept_by_the_official_client(wrong) != wrong


def test_a_job_is_limited_in_time_and_number_and_runs_without_rights() -> None:
    made = job()
    spec = made["spec"]
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (60 + 120, 0) and spec["ttlSecondsAfterFinished"]
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never" and pod["terminationGracePeriodSeconds"] == 60
    assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
    container = pod["containers"][0]
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "1500Mi"} and container["resources"]["requests"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert made["metadata"]["name"] == "gr0a1b2c-s-20261126-101010-abcdef"
    assert made["metadata"]["labels"] == spec["template"]["metadata"]["labels"]


def test_no_secret_is_in_a_job_and_a_prompt_can_name_none() -> None:
    text = json.dumps(job())
    assert "CANARY" not in text and "$(" not in text
    referred = [one["valueFrom"]["secretKeyRef"] for one in job()["spec"]["template"]["spec"]["containers"][0]["env"]
                if "valueFrom" in one]  # fmt: skip
    assert {one["key"] for one in referred if one["name"] == SECRET} == {
        "TAVUS_API_KEY", "DEEPGRAM_API_KEY", "CHAT_API_KEY", "CARTESIA_API_KEY",
    }  # fmt: skip
    assert [one["key"] for one in referred if one.get("optional")] == ["CHAT_API_KEY"]


def test_a_prompt_that_is_too_long_for_a_variable_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY) as (fake, made):
        with pytest.raises(SettingsWrong) as told:
            made.start(plan(system_prompt="x" * 130_000), Ear())
        assert told.value.code == "plan_too_long" and fake.asked == []


# a call


def test_it_is_a_launcher(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY) as (_, made):
        engine: Launcher = made
        assert not engine.here and engine.list() == [] and engine.status("s-none") is None
        engine.stop("s-none")


def test_a_worker_gets_its_plan_and_keys_and_its_events_are_heard(tmp_path: Path) -> None:
    script = (
        "tell('turn', text=plan['system_prompt'] + plan['tavus_key'], keys=[os.environ[n] for n in "
        "('DEEPGRAM_API_KEY', 'CARTESIA_API_KEY', 'GREENROOM_ROOM_TOKEN', 'GREENROOM_CALLBACK_URL')])\n"
        "print('noise'); print('{not json'); tell('turn', text='line\\nbreak \\U0001f600')"
    )
    with clustered(tmp_path, script) as (fake, made):
        ear = Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"}
        assert ear.next() == {
            "event": "turn", "text": "You cost $(TAVUS_API_KEY) or $5.tvsk_CANARY",
            "keys": ["dg_CANARY", "ca_CANARY", "room_CANARY", "https://g.example/callbacks/tavus/CANARY"],
        }  # fmt: skip
        assert ear.next() == {"event": "turn", "text": "line\nbreak \U0001f600"}
        assert ear.next() == {"event": "gone", "code": 0}
        state = made.status(ID)
        assert state is not None and not state.running
        assert not any("CANARY" in json.dumps(body) for body in fake.posted if body["kind"] == "Job")


def test_what_runs_is_listed_by_whose_it_is_and_a_stop_ends_it_and_its_secret(tmp_path: Path) -> None:
    script = "\nsignal.signal(signal.SIGTERM, lambda *_: (tell('ended', reason='told'), os._exit(0)))\n"
    with clustered(tmp_path, script + "tell('turn', text='ready')" + STAY) as (fake, made):
        ear = Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"} and ear.next()["text"] == "ready"
        state = made.status(ID)
        assert state is not None and state.running and not state.stopping and state.silent_s < 5
        assert [one.session_id for one in made.list()] == [ID]
        assert launched_from(fake, tmp_path, installation=lambda: "gr999999").list() == []
        assert not made.tell(ID, Command.SAY, text="x") and not made.tell("s-none", Command.STOP)
        assert made.tell(ID, Command.STOP)
        assert ear.next() == {"event": "ended", "reason": "told"}
        assert ear.next()["event"] == "gone"
        until(lambda: made.list() == [] and fake.running() == [] and set(fake.secrets) == {SECRET})


@pytest.mark.parametrize(
    ("script", "code", "why"),
    [("os._exit(7)", 7, None), ("os.kill(os.getpid(), 9)", 137, "it used more memory than it may, WORKER_MEMORY_MB")],
)
def test_a_worker_that_dies_is_told_with_its_exit_code(script: str, code: int, why: str | None, tmp_path: Path) -> None:
    with clustered(tmp_path, script) as (_, made):
        ear = Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"}
        gone = ear.next()
        assert (gone["event"], gone["code"], gone.get("why")) == ("gone", code, why)


def test_one_that_outlasts_its_limit_is_ended_by_the_cluster_and_this_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clustered(tmp_path, STAY) as (_, made):
        ear = Ear()
        made.start(plan(max_call_s=-118), ear)
        assert ear.next() == {"event": "starting"}
        gone = ear.next()
        assert gone["event"] == "gone" and gone["why"] == "it reached its time limit"


def test_nothing_is_lost_or_told_twice_where_the_log_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "AGAIN_AFTER_S", 0.1)
    script = "\nfor n in range(40):\n    tell('turn', text=str(n)); time.sleep(0.05)\n"
    with clustered(tmp_path, script) as (fake, made):
        ear = Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"}
        heard = []
        while (event := ear.next())["event"] == "turn":
            heard.append(int(event["text"]))
            if heard[-1] in (5, 20):
                fake.cut_logs()
        assert heard == list(range(40)) and event == {"event": "gone", "code": 0}


def test_one_that_falls_silent_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "SILENT_S", 1.0)
    with clustered(tmp_path, STAY) as (fake, made):
        ear = Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"}
        assert ear.next() == {"event": "gone", "code": None, "why": "it fell silent"}
        until(lambda: fake.running() == [] and fake.jobs == {})


@pytest.mark.parametrize("away", [("get pods/log",), ("get pods/log", "list pods", "patch jobs")])
def test_an_api_that_is_away_for_a_while_ends_no_call(
    away: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "SILENT_S", 0.5)
    monkeypatch.setattr(follower, "AGAIN_AFTER_S", 0.1)
    script = "\nfor n in range(30):\n    tell('turn', text=str(n)); time.sleep(0.1)\n"
    with clustered(tmp_path, script) as (fake, made):
        ear = Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"} and ear.next()["text"] == "0"
        for request in away:
            fake.refuse(request, 503)
        fake.cut_logs()
        until(lambda: fake.asked.count(("list", "pods")) > 15)
        fake.allow_all()
        heard = [ear.next() for _ in range(30)]
        assert [event.get("text") for event in heard[:29]] == [str(n) for n in range(1, 30)]
        assert heard[29] == {"event": "gone", "code": 0}


# never two


def test_a_second_start_of_a_session_is_refused_by_the_cluster_and_the_first_goes_on(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY) as (fake, made):
        ear = Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"}
        with pytest.raises(Conflict):
            made.start(plan(), Ear())
        another = launched_from(fake, tmp_path)
        with pytest.raises(Ambiguous) as told:
            another.start(plan(), Ear())
        assert told.value.code == "started_twice" and "no second one" in told.value.message
        assert len(fake.running()) == 1 and [state.running for state in made.list()] == [True]


def test_no_more_run_at_once_than_may(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY, at_most=1) as (fake, made):
        ear = Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"}
        with pytest.raises(LimitReached, match="1 workers run in the cluster"):
            made.start(plan(session_id="s-20261126-101010-ffffff"), Ear())
        assert len(fake.jobs) == 1


def test_one_that_said_its_last_is_no_hindrance_to_the_next(tmp_path: Path) -> None:
    with clustered(tmp_path, "tell('ended', reason='x')" + STAY, at_most=1) as (_, made):
        ear, other = Ear(), Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"} and ear.next()["event"] == "ended"
        made.start(plan(session_id="s-20261126-101010-ffffff"), other)
        assert other.next() == {"event": "starting"}


def test_a_job_without_its_secret_begins_nothing_whatever_became_of_the_answers(tmp_path: Path) -> None:
    """The answer to the Job is lost: nothing was begun. That to the Secret is lost: it may have been."""
    with clustered(tmp_path, STAY) as (fake, made):
        fake.say_nothing("create jobs")
        with pytest.raises(SettingsWrong, match="can't be reached") as told:
            made.start(plan(), Ear())
        assert "nothing is billed" in told.value.hint
        until(lambda: fake.jobs == {})
        assert fake.running() == []
        fake.say_nothing("create secrets")
        with pytest.raises(Ambiguous):
            made.start(plan(), Ear())
        until(lambda: fake.jobs == {} and fake.running() == [] and set(fake.secrets) == {SECRET})


# refusals


@pytest.mark.parametrize(
    ("request_", "status", "message", "code", "told"),
    [
        ("create jobs", 401, "Unauthorized", "cluster_credentials", "credentials (401)"),
        ("create jobs", 403, "jobs.batch is forbidden: User x cannot create", "cluster_rights", "namespace greenroom"),
        ("create secrets", 403, "secrets is forbidden", "cluster_rights", "(403): secrets is forbidden."),
        ("create jobs", 403, "jobs.batch is forbidden: exceeded quota: calls", "cluster_quota", "used up its quota"),
        ("create jobs", 404, 'namespaces "greenroom" not found', "cluster_namespace", "no namespace greenroom"),
        ("create jobs", 422, "Job.batch is invalid: x", "cluster_refused", "Job.batch is invalid"),
        ("list jobs", 503, "etcd is down", "cluster_unwell", "(503): etcd is down."),
    ],
)  # fmt: skip
def test_what_the_api_refuses_is_said_in_plain_words_and_leaves_nothing(
    request_: str, status: int, message: str, code: str, told: str, tmp_path: Path
) -> None:
    with clustered(tmp_path, STAY) as (fake, made):
        fake.refuse(request_, status, message)
        with pytest.raises(SettingsWrong) as error:
            made.start(plan(), Ear())
        assert error.value.code == code and told in error.value.message
        assert "nothing is billed. Text chat works" in error.value.hint
        until(lambda: fake.jobs == {} and fake.running() == [])


def not_placed(ear: Ear) -> SettingsWrong:
    """The error that a start fails with; the end of the worker follows it."""
    error = error_of(ear.next(), str)
    assert isinstance(error, SettingsWrong), error
    assert ear.next()["event"] == "gone"
    return error


def test_an_image_that_can_not_be_fetched_is_named(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY, image="registry.example.com/typo:1") as (fake, made):
        ear = Ear()
        made.start(plan(), ear)
        error = not_placed(ear)
        assert error.code == "image_pull" and "registry.example.com/typo:1" in error.message
        assert "WORKER_IMAGE" in error.hint and "nothing is billed" in error.hint and fake.jobs == {}


@pytest.mark.parametrize(
    ("secrets", "told"),
    [
        ({}, 'secret "greenroom-worker" not found'),
        ({SECRET: {"TAVUS_API_KEY": "k"}}, "couldn't find key DEEPGRAM_API_KEY"),
    ],
)
def test_what_the_secret_lacks_is_named(secrets: Mapping[str, Mapping[str, str]], told: str, tmp_path: Path) -> None:
    with clustered(tmp_path, STAY, secrets=secrets) as (fake, made):
        ear = Ear()
        made.start(plan(), ear)
        error = not_placed(ear)
        assert error.code == "worker_secret" and told in error.message and fake.jobs == {}


def test_a_quota_that_lets_no_pod_be_made_is_said(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY) as (fake, made):
        fake.no_pods = 'pods "x" is forbidden: exceeded quota: compute, requested: limits.memory=1500Mi'
        ear = Ear()
        made.start(plan(), ear)
        error = not_placed(ear)
        assert error.code == "cluster_quota" and "limits.memory=1500Mi" in error.message and fake.jobs == {}


def test_a_cluster_without_room_is_waited_for_and_then_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "PLACED_WITHIN_S", 1.5)
    with clustered(tmp_path, STAY) as (fake, made):
        fake.no_room = "0/3 nodes are available: 3 Insufficient cpu."
        ear = Ear()
        made.start(plan(), ear)
        error = not_placed(ear)
        assert error.code == "unschedulable" and "3 Insufficient cpu." in error.message and fake.jobs == {}
        ear = Ear()
        made.start(plan(), ear)
        fake.no_room = ""
        assert ear.next() == {"event": "starting"}


def test_a_worker_that_may_have_run_is_no_clear_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pods can't be read, so nobody knows whether it made a call: it is ended, and Tavus is asked."""
    monkeypatch.setattr(follower, "WITHDRAWN_WITHIN_S", 1.0)
    with clustered(tmp_path, STAY) as (fake, made):
        fake.refuse("list pods", 403, "pods is forbidden")
        ear = Ear()
        made.start(plan(), ear)
        assert isinstance(error_of(ear.next(), str), Ambiguous)
        until(lambda: fake.jobs == {} and fake.running() == [])


def test_a_worker_that_starts_while_it_is_being_taken_back_is_no_clear_refusal(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY, image="registry.example.com/slow:1") as (fake, made):
        fake.starts_late = IMAGE
        ear = Ear()
        made.start(plan(), ear)
        assert isinstance(error_of(ear.next(), str), Ambiguous)
        until(lambda: fake.jobs == {} and fake.running() == [])


def test_a_pod_that_looked_for_its_own_secret_too_early_is_waited_for(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY) as (fake, made):
        fake.retry_s = 2.0
        ear = Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"}


def test_a_job_that_somebody_else_deletes_before_it_begins_is_over(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY) as (fake, made):
        fake.no_room = "0/3 nodes are available."
        ear = Ear()
        made.start(plan(), ear)
        launched_from(fake, tmp_path).stop(ID)
        assert ear.next() == {"event": "gone", "code": None, "why": "the cluster removed it"}


def test_an_image_that_lacks_a_package_is_the_images_fault(tmp_path: Path) -> None:
    script = "tell('error', code='import', message='x', told='Traceback\\nNo module named \\'pipecat\\'')"
    with clustered(tmp_path, script) as (_, made):
        ear = Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"}
        error = not_placed(ear)
        assert error.code == "image_import" and "No module named 'pipecat'" in error.message


def test_the_real_worker_runs_in_a_pod_and_refuses_the_key_of_another_account(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY, secrets={SECRET: {**KEYS, "TAVUS_API_KEY": "other"}}) as (fake, made):
        fake.images[IMAGE] = ROOT
        ear = Ear()
        made.start(plan(), ear)
        error = error_of(ear.next(), str)
        assert error.code == "other_account" and "Secret" in error.hint
        assert ear.next() == {"event": "gone", "code": 2}


# the way to the cluster


@pytest.mark.parametrize(
    ("given", "context", "code"),
    [
        ({"url": "http://127.0.0.1:9"}, "right", "cluster_unreachable"),
        ({"token": "old"}, "right", "cluster_credentials"),
        ({}, "surprise", "kubeconfig"),
    ],
)
def test_what_is_wrong_with_the_way_to_the_cluster_is_told(
    given: dict[str, str], context: str, code: str, tmp_path: Path
) -> None:
    with clustered(tmp_path, STAY) as (fake, _):
        config = fake.kubeconfig(tmp_path, **given)
        made = launched_from(fake, tmp_path, cluster=Cluster(NAMESPACE, kubeconfig=str(config), context=context))
        with pytest.raises(SettingsWrong) as told:
            made.start(plan(), Ear())
        assert told.value.code == code and told.value.hint and fake.jobs == {}
        made.stop(ID)


def test_a_dashboard_in_its_own_cluster_uses_its_service_account(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY) as (fake, _), fake.inside(tmp_path):
        made, ear = launched_from(fake, tmp_path, cluster=Cluster(NAMESPACE)), Ear()
        made.start(plan(), ear)
        assert ear.next() == {"event": "starting"}
        made.stop(ID)
        assert ear.next()["event"] == "gone"


def test_an_authority_that_is_not_trusted_gets_no_token(tmp_path: Path) -> None:
    with clustered(tmp_path, STAY) as (fake, _), fake.inside(tmp_path):
        stranger = fake.kubeconfig(tmp_path, url=fake.url.replace("http:", "https:"))
        with pytest.raises(SettingsWrong) as told:
            launched_from(fake, tmp_path, cluster=Cluster(NAMESPACE, kubeconfig=str(stranger), context="right")).list()
        assert told.value.code == "cluster_unreachable" and fake.asked == []


def test_no_configuration_at_all_is_told(tmp_path: Path) -> None:
    script = (
        "from lib.services.modes.workers.kubernetes.api import Cluster\nfrom lib.errors import SettingsWrong\n"
        "try:\n    Cluster('greenroom').jobs('a=b')\nexcept SettingsWrong as error:\n    print(error.code, error.hint)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=for_a_process(HOME=str(tmp_path)), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout.startswith("kubeconfig Point KUBECONFIG at"), done.stderr


def test_the_client_is_not_imported_at_the_dashboards_start_and_its_absence_is_said(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom pydantic import SecretStr\n"
        "from lib import wiring\nfrom lib.settings import Loaded, Settings\n"
        "given = Settings(tavus_api_key=SecretStr('k'), worker_launcher='kubernetes', worker_image='i')\n"
        "services = wiring.build(Path(sys.argv[1]), Loaded(given))\n"
        "assert not services.pipecat._launcher.here\n"
        "print(any(name.split('.')[0] in ('kubernetes', 'psutil', 'urllib3.contrib') for name in sys.modules))\n"
        "sys.modules['kubernetes'] = None\n"
        "from lib.errors import SettingsWrong\n"
        "try:\n    services.pipecat._launcher._cluster.jobs('a=b')\n"
        "except SettingsWrong as error:\n    print(error.code, error.hint)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[0] == "False", done.stderr
    assert done.stdout.splitlines()[1].startswith("kubernetes_missing pip install -r requirements-kubernetes.txt")


def test_an_api_whose_answers_trickle_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "WITHIN_S", (0.5, 0.6))

    def slowly(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not server.stop.wait(0.03):
            peer.sendall(b"x")

    with clustered(tmp_path, STAY) as (fake, _), scripted(slowly) as server:
        config = fake.kubeconfig(tmp_path, url=f"http://127.0.0.1:{server.port}")
        way = Cluster(NAMESPACE, kubeconfig=str(config), context="right")
        way._apis()
        for ask in (lambda: way.jobs("a=b"), lambda: list(way.lines("pod", within_s=5))):
            begun = time.monotonic()
            with pytest.raises(api.ClusterRefused) as refused:
                ask()
            assert refused.value.unclear
            assert time.monotonic() - begun < 2.5


def test_a_log_without_a_whole_line_counts_as_silent(tmp_path: Path) -> None:
    def slowly(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n")
        while not server.stop.wait(0.03):
            peer.sendall(b"1\r\nx\r\n")

    with clustered(tmp_path, STAY) as (fake, _), scripted(slowly) as server:
        config = fake.kubeconfig(tmp_path, url=f"http://127.0.0.1:{server.port}")
        lines = Cluster(NAMESPACE, kubeconfig=str(config), context="right").lines("pod", within_s=0.6)
        assert next(lines) == "one"
        begun = time.monotonic()
        with pytest.raises(api.ClusterRefused):
            next(lines)
        assert time.monotonic() - begun < 2.5
