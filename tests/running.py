"""A dashboard of the test's own: the real `streamlit run`, a free port, an empty data folder, a clean environment."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.surroundings import for_a_process

ROOT = Path(__file__).resolve().parent.parent

NO_UVLOOP = "import sys\n\nsys.modules['uvloop'] = None\n"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Dashboard:
    """`streamlit run <script>` in a process of its own.

    `data` is its data folder (the database, and beside it the sandbox's state): hand one in to start a second
    dashboard on what the first one left; otherwise it is made and removed again. `env` adds to the clean environment
    or overrides it. `uvloop=False` hides uvloop from the process, so that it runs on asyncio's own loop, as on
    Windows. `cwd` decides which `.streamlit/config.toml` is read besides the one beside the script. `module` is run in
    Streamlit's place, for a start that is changed on purpose.

        with Dashboard() as d:
            requests.get(d.url + "/api/personas", headers={"Authorization": "Bearer sandbox"}, timeout=5)
    """

    def __init__(
        self,
        script: Path = ROOT / "app.py",
        *,
        env: Mapping[str, str] | None = None,
        data: Path | None = None,
        port: int | None = None,
        uvloop: bool = True,
        cwd: Path = ROOT,
        wait_s: float = 30.0,
        module: str = "streamlit",
    ) -> None:
        self._own = Path(tempfile.mkdtemp(prefix="greenroom-test-"))
        self.data = data or self._own / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._script, self._cwd, self._wait_s, self._module = script, cwd, wait_s, module
        self._log = self._own / "server.log"
        self.env = self._environment(dict(env or {}), uvloop)
        self.process: subprocess.Popen[bytes] | None = None

    def _environment(self, extra: dict[str, str], uvloop: bool) -> dict[str, str]:
        home = self._own / "home"
        home.mkdir()
        path = [str(self._own / "shim")] if not uvloop else []
        if not uvloop:
            (self._own / "shim").mkdir()
            (self._own / "shim" / "sitecustomize.py").write_text(NO_UVLOOP, encoding="utf-8")
        return {
            **for_a_process(),
            "HOME": str(home),
            "USERPROFILE": str(home),
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONPATH": os.pathsep.join(path),
            "DATABASE_URL": f"sqlite:///{(self.data / 'greenroom.db').as_posix()}",
            "STREAMLIT_SERVER_PORT": str(self.port),
            "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
            "STREAMLIT_SERVER_HEADLESS": "true",
            "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
            **extra,
        }

    @property
    def log(self) -> str:
        """All that the process wrote so far, both streams."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        if self.process is None:
            raise RuntimeError("not started")
        return self.process.pid

    def start(self) -> Dashboard:
        """Start, and wait until `/_stcore/health` answers. AssertionError with the log if it ends or stays mute."""
        command = [sys.executable, "-m", self._module, "run", str(self._script)]
        with self._log.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=self._cwd, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        give_up = time.monotonic() + self._wait_s
        while not self.healthy():
            if self.process.poll() is not None:
                raise AssertionError(f"the dashboard ended with {self.process.returncode}:\n{self.log}")
            if time.monotonic() > give_up:
                self.kill()
                raise AssertionError(f"no answer within {self._wait_s:.0f} s:\n{self.log}")
            time.sleep(0.05)
        return self

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/_stcore/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def send(self, sig: int = signal.SIGINT) -> None:
        """Send `sig` to the whole process group, as a terminal's Ctrl-C does."""
        if self.process is None or self.process.poll() is not None:
            return
        if sys.platform == "win32":
            self.process.terminate()
        else:
            os.killpg(self.process.pid, sig)

    def stop(self, sig: int = signal.SIGINT, wait_s: float = 10.0) -> float:
        """Signal, wait for the end, return the seconds it took. Kills and raises AssertionError after `wait_s`."""
        begun = time.monotonic()
        if self.process is not None:
            self.send(sig)
            try:
                self.process.wait(wait_s)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"still running {wait_s:.0f} s after signal {sig}:\n{self.log}") from None
        return time.monotonic() - begun

    def kill(self) -> None:
        """End it as a crash or a power cut would."""
        if self.process is not None and self.process.poll() is None:
            if sys.platform == "win32":
                self.process.kill()
            else:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def close(self) -> None:
        """Remove what it made. A data folder that was handed in stays."""
        self.kill()
        shutil.rmtree(self._own, ignore_errors=True)

    def __enter__(self) -> Dashboard:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self.close()
