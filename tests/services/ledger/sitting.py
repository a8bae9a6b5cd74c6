"""A process that opens Greenroom, says so, and sits there until a line of input, or until it is killed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.house import house


def main(told: dict[str, Any]) -> None:
    limits = {"max_concurrent_calls": 20, "daily_minutes": 1000, **told["settings"]}
    with house(told["sandbox"], Path(told["root"]), database=told["database"], **limits):
        print("ready", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
