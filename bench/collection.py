"""A whole collection explained: what is spent around the explainer, and what grows with what.

Both sides of a row run in turn on workers that are ready. Where it says CPU, the processor's
seconds of all processes are compared, which other programs beside them hardly change; the rows of
two workers and of the estimate are in seconds of the clock. No network is trained, for weights do
not change the time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from bench.row import Row

SCORES = Path(__file__).parent.parent / "tests" / "collection"
"""Holds a model that takes hardly any time: the brightness of quarters."""

SIZE, N, SHARD = 64, 96, 8
SEGMENTS, BUDGET = 24, 60
SETTINGS: dict[str, Any] = {
    "size": SIZE,
    "n_segments": SEGMENTS,
    "budget": BUDGET,
    "shard": SHARD,
}
EMPTY = 20_000
"""Tasks that do nothing, as many as the shards of 1.3 million pictures at the usual size."""
USUAL = 64
"""Pictures of a shard where nobody says otherwise."""

GROWTH = """
import resource, sys, time
from distributed import Client
from insectlib.collection import explain_collection
from bench.collection import cluster_of, peak_memory

if __name__ == "__main__":
    place = sys.argv[1]
    with cluster_of(2) as address, Client(address) as client:
        for name in ("100", "500", "5000"):  # the first does not count
            spent = time.process_time() + sum(client.run(time.process_time).values())
            explain_collection(
                f"{place}/{name}", "sums:scores", f"{place}/store {name}", size=16, n_segments=6,
                budget=60, output="scores", shard=16, scheduler=address, progress=False,
            )
            spent = time.process_time() + sum(client.run(time.process_time).values()) - spent
            print(spent / int(name), peak_memory(), max(client.run(peak_memory).values()))
"""


class Spent(NamedTuple):
    """Seconds of the clock, and of the processors."""

    clock: float
    cpu: float


def write_pictures(folder: Path, n: int, size: int) -> Path:
    """Write n pictures of noise."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for i in range(n):
        pixels = random.integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:05d}.png")
    return folder


@contextmanager
def cluster_of(workers: int) -> Iterator[str]:
    """Yield the address of a scheduler whose workers have started."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        dashboard_address=None,
        memory_limit=0,
        preload=["insectlib.collection.threads"],
    ) as cluster:
        yield cluster.scheduler_address


def peak_memory() -> float:
    """Return the most memory that this process has had, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def own_loop(pictures: Path, model: Path) -> Spent:
    """Explain pictures that are in memory, with the explainer alone; called on a worker."""
    from insectlib.collection import Pictures
    from insectlib.collection.job import cut, load_model
    from insectlib.explain import kernel_shap, mean_colour

    network = load_model(str(model))
    images, _ = Pictures.below(pictures, SIZE).read(0, N)
    start = Spent(time.perf_counter(), time.process_time())
    for first in range(0, N, SHARD):
        some = images[first : first + SHARD]
        segments = np.stack([cut(image, SEGMENTS) for image in some])
        baseline = np.stack([np.broadcast_to(mean_colour(i), i.shape) for i in some])
        kernel_shap(network, some, baseline, segments=segments, budget=BUDGET, seed=0)
    return Spent(time.perf_counter() - start.clock, time.process_time() - start.cpu)


def whole_run(client: Any, pictures: Path, model: Path, store: Path) -> Spent:
    """Explain the pictures with `explain_collection`, on the workers of a client."""
    from insectlib.collection import explain_collection

    def cpu() -> float:
        return time.process_time() + sum(client.run(time.process_time).values())

    clock, spent = time.perf_counter(), cpu()
    explain_collection(
        pictures,
        str(model),
        store,
        scheduler=client.scheduler.address,
        progress=False,
        **SETTINGS,
    )
    return Spent(time.perf_counter() - clock, cpu() - spent)


def in_turn(place: Path, pictures: Path, model: Path, repeats: int) -> dict[str, list[Spent]]:
    """Run one loop, two at once, one worker and two, in turn; the first time does not count."""
    from distributed import Client, wait

    spent: dict[str, list[Spent]] = {"loop": [], "loops": [], "one": [], "two": []}
    with ExitStack() as stack:
        one, two = (
            stack.enter_context(Client(stack.enter_context(cluster_of(workers))))
            for workers in (1, 2)
        )
        for repeat in range(repeats + 1):
            spent["loop"].append(one.submit(own_loop, pictures, model, pure=False).result())
            start = time.perf_counter()
            loops = [
                two.submit(own_loop, pictures, model, pure=False, workers=[worker])
                for worker in two.scheduler_info()["workers"]
            ]
            wait(loops)
            spent["loops"].append(
                Spent(time.perf_counter() - start, sum(loop.result().cpu for loop in loops))
            )
            spent["one"].append(whole_run(one, pictures, model, place / f"one {repeat}"))
            spent["two"].append(whole_run(two, pictures, model, place / f"two {repeat}"))
    return {name: measured[1:] for name, measured in spent.items()}


def store_cpu(place: Path) -> float:
    """Return the CPU seconds of writing a shard, and its line, to the disk."""
    from insectlib.collection import Store

    store = Store(place)
    first, last = store.span(0)
    table, line = np.asarray(store.records[first:last]), store.ledger()[0]
    start, times = time.process_time(), 50
    for _ in range(times):
        opened = Store(place)  # as each task does
        opened.write(0, table)
        opened.note(line)
    return (time.process_time() - start) / times


def estimates(place: Path, pictures: Path, model: Path, repeats: int) -> list[tuple[float, float]]:
    """Return the seconds that were expected of a run, and those that it took, in turn."""
    from insectlib.collection import estimate_run, explain_collection

    found = []
    for repeat in range(repeats):
        expected = estimate_run(pictures, str(model), workers=2, **SETTINGS).seconds
        start = time.perf_counter()
        store = place / f"expected {repeat}"
        explain_collection(pictures, str(model), store, workers=2, progress=False, **SETTINGS)
        found.append((expected, time.perf_counter() - start))
    return found


def growth(place: Path) -> tuple[list[float], list[float]]:
    """Explain 500 pictures and 5,000.

    Returns
    -------
    two lists of float
        For each: CPU seconds of a picture, peak memory of main process and of a worker, in MB.
    """
    for n in (100, 500, 5000):
        write_pictures(place / str(n), n, 16)
    script = place / "growth.py"
    script.write_text(GROWTH)
    paths = os.pathsep.join([str(SCORES), str(SCORES.parents[1])])
    ran = subprocess.run(
        [sys.executable, str(script), str(place)],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    few, many = (list(map(float, line.split())) for line in ran.stdout.splitlines()[-2:])
    return few, many


def scheduler_seconds() -> tuple[float, float]:
    """Return what an empty task takes of the first tenth, and of the last tenth.

    They are handed over a few at a time, as in a run. CPU seconds of the process that has the
    client and the scheduler.
    """
    from distributed import Client, as_completed

    with cluster_of(2) as address, Client(address) as client:

        def submit(i: int) -> Any:
            return client.submit(abs, i, pure=False)

        running = as_completed([submit(i) for i in range(4)])
        marks, handed = [time.process_time()], 4
        for done, future in enumerate(running, start=1):
            future.release()
            if handed < EMPTY:
                running.add(submit(handed))
                handed += 1
            if done % (EMPTY // 10) == 0:
                marks.append(time.process_time())
    tenths = np.diff(marks) / (EMPTY // 10)
    return float(tenths[0]), float(tenths[-1])


def rows(repeats: int) -> list[Row]:
    """Measure everything."""
    from insectlib.models import regularised_cnn

    with tempfile.TemporaryDirectory(prefix="collection-") as folder:
        place = Path(folder)
        pictures, model = write_pictures(place / "pictures", N, SIZE), place / "network.keras"
        regularised_cnn(SIZE, seed=0).save(model)
        spent = in_turn(place, pictures, model, repeats)
        kept = store_cpu(place / "one 1")
        expected = estimates(place, pictures, model, repeats)
        few, many = growth(place)
        first, last = scheduler_seconds()

    def middle(figure: Callable[[Any], float], name: str) -> float:
        return float(np.median([figure(each) for each in spent[name]]))

    def ratio(figure: Callable[[Any], float], ours: str, peer: str) -> float:
        pairs = zip(spent[ours], spent[peer], strict=True)
        return float(np.median([figure(a) / figure(b) for a, b in pairs]))

    def clock(each: Spent) -> float:
        return each.clock

    def cpu(each: Spent) -> float:
        return each.cpu

    cores = 2 * ratio(clock, "loop", "loops")
    of_shard = middle(cpu, "one") / (N / SHARD)
    of_usual = of_shard / SHARD * USUAL
    guess, actual = (float(np.median(side)) for side in zip(*expected, strict=True))
    return [
        Row(
            f"{N} pictures: one worker, beside two",
            f"{middle(clock, 'one'):.1f} s",
            f"two: {middle(clock, 'two'):.1f} s",
            ratio(clock, "one", "two"),
            f"1.70 or more; two bare loops at once: {cores:.2f}",
        ),
        Row(
            f"{N} pictures: two workers, beside one",
            f"{middle(cpu, 'two'):.1f} s CPU",
            f"one: {middle(cpu, 'one'):.1f} s CPU",
            ratio(cpu, "two", "one"),
            "",
        ),
        Row(
            f"{N} pictures: the whole run on one worker",
            f"{middle(cpu, 'one'):.1f} s CPU",
            f"the explainer's own loop: {middle(cpu, 'loop'):.1f} s CPU",
            ratio(cpu, "one", "loop"),
            "at most 1.25",
        ),
        Row(
            f"a shard of {SHARD} and its line to the disk",
            f"{1000 * kept:.0f} ms CPU",
            f"the shard's part of the run: {1000 * of_shard:.0f} ms CPU",
            kept / of_shard,
            "at most 0.05",
        ),
        Row(
            f"{N} pictures, two workers: estimate of `--dry-run`",
            f"{guess:.1f} s",
            f"the run that followed: {actual:.1f} s",
            float(np.median([a / b for a, b in expected])),
            "0.80 to 1.20",
        ),
        *(
            Row(
                f"{what} of 5,000",
                f"{a * scale:.1f} {unit}",
                f"of 500: {b * scale:.1f} {unit}",
                a / b,
                limit,
            )
            for what, a, b, scale, unit, limit in zip(
                (
                    "a picture",
                    "peak memory of the main process, pictures:",
                    "peak memory of a worker, pictures:",
                ),
                many,
                few,
                (1000, 1, 1),
                ("ms CPU", "MB", "MB"),
                ("at most 1.05", "at most 1.10", "at most 1.10"),
                strict=True,
            )
        ),
        Row(
            f"an empty task for the scheduler, the last tenth of {EMPTY:,}",
            f"{1000 * last:.2f} ms CPU",
            f"the first tenth: {1000 * first:.2f} ms CPU",
            last / first,
            "",
        ),
        Row(
            f"an empty task for the scheduler, beside a shard of {USUAL} pictures",
            f"{1000 * last:.2f} ms CPU",
            f"the shard: {1000 * of_usual:.0f} ms CPU",
            last / of_usual,
            "",
        ),
    ]
