"""LIME for pictures: a plane through masked copies, with weights of another kind than Shapley's."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import Ridge
from tqdm import tqdm

from insectlib.explain.checks import check_repeats
from insectlib.explain.explanation import Explanation, to_explanation
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.masking_graphs import BATCH
from insectlib.explain.masking.regions import checked_baseline, checked_segments, spread
from insectlib.explain.target import Target, checked_pictures, prepare
from insectlib.models.inference import Model


def lime_image(
    model: Model,
    images: ArrayLike,
    baseline: ArrayLike,
    *,
    target: Target = None,
    output: str = "logits",
    seed: int = 0,
    budget: int = 1000,
    segments: ArrayLike | None = None,
    class_names: ArrayLike | None = None,
    batch_size: int = BATCH,
    progress: bool = False,
    width: float = 0.25,
) -> Explanation:
    """Explain pictures by the slopes of a plane through the outputs of masked copies.

    Chapter ``09_evaluation``; Ribeiro et al. (2016), with the settings of the authors' own package:
    every superpixel is shown or hidden with even odds, copies close to the picture (by the cosine
    distance of the coalitions) weigh more, and a ridge regression of strength 1 finds the slopes.

    Parameters
    ----------
    model, images, baseline, target, output
        As in `insectlib.explain.kernel_shap`.
    seed : int
        Seed of the copies; the same for each picture.
    budget : int
        Masked copies of each picture, the whole one among them. The model is asked about equal
        ones once, and they count once. The untouched picture comes on top.
    segments, class_names, batch_size, progress
        As in `insectlib.explain.kernel_shap`.
    width : float
        Of the kernel: the distance at which a copy's weight has fallen to 0.61.

    Returns
    -------
    Explanation
        With ``segments``. The base value is the height of the plane where nothing is shown.
        Nothing makes the slopes add up: see the additivity gap.

    Raises
    ------
    ValueError
        For a `width` that is not above zero, fewer than two copies, outputs of masked pictures
        that are not finite, and whenever `insectlib.explain.prepare` refuses the pictures or the
        model.
    """
    if not width > 0 or budget < 2:
        raise ValueError(f"width is {width} and budget {budget}; expected above 0 and at least 2")
    pictures = checked_pictures(model, images)
    baselines = checked_baseline(baseline, pictures)
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
    evaluations = len(cuts)
    values, bases, again = [], [], []
    for i, cut in enumerate(tqdm(cuts, desc="LIME", unit="picture", disable=not progress)):
        game = CoalitionGame(
            model,
            pictures[i],
            baselines[i],
            cut,
            output,
            classes=prepared.classes[i],
            batch_size=batch_size,
        )
        shown = np.random.default_rng(seed).integers(0, 2, (budget, int(cut.max()) + 1))
        shown[0] = 1
        # the cosine of a row of zeros and ones with the row of ones
        distances = 1 - np.sqrt(shown.mean(axis=1))
        weights = np.exp(-(distances**2) / (2 * width**2))
        answers = game(shown)
        plane = Ridge(alpha=1).fit(shown, answers, sample_weight=weights)
        # scikit-learn drops the axis of a single output
        slopes = np.reshape(plane.coef_, (-1, shown.shape[1])).T
        values.append(spread(slopes, cut, pictures.shape[3]))
        bases.append(np.reshape(plane.intercept_, -1))
        again.append(answers[0])
        evaluations += game.evaluations
    explained = to_explanation(
        prepared,
        np.stack(values),
        np.stack(bases),
        evaluations=evaluations,
        seconds=time.perf_counter() - started,
        segments=cuts,
    )
    return check_repeats(explained, np.stack(again))
