"""A flood of callbacks becomes few looks at Tavus, and no session pays for another."""

from __future__ import annotations

from lib.services.callbacks.token_bucket import AGAIN_S, BURST, REMEMBERED, TokenBucket


def test_a_few_looks_at_once_then_one_every_while_for_each_session_by_itself() -> None:
    now = [100.0]
    restraint = TokenBucket(lambda: now[0])
    assert [restraint.allows("s-1") for _ in range(BURST + 3)] == [True] * BURST + [False] * 3
    assert restraint.allows("s-2")
    allowed = 0
    for _ in range(1_000):
        now[0] += 0.1
        allowed += restraint.allows("s-1")
    assert 45 <= allowed <= 100 / AGAIN_S + 1
    now[0] += 3600
    assert [restraint.allows("s-1") for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_it_does_not_remember_for_ever() -> None:
    restraint = TokenBucket(lambda: 0.0)
    for n in range(3 * REMEMBERED):
        restraint.allows(f"s-{n}")
    assert len(restraint._left) <= REMEMBERED
