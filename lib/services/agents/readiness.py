"""What stands between an agent and a call, known before anyone starts it: one function for every page and the API.

It looks at what was read already and asks nobody. A list that could not be read finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from lib.models import Agent, CallLimits, Document, Persona, Replica
from lib.services.agents import languages
from lib.services.catalogue import replicas
from lib.services.catalogue.catalogue import Listing
from lib.services.wording.plain import minutes


class AgentPiece(StrEnum):
    """What an agent is made of."""

    PERSONA = "Persona"
    REPLICA = "Replica"
    LANGUAGE = "Language"
    DOCUMENTS = "Documents"
    RECORDING = "Recording"
    LIMITS = "Limits"


@dataclass(frozen=True)
class Missing:
    """One thing that an agent lacks, and in which of its pieces. `blocks`: no call can start before it is mended."""

    piece: AgentPiece
    code: str
    message: str
    hint: str
    blocks: bool


@dataclass(frozen=True)
class Known:
    """What Tavus has, as far as it was read: None for a list that was not."""

    personas: Listing[Persona] | None = None
    replicas: Listing[Replica] | None = None
    documents: Listing[Document] | None = None

    @property
    def complete(self) -> bool:
        """True if persona and replica can be judged at all."""
        return self.personas is not None and self.replicas is not None


def missing(
    agent: Agent, known: Known, *, default_replica_id: str, most: CallLimits, persona_was: Callable[[str], str]
) -> list[Missing]:
    """All that this agent lacks, what blocks a call first.

    `persona_was` gives the last name of a persona that this console once saw, "" for one that it never did. What is
    not in a list that did not come whole may be there all the same, and is not said to be gone.
    """
    persona = known.personas.find(agent.persona_id) if known.personas and agent.persona_id else None
    found = [
        *_persona(agent, persona, known, persona_was),
        *_replica(agent, replica_of(agent, persona, default_replica_id), known),
        *_call(agent, persona, known, most),
    ]
    return sorted(found, key=lambda item: not item.blocks)


def replica_of(agent: Agent, persona: Persona | None, default_replica_id: str) -> str:
    """The replica that a call of this agent shows: its own, else the persona's, else the account's default."""
    return agent.replica_id or (persona.default_replica_id if persona else "") or default_replica_id


def _persona(
    agent: Agent, persona: Persona | None, known: Known, persona_was: Callable[[str], str]
) -> Iterator[Missing]:
    if not agent.persona_id:
        yield Missing(
            AgentPiece.PERSONA, "no_persona", "No persona chosen", "Choose one: it says how the avatar behaves.", False
        )
    elif known.personas and known.personas.complete and persona is None:
        was = persona_was(agent.persona_id)
        if was:
            hint = "Choose another persona, or bring it back on the page Personas."
            yield Missing(AgentPiece.PERSONA, "persona_deleted", f"Its persona {was[:60]} was deleted", hint, True)
        else:
            hint = "It may have been deleted, or belong to another account. Choose another persona."
            yield Missing(AgentPiece.PERSONA, "persona_gone", "Its persona is not in this account", hint, True)
    elif persona and persona.pipeline_mode == "echo":
        yield Missing(
            AgentPiece.PERSONA,
            "echo_persona",
            "Its persona only repeats (echo)",
            "Choose a persona that converses.",
            False,
        )


def _replica(agent: Agent, replica_id: str, known: Known) -> Iterator[Missing]:
    if not replica_id:
        if known.personas is not None or not agent.persona_id:
            yield Missing(
                AgentPiece.REPLICA, "no_replica", "No replica chosen", "Choose a replica for this agent.", True
            )
        return
    if not known.replicas:
        return
    replica = known.replicas.find(replica_id)
    if replica is None:
        if known.replicas.complete:
            yield Missing(
                AgentPiece.REPLICA, "replica_gone", "Its replica was deleted", "Choose another replica.", True
            )
        return
    stands = replicas.condition(replica)
    if not stands.wearable:
        yield Missing(
            AgentPiece.REPLICA,
            f"replica_{stands.state}",
            f"Its replica is not ready. {stands.words}",
            stands.hint,
            True,
        )


def _call(agent: Agent, persona: Persona | None, known: Known, most: CallLimits) -> Iterator[Missing]:
    call = agent.call
    doubt = languages.doubt(call.language, persona)
    if doubt:
        yield Missing(AgentPiece.LANGUAGE, "language_unspoken", doubt.message, doubt.hint, False)
    if known.documents is not None:
        for document_id in call.document_ids:
            yield from _document(document_id, known.documents)
    if call.recording and not call.recording_storage:
        yield Missing(
            AgentPiece.RECORDING,
            "recording_nowhere",
            "Recording is on and has no storage",
            "Name the bucket or container: Tavus records into a storage of your own.",
            False,
        )
    for asked, limit, what in (
        (call.max_call_s, most.call_s, "A call"),
        (call.absent_s, most.absent_s, "Waiting for a caller"),
        (call.left_s, most.left_s, "Waiting after everyone left"),
    ):
        if asked is not None and asked > limit:
            yield Missing(
                AgentPiece.LIMITS,
                "limit_lowered",
                f"{what} ends after {minutes(limit)}, not after {minutes(asked)}",
                "The limit of this installation is lower now. Save a lower one, or leave it empty.",
                False,
            )


def _document(document_id: str, documents: Listing[Document]) -> Iterator[Missing]:
    document = documents.find(document_id)
    if document is None:
        if not documents.complete:
            return
        yield Missing(
            AgentPiece.DOCUMENTS,
            "document_gone",
            f"Its document {document_id[:40]} was deleted",
            "Take it off the agent.",
            False,
        )
    elif document.status == "error":
        yield Missing(
            AgentPiece.DOCUMENTS,
            "document_failed",
            f"Its document {document.name[:60] or document_id[:40]} could not be read",
            "Upload it again, or take it off the agent.",
            False,
        )
    elif document.status in ("started", "processing"):
        yield Missing(
            AgentPiece.DOCUMENTS,
            "document_processing",
            f"Its document {document.name[:60] or document_id[:40]} is still being read",
            "A call that starts now may not know it yet.",
            False,
        )
