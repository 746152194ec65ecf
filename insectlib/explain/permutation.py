"""Permutation SHAP for pictures, on top of `shap.PermutationExplainer`.

Chapter ``08_partition_shap``.
"""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import shap
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from insectlib.explain.checks import check_repeats
from insectlib.explain.explanation import Explanation, to_explanation
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.masking_graphs import BATCH
from insectlib.explain.masking.regions import checked_baseline, checked_segments, spread
from insectlib.explain.target import Target, checked_pictures, prepare
from insectlib.models.inference import Model
from insectlib.models.seeds import numpy_seed


def permutation_shap(
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
) -> Explanation:
    """Explain pictures by letting superpixels join one by one, with `shap.PermutationExplainer`.

    Chapter ``08_partition_shap``; Strumbelj and Kononenko (2014), Mitchell et al. (2022). The
    superpixels join in a random order, and leave in the same order; what each one changes is
    averaged over many such orders. There is no regression, and every order adds up exactly.

    Parameters
    ----------
    model, images, baseline, target, output
        As in `insectlib.explain.kernel_shap`.
    seed : int
        Seed of the orders; the same for each picture. NumPy's global generator, which shap uses,
        is left as it was, and one thread at a time draws from it.
    budget : int
        Masked pictures for each picture. One order of k superpixels, there and back, takes
        2 * k + 1 of them; as many whole orders are taken as fit. The model is asked about those
        that are equal within an order once, and they count once. The untouched picture, which
        the sum is checked against, comes on top.
    segments, class_names, batch_size, progress
        As in `insectlib.explain.kernel_shap`.

    Returns
    -------
    Explanation
        From `insectlib.explain.to_explanation`, with ``segments`` (n, height, width) and
        ``permutations`` (n,), the number of orders. The value of a superpixel is spread evenly
        over its pixels and channels.

    Raises
    ------
    ValueError
        When shape or range of pictures, baseline or segments are wrong, when the budget is
        too small for a single order, for outputs of masked pictures that are not finite, and
        whenever `insectlib.explain.prepare` refuses the pictures or the model.

    Warns
    -----
    PreflightWarning
        When the model gives two answers for the same picture.
    """
    pictures = checked_pictures(model, images)
    baselines = checked_baseline(baseline, pictures)
    cuts = checked_segments(segments, pictures)
    for cut in cuts:
        _check_budget(budget, int(cut.max()) + 1)
    prepared = prepare(
        model,
        pictures,
        output=output,
        class_names=class_names,
        target=target,
        batch_size=batch_size,
    )
    start = time.perf_counter()
    evaluations = len(pictures)
    values, base_values, rounds = [], [], []
    bar = tqdm(cuts, desc="Permutation SHAP", unit="picture", disable=not progress)
    for i, cut in enumerate(bar):
        k, classes = int(cut.max()) + 1, prepared.classes[i]
        game = CoalitionGame(
            model,
            pictures[i],
            baselines[i],
            cut,
            output,
            classes=classes,
            batch_size=batch_size,
        )
        # a column of one output would be taken for one output of one superpixel
        play = partial(_only_column, game) if len(classes) == 1 else game
        with numpy_seed(seed):
            # without a seed of its own, shap would start anew from one that nobody knows
            explainer = shap.PermutationExplainer(play, _as_it_is, seed=seed)
            explained = explainer(
                np.ones((1, k)), max_evals=budget, batch_size=2 * k + 1, silent=True
            )
        found = np.reshape(explained.values[0], (k, len(classes)))
        values.append(spread(found, cut, pictures.shape[3]))
        base_values.append(np.reshape(explained.base_values[0], len(classes)))
        rounds.append(budget // (2 * k + 1))
        evaluations += game.evaluations
    explained = to_explanation(
        prepared,
        np.stack(values),
        np.stack(base_values),
        evaluations=evaluations,
        seconds=time.perf_counter() - start,
        segments=cuts,
        permutations=np.array(rounds),
    )
    return check_repeats(explained)


def _check_budget(budget: int, k: int) -> None:
    """Refuse a budget that is too small for one order of k superpixels."""
    if budget < 2 * k + 1:
        raise ValueError(
            f"budget is {budget}, but one order of {k} superpixels, there and back, "
            f"takes {2 * k + 1}. Raise budget, well above that for a steady answer, or "
            "pass coarser segments"
        )


def _only_column(game: CoalitionGame, coalitions: ArrayLike) -> NDArray[np.float64]:
    """Return the one output of each coalition, shape (n,)."""
    return game(coalitions)[:, 0]


def _as_it_is(mask: NDArray[np.bool_], _: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pass a coalition on: shap calls this for each, and the game does the masking."""
    return mask[None]
