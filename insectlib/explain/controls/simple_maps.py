"""Controls: maps of an old kind and maps that explain nothing, asked like all other explainers.

Chapter ``09_evaluation``. Each takes a model, pictures and a background, and returns a
`shap.Explanation` in shap's image layout. LIME and Grad-CAM have files of their own. Most
controls know no base value: theirs is not a number, and so is their additivity gap.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.filters import sobel

from insectlib.explain.explanation import Question, answer, ask
from insectlib.explain.masking.regions import checked_background, checked_segments, spread
from insectlib.models.inference import model_outputs

if TYPE_CHECKING:
    import keras
    import shap


def without_base(
    question: Question, maps: NDArray[np.float64], *, evaluations: int, started: float
) -> shap.Explanation:
    """Put maps that do not add up to anything into the form that all explainers return.

    Parameters
    ----------
    question : Question
        From `insectlib.explain.ask`.
    maps : float64 array, shape (n, height, width, n_classes)
        One map for every class of the model.
    evaluations : int
        Pictures that the model has seen.
    started : float
        From `time.perf_counter`.

    Returns
    -------
    shap.Explanation
        With maps spread evenly over the channels, and NaN as base values.
    """
    values = question.pick(np.repeat(maps[:, :, :, None] / 3, 3, axis=3))
    return answer(
        question,
        values,
        np.full(question.classes.shape, np.nan),
        evaluations=evaluations,
        seconds=time.perf_counter() - started,
    )


def occlusion(
    model: keras.Model,
    images: ArrayLike,
    background: ArrayLike,
    *,
    seed: int = 0,
    output: str = "logits",
    class_names: Sequence[str] | None = None,
    top: int | None = None,
) -> shap.Explanation:
    """Slide a square over the picture and see how far each output falls.

    Chapter ``09_evaluation``; Zeiler and Fergus (2014). The square has an eighth of the picture's
    side, and moves by half of that. It is leave-one-out, with squares for players.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, 3) or (height, width, 3)
        Values from 0 to 255, at least 16 pixels a side.
    background : array
        What the square shows: a colour, a picture, or one for each image.
    seed : int
        Not used; nothing is drawn.
    output, class_names, top
        As in `insectlib.explain.kernel_shap`.

    Returns
    -------
    shap.Explanation
        The fall is spread evenly over the square's pixels, and a pixel has the mean of its squares.

    Raises
    ------
    ValueError
        Whenever `insectlib.explain.ask` refuses the question, or the background is wrong.
    """
    question = ask(model, images, output=output, class_names=class_names, top=top)
    started = time.perf_counter()
    pictures = question.pictures
    hidden = checked_background(background, pictures)
    height, width = pictures.shape[1:3]
    side = max(2, min(height, width) // 8)
    squares = np.array([(y, x) for y in _places(height, side) for x in _places(width, side)])
    maps = np.zeros((*pictures.shape[:3], question.outputs.shape[1]))
    visits = np.zeros((height, width, 1))
    for y, x in squares:
        visits[y : y + side, x : x + side] += 1
    for i, picture in enumerate(pictures):
        covered = np.repeat(picture[None], len(squares), axis=0)
        for copy, (y, x) in zip(covered, squares, strict=True):
            copy[y : y + side, x : x + side] = hidden[i, y : y + side, x : x + side]
        falls = question.outputs[i] - model_outputs(model, covered, output)
        for fall, (y, x) in zip(falls, squares, strict=True):
            maps[i, y : y + side, x : x + side] += fall / side**2
    evaluations = len(pictures) * (len(squares) + 1)
    return without_base(question, maps / visits, evaluations=evaluations, started=started)


def _places(length: int, side: int) -> list[int]:
    """Return where a square of `side` begins, half its side apart, up to the very end."""
    return [*range(0, length - side, side // 2), length - side]


def edge_map(
    model: keras.Model,
    images: ArrayLike,
    background: ArrayLike | None = None,
    *,
    seed: int = 0,
    output: str = "logits",
    class_names: Sequence[str] | None = None,
    top: int | None = None,
) -> shap.Explanation:
    """Return the edges in each picture, as if they were an explanation.

    Chapter ``09_evaluation``; the control of Adebayo et al. (2018). It never asks the model, and
    its map is the same for every class.

    Parameters
    ----------
    model, images, output, class_names, top
        As in `insectlib.explain.kernel_shap`.
    background, seed
        Not used.

    Returns
    -------
    shap.Explanation
        Sobel's measure of the grey picture, in no unit of the output.

    Raises
    ------
    ValueError
        Whenever `insectlib.explain.ask` refuses the question.
    """
    question = ask(model, images, output=output, class_names=class_names, top=top)
    started = time.perf_counter()
    edges = np.stack([sobel(picture.mean(axis=-1) / 255) for picture in question.pictures])
    maps = np.repeat(edges[..., None], question.outputs.shape[1], axis=-1)
    return without_base(question, maps, evaluations=0, started=started)


def random_map(
    model: keras.Model,
    images: ArrayLike,
    background: ArrayLike | None = None,
    *,
    seed: int,
    segments: NDArray[np.int64] | None = None,
    output: str = "logits",
    class_names: Sequence[str] | None = None,
    top: int | None = None,
) -> shap.Explanation:
    """Return dice: a random value for each superpixel and class (chapter ``09_evaluation``).

    Parameters
    ----------
    model, images, segments, output, class_names, top
        As in `insectlib.explain.kernel_shap`.
    background
        Not used.
    seed : int
        Of the dice.

    Returns
    -------
    shap.Explanation
        Values from the normal distribution, in no unit of the output.

    Raises
    ------
    ValueError
        Whenever `insectlib.explain.ask` refuses the question, or the segments are wrong.
    """
    question = ask(model, images, output=output, class_names=class_names, top=top)
    started = time.perf_counter()
    cuts = checked_segments(segments, question.pictures)
    random, n_classes = np.random.default_rng(seed), question.outputs.shape[1]
    thrown = [spread(random.normal(size=(cut.max() + 1, n_classes)), cut) for cut in cuts]
    return without_base(question, np.stack(thrown).sum(axis=3), evaluations=0, started=started)
