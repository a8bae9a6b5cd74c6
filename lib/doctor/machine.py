"""The machine that this runs on, as far as it decides what can be installed."""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata

OLDEST_PYTHON = (3, 11)
_ARCHITECTURES = {
    "amd64": "x86_64",
    "x64": "x86_64",
    "aarch64": "arm64",
    "armv8l": "arm64",
    "i686": "x86",
    "i386": "x86",
}


@dataclass(frozen=True)
class Machine:
    """`system` is Windows, Darwin or Linux, `release` its version (of macOS: 14.5). Nothing that names a person.

    `architecture` is x86_64, arm64 or x86 (any other as the system calls it); `libc` is such as `glibc 2.36` or `musl`,
    "" where it says nothing; `implementation` is CPython or PyPy; `free_threaded` a Python without its global lock.
    """

    system: str
    release: str
    architecture: str
    python: str
    bits: int
    wsl: bool
    libc: str = ""
    implementation: str = "CPython"
    free_threaded: bool = False

    @property
    def python_fits(self) -> bool:
        return version(self.python) >= OLDEST_PYTHON

    @property
    def name(self) -> str:
        return "macOS" if self.system == "Darwin" else self.system

    def __str__(self) -> str:
        wsl = " in Windows (WSL)" if self.wsl else ""
        libc = f", {self.libc}" if self.libc else ""
        python = f"{'' if self.implementation == 'CPython' else self.implementation + ' '}{self.python}"
        locks = " free-threaded" if self.free_threaded else ""
        return f"{self.name} {self.release}{wsl}, {self.architecture}{libc}, Python {python}{locks}, {self.bits} bits"


def machine() -> Machine:
    """What the interpreter says of itself and its system. Starts no program."""
    release = platform.mac_ver()[0] if sys.platform == "darwin" else platform.release()
    return Machine(
        system=platform.system() or sys.platform,
        release=release,
        architecture=architecture(platform.machine()),
        python=platform.python_version().split("+")[0],
        bits=64 if sys.maxsize > 2**32 else 32,
        wsl=sys.platform == "linux" and "microsoft" in release.lower(),
        libc=_libc(),
        implementation=platform.python_implementation(),
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    )


def architecture(told: str) -> str:
    """One name for what systems call by several."""
    return _ARCHITECTURES.get(told.lower(), told.lower())


def version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version, such as (3, 11, 7), to compare with; () where there are none."""
    numbers = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The installed version of each package, "" where it is not installed."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = ""
    return found


def _libc() -> str:
    if sys.platform != "linux":
        return ""
    if "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE") or ""):
        return "musl"
    return " ".join(platform.libc_ver()).strip()
