"""What keeps the worker from loading: each cause has its own words, from recorded messages where this is no Windows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lib.doctor.causes import of_import, of_platform
from lib.doctor.machine import Machine, architecture, version
from tests.running import ROOT

LINUX = Machine("Linux", "6.1", "x86_64", "3.12.4", 64, wsl=False, libc="glibc 2.36")
WINDOWS = Machine("Windows", "11", "x86_64", "3.12.4", 64, wsl=False)
MAC = Machine("Darwin", "14.5", "arm64", "3.12.4", 64, wsl=False)


@pytest.mark.parametrize("here", [LINUX, WINDOWS, MAC, replace(LINUX, architecture="arm64", wsl=True)])
def test_the_platforms_with_wheels_are_fit(here: Machine) -> None:
    assert of_platform(here) is None


@pytest.mark.parametrize(
    ("here", "code", "told"),
    [
        (replace(WINDOWS, architecture="arm64"), "windows_on_arm", "WSL2"),
        (replace(WINDOWS, bits=32), "python_32_bit", "64-bit"),
        (replace(LINUX, libc="musl"), "musl", "python:3.12-slim"),
        (replace(LINUX, libc="glibc 2.17"), "glibc_too_old", "2.17"),
        (replace(MAC, release="12.7.6"), "macos_too_old", "12.7.6"),
        (replace(MAC, architecture="x86_64"), "macos_intel", "Intel"),
        (replace(LINUX, python="3.10.14"), "python_too_old", "3.10.14"),
        (replace(LINUX, implementation="PyPy"), "python_kind", "PyPy"),
        (replace(LINUX, free_threaded=True), "python_kind", "free-threaded"),
    ],
)
def test_a_platform_without_wheels_is_named_with_its_way_out(here: Machine, code: str, told: str) -> None:
    cause = of_platform(here)
    assert cause is not None and cause.code == code and told in f"{cause.cause} {cause.fix}"
    assert cause.fix.endswith(".") and "phoenix_rest works" in cause.works


NO_DAILY = "ModuleNotFoundError: No module named 'daily'"
DLL = "ImportError: DLL load failed while importing daily: The specified module could not be found."
SHADOW = "ImportError: cannot import name 'CallClient' from 'daily' (C:\\Users\\someone\\work\\daily.py)"
JOINED = """Traceback (most recent call last):
  File "C:\\env\\Lib\\site-packages\\pipecat\\services\\tavus\\video.py", line 3, in <module>
  File "C:\\env\\Lib\\site-packages\\somelib\\types.py", line 41, in <module>
    Text = "Thing" | Any
TypeError: unsupported operand type(s) for |: 'str' and '_AnyMeta'
"""
OLD = "ERROR: No matching distribution found for daily-python~=0.29.0"


@pytest.mark.parametrize(
    ("told", "here", "daily", "code", "words"),
    [
        (NO_DAILY, LINUX, "", "daily_missing", "No module named 'daily'"),
        ("ImportError: Missing module: No module named 'daily'", WINDOWS, "", "daily_missing", "daily-python"),
        (NO_DAILY, replace(WINDOWS, architecture="arm64"), "", "windows_on_arm", "ARM"),
        (NO_DAILY, replace(LINUX, libc="musl"), "", "musl", "Alpine"),
        (DLL, WINDOWS, "0.36.0", "dll_load_failed", "Media Feature Pack"),
        (SHADOW, WINDOWS, "", "daily_shadowed", "work/daily.py"),
        (OLD, WINDOWS, "", "daily_too_old", "0.34.0"),
        (NO_DAILY, WINDOWS, "0.31.0", "daily_too_old", "daily-python 0.31.0"),
        (JOINED, LINUX, "0.36.0", "joined_annotation", "somelib (types.py, line 41)"),
        ("ModuleNotFoundError: No module named 'pipecat'", LINUX, "", "pipecat_missing", "python dev.py worker"),
        ("ModuleNotFoundError: No module named 'deepgram'", LINUX, "0.36.0", "module_missing", "deepgram"),
        ("OSError: libGL.so.1: cannot open shared object file", LINUX, "0.36.0", "import_failed", "libGL.so.1"),
        ("", LINUX, "0.36.0", "import_failed", "no reason given"),
    ],
)
def test_a_failed_import_is_told_by_its_cause(told: str, here: Machine, daily: str, code: str, words: str) -> None:
    cause = of_import(told, here, daily=daily)
    assert cause.code == code and words in f"{cause.cause} {cause.fix}" and "someone" not in repr(cause)


def test_a_module_of_the_same_name_is_found_by_where_it_lies() -> None:
    lies = "AttributeError: module 'daily' has no attribute 'Daily'"
    assert of_import(lies, LINUX, daily_from="/home/someone/project/daily.py").code == "daily_shadowed"
    assert (
        of_import(lies, LINUX, daily_from="/env/lib/python3.12/site-packages/daily/__init__.py").code == "import_failed"
    )


def test_versions_and_architectures_have_one_spelling() -> None:
    assert version("3.11.7+") == (3, 11, 7) and version("0.36.0rc1") == (0, 36, 0) and version("x") == ()
    assert version("0.9") < version("0.34.0") < version("0.36")
    assert {architecture(told) for told in ("AMD64", "x86_64")} == {"x86_64"} and architecture("aarch64") == "arm64"


def test_the_guide_explains_every_cause_and_no_other() -> None:
    """The code of each cause stands in the source once, and in a row of docs/platforms.md."""
    source = "".join((ROOT / "lib" / "doctor" / name).read_text(encoding="utf-8") for name in ("causes.py", "probe.py"))
    told = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
    known = set(re.findall(r'\bCause\(\s*"(\w+)"', source))
    assert len(known) == 19
    assert set(re.findall(r"^\| `(\w+)` \|", told.partition("## What a cause means")[2], re.MULTILINE)) == known
