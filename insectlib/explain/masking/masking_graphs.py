"""Masks inside a Keras network's own graph, so that only the coalitions cross.

What costs time around a forward pass is to make the masked pictures and to carry them over to the
network. Here a row of bits crosses for each evaluation; the pictures are put together inside the
network's graph, a few at a time.

Chosen by measurement, see ``bench/engine.py``, ``bench/backends.py`` and the page of benchmarks. To
put 16 pictures of 256 pixels together takes 18 ms with TensorFlow's gather and where, and 3.5 ms
gathered region by region and selected by XLA. XLA for the whole network is slower than without it.
Two steps side by side beat one, for some work in each takes one core only; on two free cores steps
of 16 beat steps of 8. bfloat16 is faster, but misses the logits by more than 1e-3.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary, ref

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

BATCH = 32
"""Pictures in the works at any time, where nothing else is asked for."""

SIDE_BY_SIDE = 2
"""Steps at a time: while one is carried over or put together, which takes one core, the other is in
the network."""

Asked = Callable[..., NDArray[np.floating]]
"""Coalitions first, or the pixels that each shows, then the scene; scores (n, n_classes) out."""

_graphs: WeakKeyDictionary[keras.Model, dict[tuple[Any, ...], Any]] = WeakKeyDictionary()


def in_graph(model: keras.Model, by: str, batch_size: int = BATCH) -> Asked:
    """Return a function that takes its first argument to the network a few rows at a time.

    Parameters
    ----------
    model : keras.Model
        Takes pictures of the size of the scene, in [0, 255], and returns (n, n_classes).
    by : str
        ``"regions"`` for coalitions, float32 (n, k), regions, int32 (height, width), picture and
        baseline, float32 (height, width, channels). ``"pixels"`` for what is shown, bool (n,
        height, width, channels), a picture, and a baseline for all or for each, float32 (1 or n,
        height, width, channels).
    batch_size : int
        Pictures in the works at any time.

    Returns
    -------
    callable
    """
    side_by_side = min(SIDE_BY_SIDE, batch_size)
    step = batch_size // side_by_side

    def forward(rows: NDArray[Any], *scene: NDArray[Any]) -> NDArray[np.floating]:
        *fixed, baseline = scene
        graph = graph_of(model, by, baseline.shape[-3:], step)
        kept = [tf.constant(part) for part in fixed]
        # a baseline for each row is cut as the rows are
        one_each = baseline.ndim == 4 and len(baseline) > 1
        common = None if one_each else tf.constant(baseline)

        def asked(part: slice) -> NDArray[np.floating]:
            fill = tf.constant(baseline[part]) if common is None else common
            return np.asarray(graph(tf.constant(rows[part]), *kept, fill))

        with ThreadPoolExecutor(side_by_side) as pool:
            return np.concatenate(list(pool.map(asked, _steps(len(rows), step, side_by_side))))

    return forward


def graph_of(model: keras.Model, by: str, shape: tuple[int, ...], step: int) -> Any:
    """Return the compiled function of a network; the second call for it returns the same.

    Parameters
    ----------
    model, by
        As for `in_graph`.
    shape : tuple of int
        Of a picture: (height, width, channels).
    step : int
        Pictures in a step at most.

    Returns
    -------
    callable
        A `tf.function`.
    """
    graphs = _graphs.setdefault(model, {})
    key = (by, shape, step)
    if key not in graphs:
        # a strong reference in its own function would keep the model for ever
        reference = ref(model)

        def by_pixels(shown: tf.Tensor, image: tf.Tensor, baseline: tf.Tensor) -> tf.Tensor:
            network = reference()
            assert network is not None, "it is traced while the model is there"
            pictures = _put_together(_filled_up(shown, step), image, _filled_up(baseline, step))
            pictures = tf.ensure_shape(pictures[: tf.shape(shown)[0]], (None, *shape))
            return network(pictures, training=False)

        def by_regions(
            coalitions: tf.Tensor, regions: tf.Tensor, image: tf.Tensor, baseline: tf.Tensor
        ) -> tf.Tensor:
            # region by region all coalitions at once: TensorFlow is slow along the last axis
            present = tf.transpose(coalitions > 0.5)
            shown = tf.transpose(tf.gather(present, tf.reshape(regions, [-1])))
            return by_pixels(tf.reshape(shown, (-1, *shape[:2], 1)), image, baseline[None])

        picture = tf.TensorSpec(shape, tf.float32)
        pictures = tf.TensorSpec((None, *shape), tf.float32)
        coalitions = tf.TensorSpec((None, None), tf.float32)
        signatures = {
            "regions": [coalitions, tf.TensorSpec(shape[:2], tf.int32), picture, picture],
            "pixels": [tf.TensorSpec((None, *shape), tf.bool), picture, pictures],
        }
        masked = by_regions if by == "regions" else by_pixels
        graphs[key] = tf.function(masked, input_signature=signatures[by])
    return graphs[key]


def _steps(n: int, step: int, side_by_side: int) -> list[slice]:
    """Cut `n` rows into steps of equal length, so that none waits for another at the end."""
    n_steps = max(min(side_by_side * -(-n // (side_by_side * step)), n), 1)
    ends = [n * i // n_steps for i in range(n_steps + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


_put_together = tf.function(tf.where, jit_compile=True)
"""Masks in one pass over the pixels: without XLA, that takes four to seven times as long."""


def _filled_up(rows: tf.Tensor, step: int) -> tf.Tensor:
    """Return one row as it is, and more of them as a full step: XLA compiles for every length."""
    n = tf.shape(rows)[0]
    missing = tf.where(n > 1, step - n, 0)
    return tf.pad(rows, [[0, missing], *[[0, 0]] * (rows.shape.rank - 1)])
