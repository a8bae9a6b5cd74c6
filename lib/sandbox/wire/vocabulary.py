"""Tavus's two vocabularies: persona and replica, since June 2026 also PAL and Face.

Both name the same things and both stay accepted (https://docs.tavus.io/sections/conversational-video-interface/pal/what-is-a-pal).
The sandbox keeps the older spelling inside, takes either and answers with both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NEWER = {
    "persona_id": "pal_id",
    "persona_name": "pal_name",
    "persona_type": "pal_type",
    "replica_id": "face_id",
    "replica_name": "face_name",
    "replica_type": "face_type",
    "replica_ids": "face_ids",
    "default_replica_id": "default_face_id",
}
OLDER = {newer: older for older, newer in NEWER.items()}

FLOW = "conversational_flow"
OLDER_FLOW_KEY, NEWER_FLOW_KEY = "replica_interruptibility", "face_interruptibility"


def older(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body in the older spelling. Where both spellings are given, the older one counts unless it is null."""
    result: dict[str, Any] = {}
    for key, value in body.items():
        name = OLDER.get(key, key)
        if name in result and (key != name or value is None):
            continue
        result[name] = value
    for key, value in body.items():
        if key in OLDER and value is not None and result.get(OLDER[key]) is None:
            result[OLDER[key]] = value
    return result


def both(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with each renamed field under its two names."""
    return {**row, **{NEWER[key]: value for key, value in row.items() if key in NEWER}}


def older_layers(layers: Any) -> Any:
    return _flow_renamed(layers, NEWER_FLOW_KEY, OLDER_FLOW_KEY)


def newer_layers(layers: Any) -> Any:
    return _flow_renamed(layers, OLDER_FLOW_KEY, NEWER_FLOW_KEY)


def older_pointer(pointer: str) -> str:
    """A JSON Pointer into a persona, in the older spelling."""
    parts = pointer.split("/")
    if len(parts) > 1:
        parts[1] = OLDER.get(parts[1], parts[1])
    if parts[1:] == ["layers", FLOW, NEWER_FLOW_KEY]:
        parts[3] = OLDER_FLOW_KEY
    return "/".join(parts)


def older_operation(operation: Mapping[str, Any]) -> dict[str, Any]:
    """An operation of a JSON Patch on a persona, in the older spelling."""
    told = {key: older_pointer(value) if key in ("path", "from") else value for key, value in operation.items()}
    if told.get("path") == "/layers":
        told["value"] = older_layers(told.get("value"))
    return told


def _flow_renamed(layers: Any, old: str, new: str) -> Any:
    flow = layers.get(FLOW) if isinstance(layers, dict) else None
    if not isinstance(flow, dict) or old not in flow:
        return layers
    renamed = {key: value for key, value in flow.items() if key != old}
    renamed.setdefault(new, flow[old])
    return {**layers, FLOW: renamed}
