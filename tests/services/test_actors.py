"""Who does it is told to every act of a service: who may do what will be asked there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lib import wiring
from lib.settings import Loaded, Settings

ACTS = re.compile(
    r"(create|add_samples|update|save|repoint|restore|delete|end|end_all|detach|start|start_and_wait|say|ask|stop|free"
    r"|paid|choose|recrawl|accept|recreate|publish|replace|invite)$"
)
TELLS = {"actor", "by"}
"""By these names a caller says who it is; `by` holds a reason as well."""


def acts(services: Any) -> Iterator[tuple[str, inspect.Signature]]:
    """Every public act of the services, and of what hangs on them, by its dotted name."""
    for name, service in vars(services).items():
        if name.startswith("_") or not type(service).__module__.startswith("lib.services."):
            continue
        inner = {f"{name}.{each}": part for each, part in vars(service).items() if not each.startswith("_")}
        for dotted, one in {name: service, **inner}.items():
            for method, function in inspect.getmembers(type(one), inspect.isfunction):
                if type(one).__module__.startswith("lib.services.") and ACTS.match(method):
                    yield f"{dotted}.{method}", inspect.signature(function)


def test_every_act_of_a_service_takes_who_does_it(tmp_path: Path) -> None:
    services = wiring.build(tmp_path, Loaded(Settings(), (), (), {}))
    found = dict(acts(services))
    assert {"sessions.start", "sessions.end", "agents.save", "library.guardrails.delete", "personas.save"} <= set(found)
    mute = {name for name, how in found.items() if not (TELLS | {"how"}) & set(how.parameters)}
    # A mode does what a session's service has asked of it.
    assert {name for name in mute if name.partition(".")[0] not in ("modes", "pipecat")} == set()
