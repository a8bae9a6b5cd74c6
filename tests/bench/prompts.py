"""How long a review takes to compare two long prompts: alike but for some words, and with nothing in common."""

from __future__ import annotations

import random
import time

from lib.services.personas.diff import words
from tests.bench.load import p50

CHARACTERS = 20_000
MOST_MS = 50.0
ROUNDS = 15


def measure() -> dict[str, float]:
    """p50 in ms by how the two differ."""
    dice = random.Random(7)
    vocabulary = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(2, 9))) for _ in range(1500)]
    was, other = (" ".join(dice.choices(vocabulary, k=CHARACTERS))[:CHARACTERS] for _ in range(2))
    edited = " ".join(dice.choice(vocabulary) if dice.random() < 0.05 else word for word in was.split(" "))
    return {"one word in twenty changed": _timed(was, edited), "nothing in common": _timed(was, other)}


def _timed(was: str, now: str) -> float:
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        words(was, now)
        taken.append((time.perf_counter() - begun) * 1000)
    return p50(taken)
