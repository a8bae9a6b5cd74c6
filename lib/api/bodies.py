"""What the API takes, as pydantic models: they check each request and are the schemas of the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints
from pydantic.alias_generators import to_camel

Id = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9_-]*$")]
Text = Annotated[str, StringConstraints(max_length=10_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Strict(BaseModel):
    """camelCase on the wire, unknown fields refused, no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class PersonaFields(BaseModel):
    """Tavus's own fields, snake_case, passed through: those that Tavus adds later too."""

    model_config = ConfigDict(extra="allow", strict=True)

    persona_name: str | None = None
    system_prompt: str | None = None
    context: str | None = None
    greeting: str | None = None
    default_replica_id: Id | None = None
    pipeline_mode: str | None = None
    layers: dict[str, Any] | None = None


class PatchStep(BaseModel):
    """One operation of a JSON Patch (RFC 6902)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    op: Literal["add", "remove", "replace", "copy", "move", "test"]
    path: str
    value: Any = None
    from_: Annotated[str | None, Field(alias="from")] = None


class PersonaPatch(RootModel[list[PatchStep] | PersonaFields]):
    """A JSON Patch as Tavus takes it, or the fields to set (null removes one)."""


class Avatar(Strict):
    """Which replica is shown and which persona speaks; null or "" takes it off."""

    replica_id: Id | None = None
    tavus_persona_id: Id | None = None


class CallFields(Strict):
    """What the agent asks of each call. `maxCallS` in seconds, null for the console's limit."""

    language: Annotated[str, StringConstraints(max_length=60)] | None = None
    max_call_s: int | None = None
    greeting: Text | None = None
    context: Text | None = None
    audio_only: bool | None = None
    private_room: bool | None = None


class AgentNew(Strict):
    name: Name
    avatar: Avatar | None = None
    call: CallFields | None = None


class AgentChange(Strict):
    name: Name | None = None
    avatar: Avatar | None = None
    call: CallFields | None = None


class SessionNew(Strict):
    """`enableAvatar` false starts a text chat. The same `clientToken` again gives the same session, never a second."""

    agent_id: Id
    enable_avatar: bool = True
    client_token: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class Message(Strict):
    text: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
