"""Who may import whom, read from the source."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT

VALUES = {"lib.models", "lib.errors"}
INNER = {
    "lib.settings",
    "lib.models",
    "lib.errors",
    "lib.clients",
    "lib.store",
    "lib.services",
    "lib.sandbox",
    "lib.doctor",
    "lib.server",
    "lib.worker",
}

# A room and the rooms that it may import besides itself.
MAY: dict[str, set[str]] = {
    "app": {"lib.api", "lib.server", "lib.wiring", "lib.sandbox"},
    "dev": set(),
    "pages": {"lib.ui", "lib.services"} | VALUES,
    "lib.ui": {"lib.wiring", "lib.settings", "lib.services"} | VALUES,
    "lib.api": {"lib.wiring", "lib.settings", "lib.services"} | VALUES,
    "lib.wiring": INNER,
    "lib.__main__": INNER | {"lib.wiring", "lib.commands"},
    # What __main__ would be if one file held it all: it wires, prints and answers with an exit code.
    "lib.commands": INNER | {"lib.wiring"},
    "lib.services": {"lib.clients", "lib.store", "lib.settings", "lib.doctor", "lib.worker"} | VALUES,
    "lib.clients": VALUES,
    "lib.store": VALUES,
    "lib.bot": {"lib.settings", "lib.clients", "lib.worker"} | VALUES,
    "lib.worker": set(),
    "lib.sandbox": set(),
    "lib.server": set(),
    "lib.doctor": set(),
    "lib.settings": VALUES,
    "lib.models": {"lib.errors"},
    "lib.errors": set(),
}
BARE = {"dev", "lib.doctor", "lib.errors", "lib.worker"}
DRAWS = {"app", "pages", "lib.ui"}
CALLS = {"lib.bot"}


def sources(root: Path) -> Iterator[Path]:
    for top in ("app.py", "dev.py"):
        if (root / top).exists():
            yield root / top
    for folder in ("pages", "lib"):
        yield from sorted((root / folder).rglob("*.py"))


def module_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str | None:
    """The most exact room that holds this module; None if there is none."""
    parts = module.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((name for name in names if name in MAY), None)


def imports(tree: ast.AST, module: str, package: bool) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that is imported, also inside functions and for types only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                inside = module.split(".")[: None if package else -1]
                up = inside[: len(inside) - node.level + 1]
                base = ".".join([*up, *filter(None, [node.module])])
            # `from lib import store` names a module, `from lib.store import rows` may: the longer name finds the room.
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield node.lineno, argument.value


def wrong(room: str, name: str) -> str:
    """Why this room may not import that name; "" if it may."""
    top = name.split(".")[0]
    if top in ("lib", "pages", "app", "dev", "tests"):
        target = room_of(name)
        if target == room or target in MAY[room]:
            return ""
        allowed = ", ".join(sorted(MAY[room])) or "nothing of the project"
        return f"{room} may import {allowed}"
    if room in BARE and top not in sys.stdlib_module_names:
        return f"{room} may import the standard library only"
    if top == "streamlit" and room not in DRAWS:
        return "only pages, lib.ui and app.py import Streamlit"
    if top in ("pipecat", "daily") and room not in CALLS:
        return "only lib.bot imports Pipecat and Daily"
    return ""


def violations(root: Path) -> list[str]:
    """Each broken rule in plain words: file, line, what it imports, what would be allowed."""
    found = []
    for path in sources(root):
        module, where = module_of(path, root), path.relative_to(root).as_posix()
        if module == "lib":
            if path.read_text(encoding="utf-8").strip():
                found.append(f"{where} is not empty: importing any part of lib would run it")
            continue
        room = room_of(module)
        if room is None:
            found.append(f"{where} is in no room of the house; give it one in tests/test_layers.py")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for line, name in imports(tree, module, path.name == "__init__.py"):
            reason = wrong(room, name)
            if reason:
                found.append(f"{where} line {line} imports {name}: {reason}")
    return found


def test_every_module_imports_only_what_its_room_may() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("path", "line", "told"),
    [
        ("pages/home.py", "from lib.store import agents", "imports lib.store.agents: pages may import lib.errors,"),
        ("pages/home.py", "from lib.clients.tavus import Tavus", "imports lib.clients.tavus.Tavus: pages may import"),
        ("lib/sandbox/room.py", "from lib.models import Persona", "lib.sandbox may import nothing of the project"),
        ("lib/sandbox/room.py", "from ..models import Persona", "imports lib.models.Persona: lib.sandbox may import"),
        ("lib/sandbox/room.py", "from lib import errors", "imports lib.errors: lib.sandbox may import nothing"),
        ("lib/doctor/probe.py", "import requests", "lib.doctor may import the standard library only"),
        ("lib/services/agents.py", "def f():\n    import streamlit", "line 2 imports streamlit: only pages"),
        ("lib/clients/tavus.py", "from lib.store import rows", "lib.clients may import lib.errors, lib.models"),
        ("lib/wiring/calls.py", "from lib.ui import frame", "imports lib.ui.frame: lib.wiring may import"),
        ("lib/services/x.py", 'import importlib\nimportlib.import_module("lib.ui.frame")', "imports lib.ui.frame"),
        ("app.py", "from lib.services.sessions import Sessions", "app may import lib.api, lib.sandbox, lib.server,"),
        ("lib/server/hosts.py", "from lib.settings import load", "lib.server may import nothing of the project"),
        ("dev.py", "import requests", "dev may import the standard library only"),
        ("lib/services/live.py", "import pipecat.frames", "only lib.bot imports Pipecat"),
        ("lib/other.py", "x = 1", "lib/other.py is in no room of the house"),
        ("lib/__init__.py", "x = 1", "lib/__init__.py is not empty"),
    ],
)  # fmt: skip
def test_a_planted_violation_is_found_and_named(tmp_path: Path, path: str, line: str, told: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(line + "\n", encoding="utf-8")
    found = violations(tmp_path)
    assert len(found) == 1
    assert told in found[0]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("pages/home.py", "import streamlit as st\nfrom lib.ui import context\nfrom lib.services.plain import words"),
        ("lib/sandbox/room.py", "from .state import State\nfrom lib.sandbox import clock\nimport starlette"),
        ("lib/services/diagnostics.py", "from lib.doctor import machine\nfrom lib.clients.tavus import Tavus"),
        ("app.py", "import streamlit as st\nfrom lib import wiring\nfrom lib.api import fonts"),
        ("lib/bot/worker.py", "import pipecat.frames\nfrom lib.settings import Settings"),
    ],
)
def test_what_the_table_allows_is_let_through(tmp_path: Path, path: str, line: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(line + "\n", encoding="utf-8")
    assert violations(tmp_path) == []
