"""A collection that is explained, and everything that happens to long jobs meanwhile."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from PIL import Image

from bench.faults.caches import DAMAGES
from bench.faults.outcome import Outcome
from bench.faults.started import PATIENCE, Ended, Started
from insectlib.collection import Store

N, SHARD, SIZE = 96, 4, 16
GOES_ON = "what is finished is kept, and the same call goes on"
MODEL = """
import time
import numpy as np

def scores(pictures):
    time.sleep(0.05)  # moments enough to be killed in
    halves = np.array(pictures, dtype=np.float64).mean(axis=3)
    middle = halves.shape[1] // 2
    quarters = (halves[:, :middle, :middle], halves[:, middle:, :middle], halves[:, middle:])
    return np.stack([quarter.mean(axis=(1, 2)) for quarter in quarters], axis=1)
"""
"""A module that any worker can import: the brightness of quarters."""

JOB = f"""
import sys
from insectlib.collection import explain_collection
from insectlib.data.digests import arrays_digest
if __name__ == "__main__":
    folder, store, *more = sys.argv[1:]
    done = explain_collection(
        folder, "quarters:scores", store, size={SIZE}, n_segments=6, budget=400, output="scores",
        shard={SHARD}, workers=2, progress=False, scheduler=more[0] if more else None,
    )
    print(arrays_digest(done.records[:]), len(done.ledger()), len(done.unreadable()))
"""


def run(folder: Path, seed: int) -> list[Outcome]:
    """Kill workers, the main process and the scheduler; fill the disk; damage and corrupt files."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    (folder / "quarters.py").write_text(MODEL)
    (folder / "job.py").write_text(JOB)
    pictures(folder / "pictures", seed)
    moments = random.Random(seed)
    whole = explain(folder, "whole").wait()
    if whole.status:
        raise RuntimeError(f"the undisturbed run fails: {whole.errors}")
    found = []
    for scenario in (main_killed, workers_killed, scheduler_gone, full_disk, damaged):
        found.append(scenario(folder, whole, moments))
        print(found[-1], file=sys.stderr)
    return found


def pictures(folder: Path, seed: int) -> None:
    """Write pictures, one of twenty of which is cut off, empty or no picture."""
    folder.mkdir()
    values = np.random.default_rng(seed)
    for i in range(N):
        path = folder / f"{i:03d}.png"
        Image.fromarray(values.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(path)
        if i % 20 == 7:
            whole = path.read_bytes()
            path.write_bytes((whole[: len(whole) // 2], b"", b"no picture")[i % 3])


def explain(folder: Path, store: str, *more: str) -> Started:
    """Start a run in a process of its own."""
    command = [sys.executable, str(folder / "job.py"), str(folder / "pictures")]
    return Started([*command, str(folder / store), *more], folder / "cache")


def done(store: Path) -> int:
    """Return how many shards are in the ledger."""
    ledger = store / "ledger.jsonl"
    return len(ledger.read_bytes().splitlines()) if ledger.exists() else 0


def counted(
    what: str, ended: list[Ended], expected: Ended, orphans: int = 0, faults: int = 1
) -> Outcome:
    """Compare how runs ended, after so many faults each, with the undisturbed one."""
    for end in ended:
        if end.status:
            print(end.errors, file=sys.stderr)
    right = sum(not end.status and end.result == expected.result for end in ended)
    failed = sum(end.status != 0 for end in ended)
    return Outcome(
        f"explaining a collection: {what}",
        len(ended) * faults,
        recovered=right * faults,
        lost=failed * faults,
        different=(len(ended) - right - failed) * faults,
        hangs=sum(end.hung for end in ended),
        orphans=orphans,
        seconds=median(end.seconds for end in ended),
    )


def reached(program: Started, store: Path, shards: int) -> bool:
    """Wait until so many shards are finished, or the program has ended; say whether it runs."""
    latest = time.monotonic() + PATIENCE
    while program.running() and done(store) < shards and time.monotonic() < latest:
        time.sleep(0.01)
    return program.running()


def main_killed(folder: Path, expected: Ended, moments: random.Random) -> Outcome:
    """SIGKILL one run after the other at random moments; then let one end. Twice."""
    ended, orphans, kills = [], 0, 5
    store = folder / "killed"
    for _ in range(2):
        for kill in range(kills):
            program = explain(folder, store.name)
            wanted = done(store) + moments.randrange(4)
            if not reached(program, store, wanted):
                raise RuntimeError(f"a run ended before its kill {kill}: {program.wait()}")
            time.sleep(moments.uniform(0, 0.5))
            program._process.kill()  # alone: its workers have to notice
            program.wait()
            orphans += program.orphans()
        ended.append(explain(folder, store.name).wait())
        shutil.rmtree(store)
    return counted("SIGKILL of the run", ended, expected, orphans, kills)


def workers_killed(folder: Path, expected: Ended, moments: random.Random) -> Outcome:
    """SIGKILL one of two workers at random moments of a run, several times. Twice."""
    ended, orphans, kills = [], 0, 5
    store = folder / "killed"
    for _ in range(2):
        program = explain(folder, store.name)
        for kill in range(kills):
            # each has begun its next shard at least, and nobody is worked on five times
            wanted = moments.randrange(3 * kill, 3 * kill + 3)
            while not reached(program, store, wanted):
                end = program.wait()
                if not end.status or GOES_ON not in end.errors:
                    raise RuntimeError(f"the run ended before its kill {kill}: {end}")
                program = explain(folder, store.name)  # that worker was about to start
            time.sleep(moments.uniform(0, 0.5))
            moments.choice(workers(program)).kill()
        ended.append(program.wait())
        orphans += program.orphans()
        shutil.rmtree(store)
    return counted("SIGKILL of one of two workers", ended, expected, orphans, kills)


def workers(program: Started) -> list[psutil.Process]:
    """Return the workers of a run, once there is one."""
    while True:
        found = [p for p in program.family() if "spawn_main" in " ".join(p.cmdline())]
        if found:
            return found
        time.sleep(0.1)


def scheduler_gone(folder: Path, expected: Ended, moments: random.Random) -> Outcome:
    """End the scheduler of a cluster while its workers explain; then go on without it."""
    ended = []
    preload = ["--preload", "insectlib.collection.threads"]
    for _ in range(2):
        address_file = Path(tempfile.mkdtemp(dir=folder)) / "scheduler.json"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        dask = [sys.executable, "-m", "distributed.cli"]
        scheduler = [*dask[:2], "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
        worker = [*dask[:2], "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny"]
        file = ["--scheduler-file", str(address_file)]
        processes = [subprocess.Popen([*scheduler, *file], **quiet)]
        while not address_file.exists():
            time.sleep(0.05)
        address = json.loads(address_file.read_text())["address"]
        processes += [
            subprocess.Popen([*worker, address, "--death-timeout", "10", *preload], **quiet)
            for _ in range(2)
        ]
        store = folder / "gone"
        program = explain(folder, store.name, address)
        reached(program, store, moments.randrange(2, 12))
        processes[0].kill()
        cut_off = program.wait()
        again = explain(folder, store.name).wait()
        ended.append(again if cut_off.status and not cut_off.hung else cut_off)
        for process in processes:
            process.kill()
            process.wait()
        shutil.rmtree(store)
    return counted("SIGKILL of the scheduler, then without one", ended, expected)


def full_disk(folder: Path, expected: Ended, _: random.Random) -> Outcome:
    """Explain into a small file system, until it is full; make room; go on."""
    small = folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=True)
    try:
        first = explain(folder, "small/store").wait()
        clear = first.status != 0 and "No space left" in first.errors
        subprocess.run(["mount", "-o", "remount,size=4m", str(small)], check=True)
        again = explain(folder, "small/store").wait()
    finally:
        subprocess.run(["umount", str(small)], check=True)
    end = again if clear else first
    return counted("a full disk of 64 kB, then room", [end], expected)


def damaged(folder: Path, expected: Ended, places: random.Random) -> Outcome:
    """Damage shards of a finished store in each way, two at a time, and start the run again."""
    ended = []
    for damage in DAMAGES.values():
        shutil.copytree(folder / "whole", folder / "damaged")
        store = Store(folder / "damaged")
        for index in places.sample(range(store.n_shards), 2):
            damage(store.path / "records" / "c" / str(index) / "0" / "0", places)
        ended.append(explain(folder, "damaged").wait())
        shutil.rmtree(folder / "damaged")
    names = ", ".join(DAMAGES)
    return counted(f"two of its files, each {names}", ended, expected)
