"""`python -m lib personas` as a real process against a real sandbox process: what it says, sends and exits with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from lib.store.database import Store
from tests.house import GUIDE, LUCAS, fault, log, until
from tests.running import ROOT, free_port
from tests.surroundings import for_a_process

CANARY = "sk-canary-C0ffee77"
GUIDE_FILE, BUYER_FILE = "warm-product-guide.yaml", "sceptical-buyer.yaml"


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


class Shell:
    """A terminal in a folder of its own, with the sandbox's address and no key."""

    def __init__(self, url: str, place: Path) -> None:
        self.url, self.place, self.dir = url, place, place / "personas"
        self.env = {
            **for_a_process(),
            "HOME": str(place),
            "USER": "sam",
            "TAVUS_BASE_URL": f"{url}/v2",
            "DATABASE_URL": f"sqlite:///{(place / 'greenroom.db').as_posix()}",
        }

    def run(self, todo: str, *arguments: str, **env: str) -> Answer:
        done = subprocess.run(
            self.command(todo, *arguments), cwd=ROOT, env={**self.env, **env}, capture_output=True, timeout=60
        )
        answer = Answer(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))
        assert "Traceback" not in answer.err, answer.err
        return answer

    def command(self, todo: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "lib", "personas", todo, str(self.dir), *arguments]

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.dir / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def write(self, file: str, text: str) -> None:
        self.dir.mkdir(exist_ok=True)
        (self.dir / file).write_text(text, "utf-8")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.url}/v2{path}", json=body, headers={"x-api-key": "any"}, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def writes(self) -> list[str]:
        return [f"{entry['method']} {entry['path']}" for entry in log(self.url) if entry["method"] != "GET"]


@contextmanager
def sandbox_process() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "lib", "sandbox", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{url}/_sandbox/log", timeout=2).ok
        except requests.ConnectionError:
            return False

    try:
        until(answers, within_s=30)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    with sandbox_process() as url:
        yield url


@pytest.fixture
def shell(sandbox: str, tmp_path: Path) -> Shell:
    requests.post(f"{sandbox}/_sandbox/reset", json={}, timeout=5)
    requests.post(f"{sandbox}/_sandbox/faults", json=[], timeout=5)
    return Shell(sandbox, tmp_path)


def test_the_whole_way_export_plan_edit_plan_apply_and_apply_again(shell: Shell) -> None:
    exported = shell.run("export")
    assert (exported.code, sorted(path.name for path in shell.dir.iterdir())) == (0, [BUYER_FILE, GUIDE_FILE])
    assert "written" in exported.out
    planned = shell.run("plan")
    assert (planned.code, "left alone" in planned.out) == (0, False)

    shell.edit(GUIDE_FILE, "One thought at a time", "One single thought at a time")
    shell.edit(GUIDE_FILE, "persona_name:", "# why: told at a fair\npersona_name:")
    shell.write("new.yaml", "persona_name: New guide\nsystem_prompt: You are new.\n")
    planned = shell.run("plan")
    assert planned.code == 2
    assert "~ warm-product-guide.yaml  “Warm product guide”: 1 field changes" in planned.out
    assert "+ - In short, friendly sentences, as in a conversation at a table. One single thought" in planned.out
    assert "+ new.yaml  “New guide”: is created" in planned.out
    assert "1 to create, 1 to change, 1 with nothing to do. Nothing was sent." in planned.out
    assert shell.writes() == []
    assert not (shell.place / "greenroom.db").exists()

    applied = shell.run("apply", "--reason", "spring fair")
    assert applied.code == 0
    assert "1 created, 1 changed, 1 with nothing to do." in applied.out
    assert sorted(shell.writes()) == [f"PATCH /v2/personas/{GUIDE}", "POST /v2/personas"]
    assert "One single thought" in shell.call("GET", f"/personas/{GUIDE}")["system_prompt"]
    assert "# why: told at a fair" in (shell.dir / GUIDE_FILE).read_text("utf-8")

    again = shell.run("apply")
    assert (again.code, "3 with nothing to do." in again.out) == (0, True)
    assert len(shell.writes()) == 2
    assert shell.run("plan").code == 0


def test_the_history_says_that_it_came_from_a_file_and_who_did_it(shell: Shell) -> None:
    shell.write("a.yaml", "persona_name: Warm product guide\ngreeting: Welcome.\n")
    assert "1 of your personas has no file here and is left alone." in shell.run("plan").out
    assert shell.run("apply", "--reason", "spring fair").code == 0
    store = Store(shell.env["DATABASE_URL"], root=shell.place)
    store.open()
    with store.reading() as connection:
        kept = connection.exec_driver_sql("select persona_id, actor, reason from snapshots where origin = 'file'").all()
    store.close()
    assert [tuple(row) for row in kept] == [(GUIDE, "sam", "spring fair")]


def test_a_database_that_can_not_be_used_costs_the_history_and_nothing_else(shell: Shell) -> None:
    (shell.place / "broken.db").write_bytes(b"no database" * 99)
    shell.write("a.yaml", "persona_name: Warm product guide\ngreeting: Welcome.\n")
    answer = shell.run("apply", DATABASE_URL=f"sqlite:///{(shell.place / 'broken.db').as_posix()}")
    assert answer.code == 0
    assert "The history could not be kept: " in answer.out
    assert shell.call("GET", f"/personas/{GUIDE}")["greeting"] == "Welcome."


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell's pipe")
def test_a_reader_that_leaves_early_is_no_bug(shell: Shell) -> None:
    shell.write("a.yaml", "persona_name: Warm product guide\ngreeting: Welcome.\n")
    line = " ".join([*shell.command("plan"), "|", "true"])
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, env=shell.env, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


def test_a_second_edit_after_an_apply_is_no_conflict_as_the_file_knows_what_was_applied(shell: Shell) -> None:
    shell.run("export")
    for greeting in ("First.", "Second."):
        shell.edit(GUIDE_FILE, "greeting: ", f"greeting: {greeting} #")
        assert shell.run("apply").code == 0
        assert shell.call("GET", f"/personas/{GUIDE}")["greeting"] == greeting


def test_a_refused_file_exits_with_1_and_the_others_are_done(shell: Shell) -> None:
    shell.write("secret.yaml", f"persona_name: A\nsystem_prompt: x\nlayers:\n  tts:\n    api_key: {CANARY}\n")
    shell.write("broken.yaml", "persona_name: B\n\tsystem_prompt: x\n")
    shell.write("wrong.yaml", "persona_name: C\nsystem_prompt: x\nlayers: {stt: {stt_engine: ears}}\n")
    shell.write("good.yaml", "persona_name: D\nsystem_prompt: x\n")
    for todo in ("plan", "apply"):
        answer = shell.run(todo)
        assert answer.code == 1
        assert CANARY not in answer.out + answer.err
        assert "line 5: layers.tts.api_key is a secret" in answer.out
        assert "line 2: A tab stands where YAML wants spaces" in answer.out
        assert "line 3: Hearing, engine: Choose one of tavus-auto" in answer.out
    assert "1 created, 3 not done.\nNot done: broken.yaml, secret.yaml, wrong.yaml." in answer.out
    assert shell.writes() == ["POST /v2/personas"]


def test_a_persona_that_tavus_refuses_is_said_at_the_end_and_the_next_is_done(shell: Shell) -> None:
    shell.write("a.yaml", "persona_name: Sceptical buyer\ngreeting: One.\n")
    shell.write("b.yaml", "persona_name: Warm product guide\ngreeting: Two.\n")
    fault(shell.url, "PATCH /v2/personas/*", status=400, body={"error": "Not today."})
    answer = shell.run("apply")
    assert answer.code == 1
    assert "NOT DONE: Tavus refused the request (400): Not today." in answer.out
    assert answer.out.endswith("1 changed, 1 not done.\nNot done: a.yaml.\n")
    assert shell.call("GET", f"/personas/{GUIDE}")["greeting"] == "Two."


def test_a_conflict_shows_both_sides_and_only_overwrite_sends(shell: Shell) -> None:
    shell.run("export")
    shell.edit(GUIDE_FILE, "greeting: Hello", "greeting: Mine, hello")
    shell.call("PATCH", f"/personas/{GUIDE}", [{"op": "replace", "path": "/greeting", "value": "Theirs."}])
    for todo in ("plan", "apply"):
        answer = shell.run(todo)
        assert answer.code == 1
        assert "! warm-product-guide.yaml  “Warm product guide”: conflict" in answer.out
        assert "Tavus Theirs." in answer.out
        assert "file  Mine, hello" in answer.out
    assert shell.call("GET", f"/personas/{GUIDE}")["greeting"] == "Theirs."
    assert shell.run("plan", "--overwrite").code == 2
    assert shell.run("apply", "--overwrite").code == 0
    assert shell.call("GET", f"/personas/{GUIDE}")["greeting"].startswith("Mine")


def test_an_ambiguous_name_is_refused_and_says_which(shell: Shell) -> None:
    shell.call("POST", "/personas", {"persona_name": "Warm product guide", "system_prompt": "Twin."})
    assert shell.run("export").code == 0
    assert (shell.dir / "warm-product-guide-2.yaml").exists()
    answer = shell.run("plan")
    assert answer.code == 1
    assert "The name “Warm product guide” is in warm-product-guide-2.yaml too" in answer.out
    (shell.dir / "warm-product-guide-2.yaml").unlink()
    answer = shell.run("plan")
    assert answer.code == 1
    assert f"2 personas are called “Warm product guide” ({GUIDE}, " in answer.out or f", {GUIDE})" in answer.out


def test_no_secret_is_in_any_file_or_answer(shell: Shell) -> None:
    layers = {
        "llm": {"model": "own", "api_key": CANARY, "headers": {"Authorization": CANARY},
                "base_url": f"https://me:{CANARY}@example.com/v1", "tools": [{"name": "a", "token": CANARY}]},
        "tts": {"api_key": CANARY},
        "later": {"access_token": CANARY},
    }  # fmt: skip
    shell.call("POST", "/personas", {"persona_name": "Own", "system_prompt": "x", "layers": layers})
    said = [shell.run("export"), shell.run("export", "--ids", "--overwrite"), shell.run("plan", "--json")]
    shell.edit("own.yaml", "system_prompt: x", "system_prompt: y")
    said += [shell.run("plan"), shell.run("apply")]
    assert [answer.code for answer in said] == [0, 0, 0, 2, 0]
    assert CANARY not in "".join(answer.out + answer.err for answer in said)
    assert CANARY not in (shell.dir / "own.yaml").read_text("utf-8")
    assert "layers.later.access_token" in (shell.dir / "own.yaml").read_text("utf-8")
    stored = [row for row in shell.call("GET", "/personas?limit=50")["data"] if row["persona_name"] == "Own"]
    assert (stored[0]["system_prompt"], stored[0]["layers"]["llm"]["api_key"]) == ("y", CANARY)


def test_ids_of_the_account_are_only_exported_when_asked_for(shell: Shell) -> None:
    row = {"persona_name": "Own", "system_prompt": "x", "default_replica_id": LUCAS, "guardrail_tags": ["calm"]}
    shell.call("POST", "/personas", row)
    shell.call("PATCH", f"/personas/{GUIDE}", [{"op": "add", "path": "/objectives_id", "value": "o123"}])
    shell.run("export", "--name", "Own", "--name", "Warm product guide")
    assert sorted(path.name for path in shell.dir.iterdir()) == ["own.yaml", GUIDE_FILE]
    assert f"default_replica_id: {LUCAS}" in (shell.dir / "own.yaml").read_text("utf-8")
    assert "objectives_id" not in (shell.dir / GUIDE_FILE).read_text("utf-8")
    shell.run("export", "--ids", "--no-base")
    assert "objectives_id: o123" in (shell.dir / GUIDE_FILE).read_text("utf-8")
    assert "based_on" not in (shell.dir / GUIDE_FILE).read_text("utf-8")
    unknown = shell.run("export", "--name", "Nobody")
    assert (unknown.code, "No persona of your own is called “Nobody”" in unknown.err) == (1, True)


def test_an_export_keeps_what_was_not_applied_and_exits_with_1(shell: Shell) -> None:
    shell.run("export")
    shell.edit(GUIDE_FILE, "greeting: Hello", "greeting: Mine, hello")
    answer = shell.run("export")
    assert answer.code == 1
    assert "! warm-product-guide.yaml  “Warm product guide”: kept. It holds changes that are not applied." in answer.out
    assert "greeting: Mine" in (shell.dir / GUIDE_FILE).read_text("utf-8")


def test_json_is_one_object_with_the_exit_code(shell: Shell) -> None:
    exported = shell.run("export", "--json")
    assert exported.json["exit"] == exported.code == 0
    assert {entry["written"] for entry in exported.json["files"]} == {"new"}
    shell.edit(GUIDE_FILE, "greeting: Hello", "greeting: Mine, hello")
    planned = shell.run("plan", "--json")
    assert planned.json["exit"] == planned.code == 2
    (step,) = [entry for entry in planned.json["files"] if entry["file"] == GUIDE_FILE]
    assert (step["act"], step["personaId"], step["changes"][0]["field"]) == ("patch", GUIDE, "greeting")
    applied = shell.run("apply", "--json")
    assert applied.json["exit"] == applied.code == 0
    assert {entry["file"]: entry["ok"] for entry in applied.json["files"]} == {GUIDE_FILE: True, BUYER_FILE: True}
    missing = shell.run("plan", "--json", TAVUS_BASE_URL="")
    assert missing.json["exit"] == missing.code == 1
    assert "TAVUS_API_KEY is not set" in missing.json["error"]


@pytest.mark.parametrize(
    ("arguments", "env", "told"),
    [
        (["plan"], {}, "does not exist"),
        (["plan"], {"TAVUS_BASE_URL": ""}, "python -m lib sandbox --port 8790"),
        (["export"], {"TAVUS_BASE_URL": "http://127.0.0.1:9/v2"}, "can't be reached"),
        (["plan", "--nonsense"], {}, "usage: python -m lib personas plan"),
        (["plna"], {}, "usage: python -m lib personas"),
        (["apply", "--reason"], {}, "usage: python -m lib personas apply"),
    ],
)
def test_what_is_missing_is_said_plainly_and_never_exits_as_if_changes_were_pending(
    shell: Shell, arguments: list[str], env: dict[str, str], told: str
) -> None:
    answer = shell.run(*arguments, **env)
    assert answer.code == 1
    assert told in answer.err


def test_hostile_names_can_not_move_the_cursor_and_any_letter_is_printed_where_only_ascii_is_taken(
    shell: Shell,
) -> None:
    shell.write("a.yaml", 'persona_name: "\\e[2Jclear \\u202Eturned Füchsin"\nsystem_prompt: "::error::x\\r\\a"\n')
    answer = shell.run("plan", PYTHONIOENCODING="ascii")
    assert answer.code == 2
    assert not set(answer.out) & set("\x1b\u202e\r\x07")
    assert "\\x1b[2Jclear \\u202eturned F\\xfcchsin" in answer.out
    assert not any(line.lstrip().startswith("::") for line in answer.out.splitlines())


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C can't be sent to one process")
def test_ctrl_c_ends_between_two_personas(shell: Shell) -> None:
    shell.write("a.yaml", "persona_name: Sceptical buyer\ngreeting: One.\n")
    shell.write("b.yaml", "persona_name: Warm product guide\ngreeting: Two.\n")
    fault(shell.url, "PATCH /v2/personas/*", delay_s=1.5)
    process = subprocess.Popen(
        shell.command("apply"), cwd=ROOT, env=shell.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    reads = len(log(shell.url))
    until(lambda: len(log(shell.url)) >= reads + 2, within_s=20)
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in err) == (1, False)
    assert "Stopping after this persona" in err
    assert "1 changed, 1 not done.\nNot done: b.yaml." in out
    assert "Not tried: stopped before it." in out
    assert shell.writes() == ["PATCH /v2/personas/p7d1e04c55a8"]
