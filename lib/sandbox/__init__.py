"""A local Tavus that speaks its wire: API, callbacks, timers, room page, scripted faults."""

from lib.sandbox.app import create
from lib.sandbox.clock.clock import Clock
from lib.sandbox.clock.timing import Timing
from lib.sandbox.server.account import Sandbox

__all__ = ["Clock", "Sandbox", "Timing", "create"]
