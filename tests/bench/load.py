"""Many tabs at one server, each asking for its next run the moment the last one is drawn."""

from __future__ import annotations

import selectors
import statistics
import time

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.websocket import Tab, finished

SMALL = 400
"""Bytes; the last message of a run is far smaller, so larger ones need not be read to know that it is not theirs."""


def ends(payload: bytes) -> bool:
    return len(payload) < SMALL and finished(ForwardMsg.FromString(payload))


class Crowd:
    """`count` tabs at the server at `url`."""

    def __init__(self, url: str, count: int) -> None:
        self.tabs = [Tab(url, keep=False, timeout_s=120) for _ in range(count)]

    def open(self, page: str, query: str) -> None:
        """Bring all tabs to this page and let each run it once more, as it is then measured."""
        for tab in self.tabs:
            tab.wire.send(tab.question(page=page, query=query))
        for tab in self.tabs:
            while not any(finished(message) for message in map(tab.take, tab.wire.read())):
                pass

    def rerun(self, seconds: float, query: str, at_least: int) -> list[float]:
        """Milliseconds of each rerun within so many seconds, or longer until there are `at_least` of them."""
        taken: list[float] = []
        ask = {tab: tab.question(query=query) for tab in self.tabs}
        asked: dict[Tab, float] = {}
        stop_at = time.perf_counter() + seconds
        with selectors.DefaultSelector() as selector:
            for tab in self.tabs:
                selector.register(tab.wire.socket, selectors.EVENT_READ, tab)
                asked[tab] = time.perf_counter()
                tab.wire.send(ask[tab])
            while asked:
                for key, _ in selector.select(timeout=120):
                    tab = key.data
                    if not any(ends(payload) for payload in tab.wire.read()):
                        continue
                    now = time.perf_counter()
                    taken.append((now - asked.pop(tab)) * 1000)
                    if now < stop_at or len(taken) + len(asked) < at_least:
                        asked[tab] = time.perf_counter()
                        tab.wire.send(ask[tab])
        return taken

    def close(self) -> None:
        for tab in self.tabs:
            tab.close()


def p50(values: list[float]) -> float:
    return statistics.median(values)
