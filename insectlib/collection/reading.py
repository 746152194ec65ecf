"""What a store holds, a shard at a time: memory does not grow with the collection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from insectlib.collection.job import cut
from insectlib.collection.store import Store
from insectlib.data.digests import arrays_digest
from insectlib.explain.masking.regions import spread


class Piece(NamedTuple):
    """The pictures of one shard that could be read, with what their explanations say.

    Parameters
    ----------
    places : int64 array, shape (n,)
        Where they stand in the collection.
    images : float32 array, shape (n, side, side, channels)
    maps : float64 array, shape (n, side, side)
        Attributions for the explained output that is largest; they add up over regions.
    outputs : float64 array, shape (n, k)
    classes : int64 array, shape (n,)
        Which of the model's outputs that is.
    """

    places: NDArray[np.int64]
    images: NDArray[np.float32]
    maps: NDArray[np.float64]
    outputs: NDArray[np.float64]
    classes: NDArray[np.int64]


def pieces(store: Store) -> Iterator[Piece]:
    """Yield a store shard by shard, with its pictures read, and cut, again.

    Chapter ``12_collection``.

    Raises
    ------
    ValueError
        When the run has not finished, or pictures are no longer those that were explained.
    """
    n_segments = store.about["settings"]["n_segments"]
    ledger = store.ledger()
    if len(ledger) < store.n_shards:
        raise ValueError(
            f"{store.path} has {len(ledger)} of {store.n_shards} shards: let its run end first"
        )
    for index in tqdm(range(store.n_shards), unit="shard", disable=None):  # on a terminal only
        first, last = store.span(index)
        images, _ = store.pictures.read(first, last)
        segments = np.stack([cut(image, n_segments) for image in images])
        if arrays_digest(segments) != ledger[index]["segments"]:
            raise ValueError(
                f"pictures {first} to {last - 1} below {store.pictures.source} are not those that "
                "were explained; put them back, or explain the folder as it is in another store"
            )
        outputs, values = store.row("output", first, last), store.values(first, last)
        there = np.flatnonzero(np.isfinite(outputs).all(axis=1))
        if not len(there):
            continue
        largest = outputs[there].argmax(axis=1)
        maps = [
            spread(values[i, : segments[i].max() + 1, [k]].T, segments[i], 1)[:, :, 0, 0]
            for i, k in zip(there, largest, strict=True)
        ]
        classes = store.row("class", first, last)[there, largest].astype(np.int64)
        yield Piece(first + there, images[there], np.stack(maps), outputs[there], classes)
