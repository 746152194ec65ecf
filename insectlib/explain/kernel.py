"""Kernel SHAP for pictures, with a choice of estimators (chapter ``05_kernel_shap``)."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import shap
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from insectlib.explain.estimators.surrogate import (
    Estimate,
    region_centres,
    shapiq_shapley,
    surrogate_shapley,
)
from insectlib.explain.explanation import Explanation, Target, prepare, to_explanation
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.regions import checked_baseline, checked_segments, spread
from insectlib.models.inference import Model
from insectlib.models.seeds import numpy_seed

ESTIMATORS = ("shap", "shapiq", "surrogate")


def kernel_shap(
    model: Model,
    images: ArrayLike,
    baseline: ArrayLike,
    *,
    seed: int,
    segments: NDArray[np.int64] | None = None,
    budget: int = 1000,
    output: str = "logits",
    estimator: str = "shap",
    l1_reg: float | str = 0,
    wanted_error: float | None = None,
    class_names: ArrayLike | None = None,
    target: Target = None,
    progress: bool = False,
) -> Explanation:
    """Explain pictures by hiding superpixels.

    Chapter ``05_kernel_shap``; Lundberg and Lee (2017).

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255.
    baseline : array
        What stands where a superpixel is hidden: a colour, shape (3,); a picture, shape
        (height, width, 3); or a picture for each image, shape (n, height, width, 3). See
        `mean_colour` and `blurred` in `insectlib.explain.masking.segments`.
    seed : int
        Of the coalitions that are drawn. NumPy's global generator, which shap draws from, is left
        as it was.
    segments : int array, shape (height, width) or (n, height, width), optional
        Superpixels, numbered from 0 without gaps; `superpixels` with its defaults where missing.
    budget : int
        Coalitions to draw for each picture. Three evaluations come on top: everything hidden,
        everything shown, and the untouched picture, which the sum is checked against. At least
        twice the number of superpixels, and ten times it for a steady answer.
    output : str
        ``"logits"`` or ``"probabilities"``: what is explained.
    estimator : str
        How values are made of the answers. ``"shap"`` is `shap.KernelExplainer`, which the
        chapter teaches. ``"shapiq"`` is shapiq's regression with every coalition paired with its
        complement, from a package of its own. ``"surrogate"`` needs the fewest answers for the
        same error, and says how large its errors are: `insectlib.explain.surrogate_shapley`.
    l1_reg : float or str
        For ``"shap"`` only: how it may set superpixels to zero before it fits the others. 0, the
        default here, keeps all of them. shap's own default, ``"num_features(10)"``, keeps ten,
        whatever the budget: what it drops never comes back.
    wanted_error : float, optional
        For ``"surrogate"`` only. Stop before `n_samples` when, for each class, the errors are
        together at most this share of the values.
    class_names : sequence of str, optional
        Names of the outputs.
    target : int, str, sequence of them, int array (n, k), or None
        Which outputs are explained; see `insectlib.explain.Target`.
    progress : bool
        Whether to show a bar over the pictures.

    Returns
    -------
    Explanation
        With ``segments`` (n, height, width). The value of a superpixel is spread evenly over its
        pixels and channels, so that sums over any region add up.

        With ``"surrogate"`` it has ``errors``, of the same shape as the values: the standard error
        of a superpixel is spread in the same way, for its pixels err together, and
        `insectlib.explain.segment_values` adds it up again. The true value is within 1.64 of them
        in about nine superpixels of ten; in fewer where it asked about twice as many coalitions as
        there are superpixels only. Errors of different superpixels do not add up.

    Raises
    ------
    ValueError
        When shape or range of pictures, baseline or segments are wrong, when the budget is
        too small for a regression without `l1_reg`, for an unknown estimator or a setting that
        belongs to another, and whenever `insectlib.explain.prepare` refuses the prepared.
    ModuleNotFoundError
        For ``"shapiq"`` where it is not installed.
    """
    _check_estimator(estimator, l1_reg, wanted_error)
    prepared = prepare(model, images, output=output, class_names=class_names, target=target)
    pictures = prepared.pictures
    baselines = checked_baseline(baseline, pictures)
    start = time.perf_counter()
    cuts = checked_segments(segments, pictures)
    evaluations = len(pictures)
    estimates = []
    for i, cut in enumerate(tqdm(cuts, desc="Kernel SHAP", unit="picture", disable=not progress)):
        k = int(cut.max()) + 1
        _check_budget(budget, k, l1_reg)
        # the surrogate is fitted to logits, whatever is explained: they are smoother
        plays = "logits" if estimator == "surrogate" else output
        game = CoalitionGame(model, pictures[i], baselines[i], cut, plays)
        asked = {"n_samples": budget, "seed": seed, "classes": prepared.classes[i]}
        if estimator == "surrogate":
            estimate = surrogate_shapley(
                game, region_centres(cut), output=output, wanted_error=wanted_error, **asked
            )
        elif estimator == "shapiq":
            estimate = shapiq_shapley(game, k, **asked)
        else:
            estimate = _by_shap(game, k, l1_reg=l1_reg, **asked)
        estimates.append(estimate)
        evaluations += game.evaluations
    fields = {}
    channels = pictures.shape[3]
    if estimator == "surrogate":
        errors = [spread(e.errors, cut, channels) for e, cut in zip(estimates, cuts, strict=True)]
        fields["errors"] = np.stack(errors)
    return to_explanation(
        prepared,
        np.stack([spread(e.values, cut, channels) for e, cut in zip(estimates, cuts, strict=True)]),
        np.stack([e.base_values for e in estimates]),
        evaluations=evaluations,
        seconds=time.perf_counter() - start,
        segments=cuts,
        **fields,
    )


def _by_shap(
    game: CoalitionGame,
    k: int,
    *,
    n_samples: int,
    seed: int,
    l1_reg: float | str,
    classes: NDArray[np.int64],
) -> Estimate:
    """Return what `shap.KernelExplainer` makes of the game."""
    # shap solves one regression for each class: only for those that are asked for
    explained = partial(_explained, game, classes)
    with numpy_seed(seed):
        explainer = shap.KernelExplainer(explained, np.zeros((1, k)))
        values = explainer.shap_values(
            np.ones((1, k)), nsamples=n_samples, l1_reg=l1_reg, silent=True
        )[0]
    return Estimate(values, np.full_like(values, np.nan), np.asarray(explainer.expected_value))


def _explained(
    game: CoalitionGame, classes: NDArray[np.int64], coalitions: ArrayLike
) -> NDArray[np.float64]:
    """Return the outputs of some classes only."""
    return game(coalitions)[:, classes]


def _check_estimator(estimator: str, l1_reg: float | str, wanted_error: float | None) -> None:
    """Refuse an unknown estimator, and a setting that belongs to another one."""
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator is {estimator!r}; expected one of {', '.join(ESTIMATORS)}")
    if l1_reg != 0 and estimator != "shap":
        raise ValueError(f"l1_reg belongs to estimator 'shap'; leave it out with {estimator!r}")
    if wanted_error is not None and estimator != "surrogate":
        raise ValueError(
            f"estimator {estimator!r} cannot stop at a wanted_error; pass estimator='surrogate'"
        )


def _check_budget(budget: int, k: int, l1_reg: float | str) -> None:
    """Refuse a budget that leaves the regression with more unknowns than equations.

    shap draws each coalition together with its complement. The regression is bound to sum up to
    the output, and under that bound the two make one equation, for k - 1 unknowns.
    """
    needed = min(2 * (k - 1), 2**k - 2)
    if l1_reg == 0 and budget < needed:
        raise ValueError(
            f"budget is {budget}, but {k} superpixels need at least {needed}: coalitions "
            f"come in pairs, and each pair is one equation for {k - 1} unknowns. Raise budget, "
            "well above that for a steady answer, or pass coarser segments"
        )
