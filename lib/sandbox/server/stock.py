"""What a new account finds, written into its empty state."""

from __future__ import annotations

from lib.sandbox.library import stock as library
from lib.sandbox.personas import stock as people
from lib.sandbox.state import SandboxState


def fill(state: SandboxState, *, stock: bool = True) -> None:
    """Write the stock rows into an empty state; without `stock`, only that it was begun."""
    state.put("meta", "begun", {})
    if not stock:
        return
    for kind, id_field, rows in (
        ("replica", "replica_id", people.replicas()),
        ("persona", "persona_id", people.personas()),
        ("objectives", "objectives_id", library.objectives()),
        ("guardrail", "uuid", library.guardrails()),
        ("guardrail_set", "guardrails_id", library.guardrail_sets()),
        ("document", "document_id", library.documents()),
    ):
        for row in rows:
            state.put(kind, row[id_field], row)
