"""The checks, their verdict and the report: what works, what fails and why, and never a secret."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from lib.clients.daily import Daily
from lib.clients.tavus import Tavus
from lib.doctor import report
from lib.doctor.machine import machine, versions
from lib.doctor.modes import ModeStanding
from lib.doctor.report import CheckResult, HealthCheck, Report, SettingRow, report_json, report_markdown
from lib.services.chat.scripted.phrasebook import FOLDER, Phrasebooks
from lib.services.diagnostics import local, upstream
from lib.services.diagnostics.service import Diagnostics
from lib.settings import Loaded, load
from lib.store.database import Described, Store
from tests import databases
from tests.running import ROOT
from tests.sandbox_server import RunningSandbox
from tests.scripted_server import answer, scripted

KEY = "tvsk_CANARY_5f1d0c9b7a"
NOBODY = "http://127.0.0.1:9/v2"


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


@contextmanager
def diagnosing(url: str, store: Store, **environ: str) -> Iterator[Diagnostics]:
    """Diagnostics of a machine with these settings; `url` is Tavus, or the embedded sandbox where there is no key."""
    loaded = loaded_with(url, **environ)
    tavus = Tavus(base_url=url, api_key=loaded.settings.tavus_api_key or SecretStr("sandbox"), timeouts=(1, 1))
    yield Diagnostics(loaded=loaded, tavus=tavus, store=store, root=ROOT, limit_s=2.0)
    tavus.close()


def loaded_with(url: str, **environ: str) -> Loaded:
    given = {"TAVUS_API_KEY": KEY, **environ}
    return load(Path("/nowhere"), {**given, "TAVUS_BASE_URL": url} if given["TAVUS_API_KEY"] else given)


def offline(loaded: Loaded, store: Store) -> Diagnostics:
    return Diagnostics(loaded=loaded, tavus=Tavus(base_url=NOBODY, api_key=SecretStr("k")), store=store, root=ROOT)


def named(made: Report, name: str) -> HealthCheck:
    found = [check for check in made.checks if check.name == name]
    assert len(found) == 1, [check.name for check in made.checks]
    return found[0]


def test_all_is_well_on_the_sandbox(sandbox: RunningSandbox, store: Store) -> None:
    with diagnosing(sandbox.v2, store, TAVUS_API_KEY="") as checks:
        made = checks.run()
    assert (made.verdict, made.result) == ("Ready, on the sandbox: nothing is billed.", CheckResult.PASS)
    assert [check.name for check in made.checks] == [
        "Settings",
        "Sandbox",
        "Replicas",
        "Database",
        "Avatar mode",
        "Text chat",
        "Callbacks",
        "Pipecat worker",
        "This machine",
    ]
    passed = [check for check in made.checks if check.name != "Pipecat worker"]
    assert all(check.result is CheckResult.PASS and check.evidence and not check.fix for check in passed)
    assert "6 personas" in named(made, "Sandbox").evidence and "8 can be used" in named(made, "Replicas").evidence
    assert re.search(r"revision \S+, \d+ kB, [\d.]+ GB free", named(made, "Database").evidence)
    assert made.counts().startswith(("9 checks · 8 pass", "9 checks · 9 pass"))
    assert made.versions["streamlit"] and made.took_s < 3


def test_a_run_costs_two_small_requests(sandbox: RunningSandbox, store: Store) -> None:
    with diagnosing(sandbox.v2, store) as checks:
        checks.run()
    assert sandbox.routes() == ["GET /v2/personas", "GET /v2/replicas"]
    assert all(entry["query"]["limit"] in ("1", ["1"]) for entry in sandbox.log())


def test_a_good_key_is_said_to_be_accepted_with_its_latency(sandbox: RunningSandbox, store: Store) -> None:
    with diagnosing(sandbox.v2, store) as checks:
        made = checks.run()
    assert re.fullmatch(
        r"GET /personas answered in \d+ ms\. 6 personas\. The key is accepted\.", named(made, "Tavus").evidence
    )
    assert made.result is CheckResult.LOOK and "TAVUS_BASE_URL" in made.verdict


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (answer(401, {"message": "Invalid access token"}), "refused the key"),
        (answer(402, {"message": "The user is out of conversational credits"}), "no minutes"),
        (answer(500, {"error": "Internal Server Error"}), "failed (500)"),
        (answer(404, "<html>gone</html>"), "web page"),
        (answer(200, "<html>login</html>"), "web page"),
    ],
)
def test_one_cause_is_one_failure_with_its_fix(step: Any, told: str, store: Store) -> None:
    with scripted(step) as upstream, diagnosing(upstream.url, store) as checks:
        made = checks.run()
    assert named(made, "Tavus").result is CheckResult.FAIL and told in named(made, "Tavus").evidence
    assert named(made, "Tavus").fix and named(made, "Replicas").result is CheckResult.SKIP
    assert made.result is CheckResult.FAIL and "One thing to fix: Tavus." in made.verdict
    phoenix = next(state for state in made.modes if state.mode == "phoenix_rest")
    assert (phoenix.state, phoenix.because) == (ModeStanding.CANT, named(made, "Tavus").evidence)
    assert named(made, "Database").result is CheckResult.PASS


def test_no_network_is_told_and_the_rest_is_still_checked(store: Store) -> None:
    with diagnosing(NOBODY, store) as checks:
        made = checks.run()
    tavus = named(made, "Tavus")
    assert "the connection is refused" in tavus.evidence and "TAVUS_BASE_URL" in tavus.fix
    assert named(made, "This machine").result is CheckResult.PASS


def test_a_check_that_hangs_does_not_hold_the_others(store: Store) -> None:
    with scripted() as upstream:
        upstream.steps = [upstream.silent]
        loaded = loaded_with(upstream.url)
        tavus = Tavus(base_url=upstream.url, api_key=SecretStr(KEY), timeouts=(1, 3))
        made = Diagnostics(loaded=loaded, tavus=tavus, store=store, root=ROOT, limit_s=0.2).run()
        hanging = [thread for thread in threading.enumerate() if thread.name.startswith("greenroom-check")]
        assert hanging and all(thread.daemon for thread in hanging)
    assert named(made, "Tavus").evidence == "No answer within 0.2 s." and made.took_s < 1
    assert named(made, "Database").result is CheckResult.PASS


def test_the_checks_run_side_by_side(store: Store) -> None:
    together = threading.Barrier(2, timeout=5)

    class Slow(Store):
        def describe(self) -> Any:
            together.wait()
            return store.describe()

    def meet(peer: Any) -> None:
        together.wait()
        answer(200, {"data": [{"persona_id": "p1", "replica_id": "r1"}], "total_count": 1})(peer)

    with scripted(meet, answer(200, {"data": [{"replica_id": "r1"}], "total_count": 1})) as upstream:
        slow = Slow("sqlite:///x.db", root=store.directory)
        with diagnosing(upstream.url, slow) as checks:
            assert named(checks.run(), "Database").result is CheckResult.PASS


def test_a_slow_tavus_is_to_look_at(sandbox: RunningSandbox, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "SLOW_MS", -1)
    with diagnosing(sandbox.v2, store) as checks:
        assert named(checks.run(), "Tavus").result is CheckResult.LOOK


def test_a_broken_check_is_a_failed_check_and_its_trace_is_logged(
    sandbox: RunningSandbox, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Store):
        def describe(self) -> Any:
            raise RuntimeError("boom")

    with diagnosing(sandbox.v2, Broken("sqlite:///x.db", root=store.directory)) as checks:
        check = named(checks.run(), "Database")
    assert (check.result, check.evidence) == (CheckResult.FAIL, "Greenroom failed while it checked.")
    assert "boom" in caplog.text


# settings


def test_problems_fail_and_notes_are_to_look_at(sandbox: RunningSandbox, store: Store) -> None:
    settings = {"TAVUS_API_KEY": "", "MAX_CALL_S": "ten", "DAILY_SUBDOMAIN": "https://go-scope.daily.co"}
    with diagnosing(sandbox.v2, store, **settings) as checks:
        made = checks.run()
    wrong = named(made, "MAX_CALL_S")
    assert wrong.result is CheckResult.FAIL and "30 to 3600" in wrong.evidence and "restart" in wrong.fix
    assert named(made, "DAILY_SUBDOMAIN").result is CheckResult.LOOK
    assert named(made, "Avatar mode").result is CheckResult.LOOK
    assert made.verdict == "Not ready for live calls. One thing to fix: MAX_CALL_S."


def test_a_mode_that_lacks_settings_names_them(sandbox: RunningSandbox, store: Store) -> None:
    with diagnosing(sandbox.v2, store, TAVUS_AVATAR_MODE="pipecat_daily") as checks:
        checks._missing_keys = lambda: ("DEEPGRAM_API_KEY",)
        # The worker's packages take seconds to load on a busy machine, and the modes depend on what came of it.
        checks._limit_s = 60.0
        made = checks.run()
    check = named(made, "Avatar mode")
    assert check.result is CheckResult.LOOK and "DEEPGRAM_API_KEY" in check.evidence and "text chat" in check.evidence
    assert any("DEEPGRAM_API_KEY" in mode.because for mode in made.modes if mode.mode == "pipecat_daily") or any(
        "Pipecat is not installed" in mode.because for mode in made.modes
    )


@pytest.mark.parametrize(
    ("replica", "result", "told"),
    [
        ("r90bbd427f71", CheckResult.PASS, "r90bbd427f71, is ready"),
        ("r000", CheckResult.LOOK, "r000, is gone"),
    ],
)
def test_the_default_replica_is_looked_at(
    sandbox: RunningSandbox, store: Store, replica: str, result: CheckResult, told: str
) -> None:
    with diagnosing(sandbox.v2, store, TAVUS_DEFAULT_REPLICA_ID=replica) as checks:
        check = named(checks.run(), "Replicas")
    assert check.result is result and told in check.evidence


def test_an_account_without_replicas_can_not_start(store: Store) -> None:
    with scripted(answer(200, {"data": [], "total_count": 0})) as upstream, diagnosing(upstream.url, store) as checks:
        assert named(checks.run(), "Replicas").result is CheckResult.FAIL


def test_a_wrong_address_of_tavus_has_nobody_contacted(store: Store) -> None:
    with scripted() as upstream:
        loaded = load(Path("/nowhere"), {"TAVUS_API_KEY": KEY, "TAVUS_BASE_URL": "http://tavusapi.example"})
        tavus = Tavus(base_url=upstream.url, api_key=SecretStr(KEY))
        made = Diagnostics(loaded=loaded, tavus=tavus, store=store, root=ROOT).run()
        tavus.close()
        assert upstream.seen == []
    wrong = named(made, "TAVUS_BASE_URL")
    assert wrong.result is CheckResult.FAIL and wrong.evidence.endswith("Until then Tavus is not contacted.")
    assert "tavusapi.com" not in wrong.evidence
    for name in ("Tavus", "Replicas"):
        assert named(made, name).result is CheckResult.SKIP
        assert "Nothing is contacted until TAVUS_BASE_URL is corrected" in named(made, name).evidence
    assert made.verdict == "Not ready for live calls. One thing to fix: TAVUS_BASE_URL."


def test_a_wrong_address_does_not_keep_the_sandbox_from_being_asked(sandbox: RunningSandbox, store: Store) -> None:
    loaded = load(Path("/nowhere"), {"TAVUS_BASE_URL": "nonsense"})
    tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr("sandbox"))
    made = Diagnostics(loaded=loaded, tavus=tavus, store=store, root=ROOT).run()
    tavus.close()
    assert named(made, "Sandbox").result is CheckResult.PASS


# database


def test_what_sqlite_has_not_put_into_its_file_yet_counts_as_its_size(sandbox: RunningSandbox, store: Store) -> None:
    store.directory.joinpath("greenroom.db-wal").write_bytes(b"0" * 5 * 1024 * 1024)
    with diagnosing(sandbox.v2, store) as checks:
        told = named(checks.run(), "Database").evidence
    size = re.search(r", ([\d.]+) MB,", told)
    assert size is not None and float(size[1]) >= 5, told


def test_a_server_database_is_named_with_its_size(
    sandbox: RunningSandbox, postgresql: databases.Server, tmp_path: Path
) -> None:
    with postgresql.database() as url:
        on_server = Store(url, root=tmp_path)
        on_server.open()
        with diagnosing(sandbox.v2, on_server) as checks:
            found = named(checks.run(), "Database")
        on_server.close()
    assert found.result is CheckResult.PASS
    assert re.search(r"^postgresql\+psycopg://.* at revision m\d+_\w+, [\d.]+ MB\. Conv", found.evidence), (
        found.evidence
    )


def test_a_database_that_is_not_ours_is_told(sandbox: RunningSandbox, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is no database at all, it is a text that lies here" * 20)
    stranger = Store("sqlite:///x.db", root=tmp_path)
    stranger.open()
    with diagnosing(sandbox.v2, stranger) as checks:
        check = named(checks.run(), "Database")
    assert check.result is CheckResult.FAIL and "not a database" in check.evidence and "DATABASE_URL" in check.fix


def test_an_address_of_no_database_is_told(sandbox: RunningSandbox, tmp_path: Path) -> None:
    nowhere = Store("sqlite://:CANARY@/x?y", root=tmp_path)
    nowhere.open()
    with diagnosing(sandbox.v2, nowhere) as checks:
        check = named(checks.run(), "Database")
    assert check.result is CheckResult.FAIL and check.fix and "CANARY" not in repr(check)


def test_a_database_that_broke_after_the_start_is_told(sandbox: RunningSandbox, store: Store) -> None:
    store.close()
    file = store.directory / "greenroom.db"
    for path in (file, file.with_name("greenroom.db-wal"), file.with_name("greenroom.db-shm")):
        path.unlink(missing_ok=True)
    broken = Store("sqlite:///greenroom.db", root=store.directory)
    broken.open()
    broken.engine.dispose()
    file.write_bytes(b"torn" * 4096)
    with diagnosing(sandbox.v2, broken) as checks:
        check = named(checks.run(), "Database")
    broken.close()
    assert check.result is CheckResult.FAIL and "not a database" in check.evidence and check.fix


def test_a_database_of_another_revision_is_told(sandbox: RunningSandbox, store: Store) -> None:
    class Older(Store):
        def describe(self) -> Described:
            return Described("sqlite:///x.db", "m0001", "m0002", None)

    with diagnosing(sandbox.v2, Older("sqlite:///x.db", root=store.directory)) as checks:
        check = named(checks.run(), "Database")
    assert check.result is CheckResult.FAIL and "m0002 is due" in check.evidence


def test_little_space_is_to_look_at(sandbox: RunningSandbox, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LITTLE_SPACE", 1 << 60)
    with diagnosing(sandbox.v2, store) as checks:
        assert named(checks.run(), "Database").result is CheckResult.LOOK


# when


def test_a_report_is_kept_for_half_a_minute_and_for_reruns(sandbox: RunningSandbox, store: Store) -> None:
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr(KEY))
    checks = Diagnostics(loaded=loaded_with(sandbox.v2), tavus=tavus, store=store, root=ROOT, clock=lambda: now)
    first = checks.run()
    now += timedelta(seconds=30)
    assert checks.run() is first and checks.run(None) is first
    now += timedelta(seconds=1)
    assert checks.run(None) is first
    second = checks.run()
    assert second is not first and second.at == now
    assert checks.run(0) is second
    now += timedelta(seconds=1)
    assert checks.run(0) is not second
    tavus.close()


def test_many_who_ask_at_once_share_one_run(sandbox: RunningSandbox, store: Store) -> None:
    with diagnosing(sandbox.v2, store) as checks:
        made: list[Report] = []
        threads = [threading.Thread(target=lambda: made.append(checks.run())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert len(made) == 8 and len({id(one) for one in made}) == 1 and len(sandbox.log()) == 2


# Daily

ROOM = "Daily room: create and delete"


def asked_daily(sandbox: RunningSandbox, store: Store, *faults: dict[str, Any], **environ: str) -> Report:
    """A report of a console with a Daily key, whose Daily is the sandbox's with these faults."""
    sandbox.faults(*faults)
    client = Daily(api_key=SecretStr("d"), base_url=f"{sandbox.url}/daily/v1", timeouts=(1, 1), sleep=lambda _: None)
    tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr(KEY))
    loaded = loaded_with(sandbox.v2, **environ)
    made = Diagnostics(loaded=loaded, tavus=tavus, store=store, root=ROOT, daily=client).run()
    sandbox.faults()
    tavus.close()
    client.close()
    return made


def rooms_left(sandbox: RunningSandbox) -> int:
    answer = requests.get(f"{sandbox.url}/daily/v1/rooms", headers={"Authorization": "Bearer d"}, timeout=5)
    return int(answer.json()["total_count"])


@pytest.mark.parametrize(
    ("wanted", "fault", "result", "told"),
    [
        ("", {}, CheckResult.PASS, "its rooms are at sandbox.daily.co"),
        ("go-scope", {}, CheckResult.FAIL, "belongs to sandbox.daily.co, not to go-scope.daily.co"),
        (
            "",
            {"status": 401, "body": {"error": "authentication-error"}},
            CheckResult.FAIL,
            "Daily refused the key (401)",
        ),
    ],
)
def test_dailys_key_and_domain_are_a_row_of_their_own(
    wanted: str, fault: dict[str, Any], result: CheckResult, told: str, sandbox: RunningSandbox, store: Store
) -> None:
    faults = [{"route": "* /daily/v1*", "times": -1, **fault}] if fault else []
    made = asked_daily(sandbox, store, *faults, DAILY_SUBDOMAIN=wanted)
    row, room = named(made, "Daily"), named(made, ROOM)
    assert row.result is result and told in row.evidence and (result is CheckResult.PASS or "DAILY_" in row.fix)
    assert room.result is (CheckResult.PASS if result is CheckResult.PASS else CheckResult.SKIP)
    if result is not CheckResult.PASS:
        assert not [entry for entry in sandbox.log() if entry["path"] == "/daily/v1/rooms"]


@pytest.mark.parametrize("privacy", ["private", "public"])
def test_a_daily_room_is_made_as_calls_make_theirs_and_deleted_again(
    privacy: str, sandbox: RunningSandbox, store: Store
) -> None:
    row = named(asked_daily(sandbox, store, DAILY_AVATAR_PRIVACY=privacy), ROOM)
    assert row.result is CheckResult.PASS and row.evidence.startswith(f"A {privacy} room and a token for it were made")
    log = [entry for entry in sandbox.log() if entry["path"].startswith("/daily/v1/")]
    methods = [f"{entry['method']} {entry['path'].partition('/v1')[2]}" for entry in log]
    name = log[1]["body"]["name"]
    assert methods == ["GET /", "POST /rooms", "POST /meeting-tokens", f"DELETE /rooms/{name}"]
    assert log[1]["body"]["privacy"] == privacy and rooms_left(sandbox) == 0
    closes_in_s = log[1]["body"]["properties"]["exp"] - datetime.now(UTC).timestamp()
    assert 60 < closes_in_s <= 121
    assert log[2]["body"]["properties"]["is_owner"] is False


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"route": "POST /daily/v1/meeting-tokens", "status": 500, "body": {"error": "x"}}, "failed (500)"),
        ({"route": "POST /daily/v1/rooms", "drop": "after"}, "lost before its answer"),
        ({"route": "POST /daily/v1/rooms", "status": 400, "body": {"info": "too many rooms"}}, "too many rooms"),
    ],
    ids=["no token", "made, but the answer was lost", "refused"],
)
def test_a_daily_room_that_fails_in_between_is_deleted_all_the_same(
    fault: dict[str, Any], told: str, sandbox: RunningSandbox, store: Store
) -> None:
    made = asked_daily(sandbox, store, fault)
    row = named(made, ROOM)
    assert row.result is CheckResult.FAIL and told in row.evidence and row.fix
    assert "closes by itself" not in row.evidence and rooms_left(sandbox) == 0
    assert f"to fix: {ROOM}" in made.verdict


def test_a_daily_room_that_can_not_be_deleted_is_named_and_closes_by_itself(
    sandbox: RunningSandbox, store: Store
) -> None:
    refuse = {"route": "DELETE /daily/v1/rooms*", "times": -1, "status": 403, "body": {"error": "forbidden"}}
    row = named(asked_daily(sandbox, store, refuse), ROOM)
    assert row.result is CheckResult.FAIL and "could not be deleted" in row.evidence
    assert re.search(r"greenroom-check-\w+ closes by itself within 2 minutes\.$", row.evidence)
    assert rooms_left(sandbox) == 1
    sandbox.advance(121)
    assert rooms_left(sandbox) == 0


def test_a_daily_room_of_another_privacy_than_was_asked_for_is_told(sandbox: RunningSandbox, store: Store) -> None:
    public = {"id": "1", "name": "x", "url": "https://sandbox.daily.co/x", "privacy": "public"}
    fault = {"route": "POST /daily/v1/rooms", "status": 200, "body": public}
    row = named(asked_daily(sandbox, store, fault, DAILY_AVATAR_PRIVACY="private"), ROOM)
    assert (
        row.result is CheckResult.FAIL and row.evidence == "A private room was asked for, and Daily made a public one."
    )


# which conversations are ours


def test_the_beginning_of_our_conversations_names_is_told_in_every_form(sandbox: RunningSandbox, store: Store) -> None:
    prefix = store.meta("prefix")
    told = f"Conversations named {prefix}-… are its own."
    with diagnosing(sandbox.v2, store) as checks:
        made = checks.run()
    assert re.fullmatch(r"gr[0-9a-f]{6}", prefix) and told in named(made, "Database").evidence
    assert told in report_markdown(made) and told in json.loads(report_json(made))["checks"][3]["evidence"]


# the report


def test_no_secret_is_in_any_form_of_the_report(store: Store) -> None:
    secrets = {
        "TAVUS_API_KEY": KEY,
        "DAILY_API_KEY": "daily_CANARY_0011223344",
        "CHAT_API_KEY": "chat_CANARY_0011223344",
        "API_TOKEN": "CANARY_7",
        "DATABASE_URL": "postgresql://CANARYuser:CANARYpw@1@db.example/greenroom?password=CANARYoption",
    }
    echo = f"Invalid access token {KEY} {secrets['DAILY_API_KEY']} {secrets['API_TOKEN']} CANARYpw@1"
    with scripted(answer(401, {"message": echo})) as upstream, diagnosing(upstream.url, store, **secrets) as checks:
        made = checks.run()
    shown = {row.name: row.value for row in made.configuration}
    assert shown["TAVUS_API_KEY"] == "set, ends in …9b7a" and shown["API_TOKEN"] == "set"
    assert shown["DATABASE_URL"] == "postgresql://***@db.example/greenroom"
    for text in (report_markdown(made), report_json(made), repr(made)):
        assert "CANARY" not in text
    assert "Invalid access token *** *** *** ***" in named(made, "Tavus").evidence


def test_the_configuration_says_where_each_value_comes_from(
    sandbox: RunningSandbox, store: Store, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("MAX_CALL_S=90\n")
    loaded = load(tmp_path, {"USE_TAVUS_PIPECAT_VIDEO": "false"})
    made = offline(loaded, store).run()
    rows = {row.name: (row.value, row.source) for row in made.configuration}
    assert rows["MAX_CALL_S"] == ("90 s", ".env") and rows["DAILY_MINUTES"] == ("60 min a day", "default")
    assert rows["SWEEP_INTERVAL_S"] == ("5 s", "default") and rows["TAVUS_API_KEY"] == ("not set", "default")
    assert rows["USE_TAVUS_PIPECAT_VIDEO"] == ("see TAVUS_AVATAR_MODE", "environment")
    assert rows["TAVUS_AVATAR_MODE"] == ("phoenix_rest", "environment")
    assert rows["TAVUS_BASE_URL"] == ("the sandbox in this process", "default")


def test_a_wrong_setting_shows_what_was_written_where_it_came_from_and_what_to_do(store: Store, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DAILY_MINUTES=many\n")
    environ = {"MAX_CALL_S": "5", "DAILY_API_KEY": f"{KEY} x", "CHAT_BASE_URL": KEY, "ABSENT_TIMEOUT_S": "60"}
    loaded = load(tmp_path, environ)
    made = offline(loaded, store).run()
    rows = {row.name: row for row in made.configuration}
    assert (rows["MAX_CALL_S"].value, rows["MAX_CALL_S"].source) == ("5", "environment")
    assert (rows["DAILY_MINUTES"].value, rows["DAILY_MINUTES"].source) == ("many", ".env")
    assert rows["MAX_CALL_S"].problem == (
        "It must be a whole number of seconds from 30 to 3600. Until then 600 is used. "
        "Correct MAX_CALL_S in the environment, or remove it, and restart Greenroom."
    )
    for name in ("DAILY_API_KEY", "CHAT_BASE_URL"):
        assert rows[name].value == "not shown, in case it is a key" and rows[name].problem
    assert rows["ABSENT_TIMEOUT_S"] == SettingRow("ABSENT_TIMEOUT_S", "60 s", "environment")
    assert rows["ABSENT_TIMEOUT_S"].help.startswith("A call that nobody joins")
    assert "from 30 to 3600" in report_markdown(made).partition("## Configuration")[2]
    assert "CANARY" not in report_markdown(made) + report_json(made)


def test_a_file_that_can_not_be_read_is_among_the_settings(store: Store, tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text("MAX_CALL_S = [")
    made = Diagnostics(
        loaded=load(tmp_path, {}), tavus=Tavus(base_url=NOBODY, api_key=SecretStr("k")), store=store, root=ROOT
    ).run()
    assert made.configuration[-1].name == ".streamlit/secrets.toml"
    assert made.configuration[-1].value == "can't be read" and "mistake" in made.configuration[-1].problem


def test_on_the_sandbox_the_token_is_told_and_the_older_name_is_listed(store: Store, tmp_path: Path) -> None:
    def shown(**environ: str) -> dict[str, str]:
        tavus = Tavus(base_url=NOBODY, api_key=SecretStr("k"))
        made = Diagnostics(loaded=load(tmp_path, environ), tavus=tavus, store=store, root=ROOT).run()
        return {row.name: row.value for row in made.configuration}

    assert shown()["API_TOKEN"] == "not set: the sandbox's token is sandbox"
    assert shown()["USE_TAVUS_PIPECAT_VIDEO"] == "not set"
    assert shown(TAVUS_API_KEY=KEY)["API_TOKEN"] == "not set"
    assert shown(API_TOKEN="my-own-token")["API_TOKEN"] == "set"


def test_the_reports_hold_the_named_fields_only_and_keep_strange_text_in_its_cell() -> None:
    at = datetime(2026, 11, 22, 9, 16, tzinfo=UTC)
    odd = HealthCheck("Tavus", CheckResult.FAIL, "a | b\n`c` <img src=x> [d](e)", "Mend *it*.")
    made = Report(
        at,
        0.1234,
        "Not ready.",
        CheckResult.FAIL,
        (odd,),
        (SettingRow("MAX_CALL_S", "600 s", "default"),),
        {"pandas": ""},
    )
    text = report_markdown(made)
    assert text.startswith("# Greenroom report, 2026-11-22 09:16 UTC\n\n**Not ready.** 1 check · 1 fail.")
    line = next(line for line in text.splitlines() if "Tavus" in line)
    assert r"a \| b \`c\` \<img src=x> \[d\](e) Mend \*it\*." in line
    assert "| pandas " in text and "not installed" in text
    document = json.loads(report_json(made))
    told = {"report", "at", "took_s", "verdict", "result", "checks", "modes", "configuration", "versions"}
    assert set(document) == told
    assert document["checks"] == [
        {"name": "Tavus", "result": "fail", "evidence": odd.evidence, "fix": "Mend *it*."},
    ]
    assert document["configuration"] == [{"name": "MAX_CALL_S", "value": "600 s", "source": "default", "problem": ""}]


def test_the_home_folder_is_not_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/canary"))
    loaded = load(tmp_path, {"DATABASE_URL": "sqlite:////home/canary/greenroom.db"})
    store = Store("sqlite:///x.db", root=tmp_path)
    made = offline(loaded, store).run()
    assert next(row.value for row in made.configuration if row.name == "DATABASE_URL") == "sqlite:///~/greenroom.db"
    assert report.report_json(made).count("canary") == 0


# the machine


def test_the_machine_is_described_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine()
    assert here.python_fits and here.python in str(here) and here.bits in (32, 64)
    monkeypatch.setattr("platform.release", lambda: "5.15.153.1-microsoft-standard-WSL2")
    monkeypatch.setattr("sys.platform", "linux")
    assert machine().wsl and "in Windows (WSL)" in str(machine())


def test_a_package_that_is_missing_has_no_version() -> None:
    assert versions(["requests", "no-such-package-of-ours"])["no-such-package-of-ours"] == ""


def test_wrong_settings_hold_every_avatar_mode_back_and_text_chat_goes_on(
    sandbox: RunningSandbox, store: Store
) -> None:
    with diagnosing(sandbox.v2, store, TAVUS_API_KEY="", MAX_CALL_S="soon", DAILY_MINUTES="-1") as checks:
        made = checks.run()
    states = {state.mode: state for state in made.modes}
    assert states["phoenix_rest"].state is ModeStanding.CANT
    assert "DAILY_MINUTES" in states["phoenix_rest"].because and "MAX_CALL_S" in states["phoenix_rest"].because
    assert "restart" in states["phoenix_rest"].command and states["text"].state is ModeStanding.WORKS


def test_a_wrong_file_of_the_stand_ins_lines_is_named_with_its_line(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "lines"))
    assert local.scripted(Phrasebooks(folder)).result is CheckResult.PASS
    path = folder / "en" / "buyer.yaml"
    text = path.read_text(encoding="utf-8").replace("    - Good day.\n", "    - My part is {role}.\n    - Good day\n")
    path.write_text(text, encoding="utf-8")
    number = text[: text.index("    - My part is")].count("\n") + 1
    check = local.scripted(Phrasebooks(folder))
    assert check.result is CheckResult.LOOK
    assert f"lines/en/buyer.yaml line {number}: {{role}} needs quotation marks" in check.evidence
    assert check.evidence.endswith("And 1 more.") and "restart" in check.fix
