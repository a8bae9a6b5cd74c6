"""Changes of a persona with the names of what their ids stand for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lib.models import Replica
from lib.services.catalogue.catalogue import Listing
from lib.services.personas.diff import FieldChange
from lib.services.personas.fields import REPLICA
from lib.ui.kit.text import plain
from lib.ui.library import picker


def with_names(changes: Iterable[FieldChange], replicas: Listing[Replica] | None) -> tuple[FieldChange, ...]:
    """The changes with replicas and items of the library called by their names, where these are known."""

    def name(replica_id: str) -> str:
        found = replicas.find(replica_id) if replicas else None
        return f"{plain(found.name, 80)} ({replica_id})" if found else replica_id

    def said(change: FieldChange, text: str) -> str:
        return name(text) if change.key == REPLICA.key else picker.with_item_names(change.key, text)

    return tuple(replace(change, was=said(change, change.was), now=said(change, change.now)) for change in changes)
