"""What is to be explained: pictures that were checked, and the outputs that are asked for.

All explainers take the same `Target`, and begin with `prepare`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.data.imageset import one_array
from insectlib.models.inference import (
    BATCH,
    Model,
    check_finite,
    check_images,
    check_logits,
    check_output,
    from_logits,
    model_outputs,
)
from insectlib.models.networks import RANDOM_LAYERS, image_shape, plain_network
from insectlib.models.seeds import random_states

Target: TypeAlias = int | str | Sequence[int] | Sequence[str] | NDArray[np.int64] | None
"""Which outputs are explained: None for all, in the order of the model; a class's index or name, or
several of them; ``"predicted"`` for the largest output of each picture, ``"top 3"`` for the three
largest, largest first; or an array (n, k) of indices, k outputs for each picture."""


@dataclass(frozen=True)
class Prepared:
    """Pictures that were checked, and which outputs of the model are explained for each.

    Parameters
    ----------
    pictures : float32 array, shape (n, height, width, channels)
        Values from 0 to 255.
    output : str
        ``"logits"``, ``"probabilities"`` or ``"scores"``.
    outputs : float64 array, shape (n, n_classes)
        All outputs of the untouched pictures.
    class_names : tuple of str
        One for each output of the model.
    classes : int64 array, shape (n, k)
        Which outputs are explained for each picture.
    """

    pictures: NDArray[np.float32]
    output: str
    outputs: NDArray[np.float64]
    class_names: tuple[str, ...]
    classes: NDArray[np.int64]

    def pick(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the explained outputs' part of `values`.

        Parameters
        ----------
        values : float64 array, shape (n, ..., n_classes)
            Something for every output.

        Returns
        -------
        float64 array, shape (n, ..., k)
        """
        between = (1,) * (values.ndim - 2)
        return np.take_along_axis(values, self.classes.reshape(len(values), *between, -1), axis=-1)


def checked_pictures(model: Model, images: ArrayLike) -> NDArray[np.float32]:
    """Return the pictures to explain, or say what is wrong with them; the model is not asked.

    Parameters
    ----------
    model : keras.Model or callable
        Says which size it takes, if it does.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255; one picture counts as a batch of one.

    Returns
    -------
    float32 array, shape (n, height, width, channels)

    Raises
    ------
    ValueError
        For pictures of a wrong shape or range, and for none.
    """
    array = one_array(images)
    pictures = check_images(array[None] if array.ndim == 3 else array, image_shape(model))
    if not len(pictures):
        raise ValueError("there are no images to explain")
    return pictures


def prepare(
    model: Model,
    images: ArrayLike,
    *,
    target: Target = None,
    output: str = "logits",
    class_names: ArrayLike | None = None,
    batch_size: int = BATCH,
) -> Prepared:
    """Check what an explainer is asked, and look at the pictures once with the model.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255; one picture counts as a batch of one.
    target : int, str, sequence of them, int array (n, k), or None
        Which outputs are explained, see `Target`.
    output : str
        ``"logits"``, ``"probabilities"``, or ``"scores"`` for what the model returns as it is.
    class_names : sequence of str, optional
        Names of the outputs; ``output 0``, ``output 1``, ... where missing. Two names go with one
        logit as well: the second is its own.
    batch_size : int
        Pictures per call of the model; bounds the memory.

    Returns
    -------
    Prepared

    Raises
    ------
    ValueError
        For an unknown `output` or `target`, pictures of a wrong shape or range, no pictures, a
        model whose outputs are not finite, not (n, classes), or probabilities already, a Keras
        network that answers at random, and names that do not fit the outputs.
    """
    check_output(output)
    pictures = checked_pictures(model, images)
    scores = _steady_scores(model, pictures, batch_size)
    if output == "scores":
        check_finite(scores)
    else:
        check_logits(model, scores)
    outputs = from_logits(scores, output)
    names = output_names(class_names, outputs.shape[1])
    return Prepared(
        pictures=pictures,
        output=output,
        outputs=outputs,
        class_names=names,
        classes=explained_classes(target, outputs, names),
    )


def _steady_scores(
    model: Model, pictures: NDArray[np.float32], batch_size: int
) -> NDArray[np.float64]:
    """Return the scores of pictures, and refuse a Keras network that draws them at random."""
    network = plain_network(model, pictures.shape[1:]) if isinstance(model, keras.Model) else None
    states = [] if network is None else random_states(network)
    before = [np.asarray(state).copy() for state in states]
    scores = model_outputs(model, pictures, "scores", batch_size)
    pairs = zip(states, before, strict=True)
    drew = {id(state) for state, old in pairs if not np.array_equal(state, old)}
    if network is not None and drew:
        owners = [
            (layer, {id(s) for s in random_states(layer)}) for layer in network._flatten_layers()
        ]
        # augmentation may draw without a use for it
        drew.difference_update(*(ids for layer, ids in owners if isinstance(layer, RANDOM_LAYERS)))
        names = [layer.name for layer, ids in owners if drew & ids]
        if names:
            raise ValueError(
                f"the network draws random numbers whenever it is asked (in layer {names[-1]!r}), "
                "so that one picture has another answer each time. Let it draw in training only, "
                "or pass a function that returns the mean of many answers"
            )
    return scores


def output_names(class_names: ArrayLike | None, n_outputs: int) -> tuple[str, ...]:
    """Return a name for each output, or say what is wrong with the given ones.

    Parameters
    ----------
    class_names : sequence of str, or None
    n_outputs : int

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        For one string, another number of names, or the same name twice.
    """
    if class_names is None:
        return tuple(f"output {i}" for i in range(n_outputs))
    if isinstance(class_names, str):
        raise ValueError(f"class_names is one string, {class_names!r}; expected a list of names")
    names = tuple(str(name) for name in np.asarray(class_names).ravel())
    if n_outputs == 1 and len(names) == 2:
        names = names[1:]
    if len(names) != n_outputs:
        raise ValueError(f"{len(names)} class_names for a model with {n_outputs} outputs")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"class_names has {twice!r} more than once: each output needs its own")
    return names


def explained_classes(
    target: Target, outputs: NDArray[np.float64], names: Sequence[str]
) -> NDArray[np.int64]:
    """Return the indices of the explained outputs for each picture.

    Parameters
    ----------
    target : int, str, sequence of them, int array (n, k), or None
        See `Target`.
    outputs : float64 array, shape (n, n_classes)
        Of the pictures.
    names : sequence of str
        Of the outputs.

    Returns
    -------
    int64 array, shape (n, k)

    Raises
    ------
    ValueError
        For a name or an index that the model does not have, the same one twice, or another shape.
    """
    n, n_classes = outputs.shape
    if target is None:
        return np.tile(np.arange(n_classes), (n, 1))
    if isinstance(target, str) and target not in names:
        top = re.fullmatch(r"top\s*(\d+)", target)
        if target != "predicted" and top is None:
            raise ValueError(
                f"target is {target!r}; expected 'predicted', 'top 3', a class's index, or one of "
                f"{', '.join(names[:12])}"
            )
        k = int(top.group(1)) if top else 1
        if not 1 <= k <= n_classes:
            raise ValueError(f"target is {target!r}; expected 'top 1' to 'top {n_classes}'")
        return np.argsort(-outputs, axis=1, kind="stable")[:, :k]
    asked = np.asarray(target)
    if asked.dtype.kind in "US":
        unknown = [name for name in asked.ravel() if str(name) not in names]
        if unknown:
            raise ValueError(
                f"target names {str(unknown[0])!r}; expected names among {', '.join(names[:12])}"
            )
        asked = np.vectorize(list(names).index, otypes=[np.int64])(asked.astype(str))
    if asked.dtype.kind not in "iu" or asked.ndim > 2 or not asked.size:
        raise ValueError(
            f"target is {target!r}; expected indices or names of classes, 'predicted', or 'top 3'"
        )
    if asked.ndim < 2:
        asked = np.tile(np.atleast_1d(asked), (n, 1))
    if len(asked) != n:
        raise ValueError(f"target has {len(asked)} rows for {n} pictures")
    if asked.min() < 0 or asked.max() >= n_classes:
        raise ValueError(f"target is {target!r}; expected indices from 0 to {n_classes - 1}")
    if any(len(set(row)) < len(row) for row in asked.tolist()):
        raise ValueError(f"target is {target!r}; expected each class once")
    return asked.astype(np.int64)
