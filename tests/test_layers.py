"""Who may import whom, read from the source."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import streamlit

from tests.running import ROOT

VALUES = {"lib.models", "lib.errors", "lib.redaction"}
SERVICES = {"lib.clients", "lib.store", "lib.settings", "lib.yaml_text"} | VALUES
"""What every room of services may use besides those named for it."""
DRAWN = {"lib.wiring", "lib.settings", "lib.services", "lib.ui.shell.streamlit_private"} | VALUES
"""What every room that draws may use besides those named for it."""
INNER = {
    "lib.settings", "lib.models", "lib.errors", "lib.redaction", "lib.yaml_text", "lib.clients", "lib.store",
    "lib.services",    "lib.sandbox", "lib.doctor",
    "lib.worker",
}  # fmt: skip

# A room and the rooms that it may import besides itself. The most exact name counts: `lib.services` names each of its
# rooms to others, and none of them to another.
MAY: dict[str, set[str]] = {
    "app": {"lib.api", "lib.server", "lib.wiring", "lib.sandbox"},
    "dev": set(),
    "pages": {"lib.ui", "lib.services"} | VALUES,
    # What draws: the shell and the wings stand on the kit, and the wings on each other only as here.
    "lib.ui": DRAWN,
    "lib.ui.kit": DRAWN,
    "lib.ui.shell": DRAWN | {"lib.ui.kit", "lib.ui.call"},
    "lib.ui.shell.streamlit_private": {"lib.server"},
    "lib.ui.replicas": DRAWN | {"lib.ui.kit"},
    "lib.ui.records": DRAWN | {"lib.ui.kit"},
    "lib.ui.library": DRAWN | {"lib.ui.kit"},
    "lib.ui.call": DRAWN | {"lib.ui.kit", "lib.ui.records"},
    "lib.ui.home": DRAWN | {"lib.ui.kit", "lib.ui.call"},
    "lib.ui.agents": DRAWN | {"lib.ui.kit", "lib.ui.call", "lib.ui.replicas"},
    "lib.ui.personas": DRAWN | {"lib.ui.kit", "lib.ui.library", "lib.ui.replicas"},
    "lib.api": {"lib.wiring", "lib.settings", "lib.services"} | VALUES,
    "lib.server": set(),
    "lib.wiring": INNER,
    "lib.__main__": INNER | {"lib.wiring", "lib.commands", "lib.server"},
    # What __main__ would be if one file held it all: it wires, prints and answers with an exit code.
    "lib.commands": INNER | {"lib.wiring"},
    # What the app means, from the ground up.
    "lib.services": set(),
    "lib.services.wording": VALUES,
    "lib.services.ledger": SERVICES | {"lib.services.wording"},
    "lib.services.catalogue": SERVICES,
    "lib.services.inspector": SERVICES,
    "lib.services.callbacks": SERVICES | {"lib.services.inspector"},
    "lib.services.agents": SERVICES | {"lib.services.catalogue", "lib.services.wording"},
    "lib.services.personas": SERVICES | {"lib.services.catalogue", "lib.services.agents"},
    "lib.services.library": SERVICES | {"lib.services.catalogue", "lib.services.personas"},
    "lib.services.chat": SERVICES | {"lib.services.ledger", "lib.services.catalogue"},
    "lib.services.modes": SERVICES | {"lib.services.ledger", "lib.services.wording", "lib.doctor"},
    "lib.services.modes.workers": SERVICES | {"lib.services.ledger", "lib.worker"},
    "lib.services.modes.workers.kubernetes": SERVICES | {"lib.services.modes.workers", "lib.worker"},
    "lib.services.modes.pipecat": SERVICES
    | {"lib.services.modes", "lib.services.modes.workers", "lib.services.ledger", "lib.doctor", "lib.worker"},
    "lib.services.calls": SERVICES
    | {"lib.services.ledger", "lib.services.modes", "lib.services.chat", "lib.services.agents"}
    | {"lib.services.catalogue", "lib.services.wording"},
    "lib.services.calls.background": SERVICES
    | {"lib.services.calls", "lib.services.ledger", "lib.services.modes", "lib.services.wording"},
    "lib.services.records": SERVICES | {"lib.services.ledger", "lib.services.calls", "lib.services.wording"},
    "lib.services.diagnostics": SERVICES
    | {"lib.services.agents", "lib.services.calls", "lib.services.calls.background", "lib.services.catalogue"}
    | {"lib.services.chat"}
    | {"lib.services.modes", "lib.doctor"},
    "lib.clients": VALUES,
    "lib.store": VALUES,
    "lib.bot": {"lib.settings", "lib.clients", "lib.worker"} | VALUES,
    "lib.worker": set(),
    # A mistake must not hide in both ends, so the sandbox imports nothing of the rest. Its own rooms, from the ground:
    "lib.sandbox.state": set(),
    "lib.sandbox.clock": set(),
    "lib.sandbox.wire": {"lib.sandbox.state"},
    "lib.sandbox.replicas": {"lib.sandbox.state", "lib.sandbox.clock", "lib.sandbox.wire"},
    "lib.sandbox.personas": {"lib.sandbox.state", "lib.sandbox.clock", "lib.sandbox.wire"},
    "lib.sandbox.library": {"lib.sandbox.state", "lib.sandbox.clock", "lib.sandbox.wire", "lib.sandbox.personas"},
    "lib.sandbox.room": {"lib.sandbox.wire", "lib.sandbox.replicas"},
    "lib.sandbox.conversations": {"lib.sandbox.state", "lib.sandbox.clock", "lib.sandbox.wire"}
    | {"lib.sandbox.personas", "lib.sandbox.replicas", "lib.sandbox.room"},
    "lib.sandbox.server": {"lib.sandbox.state", "lib.sandbox.clock", "lib.sandbox.wire", "lib.sandbox.replicas"}
    | {"lib.sandbox.personas", "lib.sandbox.library", "lib.sandbox.conversations"},
    "lib.sandbox": {"lib.sandbox.clock", "lib.sandbox.wire", "lib.sandbox.replicas", "lib.sandbox.room"}
    | {"lib.sandbox.server"},
    "lib.doctor": set(),
    "lib.settings": VALUES,
    "lib.models": {"lib.errors"},
    "lib.redaction": {"lib.errors"},
    "lib.yaml_text": VALUES,
    "lib.errors": set(),
}
WHOLE = ("lib.services", "lib.ui", "lib.sandbox")
"""Rooms that are let in as a whole: who may import one of these may import each room in it."""
BARE = {"dev", "lib.doctor", "lib.errors", "lib.redaction", "lib.worker"}
SERVES = {"starlette", "uvicorn", "anyio"}
"""What lib.server stands on besides the standard library."""
DRAWS = ("app", "pages", "lib.ui")
CALLS = {"lib.bot"}
PRIVATE = "lib.ui.shell.streamlit_private"
SERVER = ("lib.server", "lib.__main__")
"""Who imports uvicorn."""
BEHIND = (PRIVATE, "lib.server", "lib.sandbox.server.connection")
"""Who looks behind a method or a wrapper of another library. The sandbox is mounted anywhere, so it looks by itself."""
DUNDERS = {"__self__", "__closure__", "__wrapped__", "__globals__", "__func__", "__code__"}
PUBLIC_MODULES = {"column_config", "components"}
"""Modules that Streamlit documents under `st.`; the type `st.delta_generator.DeltaGenerator` only for annotations."""


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


def allows(room: str, target: str | None) -> bool:
    """True if that room may be imported here: itself, one that is named, or one inside a whole that is named."""
    if target is None:
        return False
    outside = {whole for whole in WHOLE if not room.startswith(whole)}
    return target == room or target in MAY[room] or any(target.startswith(f"{one}.") for one in outside & MAY[room])


def wrong(room: str, name: str) -> str:
    """Why this room may not import that name; "" if it may."""
    top = name.split(".")[0]
    if top in ("lib", "pages", "app", "dev", "tests"):
        if allows(room, room_of(name)):
            return ""
        allowed = ", ".join(sorted(MAY[room])) or "nothing of the project"
        return f"{room} may import {allowed}"
    if room in BARE and top not in sys.stdlib_module_names:
        return f"{room} may import the standard library only"
    if room == "lib.server" and top not in sys.stdlib_module_names and top not in SERVES:
        return "lib.server may import the standard library, Starlette and uvicorn only"
    if top == "streamlit" and not room.startswith(DRAWS):
        return "only pages, lib.ui and app.py import Streamlit"
    if name.startswith("streamlit.") and room != PRIVATE:
        return f"only {PRIVATE} imports what is inside Streamlit; what is public is `st.` of `import streamlit as st`"
    if top == "uvicorn" and room not in SERVER:
        return "only lib.server and lib.__main__ import uvicorn"
    if top in ("pipecat", "daily") and room not in CALLS:
        return "only lib.bot imports Pipecat and Daily"
    return ""


def reached(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Line and name of what is reached for inside another library without an import of it."""
    if module.startswith(BEHIND):
        return
    draws = module.split(".")[0] in ("app", "pages") or module.startswith("lib.ui")
    annotations = {id(part) for note in notes(tree) for part in ast.walk(note)}
    for node in ast.walk(tree):
        name = inner_name(node)
        if name in DUNDERS or (draws and name.startswith("_") and not name.endswith("__") and not own(node)):
            yield node.lineno, name  # type: ignore[attr-defined]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("st", "streamlit"):
            inner = isinstance(getattr(streamlit, name, None), ModuleType) and name not in PUBLIC_MODULES
            if inner and not (name == "delta_generator" and id(node) in annotations):
                yield node.lineno, f"st.{name}"


def inner_name(node: ast.AST) -> str:
    """The attribute that is asked for, also by getattr and the like; "" if none is."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "delattr", "hasattr"):
        return str(getattr(node.args[1], "value", "")) if len(node.args) > 1 else ""
    return ""


def own(node: ast.AST) -> bool:
    """Whether it is asked of the object itself or its class."""
    asked = node.value if isinstance(node, ast.Attribute) else node.args[0]  # type: ignore[attr-defined]
    return ast.unparse(asked) in ("self", "cls", "super()", "type(self)")


def notes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        found = (getattr(node, "annotation", None), getattr(node, "returns", None))
        yield from (note for note in found if isinstance(note, ast.AST))


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
        for line, name in reached(tree, module):
            found.append(f"{where} line {line} reaches for {name}: only {', '.join(BEHIND)} look inside a library")
    return found


def test_every_module_imports_only_what_its_room_may() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("path", "line", "told"),
    [
        ("pages/home.py", "from lib.store import agents", "imports lib.store.agents: pages may import lib.errors,"),
        ("pages/home.py", "from lib.clients.tavus import Tavus", "imports lib.clients.tavus.Tavus: pages may import"),
        ("lib/sandbox/room/page.py", "from lib.models import Persona", "lib.sandbox.room may import"),
        ("lib/sandbox/room/page.py", "from ...models import Persona", "imports lib.models.Persona: lib.sandbox.room"),
        ("lib/sandbox/app.py", "from lib import errors", "imports lib.errors: lib.sandbox may import lib.sandbox."),
        ("lib/doctor/probe.py", "import requests", "lib.doctor may import the standard library only"),
        ("lib/services/agents/x.py", "def f():\n    import streamlit", "line 2 imports streamlit: only pages"),
        ("lib/clients/tavus.py", "from lib.store import rows", "lib.clients may import lib.errors, lib.models"),
        ("lib/wiring/calls.py", "from lib.ui import shell", "imports lib.ui.shell: lib.wiring may import"),
        ("lib/services/calls/x.py", 'import importlib\nimportlib.import_module("lib.ui.kit")', "imports lib.ui.kit"),
        ("app.py", "from lib.services.calls.sessions import Sessions", "app may import lib.api, lib.sandbox"),
        ("dev.py", "import requests", "dev may import the standard library only"),
        ("lib/services/calls/live.py", "import pipecat.frames", "only lib.bot imports Pipecat"),
        ("lib/other.py", "x = 1", "lib/other.py is in no room of the house"),
        ("lib/__init__.py", "x = 1", "lib/__init__.py is not empty"),
        # Back up between the wings
        ("lib/ui/kit/parts.py", "from lib.ui.personas import names", "lib.ui.kit may import"),
        ("lib/ui/library/side.py", "from lib.ui.personas import names", "lib.ui.library may import"),
        ("lib/ui/records/record.py", "from lib.ui.call import strips", "lib.ui.records may import"),
        ("lib/services/ledger/x.py", "from lib.services.calls import limits", "lib.services.ledger may import"),
        ("lib/services/modes/x.py", "from lib.services.calls import gate", "lib.services.modes may import"),
        ("lib/services/modes/workers/x.py", "from lib.services.modes.pipecat import rooms", "modes.workers may import"),
        ("lib/services/calls/x.py", "from lib.services.calls.background import lease", "lib.services.calls may import"),
        ("lib/services/chat/x.py", "from lib.services.calls import limits", "lib.services.chat may import"),
        ("lib/services/wording/x.py", "from lib.services.ledger import ledger", "lib.services.wording may import"),
        ("lib/services/records/x.py", "from lib.services.diagnostics import local", "lib.services.records may import"),
        ("lib/sandbox/personas/x.py", "from lib.sandbox.library import stock", "lib.sandbox.personas may import"),
        ("lib/sandbox/wire/x.py", "from lib.sandbox.server import front", "lib.sandbox.wire may import"),
        ("lib/server/headers.py", "from lib.models import Mode", "lib.server may import nothing of the project"),
        ("lib/server/headers.py", "import requests", "lib.server may import the standard library, Starlette"),
        ("lib/ui/shell/streamlit_private.py", "from lib.ui.kit import text", "streamlit_private may import lib.server"),
        # Inside Streamlit and uvicorn
        ("lib/ui/kit/x.py", "from streamlit.runtime.scriptrunner import RerunException", "imports what is inside"),
        ("lib/ui/call/x.py", "from streamlit import runtime", "imports streamlit.runtime: only lib.ui.shell.streamlit"),
        ("lib/ui/home/x.py", "def f():\n    from streamlit import config", "line 2 imports streamlit.config: only"),
        ("pages/home.py", "import streamlit.web.bootstrap", "imports streamlit.web.bootstrap: only lib.ui.shell"),
        ("app.py", "from streamlit.proto.ForwardMsg_pb2 import ForwardMsg", "imports what is inside Streamlit"),
        ("pages/home.py", "from streamlit.delta_generator import DeltaGenerator", "imports what is inside Streamlit"),
        ("lib/ui/kit/x.py", 'import importlib\nimportlib.import_module("streamlit.runtime")', "what is inside"),
        ("lib/ui/kit/x.py", "import streamlit as st\nst.runtime.exists()", "line 2 reaches for st.runtime: only"),
        ("pages/home.py", "import streamlit as st\nx = st.delta_generator.DeltaGenerator()", "for st.delta_generator"),
        ("pages/home.py", "import streamlit as st\nst.session_state._state", "line 2 reaches for _state: only"),
        ("lib/ui/kit/x.py", 'import streamlit as st\ngetattr(st, "_main")', "line 2 reaches for _main: only"),
        ("lib/api/x.py", 'def f(receive):\n    return getattr(receive, "__self__")', "line 2 reaches for __self__"),
        ("lib/sandbox/server/front.py", "x = len.__self__", "line 1 reaches for __self__"),
        ("lib/services/calls/x.py", "import uvicorn", "only lib.server and lib.__main__ import uvicorn"),
        ("lib/sandbox/app.py", "from uvicorn import Config", "only lib.server and lib.__main__ import uvicorn"),
        ("app.py", "import uvicorn", "only lib.server and lib.__main__ import uvicorn"),
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
        ("pages/home.py", "import streamlit as st\nfrom lib.ui.kit import context\nfrom lib.services import agents"),
        ("lib/sandbox/room/page.py", "from .view import Reply\nfrom lib.sandbox.wire import log\nimport starlette"),
        ("lib/services/diagnostics/x.py", "from lib.doctor import machine\nfrom lib.clients.tavus import Tavus"),
        ("app.py", "import streamlit as st\nfrom lib import wiring\nfrom lib.server import fonts"),
        ("lib/ui/shell/streamlit_private.py", "from streamlit import config\nfrom lib.server import inner_parts"),
        ("lib/server/stopping.py", "from uvicorn import Server\nx = len.__self__"),
        ("lib/__main__.py", "import uvicorn"),
        ("lib/ui/kit/x.py", "import streamlit as st\ndef f() -> st.delta_generator.DeltaGenerator: ..."),
        ("lib/ui/kit/x.py", "import streamlit as st\ndef f(self):\n    return self._x, st.html, f.__doc__"),
        ("lib/bot/worker.py", "import pipecat.frames\nfrom lib.settings import Settings"),
        ("lib/services/calls/background/x.py", "from lib.services.calls import gate\nfrom lib.store import leases"),
    ],
)  # fmt: skip
def test_what_the_table_allows_is_let_through(tmp_path: Path, path: str, line: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(line + "\n", encoding="utf-8")
    assert violations(tmp_path) == []


# Circles, also where the table would let each single arrow through


def circles(root: Path) -> list[str]:
    """Modules that import each other, and rooms that do, as `a -> b -> a`; each circle once."""
    arrows: dict[str, set[str]] = {}
    known = {module_of(path, root) for path in sources(root)}
    for path in sources(root):
        module = module_of(path, root)
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for _, name in imports(tree, module, path.name == "__init__.py"):
            target = name if name in known else name.rpartition(".")[0]
            if target in known and target != module:
                arrows.setdefault(module, set()).add(target)
    rooms: dict[str, set[str]] = {}
    for module, targets in arrows.items():
        for target in targets:
            here, there = room_of(module), room_of(target)
            if here and there and here != there:
                rooms.setdefault(here, set()).add(there)
    return [*closed(arrows), *closed(rooms)]


def closed(arrows: dict[str, set[str]]) -> list[str]:
    """The circles of a graph. What leads nowhere is left out until only what leads in a circle is left."""
    left = {name: set(targets) for name, targets in arrows.items()}
    found = []
    while left:
        left = {name: targets & left.keys() for name, targets in left.items() if targets & left.keys()}
        if any(not targets & left.keys() for targets in left.values()):
            continue
        way = [min(left)] if left else []
        while way and way[-1] not in way[:-1]:
            way.append(min(left[way[-1]] & left.keys()))
        if way:
            circle = way[way.index(way[-1]) :]
            found.append(" -> ".join(circle))
            left = {name: targets for name, targets in left.items() if name not in circle}
    return found


def test_no_module_and_no_room_is_part_of_a_circle() -> None:
    assert circles(ROOT) == []


@pytest.mark.parametrize(
    "files",
    [
        {"lib/store/a.py": "from lib.store import b", "lib/store/b.py": "def f():\n    from lib.store.a import x"},
        {"lib/ui/call/a.py": "from lib.ui.records import b", "lib/ui/records/b.py": "from lib.ui.call import other"}
        | {"lib/ui/call/other.py": ""},
    ],
)
def test_a_planted_circle_is_found(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
    assert len(circles(tmp_path)) == 1
