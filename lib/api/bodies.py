"""What the API takes, as pydantic models: they check each request and are the schemas of the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Literal

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
    layers: dict[str, object] | None = None


class PatchStep(BaseModel):
    """One operation of a JSON Patch (RFC 6902)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    op: Literal["add", "remove", "replace", "copy", "move", "test"]
    path: str
    value: object = None
    from_: Annotated[str | None, Field(alias="from")] = None


class PersonaPatch(RootModel[list[PatchStep] | PersonaFields]):
    """A JSON Patch as Tavus takes it, or the fields to set (null removes one)."""


class Avatar(Strict):
    """Which replica is shown and which persona speaks; null or "" takes it off."""

    replica_id: Id | None = None
    tavus_persona_id: Id | None = None


Entries = Annotated[list[Annotated[str, StringConstraints(max_length=200)]], Field(max_length=50)]
Place = Annotated[str, StringConstraints(max_length=1_000)]


class RecordingStorage(Strict):
    """Where recordings go: identifiers of a storage that trusts Tavus, never a key or password."""

    provider: Literal["s3", "gcs", "azure_blob"]
    bucket_name: Place | None = None
    bucket_region: Place | None = None
    assume_role_arn: Place | None = None
    external_id: Place | None = None
    project_id: Place | None = None
    workload_identity_provider: Place | None = None
    service_account_email: Place | None = None
    storage_account: Place | None = None
    container: Place | None = None
    tenant_id: Place | None = None
    client_id: Place | None = None


class CallFields(Strict):
    """What the agent asks of each call; what is left out stays as it is, null takes it back.

    `maxCallS`, `absentS` (nobody joins) and `leftS` (everyone left) in seconds, never above the console's own limits.
    """

    language: Annotated[str, StringConstraints(max_length=60)] | None = None
    max_call_s: int | None = None
    absent_s: int | None = None
    left_s: int | None = None
    greeting: Text | None = None
    context: Text | None = None
    audio_only: bool | None = None
    private_room: bool | None = None
    document_ids: Entries | None = None
    document_tags: Entries | None = None
    document_retrieval_strategy: Literal["speed", "quality", "balanced", ""] | None = None
    recording: bool | None = None
    recording_storage: RecordingStorage | None = None
    captions: bool | None = None
    greenscreen: bool | None = None


class AgentNew(Strict):
    name: Name
    avatar: Avatar | None = None
    call: CallFields | None = None


class AgentChange(Strict):
    name: Name | None = None
    avatar: Avatar | None = None
    call: CallFields | None = None


class SessionNew(Strict):
    """`enableAvatar` false starts a text chat. The same `clientToken` again gives the same session, never a second.

    With `watch` the call ends once nobody has asked about it (`GET /api/sessions/{id}`) for WATCH_GRACE_S; without, it
    is left to Tavus's timers and its limit.
    """

    agent_id: Id
    enable_avatar: bool = True
    watch: bool = False
    client_token: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class Message(Strict):
    text: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
