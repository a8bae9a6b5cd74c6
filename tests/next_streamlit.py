"""The next Streamlit, as far as a test can have it: this one, with names or arguments changed in its own source.

`python -m tests.next_streamlit run app.py` is `streamlit run app.py` on it, `python -m tests.next_streamlit pages
FOLDER` draws every page through AppTest and prints the Diagnostics. NEXT in the environment holds the edits, a JSON
list of `[module, pattern, replacement]`: the pattern is searched for in the source of that module and of all inside it,
so that the library stays true to itself. A pattern that is found nowhere ends the process: it would change nothing.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import decode_source
from pathlib import Path
from types import CodeType

PAGES = (
    "home", "live", "personas", "replicas", "agents", "library", "history", "session", "inspector", "diagnostics",
)  # fmt: skip
EDITS: list[tuple[str, str, str]] = [tuple(edit) for edit in json.loads(os.environ.get("NEXT", "[]"))]
found: set[str] = set()
_as_it_is = SourceFileLoader.get_code


def edited(module: str, source: str) -> str:
    for inside, pattern, replacement in EDITS:
        if module == inside or module.startswith(f"{inside}."):
            source, times = re.subn(pattern, replacement, source)
            found.update([pattern] if times else [])
    return source


def get_code(loader: SourceFileLoader, module: str) -> CodeType | None:
    if module.split(".")[0] not in {inside.split(".")[0] for inside, _, _ in EDITS}:
        return _as_it_is(loader, module)
    path = loader.get_filename(module)
    source = decode_source(loader.get_data(path))
    new = edited(module, source)
    return _as_it_is(loader, module) if new == source else loader.source_to_code(new.encode(), path)


def check() -> None:
    unfound = [pattern for _, pattern, _ in EDITS if pattern not in found]
    if unfound:
        print(f"nothing to change: {unfound}", file=sys.stderr, flush=True)
        os._exit(3)


def draw_pages(folder: Path) -> None:
    from lib.server import inner_parts
    from tests.pages.opened import console, words

    with console(folder, moved=inner_parts.moved) as opened:
        app = opened.open(PAGES[0])
        for page in PAGES[1:]:
            opened.go(app, page)
        print(words(app))


if __name__ == "__main__":
    setattr(SourceFileLoader, "get_code", get_code)  # noqa: B010 - it takes the place of a method
    atexit.register(check)
    if sys.argv[1] == "pages":
        draw_pages(Path(sys.argv[2]))
    else:
        from streamlit.web.cli import main

        main(prog_name="streamlit")
