"""The house's measures: how much of the code breaks a rule of building, counted in the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.running import ROOT

MOST_MODULES = 4
ANY_PER_1000 = 5.0
SHARED_NAMES = 0.03


def parsed(root: Path, *places: str) -> Iterator[tuple[str, ast.Module]]:
    """Each module in these files and folders, by its path."""
    for place in places:
        for path in sorted((root / place).rglob("*.py")) if (root / place).is_dir() else [root / place]:
            if path.exists():
                yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"), str(path))


def planted(root: Path, **files: str) -> Path:
    """A tree of modules: `lib__api__x` is lib/api/x.py."""
    for name, text in files.items():
        path = (root / name.replace("__", "/")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


# Rooms are rooms, not heaps


def modules_in(root: Path, room: str) -> list[str]:
    return sorted(path.name for path in (root / room).glob("*.py"))


@pytest.mark.parametrize("room", ["lib/ui", "lib/services", "lib/sandbox"])
def test_few_modules_stand_directly_in_a_room_of_rooms(room: str) -> None:
    assert len(modules_in(ROOT, room)) <= MOST_MODULES, modules_in(ROOT, room)


def test_a_fifth_module_is_one_too_many(tmp_path: Path) -> None:
    root = planted(tmp_path, **{f"lib__ui__{name}": "" for name in "abcde"})
    assert len(modules_in(root, "lib/ui")) > MOST_MODULES


# A name means one thing


def shared_names(root: Path) -> tuple[dict[str, list[str]], float]:
    """Names of classes that stand in two modules or more, with the modules, and their share of all names."""
    where: dict[str, set[str]] = {}
    for path, tree in parsed(root, "lib", "pages"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                where.setdefault(node.name, set()).add(path)
    shared = {name: sorted(paths) for name, paths in where.items() if len(paths) > 1}
    return shared, len(shared) / max(len(where), 1)


def test_hardly_any_name_is_that_of_two_classes() -> None:
    shared, share = shared_names(ROOT)
    told = "\n".join(f"  {name}: {', '.join(paths)}" for name, paths in shared.items())
    print(f"{share:.1%} of the names of classes stand in two modules or more:\n{told}")
    assert share <= SHARED_NAMES, told


def test_a_second_class_of_a_name_is_found_also_inside_a_function(tmp_path: Path) -> None:
    inside = "def f():\n    class Plan:\n        pass\n"
    root = planted(tmp_path, lib__services__a="class Plan: ...\nclass Other: ...", pages__b=inside)
    assert shared_names(root) == ({"Plan": ["lib/services/a.py", "pages/b.py"]}, 0.5)


# What a value is, is said


def anys(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line of each `Any`: imported, in an annotation also where that is a text, in a cast; and of each alias."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, "import") for alias in node.names if alias.name == "Any")
        elif (isinstance(node, ast.Name) and node.id == "Any") or (
            isinstance(node, ast.Attribute) and node.attr == "Any"
        ):
            yield node.lineno, "Any"
        for line, note in notes(node):
            yield from ((line, "Any") for _ in re.findall(r"\bAny\b", note))


def notes(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and words of the annotations of this node that are written as texts."""
    whole = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("cast"):
        whole += node.args[:1]
    for part in (part for one in whole if one is not None for part in ast.walk(one)):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.lineno, part.value


def aliases(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Other names for `Any`, or for a type with it in it, under which it would not be counted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, alias.asname) for alias in node.names if alias.name == "Any" and alias.asname)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and is_type(node.value):
            yield node.lineno, ast.unparse(node)


def is_type(value: ast.expr) -> bool:
    """True for what names a type with `Any` in it, and makes nothing."""
    plain = not any(isinstance(part, ast.Call) for part in ast.walk(value))
    return plain and any(True for _ in anys(ast.Module([ast.Expr(value)], [])))


def measured(root: Path, room: str) -> tuple[float, list[str], list[str]]:
    """How many `Any` there are in 1,000 lines, where they are, and what hides some."""
    lines, found, hidden = 0, [], []
    for path, tree in parsed(root, room):
        lines += len((root / path).read_text(encoding="utf-8").splitlines())
        found += [f"{path}:{line}" for line, _ in anys(tree)]
        hidden += [f"{path}:{line} {told}" for line, told in aliases(tree)]
    return 1000 * len(found) / max(lines, 1), found, hidden


@pytest.mark.parametrize("room", ["lib/services", "lib/api"])
def test_next_to_no_value_may_be_anything(room: str) -> None:
    rate, found, hidden = measured(ROOT, room)
    print(f"{room}: {len(found)} times Any, {rate:.1f} in 1,000 lines")
    assert rate <= ANY_PER_1000, found
    assert hidden == []


@pytest.mark.parametrize(
    ("text", "times", "hides"),
    [
        ("from typing import Any\nx: dict[str, Any] = {}", 2, False),
        ("import typing\ndef f(x: typing.Any) -> 'list[Any]': ...", 2, False),
        ("from typing import Any, cast\nx = cast('Any', 1)", 2, False),
        ("from typing import Any as Whatever\nx: Whatever = 1", 1, True),
        ("from typing import Any\nJson = dict[str, Any]", 2, True),
        ("from typing import Any\nJson: object = Any", 2, True),
        ('"""Any time."""\nANY = "Any"  # Any\nanything = any([1])', 0, False),
    ],
)
def test_each_any_is_counted_and_none_hides_behind_another_name(
    tmp_path: Path, text: str, times: int, hides: bool
) -> None:
    _, found, hidden = measured(planted(tmp_path, lib__api__x=text), "lib/api")
    assert (len(found), bool(hidden)) == (times, hides)


# Nothing is set after construction


Function = ast.FunctionDef | ast.AsyncFunctionDef


def set_from_outside(root: Path) -> list[str]:
    """Attributes that code gives an object which is none of its own.

    Its own is: the object itself, one of a class of the same module that has such an attribute, unless an annotation
    says that it is one of another class, and one of another library that it has made, which may have no other way.
    """
    found = []
    for path, tree in parsed(root, "app.py", "pages", "lib/services", "lib/api", "lib/wiring"):
        own = {node.name: fields_of(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        ours = of_the_house(tree)
        made = constructed(directly(tree), ours)
        for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, Function))]:
            here = made | constructed(directly(scope), ours)
            found += [f"{path}:{line} {told}" for line, told in strange(scope, own, here)]
    return found


def fields_of(made: ast.ClassDef) -> set[str]:
    """What its objects have: what the class names, and what its methods give themselves."""
    named = {
        node.target.id for node in made.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return named | {
        node.attr
        for node in ast.walk(made)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }


def strange(scope: ast.Module | Function, own: dict[str, set[str]], made: set[str]) -> Iterator[tuple[int, str]]:
    classes = {
        argument.arg: ast.unparse(argument.annotation)
        for argument in ast.walk(scope)
        if isinstance(argument, ast.arg) and argument.annotation is not None
    }
    for node in directly(scope):
        target, name = assigned(node)
        if target is None or ast.unparse(target) in ("self", "cls"):
            continue
        if isinstance(target, ast.Name) and target.id in classes:
            ours = name in own.get(classes[target.id].removesuffix(" | None"), set())
        else:
            ours = any(name in fields for fields in own.values())
        if not ours and root_of(target) not in made:
            yield node.lineno, f"{ast.unparse(target)}.{name}"  # type: ignore[attr-defined]  # what is assigned has a line


def directly(scope: ast.AST) -> Iterator[ast.AST]:
    """What stands in a module or function, but for the functions in it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, Function):
            yield child
            yield from directly(child)


def of_the_house(tree: ast.Module) -> set[str]:
    """The names that are ours in this module: of its classes, and of what it imports from lib."""
    ours = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lib":
            ours |= {alias.asname or alias.name for alias in node.names}
    return ours


def constructed(nodes: Iterable[ast.AST], ours: set[str]) -> set[str]:
    """The names that are given a new object of a class of another library, known by its capital letter.

    So are names for what each thread keeps for itself.
    """
    return {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for called in [ast.unparse(node.value.func)]
        if called.split(".")[0] not in ours
        if called.rpartition(".")[2][:1].isupper() or called == "threading.local"
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def assigned(node: ast.AST) -> tuple[ast.expr | None, str]:
    """The object and the name of an attribute that is set or deleted here, also by setattr; (None, "") for none."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        return node.value, node.attr
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "delattr", "object.__setattr__"):
        return node.args[0], str(getattr(node.args[1], "value", "?"))
    return None, ""


def root_of(target: ast.expr) -> str:
    while isinstance(target, ast.Attribute):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def test_nothing_is_set_from_outside_after_it_was_made() -> None:
    found = set_from_outside(ROOT)
    print(f"{len(found)} attributes are set from outside")
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "starting.permit = sweeper.permit",
        "def f(tavus):\n    tavus.base_url = ''",
        "def f(a):\n    a.shelf.swept = 1",
        "class A:\n    def f(self, b: Other):\n        b.x += 1",
        "class A:\n    x: int\n\ndef f(b: Other):\n    b.x = 1",
        "class A:\n    def f(self):\n        self.other.permit = 1",
        "def f(a):\n    setattr(a, 'x', 1)",
        "def f(a):\n    del a.x",
        "for a.x in range(3): ...",
        "a = find()\na.x, y = 1, 2",
        "def f():\n    a = A()\ndef g(a):\n    a.x = 1",
        "from lib.services.a import A\na = A()\na.x = 1",
        "from lib.services import a\none = a.A()\none.shelf.x = 1",
    ],
)
def test_what_is_set_from_outside_is_found(tmp_path: Path, line: str) -> None:
    assert len(set_from_outside(planted(tmp_path, lib__wiring__x=line))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "class A:\n    def __init__(self):\n        self.x = 1",
        "class A:\n    x: int = 0\n\ndef f(a: A):\n    a.x = 1",
        "class A:\n    x: int = 0\n\ndef f(a: A | None):\n    a.x += 1",
        "timer = threading.Timer(1, f)\ntimer.daemon = True",
        "import threading\nhere = threading.local()\nmine = threading.Thread()\ndef f():\n    mine.name = here.x = 1",
        "def f(rows, key):\n    rows[key] = 1",
    ],
)
def test_what_is_ones_own_may_be_set(tmp_path: Path, line: str) -> None:
    assert set_from_outside(planted(tmp_path, lib__wiring__x=line)) == []
