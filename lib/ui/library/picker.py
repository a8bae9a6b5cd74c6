"""Choose objectives, guardrails and documents of a persona by name. What is chosen is kept as the form keeps ids.

A field of the form holds ids or tags as text, one a line. Where the names can't be read, the form's own field for that
text is drawn instead.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from lib.errors import GreenroomError
from lib.models import Document
from lib.services.library.attaching import Item
from lib.services.library.using import MANY, ONE, TAGGED, LibraryKind
from lib.services.personas.field import PersonaField
from lib.ui.kit import context, feedback
from lib.ui.kit.text import md, plain
from lib.ui.library import document_state
from lib.ui.library.kinds import item_name, tags_known

_KINDS = {field: kind for table in (ONE, MANY, TAGGED) for kind, field in table.items()}
_TAGS = frozenset(TAGGED.values())
_SINGLE = frozenset(ONE.values())


def handles(field: PersonaField) -> bool:
    """True for a field of a persona that names items of the library."""
    return field.key in _KINDS


def draw_library_picker(field: PersonaField, target: str, held: str, *, disabled: bool = False) -> bool:
    """The picker of this field. `held` is what the form holds now, `target` the key of the session's state to put it.

    False where the names can't be read: why is said, and nothing to choose from is drawn.
    """
    kind = _KINDS[field.key]
    try:
        items = _items(kind)
    except GreenroomError as error:
        told = f"{feedback.sentence(error.message)} So no names here: ids, one a line."
        st.markdown(f":small[:orange[:material/warning: {md(told)}]]")
        return False
    chosen = list(dict.fromkeys(line.strip() for line in held.split("\n") if line.strip()))
    names = {} if field.key in _TAGS else {item.id: _name(item) for item in items}
    known = tags_known(items) if field.key in _TAGS else list(names)
    common: dict[str, Any] = {
        "label": field.label,
        "options": [*known, *(one for one in chosen if one not in known)],
        "format_func": lambda one: names.get(one) or plain(one if field.key in _TAGS else f"{one}, not found", 80),
        "key": f"{target}.pick",
        "help": field.help,
        "disabled": disabled,
        "on_change": _keep,
        "args": (target,),
    }
    # Also where the form began anew, or where the text was edited elsewhere: the picker shows what the form holds.
    st.session_state[f"{target}.pick"] = (chosen[0] if chosen else None) if field.key in _SINGLE else chosen
    if field.key in _SINGLE:
        st.selectbox(placeholder="None: type to search", **common)
    else:
        tags = field.key in _TAGS
        hint = "None: choose, or type a tag" if tags else "None: type to search"
        st.multiselect(accept_new_options=tags, placeholder=hint, **common)
    return True


def with_item_names(key: str, text: str) -> str:
    """`text` of the persona's field `key` with the names of the items that it names by id, as far as they are known."""
    if key not in _KINDS or key in _TAGS:
        return text
    library, kind = context.services().library, _KINDS[key]
    if kind is LibraryKind.SETS:
        sets = library.guardrails.set_shelf.peek()
        found = {item.id: item_name(item) for item in sets.items} if sets is not None else {}
    else:
        known = (library.of(kind).known(line) for line in text.split("\n"))
        found = {item.id: item_name(item) for item in known if item is not None}
    return "\n".join(f"{found[line]} ({line})" if line in found else line for line in text.split("\n"))


def _keep(target: str) -> None:
    value = st.session_state[f"{target}.pick"]
    st.session_state[target] = "\n".join(value) if isinstance(value, list) else str(value or "")


def _items(kind: LibraryKind) -> Any:
    library, age = context.services().library, context.freshness()
    return (
        library.guardrails.sets(max_age_s=age) if kind is LibraryKind.SETS else library.of(kind).all(max_age_s=age)
    ).items


def _name(item: Item) -> str:
    """The name, with the state of a document that can't be used yet."""
    if isinstance(item, Document) and item.status != "ready":
        return f"{item_name(item)} ({document_state.word(item).lower()})"
    return item_name(item)
