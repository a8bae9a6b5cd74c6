"""JSON Patch (RFC 6902) on a persona, as `PATCH /v2/personas/{id}` takes it.

https://docs.tavus.io/api-reference/personas/patch-persona: an array of operations whose paths exist in the present
document; 422 `{"message": "Invalid JSON patch format"}` for anything else.
"""

from __future__ import annotations

from typing import Any

import jsonpatch

from lib.sandbox.vocabulary import older_layers, older_pointer
from lib.sandbox.wire import Refusal

OPS = ("add", "remove", "replace", "copy", "move", "test")


def patched(document: dict[str, Any], operations: Any) -> dict[str, Any]:
    """The document after the operations; the given one is not changed.

    Pointers may use either vocabulary. Raises `Refusal` (422) for a malformed patch, a path that does not exist and a
    `test` that fails: then none of the operations counts.
    """
    try:
        result = jsonpatch.apply_patch(document, [_translated(one) for one in operations])
    except (_Malformed, jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise _invalid() from error
    if not isinstance(result, dict):
        raise _invalid()
    return result


class _Malformed(Exception):
    pass


def _translated(operation: Any) -> dict[str, Any]:
    if not isinstance(operation, dict) or operation.get("op") not in OPS:
        raise _Malformed
    translated = dict(operation)
    for key in ("path", "from"):
        if key in translated:
            if not isinstance(translated[key], str):
                raise _Malformed
            translated[key] = older_pointer(translated[key])
    if translated.get("path") == "/layers":
        translated["value"] = older_layers(translated.get("value"))
    return translated


def _invalid() -> Refusal:
    return Refusal("Invalid JSON patch format", status=422, key="message")
