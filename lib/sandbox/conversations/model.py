"""One conversation: what was asked for, how it lives, what is kept of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from lib.sandbox.state import Row

SPOKEN_CHARACTERS_PER_S = 15.0


@dataclass
class Pending:
    """An event that is on its way: `wait_s` after it was set off, in real time (`due` is monotonic)."""

    event_type: str
    wait_s: float
    due: float


@dataclass
class RoomConversation:
    """Times are Unix seconds of the sandbox's clock, except in `pending` and `last_beat`, which are monotonic.

    `persona` and `replica` are the rows as they were at the start: a call goes on with them though they change.
    `documents` are those that the call adds to the persona's, by id and by tag.
    """

    conversation_id: str
    conversation_name: str
    replica_id: str
    persona_id: str
    callback_url: str
    created_at: float
    updated_at: float
    persona: Row
    replica: Row
    greeting: str
    context: str
    properties: Row
    max_call_s: float
    absent_s: float
    left_s: float
    test_mode: bool = False
    require_auth: bool = False
    audio_only: bool = False
    active: bool = True
    deleted: bool = False
    present: bool = False
    joined_at: float | None = None
    left_at: float | None = None
    ended_at: float | None = None
    shutdown_reason: str = ""
    documents: Row = field(default_factory=dict)
    turns: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    last_beat: float = 0.0

    @property
    def status(self) -> str:
        return "active" if self.active else "ended"

    @property
    def part(self) -> Row:
        """The persona's row with the documents and the language that this call asks for."""
        listed = {name: [*(self.persona.get(name) or ()), *added] for name, added in self.documents.items()}
        language = self.properties.get("language")
        return {**self.persona, **listed, **({"language": language} if language else {})}

    @property
    def open(self) -> bool:
        """True while time changes something about it."""
        return self.active or bool(self.pending)

    def deadline(self) -> tuple[float, str]:
        """When the call ends by itself as things stand, and the documented reason."""
        ends = [(self.created_at + self.max_call_s, "max_call_duration")]
        if self.joined_at is None:
            ends.append((self.created_at + self.absent_s, "participant_absent_timeout"))
        elif not self.present and self.left_at is not None:
            ends.append((self.left_at + self.left_s, "participant_left_timeout"))
        return min(ends)

    def runtime_s(self, now: float) -> float:
        """What Tavus would bill: from create to the end, waiting included; nothing in test mode."""
        return 0.0 if self.test_mode else max((self.ended_at or now) - self.created_at, 0.0)

    def add_turn(self, role: str, content: str, at: float) -> None:
        self.turns.append({"role": role, "content": content, "at": at})

    def transcript(self) -> list[Row]:
        """As `application.transcription_ready` gives it: the system prompt's entry first, then the turns.

        https://docs.tavus.io/sections/webhooks-and-callbacks. `duration` is how long the words take to say.
        """
        told = (self.persona.get("system_prompt"), self.persona.get("context"), self.context)
        prompt = "\n\n".join(part for part in told if part)
        start = self.joined_at if self.joined_at is not None else self.created_at
        system = {"role": "system", "content": prompt, "timestamp": round(start, 3)}
        entries: list[Row] = [{**system, "seconds_from_start": 0.0, "duration": 0.0}]
        for number, turn in enumerate(self.turns, 1):
            entry = {
                "role": turn["role"],
                "content": turn["content"],
                "timestamp": round(turn["at"], 3),
                "seconds_from_start": round(max(turn["at"] - start, 0.0), 2),
                "duration": round(max(len(turn["content"]) / SPOKEN_CHARACTERS_PER_S, 0.5), 2),
            }
            if turn["role"] == "assistant":
                entry["inference_id"] = f"{self.conversation_id}-{number}"
            entries.append(entry)
        return entries

    def perceives(self) -> bool:
        """False where no perception is asked for: Tavus then sends no analysis."""
        perception = (self.persona.get("layers") or {}).get("perception") or {}
        return perception.get("perception_model") != "off" and self.persona.get("pipeline_mode") != "echo"

    def dump(self) -> Row:
        row = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "last_beat"}
        return {**row, "pending": [asdict(one) for one in self.pending]}

    @classmethod
    def load(cls, row: Row, monotonic: float) -> RoomConversation:
        """After a restart: what was on its way sets out anew, a participant has time to say it is there."""
        pending = [Pending(one["event_type"], one["wait_s"], monotonic + one["wait_s"]) for one in row["pending"]]
        values: dict[str, Any] = {**row, "pending": pending, "last_beat": monotonic}
        return cls(**values)
