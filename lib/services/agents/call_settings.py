"""What an agent may ask of its calls, checked before it is kept (https://docs.tavus.io/openapi.yaml, conversations)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lib.models import CallLimits, CallSettings
from lib.services.wording.plain import minutes

LABELS = {
    "language": "Language",
    "max_call_s": "Limit",
    "absent_s": "If nobody joins",
    "left_s": "After everyone left",
    "greeting": "Greeting",
    "context": "Context for the call",
    "document_ids": "Documents",
    "document_tags": "Document tags",
    "document_retrieval_strategy": "Looking things up",
    "recording": "Recording",
    "recording_storage": "Recording storage",
    "captions": "Captions",
    "greenscreen": "Green screen",
    "audio_only": "Audio only",
    "private_room": "Private room",
}
"""Every setting of a call and its name on the page, in the order of the form."""

TEXT_LIMIT = 10_000
LIST_LIMIT = 50
ENTRY_LIMIT = 200
LANGUAGE_LIMIT = 60
SHORTEST_CALL_S = 30
SHORTEST_ABSENT_S = 15

RETRIEVAL = ("speed", "balanced", "quality")
STORAGES: dict[str, tuple[str, ...]] = {
    "s3": ("bucket_name", "bucket_region", "assume_role_arn", "external_id"),
    "gcs": ("bucket_name", "project_id", "workload_identity_provider", "service_account_email"),
    "azure_blob": ("storage_account", "container", "tenant_id", "client_id"),
}
"""Provider of `recording_storage` -> what it is named by. Tavus takes identifiers only: each provider trusts it."""

OPTIONAL = ("external_id",)
STORAGE_FIELDS = tuple(dict.fromkeys(("provider", *(name for names in STORAGES.values() for name in names))))


@dataclass(frozen=True)
class Wrong:
    """`field` is a name of CallSettings, `message` a sentence that says what it may be."""

    field: str
    message: str
    hint: str = ""


def tidied(call: CallSettings) -> CallSettings:
    """Without spaces around what was typed, empty entries and what is named twice."""
    return replace(
        call,
        language=call.language.strip(),
        greeting=call.greeting.strip(),
        context=call.context.strip(),
        document_ids=_entries(call.document_ids),
        document_tags=_entries(call.document_tags),
        recording_storage={key: text for key, value in call.recording_storage.items() if (text := value.strip())},
    )


def wrong(call: CallSettings, most: CallLimits) -> Iterator[Wrong]:
    """All that keeps these settings from being kept, in the order of the form."""
    if len(call.language) > LANGUAGE_LIMIT:
        yield Wrong("language", f"A language has {LANGUAGE_LIMIT} characters at most.")
    yield from _limits(call, most)
    for name in ("greeting", "context"):
        count = len(getattr(call, name))
        if count > TEXT_LIMIT:
            yield Wrong(name, f"{count:,} characters; {TEXT_LIMIT:,} is the most.")
    for name in ("document_ids", "document_tags"):
        entries = getattr(call, name)
        if len(entries) > LIST_LIMIT:
            yield Wrong(name, f"{len(entries)} entries; {LIST_LIMIT} is the most.")
        if any(len(entry) > ENTRY_LIMIT for entry in entries):
            yield Wrong(name, f"An entry has {ENTRY_LIMIT} characters at most.")
    if call.document_retrieval_strategy not in ("", *RETRIEVAL):
        yield Wrong("document_retrieval_strategy", f"It is one of {', '.join(RETRIEVAL)}.")
    yield from _storage(call)


def _limits(call: CallSettings, most: CallLimits) -> Iterator[Wrong]:
    for name, value, least, at_most, what, setting in (
        ("max_call_s", call.max_call_s, SHORTEST_CALL_S, most.call_s, "A call of this agent can last", "MAX_CALL_S"),
        ("absent_s", call.absent_s, SHORTEST_ABSENT_S, most.absent_s, "An empty room can wait", "ABSENT_TIMEOUT_S"),
        ("left_s", call.left_s, 0, most.left_s, "A room that was left can wait", "LEFT_TIMEOUT_S"),
    ):
        # Where the installation's own is shorter than what an agent may ask for, the installation's is allowed.
        if value is not None and not min(least, at_most) <= value <= at_most:
            told = f"{what} from {minutes(min(least, at_most))} to {minutes(at_most)}, not {minutes(value)}."
            yield Wrong(name, told, f"{setting} sets the most for all agents.")


def _storage(call: CallSettings) -> Iterator[Wrong]:
    storage = call.recording_storage
    if not storage:
        return
    provider = storage.get("provider", "")
    if provider not in STORAGES:
        yield Wrong("recording_storage", f"Its provider is one of {', '.join(STORAGES)}.")
        return
    names = STORAGES[provider]
    strange = [name for name in storage if name not in ("provider", *names)]
    if strange:
        yield Wrong("recording_storage", f"{', '.join(strange)[:200]} is not used with {provider}.")
    lacking = [name for name in names if name not in OPTIONAL and not storage.get(name)]
    if lacking:
        yield Wrong("recording_storage", f"{provider} needs {', '.join(lacking)}.")
    if any(len(value) > 1_000 for value in storage.values()):
        yield Wrong("recording_storage", "A field has 1,000 characters at most.")


def _entries(entries: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for entry in entries if (text := entry.strip())))
