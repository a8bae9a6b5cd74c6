"""`python -m lib doctor` as a real process: with everything installed, and with nothing but Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.wiring import Services
from tests.house import KEY as HOUSE_KEY
from tests.house import demo, house, until
from tests.running import ROOT
from tests.sandbox_server import RunningSandbox, running_sandbox
from tests.scripted_server import answer, scripted
from tests.silent import all_silent
from tests.surroundings import for_a_process

KEY = "tvsk_CANARY0123456789"


def doctor(*flags: str, bare: bool = False, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run it to its end. `bare` hides every installed package, as on a machine where nothing was installed yet."""
    asked = ["lib", "doctor", *flags]
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = {asked}"
    code = f"{start}; import lib.__main__ as m; sys.exit(m.main())"
    clean = {**for_a_process(), "PATH": "", "HOME": str(ROOT / "nowhere"), **(env or {})}
    command = [sys.executable, *(["-I", "-S"] if bare else []), "-c", code]
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60, check=False)


def test_on_bare_python_it_says_what_is_missing_and_answers_1() -> None:
    done = doctor(bare=True)
    assert done.returncode == 1 and done.stderr == ""
    assert "Not ready for live calls. One thing to fix: Packages." in done.stdout
    assert "Run python dev.py run." in done.stdout and "Modes on this machine" in done.stdout


def test_json_is_one_object_and_nothing_else_bare_and_whole(tmp_path: Path) -> None:
    for bare in (True, False):
        done = doctor("--json", bare=bare, env={"DATABASE_URL": f"sqlite:///{tmp_path}/none/x.db"})
        document = json.loads(done.stdout)
        assert document["report"] == "greenroom-diagnostics" and len(document["modes"]) == 3
        assert done.returncode == (1 if document["result"] == "fail" else 0)
    assert not (tmp_path / "none").exists(), "a look must not make a database"


def test_without_a_key_it_passes_and_asks_nobody(tmp_path: Path) -> None:
    done = doctor(env={"DATABASE_URL": f"sqlite:///{tmp_path}/x.db"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not run   Sandbox: Part of the dashboard" in done.stdout and "phoenix_rest: works" in done.stdout


def test_a_key_that_reaches_nobody_fails_and_is_not_shown(tmp_path: Path) -> None:
    nobody = {"TAVUS_API_KEY": KEY, "TAVUS_BASE_URL": "http://127.0.0.1:9/v2"}
    done = doctor(env={**nobody, "DATABASE_URL": f"sqlite:///{tmp_path}/x.db"})
    assert done.returncode == 1 and "can't be reached" in done.stdout
    assert KEY not in done.stdout + done.stderr and "phoenix_rest: can't" in done.stdout


def test_with_every_far_side_silent_it_still_has_its_say_within_15_s(tmp_path: Path) -> None:
    with all_silent(tmp_path, KEY, "daily_CANARY0123456789") as mute:
        begun = time.monotonic()
        done = doctor("--json", env=mute)
    assert time.monotonic() - begun < 15 and done.returncode == 1, done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert len([name for name in ("Tavus", "Daily", "Text chat", "Database") if checks[name]["result"] == "fail"]) == 4
    assert checks["Callbacks"]["result"] == "look" and checks["This machine"]["result"] == "pass"
    assert "CANARY" not in done.stdout + done.stderr


def test_it_asks_the_chat_endpoint_and_names_the_keys_that_the_worker_lacks(tmp_path: Path) -> None:
    models = answer(200, {"data": [{"id": "tiny"}]})
    with scripted(models) as endpoint:
        env = {
            "TAVUS_API_KEY": KEY, "TAVUS_BASE_URL": "http://127.0.0.1:9/v2", "TAVUS_AVATAR_MODE": "pipecat_daily",
            "CHAT_BASE_URL": endpoint.url, "CHAT_MODEL": "tiny", "DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        }  # fmt: skip
        done = doctor(env=env)
    assert "answers and has tiny" in done.stdout
    assert "pipecat_daily lacks" in done.stdout and "DAILY_API_KEY" in done.stdout


# the paid check


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox() as made:
        yield made


@pytest.fixture
def services(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Services]:
    """What a dashboard left behind: its database with an agent."""
    with house(sandbox.url, tmp_path, database=f"sqlite:///{tmp_path}/x.db") as made:
        demo(made)
        yield made


def account(sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    return {
        "TAVUS_API_KEY": HOUSE_KEY,
        "TAVUS_BASE_URL": sandbox.v2,
        "DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "SWEEP_INTERVAL_S": "1",
    }


def running_calls(sandbox: RunningSandbox) -> int:
    return int(sandbox.call("GET", "/conversations?status=active").json()["total_count"])


def creates(sandbox: RunningSandbox) -> int:
    return sandbox.routes().count("POST /v2/conversations")


def test_a_paid_check_says_what_it_costs_holds_one_call_and_ends_it(
    services: Services, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    services.close()
    done = doctor("--json", "--paid", env=account(sandbox, tmp_path))
    document = json.loads(done.stdout)
    check = next(check for check in document["checks"] if check["name"] == "Start, for real")
    assert (check["result"], done.returncode) == ("pass", 0), (check, done.stderr)
    assert "Tavus bills it" in done.stderr and "'Product demo'" in done.stderr
    assert (creates(sandbox), running_calls(sandbox)) == (1, 0)


def test_a_refused_paid_check_fails_with_its_cause_and_the_exit_code(
    services: Services, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    services.close()
    sandbox.faults({"route": "POST /v2/conversations", "status": 402, "body": {"message": "out of credits"}})
    done = doctor("--paid", env=account(sandbox, tmp_path))
    assert done.returncode == 1 and "One thing to fix: Start, for real." in done.stdout
    assert "no minutes left (402)" in done.stdout
    done = doctor("--paid", "--agent", "a-nobody", env=account(sandbox, tmp_path))
    assert done.returncode == 1 and "There is no agent 'a-nobody'" in done.stdout and creates(sandbox) == 1


def test_nothing_is_paid_for_where_something_failed_before_or_nothing_is_there_to_pay(
    services: Services, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    services.close()
    sandbox.faults({"route": "GET /v2/*", "times": -1, "status": 401, "body": {"message": "Invalid"}})
    done = doctor("--paid", env=account(sandbox, tmp_path))
    assert done.returncode == 1 and "Not tried: to be fixed first: Tavus." in done.stdout and "bills" not in done.stderr
    assert creates(sandbox) == 0
    free = doctor("--paid", env={"DATABASE_URL": f"sqlite:///{tmp_path}/y.db"})
    assert free.returncode == 0 and "there is nothing to pay" in free.stdout
    bare = doctor("--paid", bare=True)
    assert bare.returncode == 1 and "Nothing was started." in bare.stderr
    assert doctor("--agent", "a-1").returncode == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console only")
def test_ctrl_c_ends_the_call_that_is_held(sandbox: RunningSandbox, services: Services, tmp_path: Path) -> None:
    services.close()
    # No replica joins, so that the command waits.
    sandbox.freeze()
    env = {**for_a_process(), "PATH": "", "HOME": str(tmp_path), **account(sandbox, tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "lib", "doctor", "--paid"], cwd=ROOT, env=env, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        until(lambda: running_calls(sandbox) == 1, within_s=30)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=45)
    assert process.returncode == 130 and "Traceback" not in told
    assert running_calls(sandbox) == 0
