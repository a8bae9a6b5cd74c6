"""`python -m lib.bot`: reads a plan from standard input, holds the call, ends when told or when its input ends."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable

from lib.bot.telling import Teller
from lib.worker import Event, Plan, parsed

CPU_S_PER_CALL_S = 2


async def hold(plan: Plan, teller: Teller) -> int:
    """Import Pipecat only now: that it can't be imported is an event like any other."""
    try:
        from lib.bot.session import Call

        call = Call(plan, teller)
    except Exception:  # noqa: BLE001 - a library that can't be imported may raise anything
        import traceback

        teller.fail("import", "The worker's packages can't be loaded.", told=traceback.format_exc()[-6000:])
        return 4
    loop = asyncio.get_running_loop()
    beating = asyncio.create_task(teller.beat())
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


def limit(plan: Plan) -> None:
    """A worker that spins is ended by the system, where the system can do that."""
    try:
        import resource
    except ImportError:
        return
    seconds = CPU_S_PER_CALL_S * plan.max_call_s + 120
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def main() -> int:
    teller = Teller()
    try:
        plan = Plan.parse(sys.stdin.readline())
    except (ValueError, TypeError):
        teller.fail("plan", "The worker was given no plan.")
        return 2
    limit(plan)
    teller.tell(Event.STARTING)
    code = asyncio.run(hold(plan, teller))
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    raise SystemExit(main())
