"""Several at once, kept files that are damaged, and caches that cannot be written to."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.faults.jobs import JOBS
from bench.faults.outcome import Outcome
from bench.faults.started import Started, job

Damage = Callable[[Path, random.Random], object]

KEPT = {
    "specimens": ("drawing", "specimens/[!.]*/*"),
    "a network and its history": ("training", "models/[!.]*/*"),
    "an unfinished training": ("training", "models/*.partial/*"),
    "features": ("features", "features/[!.]*/*"),
    "a table of a game": ("game", "games/[!.]*/*"),
}
"""What is kept: the job that makes it, and its files in the cache."""

PROGRAMS = ("drawing", "training")
"""Jobs that are also done in processes of their own."""


def here(name: str, cache: Path) -> str:
    """Do a job in this process."""
    os.environ["INSECTLIB_CACHE"] = str(cache)
    return JOBS[name]()


def truncate(path: Path, places: random.Random) -> None:
    """Cut a file off somewhere."""
    os.truncate(path, places.randrange(path.stat().st_size))


def flip(path: Path, places: random.Random) -> None:
    """Flip one bit."""
    data = bytearray(path.read_bytes())
    data[places.randrange(len(data))] ^= 1 << places.randrange(8)
    path.write_bytes(data)


def zero(path: Path, places: random.Random) -> None:
    """Set everything behind some place to zero."""
    data = path.read_bytes()
    start = places.randrange(len(data))
    path.write_bytes(data[:start] + bytes(len(data) - start))


def append(path: Path, places: random.Random) -> None:
    """Append some bytes."""
    path.write_bytes(path.read_bytes() + places.randbytes(9))


def delete(path: Path, _: random.Random) -> None:
    """Delete a file."""
    path.unlink()


DAMAGES: dict[str, Damage] = {
    "truncated": truncate,
    "one bit flipped": flip,
    "zeroed": zero,
    "appended to": append,
    "deleted": delete,
}


def run(folder: Path, seed: int) -> list[Outcome]:
    """Try everything once."""
    found = []
    expected = {name: here(name, folder / name) for name in JOBS}
    for name in PROGRAMS:
        found.append(together(f"3 processes {name}", name, 3, folder / "cache", expected))
    shutil.copytree(folder / "drawing", folder / "cache")
    (kept,) = (folder / "cache/specimens").glob("[!.]*/images.npy")
    flip(kept, random.Random(seed))
    found.append(
        together("3 processes find one damaged store", "drawing", 3, folder / "cache", expected)
    )
    shutil.copytree(unfinished(folder / "cut off"), folder / "unfinished")
    for what, (name, pattern) in KEPT.items():
        source = folder / ("unfinished" if "unfinished" in what else name)
        places = random.Random(f"{what} {seed}")
        found.append(damaged(what, name, source, pattern, expected[name], places))
        print(found[-1], file=sys.stderr)
    for name in PROGRAMS:
        found.append(no_room(name, folder / "cache", expected[name]))
        print(found[-1], file=sys.stderr)
    return found


def judged(what: str, running: list[Started], expected: str) -> Outcome:
    """Wait for programs, and count how they ended."""
    ended = [program.wait() for program in running]
    for end in ended:
        if end.status:
            print(end.errors, file=sys.stderr)
    return Outcome(
        what,
        len(ended),
        recovered=sum(not end.status and end.result == expected for end in ended),
        lost=sum(end.status != 0 for end in ended),
        different=sum(not end.status and end.result != expected for end in ended),
        hangs=sum(end.hung for end in ended),
        orphans=sum(program.orphans() for program in running),
        seconds=median(end.seconds for end in ended),
    )


def together(what: str, name: str, n: int, cache: Path, expected: dict[str, str]) -> Outcome:
    """Let several processes do the same job at once."""
    outcome = judged(what, [job(name, cache) for _ in range(n)], expected[name])
    shutil.rmtree(cache)
    return outcome


def unfinished(cache: Path) -> Path:
    """Kill a training when it has kept its second epoch; return its cache."""
    program = job("training", cache)
    while not list(cache.glob("models/*.partial/[2-5].npz")):
        time.sleep(0.05)
    program.send(signal.SIGKILL)
    program.wait()
    return cache


def damaged(
    what: str, name: str, source: Path, pattern: str, expected: str, places: random.Random
) -> Outcome:
    """Damage each file in each way, do the job again in this process."""
    files = sorted(path.relative_to(source) for path in source.glob(pattern))
    counts = dict.fromkeys(("recovered", "lost", "different"), 0)
    seconds = []
    for file in files:
        for damage in DAMAGES.values():
            cache = source.with_name("damaged")
            shutil.copytree(source, cache)
            damage(cache / file, places)
            start = time.perf_counter()
            with warnings.catch_warnings(record=True):
                warnings.simplefilter("always")
                try:
                    right = here(name, cache) == expected
                    counts["recovered" if right else "different"] += 1
                except Exception as error:
                    counts["lost"] += 1
                    print(f"{what}, {file}, {damage}: {error!r}", file=sys.stderr)
            seconds.append(time.perf_counter() - start)
            shutil.rmtree(cache)
    names = ", ".join(sorted({f"`{file.name}`" for file in files}))
    title = f"{what}: {names}, each {', '.join(DAMAGES)}"
    return Outcome(title, len(seconds), **counts, seconds=median(seconds))


def no_room(name: str, cache: Path, expected: str) -> Outcome:
    """Do a job where no file can be larger than a block, and where the cache is read-only."""
    small = ("sh", "-c", 'ulimit -f 1; exec "$@"', "sh")
    # root may write everywhere, unless it gives that up
    humble = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()
    full, locked = cache.with_name("full"), cache.with_name("locked")
    locked.mkdir()
    locked.chmod(0o555)
    running = [job(name, full, *small), job(name, locked, *humble)]
    outcome = judged(f"{name}, with a full cache and a read-only one", running, expected)
    shutil.rmtree(full, ignore_errors=True)
    locked.rmdir()
    return outcome
