"""Workers end with the process that started them, however that ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

SLEEPING = """
import os, signal, time
from insectlib.data.sources.processes import on_cores

def job(n):
    time.sleep(0 if n < 4 else 0.5)
    return os.getpid()

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
    for pid in on_cores(job, range(2000), workers=2):
        print(pid, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "sleeping.py"
    script.write_text(SLEEPING)
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 3, "two workers and the tracker of their semaphores"
    process.send_signal(number)
    assert process.wait(20) != 0
    _, left = psutil.wait_procs(children, timeout=10)
    left = [child for child in left if child.status() != psutil.STATUS_ZOMBIE]
    assert not left
