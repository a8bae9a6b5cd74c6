"""A set of objectives as a form: steps that lead to one another, and what is wrong with them. Pure.

https://docs.tavus.io/api-reference/objectives/create-objectives and the checks of Tavus's own command line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace

from lib.models import JsonObject, ObjectiveSet, objects, texts
from lib.services.library.forms import LibraryChange, address_problem, said

NAME_LIMIT, PROMPT_LIMIT, MOST_STEPS, MOST_VARIABLES = 100, 10_000, 50, 50
CONFIRMATIONS = {"auto": "The persona judges", "manual": "The caller confirms"}
MODALITIES = {"verbal": "By what is said", "visual": "By what is seen", "audio": "By how it sounds"}
"""The wire's words; `audio` is newer than the documents and only kept where it is set."""

DOC = "https://docs.tavus.io/api-reference/objectives/create-objectives"
HELP = {
    "set": "What the set is called here; a caller never sees it. Empty: the name of its first step.",
    "loops": "Lets a step lead to an earlier one, as in a round of questions. Default: off.",
    "name": "Letters, digits and underscores, no spaces: steps are told apart by it, also in callbacks.",
    "prompt": "The goal itself: what the persona has to get done before it goes on, up to 10,000 characters.",
    "then": "What follows once this is reached. Default: it ends here.",
    "variables": "Facts that are kept from what was said, each under a name of yours. Empty: none.",
    "confirmation": "Who has the last word: the persona, or the caller with a yes. Default: the persona judges.",
    "modality": "Where the persona looks for it: in the caller's words or picture. Default: by what is said.",
    "callback_url": "An address of yours that is told when this is reached. Empty: nobody is told.",
}
"""What each field is for, in one sentence, and what applies while it is empty."""

LABELS = {
    "name": "Name",
    "prompt": "What to reach",
    "confirmation": "Who says that it is done",
    "modality": "Reached",
    "variables": "To note down",
    "next": "Then",
    "branches": "Then, depending",
    "callback_url": "Callback",
}
_KEYS = {
    "name": "objective_name",
    "prompt": "objective_prompt",
    "confirmation": "confirmation_mode",
    "modality": "modality",
    "variables": "output_variables",
    "next": "next_required_objective",
    "branches": "next_conditional_objectives",
    "callback_url": "callback_url",
}


@dataclass(frozen=True)
class ObjectiveStep:
    """One objective. `next` is the name of the one that follows, or `branches` are names with their conditions.

    `origin` is its place in the row that it was read from, None for a new one.
    """

    name: str = ""
    prompt: str = ""
    confirmation: str = "auto"
    modality: str = "verbal"
    variables: tuple[str, ...] = ()
    next: str = ""
    branches: tuple[tuple[str, str], ...] = ()
    callback_url: str = ""
    origin: int | None = None

    @property
    def follows(self) -> tuple[str, ...]:
        """The names that it leads to."""
        return tuple(name for name, _ in self.branches) or ((self.next,) if self.next else ())


@dataclass(frozen=True)
class Chain:
    """What the form holds: the set's name, whether its steps may lead back, and the steps."""

    name: str = ""
    loops: bool = False
    steps: tuple[ObjectiveStep, ...] = field(default=())


@dataclass(frozen=True)
class ChainProblem:
    """`step` is the place of the step, None for the set; `key` one of LABELS, or ""."""

    step: int | None
    key: str
    message: str


def read(row: JsonObject) -> Chain:
    """What the form shows for a set's row, or for that of a single objective."""
    name = row.get("name") or row.get("objectives_name") or ""
    return Chain(
        name=name if isinstance(name, str) else "",
        loops=row.get("allow_loops") is True,
        steps=tuple(_step(item, index) for index, item in enumerate(_items(row))),
    )


def is_whole(row: JsonObject) -> bool:
    """False where Tavus answers as its documents say: with one objective, which may be the first of several."""
    return isinstance(row.get("data"), list)


def write(row: JsonObject, chain: Chain) -> dict[str, object]:
    """`row` with what `chain` changes of it. `write(row, read(row)) == row` for every row."""
    out = deepcopy(dict(row))
    was, items = read(row), _items(row)
    if chain.name.strip() != was.name:
        out["objectives_name" if "objectives_name" in out and "name" not in out else "name"] = chain.name.strip()
    if chain.loops != was.loops:
        out["allow_loops"] = chain.loops
    data = row.get("data")
    if not isinstance(data, list):
        return _row(row, was.steps[0], chain.steps[0]) if was.steps and chain.steps else out
    kept = [item for item in data if not isinstance(item, Mapping)]
    if chain.steps != was.steps:
        out["data"] = kept + [
            _row({}, None, step) if step.origin is None else _row(items[step.origin], was.steps[step.origin], step)
            for step in chain.steps
        ]
    return out


def body_of(chain: Chain) -> dict[str, object]:
    """The body that makes the set; what says the default is left out."""
    body: dict[str, object] = {"data": [_row({}, None, step) for step in chain.steps]}
    if chain.name.strip():
        body = {"name": chain.name.strip(), **body}
    return body | ({"allow_loops": True} if chain.loops else {})


def problems(chain: Chain, base: Chain | None = None) -> tuple[ChainProblem, ...]:
    """All that keeps it from being sent, in the order of the form.

    What was wrong already in `base`, as it was read, is let through: Tavus has taken it.
    """
    known = {(item.step, item.key, item.message) for item in problems(base)} if base else set()
    return tuple(item for item in _problems(chain) if (_origin(chain, item), item.key, item.message) not in known)


def _origin(chain: Chain, problem: ChainProblem) -> int | None:
    return None if problem.step is None else chain.steps[problem.step].origin


def _problems(chain: Chain) -> list[ChainProblem]:
    found: list[ChainProblem] = []
    if len(chain.name.strip()) > NAME_LIMIT:
        found.append(ChainProblem(None, "name", f"{len(chain.name.strip())} characters; {NAME_LIMIT} is the most."))
    if not chain.steps:
        found.append(ChainProblem(None, "", "Add at least one step."))
    if len(chain.steps) > MOST_STEPS:
        found.append(ChainProblem(None, "", f"{len(chain.steps)} steps; {MOST_STEPS} is the most."))
    names = [step.name.strip() for step in chain.steps]
    for index, step in enumerate(chain.steps):
        found += (ChainProblem(index, key, message) for key, message in _step_problems(step, names))
    if not found:
        found += (ChainProblem(None, "", message) for message in _shape_problems(chain))
    return found


def first(steps: Sequence[ObjectiveStep]) -> list[str]:
    """The names of the steps that no other leads to: where a conversation begins."""
    led_to = {name for step in steps for name in step.follows}
    return [step.name for step in steps if step.name not in led_to]


def between(was: Chain, now: Chain) -> tuple[LibraryChange, ...]:
    """What saving alters, step by step; the steps of `now` know by `origin` which of `was` they come from."""
    found = []
    if was.name.strip() != now.name.strip():
        found.append(LibraryChange("Name of the set", said(was.name.strip()), said(now.name.strip())))
    if was.loops != now.loops:
        found.append(LibraryChange("May lead back", said(was.loops), said(now.loops)))
    kept = [step.origin for step in now.steps if step.origin is not None]
    for index, step in enumerate(was.steps):
        if index not in kept:
            found.append(LibraryChange(f"Step {step.name}", _whole(step), ""))
    for step in now.steps:
        if step.origin is None or step.origin >= len(was.steps):
            found.append(LibraryChange(f"Step {step.name}", "", _whole(step)))
        else:
            found += _step_changes(was.steps[step.origin], step)
    if kept != sorted(kept):
        order = [was.steps[index].name for index in sorted(kept)], [was.steps[index].name for index in kept]
        found.append(LibraryChange("Order", *(", ".join(names) for names in order)))
    return tuple(found)


def path(chain: Chain | ObjectiveSet, most: int = 4) -> str:
    """The names of its first steps in their order: "greet → ask → close"."""
    steps = chain.steps if isinstance(chain, Chain) else read(chain.raw).steps
    names = [step.name for step in steps]
    return " → ".join(names[:most]) + (f" → {len(names) - most} more" if len(names) > most else "")


def help_of(name: str) -> str:
    """The help of a field in Markdown, with Tavus's page."""
    return f"{HELP[name]} [Tavus's page]({DOC})"


def title(found: ObjectiveSet) -> str:
    """Its name, or that of its first step."""
    return found.name or next((str(step.get("objective_name") or "") for step in found.steps), "") or found.id


def _items(row: JsonObject) -> tuple[JsonObject, ...]:
    if is_whole(row):
        return objects(row["data"])
    return (row,) if row.get("objective_name") else ()


def _step(item: JsonObject, index: int) -> ObjectiveStep:
    def text(key: str, default: str = "") -> str:
        value = item.get(key)
        return value if isinstance(value, str) and value else default

    branches = item.get(_KEYS["branches"])
    return ObjectiveStep(
        name=text("objective_name"),
        prompt=text("objective_prompt"),
        confirmation=text("confirmation_mode", "auto"),
        modality=text("modality", "verbal"),
        variables=texts(item.get("output_variables")),
        next=text("next_required_objective"),
        branches=tuple((str(name), str(why)) for name, why in branches.items())
        if isinstance(branches, Mapping)
        else (),
        callback_url=text("callback_url"),
        origin=index,
    )


def _row(item: JsonObject, was: ObjectiveStep | None, step: ObjectiveStep) -> dict[str, object]:
    """The row of a step: what was read, with what is changed; for a new one, what says more than the default."""
    out = deepcopy(dict(item))
    base = was or ObjectiveStep()
    for known in fields(ObjectiveStep):
        key, value = _KEYS.get(known.name, ""), getattr(step, known.name)
        if isinstance(value, str):
            value = value.strip()
        if not key or value == getattr(base, known.name):
            continue
        if value in ("", ()):
            out.pop(key, None)
        elif known.name == "branches":
            out[key] = {name.strip(): why.strip() for name, why in value}
        else:
            out[key] = list(value) if isinstance(value, tuple) else value
    return out


def name_problem(name: str) -> str:
    """Why Tavus would not take this name of a step, with one like it that it takes; "" where it does or none is there.

    Only what can be told by the name alone.
    """
    name = name.strip()
    if name and not re.fullmatch(r"[A-Za-z0-9_]+", name):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        better = re.sub(r"[^a-z0-9_]+", "_", plain.lower()).strip("_")[:NAME_LIMIT]
        why = "no blanks" if re.search(r"\s", name) else "only letters A to Z, digits and underscores"
        return f"Tavus takes {why} in it{f': use {better}' if better else ''}."
    return f"{len(name)} characters; {NAME_LIMIT} is the most." if len(name) > NAME_LIMIT else ""


def _step_problems(step: ObjectiveStep, names: Sequence[str]) -> Iterable[tuple[str, str]]:
    name, prompt = step.name.strip(), step.prompt.strip()
    if not name:
        yield "name", "Give the step a name, such as ask_budget."
    elif wrong := name_problem(name):
        yield "name", wrong
    elif names.count(name) > 1:
        yield "name", f"Another step is called {name} too. Names tell steps apart."
    if not prompt:
        yield "prompt", "Write what the persona has to reach in this step."
    elif len(prompt) > PROMPT_LIMIT:
        yield "prompt", f"{len(prompt):,} characters; {PROMPT_LIMIT:,} is the most."
    if len(step.variables) > MOST_VARIABLES:
        yield "variables", f"{len(step.variables)} entries; {MOST_VARIABLES} is the most."
    if wrong := address_problem(step.callback_url):
        yield "callback_url", wrong
    if step.next and step.branches:
        yield "next", "It leads on always or depending, not both: empty one of them."
    yield from _reference_problems(step, name, names)


def _reference_problems(step: ObjectiveStep, name: str, names: Sequence[str]) -> Iterable[tuple[str, str]]:
    for key, targets in (("next", (step.next,) if step.next else ()), ("branches", [to for to, _ in step.branches])):
        for target in targets:
            if target and target == name:
                yield key, "A step can't lead to itself."
            elif target not in names:
                yield key, f"There is no step called {target or '(nothing chosen)'} in this set."
        if len(set(targets)) < len(targets):
            yield key, "Two of the ways lead to the same step: join their conditions."
    for target, why in step.branches:
        if target and not why.strip():
            yield "branches", f"Say when it leads to {target}."


def _shape_problems(chain: Chain) -> Iterable[str]:
    if chain.loops:
        return
    roots = first(chain.steps)
    if _has_loop(chain.steps):
        yield "The steps lead back to an earlier one. Allow it under “May lead back”, or let the last one end."
    elif len(roots) > 1:
        yield f"{len(roots)} steps are first: {', '.join(roots)}. Let one begin and lead to the others."


def _has_loop(steps: Sequence[ObjectiveStep]) -> bool:
    left = {step.name: set(step.follows) for step in steps}
    while done := [name for name, after in left.items() if not after & left.keys()]:
        for name in done:
            del left[name]
    return bool(left)


def _step_changes(was: ObjectiveStep, now: ObjectiveStep) -> Iterable[LibraryChange]:
    for known, label in LABELS.items():
        old, new = getattr(was, known), getattr(now, known)
        old, new = (value.strip() if isinstance(value, str) else value for value in (old, new))
        if old != new:
            yield LibraryChange(f"{was.name}: {label.lower()}", _said(known, old), _said(known, new))


def _said(known: str, value: object) -> str:
    if known == "branches" and isinstance(value, tuple):
        return "; ".join(f"{name} if {why}" for name, why in value)
    words = {"confirmation": CONFIRMATIONS, "modality": MODALITIES}.get(known, {})
    return words.get(str(value), "") or said(value)


def _whole(step: ObjectiveStep) -> str:
    then = ", then " + (", ".join(step.follows)) if step.follows else ""
    return f"{step.prompt.strip()}{then}"


def rebased(base: Chain, mine: Chain, theirs: Chain) -> Chain:
    """Mine on top of theirs: a step that I left as it was in `base` is theirs; steps are known by their names there."""
    places = {step.name: index for index, step in enumerate(theirs.steps)}

    def moved(step: ObjectiveStep) -> ObjectiveStep:
        was = base.steps[step.origin] if step.origin is not None and step.origin < len(base.steps) else None
        place = places.get(was.name) if was is not None else None
        if place is not None and was == step:
            return theirs.steps[place]
        return replace(step, origin=place)

    return Chain(
        name=theirs.name if mine.name == base.name else mine.name,
        loops=theirs.loops if mine.loops == base.loops else mine.loops,
        steps=theirs.steps if mine.steps == base.steps else tuple(moved(step) for step in mine.steps),
    )


def lost(wanted: Chain, there: Chain) -> list[str]:
    """What was asked for and is not there, in a few words each."""
    found = [] if wanted.name.strip() == there.name.strip() else ["Name of the set"]
    found += [] if wanted.loops == there.loops else ["May lead back"]
    known = {step.name: step for step in there.steps}
    for step in wanted.steps:
        now = known.get(step.name.strip())
        found += [f"Step {step.name}"] if now is None else [change.label for change in _step_changes(step, now)]
    return found
