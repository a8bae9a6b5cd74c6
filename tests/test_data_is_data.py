"""Nothing parses a sentence that another place of ours wrote: what a program needs of it stands in a field of its own.

Read from the source. What another side said (`said`, the text of a library's error) may be read, as it has no fields.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT
from tests.test_layers import sources

SENTENCES = {
    "message", "hint", "advice", "besides", "evidence", "fix", "cause", "because", "verdict", "works", "problem",
    "reason", "reason_hint", "end_reason", "told", "sentence", "must_be",
}  # fmt: skip
"""Fields that hold words for a person."""
GIVEN = {"message", "hint", "advice", "evidence", "fix", "reason_hint", "verdict"}
"""Arguments that are words for a person, whoever calls."""
TAKES_APART = {
    "partition", "rpartition", "split", "rsplit", "splitlines", "startswith", "endswith", "removeprefix",
    "removesuffix", "find", "rfind", "index", "replace", "count",
}  # fmt: skip
KEEPS = {"lower", "upper", "casefold", "strip", "lstrip", "rstrip", "capitalize"}
MATCHES = {"match", "search", "fullmatch", "split", "sub", "subn", "findall", "finditer"}
CHECKS = {"check", "checked"}
"""How a check is called where it is looked at: its name is for a person, its `id` for a program."""


def parsed_prose(root: Path) -> list[str]:
    """Every place that takes such a sentence apart or looks for something in it."""
    found = []
    for path in sources(root):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        where = path.relative_to(root).as_posix()
        for scope in ast.walk(tree):
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
                found += [f"{where} line {line} parses {what}" for line, what in _parsed(scope)]
    return sorted(set(found))


def _parsed(scope: ast.FunctionDef | ast.AsyncFunctionDef | ast.Module) -> Iterator[tuple[int, str]]:
    names = _names_of_sentences(scope)
    for node in _own(scope):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            method = node.func
            if method.attr in TAKES_APART and _is_sentence(method.value, names):
                yield node.lineno, ast.unparse(method.value)
            if method.attr in MATCHES:
                yield from ((node.lineno, ast.unparse(given)) for given in node.args if _is_sentence(given, names))
        elif isinstance(node, ast.Compare):
            yield from _compared(node, names)


def _compared(node: ast.Compare, names: set[str]) -> Iterator[tuple[int, str]]:
    sides = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
        if isinstance(operator, ast.In | ast.NotIn) and _is_sentence(right, names):
            yield node.lineno, ast.unparse(right)
        if not isinstance(operator, ast.Is | ast.IsNot) and any(map(_is_a_checks_name, (left, right))):
            yield node.lineno, ast.unparse(node)
        if _is_sentence(left, names) and _asks_which(operator, right):
            yield node.lineno, ast.unparse(left)


def _asks_which(operator: ast.cmpop, right: ast.expr) -> bool:
    """Whether it is compared with known sentences. Empty or not, and seen before or not, may be asked of any."""
    if isinstance(operator, ast.Eq | ast.NotEq):
        return not (isinstance(right, ast.Constant) and right.value == "")
    return isinstance(operator, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List | ast.Set)


def _names_of_sentences(scope: ast.FunctionDef | ast.AsyncFunctionDef | ast.Module) -> set[str]:
    """Arguments and variables that hold one, in this function."""
    names: set[str] = set()
    if not isinstance(scope, ast.Module):
        given = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]
        names |= {one.arg for one in given if one.arg in GIVEN}
    for node in _own(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names |= _assigned(target, node.value, names)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            names |= _assigned(node.target, node.value, names)
    return names


def _assigned(target: ast.expr, value: ast.expr, names: set[str]) -> set[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=False)
        return {name for one, given in pairs for name in _assigned(one, given, names)}
    return {target.id} if isinstance(target, ast.Name) and _is_sentence(value, names) else set()


def _is_sentence(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in SENTENCES
    if isinstance(node, ast.NamedExpr):
        return _is_sentence(node.value, names)
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in KEEPS:
        return _is_sentence(node.func.value, names)
    return isinstance(node, ast.BoolOp) and any(_is_sentence(one, names) for one in node.values)


def _is_a_checks_name(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "name"
        and isinstance(node.value, ast.Name)
        and node.value.id in CHECKS
    )


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, those of functions in it apart."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _own(child)


def test_nothing_parses_a_sentence_of_ours() -> None:
    assert parsed_prose(ROOT) == []


@pytest.mark.parametrize(
    "line",
    [
        "if INSTALL in cause.fix: pass",
        "x = problem.message.partition(' must be ')",
        "x = error.hint.lower().startswith('nothing')",
        "import re\nx = re.match('a', problem.message)",
        "import re\n_A = re.compile('a')\nx = _A.search(check.evidence)",
        "def f(hint):\n    return hint.split('. ')",
        "def f(worker):\n    told, fix = worker.cause.cause, worker.cause.fix\n    return 'x' in fix",
        "def f(session):\n    if (why := session.reason or session.end_reason).startswith('No'): return why",
        "x = session.reason == 'You ended it'",
        "x = check.name == 'Database'",
        "x = check.name in ('Tavus', 'Replicas')",
        "def f(error):\n    def g():\n        return 'x' not in error.message\n    return g",
    ],
)
def test_a_planted_reader_of_sentences_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "x.py").write_text(line + "\n", encoding="utf-8")
    assert len(parsed_prose(tmp_path)) == 1, parsed_prose(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "x = error.code == 'slots_full' or error.said.startswith('x')",
        "x = check.id in (CheckId.TAVUS, CheckId.DATABASE)",
        "x = f'{error.message} {error.hint}'.strip() if error.hint != '' else ''",
        "def f(told):\n    return 'error' in told",
        "import os\nx = os.name == 'nt'",
    ],
)
def test_a_reader_of_fields_is_let_through(tmp_path: Path, line: str) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "x.py").write_text(line + "\n", encoding="utf-8")
    assert parsed_prose(tmp_path) == []
