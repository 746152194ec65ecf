"""Programs killed at random moments, and run again."""

from __future__ import annotations

import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from bench.faults.chapter import build, execute, project
from bench.faults.outcome import Outcome
from bench.faults.started import Ended, Started, job

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
Start = Callable[[Path], Started]


def run(folder: Path, seed: int) -> list[Outcome]:
    """Kill drawing, training, executing and building."""
    # a shell lets what it starts in the background ignore it, and that is handed down
    signal.signal(signal.SIGINT, signal.default_int_handler)
    book = project(folder / "book")
    plan: list[tuple[str, Start, int]] = [
        ("drawing", partial(job, "drawing"), 3),
        ("training", partial(job, "training"), 3),
        ("executing a chapter", partial(execute, book), 2),
        ("`make book`", partial(build, book), 2),
    ]
    found = []
    for what, start, rounds in plan:
        expected = start(folder / "undisturbed").wait()
        if expected.status:
            raise RuntimeError(f"{what} fails undisturbed: {expected.errors}")
        moments = random.Random(f"{what} {seed}")
        found.append(killed(what, start, rounds, folder / "cache", expected, moments))
        print(found[-1], file=sys.stderr)
        shutil.rmtree(folder / "undisturbed")
    return found


def killed(
    what: str, start: Start, rounds: int, cache: Path, expected: Ended, moments: random.Random
) -> Outcome:
    """Kill a program with one signal after the other, at random moments, and let it then end."""
    counts = dict.fromkeys(("times", "recovered", "lost", "different", "hangs", "orphans"), 0)
    seconds = []
    for _ in range(rounds):
        hit, latest = 0, expected.seconds
        while not hit:  # a program that was slow undisturbed may end before the first moment
            shutil.rmtree(cache, ignore_errors=True)
            for number in SIGNALS:
                program = start(cache)
                time.sleep(moments.uniform(0.1, 1) * latest)
                if program.running():  # what earlier ones had done may have been all of it
                    program.send(number)
                    hit += 1
                counts["hangs"] += program.wait().hung
                counts["orphans"] += program.orphans()
            latest /= 2
        again = start(cache).wait()
        seconds.append(again.seconds)
        counts["hangs"] += again.hung
        counts["times"] += hit
        if again.status:
            counts["lost"] += hit
            print(again.errors, file=sys.stderr)
        else:
            right = again.result == expected.result
            counts["recovered" if right else "different"] += hit
    shutil.rmtree(cache, ignore_errors=True)
    names = ", ".join(number.name for number in SIGNALS)
    return Outcome(f"{what}: {names} in turn", **counts, seconds=median(seconds))
