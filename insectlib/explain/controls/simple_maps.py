"""Controls: maps of an old kind and maps that explain nothing, asked like all other explainers.

Chapter ``09_evaluation``. Each takes a model, pictures and a baseline, and returns a
`shap.Explanation` in shap's image layout. LIME and Grad-CAM have files of their own. Most
controls know no base value: theirs is not a number, and so is their additivity gap.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.filters import sobel
from tqdm import tqdm

from insectlib.explain.explanation import Explanation, to_explanation
from insectlib.explain.masking.masking_graphs import BATCH
from insectlib.explain.masking.regions import checked_baseline, checked_segments, spread
from insectlib.explain.target import Prepared, Target, checked_pictures, prepare
from insectlib.models.inference import Model, check_finite, from_logits, model_outputs


def without_base(
    prepared: Prepared, maps: NDArray[np.float64], *, evaluations: int, started: float
) -> Explanation:
    """Put maps that do not add up to anything into the form that all explainers return.

    Parameters
    ----------
    prepared : Prepared
        From `insectlib.explain.prepare`.
    maps : float64 array, shape (n, height, width, k)
        One map for every explained output.
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
    return to_explanation(
        prepared,
        np.repeat(maps[:, :, :, None] / channels, channels, axis=3),
        np.full(prepared.classes.shape, np.nan),
        evaluations=evaluations,
        seconds=time.perf_counter() - started,
    )


def occlusion(
    model: Model,
    images: ArrayLike,
    baseline: ArrayLike,
    *,
    target: Target = None,
    output: str = "logits",
    seed: int = 0,
    class_names: ArrayLike | None = None,
    batch_size: int = BATCH,
    progress: bool = False,
) -> Explanation:
    """Slide a square over the picture and see how far each output falls.

    Chapter ``09_evaluation``; Zeiler and Fergus (2014). The square has an eighth of the picture's
    side, two pixels at least, and moves by half of that. It is leave-one-out, with squares for
    players. The size of the picture decides how many there are: there is no budget.

    Parameters
    ----------
    model, images, baseline, target, output
        As in `insectlib.explain.kernel_shap`.
    seed : int
        Not used: nothing is drawn.
    class_names, batch_size, progress
        As in `insectlib.explain.kernel_shap`.

    Returns
    -------
    Explanation
        The fall is spread evenly over the square's pixels, and a pixel has the mean of its squares.

    Raises
    ------
    ValueError
        When the baseline is wrong, for outputs of covered pictures that are not finite, and
        whenever `insectlib.explain.prepare` refuses the pictures or the model.
    """
    pictures = checked_pictures(model, images)
    baselines = checked_baseline(baseline, pictures)
    prepared = prepare(
        model,
        pictures,
        output=output,
        class_names=class_names,
        target=target,
        batch_size=batch_size,
    )
    started = time.perf_counter()
    height, width = pictures.shape[1:3]
    side = min(max(2, min(height, width) // 8), height, width)
    squares = [(y, x) for y in _places(height, side) for x in _places(width, side)]
    maps = np.zeros((*pictures.shape[:3], prepared.classes.shape[1]))
    visits = np.zeros((height, width, 1))
    for y, x in squares:
        visits[y : y + side, x : x + side] += 1
    bar = tqdm(pictures, desc="Occlusion", unit="picture", disable=not progress)
    for i, picture in enumerate(bar):
        whole = prepared.outputs[i]
        for first in range(0, len(squares), batch_size):
            some = squares[first : first + batch_size]
            covered = np.repeat(picture[None], len(some), axis=0)
            for copy, (y, x) in zip(covered, some, strict=True):
                copy[y : y + side, x : x + side] = baselines[i, y : y + side, x : x + side]
            scores = model_outputs(model, covered, "scores", batch_size)
            check_finite(scores, "covered pictures")
            falls = (whole - from_logits(scores, output))[:, prepared.classes[i]]
            for fall, (y, x) in zip(falls, some, strict=True):
                maps[i, y : y + side, x : x + side] += fall / side**2
    evaluations = len(pictures) * (len(squares) + 1)
    return without_base(prepared, maps / visits, evaluations=evaluations, started=started)


def _places(length: int, side: int) -> list[int]:
    """Return where a square of `side` begins, half its side apart, up to the very end."""
    return [*range(0, length - side, max(side // 2, 1)), length - side]


def edge_map(
    model: Model,
    images: ArrayLike,
    baseline: ArrayLike | None = None,
    *,
    target: Target = None,
    output: str = "logits",
    seed: int = 0,
    class_names: ArrayLike | None = None,
    batch_size: int = BATCH,
) -> Explanation:
    """Return the edges in each picture, as if they were an explanation.

    Chapter ``09_evaluation``; the control of Adebayo et al. (2018). The model is asked about each
    picture once, for its outputs; the map is the same for every class.

    Parameters
    ----------
    model, images, target, output, class_names, batch_size
        As in `insectlib.explain.kernel_shap`.
    baseline, seed
        Not used: nothing is hidden, and nothing is drawn.

    Returns
    -------
    Explanation
        Sobel's measure of the grey picture, in no unit of the output.

    Raises
    ------
    ValueError
        Whenever `insectlib.explain.prepare` refuses the pictures or the model.
    """
    prepared = prepare(
        model, images, output=output, class_names=class_names, target=target, batch_size=batch_size
    )
    started = time.perf_counter()
    pictures = prepared.pictures
    edges = np.stack([sobel(picture.mean(axis=-1) / 255) for picture in pictures])
    maps = np.repeat(edges[..., None], prepared.classes.shape[1], axis=-1)
    return without_base(prepared, maps, evaluations=len(pictures), started=started)


def random_map(
    model: Model,
    images: ArrayLike,
    baseline: ArrayLike | None = None,
    *,
    target: Target = None,
    output: str = "logits",
    seed: int = 0,
    segments: ArrayLike | None = None,
    class_names: ArrayLike | None = None,
    batch_size: int = BATCH,
) -> Explanation:
    """Return dice: a random value for each superpixel and class (chapter ``09_evaluation``).

    The model is asked about each picture once, for its outputs.

    Parameters
    ----------
    model, images, target, output, segments, class_names, batch_size
        As in `insectlib.explain.kernel_shap`.
    baseline
        Not used: nothing is hidden.
    seed : int
        Seed of the random values, which are drawn for one picture after the other.

    Returns
    -------
    Explanation
        Values from the normal distribution, in no unit of the output.

    Raises
    ------
    ValueError
        Whenever `insectlib.explain.prepare` refuses the pictures or the model, or the segments
        are wrong.
    """
    pictures = checked_pictures(model, images)
    cuts = checked_segments(segments, pictures)
    prepared = prepare(
        model,
        pictures,
        output=output,
        class_names=class_names,
        target=target,
        batch_size=batch_size,
    )
    started = time.perf_counter()
    random, n_classes = np.random.default_rng(seed), prepared.outputs.shape[1]
    thrown = []
    for cut, classes in zip(cuts, prepared.classes, strict=True):
        # for every class, so that those of one do not depend on which others are asked for
        dice = random.normal(size=(cut.max() + 1, n_classes))[:, classes]
        thrown.append(spread(dice, cut, channels=1)[:, :, 0])
    return without_base(prepared, np.stack(thrown), evaluations=len(cuts), started=started)
