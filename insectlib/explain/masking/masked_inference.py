"""Many masked versions of a picture through a model, at the price of the bare forward passes.

A Keras network is asked inside its own graph (`insectlib.explain.masking.masking_graphs`): only the
coalitions cross, and where the network sees through windows, few pictures answer for many of them
(`insectlib.explain.masking.patchwork`). Any other function from pictures to scores gets pictures
that NumPy masks, a batch at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from insectlib.explain.masking.local_network import local_network
from insectlib.explain.masking.masking_graphs import BATCH, in_graph
from insectlib.explain.masking.patchwork import BLOCK, logits_by_patchwork
from insectlib.explain.masking.segments import mask_image
from insectlib.models.inference import Model, scores_of
from insectlib.models.networks import plain_network

PATCHWORK = True
"""Whether few pictures may answer for many coalitions, where a network sees through windows.
Set it to False, and each coalition takes a picture: the scores are the same but for rounding."""

Masked = Callable[
    [NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]],
    NDArray[np.float64],
]
"""Coalitions (n, k), regions (height, width), picture and baseline (height, width, channels) in;
scores (n, n_classes) out."""

PixelsMasked = Callable[
    [NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32]], NDArray[np.float64]
]
"""Pixels shown (n, height, width, channels), picture (height, width, channels), and baseline
(1, height, width, channels) for all or (n, height, width, channels) for each in; scores
(n, n_classes) out."""


def masked_forward(model: Model, batch_size: int = BATCH) -> Masked:
    """Return a function that masks a picture by regions and asks the model.

    Chapter ``05_kernel_shap``. For a Keras network it is compiled at its first call, and kept as
    long as the network: another picture, other regions or another number of coalitions compile
    nothing. A network that `insectlib.explain.local_network` takes apart is asked about fewer
    pictures, where `insectlib.explain.logits_by_patchwork` finds that enough of them can be saved
    and `PATCHWORK` is not switched off.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255], of any size and any number of channels; see
        `insectlib.models.inference.Model`.
    batch_size : int
        Pictures at any time: bounds the memory, however many coalitions there are.

    Returns
    -------
    callable
        Takes coalitions, float32 (n, k), regions, int32 (height, width), picture and baseline,
        float32 (height, width, channels); returns scores, float64 (n, n_classes).

    Raises
    ------
    ValueError
        For a `batch_size` below 1.
    """
    _check_batch_size(batch_size)
    if isinstance(model, keras.Model):
        return partial(_by_regions, model, batch_size)

    def forward(
        coalitions: NDArray[np.float32],
        regions: NDArray[np.int32],
        image: NDArray[np.float32],
        baseline: NDArray[np.float32],
    ) -> NDArray[np.float64]:
        return _in_batches(
            scores_of(model, image.shape),
            lambda some: mask_image(coalitions[some], regions, image, baseline),
            len(coalitions),
            batch_size,
        )

    return forward


def pixel_forward(model: Model, batch_size: int = BATCH) -> PixelsMasked:
    """Return a function that masks a picture pixel by pixel and asks the model.

    Chapter ``08_partition_shap``. What crosses to a Keras network is a byte for each pixel and
    channel, a quarter of the picture. Compiled and kept as `masked_forward` is.

    Parameters
    ----------
    model, batch_size
        As for `masked_forward`.

    Returns
    -------
    callable
        Takes what is shown, bool (n, height, width, channels), the picture, float32 (height, width,
        channels), and the baseline, float32 (1, height, width, channels), or (n, height, width,
        channels) where each coalition has its own; returns scores, float64 (n, n_classes).

    Raises
    ------
    ValueError
        For a `batch_size` below 1.
    """
    _check_batch_size(batch_size)
    if isinstance(model, keras.Model):
        return partial(_by_pixels, model, batch_size)

    def forward(
        shown: NDArray[np.bool_], image: NDArray[np.float32], baseline: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        each = np.broadcast_to(baseline, shown.shape)
        return _in_batches(
            scores_of(model, image.shape),
            lambda some: np.where(shown[some], image, each[some]),
            len(shown),
            batch_size,
        )

    return forward


def unlike(rows: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the coalitions that differ, so that none is evaluated twice.

    Parameters
    ----------
    rows : bool array, shape (n, k)

    Returns
    -------
    first : int64 array, shape (m,)
        Where each different row stands first.
    place : int64 array, shape (n,)
        Which of those each row is.
    """
    # by their bytes, for np.unique is slow with rows of many thousand pixels
    found: dict[bytes, int] = {}
    first: list[int] = []
    place = np.empty(len(rows), dtype=np.int64)
    for i, row in enumerate(np.packbits(rows, axis=1)):
        place[i] = found.setdefault(row.tobytes(), len(found))
        if len(found) > len(first):
            first.append(i)
    return np.array(first, dtype=np.int64), place


def _by_pixels(
    model: keras.Model,
    batch_size: int,
    shown: NDArray[np.bool_],
    image: NDArray[np.float32],
    baseline: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Ask a Keras network about pictures masked pixel by pixel."""
    ask = in_graph(plain_network(model, image.shape), "pixels", batch_size)
    return ask(shown, image, baseline).astype(np.float64)


def _by_regions(
    model: keras.Model,
    batch_size: int,
    coalitions: NDArray[np.float32],
    *scene: NDArray[Any],
) -> NDArray[np.float64]:
    """Ask a Keras network about few pictures where windows allow, and about all elsewhere."""
    regions, image, _ = scene
    network = plain_network(model, image.shape)
    whole = in_graph(network, "regions", batch_size)
    parts = _parts(network)
    if parts is None:
        return whole(coalitions, *scene).astype(np.float64)
    trunk, rest = parts
    ask_trunk = in_graph(trunk, "regions", batch_size)
    logits = []
    for start in range(0, len(coalitions), BLOCK):
        some = coalitions[start : start + BLOCK]
        found = logits_by_patchwork(lambda few: ask_trunk(few, *scene), rest, some, regions)
        if found is None and len(some) <= batch_size:  # not worth to compile the whole as well
            found = rest.logits(ask_trunk(some, *scene))
        logits.append(whole(some, *scene) if found is None else found)
    return np.concatenate(logits).astype(np.float64)


def _parts(model: keras.Model) -> Any:
    """Return the parts of a network that sees through windows, and None for another."""
    if PATCHWORK:
        try:
            return local_network(model)
        except ValueError:
            pass
    return None


def _in_batches(
    ask: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    pictures: Callable[[slice], NDArray[np.float32]],
    n: int,
    batch_size: int,
) -> NDArray[np.float64]:
    """Return the scores of `n` pictures, made and asked about a batch at a time."""
    batches = [slice(i, i + batch_size) for i in range(0, n, batch_size)]
    return np.concatenate([ask(pictures(batch)) for batch in batches])


def _check_batch_size(batch_size: int) -> None:
    """Refuse a batch of no pictures."""
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected 1 picture or more")
