"""Tavus's official command line works against the sandbox: each of its commands for PALs, faces, guardrails, objectives
and documents, and a conversation from start to end.

Its commands run in this process, as its own program would run them; one test starts that program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tavus_mcp.cli import main
from typer.testing import CliRunner

from tests.sandbox_server import KEY, RunningSandbox

Cli = Callable[..., Any]
SCRIPT = Path(sys.executable).with_name("tavus.exe" if os.name == "nt" else "tavus")
PAL, FACE = "p2b8e10c94d6", "r874cc5f8a3b"
OBJECTIVES, GUARDRAIL, GUARDRAILS = "o4c17d0be92a", "g10b8a4d72e6", "g6c0e4a9d18b"
HANDBOOK, HELP = "d8-3f6a01c9e274", "d8-7be24d90a5c1"


@pytest.fixture
def environment(sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """An empty home, and the sandbox in Tavus's place."""
    return {
        "HOME": str(tmp_path),
        "USERPROFILE": str(tmp_path),
        "TAVUS_PUBLIC_API_BASE_URL": sandbox.v2,
        "TAVUS_PORTAL_API_BASE_URL": sandbox.url,
        "TAVUS_API_KEY": KEY,
        "NO_COLOR": "1",
    }


@pytest.fixture
def cli(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`cli("pal", "get", ID)`: what the command prints, parsed where it is JSON. `code`: how it must end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main, "console", Console(width=250))
    for name in [name for name in os.environ if name.startswith("TAVUS")]:
        monkeypatch.delenv(name)
    runner = CliRunner(env=environment)

    def run(*arguments: str, code: int = 0) -> Any:
        done = runner.invoke(main.app, arguments)
        assert done.exit_code == code, done.output
        try:
            return json.loads(done.output)
        except ValueError:
            return done.output

    return run


def written(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


# The program itself


def test_the_program_finds_the_sandbox_well(environment: dict[str, str], tmp_path: Path) -> None:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("TAVUS")}
    surroundings |= {**environment, "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"}
    command = [str(SCRIPT), "doctor"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=surroundings, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Network check passed" in done.stdout


def test_it_is_told_what_went_wrong(cli: Cli) -> None:
    assert "failed with 400" in cli("conversation", "create", "--pal-id", "pnone", code=1)
    assert "failed with 400" in cli("guardrail", "get", "gnone", code=1)
    assert "failed with 404" in cli("objective", "get", "onone", code=1)
    assert "failed with 404" in cli("document", "get", "dnone", code=1)
    assert "failed with 422" in cli("pal", "patch", PAL, "--path", "/layers/sts/no", "--op", "remove", code=1)


# PALs


def test_pal_list(cli: Cli) -> None:
    pals = cli("pal", "list", "--json")
    assert pals["total_count"] == len(pals["data"]) == 6
    row = next(line for line in cli("pal", "list").splitlines() if PAL in line)
    assert "Warm product guide" in row
    assert "r90bbd427f71" in row
    assert cli("pal", "list", "--pal-type", "system", "--limit", "2", "--json")["total_count"] == 4


def test_pal_get(cli: Cli, sandbox: RunningSandbox) -> None:
    row = cli("pal", "get", PAL, "--include-settings")
    assert (row["pal_id"], row["pal_name"], row["default_face_id"]) == (PAL, "Warm product guide", "r90bbd427f71")
    assert "GET /v2/pals/" + PAL in sandbox.routes()


def test_pal_create(cli: Cli, tmp_path: Path) -> None:
    layers = written(tmp_path / "layers.json", {"tts": {"tts_engine": "cartesia"}})
    made = cli(
        "pal", "create", "--name", "Guide", "--system-prompt", "You are a guide.", "--face-id", FACE,
        "--greeting", "Hello.", "--context", "A shop.", "--layers-file", layers, "--memory", "Likes tea.",
        "--objectives-id", OBJECTIVES, "--guardrail-id", GUARDRAIL, "--guardrail-tag", "compliance",
        "--document-id", HANDBOOK, "--document-tag", "product", "--template",
    )  # fmt: skip
    assert made["pal_id"].startswith("p")
    row = cli("pal", "get", made["pal_id"])
    assert (row["pal_name"], row["greeting"], row["context"]) == ("Guide", "Hello.", "A shop.")
    assert (row["objectives_id"], row["guardrail_ids"], row["guardrail_tags"]) == (
        OBJECTIVES, [GUARDRAIL], ["compliance"],
    )  # fmt: skip
    assert (row["document_ids"], row["document_tags"]) == ([HANDBOOK], ["product"])
    assert (row["memories"], row["is_template"]) == (["Likes tea."], True)
    assert row["layers"] == {
        "tts": {"tts_engine": "cartesia"},
        "llm": {"model": "tavus-gemma-4", "speculative_inference": True},
    }


def test_pal_create_without_a_prompt(cli: Cli) -> None:
    for mode in ("echo", "speech-to-speech"):
        made = cli("pal", "create", "--pipeline-mode", mode, "--face-id", FACE)
        assert cli("pal", "get", made["pal_id"])["pipeline_mode"] == mode


def test_pal_patch(cli: Cli, sandbox: RunningSandbox, tmp_path: Path) -> None:
    cli("pal", "patch", PAL, "--path", "/pal_name", "--value", "Host")
    cli("pal", "patch", PAL, "--op", "add", "--path", "/layers/llm/model", "--value", "tavus-gpt-oss")
    row = cli("pal", "get", PAL)
    assert (row["pal_name"], row["layers"]["llm"]["model"]) == ("Host", "tavus-gpt-oss")
    assert sandbox.call("GET", f"/personas/{PAL}").json()["persona_name"] == "Host"
    flow = "/layers/conversational_flow/face_interruptibility"
    steps = [
        {"op": "add", "path": flow, "value": "high"},
        {"op": "add", "path": "/guardrail_ids", "value": [GUARDRAIL]},
    ]
    cli("pal", "patch", PAL, "--path", "/", "--patch-file", written(tmp_path / "patch.json", steps))
    row = cli("pal", "get", PAL)
    assert row["layers"]["conversational_flow"]["face_interruptibility"] == "high"
    assert row["guardrail_ids"] == [GUARDRAIL]


def test_pal_delete(cli: Cli) -> None:
    cli("pal", "delete", PAL)
    assert "failed with 400" in cli("pal", "get", PAL, code=1)


def test_pal_preview(cli: Cli) -> None:
    assert PAL in cli("pal", "preview", PAL, "--json")["pal_url"]


def test_pal_knowledge_list(cli: Cli) -> None:
    cli("pal", "knowledge", "add", PAL, "--document-id", HANDBOOK)
    cli("pal", "knowledge", "add", PAL, "--document-id", "d8-gone")
    told = cli("pal", "knowledge", "list", PAL)
    assert [row["document_id"] for row in told["documents"]] == [HANDBOOK]
    assert told["missing_document_ids"] == ["d8-gone"]


def test_pal_knowledge_add_and_remove(cli: Cli) -> None:
    made = cli("pal", "create", "--system-prompt", "A guide.", "--face-id", FACE)["pal_id"]
    cli("pal", "knowledge", "add", made, "--document-id", HANDBOOK, "--document-id", HELP, "--document-tag", "sales")
    cli("pal", "knowledge", "remove", made, "--document-id", HANDBOOK)
    row = cli("pal", "get", made)
    assert (row["document_ids"], row["document_tags"]) == ([HELP], ["sales"])


def test_pal_knowledge_replace(cli: Cli) -> None:
    cli("pal", "knowledge", "replace", PAL, "--document-tag", "product")
    row = cli("pal", "get", PAL)
    assert (row["document_ids"], row["document_tags"]) == ([], ["product"])


def test_pal_knowledge_settings(cli: Cli) -> None:
    cli("pal", "knowledge", "settings", PAL, "--rag-n-chunks", "4")
    cli("pal", "knowledge", "settings", PAL, "--rag-score-threshold", "0.5")
    assert cli("pal", "get", PAL)["layers"]["knowledge_base"] == {"rag_n_chunks": 4, "rag_score_threshold": 0.5}


def test_pal_paths(cli: Cli) -> None:
    assert "/guardrail_ids/-" in cli("pal", "paths")


def test_pal_options(cli: Cli) -> None:
    told = cli("pal", "options", PAL)
    assert told["pal"]["pal_id"] == PAL
    assert len(told["available"]["faces"]) == len(told["available"]["voices"]) == 8
    assert told["available"]["objectives"][0]["objectives_id"] == OBJECTIVES
    assert {row["document_id"] for row in told["available"]["documents"]} >= {HANDBOOK, HELP}


def test_pal_tools_list_attach_and_detach(cli: Cli, sandbox: RunningSandbox) -> None:
    tool = sandbox.call("POST", "/tools", {"name": "get_weather", "description": "The weather."}).json()["tool_id"]
    cli("pal", "tools", "attach", PAL, tool)
    assert [row["tool_id"] for row in cli("pal", "tools", "list", PAL)["data"]] == [tool]
    cli("pal", "tools", "detach", PAL, tool)
    assert cli("pal", "tools", "list", PAL)["data"] == []


def test_pal_skills_list_attach_patch_and_detach(cli: Cli) -> None:
    cli("pal", "skills", "attach", PAL, "presentation", "--config", json.dumps({"document_ids": [HANDBOOK]}))
    cli("pal", "skills", "patch", PAL, "presentation", "--config", '{"prompt": "Slowly."}')
    attached = cli("pal", "skills", "list", PAL)["data"]
    assert attached["presentation"]["config"] == {"document_ids": [HANDBOOK], "prompt": "Slowly."}
    cli("pal", "skills", "detach", PAL, "presentation")
    assert cli("pal", "skills", "list", PAL)["data"] == {}


def test_pal_capabilities_catalog(cli: Cli) -> None:
    assert "slide_presenter" in cli("pal", "capabilities", "catalog")


def test_pal_capabilities_list_attach_patch_and_detach(cli: Cli) -> None:
    def attached() -> set[str]:
        told = cli("pal", "capabilities", "list", PAL)["capabilities"]
        return {name for name, one in told.items() if one["attached"]}

    assert attached() == {"perception"}
    cli("pal", "capabilities", "attach", PAL, "web_search")
    cli("pal", "capabilities", "patch", PAL, "perception", "--perception-model", "raven-0")
    assert cli("pal", "get", PAL)["layers"]["perception"]["perception_model"] == "raven-0"
    assert attached() == {"perception", "web_search"}
    for name in ("web_search", "perception"):
        cli("pal", "capabilities", "detach", PAL, name)
    assert attached() == set()


def test_pal_build_needs_tavus_own_builder_and_says_so(cli: Cli) -> None:
    assert "failed with 404" in cli("pal", "build", "--prompt", "An office greeter.", "--json", code=1)


# Faces


def test_face_list(cli: Cli, sandbox: RunningSandbox) -> None:
    sandbox.call("POST", "/faces", {"train_video_url": "https://files.example/me.mp4", "face_name": "Me"})
    assert cli("face", "list", "--json")["total_count"] == 9
    faces = cli("face", "list", "--stock", "--json")
    assert [face["face_name"] for face in faces["data"]][:2] == ["Anna", "Gloria"]
    assert faces["total_count"] == 8
    row = next(line for line in cli("face", "list").splitlines() if "Me" in line)
    assert ("started" in row, "phoenix-4" in row) == (True, True)


# Guardrails


def test_guardrail_list(cli: Cli) -> None:
    assert GUARDRAIL in [row["uuid"] for row in cli("guardrail", "list", "--json")["data"]]
    assert [row["uuid"] for row in cli("guardrail", "list", "--tags", "interviews", "--json")["data"]] == [
        "g48d2b70f95a"
    ]
    assert cli("guardrail", "list", "--name-or-uuid", "no_prices", "--json")["total_count"] == 1
    assert cli("guardrail", "list", "--verbose", "--json")["data"][0]["guardrail_type"] == "user"
    assert [row["guardrails_id"] for row in cli("guardrail", "list", "--legacy", "--json")["data"]] == [GUARDRAILS]
    assert "no_prices" in cli("guardrail", "list")


def test_guardrail_get(cli: Cli) -> None:
    assert cli("guardrail", "get", GUARDRAIL, "--verbose")["guardrail_name"] == "no_prices"
    assert len(cli("guardrail", "get", GUARDRAILS)["data"]) == 2


def test_guardrail_create(cli: Cli) -> None:
    made = cli(
        "guardrail", "create", "--name", "no_dates", "--prompt", "Never promise a date.", "--modality", "audio",
        "--callback-url", "https://a.example/cb", "--tool-call", '{"name": "tell"}', "--no-app-message",
        "--tag", "sales", "--tag", "own",
    )  # fmt: skip
    assert made == cli("guardrail", "get", made["uuid"])
    assert (made["modality"], made["app_message"], made["tags"]) == ("audio", False, ["sales", "own"])
    assert made["tool_call"] == {"name": "tell"}


def test_guardrail_patch(cli: Cli, tmp_path: Path) -> None:
    row = cli("guardrail", "patch", GUARDRAIL, "--prompt", "Never.", "--tag", "own", "--tool-call", '{"name": "tell"}')
    assert (row["guardrail_prompt"], row["tags"], row["tool_call"]) == ("Never.", ["own"], {"name": "tell"})
    changes = written(tmp_path / "changes.json", {"modality": "visual"})
    assert cli("guardrail", "patch", GUARDRAIL, "--file", changes)["modality"] == "visual"


def test_guardrail_delete(cli: Cli) -> None:
    cli("guardrail", "delete", GUARDRAIL)
    assert "failed with 400" in cli("guardrail", "get", GUARDRAIL, code=1)


def test_guardrail_tags(cli: Cli) -> None:
    assert [one["tag"] for one in cli("guardrail", "tags", "--page", "1", "--limit", "2")["tags"]] == [
        "compliance", "interviews",
    ]  # fmt: skip
    assert cli("guardrail", "tags", "--search", "sal")["total_count"] == 1


# Objectives


def test_objective_list(cli: Cli) -> None:
    assert cli("objective", "list", "--sort", "descending", "--json")["data"][-1]["objectives_id"] == OBJECTIVES
    assert cli("objective", "list", "--name-or-uuid", "interview", "--json")["total_count"] == 1
    assert "Discovery call" in cli("objective", "list")


def test_objective_get(cli: Cli) -> None:
    assert len(cli("objective", "get", OBJECTIVES)["data"]) == 4


def test_objective_create_and_validate_take_the_own_example(cli: Cli, tmp_path: Path) -> None:
    example = cli("objective", "example")
    file = written(tmp_path / "example.json", example)
    assert cli("objective", "validate", "--file", file) == {"valid": True}
    row = cli("objective", "get", cli("objective", "create", "--file", file)["objectives_id"])
    assert (row["name"], len(row["data"])) == ("support_intake", 4)


def test_objective_patch(cli: Cli, tmp_path: Path) -> None:
    steps = [{"op": "replace", "path": "/data/0/objective_prompt", "value": "Ask."}]
    cli("objective", "patch", OBJECTIVES, "--file", written(tmp_path / "patch.json", steps))
    assert cli("objective", "get", OBJECTIVES)["data"][0]["objective_prompt"] == "Ask."


def test_objective_delete(cli: Cli) -> None:
    cli("objective", "delete", OBJECTIVES)
    assert "failed with 404" in cli("objective", "get", OBJECTIVES, code=1)


# Documents


def test_document_list(cli: Cli) -> None:
    assert [row["document_id"] for row in cli("document", "list", "--json")["data"]][-1] == HANDBOOK
    assert [row["document_id"] for row in cli("document", "list", "--tag", "product", "--json")["data"]] == [
        HELP, HANDBOOK,
    ]  # fmt: skip
    assert cli("document", "list", "--status", "error", "--compact", "--json")["total_count"] == 1
    assert cli("document", "list", "--name-or-uuid", "help", "--json")["total_count"] == 1
    assert "Product handbook" in cli("document", "list")


def test_document_get(cli: Cli) -> None:
    assert cli("document", "get", HANDBOOK)["status"] == "ready"


def test_document_create(cli: Cli, sandbox: RunningSandbox) -> None:
    sandbox.freeze()
    made = cli(
        "document", "create", "--url", "https://docs.example.com/", "--name", "Docs", "--tag", "own",
        "--participant-tag", "vip", "--crawl-depth", "2", "--crawl-max-pages", "3", "--customer-support",
        "--custom-description", "A chart.",
    )  # fmt: skip
    assert (made["status"], made["crawl_config"], made["tags"]) == ("started", {"depth": 2, "max_pages": 3}, ["own"])
    sandbox.advance(8)
    row = cli("document", "get", made["document_id"])
    assert (row["status"], len(row["crawled_urls"]), row["participant_tags"]) == ("ready", 3, ["vip"])


def test_document_tags(cli: Cli) -> None:
    assert [one["tag"] for one in cli("document", "tags")["tags"]] == ["product", "sales"]
    assert cli("document", "tags", "--search", "sal", "--page", "1", "--limit", "5")["total_count"] == 1


def test_document_chunks(cli: Cli) -> None:
    assert cli("document", "chunks", HANDBOOK, "--limit", "10")["chunks"] == []


def test_document_recrawl(cli: Cli) -> None:
    assert cli("document", "recrawl", HELP, "--crawl-depth", "3")["status"] == "recrawling"
    assert "failed with 409" in cli("document", "recrawl", HELP, code=1)
    assert "failed with 400" in cli("document", "recrawl", HANDBOOK, code=1)


@pytest.mark.parametrize("command", [["document", "upload"], ["pal", "knowledge", "upload", PAL]])
def test_an_upload_goes_through_tavus_portal_and_says_so(cli: Cli, tmp_path: Path, command: list[str]) -> None:
    assert "developer-portal upload" in cli(*command, written(tmp_path / "notes.txt", "notes"), code=1)


@pytest.mark.parametrize(
    ("kind", "id_"), [("guardrails", GUARDRAIL), ("objectives", OBJECTIVES), ("documents", HANDBOOK)]
)
def test_resource_list_and_get(cli: Cli, kind: str, id_: str) -> None:
    assert cli("resource", "list", kind)["total_count"] > 0
    assert id_ in str(cli("resource", "get", kind, id_))


# Conversations


def test_it_starts_and_ends_a_conversation(cli: Cli, sandbox: RunningSandbox) -> None:
    made = cli("conversation", "create", "--pal-id", PAL, "--face-id", FACE, "--name", "Demo")
    assert (made["status"], made["conversation_name"]) == ("active", "Demo")
    assert made["conversation_url"].startswith(f"{sandbox.url}/room/")
    assert sandbox.conversation(made["conversation_id"])["replica_id"] == FACE
    cli("conversation", "end", made["conversation_id"])
    assert sandbox.conversation(made["conversation_id"])["shutdown_reason"] == "end_conversation_endpoint_hit"
    chat = cli("chat", "start", "--pal-id", PAL)
    cli("chat", "end", chat["conversation_id"])
