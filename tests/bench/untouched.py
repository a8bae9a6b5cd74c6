"""`streamlit run` as it would be if Greenroom had left Streamlit's server alone.

Run as `python -m tests.bench.untouched run app.py`, on asyncio's own loop and with
STREAMLIT_RUNNER_POST_SCRIPT_GC=true: the same pages, routes and headers, without what makes a rerun cheap.
"""

from __future__ import annotations

from streamlit.web.cli import main

from lib.server import memory, socket


def nothing(*_: object) -> None:
    return None


if __name__ == "__main__":
    for owner, name in ((socket, "send_at_once"), (memory.Collector, "start"), (memory.Collector, "stop")):
        setattr(owner, name, nothing)
    main(prog_name="streamlit")
