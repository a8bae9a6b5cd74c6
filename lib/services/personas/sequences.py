"""Where two sequences differ: the fewest items out and in (RapidFuzz's longest common subsequence, at C's speed)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MOST_PAIRS = 50_000_000
"""Pairs of items that can be looked at: 7,000 by 7,000 take about 10 ms and 6 MB."""


class Block(NamedTuple):
    """`was[was_from:was_to]` became `now[now_from:now_to]`; one of the two may be empty."""

    was_from: int
    was_to: int
    now_from: int
    now_to: int

    @property
    def pairs(self) -> int:
        return (self.was_to - self.was_from) * (self.now_to - self.now_from)

    def moved(self, was_by: int, now_by: int) -> Block:
        return Block(self.was_from + was_by, self.was_to + was_by, self.now_from + now_by, self.now_to + now_by)


def blocks(was: Sequence[str], now: Sequence[str]) -> list[Block]:
    """The differences in their order; between two of them there is at least one equal item.

    Where there are more than MOST_PAIRS pairs, all between the first and the last difference is one block.
    """
    start, end, most = 0, 0, min(len(was), len(now))
    while start < most and was[start] == now[start]:
        start += 1
    while end < most - start and was[-1 - end] == now[-1 - end]:
        end += 1
    middle = Block(start, len(was) - end, start, len(now) - end)
    if not middle.pairs or middle.pairs > MOST_PAIRS:
        return [middle] if middle.was_to > start or middle.now_to > start else []
    found: list[Block] = []
    for block in _differences(was[start : middle.was_to], now[start : middle.now_to]):
        last = found[-1] if found else None
        if last and (last.was_to, last.now_to) == (block.was_from, block.now_from):
            found[-1] = Block(last.was_from, block.was_to, last.now_from, block.now_to)
        else:
            found.append(block)
    return [block.moved(start, start) for block in found]


def _differences(was: Sequence[str], now: Sequence[str]) -> list[Block]:
    # Imported only where there is something to compare: most runs of a page have nothing.
    from rapidfuzz.distance import Indel

    numbers: dict[str, int] = {}
    old = [numbers.setdefault(item, len(numbers)) for item in was]
    new = [numbers.setdefault(item, len(numbers)) for item in now]
    return [
        Block(step.src_start, step.src_end, step.dest_start, step.dest_end)
        for step in Indel.opcodes(old, new)
        if step.tag != "equal"
    ]
