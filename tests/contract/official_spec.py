"""Tavus's own OpenAPI document, cut to the paths that the sandbox serves, with the overlay laid over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SPEC = Path(__file__).resolve().parents[3] / "shared" / "facts" / "tavus-openapi.yaml"
OVERLAY = Path(__file__).with_name("overlay.yaml")
PATHS = (
    "/v2/personas", "/v2/replicas", "/v2/conversations", "/v2/objectives", "/v2/guardrails", "/v2/documents",
    "/v2/pronunciation-dictionaries", "/v2/voices",
)  # fmt: skip


def cut() -> dict[str, Any]:
    """Those paths as they are documented."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    spec: dict[str, Any] = yaml.load(SPEC.read_text("utf-8"), loader)
    spec["paths"] = {path: item for path, item in spec["paths"].items() if path.startswith(PATHS)}
    return spec


def load() -> dict[str, Any]:
    """Those paths with the overlay."""
    spec = cut()
    for entry in yaml.safe_load(OVERLAY.read_text("utf-8")):
        assert entry["why"], f"{entry['at']} needs a reason"
        place = _find(spec, entry["at"].split())
        _merge(place, entry.get("merge", {}))
        for key in entry.get("remove", []):
            del place[key]
    return spec


def _find(spec: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    place: Any = spec
    for part in parts:
        place = place[part]
    assert isinstance(place, dict)
    return place


def _merge(place: dict[str, Any], laid_over: dict[str, Any]) -> None:
    for key, value in laid_over.items():
        if isinstance(value, dict) and isinstance(place.get(key), dict):
            _merge(place[key], value)
        else:
            place[key] = value
