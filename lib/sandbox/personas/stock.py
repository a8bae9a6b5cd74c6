"""The replicas and personas that a new account finds: stock ones that look like Tavus's, and two personas of its own.

Ids and names of the stock replicas and of the system personas are those of https://docs.tavus.io (stock replicas,
stock personas); the prompts are the sandbox's own.
"""

from __future__ import annotations

from typing import Any

from lib.sandbox.personas import stock_prompts as prompts
from lib.sandbox.state import Row

DEFAULT_PERSONA_ID = "paaee96e4f87"
"""Who is talked to when a conversation names a replica and no persona."""

REPLICAS = (
    ("r90bbd427f71", "Anna", ("office", "professional")),
    ("r5dc7c7d0bcb", "Gloria", ("studio", "professional")),
    ("r874cc5f8a3b", "Lucas", ("office", "business")),
    ("r5f0577fc829", "Mira", ("home", "casual")),
    ("rc9cff32ceba", "Leo", ("studio", "casual")),
    ("r4067604db72", "Ines", ("clinic", "professional")),
    ("r3a8d1f40c27", "Hugo", ("classroom", "casual")),
    ("r6be20c9417d", "Sana", ("office", "business")),
)


def replicas() -> list[Row]:
    """The stock replicas, the newest first."""
    return [
        _replica(replica_id, name, list(tags), day=len(REPLICAS) - number)
        for number, (replica_id, name, tags) in enumerate(REPLICAS)
    ]


def _replica(replica_id: str, name: str, tags: list[str], *, day: int) -> Row:
    made = f"2026-03-{day:02d}T09:00:00.000000Z"
    return {
        "replica_id": replica_id,
        "replica_name": name,
        "replica_type": "system",
        "status": "completed",
        "model_name": "phoenix-4",
        "training_progress": "100/100",
        "error_message": None,
        "tags": tags,
        "available_for_plan": True,
        "created_at": made,
        "updated_at": made,
    }


def personas() -> list[Row]:
    """The system personas, and two of the account's own."""
    return [
        _persona(
            "pcb7a34da5fe", "Sales Development Rep", "system", "rc9cff32ceba", "2026-03-09",
            prompts.SALES_DEVELOPMENT_REP, "Hi, thanks for making a minute. What made you take this call today?",
            _layers(flow={"turn_taking_patience": "low", "idle_engagement": "eager"}),
        ),
        _persona(
            "pdac61133ac5", "Interviewer", "system", "r4067604db72", "2026-03-10",
            prompts.INTERVIEWER, "Good to meet you. Before we begin: which role would you like to practise for?",
            _layers(flow={"turn_taking_patience": "high", "replica_interruptibility": "high"}),
        ),
        _persona(
            "paaee96e4f87", "Customer Support", "system", "r5dc7c7d0bcb", "2026-03-11",
            prompts.CUSTOMER_SUPPORT, "Hello, you have reached support. What can I put right for you?",
            _layers(queries=["Is the customer holding a product or showing a screen?"]),
        ),
        _persona(
            "p1af207b8189", "Sales Coach", "system", "r6be20c9417d", "2026-03-12",
            prompts.SALES_COACH, "Good to see you. Which conversation do you want to get better at today?",
            _layers(flow={"turn_taking_patience": "medium", "replica_interruptibility": "high"}),
        ),
        _persona(
            "p7d1e04c55a8", "Sceptical buyer", "user", "r874cc5f8a3b", "2026-04-01",
            prompts.SCEPTICAL_BUYER, "Right, I have ten minutes. Tell me why I should change what already works.",
            _layers(
                flow={"turn_taking_patience": "low", "replica_interruptibility": "low"},
                extra_body={"temperature": 0.6},
            ),
            context=prompts.SCEPTICAL_BUYER_CONTEXT,
        ),
        _persona(
            "p2b8e10c94d6", "Warm product guide", "user", "r90bbd427f71", "2026-04-02",
            prompts.PRODUCT_GUIDE, "Hello, I'm Anna. I can show you around. What are you hoping to get done?",
            _layers(
                flow={"turn_detection_model": "sparrow-1", "turn_taking_patience": "medium"},
                queries=["Does the visitor look puzzled?"],
                extra_body={"temperature": 0.7},
            ),
            context=prompts.PRODUCT_GUIDE_CONTEXT,
        ),
    ]  # fmt: skip


def _persona(
    persona_id: str, name: str, kind: str, replica_id: str, day: str,
    system_prompt: str, greeting: str, layers: Row, *, context: str = "",
) -> Row:  # fmt: skip
    return {
        "persona_id": persona_id,
        "persona_type": kind,
        "persona_name": name,
        "pipeline_mode": "full",
        "system_prompt": system_prompt,
        "context": context,
        "greeting": greeting,
        "default_replica_id": replica_id,
        "layers": layers,
        "document_ids": [],
        "document_tags": [],
        "created_at": f"{day}T09:00:00.000000Z",
        "updated_at": f"{day}T09:00:00.000000Z",
    }


def _layers(*, flow: Row | None = None, queries: list[str] | None = None, extra_body: Row | None = None) -> Row:
    """The layers that a persona made in Tavus's own portal has."""
    llm: dict[str, Any] = {"model": "tavus-gemma-4", "speculative_inference": True}
    perception: dict[str, Any] = {"perception_model": "raven-1"}
    layers: Row = {
        "perception": {**perception, **({"visual_awareness_queries": queries} if queries else {})},
        "stt": {"stt_engine": "tavus-auto"},
        "llm": {**llm, **({"extra_body": extra_body} if extra_body else {})},
        "tts": {"tts_engine": "cartesia", "tts_emotion_control": True, "tts_model_name": "sonic-3"},
    }
    return {**layers, "conversational_flow": {**flow, "voice_isolation": "near"}} if flow else layers
