"""Start a program with a cache of its own, wait for it, and see what it leaves running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from insectlib.data.digests import settings_digest

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 300.0
"""Seconds after which a program counts as hung."""
GRACE = 10.0
"""Seconds in which children must end after their parent."""


@dataclass(frozen=True)
class Ended:
    """How a program ended: its status, what it made, what it complained of, and its time."""

    status: int
    result: str
    errors: str
    seconds: float
    hung: bool = False


class Started:
    """A program that runs, in a session of its own.

    Parameters
    ----------
    command : list of str
    cache : Path
        Becomes ``INSECTLIB_CACHE``, which also tells whose children are left.
    folder : Path, optional
        Where it runs.
    made : Path, optional
        The file that it makes; without one, the last line that it prints says what it made.
    """

    def __init__(
        self,
        command: list[str],
        cache: Path,
        folder: Path | None = None,
        made: Path | None = None,
    ) -> None:
        self.cache = cache
        self._made = made
        # files, not pipes: a child that is left would hold a pipe open
        self._files = [tempfile.TemporaryFile("w+") for _ in range(2)]  # noqa: SIM115
        self._begun = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            env=os.environ | {"INSECTLIB_CACHE": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd=folder or ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._files[0],
            stderr=self._files[1],
            start_new_session=True,
        )

    def send(self, number: int) -> None:
        """Send a signal to the program alone; SIGKILL also to those of its group."""
        if number == signal.SIGKILL:
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)

    def running(self) -> bool:
        """Say whether the program has not ended yet."""
        return self._process.poll() is None

    def wait(self) -> Ended:
        """Wait for its end, and stop it where that does not come."""
        hung = False
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            hung = True
            for process in self.family():
                process.kill()
            self._process.wait()
        seconds = time.perf_counter() - self._begun
        for file in self._files:
            file.seek(0)
        out, errors = (file.read() for file in self._files)
        return Ended(self._process.returncode, self._result(out), errors, seconds, hung)

    def _result(self, out: str) -> str:
        if self._made is None:
            return (out.strip().splitlines() or [""])[-1]
        if not self._made.exists():
            return "nothing"
        text = self._made.read_text()
        if self._made.suffix == ".ipynb":  # without its times, and without notices, which have them
            outputs = [o for cell in json.loads(text)["cells"] for o in cell.get("outputs", [])]
            text = json.dumps([o for o in outputs if o.get("name") != "stderr"])
        return settings_digest(text)

    def family(self) -> list[psutil.Process]:
        """Return all processes that have this cache, the program's own among them."""
        return [process for process in psutil.process_iter() if self._belongs(process)]

    def _belongs(self, process: psutil.Process) -> bool:
        try:
            return (
                process.environ().get("INSECTLIB_CACHE") == str(self.cache)
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.Error:
            return False

    def orphans(self) -> int:
        """Return how many processes have not ended some seconds after the program, and end them."""
        _, left = psutil.wait_procs(self.family(), timeout=GRACE)
        left = [process for process in left if self._belongs(process)]
        for process in left:
            process.kill()
        return len(left)


def job(name: str, cache: Path, *before: str) -> Started:
    """Start one of `bench.faults.jobs`, with another program before it where one is given."""
    return Started([*before, sys.executable, "-m", "bench.faults.jobs", name], cache)
