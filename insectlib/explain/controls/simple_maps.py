"""Controls: maps of an old kind and maps that explain nothing, asked like all other explainers.

Chapter ``09_evaluation``. Each takes a model, pictures and a baseline, and returns a
`shap.Explanation` in shap's image layout. LIME and Grad-CAM have files of their own. Most
controls know no base value: theirs is not a number, and so is their additivity gap.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.filters import sobel

from insectlib.explain.explanation import Explanation, Prepared, Target, prepare, to_explanation
from insectlib.explain.masking.regions import checked_baseline, checked_segments, spread
from insectlib.models.inference import Model, model_outputs

if TYPE_CHECKING:
    pass


def without_base(
    prepared: Prepared, maps: NDArray[np.float64], *, evaluations: int, started: float
) -> Explanation:
    """Put maps that do not add up to anything into the form that all explainers return.

    Parameters
    ----------
    question : Prepared
        From `insectlib.explain.prepare`.
    maps : float64 array, shape (n, height, width, n_classes)
        One map for every class of the model.
    evaluations : int
        Pictures that the model has seen.
    started : float
        From `time.perf_counter`.

    Returns
    -------
    Explanation
        With maps spread evenly over the channels, and NaN as base values.
    """
    channels = prepared.pictures.shape[3]
    values = prepared.pick(np.repeat(maps[:, :, :, None] / channels, channels, axis=3))
    return to_explanation(
        prepared,
        values,
        np.full(prepared.classes.shape, np.nan),
        evaluations=evaluations,
        seconds=time.perf_counter() - started,
    )


def occlusion(
    model: Model,
    images: ArrayLike,
    baseline: ArrayLike,
    *,
    seed: int = 0,
    output: str = "logits",
    class_names: ArrayLike | None = None,
    target: Target = None,
) -> Explanation:
    """Slide a square over the picture and see how far each output falls.

    Chapter ``09_evaluation``; Zeiler and Fergus (2014). The square has an eighth of the picture's
    side, and moves by half of that. It is leave-one-out, with squares for players.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255, at least 16 pixels a side.
    baseline : array
        What the square shows: a colour, a picture, or one for each image.
    seed : int
        Not used; nothing is drawn.
    target, output, class_names
        As in `insectlib.explain.kernel_shap`.

    Returns
    -------
    Explanation
        The fall is spread evenly over the square's pixels, and a pixel has the mean of its squares.

    Raises
    ------
    ValueError
        Whenever `insectlib.explain.prepare` refuses the prepared, or the baseline is wrong.
    """
    prepared = prepare(model, images, output=output, class_names=class_names, target=target)
    started = time.perf_counter()
    pictures = prepared.pictures
    baselines = checked_baseline(baseline, pictures)
    height, width = pictures.shape[1:3]
    side = max(2, min(height, width) // 8)
    squares = np.array([(y, x) for y in _places(height, side) for x in _places(width, side)])
    maps = np.zeros((*pictures.shape[:3], prepared.outputs.shape[1]))
    visits = np.zeros((height, width, 1))
    for y, x in squares:
        visits[y : y + side, x : x + side] += 1
    for i, picture in enumerate(pictures):
        covered = np.repeat(picture[None], len(squares), axis=0)
        for copy, (y, x) in zip(covered, squares, strict=True):
            copy[y : y + side, x : x + side] = baselines[i, y : y + side, x : x + side]
        falls = prepared.outputs[i] - model_outputs(model, covered, output)
        for fall, (y, x) in zip(falls, squares, strict=True):
            maps[i, y : y + side, x : x + side] += fall / side**2
    evaluations = len(pictures) * (len(squares) + 1)
    return without_base(prepared, maps / visits, evaluations=evaluations, started=started)


def _places(length: int, side: int) -> list[int]:
    """Return where a square of `side` begins, half its side apart, up to the very end."""
    return [*range(0, length - side, side // 2), length - side]


def edge_map(
    model: Model,
    images: ArrayLike,
    baseline: ArrayLike | None = None,
    *,
    seed: int = 0,
    output: str = "logits",
    class_names: ArrayLike | None = None,
    target: Target = None,
) -> Explanation:
    """Return the edges in each picture, as if they were an explanation.

    Chapter ``09_evaluation``; the control of Adebayo et al. (2018). It never asks the model, and
    its map is the same for every class.

    Parameters
    ----------
    model, images, target, output, class_names
        As in `insectlib.explain.kernel_shap`.
    baseline, seed
        Not used.

    Returns
    -------
    Explanation
        Sobel's measure of the grey picture, in no unit of the output.

    Raises
    ------
    ValueError
        Whenever `insectlib.explain.prepare` refuses the prepared.
    """
    prepared = prepare(model, images, output=output, class_names=class_names, target=target)
    started = time.perf_counter()
    edges = np.stack([sobel(picture.mean(axis=-1) / 255) for picture in prepared.pictures])
    maps = np.repeat(edges[..., None], prepared.outputs.shape[1], axis=-1)
    return without_base(prepared, maps, evaluations=0, started=started)


def random_map(
    model: Model,
    images: ArrayLike,
    baseline: ArrayLike | None = None,
    *,
    seed: int,
    segments: NDArray[np.int64] | None = None,
    output: str = "logits",
    class_names: ArrayLike | None = None,
    target: Target = None,
) -> Explanation:
    """Return dice: a random value for each superpixel and class (chapter ``09_evaluation``).

    Parameters
    ----------
    model, images, segments, target, output, class_names
        As in `insectlib.explain.kernel_shap`.
    baseline
        Not used.
    seed : int
        Of the dice.

    Returns
    -------
    Explanation
        Values from the normal distribution, in no unit of the output.

    Raises
    ------
    ValueError
        Whenever `insectlib.explain.prepare` refuses the prepared, or the segments are wrong.
    """
    prepared = prepare(model, images, output=output, class_names=class_names, target=target)
    started = time.perf_counter()
    cuts = checked_segments(segments, prepared.pictures)
    random, n_classes = np.random.default_rng(seed), prepared.outputs.shape[1]
    thrown = [
        spread(random.normal(size=(cut.max() + 1, n_classes)), cut, prepared.pictures.shape[3])
        for cut in cuts
    ]
    return without_base(prepared, np.stack(thrown).sum(axis=3), evaluations=0, started=started)
