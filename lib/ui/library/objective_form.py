"""A set of objectives as widgets: each step folds away, and names the steps that it leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from lib.services.library import objectives
from lib.services.library.objectives import Chain, ChainProblem, ObjectiveStep
from lib.ui.kit.editing import Draft
from lib.ui.kit.text import html, md, plain

END, ONE, DEPENDS = "It ends here", "One next step", "It depends"
FEW_TO_OPEN = 1


@dataclass
class _Branch:
    """A way on: `to` is the uid of a step, or "=name" for one that is not in the set."""

    uid: str
    to: str
    why: str


@dataclass
class _Held:
    """A step as the form keeps it between runs, before its widgets say otherwise."""

    uid: str
    step: ObjectiveStep
    next: str = ""
    branches: list[_Branch] = field(default_factory=list)


class ObjectiveForm:
    """The steps of one set. Steps point to each other by uid, so a new name needs no change elsewhere."""

    def __init__(self, draft: Draft) -> None:
        self.prefix = draft["prefix"]
        self.base = objectives.read(draft["raw"])
        self.whole = objectives.is_whole(draft["raw"]) or not draft["raw"]
        self.problems: Sequence[ChainProblem] = ()
        start = draft.get("start")
        self.start = start if isinstance(start, Chain) else self.base
        if self.prefix + "steps" not in st.session_state:
            st.session_state[self.prefix + "steps"] = self._held(self.start.steps)
            st.session_state[self.prefix + "made"] = len(self.start.steps)

    # what it holds

    def key(self, name: str) -> str:
        return self.prefix + name

    def value(self) -> Chain:
        """What the widgets hold now."""
        names = {held.uid: str(self._now(held, "name")) for held in self._steps()}
        state = st.session_state
        return Chain(
            name=str(state.get(self.key("name"), self.start.name) or ""),
            loops=bool(state.get(self.key("loops"), self.start.loops)),
            steps=tuple(self._step(held, names) for held in self._steps()),
        )

    @property
    def touched(self) -> bool:
        """True once something was typed that it did not begin with."""
        now, first = self.value(), self.start
        plain = [replace(step, origin=None) for step in now.steps], [replace(step, origin=None) for step in first.steps]
        return (now.name, now.loops) != (first.name, first.loops) or plain[0] != plain[1]

    def edits(self) -> list[str]:
        """What differs from the row, as a few words each."""
        return list(dict.fromkeys(change.label for change in objectives.between(self.base, self.value())))

    # drawing

    def draw(self) -> None:
        """The set, then its steps, each in a fold."""
        self._draw_set()
        if not self.whole:
            st.markdown(
                ":small[:orange[:material/warning: Tavus shows only one objective of this set, so steps can’t be "
                "added or moved here.]]"
            )
        st.header("Steps", anchor=False)
        self._draw_steps()

    def _draw_set(self) -> None:
        st.text_input(
            "Name of the set",
            self.start.name,
            placeholder="For example: First talk with a visitor",
            help=objectives.help_of("set"),
            disabled=not self.whole,
            **self._kept("name"),
        )
        self._complaint(None, "name")
        st.toggle(
            "May lead back",
            self.start.loops,
            help=objectives.help_of("loops"),
            disabled=not self.whole,
            **self._kept("loops"),
        )

    def _draw_steps(self) -> None:
        steps = self._steps()
        names = {held.uid: str(self._now(held, "name")) for held in steps}
        for index, held in enumerate(steps):
            if not self._is_open(held):
                self._call(held)
            fold = st.expander(
                md(plain(st.session_state.get(self.key(f"{held.uid}.title"), held.step.name), 60)) or "New step",
                expanded=len(self.start.steps) <= FEW_TO_OPEN,
                key=self.key(f"{held.uid}.open"),
                on_change="rerun",
            )
            if fold.open:
                with fold:
                    self._draw_step(held, index, names)
        self._complaint(None, "")
        if self.whole and len(steps) < objectives.MOST_STEPS:
            st.button("Add a step", icon=":material/add:", key=self.key("add"), on_click=self._add)

    def mark(self, problems: Sequence[ChainProblem]) -> None:
        """Show these below their fields. Call it before they are drawn."""
        self.problems = problems

    def unfold(self) -> None:
        """Open the steps in which something is wrong. Call it before they are drawn."""
        for held in self._steps():
            self._call(held)
        for problem in self.problems:
            if problem.step is not None:
                st.session_state[self.key(f"{self._steps()[problem.step].uid}.open")] = True

    def _is_open(self, held: _Held) -> bool:
        return bool(st.session_state.get(self.key(f"{held.uid}.open"), len(self.start.steps) <= FEW_TO_OPEN))

    def _call(self, held: _Held) -> None:
        """Let its fold have the name of the step.

        The words on a fold are part of what it is: it is another one with others. So not while the name is typed in it.
        """
        if st.session_state.get(self.key(f"{held.uid}.title"), held.step.name) != (name := self._now(held, "name")):
            is_open = self._is_open(held)
            st.session_state[self.key(f"{held.uid}.title")] = name
            st.session_state[self.key(f"{held.uid}.open")] = is_open

    def _draw_step(self, held: _Held, index: int, names: dict[str, str]) -> None:
        step = held.step
        st.text_input(
            "Name",
            step.name,
            placeholder="For example: ask_budget",
            help=objectives.help_of("name"),
            **self._kept(f"{held.uid}.name"),
        )
        name = str(self._now(held, "name"))
        if (index, "name") in {(problem.step, problem.key) for problem in self.problems}:
            self._complaint(index, "name")
        elif name != step.name and (wrong := objectives.name_problem(name)):
            _wrong(wrong)
        st.text_area(
            "What to reach",
            step.prompt,
            height=92,
            placeholder="For example: Find out what the caller can spend this year.",
            help=objectives.help_of("prompt"),
            **self._kept(f"{held.uid}.prompt"),
        )
        self._complaint(index, "prompt")
        self._draw_next(held, index, names)
        self._draw_more(held, index)
        if self.whole:
            self._draw_moves(held, index)

    def _draw_next(self, held: _Held, index: int, names: dict[str, str]) -> None:
        others = [uid for uid in names if uid != held.uid]
        # Not as the widgets' own defaults: what is added or removed changes both, and Streamlit warns of two values.
        st.session_state.setdefault(self.key(f"{held.uid}.then"), self._then(held))
        chosen = st.segmented_control(
            "Then",
            (END, ONE, DEPENDS),
            required=True,
            help=objectives.help_of("then"),
            **self._kept(f"{held.uid}.then"),
        )
        if chosen == ONE:
            self._target("Next step", held.next, others, names, f"{held.uid}.next")
            self._complaint(index, "next")
        elif chosen == DEPENDS:
            branches = self._branches(held)
            for branch in branches:
                way = f"way-{self.key(branch.uid)}"
                with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key=way):
                    with st.container(width=200):
                        self._target("To", branch.to, others, names, f"{branch.uid}.to")
                    st.text_input(
                        "If",
                        branch.why,
                        placeholder="For example: they have a budget",
                        **self._kept(f"{branch.uid}.why"),
                    )
                    st.button(
                        "",
                        icon=":material/close:",
                        help="Take this way out",
                        type="tertiary",
                        key=self.key(f"{branch.uid}.drop"),
                        on_click=self._drop_branch,
                        args=(held, branch.uid),
                    )
            st.button(
                "Add a way",
                icon=":material/add:",
                type="tertiary",
                key=self.key(f"{held.uid}.way"),
                on_click=self._add_branch,
                args=(held,),
            )
            self._complaint(index, "branches")

    def _target(self, label: str, first: str, others: list[str], names: dict[str, str], name: str) -> None:
        options = [*others, *([first] if first and first not in others else [])]
        st.session_state.setdefault(self.key(name), first or None)
        st.selectbox(
            label,
            options,
            index=None,
            format_func=lambda uid: plain(names.get(uid, uid.removeprefix("=")) or "a step without a name", 60),
            placeholder="Choose a step",
            **self._kept(name),
        )

    def _draw_more(self, held: _Held, index: int) -> None:
        step = held.step
        st.multiselect(
            "To note down",
            list(dict.fromkeys([*step.variables, *self._now(held, "variables")])),
            default=list(step.variables),
            accept_new_options=True,
            format_func=lambda word: plain(word, 60),
            placeholder="Type a word, such as budget",
            help=objectives.help_of("variables"),
            **self._kept(f"{held.uid}.variables"),
        )
        self._complaint(index, "variables")
        left, right = st.columns(2)
        with left:
            self._choice(held, "confirmation", objectives.CONFIRMATIONS)
        with right:
            self._choice(held, "modality", objectives.MODALITIES)
        st.text_input(
            objectives.LABELS["callback_url"],
            step.callback_url,
            placeholder="https://…",
            help=objectives.help_of("callback_url"),
            **self._kept(f"{held.uid}.callback_url"),
        )
        self._complaint(index, "callback_url")

    def _choice(self, held: _Held, name: str, words: dict[str, str]) -> None:
        first = getattr(held.step, name)
        # `audio` can't be chosen, but stays where it is set.
        options = [word for word in words if word != "audio" or first == "audio"]
        options += [first] if first not in options else []
        st.selectbox(
            objectives.LABELS[name],
            options,
            index=options.index(first),
            format_func=lambda word: plain(words.get(word, word), 40),
            help=objectives.help_of(name),
            **self._kept(f"{held.uid}.{name}"),
        )

    def _draw_moves(self, held: _Held, index: int) -> None:
        steps = self._steps()
        with st.container(horizontal=True, gap="xsmall"):
            for label, icon, by in (("Earlier", "arrow_upward", -1), ("Later", "arrow_downward", 1)):
                st.button(
                    label,
                    icon=f":material/{icon}:",
                    type="tertiary",
                    key=self.key(f"{held.uid}.move{by}"),
                    disabled=not 0 <= index + by < len(steps),
                    on_click=self._move,
                    args=(index, by),
                )
            st.button(
                "Remove step",
                icon=":material/delete:",
                type="tertiary",
                key=self.key(f"{held.uid}.remove"),
                on_click=self._remove,
                args=(held.uid,),
            )

    # acts on the list of steps

    def _add(self) -> None:
        made = st.session_state[self.key("made")] = st.session_state[self.key("made")] + 1
        held = _Held(f"s{made}", ObjectiveStep())
        steps = self._steps()
        # A chain is written from its beginning to its end: what had no way on leads to what is added.
        if steps and self._then(steps[-1]) == END:
            st.session_state[self.key(f"{steps[-1].uid}.then")] = ONE
            st.session_state[self.key(f"{steps[-1].uid}.next")] = held.uid
        steps.append(held)
        for other in steps:
            st.session_state[self.key(f"{other.uid}.open")] = other is held

    def _remove(self, uid: str) -> None:
        steps = self._steps()
        steps[:] = [held for held in steps if held.uid != uid]
        for held in steps:
            if self._then(held) == ONE and self._now(held, "next") == uid:
                st.session_state[self.key(f"{held.uid}.then")] = END
                st.session_state[self.key(f"{held.uid}.next")] = None
            branches = self._branches(held)
            branches[:] = [b for b in branches if st.session_state.get(self.key(f"{b.uid}.to"), b.to) != uid]

    def _move(self, index: int, by: int) -> None:
        steps = self._steps()
        steps[index], steps[index + by] = steps[index + by], steps[index]

    def _add_branch(self, held: _Held) -> None:
        made = st.session_state[self.key("made")] = st.session_state[self.key("made")] + 1
        self._branches(held).append(_Branch(f"{held.uid}.b{made}", "", ""))

    def _drop_branch(self, held: _Held, uid: str) -> None:
        branches = self._branches(held)
        branches[:] = [branch for branch in branches if branch.uid != uid]

    # reading what is held

    def _held(self, steps: Sequence[ObjectiveStep]) -> list[_Held]:
        uids = {step.name: f"s{index}" for index, step in reversed(list(enumerate(steps)))}
        found = []
        for index, step in enumerate(steps):
            branches = [
                _Branch(f"s{index}.b{number}", uids.get(name, f"={name}"), why)
                for number, (name, why) in enumerate(step.branches)
            ]
            following = uids.get(step.next, f"={step.next}") if step.next else ""
            found.append(_Held(f"s{index}", step, following, branches))
        return found

    def _steps(self) -> list[_Held]:
        steps: list[_Held] = st.session_state[self.key("steps")]
        return steps

    def _branches(self, held: _Held) -> list[_Branch]:
        return held.branches

    def _now(self, held: _Held, name: str) -> Any:
        first = held.next if name == "next" else getattr(held.step, name)
        value = st.session_state.get(self.key(f"{held.uid}.{name}"), first)
        return first if value is None and name not in ("next",) else value or ("" if name == "next" else value)

    def _then(self, held: _Held) -> str:
        first = DEPENDS if held.branches else ONE if held.next else END
        return str(st.session_state.get(self.key(f"{held.uid}.then"), first))

    def _step(self, held: _Held, names: dict[str, str]) -> ObjectiveStep:
        def name_of(uid: str | None) -> str:
            return names.get(uid or "", (uid or "").removeprefix("="))

        then, state = self._then(held), st.session_state
        ways = [
            (
                name_of(state.get(self.key(f"{branch.uid}.to"), branch.to)),
                str(state.get(self.key(f"{branch.uid}.why"), branch.why) or ""),
            )
            for branch in held.branches
        ]
        return ObjectiveStep(
            name=str(self._now(held, "name")).strip(),
            prompt=str(self._now(held, "prompt")),
            confirmation=str(self._now(held, "confirmation")),
            modality=str(self._now(held, "modality")),
            variables=tuple(self._now(held, "variables")),
            next=name_of(self._now(held, "next")) if then == ONE else "",
            branches=tuple(ways) if then == DEPENDS else (),
            callback_url=str(self._now(held, "callback_url")),
            origin=held.step.origin,
        )

    def _kept(self, name: str) -> dict[str, Any]:
        return {"key": self.key(name), "persist_state": "session"}

    def _complaint(self, step: int | None, key: str) -> None:
        for problem in self.problems:
            if (problem.step, problem.key) == (step, key):
                _wrong(problem.message)


def _wrong(message: str) -> None:
    st.markdown(f":small[:red[:material/error: {md(message)}]]")


def overview(chain: Chain) -> str:
    """The steps and where each leads, as HTML for one element."""
    rows = []
    for number, step in enumerate(chain.steps, 1):
        ways = [f"<span>→ {html(plain(name, 60))}: {html(plain(why, 120))}</span>" for name, why in step.branches]
        if step.next:
            ways = [f"<span>→ {html(plain(step.next, 60))}</span>"]
        name = html(plain(step.name, 60) or "a step without a name")
        rows.append(
            f'<div role="listitem"><b dir="auto">{number}. {name}</b>{"".join(ways) or "<span>The end</span>"}</div>'
        )
    return f'<div class="gr-steps" role="list">{"".join(rows)}</div>'
