"""`python -m tests.slow run app.py`: Streamlit, but a script waits after each element of one kind, as a busy one does.

SLOW_AFTER names the kind as Streamlit's messages do, such as `dataframe`; SLOW_S is how long, in seconds.
"""

from __future__ import annotations

import os
import time
from typing import Any

from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

if __name__ == "__main__":
    from streamlit.web.cli import main

    enqueue = ScriptRunContext.enqueue

    def slowly(context: ScriptRunContext, message: Any) -> None:
        enqueue(context, message)
        if message.delta.new_element.WhichOneof("type") == os.environ["SLOW_AFTER"]:
            time.sleep(float(os.environ["SLOW_S"]))

    setattr(ScriptRunContext, "enqueue", slowly)  # noqa: B010 - it takes the place of a method
    main(prog_name="streamlit")
