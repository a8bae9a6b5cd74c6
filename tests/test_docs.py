"""What the documents name exists: paths, names in files, links; and the tables of rooms say what the layers allow."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT
from tests.test_layers import MAY, SERVICES, VALUES, room_of

DOCUMENTS = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TOP = ("lib", "pages", "tests", "docs", ".ci", ".streamlit")
OF_THE_USER = {".streamlit/secrets.toml"}
"""What is named and stands in nobody's checkout."""
FILE = rf"(?:{'|'.join(map(re.escape, TOP))})/[^`\s]+|app\.py|dev\.py"
_PATH = re.compile(rf"`({FILE})`")
_NAMED = re.compile(rf"((?:`[^`]+`(?:, | and | or ))*`[^`]+`) (?:in |of |\()`({FILE})`")
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def found_at(root: Path, path: str) -> Path | None:
    """The file or folder of this name; a room that is one file may be named without its ending."""
    return next((there for there in (root / path, root / f"{path}.py") if there.exists()), None)


def defined(tree: ast.AST, inside: str = "") -> Iterator[str]:
    """The names that a module defines, those in a class or function behind its own with a dot; its texts and marks."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield inside + node.name
            yield from (mark.attr for mark in node.decorator_list if isinstance(mark, ast.Attribute))
            yield from defined(node, f"{inside}{node.name}.")
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield inside + node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        yield from defined(node, inside)


def stands_in(name: str, there: Path) -> bool:
    """Whether a file, or one of a room's, defines that name; of what is no Python, whether it says it."""
    name = name.partition("(")[0]
    for path in sorted(there.rglob("*.py")) if there.is_dir() else [there]:
        text = path.read_text(encoding="utf-8")
        said = defined(ast.parse(text)) if path.suffix == ".py" else re.findall(r"\w+", text)
        if (name if path.suffix == ".py" else name.rpartition(".")[2]) in said:
            return True
    return False


def slugs(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """Each name that is said to stand in a file, with that file."""
    for names, path in _NAMED.findall(" ".join(text.split())):
        yield from ((name, path) for name in re.findall(r"`([^`]+)`", names))


def wrong(text: str, root: Path, beside: Path) -> list[str]:
    """What a document names and is not there, in plain words."""
    plain = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    paths = [path for path in _PATH.findall(plain) if "NAME" not in path and path not in OF_THE_USER]
    missing = [f"there is no {path}" for path in paths if found_at(root, path) is None]
    for name, path in pairs(plain):
        there = found_at(root, path)
        if there is not None and not stands_in(name, there):
            missing.append(f"{name} does not stand in {path}")
    for path, anchor in _LINK.findall(plain):
        target = beside / path if path else None
        if target is not None and not target.exists():
            missing.append(f"there is no {path}")
        elif anchor and anchor not in slugs(target.read_text(encoding="utf-8") if target else text):
            missing.append(f"{path} has no heading {anchor}")
    return missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert wrong(text, ROOT, (ROOT / document).parent) == []


def test_the_architecture_says_where_enough_stands_to_be_held_to_it() -> None:
    assert len(set(pairs(ARCHITECTURE))) > 50


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("See `lib/services/calls/start.py`.", "there is no lib/services/calls/start.py"),
        ("`Gate.open` in `lib/services/calls/gate.py`", "Gate.open does not stand in lib/services/calls/gate.py"),
        ("`Gate`,\n`Gates` in\n`lib/services/calls/gate.py`", "Gates does not stand in lib/services/calls/gate.py"),
        ("`check` in `lib/services/calls/gate.py`", "check does not stand in lib/services/calls/gate.py"),
        ("`house(...)` (`tests/running.py`)", "house(...) does not stand in tests/running.py"),
        ("`nobody` in `lib/wiring`", "nobody does not stand in lib/wiring"),
        ("`noSuchOption` of `.streamlit/config.toml`", "noSuchOption does not stand in .streamlit/config.toml"),
        ("the row `too_many` in `lib/services/ledger/outcome.py`", "too_many does not stand in"),
        ("[that](docs/nowhere.md)", "there is no docs/nowhere.md"),
        ("[that](docs/operations.md#no-such-part)", "docs/operations.md has no heading no-such-part"),
    ],
)
def test_what_is_not_there_is_found_and_told(text: str, told: str) -> None:
    (found,) = wrong(text, ROOT, ROOT)
    assert found.startswith(told)


# The tables of rooms


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose head begins so."""
    lines = ARCHITECTURE.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(head)) + 2
    ends = next(at for at in range(start, len(lines)) if not lines[at].startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:ends]]


def room(name: str, whole: str = "") -> str:
    dotted = name.removesuffix(".py").replace("/", ".")
    return dotted if dotted.startswith("lib.") or not whole else f"{whole}.{dotted}"


def said(cell: str, whole: str = "") -> set[str]:
    """The rooms that a cell names, and those that one may import of which it says so."""
    named: set[str] = VALUES if "values" in cell else set()
    for name, more in re.findall(r"`([^`]+)`( and what that may)?", cell):
        named = named | {room(name, whole)} | (MAY[room(name, whole)] if more else set())
    return named


def others(mine: str) -> set[str]:
    """What that room may import, its own inner rooms left out."""
    return {one for one in MAY[mine] if not one.startswith(f"{mine}.")}


def test_the_table_of_rooms_says_what_each_may_import() -> None:
    table = {room(cells[0].strip("`")): cells[2] for cells in rows("| room |")}
    told = {name: said(cell) for name, cell in table.items() if name != "lib.services"}
    assert told == {name: others(name) for name in told}
    known = {room_of(name) for path in (ROOT / "lib").iterdir() if (name := f"lib.{path.stem}") in MAY}
    assert known - {"lib.errors"} <= set(table)


def test_the_table_of_services_says_on_which_each_stands() -> None:
    told = {room(one[0].strip("`"), "lib.services"): said(one[2], "lib.services") for one in rows("| room of ")}
    assert told == {name: MAY[name] - SERVICES for name in MAY if name.startswith("lib.services.")}


def test_each_inner_part_is_reached_for_where_the_table_says_so() -> None:
    table, where = [cells[:2] for cells in rows("| part")], ""
    for part, cell in table:
        where = where if cell == "there" else cell.strip("`")
        assert stands_in(part, ROOT / where), (part, where)
    reached = {one for path in (ROOT / "lib").rglob("*.py") for one in parts_of(ast.parse(path.read_text("utf-8")))}
    assert {part for part, _ in table} == reached


def parts_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("InnerPart"):
            yield str(ast.literal_eval(node.args[0]))
