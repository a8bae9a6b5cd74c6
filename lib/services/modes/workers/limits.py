"""What a worker may use of this machine."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20
CPU_S_PER_CALL_S, CPU_S_BESIDES = 2, 120
"""A worker uses half a core as a rule; one that spins on two for its whole call is ended."""


@dataclass(frozen=True)
class WorkerLimits:
    """`memory_mb` counts what is really held in memory, in MiB."""

    memory_mb: int

    def broken(self, pid: int, max_call_s: int) -> str:
        """Which limit this process is over, in words that follow a colon; "" for none, or where it has just ended."""
        import psutil

        try:
            process = psutil.Process(pid)
            held_mb, times = process.memory_info().rss / MEBIBYTE, process.cpu_times()
        except psutil.Error:
            return ""
        if held_mb > self.memory_mb:
            return f"it used more memory than it may, {held_mb:.0f} of {self.memory_mb} MB"
        most_s = CPU_S_PER_CALL_S * max_call_s + CPU_S_BESIDES
        if times.user + times.system > most_s:
            return f"it used more processor time than it may, {most_s} s"
        return ""
