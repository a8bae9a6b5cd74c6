"""A page of the dashboard, run whole inside its frame, with services on a sandbox over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from lib import wiring
from lib.wiring import Services
from tests.house import house
from tests.running import ROOT
from tests.sandbox_server import RunningSandbox, running_sandbox


@dataclass(frozen=True)
class Console:
    sandbox: RunningSandbox
    services: Services
    before: int

    def open(self, page: str, **query: str) -> AppTest:
        """The page as a newly opened tab shows it."""
        app = AppTest.from_file(str(ROOT / "lib" / "ui" / "shell" / "frame.py"), default_timeout=30)
        return self.go(app, page, **query)

    def go(self, app: AppTest, page: str, **query: str) -> AppTest:
        """The same tab on another page."""
        app.switch_page(str(ROOT / "pages" / f"{page}.py"))
        app.query_params.clear()
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        return app

    def persona(self, name: str, **fields: Any) -> str:
        """A persona of the account's own; returns its id."""
        row = {"persona_name": name, "system_prompt": "You are a guide.", **fields}
        answer = self.sandbox.call("POST", "/personas", row)
        assert answer.ok, answer.text
        return str(answer.json()["persona_id"])

    def stored(self, persona_id: str) -> dict[str, Any]:
        row: dict[str, Any] = self.sandbox.call("GET", f"/personas/{persona_id}").json()
        return row

    def asked(self, since: int = 0) -> list[str]:
        """The requests to Tavus after the first `since`; without the sweeper's when it started."""
        return self.sandbox.routes()[self.before + since :]


@contextmanager
def console(root: Path, **settings: Any) -> Iterator[Console]:
    with running_sandbox() as sandbox, house(sandbox.url, root, **settings) as services:
        wiring.install(services)
        try:
            yield Console(sandbox, services, len(sandbox.routes()))
        finally:
            wiring.install(None)


def words(app: AppTest) -> str:
    """What the page says in Markdown, in HTML and on buttons, without Markdown's own backslashes."""
    said = []
    for element in app.main:
        if element.type == "html":
            said.append(element.proto.body)
        elif isinstance(element, Button):
            said.append(element.label)
        else:
            said.append(str(getattr(element, "value", "")).replace("\\", ""))
    return "\n".join(said)


def html(app: AppTest) -> str:
    """The bodies of all `st.html`."""
    return "\n".join(element.proto.body for element in app.main if element.type == "html")


def everything(app: AppTest) -> str:
    """The same with those of an open dialog, which hangs outside the main area."""
    return "\n".join(element.proto.body for element in app.get("html"))
