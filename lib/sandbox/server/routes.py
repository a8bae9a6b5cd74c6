"""The paths of Tavus's API and who answers them."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from lib.sandbox.conversations.routes import ConversationMaker, ConversationRoutes
from lib.sandbox.library.dictionaries import DictionaryRoutes
from lib.sandbox.library.document_routes import DocumentRoutes
from lib.sandbox.library.guardrail_routes import GuardrailRoutes
from lib.sandbox.library.objectives import ObjectiveRoutes
from lib.sandbox.library.skills import SkillRoutes
from lib.sandbox.library.tools import ToolRoutes
from lib.sandbox.personas.routes import PersonaRoutes
from lib.sandbox.replicas.routes import ReplicaRoutes
from lib.sandbox.replicas.voices import VoiceRoutes
from lib.sandbox.server.account import Sandbox
from lib.sandbox.wire.dialect import Dialect


def api(sandbox: Sandbox) -> list[BaseRoute]:
    """Every path below `/v2`, in both vocabularies and both spellings of its end."""

    def dialect() -> Dialect:
        return sandbox.dialect

    personas = PersonaRoutes(sandbox.personas, dialect)
    replicas = ReplicaRoutes(sandbox.replicas, dialect)
    made = ConversationMaker(sandbox.calls, sandbox.personas, sandbox.replicas, sandbox.limits, sandbox.clock)
    objectives = ObjectiveRoutes(sandbox.objectives, dialect)
    guardrails = GuardrailRoutes(sandbox.guardrails, dialect)
    documents = DocumentRoutes(sandbox.documents, dialect)
    tools = ToolRoutes(sandbox.tools, dialect)
    skills = SkillRoutes(sandbox.skills)
    dictionaries = DictionaryRoutes(sandbox.dictionaries, dialect)
    conversations = ConversationRoutes(made, sandbox.calls, sandbox.tokens, dialect)
    routes: list[BaseRoute] = []
    for name in ("personas", "pals"):
        routes += _both(f"/v2/{name}", GET=personas.list, POST=personas.create)
        routes += _both(f"/v2/{name}/{{id}}", GET=personas.get, PATCH=personas.patch, DELETE=personas.delete)
        routes += _both(f"/v2/{name}/{{id}}/tools", GET=tools.of_persona, POST=tools.attach)
        routes += _both(f"/v2/{name}/{{id}}/tools/{{tool_id}}", DELETE=tools.detach)
        routes += _both(f"/v2/{name}/{{id}}/skills", GET=skills.of_persona, PUT=skills.replace)
        routes += _both(
            f"/v2/{name}/{{id}}/skills/{{skill_id}}",
            GET=skills.attached, PUT=skills.attach, PATCH=skills.merge, DELETE=skills.detach,
        )  # fmt: skip
    for name in ("replicas", "faces"):
        routes += _both(f"/v2/{name}", GET=replicas.list, POST=replicas.train)
        routes += _both(f"/v2/{name}/{{id}}", GET=replicas.get, PATCH=replicas.merge, DELETE=replicas.delete)
        routes += _both(f"/v2/{name}/{{id}}/name", PATCH=replicas.rename)
    routes += _both("/v2/objectives", GET=objectives.list, POST=objectives.create)
    routes += _both("/v2/objectives/validate", POST=objectives.validate)
    routes += _both("/v2/objectives/{id}", GET=objectives.get, PATCH=objectives.patch, DELETE=objectives.delete)
    routes += _both("/v2/guardrails", GET=guardrails.list, POST=guardrails.create)
    routes += _both("/v2/guardrails/tags", GET=guardrails.tags)
    routes += _both("/v2/guardrails/{id}", GET=guardrails.get, PATCH=guardrails.patch, DELETE=guardrails.delete)
    routes += _both("/v2/documents", GET=documents.list, POST=documents.create)
    routes += _both("/v2/documents/tags", GET=documents.tags)
    routes += _both("/v2/documents/{id}", GET=documents.get, PATCH=documents.change, DELETE=documents.delete)
    routes += _both("/v2/documents/{id}/recrawl", POST=documents.recrawl)
    routes += _both("/v2/documents/{id}/chunks", GET=documents.chunks)
    routes += _both("/v2/tools", GET=tools.list, POST=tools.create)
    routes += _both("/v2/tools/{id}", GET=tools.get, PATCH=tools.change, DELETE=tools.delete)
    routes += _both("/v2/skills", GET=skills.list)
    routes += _both("/v2/skills/{skill_id}", GET=skills.get)
    spoken = "/v2/pronunciation-dictionaries"
    routes += _both(spoken, GET=dictionaries.list, POST=dictionaries.create)
    routes += _both(spoken + "/{id}", GET=dictionaries.get, PATCH=dictionaries.patch, DELETE=dictionaries.delete)
    routes += _both("/v2/voices", GET=VoiceRoutes(sandbox.replicas).list)
    routes += _both("/v2/conversations", GET=conversations.list, POST=conversations.create)
    routes += _both("/v2/conversations/{id}", GET=conversations.get, DELETE=conversations.delete)
    routes += _both("/v2/conversations/{id}/end", POST=conversations.end)
    return routes


def _both(path: str, **handlers: Callable[[Request], object]) -> list[BaseRoute]:
    """One path with and without its trailing slash: the official command line uses either and follows no redirect."""
    return [
        Route(spelling, handler, methods=[method])
        for spelling in (path, path + "/")
        for method, handler in handlers.items()
    ]
