"""Pictures in, outputs out: what every use of a trained network shares (chapter ``02_cnn``).

Wherever a model is taken, it may be a Keras model or any function from pictures to scores: one of
PyTorch, JAX or ONNX Runtime, scikit-learn's behind a line of your own, or a remote service.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from insectlib.data.imageset import one_array
from insectlib.models.keras_warnings import no_retracing_warning
from insectlib.models.networks import image_shape, last_activation, plain_network

TOLERANCE = 0.5
"""Resizing and blurring can step over the ends of the range by rounding."""

BATCH = 64
"""Pictures per call of the model; bounds the memory."""

OUTPUTS = ("logits", "probabilities", "scores")
"""What can be explained. Scores are what the model returns, whatever it is, as it is."""

Model: TypeAlias = keras.Model | Callable[[NDArray[np.float32]], Any]
"""A Keras model, or a function from pictures, float32 (n, height, width, channels) in [0, 255], to
scores (n, classes)."""


def check_images(
    images: ArrayLike, shape: Sequence[int | None] | None = None
) -> NDArray[np.float32]:
    """Return `images` as float32, or say what is wrong with them.

    Parameters
    ----------
    images : array, shape (n, height, width, channels)
        Values from 0 to 255, in any number of channels.
    shape : sequence of int or None, optional
        The (height, width, channels) that a network takes, such as ``model.input_shape[1:]``;
        None where it takes any.

    Returns
    -------
    float32 array, shape (n, height, width, channels)
        Not copied where `images` is float32 already.

    Raises
    ------
    ValueError
        For what is no numbers, a single picture without the axis of pictures, another size,
        values outside 0 to 255, values that look like 0 to 1, or values that are not finite.
    """
    given = one_array(images)
    if given.dtype.kind not in "biuf":
        raise ValueError(f"images has dtype {given.dtype}; expected numbers from 0 to 255")
    array = given.astype(np.float32, copy=False)
    expected = "(n, height, width, channels)"
    if array.ndim in (2, 3):
        one = "images[None]" if array.ndim == 3 else "images[None, ..., None]"
        raise ValueError(
            f"images has the shape {array.shape} of one picture; expected {expected}: "
            f"pass {one} for one picture"
        )
    if array.ndim != 4 or 0 in array.shape[1:]:
        raise ValueError(f"images has the shape {array.shape}; expected {expected}")
    if shape is not None:
        _check_shape(array.shape[1:], tuple(shape))
    if array.size:
        _check_range(array)
    return array


def _check_shape(given: tuple[int, ...], taken: tuple[int | None, ...]) -> None:
    """Refuse pictures of another size, or with other channels, than a network takes."""
    if all(a == b or b is None for a, b in zip(given, taken, strict=True)):
        return
    if given[-1] != taken[-1] and taken[-1] is not None:
        hint = ""
        if given[0] == taken[-1]:
            hint = ": these have their channels first, so pass images.transpose(0, 2, 3, 1)"
        elif (given[-1], taken[-1]) == (3, 1):
            hint = ": pass images.mean(axis=-1, keepdims=True)"
        elif (given[-1], taken[-1]) == (1, 3):
            hint = ": pass np.repeat(images, 3, axis=-1)"
        raise ValueError(
            f"images have {given[-1]} channels, but the network takes {taken[-1]}, in shape "
            f"(n, {', '.join(map(str, taken))}){hint}"
        )
    raise ValueError(
        f"images are {given[0]}x{given[1]} pixels, but the network takes "
        f"{taken[0]}x{taken[1]}: load them at that size"
    )


def _check_range(array: NDArray[np.float32]) -> None:
    """Refuse pictures with values that are not from 0 to 255."""
    highs = array.max(axis=(1, 2, 3))
    low, high = float(array.min()), float(highs.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("images holds values that are not finite: mend or remove those pictures")
    if low < -TOLERANCE or high > 255 + TOLERANCE:
        raise ValueError(
            f"images has values from {low:g} to {high:g}; expected 0 to 255: the network "
            "rescales them itself, so pass them as they were loaded"
        )
    if 0 < high <= 1:
        raise ValueError(
            f"images has values from {low:g} to {high:g}, which looks like the range 0 to 1; "
            "expected 0 to 255: multiply by 255. For a network that was trained on the range 0 to "
            "1, put the division into it as well: keras.Sequential([keras.layers.Rescaling(1 / "
            "255), model]), or lambda pictures: model(pictures / 255)"
        )
    small = in_fractions(array)
    if small:
        raise ValueError(
            f"{len(small)} of {len(array)} images (the first is number {small[0]}) have values up "
            f"to {highs[small[0]]:g}, which looks like the range 0 to 1, and the others up to "
            f"{high:g}; expected 0 to 255: multiply those by 255"
        )


def in_fractions(images: NDArray[np.floating]) -> list[int]:
    """Return the numbers of those pictures that seem to have the range 0 to 1.

    A picture that is nearly black holds the whole numbers 0 and 1 only, and is none of them.
    """
    highs = images.max(axis=(1, 2, 3))
    return [int(i) for i in np.flatnonzero((highs > 0) & (highs <= 1)) if (images[i] % 1).any()]


def model_outputs(
    model: Model, images: NDArray[np.float32], output: str = "logits", batch_size: int = BATCH
) -> NDArray[np.float64]:
    """Return what is explained: the logits of `images`, or their probabilities.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    images : float32 array, shape (n, height, width, channels)
        Of the size that the model takes; not checked, for this is called very often.
    output : str
        ``"logits"``, ``"probabilities"``, or ``"scores"``: whatever the model returns.
    batch_size : int
        Pictures per call of the model; bounds the memory.

    Returns
    -------
    float64 array, shape (n, n_classes)

    Raises
    ------
    ValueError
        For another `output`, for what is no model, for outputs that are not one row of scores for
        each picture, and for probabilities of a model that ends in probabilities.
    """
    check_output(output)
    call = scores_of(model, images.shape[1:])
    batches = [call(images[i : i + batch_size]) for i in range(0, max(len(images), 1), batch_size)]
    scores = np.concatenate(batches)
    if output == "probabilities":
        check_logits(model, scores)
    return from_logits(scores, output)


def scores_of(
    model: Model, shape: tuple[int, ...]
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Return a function that asks `model` once about a batch, whatever kind of model it is.

    Parameters
    ----------
    model : keras.Model or callable
        Or an object with ``predict_on_batch``.
    shape : tuple of int
        Of a picture: (height, width, channels).

    Returns
    -------
    callable
        From float32 (n, height, width, channels) to float64 (n, n_classes), as the model returns
        them.

    Raises
    ------
    ValueError
        For what is no model; the function itself, for outputs of another shape.
    """
    if isinstance(model, keras.Model):
        call = plain_network(model, shape).predict_on_batch
    elif hasattr(model, "predict_on_batch"):
        call = model.predict_on_batch
    elif callable(model):
        call = model
    else:
        name = type(model).__name__
        raise ValueError(
            f"the model is a {name}; expected a Keras model or a function from pictures "
            "(n, height, width, channels) to scores (n, classes), such as lambda pictures: "
            "model.predict_proba(pictures.reshape(len(pictures), -1))"
        )

    def scores(images: NDArray[np.float32]) -> NDArray[np.float64]:
        # several networks, and batches of unlike lengths, are no mistake here
        with quiet_inputs(), no_retracing_warning():
            return _as_scores(call(images), len(images))

    return scores


def _as_scores(returned: Any, n: int) -> NDArray[np.float64]:
    """Return what a model returned as an array (n, n_classes), or say what else it is."""
    if hasattr(returned, "detach"):  # PyTorch, on whatever device and with a gradient
        returned = returned.detach().cpu()
    parts = keras.tree.flatten(returned) if isinstance(returned, dict | list | tuple) else [0]
    if len(parts) > 1 and any(np.ndim(part) > 0 for part in parts):
        shapes = ", ".join(str(np.shape(part)) for part in parts)
        raise ValueError(
            f"the model returns {len(parts)} arrays of shapes {shapes}; expected one, "
            f"({n}, classes): pass a function that returns one of them"
        )
    array = np.asarray(returned)
    if array.dtype.name == "bfloat16":  # which NumPy itself does not know
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf" or array.ndim != 2 or len(array) != n:
        raise ValueError(
            f"the model returns shape {array.shape} of {array.dtype} for {n} pictures; expected "
            f"numbers of shape ({n}, classes), one row of scores for each picture"
        )
    return array.astype(np.float64)


def check_logits(model: Model, scores: NDArray[np.float64]) -> None:
    """Refuse scores that are probabilities already, or that are not finite.

    Parameters
    ----------
    model : keras.Model or callable
        Which returned the scores.
    scores : float64 array, shape (n, n_classes)

    Raises
    ------
    ValueError
        When a score is not finite, when all are from 0 to 1 and each row of several adds up to 1,
        as closely as half precision can tell, or when a Keras model ends in softmax or sigmoid.
    """
    check_finite(scores)
    several = scores.shape[1] > 1 and len(scores)
    in_half_precision = np.array_equal(scores, scores.astype(np.float16))
    tolerance = 1e-2 if in_half_precision else 1e-4
    rows_are_one = (
        several and (scores >= 0).all() and np.allclose(scores.sum(axis=1), 1, atol=tolerance)
    )
    activation = last_activation(model)
    if rows_are_one or activation:
        reason = f"it ends in {activation}" if activation else "each row adds up to 1"
        raise ValueError(
            f"the model returns probabilities ({reason}); expected logits: pass the model without "
            f"its {activation or 'softmax'}, and output='probabilities' to explain probabilities, "
            "or explain what it returns as it is with output='scores'"
        )


def check_finite(scores: NDArray[np.float64], pictures: str = "pictures") -> None:
    """Refuse scores that are not finite.

    Parameters
    ----------
    scores : float64 array, shape (n, n_classes)
    pictures : str
        What the message calls the pictures that were scored.

    Raises
    ------
    ValueError
        With the number of pictures whose scores are not finite.
    """
    bad = int((~np.isfinite(scores)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"the model returns values that are not finite for {bad} of {len(scores)} {pictures}: "
            "there is nothing to share"
        )


def from_logits(scores: NDArray[np.float64], output: str) -> NDArray[np.float64]:
    """Return the asked output of scores that a model returned.

    Parameters
    ----------
    scores : float64 array, shape (n, n_classes)
    output : str
        ``"logits"`` and ``"scores"`` leave them as they are. ``"probabilities"`` are the softmax
        of several logits, and the sigmoid of one.

    Returns
    -------
    float64 array, shape (n, n_classes)
    """
    if output != "probabilities":
        return scores
    return np.asarray(expit(scores)) if scores.shape[1] == 1 else softmax(scores)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities, shape (n, n_classes), that belong to `logits`."""
    return np.asarray(scipy_softmax(logits, axis=1))


def probabilities(model: Model, images: ArrayLike, batch_size: int = BATCH) -> NDArray[np.float32]:
    """Return the probability of each class for each picture (chapter ``02_cnn``).

    Parameters
    ----------
    model : keras.Model or callable
        Ends in logits.
    images : array, shape (n, height, width, channels)
        Values from 0 to 255.
    batch_size : int
        Pictures per step; bounds the memory.

    Returns
    -------
    float32 array, shape (n, n_classes)
        Each row adds up to one. A network with one logit gives one column, its sigmoid: the
        probability of the second of two classes.

    Raises
    ------
    ValueError
        When `check_images` finds something wrong with `images`, and as `model_outputs`.
    """
    pictures = check_images(images, image_shape(model))
    return model_outputs(model, pictures, "probabilities", batch_size).astype(np.float32)


@contextmanager
def quiet_inputs() -> Iterator[None]:
    """Hide what Keras says whenever a network built with a list of inputs is given an array."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match")
        yield


def check_output(output: str) -> None:
    """Refuse an output that is not one of `OUTPUTS`, with a ValueError."""
    if output not in OUTPUTS:
        raise ValueError(f"output is {output!r}; expected one of {', '.join(OUTPUTS)}")
