"""Greenroom's commands. They need Python 3.11 or newer and nothing else: what is missing goes into .venv here.

python dev.py run [--port N]    start the dashboard
python dev.py test [ARGS]       run every test but the heavy ones; --all runs those too; ARGS, a path say, go to pytest
python dev.py check             whether the lock fits, ruff, mypy and who may import whom
python dev.py lock [--upgrade]  pin what requirements.txt and requirements-dev.txt ask for; without --upgrade pins stay
python dev.py resolve           ask whether everything can be installed on each system that is served
python dev.py worker [--daily]  install the Pipecat worker into .venv-pipecat (about 800 MB)
python dev.py bench [ARGS]      measure the dashboard against plain Streamlit
python dev.py mutants [NAMES]   break the ledger on purpose, in a copy, and show which test notices
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

# This file must still parse and run on old Pythons, up to the sentence that says which one is needed.
OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent
LOCK, DEV_LOCK = "requirements.lock", "requirements-dev.lock"
LOCKS = {LOCK: "requirements.txt", DEV_LOCK: "requirements-dev.txt"}
"""Every package that is installed, with its version and hashes -> the file that names what is asked for."""
RUN, DEV = (LOCK,), (LOCK, DEV_LOCK)
PIN = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;]+)")
WITH_WORKER = ("requirements-pipecat.txt", "requirements-rtc.txt")
WITH_MODEL = ("requirements-model.txt",)
ALL = "--all"

SYSTEMS = {
    "Windows x64": "x86_64-pc-windows-msvc",
    "macOS arm64": "aarch64-apple-darwin",
    "macOS x86_64": "x86_64-apple-darwin",
    "Linux x86_64": "x86_64-manylinux_2_28",
    "Linux arm64": "aarch64-manylinux_2_28",
}
"""The systems of docs/platforms.md, as uv calls them; pyproject.toml names them to it as markers."""
PYTHONS = ("3.11", "3.14")
"""The oldest and the newest Python that the lock is tried for."""
UNSERVED = [(name, "macOS x86_64") for name in WITH_WORKER]
"""What is known not to be there: a package that Pipecat needs has no build for Intel Macs."""

BROWSERS = (
    "google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "microsoft-edge",
    "microsoft-edge-stable", "msedge",
)  # fmt: skip
WINDOWS_BROWSERS = (
    r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe",
    r"Chromium\Application\chrome.exe",
)  # fmt: skip
MAC_BROWSERS = ("Google Chrome", "Microsoft Edge", "Chromium")

POSTGRESQL = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin",
              "/usr/local/opt/postgresql*/bin")  # fmt: skip
"""Where distributions keep a server's programs, which are on nobody's PATH."""


class Stop(Exception):
    """The one sentence that is printed before leaving with 1."""


# What has to be there


def check_python() -> None:
    if sys.version_info >= OLDEST:
        return
    named = [f"python3.{minor}" for minor in range(20, OLDEST[1] - 1, -1)]
    newer = next(filter(shutil.which, named), None)
    found = ".".join(map(str, sys.version_info[:2]))
    again = " ".join([str(newer), *sys.argv])
    advice = f"it is installed here: {again}" if newer else "get it from https://www.python.org/downloads/"
    raise Stop(f"Greenroom needs Python 3.11 or newer and this is {found}; {advice}")


@dataclass(frozen=True)
class Venv:
    """An environment of the project's. `imported` is what is imported once after an installation, to compile it.

    `whole` is False where its files name all that is wanted, and what those packages ask for is left out.
    """

    folder: Path
    imported: str
    whole: bool = True

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        return self.folder / "greenroom.json"

    @property
    def log(self) -> Path:
        return self.folder / "install.log"

    def works(self) -> bool:
        """False also after the Python it was made with was removed or replaced by another version."""
        if not self.python.exists():
            return False
        probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        try:
            return subprocess.run([str(self.python), "-c", probe], capture_output=True, check=False).returncode == 0
        except OSError:
            return False

    def make(self) -> None:
        name = self.folder.name
        say(f"Making {name} again, the one there does not work" if self.folder.exists() else f"Making {name}")
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(self.folder)], capture_output=True, text=True, check=False
        )
        if made.returncode == 0:
            return
        told = (made.stdout + made.stderr).strip()
        if "ensurepip" in told or "No module named venv" in told:
            raise Stop("This Python comes without its venv module; on Debian and Ubuntu: apt install python3-venv")
        raise Stop(f"Could not make {name}: {told.splitlines()[-1] if told else 'no reason given'}")

    def installed(self) -> dict[str, str]:
        """What was installed last: file name -> its digest then."""
        try:
            return dict(json.loads(self.stamp.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def prepare(self, files: Sequence[str]) -> None:
        """Make it if need be, and install `files` if one of them changed. Raises Stop."""
        if not self.works():
            self.make()
        wanted = {name: digest(name) for name in files}
        if wanted.items() <= self.installed().items():
            return
        self.install(files[-1])
        # The other file's packages may have been replaced by this one's pins, so it counts as not installed now.
        self.stamp.write_text(json.dumps(wanted), encoding="utf-8")

    def install(self, name: str) -> None:
        """pip's own words go to a log; a person sees one line that moves. Raises Stop with pip's reason.

        pip compiles nothing, because of all that comes only a tenth is ever imported; that is imported here once.
        """
        command = [str(self.python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
                   "--no-compile", "--progress-bar", "off", "-r", name]  # fmt: skip
        command += ["--require-hashes"] if name in LOCKS else []
        command += [] if self.whole else ["--no-deps"]
        say(f"Installing {name} into {self.folder.name} (once; it can take a few minutes)")
        begun, last = time.monotonic(), [""]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )

        def read() -> None:
            with self.log.open("w", encoding="utf-8") as log:
                for line in process.stdout or ():
                    log.write(line)
                    last.append(line.strip())

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        while reader.is_alive():
            reader.join(0.5 if sys.stdout.isatty() else 20)
            if reader.is_alive():
                progress(time.monotonic() - begun, last[-1])
        code = process.wait()
        if sys.stdout.isatty():
            print("\r" + " " * width() + "\r", end="")
        if code:
            told = [line for line in last if line.lower().startswith("error")]
            reason = (told or last)[-1].rstrip(".")
            raise Stop(f"Installing {name} failed: {reason} (all of it: {self.log.relative_to(ROOT)})")
        subprocess.run([str(self.python), "-c", f"import {self.imported}"], cwd=ROOT, capture_output=True, check=False)
        say(f"Installed in {time.monotonic() - begun:.0f} s")


def digest(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


MAIN = Venv(ROOT / ".venv", "uvicorn, alembic.command, pandas, pyarrow, lib.api.app, streamlit.web.bootstrap")
"""The dashboard's, with what it imports until its first page is drawn."""

WORKER = Venv(ROOT / ".venv-pipecat", "lib.bot.session, pipecat.services.tavus.video")
"""The Pipecat worker's: some 800 MB that the dashboard never needs."""

MODEL = Venv(ROOT / ".venv-model", "xllamacpp", whole=False)
"""That of the real language model that tests of the text chat talk to."""

PYTHON = MAIN.python


def progress(seconds: float, line: str) -> None:
    if sys.stdout.isatty():
        text = f"  {seconds:3.0f} s  {line}"
        print(f"\r{text[: width()]:<{width()}}", end="", flush=True)
    else:
        say(f"  still installing, {seconds:.0f} s")


def width() -> int:
    return max(20, shutil.get_terminal_size().columns - 1)


def say(text: str) -> None:
    print(text, flush=True)


def become(command: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Go on as `command`. It must get Ctrl-C and signals exactly as if it had been typed itself.

    Where a process can be replaced, it is. On Windows a child is waited for: the console sends Ctrl-C to both, and
    only the child decides when to end.
    """
    sys.stdout.flush()
    os.chdir(ROOT)
    if os.name != "nt":
        os.execve(command[0], list(command), dict(env))  # noqa: S606
    sys.exit(stay_with(subprocess.Popen(list(command), env=dict(env))))


def stay_with(child: subprocess.Popen[bytes]) -> int:
    """Wait for its end, however often Ctrl-C is pressed; its exit code."""
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


# The lock


def lines(name: str) -> list[str]:
    """The lines of a requirements file or a lock and of what it includes, each on one line, without comments."""
    found: list[str] = []
    for raw in (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        line = " ".join(raw.split())
        if line.startswith("-r "):
            found += lines(line[3:])
        elif line and not line.startswith("#"):
            found.append(line)
    return found


def pins(found: Sequence[str]) -> set[tuple[str, str]]:
    """(name as registries spell it, version) of what is pinned there."""
    matches = filter(None, map(PIN.match, found))
    return {(re.sub(r"[-_.]+", "-", match[1]).lower(), match[2]) for match in matches}


def sealed(source: str, body: str) -> str:
    """A lock's text: two lines that say what it was made from, and the pins."""
    seal = hashlib.sha256("\n".join([*lines(source), body]).encode()).hexdigest()
    return f"# All that {source} needs, for every system that is served. Made by: python dev.py lock\n# {seal}\n{body}"


def misfit(lock: str) -> str:
    """Why a lock does not fit the file that it was made from; "" if it does. Fetches nothing."""
    if not (ROOT / lock).exists():
        return f"{lock} is not there"
    source, text = LOCKS[lock], (ROOT / lock).read_text(encoding="utf-8")
    absent = sorted(pins(lines(source)) - pins(lines(lock)))
    if absent:
        return f"{source} asks for {', '.join(map(' '.join, absent))}, which {lock} does not have"
    if text != sealed(source, "".join(text.splitlines(keepends=True)[2:])):
        return f"{lock} is not what was made from {source}: one of them was changed since"
    return ""


def ready(locks: Sequence[str]) -> None:
    """Have the dashboard's environment as the locks say. Raises Stop, also where they don't fit what is asked for."""
    if told := next(filter(None, map(misfit, locks)), ""):
        raise Stop(f"{told}; python dev.py lock makes it anew")
    MAIN.prepare(locks)


def lock(args: Sequence[str]) -> NoReturn:
    """Write the locks anew and say what changed; nothing is installed. ARGS go to uv. Raises Stop.

    What tests need is pinned together with what the dashboard needs, so that both get the same versions.
    """
    if not MAIN.works() or subprocess.run([str(PYTHON), "-m", "uv", "--version"], capture_output=True).returncode:
        MAIN.prepare(DEV)
    before = kept()
    with tempfile.TemporaryDirectory() as folder:
        whole, run = Path(folder) / "whole.txt", Path(folder) / "run.txt"
        whole.write_text("\n".join(before), encoding="utf-8")
        compile_pins(LOCKS[DEV_LOCK], whole, *args)
        compile_pins(LOCKS[LOCK], run, "--constraints", str(whole))
        wanted = blocks(run)
        more = [block for block in blocks(whole) if block not in wanted]
    for name, found in ((LOCK, wanted), (DEV_LOCK, [f"-r {LOCK}", *more])):
        (ROOT / name).write_text(sealed(LOCKS[name], "\n".join([*found, ""])), encoding="utf-8", newline="\n")
    old, new = pins(before), pins(lines(DEV_LOCK))
    changes = [f"{'+' if pin in new else '-'} {' '.join(pin)}" for pin in sorted(old ^ new)]
    say("\n".join(changes or ["lock: the same versions as before"]))
    sys.exit(0)


def kept() -> list[str]:
    """The pins of both locks, without hashes. None where one is missing; what is no pin is passed over."""
    if not all((ROOT / name).exists() for name in DEV):
        return []
    return [line.split(" --hash")[0] for line in lines(DEV_LOCK) if PIN.match(line)]


def compile_pins(source: str, to: Path, *args: str) -> None:
    """Resolve for every system at once. What `to` pins already stays where it can. Raises Stop."""
    told = compiled("--universal", "--python-version", PYTHONS[0], "--generate-hashes", "--no-header", "--no-annotate",
                    "--no-emit-index-url", "--output-file", str(to), source, *args)  # fmt: skip
    if told:
        raise Stop(f"No versions fit {source}, and the lock stays as it is:\n{told}")


def blocks(path: Path) -> list[str]:
    """Each pin with the lines of its hashes."""
    return re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip())


def compiled(*args: str) -> str:
    """Let uv resolve; why it can't, or "".

    Only builds count, since nobody has a compiler; docopt, which has none and needs none, comes as source.
    """
    # uv reads none of pip's settings, and without a target it takes the macOS of its own choice.
    env = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    if index := os.environ.get("PIP_INDEX_URL"):
        env.setdefault("UV_DEFAULT_INDEX", index)
    command = [str(PYTHON), "-m", "uv", "pip", "compile", "--quiet", "--only-binary", ":all:", "--no-binary", "docopt"]
    done = subprocess.run(
        [*command, *args], cwd=ROOT, env=env, capture_output=True, text=True, errors="replace", check=False
    )
    return (done.stderr.strip() or "no reason given") if done.returncode else ""


# run


def configured(name: str, default: str) -> str:
    """A value of [server]: Streamlit's own order, environment first, then .streamlit/config.toml."""
    value = os.environ.get(f"STREAMLIT_SERVER_{name.upper()}")
    if value:
        return value
    import tomllib

    try:
        config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return default
    return str(config.get("server", {}).get(name, default))


def check_port(address: str, port: int) -> None:
    """Raise Stop if the dashboard could not listen there."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        if os.name != "nt":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((address, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
                other = f"python dev.py run --port {free_port()}"
                raise Stop(f"Port {port} is in use, perhaps by another Greenroom; stop that, or: {other}") from None
            raise Stop(f"Cannot listen on {address} port {port}: {error.strerror}; try another with --port") from None


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def run(args: Sequence[str]) -> NoReturn:
    cli = argparse.ArgumentParser(prog="dev.py run", description="Start the dashboard.")
    cli.add_argument("--port", help="the port to listen on, by default 8501 or STREAMLIT_SERVER_PORT")
    options, rest = cli.parse_known_args(args)
    port = options.port or configured("port", "8501")
    address = configured("address", "127.0.0.1")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise Stop(f"The port must be a number from 1 to 65535, and this is {port!r}")
    check_port(address, int(port))
    ready(RUN)
    shown = "localhost" if address in ("127.0.0.1", "0.0.0.0", "::", "::1") else address  # noqa: S104
    say(f"Greenroom: http://{shown}:{port}  (Ctrl-C ends it)")
    env = {**os.environ, "STREAMLIT_SERVER_PORT": port, "STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE": "true"}
    become([str(PYTHON), "-m", "streamlit", "run", "app.py", *rest], env)


# test, check, bench


def find_browser() -> str | None:
    """An installed Chrome, Edge or Chromium, or None."""
    if os.name == "nt":
        roots = [os.environ.get(name, "") for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
        found = [Path(root) / path for root in roots if root for path in WINDOWS_BROWSERS]
    elif sys.platform == "darwin":
        roots = ["/Applications", str(Path.home() / "Applications")]
        found = [Path(root) / f"{n}.app" / "Contents" / "MacOS" / n for root in roots for n in MAC_BROWSERS]
    else:
        return next(filter(None, map(shutil.which, BROWSERS)), None)
    return next((str(path) for path in found if path.exists()), None)


def on_debian_as_root() -> bool:
    try:
        system = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return "ID=debian" in system and root and shutil.which("apt-get") is not None


def find_postgresql() -> Path | None:
    """The folder of a PostgreSQL server's programs, the newest one, or None. On Windows tests start none."""
    if os.name == "nt":
        return None
    places = [Path(place) for pattern in POSTGRESQL for place in Path("/").glob(pattern[1:])]
    on_path = shutil.which("initdb")
    found = [place for place in places if (place / "initdb").exists() and (place / "postgres").exists()]
    if on_path:
        return Path(on_path).resolve().parent
    return max(found, key=lambda place: [int(number) for number in re.findall(r"\d+", str(place))], default=None)


def from_debian(*packages: str) -> list[list[str]]:
    return [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *packages]]


def fetch(what: str, steps: Sequence[Sequence[str]]) -> None:
    """Run the steps that install it for the tests; a failure is said and leaves it missing."""
    say(f"Fetching {what} for the tests")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in steps:
        done = subprocess.run(step, env=env, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            told = (done.stdout + done.stderr).strip().splitlines() or ["no reason given"]
            say(f"That failed ({told[-1]}): tests that need {what} can't run here")
            return


def get_browser() -> str | None:
    """The browser to test with: installed, else fetched. None leaves it to Playwright's own, if that came."""
    path = os.environ.get("CHROMIUM") or find_browser()
    if path:
        return path
    playwrights = [[str(PYTHON), "-m", "playwright", "install", "chromium"]]
    fetch("Chromium", from_debian("chromium") if on_debian_as_root() else playwrights)
    return find_browser()


def get_postgresql() -> None:
    """See to it that tests can start a PostgreSQL of their own, where that can be installed."""
    if not os.environ.get("TEST_DATABASE_URL") and find_postgresql() is None and on_debian_as_root():
        fetch("PostgreSQL", from_debian("postgresql"))


def test(args: Sequence[str]) -> NoReturn:
    ready(DEV)
    whole = ALL in args
    if whole:
        WORKER.prepare(WITH_WORKER)
        MODEL.prepare(WITH_MODEL)
    get_postgresql()
    browser = get_browser()
    env = {**os.environ, **({"CHROMIUM": browser} if browser else {}), "TEST_WORKER": "1" if whole else ""}
    chosen = [arg for arg in args if arg != ALL]
    become([str(PYTHON), "-m", "pytest", *(chosen or side_by_side())], env)


def side_by_side() -> list[str]:
    """How all tests run: one process more than there are cores, since many tests wait, and eight at most."""
    return ["-n", str(min((os.cpu_count() or 1) + 1, 8)), "--dist", "worksteal"]


def worker(args: Sequence[str]) -> NoReturn:
    """`--daily` leaves out what only the sandbox needs."""
    WORKER.prepare(WITH_WORKER[:1] if "--daily" in args else WITH_WORKER)
    say("The worker is ready. TAVUS_AVATAR_MODE=pipecat_daily in .env makes calls use it.")
    sys.exit(0)


def resolve(args: Sequence[str]) -> NoReturn:
    """Ask for what both locks pin, and for any version of what the worker names."""
    ready(DEV)
    wrong = []
    for name in (DEV_LOCK, *WITH_WORKER):
        for system, platform in SYSTEMS.items():
            told = unresolved(name, platform)
            if (name, system) in UNSERVED:
                say(f"{name} for {system}: " + ("no, as documented" if told else "yes now; docs/platforms.md says no"))
                continue
            say(f"{name} for {system}: {'no' if told else 'yes'}")
            wrong += [f"{name} for {system}: {told}"] if told else []
    say("\n\n".join(["resolve: these can't be installed", *wrong]) if wrong else "resolve: all can be installed")
    sys.exit(1 if wrong else 0)


def unresolved(name: str, platform: str) -> str:
    """Why the packages of a file can't be found for a platform, and for which Python; "" if they can."""
    for version in PYTHONS if name in LOCKS else PYTHONS[:1]:
        if told := compiled("--python-version", version, "--python-platform", platform, name):
            return f"Python {version}: {told}"
    return ""


def check(args: Sequence[str]) -> NoReturn:
    say("== lock")
    ready(DEV)
    steps = {
        "ruff check": ["ruff", "check", "--quiet", *args],
        "ruff format": ["ruff", "format", "--check", "--quiet", *args],
        "mypy": ["mypy", "app.py", "dev.py", "lib", "pages", "tests"],
        "layers": ["pytest", "-q", "tests/test_layers.py"],
    }
    failed = []
    for name, step in steps.items():
        say(f"== {name}")
        if subprocess.run([str(PYTHON), "-m", *step], cwd=ROOT, check=False).returncode:
            failed.append(name)
    say(f"check: {', '.join(failed)} failed" if failed else "check: all clean")
    sys.exit(1 if failed else 0)


def bench(args: Sequence[str]) -> NoReturn:
    ready(DEV)
    become([str(PYTHON), "-m", "tests.bench", *args], os.environ)


def mutants(args: Sequence[str]) -> NoReturn:
    ready(DEV)
    become([str(PYTHON), "-m", "tests.mutants", *args], os.environ)


COMMANDS = {
    "run": run, "test": test, "check": check, "lock": lock, "resolve": resolve, "worker": worker, "bench": bench,
    "mutants": mutants,
}  # fmt: skip


def main(args: Sequence[str]) -> int:
    if not args or args[0] not in COMMANDS:
        print(__doc__)
        return 0 if args and args[0] in ("-h", "--help", "help") else 2
    try:
        check_python()
        COMMANDS[args[0]](args[1:])
    except Stop as reason:
        print(reason, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Could not go on: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
