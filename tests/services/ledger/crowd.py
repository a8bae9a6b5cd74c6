"""A process that opens Greenroom, says so, and on a line of input starts one agent many times at once."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.house import house


def main(told: dict[str, Any]) -> None:
    limits = {"daily_minutes": 10_000, **told["settings"]}
    with house(told["sandbox"], Path(told["root"]), database=told["database"], **limits) as services:
        print("ready", flush=True)
        sys.stdin.readline()

        def start(number: int) -> str:
            token = f"{told['name']}-{number}"
            return str(services.sessions.start_and_wait(told["agent"], token=token).mode)

        with ThreadPoolExecutor(told["starts"]) as pool:
            print(json.dumps(list(pool.map(start, range(told["starts"])))), flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
