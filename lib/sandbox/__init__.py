"""A local Tavus that speaks its wire: API, callbacks, timers, room page, scripted faults."""

from lib.sandbox.account import Sandbox
from lib.sandbox.app import create
from lib.sandbox.clock.clock import Clock
from lib.sandbox.clock.timing import Timing

__all__ = ["Clock", "Sandbox", "Timing", "create"]
