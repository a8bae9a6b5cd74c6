"""`python -m lib.bot`: reads a plan from standard input, holds the call, ends when told or when its input ends.

In a cluster the plan is in the environment, and SIGTERM is what tells it to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable

from lib.bot.telling import Teller
from lib.worker import PLAN, Event, WorkerPlan, parsed

CPU_S_PER_CALL_S = 2


async def hold(plan: WorkerPlan, teller: Teller, *, commanded: bool) -> int:
    """Import Pipecat only now: that it can't be imported is an event like any other.

    `commanded`: standard input is whoever started it.
    """
    try:
        from lib.bot.session import WorkerCall

        call = WorkerCall(plan, teller)
    except Exception:  # noqa: BLE001 - a library that can't be imported may raise anything
        import traceback

        teller.fail("import", "The worker's packages can't be loaded.", told=traceback.format_exc()[-6000:])
        return 4
    loop = asyncio.get_running_loop()
    beating = asyncio.create_task(teller.beat())
    # Windows has no signal to wait for.
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, call.stop, "told_to_end")
    if commanded:
        listen(loop, lambda line: asyncio.run_coroutine_threadsafe(call.command(parsed(line)), loop), call.stop)
    try:
        return await call.run()
    finally:
        beating.cancel()


def listen(
    loop: asyncio.AbstractEventLoop, command: Callable[[str], object], stop: Callable[[str], None]
) -> threading.Thread:
    """Hand on every line of standard input. Its end means that the parent is gone, which ends the call.

    A thread, since Windows has no way to wait for a pipe in an event loop.
    """

    def read() -> None:
        for line in sys.stdin:
            command(line)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop, "parent_gone")

    thread = threading.Thread(target=read, name="greenroom-commands", daemon=True)
    thread.start()
    return thread


def limit(plan: WorkerPlan) -> None:
    """A worker that spins is ended by the system, where the system can do that."""
    try:
        import resource
    except ImportError:
        return
    seconds = CPU_S_PER_CALL_S * plan.max_call_s + 120
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def main() -> int:
    # The first process of a container has no default for it: without a handler the signal is lost.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    in_pod = PLAN in os.environ
    if in_pod:
        # A pod's log mixes both outputs, and a library's half line must not end up within an event.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    teller = Teller()
    try:
        plan = WorkerPlan.from_variables(os.environ) if in_pod else WorkerPlan.parse(sys.stdin.readline())
    except PermissionError:
        teller.fail("other_account", "The worker's Tavus key is not the one that Greenroom uses.")
        return 2
    except (ValueError, TypeError):
        teller.fail("plan", "The worker was given no plan.")
        return 2
    limit(plan)
    teller.tell(Event.STARTING)
    code = asyncio.run(hold(plan, teller, commanded=not in_pod))
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    raise SystemExit(main())
