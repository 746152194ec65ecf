"""Permutation SHAP for pictures, on top of `shap.PermutationExplainer`.

Chapter ``08_partition_shap``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import shap
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from insectlib.explain.explanation import Explanation, Target, prepare, to_explanation
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.regions import checked_baseline, checked_segments, spread
from insectlib.models.inference import Model
from insectlib.models.seeds import numpy_seed

if TYPE_CHECKING:
    pass


def permutation_shap(
    model: Model,
    images: ArrayLike,
    baseline: ArrayLike,
    *,
    seed: int,
    segments: NDArray[np.int64] | None = None,
    budget: int = 1000,
    output: str = "logits",
    class_names: ArrayLike | None = None,
    target: Target = None,
    progress: bool = False,
) -> Explanation:
    """Explain pictures by letting superpixels join one by one, with `shap.PermutationExplainer`.

    Chapter ``08_partition_shap``; Strumbelj and Kononenko (2014), Mitchell et al. (2022). The
    superpixels join in a random order, and leave in the same order; what each one changes is
    averaged over many such orders. There is no regression, and every order adds up exactly.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255.
    baseline : array
        What stands where a superpixel is hidden: a colour, shape (3,); a picture, shape
        (height, width, 3); or a picture for each image, shape (n, height, width, 3).
    seed : int
        Of the orders. NumPy's global generator, which shap draws from, is left as it was.
    segments : int array, shape (height, width) or (n, height, width), optional
        Superpixels, numbered from 0 without gaps; `insectlib.explain.superpixels` with its
        defaults where missing.
    budget : int
        Coalitions for each picture. One order of k superpixels, there and back, takes 2 * k + 1
        of them; as many whole orders are taken as fit.
    output : str
        ``"logits"`` or ``"probabilities"``: what is explained.
    class_names : sequence of str, optional
        Names of the outputs.
    target : int, str, sequence of them, int array (n, k), or None
        Which outputs are explained; see `insectlib.explain.Target`.
    progress : bool
        Whether to show a bar over the pictures.

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
        too small for a single order, and whenever `insectlib.explain.prepare` refuses the
        prepared.
    """
    prepared = prepare(model, images, output=output, class_names=class_names, target=target)
    pictures = prepared.pictures
    baselines = checked_baseline(baseline, pictures)
    start = time.perf_counter()
    cuts = checked_segments(segments, pictures)
    evaluations = len(pictures)
    values, base_values, rounds = [], [], []
    bar = tqdm(cuts, desc="Permutation SHAP", unit="picture", disable=not progress)
    for i, cut in enumerate(bar):
        k = int(cut.max()) + 1
        if budget < 2 * k + 1:
            raise ValueError(
                f"budget is {budget}, but one order of {k} superpixels, there and back, "
                f"takes {2 * k + 1}. Raise budget, well above that for a steady answer, or "
                "pass coarser segments"
            )
        game = CoalitionGame(model, pictures[i], baselines[i], cut, output)
        with numpy_seed(seed):
            # without a seed of its own, shap would start anew from one that nobody knows
            explainer = shap.PermutationExplainer(game, _as_it_is, seed=seed)
            explained = explainer(
                np.ones((1, k)), max_evals=budget, batch_size=2 * k + 1, silent=True
            )
        values.append(spread(explained.values[0], cut, prepared.pictures.shape[3]))
        base_values.append(explained.base_values[0])
        rounds.append(budget // (2 * k + 1))
        evaluations += game.evaluations
    return to_explanation(
        prepared,
        prepared.pick(np.stack(values)),
        prepared.pick(np.stack(base_values)),
        evaluations=evaluations,
        seconds=time.perf_counter() - start,
        segments=cuts,
        permutations=np.array(rounds),
    )


def _as_it_is(mask: NDArray[np.bool_], _: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pass a coalition on: shap calls this for each, and the game does the masking."""
    return mask[None]
