"""What keeps an avatar from starting: each cause in one sentence, with what still works and what to do.

The texts of failures were read in the libraries' sources and in reports of their users; which of them could be made
to happen by our tests is said in docs/platforms.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lib.doctor.machine import Machine, version

PIPECAT = 'pip install "pipecat-ai[tavus]>=1.13,<2"'
INSTALL = "python dev.py worker"
GUIDE = "docs/platforms.md"
PHOENIX_WORKS = "The mode phoenix_rest works too: it needs nothing but a browser."
FIRST_WINDOWS_WHEEL = "0.34.0"


@dataclass(frozen=True)
class Cause:
    """`code` is stable; `cause`, `works` and `fix` are each one or two sentences without markup. `command` is what to
    run where that alone mends it, "" where nothing does."""

    code: str
    cause: str
    fix: str
    works: str = PHOENIX_WORKS
    command: str = ""


def of_platform(here: Machine) -> Cause | None:
    """Why the worker's packages can't be installed on this machine, None if they can.

    daily-python comes as wheels only: Windows x64 (since 0.34.0), macOS 13 or newer, Linux with glibc 2.28 or newer on
    x86_64 and arm64, each for the standard CPython (https://pypi.org/project/daily-python/#files).
    """
    return next(_of_platform(here), None)


def _of_platform(here: Machine) -> Iterator[Cause]:
    wsl = "Use WSL2 (wsl --install, then Python 3.11 or newer inside it)"
    if not here.python_fits:
        yield Cause(
            "python_too_old",
            f"Pipecat needs Python 3.11 or newer, and this is {here.python}.",
            "Install Python 3.11 or newer and point PIPECAT_PYTHON at it.",
        )
    if here.implementation != "CPython" or here.free_threaded:
        kind = "free-threaded Python" if here.free_threaded else here.implementation
        yield Cause(
            "python_kind",
            f"daily-python is built for the standard CPython, and this is {kind}.",
            "Install the standard Python from python.org and point PIPECAT_PYTHON at it.",
        )
    if here.system == "Windows" and here.architecture == "arm64":
        yield Cause(
            "windows_on_arm",
            "daily-python has no build for Python on Windows for ARM.",
            f"{wsl}: its Linux is served. {GUIDE} says how.",
        )
    if here.bits == 32 or here.architecture == "x86":
        yield Cause(
            "python_32_bit",
            "daily-python has no build for 32-bit Python.",
            "Install the 64-bit Python and point PIPECAT_PYTHON at it.",
        )
    if here.system == "Darwin" and version(here.release) and version(here.release) < (13,):
        yield Cause(
            "macos_too_old",
            f"daily-python needs macOS 13 or newer, and this is {here.release}.",
            "Update macOS, or run the worker on another machine.",
        )
    if here.system == "Darwin" and here.architecture == "x86_64":
        yield Cause(
            "macos_intel",
            "A package that Pipecat needs has no build for Intel Macs any more.",
            "Run the worker on a Mac with Apple's own processor, on Linux or on Windows.",
        )
    if here.libc == "musl":
        yield Cause(
            "musl",
            "daily-python has no build for musl, the C library of Alpine Linux.",
            "Use an image with glibc, such as python:3.12-slim, in place of python:3.12-alpine.",
        )
    glibc = re.fullmatch(r"glibc (\d+\.\d+).*", here.libc)
    if glibc and version(glibc[1]) < (2, 28):
        yield Cause(
            "glibc_too_old",
            f"daily-python needs glibc 2.28 or newer, and this system has {glibc[1]}.",
            "Use a newer Linux: Debian 10, Ubuntu 20.04, RHEL 8 or later.",
        )


def of_import(told: str, here: Machine, *, daily: str = "", daily_from: str = "") -> Cause:
    """What the failed import of the worker's packages means.

    `told` is the traceback or its last line; `daily` is the version of daily-python that is installed ("" for none);
    `daily_from` is the file that `import daily` found. The platform is asked first where a package is missing, since
    then no installing helps.
    """
    return next(_of_import(told, here, daily, daily_from))


def _of_import(told: str, here: Machine, daily: str, daily_from: str) -> Iterator[Cause]:
    stuck = of_platform(here)
    if "unsupported operand type(s) for |" in told and "_AnyMeta" in told:
        yield _joined_annotation(told)
    if "DLL load failed" in told:
        yield Cause(
            "dll_load_failed",
            f"Windows could not load {_imported(told) or 'daily'}: a DLL that it needs is missing or blocked.",
            "On an N edition of Windows install the Media Feature Pack; on Server Core use the full server. Otherwise "
            "look whether a virus scanner or AppLocker has blocked daily.pyd.",
        )
    shadow = "cannot import name" in told and "from 'daily'" in told
    if shadow or (daily_from and not _is_daily_python(daily_from)):
        where = _shown(daily_from or _file_named(told))
        yield Cause(
            "daily_shadowed",
            f"Another module named daily stands before daily-python{where}.",
            "Rename that file or folder, or uninstall the package named daily, then try again.",
        )
    old_wheel = daily and version(daily) < version(FIRST_WINDOWS_WHEEL)
    if here.system == "Windows" and (old_wheel or re.search(r"No matching distribution found for daily-python", told)):
        installed = f"daily-python {daily}" if daily else "The daily-python that was asked for"
        yield stuck or Cause(
            "daily_too_old",
            f"{installed} is too old for Windows, which is served since {FIRST_WINDOWS_WHEEL}.",
            f"Run {PIPECAT} and remove older pins of daily-python.",
        )
    if re.search(r"No module named '?pipecat\b", told):
        yield stuck or Cause(
            "pipecat_missing",
            "Pipecat is not installed in the worker's Python.",
            f"Run {INSTALL}. Its environment is used unless PIPECAT_PYTHON names another.",
            command=INSTALL,
        )
    if re.search(r"No module named '?daily'?", told):
        yield stuck or Cause(
            "daily_missing",
            "No module named 'daily': daily-python is not installed in the worker's Python.",
            f"Run {INSTALL}, or in an environment of your own {PIPECAT}.",
            command=INSTALL,
        )
    missing = re.search(r"No module named '?([\w.]+)'?", told)
    if missing:
        yield Cause(
            "module_missing",
            f"{missing[1]} is not installed in the worker's Python.",
            f"Run {INSTALL}.",
            command=INSTALL,
        )
    yield Cause(
        "import_failed",
        f"The worker's packages can't be loaded: {_last_line(told)}",
        f"Remove .venv-pipecat and run {INSTALL}. {GUIDE} says what was tried on which system.",
    )


def _joined_annotation(told: str) -> Cause:
    """A string joined to `Any` by `|` at run time, which Python refuses: somewhere a quoted annotation lacks its
    `from __future__ import annotations`, or two libraries of different age meet."""
    files = re.findall(r'File "[^"]*?site-packages[/\\]([\w-]+)[/\\]([^"]+)", line (\d+)', told)
    module = f"The library {files[-1][0]} ({files[-1][1]}, line {files[-1][2]})" if files else "A library of the worker"
    package = files[-1][0].replace("_", "-") if files else "pipecat-ai"
    return Cause(
        "joined_annotation",
        f"{module} joins a quoted type to Any with |, which Python refuses: a defect of that library, or two of "
        "different age.",
        f'Update it together with Pipecat: pip install --upgrade {package} "pipecat-ai[tavus]>=1.13,<2". If the '
        "newest one still fails, its maintainers need the report.",
    )


def _imported(told: str) -> str:
    found = re.search(r"DLL load failed while importing (\w+)", told)
    return found[1] if found else ""


def _is_daily_python(path: str) -> bool:
    return bool(re.search(r"(site|dist)-packages[/\\]daily([/\\.]|$)", path))


def _file_named(told: str) -> str:
    found = re.search(r"from 'daily' \(([^)]+)\)", told)
    return found[1] if found and found[1] != "unknown location" else ""


def _shown(path: str) -> str:
    """Its last two names: the folders above are often somebody's name."""
    return ": " + "/".join(re.split(r"[/\\]", path)[-2:]) if path else ""


def _last_line(told: str) -> str:
    lines = [line.strip() for line in told.strip().splitlines() if line.strip()]
    return (lines[-1] if lines else "no reason given")[:300]
