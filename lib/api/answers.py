"""What the API answers, as pydantic models: they write each answer and are the schemas of the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from lib.models import Status
from lib.services.agents.service import Standing

T = TypeVar("T")
Moment = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def spoken(description: str) -> str:
    """A text that is left out where there is nothing to say."""
    text: str = Field("", description=description, exclude_if=lambda value: not value)
    return text


class Answer(BaseModel):
    """Made by the names of its fields, written in camelCase."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, serialize_by_alias=True, validate_by_name=True, validate_by_alias=False
    )


class ListAnswer(Answer, Generic[T]):
    """One page. `next` is the cursor of the next, null on the last."""

    data: list[T]
    next: str | None


class ErrorAnswer(Answer):
    error: str = Field(description="What happened.")
    hint: str = Field(description="What to do.")


class PersonaAnswer(Answer):
    """The row as Tavus gave it, named by the older words even where Tavus used the newer ones."""

    model_config = ConfigDict(alias_generator=None, extra="allow")

    persona_id: str
    persona_name: str


class AvatarAnswer(Answer):
    replica_id: str
    tavus_persona_id: str


class CallAnswer(Answer):
    """What the agent asks of each call, as `CallFields` takes it, so that what was read can be sent back."""

    language: str
    max_call_s: int | None
    greeting: str
    context: str
    audio_only: bool
    private_room: bool
    absent_s: int | None
    left_s: int | None
    document_ids: tuple[str, ...]
    document_tags: tuple[str, ...]
    document_retrieval_strategy: str
    recording: bool
    recording_storage: dict[str, str] | None = Field(description="Its fields are those of `RecordingStorage`.")
    captions: bool
    greenscreen: bool


class LackAnswer(Answer):
    code: str
    message: str = Field(description="What it lacks.")
    hint: str = Field(description="What to do.")
    blocks: bool = Field(description="No call can start before it is mended.")


class AgentAnswer(Answer):
    id: str
    name: str
    avatar: AvatarAnswer
    call: CallAnswer
    state: Standing = Field(
        description="`look`: it can start, but read `missing` first. `unknown`: Tavus can't be asked."
    )
    missing: list[LackAnswer]


class SessionAnswer(Answer):
    session_id: str
    agent_id: str
    mode: str = Field(description="`phoenix_rest`, `pipecat_daily`, `text`, or the name of a mode that was added.")
    status: Status
    conversation_id: str | None
    conversation_url: str | None
    created_at: Moment
    ended_at: Moment | None
    reason: str = spoken("Why there is no avatar, in plain words.")
    hint: str = spoken("What to do about it.")
    end_reason: str = spoken("Why it ended, in plain words.")


class TurnAnswer(Answer):
    role: str
    text: str
    seconds: float | None = Field(description="Since the start of the session; null where it is not known.")
    source: str


class RecordAnswer(SessionAnswer):
    transcript: list[TurnAnswer]


class ReplyAnswer(Answer):
    role: str
    text: str
    label: str = Field(description="Who answered: a language model by its name, or the scripted stand-in.")
    note: str = spoken("What the persona has and who answers here does not read.")
