"""Cards that are sent again as they were: the browser can't tell, and every click is heard by the tab that made it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.running import Dashboard
from tests.websocket import Tab

SCRIPT = "from tests.ui import drawn_cards\n\ndrawn_cards.page()\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Dashboard]:
    (tmp_path / "page.py").write_text(SCRIPT, encoding="utf-8")
    with Dashboard(tmp_path / "page.py") as made:
        yield made


def told(tab: Tab) -> str:
    return str(next(element.markdown.body for element in tab.elements() if element.WhichOneof("type") == "markdown"))


def drawn(tab: Tab) -> list[bytes]:
    """What the cards sent, with the place of each."""
    deltas = [message for message in tab.messages if message.HasField("delta")]
    return [
        bytes(message.delta.SerializeToString(deterministic=True)) + bytes(message.metadata.delta_path)
        for message in deltas
        if message.delta.new_element.WhichOneof("type") != "markdown"
    ]


def choose(tab: Tab, key: str, word: str) -> None:
    back = BackMsg()
    widget = back.rerun_script.widget_states.widgets.add()
    widget.id, widget.string_trigger_value.data = tab.widget_id(key), word
    tab.run(back=back)


def test_a_card_is_made_once_for_all_tabs_and_sent_as_it_was(server: Dashboard) -> None:
    with Tab(server.url) as one, Tab(server.url) as other:
        one.run()
        first = drawn(one)
        assert told(one) == "clicked [], made [('Ada', 1), ('Bob', 1)]"
        for tab in (one, other, one):
            tab.run()
            assert drawn(tab) == first and len(first) == 9
            assert told(tab) == "clicked [], made [('Ada', 1), ('Bob', 1)]"


def test_a_click_in_a_card_that_was_sent_again_is_heard_once_and_in_its_own_tab(server: Dashboard) -> None:
    with Tab(server.url) as one, Tab(server.url) as other:
        for tab in (one, other, one, other):
            tab.run()
        one.click("press-Bob")
        assert told(one) == "clicked ['Bob pressed'], made [('Ada', 1), ('Bob', 2)]"
        for tab in (other, one):
            tab.run()
            assert told(tab) == "clicked [], made [('Ada', 1), ('Bob', 2)]"
        choose(other, "menu-Ada", "Two")
        assert told(other) == "clicked ['Ada Two'], made [('Ada', 2), ('Bob', 2)]"
        one.run()
        assert told(one).startswith("clicked []")


def test_another_card_at_the_same_place_is_made_anew(server: Dashboard) -> None:
    with Tab(server.url) as tab:
        tab.run()
        for _ in range(2):
            tab.run(query="asked=another")
            assert "<b>Cleo</b>" in str(tab.messages) and "<b>Bob</b>" not in str(tab.messages)
            assert told(tab) == "clicked [], made [('Ada', 1), ('Bob', 1), ('Cleo', 1)]"


def test_a_key_that_a_card_has_is_refused_elsewhere_on_the_page(server: Dashboard) -> None:
    with Tab(server.url) as tab:
        tab.run()
        for _ in range(2):
            tab.run(query="asked=key")
            assert [element.WhichOneof("type") for element in tab.elements()][-1] == "exception"


def test_a_card_with_a_callback_is_made_in_each_run_since_that_belongs_to_its_tab(server: Dashboard) -> None:
    with Tab(server.url) as tab:
        for times in (1, 2):
            tab.run(query="asked=callback")
            assert told(tab) == f"clicked [], made [('Ada', 1), ('Bob', 1), ('Eve', {times})]"


@pytest.mark.parametrize("what", ["_send_again", "_note", "_next_place"])
def test_where_an_inner_part_has_moved_the_cards_are_made_each_time(what: str, tmp_path: Path) -> None:
    lost = f"def gone(*_):\n    raise AttributeError('moved')\n\n\nstreamlit_private.{what} = gone\n"
    script = f"from lib.ui.shell import streamlit_private\n\n\n{lost}{SCRIPT}"
    (tmp_path / "page.py").write_text(script, encoding="utf-8")
    with Dashboard(tmp_path / "page.py") as server, Tab(server.url) as tab:
        tab.run()
        first = drawn(tab)
        tab.run()
        assert drawn(tab) == first
        assert told(tab) == "clicked [], made [('Ada', 2), ('Bob', 2)]"
        tab.click("press-Ada")
        assert told(tab).startswith("clicked ['Ada pressed']")
        assert server.log.count("What a card sent before: not where Greenroom looks for it") == 1
