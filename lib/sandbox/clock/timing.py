"""How long things take that stand for a network or for Tavus's own work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Delays in seconds of real time; `training_s` and `document_s` follow the sandbox's clock.

    `joined_s` after create the replica is there; `transcript_s` and `perception_s` after the end those are ready;
    `beat_s` without a sign of life count as having left; `callback_s` is how long a callback may take.
    """

    joined_s: float = 0.3
    transcript_s: float = 0.2
    perception_s: float = 0.4
    beat_s: float = 15.0
    training_s: float = 8.0
    document_s: float = 6.0
    callback_s: float = 3.0


USUAL = Timing()
