"""A persona's fields as widgets. What is typed is kept for the whole visit, also while other pages are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lib.services.personas.check import FieldProblem
from lib.services.personas.fields import FIELDS, LAYERS, FieldKind, Group, PersonaField
from lib.services.personas.form import OTHER, Value, alien, hidden, is_set, kind, older, read
from lib.services.personas.rows import get
from lib.ui.kit.text import md, plain
from lib.ui.library import picker

REMOVE = ".remove"
_SEGMENTS = 26  # characters that fit side by side in the narrow column


class PersonaForm:
    """The fields of one row under one prefix of widget keys.

    `problems` are shown below their fields. `disabled` shows the row and takes no input.
    """

    def __init__(self, row: Mapping[str, Any], prefix: str, *, disabled: bool = False) -> None:
        self.row = row
        self.prefix = prefix
        self.disabled = disabled
        self.base = read(row)
        self.problems: Mapping[str, tuple[FieldProblem, ...]] = {}
        self._alien = alien(row)
        self._older = {field.key: path[-1] for field, path in older(row)}

    def key(self, name: str) -> str:
        return self.prefix + name

    def values(self) -> dict[str, Value]:
        """What the widgets hold now, or the row where they were not drawn yet."""
        state = st.session_state
        held: dict[str, Value] = {}
        for field in FIELDS:
            value = state.get(self.key(field.key), self.base[field.key])
            if value is None and isinstance(self.base[field.key], str):
                value = ""
            if state.get(self.key(field.key + REMOVE)) and not value:
                value = None
            held[field.key] = value
        held[OTHER] = state.get(self.key(OTHER), self.base[OTHER])
        return held

    def group(self, group: Group, values: Mapping[str, Value], *, expanded: bool = False) -> None:
        """One layer. Folded, its fields are not drawn, which keeps a rerun quick; what they hold is kept."""
        filled = sum(self._filled(field, values[field.key]) for field in group.fields)
        # The words on a fold are part of what it is: a count that followed what is typed would shut it.
        first = sum(self._filled(field, self.base[field.key]) for field in group.fields)
        label = f"{group.label} :small[:gray[{first} set]]" if first else group.label
        key = self.key(f"open.{group.key}")
        layer = st.expander(label, icon=f":material/{group.icon}:", expanded=expanded, key=key, on_change="rerun")
        if not layer.open:
            return
        with layer:
            if group.unset and not filled:
                st.markdown(f":small[:gray[{group.unset}]]")
            for field in group.fields:
                if not field.deprecated or is_set(self.row, field):
                    self.draw(field)

    def mark(self, problems: Mapping[str, tuple[FieldProblem, ...]]) -> None:
        """Show these below their fields. Call it before they are drawn."""
        self.problems = problems

    def unfold(self) -> None:
        """Open the layers in which something is wrong. Call it before they are drawn."""
        for group in LAYERS:
            if any(field.key in self.problems for field in group.fields):
                st.session_state[self.key(f"open.{group.key}")] = True
        if OTHER in self.problems:
            st.session_state[self.key("open.other")] = True

    def draw(self, field: PersonaField, *, height: int = 92, placeholder: str | None = None) -> None:
        """The field's widget, with what is to be known of it and what is wrong with it below."""
        key, base = self.key(field.key), self.base[field.key]
        hint = self._hint(field) if placeholder is None else placeholder
        locked = self._locked(field)
        kept: dict[str, Any] = {"key": key, "help": field.help, "disabled": locked, "persist_state": "session"}
        if picker.handles(field) and field.key not in self._alien:
            held = str(st.session_state.get(key, base) or "")
            if picker.draw_library_picker(field, key, held, disabled=locked):
                self._notes(field)
                self.complaints(field.key)
                return
        self._begin(field)
        match kind(self.row, field):
            case FieldKind.CHOICE:
                self._choice(field, str(base), kept)
            case FieldKind.BOOL:
                st.segmented_control(_with_default(field), [True, False], format_func=_on_off, width="stretch", **kept)
            case FieldKind.NUMBER:
                st.number_input(field.label, value=None, step=0.1, placeholder=hint, **kept)
            case FieldKind.SECRET:
                st.text_input(
                    field.label, type="password", autocomplete="new-password", placeholder=self._secret(field), **kept
                )
                self._removal(field)
            case FieldKind.SECRETS:
                st.text_area(field.label, height=90, placeholder=self._secret(field), **kept)
                self._removal(field)
            case FieldKind.TEXT:
                st.text_input(field.label, placeholder=hint, **kept)
            case _:
                st.text_area(field.label, height=height, placeholder=hint, **kept)
        self._notes(field)
        self.complaints(field.key)

    def _begin(self, field: PersonaField) -> None:
        """Put the row's value where the widget reads it.

        Not as the widget's own default: a restore or a merge puts a value there too, and Streamlit warns of both.
        """
        key = self.key(field.key)
        value = st.session_state.get(key, self.base[field.key])
        match kind(self.row, field):
            case FieldKind.CHOICE:
                value = value or None
            case FieldKind.NUMBER:
                value = float(value) if isinstance(value, int | float) else None
        if key not in st.session_state or st.session_state[key] != value:
            st.session_state[key] = value

    def other(self) -> None:
        """What has no field of its own, as JSON."""
        rest = st.expander(
            "Other fields, kept as they are",
            icon=":material/data_object:",
            key=self.key("open.other"),
            on_change="rerun",
        )
        if not rest.open:
            return
        with rest:
            st.session_state.setdefault(self.key(OTHER), self.base[OTHER])
            st.text_area(
                "Other fields",
                height=160,
                key=self.key(OTHER),
                help="What has no field above, as JSON. Untouched, it is kept as it is. Secrets in it are not shown.",
                placeholder="None",
                label_visibility="collapsed",
                disabled=self.disabled,
                persist_state="session",
            )
            self.complaints(OTHER)

    def complaints(self, key: str) -> None:
        for problem in self.problems.get(key, ()):
            st.markdown(f":small[:red[:material/error: {md(problem.message)}]]")

    def _choice(self, field: PersonaField, base: str, common: dict[str, Any]) -> None:
        options = [*field.choices, *([base] if base and base not in field.choices else [])]
        words = [field.say(option) for option in options]
        if not field.free and len(options) <= 4 and sum(map(len, words)) <= _SEGMENTS:
            st.segmented_control(
                _with_default(field),
                options,
                format_func=lambda o: md(field.say(o), 40),
                width="stretch",
                **common,
            )
            return
        st.selectbox(
            field.label,
            options,
            index=None,
            format_func=lambda option: plain(field.say(option), 80),
            placeholder=self._hint(field),
            accept_new_options=field.free,
            **common,
        )

    def _hint(self, field: PersonaField) -> str:
        if field.key in self._alien:
            return "Kept as it is: see Other fields"
        if field.kind is FieldKind.CHOICE:
            return f"Default: {field.say(field.default)}"
        return field.default[:1].upper() + field.default[1:]

    def _secret(self, field: PersonaField) -> str:
        if not is_set(self.row, field):
            return "Not set"
        stored = get(self.row, field.path)
        names = f" ({', '.join(map(plain, stored))})" if isinstance(stored, Mapping) else ""
        return f"Set{names}. Type to replace it."

    def _filled(self, field: PersonaField, value: Value) -> bool:
        """True where Tavus would hold something after a save; a secret that is kept shows no value."""
        stays = kind(self.row, field) in (FieldKind.SECRET, FieldKind.SECRETS) or field.key in self._alien
        return value not in ("", None) or (stays and value is not None and is_set(self.row, field))

    def _notes(self, field: PersonaField) -> None:
        """What a person should know of this value before they change it."""
        if field.key in self._older:
            name = md(self._older[field.key])
            _quiet(f":material/history: Stored under the older name {name}; Save moves it to the name of today.")
        if field.deprecated:
            _quiet(f":material/history: {field.deprecated}")
        secrets = hidden(self.row, field)
        if secrets:
            verb = "is" if len(secrets) == 1 else "are"
            _quiet(f":material/lock: {md(', '.join(secrets))} {verb} set, kept and never shown.")

    def _removal(self, field: PersonaField) -> None:
        if is_set(self.row, field):
            st.checkbox(
                "Remove what is stored",
                key=self.key(field.key + REMOVE),
                disabled=self._locked(field),
                persist_state="session",
            )

    def _locked(self, field: PersonaField) -> bool:
        return self.disabled or field.key in self._alien


def _quiet(text: str) -> None:
    st.markdown(f":small[:gray[{text}]]")


def _with_default(field: PersonaField) -> str:
    """The label of a widget that has no room to say what applies while nothing is chosen.

    Without Markdown: the help beside it is named by these words as they stand.
    """
    return f"{field.label} · default: {field.say(field.default)}"


def _on_off(value: object) -> str:
    return "On" if value else "Off"
