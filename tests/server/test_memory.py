from __future__ import annotations

import gc
import time
import weakref

from lib.server.memory import Collector


class Loop:
    def __init__(self) -> None:
        self.me = self


def wait_for(collector: Collector, rounds: int) -> None:
    give_up = time.monotonic() + 5
    while collector.rounds < rounds and time.monotonic() < give_up:
        time.sleep(0.01)
    assert collector.rounds >= rounds


def test_what_start_up_left_is_frozen_and_what_comes_later_is_collected_by_the_clock() -> None:
    automatic = gc.isenabled()
    gc.disable()
    collector = Collector(interval_s=0.02)
    try:
        collector.start()
        assert gc.get_freeze_count() > 1000
        wait_for(collector, 1)  # the first round is a full one: what is made meanwhile may be frozen with the rest
        gone = weakref.ref(Loop())
        assert gone() is not None
        wait_for(collector, collector.rounds + 2)
        assert gone() is None
    finally:
        collector.stop()
        if automatic:
            gc.enable()
    assert gc.get_freeze_count() == 0


def test_a_cycle_that_was_frozen_goes_with_the_next_full_round() -> None:
    collector = Collector(interval_s=0.005)
    held = Loop()
    gone = weakref.ref(held)
    try:
        collector.start()
        del held
        wait_for(collector, Collector.FULL_EVERY + 1)
        assert gone() is None
    finally:
        collector.stop()
