"""Permutation SHAP for pictures, on top of `shap.PermutationExplainer`.

Chapter ``08_partition_shap``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shap
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from insectlib.explain.explanation import answer, ask
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.regions import checked_background, checked_segments, spread
from insectlib.models.seeds import numpy_seed

if TYPE_CHECKING:
    import keras


def permutation_shap(
    model: keras.Model,
    images: ArrayLike,
    background: ArrayLike,
    *,
    seed: int,
    segments: NDArray[np.int64] | None = None,
    n_samples: int = 1000,
    output: str = "logits",
    class_names: Sequence[str] | None = None,
    top: int | None = None,
    back_end: str = "tensorflow",
    progress: bool = False,
) -> shap.Explanation:
    """Explain pictures by letting superpixels join one by one, with `shap.PermutationExplainer`.

    Chapter ``08_partition_shap``; Strumbelj and Kononenko (2014), Mitchell et al. (2022). The
    superpixels join in a random order, and leave in the same order; what each one changes is
    averaged over many such orders. There is no regression, and every order adds up exactly.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, 3) or (height, width, 3)
        Values from 0 to 255.
    background : array
        What stands where a superpixel is hidden: a colour, shape (3,); a picture, shape
        (height, width, 3); or a picture for each image, shape (n, height, width, 3).
    seed : int
        Of the orders. NumPy's global generator, which shap draws from, is left as it was.
    segments : int array, shape (height, width) or (n, height, width), optional
        Superpixels, numbered from 0 without gaps; `insectlib.explain.superpixels` with its
        defaults where missing.
    n_samples : int
        Coalitions for each picture. One order of k superpixels, there and back, takes 2 * k + 1
        of them; as many whole orders are taken as fit.
    output : str
        ``"logits"`` or ``"probabilities"``: what is explained.
    class_names : sequence of str, optional
        Names of the outputs.
    top : int, optional
        Explain so many classes for each picture, the largest output first; all where missing.
    back_end : str
        What runs the model, see `insectlib.explain.masked_forward`.
    progress : bool
        Whether to show a bar over the pictures.

    Returns
    -------
    shap.Explanation
        From `insectlib.explain.answer`, with ``segments`` (n, height, width) and
        ``permutations`` (n,), the number of orders. The value of a superpixel is spread evenly
        over its pixels and channels.

    Raises
    ------
    ValueError
        When shape or range of pictures, background or superpixels are wrong, when the budget is
        too small for a single order, and whenever `insectlib.explain.ask` refuses the
        question.
    """
    question = ask(model, images, output=output, class_names=class_names, top=top)
    pictures = question.pictures
    hidden = checked_background(background, pictures)
    start = time.perf_counter()
    cuts = checked_segments(segments, pictures)
    evaluations = len(pictures)
    values, base_values, rounds = [], [], []
    bar = tqdm(cuts, desc="Permutation SHAP", unit="picture", disable=not progress)
    for i, cut in enumerate(bar):
        k = int(cut.max()) + 1
        if n_samples < 2 * k + 1:
            raise ValueError(
                f"n_samples is {n_samples}, but one order of {k} superpixels, there and back, "
                f"takes {2 * k + 1}. Raise n_samples, well above that for a steady answer, or "
                "pass coarser segments"
            )
        game = CoalitionGame(model, pictures[i], hidden[i], cut, output, back_end=back_end)
        with numpy_seed(seed):
            # without a seed of its own, shap would start anew from one that nobody knows
            explainer = shap.PermutationExplainer(game, _as_it_is, seed=seed)
            explained = explainer(
                np.ones((1, k)), max_evals=n_samples, batch_size=2 * k + 1, silent=True
            )
        values.append(spread(explained.values[0], cut))
        base_values.append(explained.base_values[0])
        rounds.append(n_samples // (2 * k + 1))
        evaluations += game.evaluations
    return answer(
        question,
        question.pick(np.stack(values)),
        question.pick(np.stack(base_values)),
        evaluations=evaluations,
        seconds=time.perf_counter() - start,
        segments=cuts,
        permutations=np.array(rounds),
    )


def _as_it_is(mask: NDArray[np.bool_], _: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pass a coalition on: shap calls this for each, and the game does the masking."""
    return mask[None]
