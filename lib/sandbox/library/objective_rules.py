"""What a set of objectives may look like (https://docs.tavus.io/api-reference/objectives/create-objectives).

Lengths and counts are those of the official command line; the spec names only that names have no spaces.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lib.sandbox.state import Row
from lib.sandbox.wire import fields
from lib.sandbox.wire.responses import Refusal

MAX_NAME, MAX_PROMPT, MAX_ITEMS, MAX_VARIABLES = 100, 10_000, 50, 50
DEFAULTS: Row = {"confirmation_mode": "auto", "output_variables": [], "modality": "verbal", "callback_url": ""}
NEXT, BRANCHES = "next_required_objective", "next_conditional_objectives"


def checked(row: Row) -> Row:
    """The set with the defaults of its objectives. Raises `Refusal` (400) with the first thing that is wrong."""
    fields.texts(row, ("name",), most=MAX_NAME)
    fields.switches(row, ("allow_loops",))
    items = row.get("data")
    if not isinstance(items, list) or not items:
        raise Refusal("data must be a list of at least one objective.")
    if len(items) > MAX_ITEMS:
        raise Refusal(f"data may hold at most {MAX_ITEMS} objectives.")
    items = [_item(item) for item in items]
    _check_names(items)
    if not row.get("allow_loops") and _loops(items):
        raise Refusal("The objectives lead back to themselves; that needs allow_loops.")
    return {**row, "data": items}


def check_root(items: list[Row]) -> None:
    """Exactly one objective is where a conversation begins: no other leads to it."""
    led_to = {name for item in items for name in _next(item)}
    roots = [item["objective_name"] for item in items if item["objective_name"] not in led_to]
    if len(roots) != 1:
        raise Refusal(f"There must be one first objective, and there are {len(roots)}: {', '.join(roots) or 'none'}.")


def _item(given: Any) -> Row:
    if not isinstance(given, dict):
        raise Refusal("Each of data must be an object.")
    item = fields.filled(given, DEFAULTS)
    fields.plain_name(item, "objective_name")
    fields.needed(item, "objective_prompt", most=MAX_PROMPT)
    fields.choice(item, "confirmation_mode", ("auto", "manual"))
    fields.choice(item, "modality", fields.MODALITIES)
    fields.text_list(item, "output_variables", most=MAX_VARIABLES)
    fields.texts(item, ("callback_url",), most=fields.MAX_URL)
    fields.texts(item, (NEXT,))
    fields.objects(item, (BRANCHES, "tool_call"))
    if not all(isinstance(condition, str) for condition in (item.get(BRANCHES) or {}).values()):
        raise Refusal(f"{BRANCHES} must name a condition for each objective.")
    if item.get(NEXT) and item.get(BRANCHES):
        raise Refusal(f"An objective has either {NEXT} or {BRANCHES}, not both.")
    return item


def _check_names(items: list[Row]) -> None:
    names = [item["objective_name"] for item in items]
    for name in names:
        if names.count(name) > 1:
            raise Refusal(f"Two objectives are named {name}.")
    for item in items:
        for name in _next(item):
            if name not in names:
                raise Refusal(f"{item['objective_name']} leads to {name}, which is not in data.")
            if name == item["objective_name"]:
                raise Refusal(f"{name} leads to itself.")


def _next(item: Row) -> Iterable[str]:
    return [item[NEXT]] if item.get(NEXT) else (item.get(BRANCHES) or {})


def _loops(items: list[Row]) -> bool:
    """True if the steps can't all be put in an order in which each leads only to later ones."""
    left = {item["objective_name"]: set(_next(item)) for item in items}
    while done := [name for name, after in left.items() if not after]:
        for name in done:
            del left[name]
        for after in left.values():
            after.difference_update(done)
    return bool(left)
