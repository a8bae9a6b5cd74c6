"""What is true of this machine, on bare Python: it must also run where nothing could be installed."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata

OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Machine:
    """`system` with its release, the processor's `architecture`, Python's version. Nothing that names a person."""

    system: str
    release: str
    architecture: str
    python: str
    bits: int
    wsl: bool

    @property
    def python_fits(self) -> bool:
        return tuple(int(part) for part in self.python.split(".")[:2]) >= OLDEST_PYTHON

    def __str__(self) -> str:
        name = "macOS" if self.system == "Darwin" else self.system
        wsl = " in Windows (WSL)" if self.wsl else ""
        return f"{name} {self.release}{wsl}, {self.architecture}, Python {self.python}, {self.bits} bits"


def machine() -> Machine:
    """Asks the interpreter only: no file is read, no program is started."""
    release = platform.mac_ver()[0] if sys.platform == "darwin" else platform.release()
    return Machine(
        system=platform.system() or sys.platform,
        release=release,
        architecture=platform.machine(),
        python=platform.python_version().split("+")[0],
        bits=64 if sys.maxsize > 2**32 else 32,
        wsl=sys.platform == "linux" and "microsoft" in release.lower(),
    )


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The installed version of each package, "" where it is not installed."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = ""
    return found
