"""The list of fields: each explained, none of Tavus's left out, none of its choices missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from tavus_mcp.sdk.schemas.pal import PalCreate

from lib.services.personas.fields import BY_KEY, FIELDS, LAYERS, title
from tests.contract import official_spec

NAMES = {".".join(path): field for field in FIELDS for path in field.names}

PORTAL_ONLY = {
    *("layers.llm.disable_vision", "layers.llm.enable_llm_proxy", "layers.llm.model_name"),
    *("layers.llm.is_custom", "layers.llm.endpoint", "layers.tts.playht_user_id"),
}
"""Written by Tavus's own portal or gone with PlayHT, explained nowhere: they travel with the other fields."""


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.key)
def test_a_field_is_explained_in_one_sentence_with_its_default_and_a_link_to_tavus(field: Any) -> None:
    assert re.fullmatch(r"[A-Z][^.!?]*(?:\.\d[^.!?]*)*\.", field.text)
    default = field.needed or f"Empty: {field.say(field.default)}."
    assert bool(field.needed) != bool(field.default)
    assert field.help.startswith(f"{field.text} {default} [Tavus's page](https://docs.tavus.io/")


def test_every_field_has_a_name_of_its_own_and_the_layers_stand_in_tavuss_order() -> None:
    assert len({field.key for field in FIELDS}) == len(FIELDS)
    assert len({title(field) for field in FIELDS}) == len(FIELDS)
    assert len(NAMES) == sum(len(field.names) for field in FIELDS)
    order = ("perception", "stt", "conversational_flow", "llm", "tts", "transport")
    assert tuple(group.key for group in LAYERS)[:6] == order


def documented(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each field of the request's body with its part of the schema; objects of free form count as one field."""
    for name, part in schema["properties"].items():
        here = f"{path}.{name}" if path else name
        if part.get("type") == "object" and "properties" in part:
            yield from documented(part, here)
        else:
            yield here, part


def test_every_documented_field_and_choice_has_its_place_in_the_form() -> None:
    if not official_spec.SPEC.exists():
        pytest.skip(f"the official spec is not here: {official_spec.SPEC.name}")
    body = official_spec.load()["paths"]["/v2/personas"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    fields = dict(documented(body))
    assert len(fields) > 35
    for path, part in fields.items():
        assert any(key == path or key.startswith(path + ".") for key in NAMES), path
        if "enum" in part:
            assert set(part["enum"]) <= set(BY_KEY[path].choices), path
        if "maxItems" in part:
            assert part["maxItems"] == BY_KEY[path].limit, path


def test_every_field_of_tavuss_own_command_line_has_its_place_in_the_form() -> None:
    found = set(_of_model(PalCreate)) - PORTAL_ONLY
    assert len(found) > 60
    missing = {path for path in found if not any(key == path or key.startswith(path + ".") for key in NAMES)}
    inside = {path for path in missing if any(path.startswith(f"layers.{name}.") for name in JSON_LAYERS)}
    assert missing - inside == set()


JSON_LAYERS = ("sts", "capabilities", "knowledge_base", "conferencing")
"""Layers that are one JSON field, so that what they hold needs none of its own."""


def _of_model(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        here = f"{path}.{name}" if path else name
        inner = [part for part in get_args(info.annotation) if isinstance(part, type) and get_origin(part) is None]
        models = [part for part in inner if issubclass(part, BaseModel)]
        if models:
            yield from _of_model(models[0], here)
        else:
            yield here
