"""Explain a whole collection with Dask, so that what is done stays done (chapter 12)."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from insectlib.collection.job import BATCH, Job, load_model, records
from insectlib.collection.pictures import STACK, Pictures
from insectlib.collection.store import JOB, Store, alone, check_same, settings
from insectlib.data.cache import write_whole
from insectlib.data.digests import arrays_digest
from insectlib.data.imageset import ImageSet

if TYPE_CHECKING:
    from distributed import Client

AHEAD = 2
"""Shards in flight for each worker: one that it works on, and one that waits."""


def explain_collection(
    pictures: Path | str | ImageSet,
    model: str,
    store: Path | str,
    *,
    size: int | None = None,
    explainer: str = "kernel_shap",
    n_segments: int = 50,
    baseline: str | list[float] = "mean",
    target: int | str | list[int] | None = None,
    output: str = "logits",
    seed: int = 0,
    shard: int = 64,
    dtype: str = "float32",
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = True,
    **options: Any,
) -> Store:
    """Explain every picture of a collection, or go on where an earlier run stopped.

    Chapter ``12_collection``. A shard of pictures is one task and one file, written once. Whatever
    ends the run, the shards that were finished are kept; the same call goes on with the others.
    On machines of one kind, with the same versions, the numbers are the same to the byte as those
    of a run that nothing stopped.

    Parameters
    ----------
    pictures : Path, str or ImageSet
        A folder with picture files at any depth, or pictures in memory, which are copied into the
        store. On a cluster every worker has to see the folder, and the store, under one path.
    model : str
        A ``.keras`` file, or ``"package.module:function"``.
    store : Path or str
        Folder of the store, new or of the same settings.
    size : int, optional
        Side in pixels to which the files of a folder are brought; those of an ImageSet have one.
    explainer : str
        Name of an explainer that compares with a baseline; see `insectlib.collection.EXPLAINERS`.
    n_segments : int
        Superpixels of a picture at most.
    baseline : str or list of float
        ``"mean"`` (each picture's own colour), ``"blur"``, or one colour.
    target, output, seed
        As in `insectlib.explain.kernel_shap`.
    shard : int
        Pictures in one task.
    dtype : {"float32", "float16"}
        What is kept of each number.
    workers : int, optional
        Processes on this machine; as many as there are cores where missing.
    scheduler : str, optional
        Address of a Dask scheduler that is there already, such as ``"tcp://host:8786"``; then its
        workers do the work.
    progress : bool
        Whether to show a bar over the pictures, with their rate and the time left.
    **options
        What else the explainer takes, such as ``budget=300``.

    Returns
    -------
    Store
        Finished: every picture is explained, or named in `Store.unreadable`.

    Raises
    ------
    FileNotFoundError
        When the folder or the model is not there.
    ValueError
        For settings that nothing can be done with, or that are not those of the store; and when the
        model cannot be explained, as the explainer says it.
    RuntimeError
        When another run holds the store, or a shard ends each worker that takes it.
    OSError
        When a shard cannot be written, such as on a full disk, and when the scheduler is gone.
    """
    path = store_path(store)
    address = str(Path(model).resolve()) if model.endswith(".keras") else model
    job = Job(
        address, explainer, n_segments, baseline, target, output, seed, options, min(shard, BATCH)
    )
    load_model(job.model)
    with alone(path):
        listed = _listed(pictures, path, size)
        wanted = settings(listed, job)
        if (path / JOB).exists():
            opened = Store(path)
            check_same(opened, wanted)
        else:
            first, _, _ = records(job, listed.read(0, 1)[0])
            opened = Store.begin(
                path, listed, job, shard=shard, dtype=dtype, outputs=first.shape[2]
            )
        missing = list(opened.missing())
        with tqdm(
            total=len(listed.names),
            initial=len(listed.names) - sum(b - a for a, b in map(opened.span, missing)),
            unit="picture",
            disable=not progress,
        ) as bar:

            def finished(line: Mapping[str, Any]) -> None:
                opened.note(line)
                first, last = opened.span(line["shard"])
                bar.update(last - first)

            if missing:
                with client_of(min(workers or cores(), len(missing)), scheduler) as client:
                    _distribute(client, path, job, missing, finished)
    return opened


def explain_shard(path: str, job: Job, index: int) -> dict[str, Any]:
    """Explain the pictures of one shard and write it: what a worker does.

    Batches begin at multiples of ``job.batch``, and the last one is filled up, so that a picture
    always stands in the same company.

    Returns
    -------
    dict
        The shard's line for the ledger.
    """
    start = time.perf_counter()
    store = Store(path)
    first, last = store.span(index)
    tables, cuts, evaluations = [], [], 0
    unreadable: dict[int, str] = {}
    for begin in range(first, last, job.batch):
        images, bad = store.pictures.read(begin, begin + job.batch)
        table, segments, asked = records(job, images)
        table[[i - begin for i in bad]] = np.nan
        tables.append(table[: last - begin])
        cuts.append(segments[: last - begin])
        unreadable |= bad
        evaluations += asked
    digest = store.write(index, np.concatenate(tables))
    return {
        "shard": index,
        "sha256": digest,
        "segments": arrays_digest(np.concatenate(cuts)),
        "unreadable": {str(i): reason for i, reason in unreadable.items()},
        "evaluations": evaluations,
        "seconds": round(time.perf_counter() - start, 3),
    }


def store_path(store: Path | str) -> Path:
    """Return the folder of a store, and refuse an address such as ``s3://bucket/store``.

    Raises
    ------
    ValueError
        For an address: a ledger is a file that lines are added to, and that is locked and brought
        to the disk, and object stores can do none of it; ``memory://`` is seen by one process.
    """
    # a path has lost one of the two slashes; a single letter is a drive
    if re.match(r"[A-Za-z][\w+.-]+:/", str(store)):
        raise ValueError(
            f"store {store} is an address; expected a folder that all workers see: the ledger is "
            "locked, and lines are added to it, which object stores cannot do. Explain into a "
            "folder. A finished one can be copied there, and zarr.open_array reads its records"
        )
    return Path(store).resolve()


def _listed(pictures: Path | str | ImageSet, path: Path, size: int | None) -> Pictures:
    if isinstance(pictures, ImageSet):
        file = path / STACK
        write_whole(file, lambda draft: np.save(draft, pictures.images, allow_pickle=False))
        return Pictures(str(file), pictures.images.shape[1], list(map(str, pictures.names)))
    if size is None:
        raise ValueError("size is missing: the side in pixels to which the files are brought")
    return Pictures.below(pictures, size)


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def client_of(workers: int, scheduler: str | None = None) -> Iterator[Client]:
    """Yield a client of the scheduler that is named, or of workers on this machine."""
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        with Client(scheduler, timeout=30) as client:
            yield client
        return
    # its nanny starts a worker that was killed again, which may take long on a busy machine
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "1 day"}):
        try:
            # one process a core, each with one thread: its sums then have one order
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                memory_limit=0,
                preload=["insectlib.collection.threads"],
            )
        except RuntimeError as error:
            raise RuntimeError(
                f"the workers could not be started ({error}); what is finished is kept, and the "
                "same call goes on"
            ) from error
        with cluster, Client(cluster) as client:
            yield client


def _distribute(
    client: Client,
    path: Path,
    job: Job,
    shards: list[int],
    finished: Callable[[Mapping[str, Any]], None],
) -> None:
    """Have the shards explained, with a few in flight at a time."""
    from distributed import CancelledError, KilledWorker, as_completed
    from distributed.comm.core import CommClosedError

    todo = iter(shards)

    def next_one() -> Any:
        index = next(todo, None)
        if index is None:
            return None
        return client.submit(explain_shard, str(path), job, index, pure=False, retries=2)

    in_flight = AHEAD * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    running = as_completed([f for f in (next_one() for _ in range(in_flight)) if f is not None])
    try:
        for future in running:
            finished(future.result())
            future.release()
            if (another := next_one()) is not None:
                running.add(another)
    except (CancelledError, CommClosedError) as error:
        raise ConnectionError(
            "the scheduler is gone; what is finished is kept, and the same call goes on"
        ) from error
    except KilledWorker as error:
        raise RuntimeError(
            f"a shard has ended several workers, for want of memory perhaps: {error}"
        ) from error
