"""Kernel SHAP for pictures, with a choice of estimators (chapter ``05_kernel_shap``)."""

from __future__ import annotations

import time

import numpy as np
import shap
from numpy.typing import ArrayLike
from tqdm import tqdm

from insectlib.explain.checks import check_repeats
from insectlib.explain.estimators.estimate import Estimate
from insectlib.explain.estimators.surrogate import region_centres, surrogate_shapley
from insectlib.explain.explanation import Explanation, to_explanation
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.masking_graphs import BATCH
from insectlib.explain.masking.regions import checked_baseline, checked_segments, spread
from insectlib.explain.target import Target, checked_pictures, prepare
from insectlib.models.inference import Model
from insectlib.models.seeds import numpy_seed

ESTIMATORS = ("shap", "surrogate")


def kernel_shap(
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
    estimator: str = "shap",
    l1_reg: float | str = 0,
    wanted_error: float | None = None,
) -> Explanation:
    """Explain pictures by hiding superpixels.

    Chapter ``05_kernel_shap``; Lundberg and Lee (2017).

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits: a Keras model, or any function from
        pictures, float32 (n, height, width, channels), to scores (n, n_classes).
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255.
    baseline : array
        What stands where a superpixel is hidden: a colour, shape (channels,); a picture, shape
        (height, width, channels); or a picture for each image, shape (n, height, width, channels).
        See `mean_colour` and `blurred` in `insectlib.explain.masking.segments`.
    target : int, str, sequence of them, int array (n, k), or None
        Which outputs are explained: a class's index or name, several of them, ``"predicted"``,
        ``"top 3"``, or all where None; see `insectlib.explain.Target`. Only these are computed.
    output : str
        ``"logits"``, ``"probabilities"``, or ``"scores"`` for what the model returns, as it is.
    seed : int
        Seed of the coalitions; the same for each picture. NumPy's global generator,
        which shap draws from, is left as it was, and one thread at a time draws from it.
    budget : int
        Masked pictures for each picture; the model is asked about equal ones once, and they count
        once. Three pictures come on top: everything hidden, everything shown, and the untouched
        picture, which the sum is checked against. At least twice the number of superpixels, and
        ten times it for a steady answer.
    segments : array of whole numbers or bool, shape (height, width) or (n, height, width), optional
        Superpixels, numbered from 0 without gaps; `superpixels` with its defaults where missing.
    class_names : sequence of str, optional
        Names of the outputs; two of them go with one logit as well.
    batch_size : int
        Pictures at once; bounds the memory, and does not change the result.
    progress : bool
        Whether to show a bar over the pictures.
    estimator : str
        How values are made of the answers. ``"shap"`` is `shap.KernelExplainer`, which the
        chapter teaches. ``"surrogate"``, of chapter ``14_estimators``, needs fewer answers for the
        same error, and says how large its errors are: `insectlib.explain.surrogate_shapley`.
    l1_reg : float or str
        For ``"shap"`` only: how it may set superpixels to zero before it fits the others. 0, the
        default here, keeps all of them. shap's own default, ``"num_features(10)"``, keeps ten,
        whatever the budget: what it drops never comes back.
    wanted_error : float, optional
        For ``"surrogate"`` only. Stop before the `budget` is spent when, for each class, the
        errors are together at most this share of the values.

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
        belongs to another, for outputs of masked pictures that are not finite, and whenever
        `insectlib.explain.prepare` refuses the pictures or the model.

    Warns
    -----
    PreflightWarning
        When the model gives two answers for the same picture.
    """
    _check_estimator(estimator, l1_reg, wanted_error)
    pictures = checked_pictures(model, images)
    baselines = checked_baseline(baseline, pictures)
    cuts = checked_segments(segments, pictures)
    for cut in cuts:
        _check_budget(budget, int(cut.max()) + 1, l1_reg)
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
    estimates = []
    for i, cut in enumerate(tqdm(cuts, desc="Kernel SHAP", unit="picture", disable=not progress)):
        k, classes = int(cut.max()) + 1, prepared.classes[i]
        # the surrogate is fitted to logits, whatever is explained: they are smoother
        softmax = output == "probabilities" and prepared.outputs.shape[1] > 1
        by_logits = estimator == "surrogate" and softmax and k > 1
        game = CoalitionGame(
            model,
            pictures[i],
            baselines[i],
            cut,
            "logits" if by_logits else output,
            classes=None if by_logits else classes,
            batch_size=batch_size,
        )
        if k == 1:
            estimate = _of_one_player(game)
        elif by_logits:
            estimate = surrogate_shapley(
                game,
                region_centres(cut),
                output=output,
                wanted_error=wanted_error,
                classes=classes,
                n_samples=budget,
                seed=seed,
            )
        elif estimator == "surrogate":
            estimate = surrogate_shapley(
                game, region_centres(cut), wanted_error=wanted_error, n_samples=budget, seed=seed
            )
        else:
            estimate = _by_shap(game, k, l1_reg=l1_reg, n_samples=budget, seed=seed)
        estimates.append(estimate)
        evaluations += game.evaluations
    fields = {}
    channels = pictures.shape[3]
    if estimator == "surrogate":
        errors = [spread(e.errors, cut, channels) for e, cut in zip(estimates, cuts, strict=True)]
        fields["errors"] = np.stack(errors)
    explained = to_explanation(
        prepared,
        np.stack([spread(e.values, cut, channels) for e, cut in zip(estimates, cuts, strict=True)]),
        np.stack([e.base_values for e in estimates]),
        evaluations=evaluations,
        seconds=time.perf_counter() - start,
        segments=cuts,
        **fields,
    )
    return check_repeats(explained)


def _of_one_player(game: CoalitionGame) -> Estimate:
    """Return the values of a picture that is one superpixel: everything that changes."""
    hidden, shown = game([[False], [True]])
    values = (shown - hidden)[None]
    return Estimate(values, np.zeros_like(values), hidden)


def _by_shap(
    game: CoalitionGame, k: int, *, n_samples: int, seed: int, l1_reg: float | str
) -> Estimate:
    """Return what `shap.KernelExplainer` makes of the game: a regression for each class."""
    with numpy_seed(seed):
        explainer = shap.KernelExplainer(game, np.zeros((1, k)))
        values = explainer.shap_values(
            np.ones((1, k)), nsamples=n_samples, l1_reg=l1_reg, silent=True
        )[0]
    return Estimate(values, np.full_like(values, np.nan), np.asarray(explainer.expected_value))


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
