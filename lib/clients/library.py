"""What personas are given besides their prompt: objectives, guardrails, documents. Nothing here is billed.

https://docs.tavus.io/api-reference/objectives/create-objectives, `/guardrails/create-guardrails`,
`/documents/create-document`. Lists of guardrails and documents count their pages from 0, that of objectives from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.clients import vocabulary
from lib.clients.sweeping import sweep
from lib.clients.transport import Success, Transport
from lib.models import Document, Guardrail, GuardrailSet, ObjectiveSet


class ObjectivesApi:
    """`/objectives`: sets of steps that lead from one to the next."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, fields: Mapping[str, Any]) -> str:
        """Make a set of `{name, data: [step, ...]}`; its id. Never repeated: a lost answer raises Ambiguous."""
        return self._transport.request(
            "POST", "/objectives", lambda success: vocabulary.objectives(success.body).id, body=dict(fields)
        )

    def all(self) -> list[ObjectiveSet]:
        return sweep(self._transport, "/objectives", vocabulary.objectives)

    def get(self, *, objectives_id: str) -> ObjectiveSet:
        """Raises NotFound."""
        return self._transport.request(
            "GET",
            "/objectives/{objectives_id}",
            lambda success: vocabulary.objectives(success.body, asked=objectives_id),
            objectives_id=objectives_id,
        )

    def patch(self, *, objectives_id: str, operations: Sequence[Mapping[str, Any]]) -> bool:
        """Apply RFC 6902 operations to the whole set; False where Tavus says that they change nothing (304).

        Raises NotFound, UpstreamRejected (400: an operation that does not fit).
        """
        return self._transport.request(
            "PATCH", "/objectives/{objectives_id}", _changed, body=_steps(operations), objectives_id=objectives_id
        )

    def delete(self, *, objectives_id: str) -> None:
        """Raises NotFound."""
        self._transport.request("DELETE", "/objectives/{objectives_id}", _done, objectives_id=objectives_id)


class GuardrailsApi:
    """`/guardrails`: single rules since May 2026, and the older sets of them, which stay readable."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, fields: Mapping[str, Any]) -> Guardrail:
        """Make a rule. Never repeated: a lost answer raises Ambiguous."""
        return self._transport.request("POST", "/guardrails", _guardrail, body=dict(fields))

    def all(self) -> list[Guardrail]:
        """The single rules, those of older sets among them."""
        return sweep(self._transport, "/guardrails", vocabulary.guardrail, {"legacy": "false"}, first=0)

    def sets(self) -> list[GuardrailSet]:
        """The older sets, which a persona names by `guardrails_id`."""
        return sweep(self._transport, "/guardrails", vocabulary.guardrail_set, {"legacy": "true"})

    def get(self, *, guardrail_id: str) -> Guardrail:
        """Raises NotFound."""
        return self._transport.request("GET", "/guardrails/{guardrail_id}", _guardrail, guardrail_id=guardrail_id)

    def patch(self, *, guardrail_id: str, operations: Sequence[Mapping[str, Any]]) -> bool:
        """Apply RFC 6902 operations; False where Tavus says that they change nothing (304).

        Raises NotFound, UpstreamRejected (422: a path does not exist in the rule as it is now).
        """
        return self._transport.request(
            "PATCH", "/guardrails/{guardrail_id}", _changed, body=_steps(operations), guardrail_id=guardrail_id
        )

    def delete(self, *, guardrail_id: str) -> None:
        """Delete it; Tavus takes it out of every persona's `guardrail_ids`. Raises NotFound."""
        self._transport.request("DELETE", "/guardrails/{guardrail_id}", _done, guardrail_id=guardrail_id)


class DocumentsApi:
    """`/documents`: files and web pages that are read once and then known. Reading takes minutes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, fields: Mapping[str, Any]) -> Document:
        """Have an address read; it answers at once, as `started`. Never repeated: a lost answer raises Ambiguous.

        Raises RateLimited where the account's crawls are used up (5 at once, 100 crawled documents).
        """
        return self._transport.request("POST", "/documents", _document, body=dict(fields))

    def all(self) -> list[Document]:
        return sweep(self._transport, "/documents", vocabulary.document, first=0)

    def get(self, *, document_id: str) -> Document:
        """Raises NotFound."""
        return self._transport.request("GET", "/documents/{document_id}", _document, document_id=document_id)

    def update(self, *, document_id: str, fields: Mapping[str, Any]) -> Document | None:
        """Put `document_name` or `tags` in place of what is there; None where Tavus says that nothing changed (304).

        Raises NotFound.
        """
        return self._transport.request(
            "PATCH",
            "/documents/{document_id}",
            lambda success: None if success.status == 304 else _document(success),
            body=dict(fields),
            document_id=document_id,
        )

    def recrawl(self, *, document_id: str, crawl: Mapping[str, int] | None = None) -> Document:
        """Read a web site again; `crawl` is `{depth, max_pages}` for this time only.

        Raises NotFound, UpstreamRejected (409: it is being read right now; 400: it never was crawled and no `crawl`
        is given), RateLimited (less than an hour since the last time, or too many crawls at once).
        """
        return self._transport.request(
            "POST",
            "/documents/{document_id}/recrawl",
            _document,
            body={"crawl": dict(crawl)} if crawl else None,
            document_id=document_id,
        )

    def delete(self, *, document_id: str) -> None:
        """Raises NotFound."""
        self._transport.request("DELETE", "/documents/{document_id}", _done, document_id=document_id)


def _guardrail(success: Success) -> Guardrail:
    return vocabulary.guardrail(success.body)


def _document(success: Success) -> Document:
    return vocabulary.document(success.body)


def _steps(operations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(step) for step in operations]


def _changed(success: Success) -> bool:
    return success.status != 304


def _done(success: Success) -> None:
    """200 and 204 both mean done; what the body holds differs and is not needed."""
