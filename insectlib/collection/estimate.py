"""What a run will cost, from a small sample of it (chapter 12)."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from insectlib.collection.job import BATCH, Job, load_model, records
from insectlib.collection.pictures import Pictures
from insectlib.collection.run import client_of, cores


class Estimate(NamedTuple):
    """What a run is expected to take.

    Parameters
    ----------
    pictures, workers : int
        How many there are.
    seconds : float
        From the call to its end, starting the workers included.
    bytes : int
        Room of the store.
    evaluations : int
        Of the model.
    """

    pictures: int
    workers: int
    seconds: float
    bytes: int
    evaluations: int

    def __str__(self) -> str:
        hours = self.seconds / 3600
        duration = f"{hours:,.1f} hours" if hours >= 1 else f"{self.seconds:,.0f} s"
        return (
            f"{self.pictures:,} pictures with {self.workers} workers: about {duration}, "
            f"{self.evaluations:,} evaluations and {self.bytes / 1e6:,.1f} MB"
        )


def estimate_run(
    folder: Path | str,
    model: str,
    *,
    size: int,
    workers: int | None = None,
    shard: int = 64,
    dtype: str = "float32",
    sample: int = 2,
    seed: int = 0,
    **settings: Any,
) -> Estimate:
    """Estimate what `explain_collection` will take, by explaining a sample.

    Every worker explains one batch that does not count, since the model is still being prepared,
    and then `sample` that do, all at the same time, as in the run.

    Parameters
    ----------
    folder, model, size, workers, shard, dtype, seed, settings
        As for `explain_collection`.
    sample : int
        Batches for each worker; their pictures are drawn at random over the whole folder.

    Returns
    -------
    Estimate

    Raises
    ------
    FileNotFoundError, ValueError
        As `explain_collection`.
    """
    begun = time.perf_counter()
    pictures = Pictures.below(folder, size)
    address = str(Path(model).resolve()) if model.endswith(".keras") else model
    options = {name: settings.pop(name) for name in list(settings) if name not in _OF_JOB}
    job = Job(address, seed=seed, options=options, batch=min(shard, BATCH), **settings)
    load_model(address)
    n, count = len(pictures.names), min(workers or cores(), math.ceil(len(pictures.names) / shard))
    order = np.random.default_rng(seed).choice(n, size=(count, sample + 1, job.batch))
    with client_of(count) as client:
        # scattered to named workers, for two on one would time each other
        names = list(client.scheduler_info(n_workers=-1)["workers"])
        futures = [
            client.submit(timed, job, pictures, rows.tolist(), workers=[name], pure=False)
            for name, rows in zip(names, order, strict=True)
        ]
        measured = client.gather(futures)
    startup = time.perf_counter() - begun - max(first + rest for first, rest, _, _ in measured)
    each = float(np.mean([rest / (sample * job.batch) for _, rest, _, _ in measured]))
    prepare = max(first for first, _, _, _ in measured) - each * job.batch
    asked = float(np.mean([evaluations for _, _, evaluations, _ in measured])) / job.batch
    # the slowest worker ends last, with whole batches
    batches = math.ceil(math.ceil(n / shard) / count) * math.ceil(min(shard, n) / job.batch)
    seconds = startup + max(prepare, 0) + batches * job.batch * each
    numbers = n * (job.n_segments + 3) * measured[0][3]
    return Estimate(n, count, seconds, numbers * np.dtype(dtype).itemsize, round(n * asked))


_OF_JOB = ("explainer", "n_segments", "baseline", "target", "output")


def timed(job: Job, pictures: Pictures, batches: list[list[int]]) -> tuple[float, float, int, int]:
    """Explain batches: return seconds of the first and of the others, evaluations and outputs."""
    seconds, asked, outputs = [], 0, 0
    for rows in batches:
        start = time.perf_counter()
        images = np.concatenate([pictures.read(i, i + 1)[0] for i in rows])
        table, _, asked = records(job, images)
        outputs = table.shape[2]
        seconds.append(time.perf_counter() - start)
    return seconds[0], sum(seconds[1:]), asked, outputs
