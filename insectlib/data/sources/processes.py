"""Drawing on several cores."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import TypeVar

J = TypeVar("J")
R = TypeVar("R")

FEW = 3  # jobs that one process does sooner than others could start


def on_cores(
    function: Callable[[J], R], jobs: Sequence[J], workers: int | None = None
) -> Iterator[R]:
    """Do jobs in several processes; in this one where they are few, or others cannot start.

    Parameters
    ----------
    function : callable
        Of a module, so that another process finds it.
    jobs : sequence
        What `function` is called with, one after the other.
    workers : int, optional
        Processes; 1 works in this one. As many as there are cores where this is missing.

    Yields
    ------
    object
        What `function` returned, in the order of the jobs.

    Raises
    ------
    ValueError
        For workers below 1.
    """
    workers = _cores() if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers {workers}: expected 1 or more")
    done = 0
    if workers > 1 and len(jobs) > FEW:
        # spawned, not forked: a fork of a process that runs TensorFlow's threads can hang
        pool = ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_follow_parent
        )
        try:
            for result in pool.map(function, jobs):
                yield result
                done += 1
        except (BrokenProcessPool, OSError):
            pass  # the rest is done here
        finally:
            pool.shutdown(cancel_futures=True)
    yield from map(function, jobs[done:])


def _follow_parent() -> None:
    """Let a worker end when its parent does, also when that is killed; it alone minds Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None, "called in a worker"

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
