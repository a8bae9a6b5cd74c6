"""JSON Patch (RFC 6902), as personas, objectives and guardrails take it.

https://docs.tavus.io/api-reference/personas/patch-persona: an array of operations whose paths exist in the present
document; 422 `{"message": "Invalid JSON patch format"}` for anything else.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import jsonpatch

from lib.sandbox.state import Row
from lib.sandbox.wire.responses import Refusal, check_depth

OPS = ("add", "remove", "replace", "copy", "move", "test")
MAX_COPIED = 1_000_000
"""Characters of JSON that one patch may copy: copies of copies would grow without an end."""


def patched(document: Row, operations: Any, translated: Callable[[Row], Row] = dict) -> Row:
    """The document after the operations; the given one is not changed.

    `translated` gives an operation in the document's own spelling. Raises `Refusal` (422) for a malformed patch, a
    path that does not exist and a `test` that fails: then none of the operations counts.
    """
    result, copied = copy.deepcopy(document), 0
    try:
        for operation in map(translated, _well_formed(operations)):
            if operation["op"] == "copy":
                source = jsonpatch.JsonPointer(operation.get("from", "")).resolve(result)
                copied += len(json.dumps(source))
            if copied > MAX_COPIED:
                raise _invalid()
            result = jsonpatch.apply_patch(result, [operation], in_place=True)
        check_depth(result)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, ValueError) as error:
        raise _invalid() from error
    if not isinstance(result, dict):
        raise _invalid()
    return result


def _well_formed(operations: Any) -> list[Row]:
    if not isinstance(operations, list):
        raise _invalid()
    for one in operations:
        if not isinstance(one, dict) or one.get("op") not in OPS:
            raise _invalid()
        if not all(isinstance(one[key], str) for key in ("path", "from") if key in one):
            raise _invalid()
    return operations


def _invalid() -> Refusal:
    return Refusal("Invalid JSON patch format", status=422, key="message")
