"""LIME for pictures: a plane through masked copies, with weights of another kind than Shapley's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import Ridge

from insectlib.explain.explanation import answer, ask
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.regions import checked_background, checked_segments, spread

if TYPE_CHECKING:
    import keras
    import shap


def lime_image(
    model: keras.Model,
    images: ArrayLike,
    background: ArrayLike,
    *,
    seed: int,
    segments: NDArray[np.int64] | None = None,
    n_samples: int = 1000,
    width: float = 0.25,
    output: str = "logits",
    class_names: Sequence[str] | None = None,
    top: int | None = None,
) -> shap.Explanation:
    """Explain pictures by the slopes of a plane through the outputs of masked copies.

    Chapter ``09_evaluation``; Ribeiro et al. (2016), with the settings of the authors' own package:
    every superpixel is shown or hidden with even odds, copies close to the picture (by the cosine
    distance of the coalitions) weigh more, and a ridge regression of strength 1 finds the slopes.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, 3) or (height, width, 3)
        Values from 0 to 255.
    background : array
        What stands where a superpixel is hidden: a colour, a picture, or one for each image.
    seed : int
        Of the copies.
    segments : int array, shape (height, width) or (n, height, width), optional
        Superpixels, numbered from 0 without gaps; `insectlib.explain.superpixels` with its
        defaults where missing.
    n_samples : int
        Copies for each picture, the whole one among them.
    width : float
        Of the kernel: the distance at which a copy's weight has fallen to 0.61.
    output, class_names, top
        As in `insectlib.explain.kernel_shap`.

    Returns
    -------
    shap.Explanation
        With ``segments``. The base value is the height of the plane where nothing is shown.
        Nothing makes the slopes add up: see the additivity gap.

    Raises
    ------
    ValueError
        For a `width` that is not above zero, fewer than two copies, and whenever
        `insectlib.explain.ask` refuses the question.
    """
    if not width > 0 or n_samples < 2:
        raise ValueError(
            f"width is {width} and n_samples {n_samples}; expected above 0 and at least 2"
        )
    question = ask(model, images, output=output, class_names=class_names, top=top)
    started = time.perf_counter()
    hidden = checked_background(background, question.pictures)
    cuts = checked_segments(segments, question.pictures)
    random = np.random.default_rng(seed)
    evaluations = len(cuts)
    values, bases = [], []
    for i, cut in enumerate(cuts):
        game = CoalitionGame(model, question.pictures[i], hidden[i], cut, output)
        shown = random.integers(0, 2, (n_samples, int(cut.max()) + 1))
        shown[0] = 1
        # the cosine of a row of zeros and ones with the row of ones
        distances = 1 - np.sqrt(shown.mean(axis=1))
        weights = np.exp(-(distances**2) / (2 * width**2))
        plane = Ridge(alpha=1).fit(shown, game(shown), sample_weight=weights)
        values.append(spread(plane.coef_.T, cut))
        bases.append(plane.intercept_)
        evaluations += game.evaluations
    return answer(
        question,
        question.pick(np.stack(values)),
        question.pick(np.stack(bases)),
        evaluations=evaluations,
        seconds=time.perf_counter() - started,
        segments=cuts,
    )
