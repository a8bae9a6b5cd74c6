"""Garbage collection by the clock instead of after every rerun."""

from __future__ import annotations

import gc
import threading


class Collector:
    """Keeps the heap small without stopping reruns for it.

    Streamlit collects everything after each rerun (`runner.postScriptGC`, off here), which takes longer the more is
    imported. Instead, what start-up left is frozen, that is set aside where the collector does not look, and the rest
    is collected every `interval_s` seconds in a thread of its own. Every tenth time, beginning with the first, what is
    frozen is looked through as well, so that modules imported by the first pages join it and what a frozen session
    left behind goes.
    """

    FULL_EVERY = 10

    def __init__(self, interval_s: float = 60.0) -> None:
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="garbage", daemon=True)
        self.rounds = 0

    def start(self) -> None:
        gc.freeze()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(1.0)
        gc.unfreeze()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._full() if self.rounds % self.FULL_EVERY == 0 else gc.collect()
            self.rounds += 1

    @staticmethod
    def _full() -> None:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
