"""LIME for pictures: a plane through masked copies, with weights of another kind than Shapley's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import Ridge

from insectlib.explain.explanation import Explanation, Target, prepare, to_explanation
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.regions import checked_baseline, checked_segments, spread
from insectlib.models.inference import Model

if TYPE_CHECKING:
    pass


def lime_image(
    model: Model,
    images: ArrayLike,
    baseline: ArrayLike,
    *,
    seed: int,
    segments: NDArray[np.int64] | None = None,
    budget: int = 1000,
    width: float = 0.25,
    output: str = "logits",
    class_names: ArrayLike | None = None,
    target: Target = None,
) -> Explanation:
    """Explain pictures by the slopes of a plane through the outputs of masked copies.

    Chapter ``09_evaluation``; Ribeiro et al. (2016), with the settings of the authors' own package:
    every superpixel is shown or hidden with even odds, copies close to the picture (by the cosine
    distance of the coalitions) weigh more, and a ridge regression of strength 1 finds the slopes.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255.
    baseline : array
        What stands where a superpixel is hidden: a colour, a picture, or one for each image.
    seed : int
        Of the copies.
    segments : int array, shape (height, width) or (n, height, width), optional
        Superpixels, numbered from 0 without gaps; `insectlib.explain.superpixels` with its
        defaults where missing.
    budget : int
        Copies for each picture, the whole one among them.
    width : float
        Of the kernel: the distance at which a copy's weight has fallen to 0.61.
    target, output, class_names
        As in `insectlib.explain.kernel_shap`.

    Returns
    -------
    Explanation
        With ``segments``. The base value is the height of the plane where nothing is shown.
        Nothing makes the slopes add up: see the additivity gap.

    Raises
    ------
    ValueError
        For a `width` that is not above zero, fewer than two copies, and whenever
        `insectlib.explain.prepare` refuses the prepared.
    """
    if not width > 0 or budget < 2:
        raise ValueError(f"width is {width} and budget {budget}; expected above 0 and at least 2")
    prepared = prepare(model, images, output=output, class_names=class_names, target=target)
    started = time.perf_counter()
    baselines = checked_baseline(baseline, prepared.pictures)
    cuts = checked_segments(segments, prepared.pictures)
    random = np.random.default_rng(seed)
    evaluations = len(cuts)
    values, bases = [], []
    for i, cut in enumerate(cuts):
        game = CoalitionGame(model, prepared.pictures[i], baselines[i], cut, output)
        shown = random.integers(0, 2, (budget, int(cut.max()) + 1))
        shown[0] = 1
        # the cosine of a row of zeros and ones with the row of ones
        distances = 1 - np.sqrt(shown.mean(axis=1))
        weights = np.exp(-(distances**2) / (2 * width**2))
        plane = Ridge(alpha=1).fit(shown, game(shown), sample_weight=weights)
        values.append(spread(plane.coef_.T, cut, prepared.pictures.shape[3]))
        bases.append(plane.intercept_)
        evaluations += game.evaluations
    return to_explanation(
        prepared,
        prepared.pick(np.stack(values)),
        prepared.pick(np.stack(bases)),
        evaluations=evaluations,
        seconds=time.perf_counter() - started,
        segments=cuts,
    )
