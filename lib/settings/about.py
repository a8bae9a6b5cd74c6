"""What a row of the table of settings says besides its type and default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from pydantic.fields import FieldInfo

P = TypeVar("P")


class SettingGroup(StrEnum):
    """Under which title a setting stands."""

    TAVUS = "Tavus"
    WORKER = "Daily, speech and the worker: for pipecat_daily only"
    GREENROOM = "Greenroom"
    CHAT = "Text chat, the sandbox's replies and the mind of pipecat_daily: any OpenAI-compatible endpoint"
    LIMITS = "Limits"
    SWEEPER = "The sweeper, which keeps open calls in step with Tavus"
    RECORDS = "Records"


@dataclass(frozen=True)
class About:
    """What a setting is for, in one or two sentences.

    `see` is the place in docs/ that says more. `unset` is what holds where its default is empty. `older_of` is the
    setting that took its place. `advanced`: few ever change it, so that `.env.example` has it as a comment.
    """

    group: SettingGroup
    help: str
    see: str = ""
    unset: str = ""
    older_of: str = ""
    advanced: bool = False


def part_of(row: FieldInfo, part: type[P]) -> P:
    """The part of a row that is of this type. A row without it is a mistake that shows at import."""
    return next(one for one in row.metadata if isinstance(one, part))
