"""What is read from the environment, `.env` and secrets.toml, and what a wrong value turns into."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from lib import settings
from lib.models import Mode
from lib.settings import TABLE, Loaded, Settings, load, secret_values, written
from lib.settings.entries import SettingEntry
from lib.settings.kinds import NumberIn, OneOf

CANARY = "tvsk_CANARY0123456789abcdef"
ROOT = Path(__file__).resolve().parent.parent


def from_env(root: Path, **environ: str) -> Loaded:
    return load(root, environ)


def from_dotenv(root: Path, content: str | bytes) -> Loaded:
    (root / ".env").write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(root, {})


def from_toml(root: Path, content: str) -> Loaded:
    (root / ".streamlit").mkdir(exist_ok=True)
    (root / ".streamlit" / "secrets.toml").write_text(content, encoding="utf-8")
    return load(root, {})


def key_of(loaded: Loaded) -> str | None:
    key = loaded.settings.tavus_api_key
    return key.get_secret_value() if key else None


def notes_on(loaded: Loaded, name: str) -> list[str]:
    return [note.message for note in loaded.notes if note.name == name]


def test_nothing_set_is_the_sandbox_with_the_defaults(tmp_path: Path) -> None:
    loaded = from_env(tmp_path)
    assert loaded.problems == () and loaded.notes == ()
    assert loaded.settings.sandbox and loaded.settings.tavus_base_url == "https://tavusapi.com/v2"
    read = loaded.settings
    limits = (read.max_call_s, read.absent_timeout_s, read.left_timeout_s, read.max_concurrent_calls)
    assert limits == (600, 120, 30, 2)
    assert (read.daily_minutes, read.max_starts_per_minute, read.sweep_interval_s) == (60, 6, 5.0)
    assert set(loaded.sources.values()) == {"default"}


def test_environment_beats_dotenv_beats_secrets_toml(tmp_path: Path) -> None:
    from_toml(tmp_path, 'MAX_CALL_S = 100\nABSENT_TIMEOUT_S = 20\nLEFT_TIMEOUT_S = "10"\n')
    (tmp_path / ".env").write_text("MAX_CALL_S=200\nABSENT_TIMEOUT_S=40\n")
    loaded = from_env(tmp_path, MAX_CALL_S="300")
    assert (loaded.settings.max_call_s, loaded.settings.absent_timeout_s, loaded.settings.left_timeout_s) == (
        300,
        40,
        10,
    )
    assert [loaded.sources[n] for n in ("MAX_CALL_S", "ABSENT_TIMEOUT_S", "LEFT_TIMEOUT_S")] == [
        "environment",
        ".env",
        ".streamlit/secrets.toml",
    ]
    assert "differs between the environment and .env" in notes_on(loaded, "MAX_CALL_S")[0]


def test_the_same_value_in_two_places_needs_no_note(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TAVUS_API_KEY={CANARY}\n")
    assert from_env(tmp_path, TAVUS_API_KEY=CANARY).notes == ()


def test_the_example_file_changes_nothing(tmp_path: Path) -> None:
    loaded = from_dotenv(tmp_path, (ROOT / ".env.example").read_bytes())
    assert loaded.settings == Settings() and not loaded.problems and not loaded.notes


def test_an_empty_value_in_a_file_counts_as_not_set(tmp_path: Path) -> None:
    from_toml(tmp_path, f'TAVUS_API_KEY = "{CANARY}"\n')
    loaded = from_dotenv(tmp_path, "TAVUS_API_KEY=\nMAX_CALL_S=\n")
    assert key_of(loaded) == CANARY and loaded.sources["TAVUS_API_KEY"] == ".streamlit/secrets.toml"
    assert loaded.settings.max_call_s == 600 and not loaded.problems and not loaded.notes


def test_empty_in_the_environment_hides_the_files_and_is_noted(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TAVUS_API_KEY={CANARY}\n")
    loaded = from_env(tmp_path, TAVUS_API_KEY="", MAX_CALL_S=" ")
    assert loaded.settings.sandbox and loaded.settings.max_call_s == 600 and loaded.problems == ()
    assert [note.name for note in loaded.notes] == ["TAVUS_API_KEY"]


@pytest.mark.parametrize(
    "placeholder",
    ["your_tavus_api_key_here", "your-api-key", "<your key>", "changeme", "xxxxxxxx", "tvsk_...", "PLACEHOLDER_KEY"],
)
def test_a_placeholder_counts_as_not_set_and_is_noted(tmp_path: Path, placeholder: str) -> None:
    loaded = from_dotenv(tmp_path, f"TAVUS_API_KEY={placeholder}\n")
    assert loaded.settings.sandbox and loaded.problems == ()
    assert "placeholder" in notes_on(loaded, "TAVUS_API_KEY")[0]


@pytest.mark.parametrize(
    "content",
    [
        f"TAVUS_API_KEY={CANARY}\n".encode("utf-8-sig"),
        f"TAVUS_API_KEY={CANARY}\n".encode("utf-16"),
        f"A=1\r\nTAVUS_API_KEY={CANARY}\r\nB=2\r\n".encode(),
        f'TAVUS_API_KEY="{CANARY}"\n'.encode(),
        f"export TAVUS_API_KEY='{CANARY}'".encode(),
        f"TAVUS_API_KEY = {CANARY}   # the team's\n".encode(),
        f"tavus_api_key=\u201c{CANARY}\u201d\n".encode(),
        f"# d\xe9mo\nTAVUS_API_KEY={CANARY}\n".encode("latin-1"),
    ],
    ids=["bom", "utf-16", "crlf", "quotes", "export", "comment", "curly", "latin-1"],
)
def test_a_key_survives_how_editors_save_it(tmp_path: Path, content: bytes) -> None:
    loaded = from_dotenv(tmp_path, content)
    assert key_of(loaded) == CANARY and loaded.problems == ()


def test_quotes_that_cmd_exe_leaves_on_are_taken_off(tmp_path: Path) -> None:
    assert key_of(from_env(tmp_path, TAVUS_API_KEY=f'"{CANARY}"')) == CANARY


def test_a_dollar_in_a_password_is_not_a_variable(tmp_path: Path) -> None:
    url = "postgresql://me:a${HOME}b@db/x"
    assert from_dotenv(tmp_path, f"DATABASE_URL={url}\n").settings.database_url.get_secret_value() == url


def test_an_unreadable_dotenv_is_a_problem_and_the_rest_still_counts(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    loaded = from_env(tmp_path, MAX_CALL_S="60")
    assert [problem.name for problem in loaded.problems] == [".env"] and loaded.settings.max_call_s == 60
    assert "can't be read" in loaded.problems[0].message and loaded.problems[0].hint


def test_a_binary_dotenv_is_a_problem(tmp_path: Path) -> None:
    assert "not a text file" in from_dotenv(tmp_path, b"\0\1\2" * 50).problems[0].message


def test_a_broken_line_is_named_by_its_number_without_its_content(tmp_path: Path) -> None:
    loaded = from_dotenv(tmp_path, f'MAX_CALL_S=60\nTAVUS_API_KEY="{CANARY}\nDAILY_MINUTES=5\n')
    assert loaded.problems[0].name == "TAVUS_API_KEY" and "Line 2" in loaded.problems[0].message
    assert loaded.settings.max_call_s == 60 and CANARY not in repr(loaded)


def test_a_broken_line_that_is_not_ours_is_only_noted(tmp_path: Path) -> None:
    loaded = from_dotenv(tmp_path, "this is prose, no setting\nMAX_CALL_S=60\n")
    assert loaded.problems == () and "Line 1" in notes_on(loaded, ".env")[0] and loaded.settings.max_call_s == 60


def test_a_mistake_in_secrets_toml_is_a_problem_with_its_line(tmp_path: Path) -> None:
    loaded = from_toml(tmp_path, f"MAX_CALL_S = 60\nTAVUS_API_KEY = {CANARY}\n")
    assert "line 2" in loaded.problems[0].message and CANARY not in repr(loaded)


def test_notepads_hidden_ending_is_noted(tmp_path: Path) -> None:
    (tmp_path / ".env.txt").write_text(f"TAVUS_API_KEY={CANARY}\n")
    assert "Rename it" in notes_on(from_env(tmp_path), ".env")[0]


def test_a_misspelt_name_is_noted_without_its_value(tmp_path: Path) -> None:
    loaded = from_dotenv(tmp_path, f"TAVUS_APIKEY={CANARY}\nHOME_OF_SOMETHING=1\n")
    assert notes_on(loaded, "TAVUS_API_KEY") == [".env has TAVUS_APIKEY, which is no setting. Is TAVUS_API_KEY meant?"]
    assert len(loaded.notes) == 1


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("MAX_CALL_S", "29"),
        ("MAX_CALL_S", "3601"),
        ("MAX_CALL_S", "ten minutes"),
        ("MAX_CALL_S", "60.5"),
        ("ABSENT_TIMEOUT_S", "14"),
        ("ABSENT_TIMEOUT_S", "301"),
        ("LEFT_TIMEOUT_S", "-1"),
        ("MAX_CONCURRENT_CALLS", "0"),
        ("DAILY_MINUTES", "-1"),
        ("MAX_STARTS_PER_MINUTE", "0"),
        ("SWEEP_INTERVAL_S", "nan"),
        ("PRICE_PER_MINUTE", "0,35"),
        ("PRICE_PER_MINUTE", "-1"),
        ("RETENTION_DAYS", "-1"),
        ("RETENTION_DAYS", "2.5"),
        ("RETENTION_AT_TAVUS", "perhaps"),
        ("TAVUS_AVATAR_MODE", "text"),
        ("TAVUS_AVATAR_MODE", "phoenix"),
        ("USE_TAVUS_PIPECAT_VIDEO", "maybe"),
        ("TAVUS_AVATAR_FALLBACK", "pipecat_daily"),
        ("DAILY_AVATAR_PRIVACY", "secret"),
        ("DAILY_SUBDOMAIN", "https://example.com"),
        ("DAILY_SUBDOMAIN", "go scope"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("TAVUS_DEFAULT_REPLICA_ID", "r90/../x"),
        ("PUBLIC_URL", "example.com"),
        ("CHAT_BASE_URL", "ftp://example.com"),
        ("TAVUS_API_KEY", "two words"),
        ("TAVUS_API_KEY", "tvsk_caf\u00e9"),
        ("API_TOKEN", "a\tb"),
    ],
)
def test_a_wrong_value_is_a_problem_and_the_default_is_used(tmp_path: Path, name: str, wrong: str) -> None:
    loaded = from_env(tmp_path, **{name: wrong})
    assert [problem.name for problem in loaded.problems] == [name]
    assert "must be" in loaded.problems[0].message and "restart" in loaded.problems[0].hint
    assert loaded.settings == Settings() and loaded.sources[name] == "default"


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    loaded = from_env(tmp_path, MAX_CALL_S="x", DAILY_AVATAR_PRIVACY="y", TAVUS_BASE_URL="http://tavusapi.com")
    assert {problem.name for problem in loaded.problems} == {"MAX_CALL_S", "DAILY_AVATAR_PRIVACY", "TAVUS_BASE_URL"}


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://tavusapi.com", "https://tavusapi.com/v2"),
        ("https://tavusapi.com/", "https://tavusapi.com/v2"),
        ("https://tavusapi.com/v2", "https://tavusapi.com/v2"),
        ("https://tavusapi.com/v2/", "https://tavusapi.com/v2"),
        ("http://127.0.0.1:8790", "http://127.0.0.1:8790/v2"),
        ("http://localhost:8790/sandbox", "http://localhost:8790/sandbox/v2"),
        ("http://[::1]:8790/v2", "http://[::1]:8790/v2"),
    ],
)
def test_the_base_url_may_end_with_v2_or_not(tmp_path: Path, given: str, used: str) -> None:
    loaded = from_env(tmp_path, TAVUS_BASE_URL=given, TAVUS_API_KEY=CANARY)
    assert loaded.settings.tavus_base_url == used and loaded.problems == ()


@pytest.mark.parametrize(
    "hostile",
    [
        "http://tavusapi.com/v2",
        "http://127.0.0.1.evil.example/v2",
        "http://localhost@evil.example/v2",
        "https://user:pw@tavusapi.com/v2",
        "https://tavusapi.com/v2?x=1",
        "https://tavusapi.com\\@evil.example",
        "https://tavusapi.com:99999",
        "https://[broken",
        "javascript:alert(1)",
        "tavusapi.com",
    ],
)
def test_an_unsafe_base_url_is_a_problem(tmp_path: Path, hostile: str) -> None:
    loaded = from_env(tmp_path, TAVUS_BASE_URL=hostile, TAVUS_API_KEY=CANARY)
    assert [problem.name for problem in loaded.problems] == ["TAVUS_BASE_URL"]
    assert loaded.settings.tavus_base_url == "https://tavusapi.com/v2"


def test_another_host_for_the_key_is_noted(tmp_path: Path) -> None:
    loaded = from_env(tmp_path, TAVUS_BASE_URL="https://proxy.example/tavus", TAVUS_API_KEY=CANARY)
    assert notes_on(loaded, "TAVUS_BASE_URL") == ["TAVUS_BASE_URL is set: the Tavus key is sent to proxy.example."]


@pytest.mark.parametrize(
    "pasted", ["https://go-scope.daily.co", "https://go-scope.daily.co/room", "Go-Scope.daily.co/"]
)
def test_a_pasted_daily_address_becomes_its_bare_name_with_a_note(tmp_path: Path, pasted: str) -> None:
    loaded = from_env(tmp_path, DAILY_SUBDOMAIN=pasted)
    assert loaded.settings.daily_subdomain == "go-scope" and loaded.problems == ()
    assert "go-scope" in notes_on(loaded, "DAILY_SUBDOMAIN")[0]


@pytest.mark.parametrize(
    ("mode", "older", "used", "noted"),
    [
        ("phoenix_rest", "true", Mode.PHOENIX_REST, True),
        ("pipecat_daily", "false", Mode.PIPECAT_DAILY, True),
        ("pipecat_daily", "1", Mode.PIPECAT_DAILY, False),
        ("PIPECAT-DAILY", "yes", Mode.PIPECAT_DAILY, False),
        ("", "true", Mode.PIPECAT_DAILY, False),
        ("", "false", Mode.PHOENIX_REST, False),
    ],
)
def test_the_newer_mode_setting_beats_the_older(tmp_path: Path, mode: str, older: str, used: Mode, noted: bool) -> None:
    loaded = from_env(tmp_path, TAVUS_AVATAR_MODE=mode, USE_TAVUS_PIPECAT_VIDEO=older, DAILY_API_KEY="k")
    assert loaded.settings.tavus_avatar_mode is used and bool(notes_on(loaded, "USE_TAVUS_PIPECAT_VIDEO")) is noted
    assert loaded.sources["TAVUS_AVATAR_MODE"] == "environment"


def test_a_wrong_mode_is_not_replaced_by_the_older_setting(tmp_path: Path) -> None:
    loaded = from_env(tmp_path, TAVUS_AVATAR_MODE="pipekat", USE_TAVUS_PIPECAT_VIDEO="true")
    assert loaded.settings.tavus_avatar_mode is Mode.PHOENIX_REST and len(loaded.problems) == 1


def test_secrets_print_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = (
        "TAVUS_API_KEY", "DAILY_API_KEY", "CHAT_API_KEY", "API_TOKEN", "DEEPGRAM_API_KEY", "CARTESIA_API_KEY",
        "ELEVENLABS_API_KEY",
    )  # fmt: skip
    secret = {name: f"{CANARY}_{name}" for name in names}
    with caplog.at_level(logging.DEBUG):
        loaded = from_env(tmp_path, **secret, DATABASE_URL=f"postgresql://u:{CANARY}@h/d")
    assert loaded.problems == ()
    for shown in (repr(loaded), str(loaded.settings), loaded.settings.model_dump_json(), caplog.text):
        assert CANARY not in shown
    assert set(settings.secret_names()) == {*secret, "DATABASE_URL"}


def test_workers_of_a_cluster_need_an_image_and_are_no_matter_of_the_sandbox(tmp_path: Path) -> None:
    loaded = from_env(tmp_path, TAVUS_API_KEY=CANARY, WORKER_LAUNCHER="Kubernetes")
    assert loaded.settings.in_cluster and "need WORKER_IMAGE too" in notes_on(loaded, "WORKER_IMAGE")[0]
    loaded = from_env(
        tmp_path, TAVUS_API_KEY=CANARY, WORKER_LAUNCHER="kubernetes", WORKER_IMAGE="r.example:5000/w@sha256:1"
    )
    assert loaded.settings.in_cluster and loaded.notes == () and loaded.problems == ()
    loaded = from_env(tmp_path, WORKER_LAUNCHER="kubernetes", WORKER_IMAGE="w:1")
    assert not loaded.settings.in_cluster and "not used" in notes_on(loaded, "WORKER_LAUNCHER")[0]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("WORKER_LAUNCHER", "docker", "local or kubernetes"),
        ("WORKER_IMAGE", "my image", "such as registry.example.com"),
        ("KUBERNETES_NAMESPACE", "Green_Room", "small letters, digits and hyphens"),
        ("WORKER_SECRET", "-x", "small letters, digits and hyphens"),
        ("WORKER_MEMORY_MB", "2Gi", "a whole number of megabytes"),
    ],
)
def test_a_wrong_setting_of_workers_says_what_it_must_be(tmp_path: Path, name: str, value: str, told: str) -> None:
    loaded = from_env(tmp_path, **{name: value})
    assert [problem.name for problem in loaded.problems] == [name] and told in loaded.problems[0].message


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("greenroom.example", "greenroom.example"),
        ("https://Greenroom.Example/", "https://greenroom.example"),
        ("greenroom.example:8443/some/path", "greenroom.example:8443"),
        ("a.example,b.example", "a.example b.example"),
        (" a.example ; b.example,, a.example ", "a.example b.example"),
        ("a.example b.example.", "a.example b.example"),
        ("192.168.1.5:8501", "192.168.1.5:8501"),
        ("[2001:DB8::1]:8501", "[2001:db8::1]:8501"),
        ("2001:db8:0::1", "[2001:db8::1]"),
        ("HTTP://[::1]:8501/", "http://[::1]:8501"),
        ("grünraum.example", "xn--grnraum-o2a.example"),
        ("greenroom_1", "greenroom_1"),
    ],
)
def test_allowed_hosts_are_read_as_people_write_them(tmp_path: Path, written: str, read: str) -> None:
    loaded = from_env(tmp_path, ALLOWED_HOSTS=written, PUBLIC_URL="https://Public.example/path")
    assert loaded.problems == () and loaded.settings.allowed_hosts == read
    assert loaded.settings.hosts == ("https://public.example", *read.split())
    assert loaded.settings.public_url == "https://Public.example/path"


@pytest.mark.parametrize(
    "written",
    [
        "*", "*.example.com", "a.example, *", ".example.com", "a..example", "ftp://a.example", "user@a.example",
        "a.example:port", "a.example:99999", "[::1", "1:2:3", "http://", "a.example?x", "a|b", "fe80::1%eth0",
    ],
)  # fmt: skip
def test_hosts_that_cannot_be_allowed_are_a_problem(tmp_path: Path, written: str) -> None:
    loaded = from_env(tmp_path, ALLOWED_HOSTS=written)
    assert [problem.name for problem in loaded.problems] == ["ALLOWED_HOSTS"]
    assert "in full, without *" in loaded.problems[0].message and loaded.settings.hosts == ()


@pytest.mark.parametrize("name", settings.NAMES)
def test_a_key_in_the_wrong_place_is_not_quoted(tmp_path: Path, name: str) -> None:
    loaded = from_env(tmp_path, **{name: f"{CANARY} {CANARY}"})
    assert CANARY not in repr((loaded.problems, loaded.notes))


def test_a_short_wrong_value_is_quoted_unless_it_is_a_secret(tmp_path: Path) -> None:
    loaded = from_env(tmp_path, TAVUS_API_KEY="my key", MAX_CALL_S="ten")
    told = {problem.name: problem.message for problem in loaded.problems}
    assert "my key" not in told["TAVUS_API_KEY"] and "(ten)" in told["MAX_CALL_S"]


def test_settings_are_frozen_and_their_errors_hide_the_value() -> None:
    with pytest.raises(ValidationError):
        Settings().max_call_s = 5  # type: ignore[misc]
    with pytest.raises(ValidationError) as refused:
        Settings(tavus_base_url=CANARY)
    assert CANARY not in str(refused.value)


def test_importing_and_constructing_never_read_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAX_CALL_S=60\n")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from lib.settings import *; print(Settings().max_call_s)"
    environ = {**os.environ, "MAX_CALL_S": "70"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60
    )
    assert told.stdout.strip() == "600", told.stderr


def test_every_secret_is_known_by_its_value_and_the_databases_passwords_in_both_spellings() -> None:
    url = "postgresql://me:p%40ss-word-1@db.example/x?sslmode=require&sslpassword=other-word-2"
    settings = load(Path("/nowhere"), {"TAVUS_API_KEY": "tvsk_1", "API_TOKEN": "t-2", "DATABASE_URL": url}).settings
    assert set(secret_values(settings)) == {"tvsk_1", "t-2", "p%40ss-word-1", "p@ss-word-1", "other-word-2"}
    assert list(secret_values(load(Path("/nowhere"), {"DATABASE_URL": "sqlite:///a.db"}).settings)) == []


# the table


@pytest.mark.parametrize("made", [(".env.example", written.env_example), ("docs/settings.md", written.settings_page)])
def test_the_files_that_name_the_settings_are_what_the_table_makes(made: tuple[str, Callable[[], str]]) -> None:
    path, text = made
    assert (ROOT / path).read_text(encoding="utf-8") == text(), "run python -m lib.settings.written"
    assert all(f"{name}" in text() for name in settings.NAMES)


def test_every_row_says_what_it_is_for_and_what_it_must_be() -> None:
    for entry in TABLE.values():
        assert entry.about.help.endswith(".") and entry.kind.must_be and "{" not in entry.kind.must_be, entry.name
        assert ("SecretStr" in str(Settings.model_fields[entry.field].annotation)) is entry.kind.secret, entry.name
        assert entry.about.older_of in ("", *settings.NAMES), entry.name
    assert all((ROOT / "docs" / entry.about.see.partition("#")[0]).exists() for entry in TABLE.values())


@pytest.mark.parametrize("entry", [e for e in TABLE.values() if isinstance(e.kind, NumberIn)], ids=lambda e: e.name)
def test_a_number_is_taken_up_to_the_bounds_that_its_sentence_names(entry: SettingEntry, tmp_path: Path) -> None:
    low, high = re.findall(r"(?:from|to) ([\d.]+)", entry.kind.must_be)
    for text in (low, high):
        assert not from_env(tmp_path, **{entry.name: text}).problems
    for text in (f"{float(low) - 0.01:g}" if "." in low else str(int(low) - 1), str(int(high) + 1)):
        (problem,) = from_env(tmp_path, **{entry.name: text}).problems
        assert (problem.shown, problem.source, problem.must_be) == (text, "environment", entry.kind.must_be)


@pytest.mark.parametrize("entry", [e for e in TABLE.values() if isinstance(e.kind, OneOf)], ids=lambda e: e.name)
def test_each_word_that_its_sentence_names_is_taken(entry: SettingEntry, tmp_path: Path) -> None:
    for word in re.findall(r"\w+_\w+|public|private|local|kubernetes", entry.kind.must_be):
        loaded = from_env(tmp_path, **{entry.name: word.upper()})
        assert not loaded.problems and getattr(loaded.settings, entry.field) == word


def test_a_file_that_names_a_setting_in_a_broken_line_is_told_by_its_fields(tmp_path: Path) -> None:
    (problem,) = from_dotenv(tmp_path, 'MAX_CALL_S="60\n').problems
    assert (problem.name, problem.source, problem.must_be) == ("MAX_CALL_S", ".env", "")
    assert problem.message == problem.cause == "Line 1 of .env is not of the form NAME=value, so it is not used."
