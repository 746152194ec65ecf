"""Shapley values of a picture's game from few evaluations, each with its standard error.

Chapter ``14_estimators``. ``bench/estimators.py`` compares it with what other packages offer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve

from insectlib.explain.estimators.covariances import (
    Array,
)
from insectlib.explain.estimators.estimate import Estimate
from insectlib.explain.estimators.gaussian_process import Surrogate, fit_surrogate
from insectlib.explain.estimators.priors import even_prior, global_prior, local_prior
from insectlib.explain.estimators.sampling import (
    Game,
    PairedCoalitions,
    drawn_pairs,
    paired_regression,
    regression_errors,
    shapley_weights,
)
from insectlib.models.inference import softmax

CHOICES = 50
"""Candidates that each coalition is chosen from."""

CHEAP_PAIRS = 10_000
"""Pairs of coalitions that the surrogate answers in place of the network, for probabilities."""

CHEAP_FIT = 500
"""Of these, the pairs that are fitted first; the regression takes what the fit leaves."""


GROUPS = 20
"""Groups of evaluations that the jackknife leaves out in turn."""

JACKKNIFE_FACTOR = 1.2
"""Errors of probabilities are this many times the jackknife's.

Set on test pictures of the course's collections, cut into 9 to 12 regions; chapter
``14_estimators`` counts on other pictures how many intervals hold.
"""

GROWTH = 1.5
"""All evaluations after a round, over those before it, on the way to a wanted error."""


def surrogate_shapley(
    game: Game,
    centres: Array,
    *,
    n_samples: int,
    seed: int,
    output: str = "logits",
    classes: NDArray[np.int64] | None = None,
    wanted_error: float | None = None,
) -> Estimate:
    """Estimate Shapley values by a surrogate that is evaluated in place of the network.

    Chapter ``14_estimators``. The network evaluates pairs of complementary coalitions, chosen by
    `insectlib.explain.PairedCoalitions` to be unlike each other. A Gaussian process
    (`insectlib.explain.estimators.gaussian_process`) is fitted to the odd part of the game, and its
    Shapley values are the estimate. Probabilities are a softmax of logits, and the logits are the
    smoother of the two: both halves of the logits are fitted, and the game of their softmax is
    sampled from the surrogate, which costs little.

    The estimate is biased towards games in which regions add up and only neighbours interact. The
    bias falls as the budget grows; when every coalition has been evaluated, the values are exact.
    The standard errors include the bias as far as the game is like those of other pictures: for
    logits they are the posterior's, for probabilities a jackknife's and those of sampling the
    surrogate.

    Parameters
    ----------
    game : callable
        Coalitions, bool (m, n), in; logits, (m, n_classes), out.
    centres : float64 array, shape (n, 2)
        Where each player is, from 0 to 1 in both directions.
    n_samples : int
        Coalitions to evaluate, besides the empty and the full one; an odd one is left out. Two or
        more, and twice the number of players for more than a first impression.
    seed : int
        Seed of the draw of coalitions.
    output : str
        ``"logits"`` or ``"probabilities"``: what is explained.
    classes : int64 array, shape (k,), optional
        Explain these outputs only.
    wanted_error : float, optional
        Stop before `n_samples` when, for every output, the root sum square of the errors is at
        most this share of the root sum square of the values.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        For fewer than two players or samples, and a `wanted_error` that is not above zero.
    """
    if n_samples < 2:
        raise ValueError(f"n_samples is {n_samples}; expected 2 or more")
    if wanted_error is not None and not wanted_error > 0:
        raise ValueError(f"wanted_error is {wanted_error}; expected a number above 0")
    n = len(centres)
    random = np.random.default_rng(seed)
    sampler = PairedCoalitions(n, random, choices=CHOICES)
    kept = slice(None) if classes is None or output == "probabilities" else classes
    picked = slice(None) if classes is None or output == "logits" else classes
    ends = game(np.array([np.ones(n), np.zeros(n)], dtype=bool))[:, kept]
    present, shown, hidden = np.ones((1, n), dtype=bool), ends[:1], ends[1:]
    step = n_samples // 2 if wanted_error is None else min(2 * n, n_samples // 2)
    while True:
        new = sampler.draw(step)
        answers = game(np.concatenate([new, ~new]))[:, kept]
        # the whole picture stays the last row
        present = np.concatenate([new, present])
        shown = np.concatenate([answers[: len(new)], shown])
        hidden = np.concatenate([answers[len(new) :], hidden])
        evaluated = _Evaluated(present, shown, hidden)
        if not sampler.remaining:
            values, errors = evaluated.exact(output), np.zeros((n, shown.shape[1]))
        elif output == "logits":
            values, errors = evaluated.of_logits(centres)
        else:
            values, errors = evaluated.of_probabilities(random)
        values, errors = values[:, picked], errors[:, picked]
        step = min(round((GROWTH - 1) * len(present)), n_samples // 2 + 1 - len(present))
        met = np.linalg.norm(errors, axis=0) <= (wanted_error or 0) * np.linalg.norm(values, axis=0)
        if step < 1 or not sampler.remaining or (wanted_error and met.all()):
            base = ends[1] if output == "logits" else softmax(ends[1:])[0, picked]
            return Estimate(values, errors, base)


def region_centres(segments: NDArray[np.int64]) -> Array:
    """Return where each region of a picture is.

    Parameters
    ----------
    segments : int64 array, shape (height, width)
        Numbered from 0 without gaps.

    Returns
    -------
    float64 array, shape (k, 2)
        Row and column of the middle of its pixels, from 0 to 1.
    """
    pixels = np.bincount(segments.ravel())
    places = (np.indices(segments.shape) + 0.5) / np.array(segments.shape)[:, None, None]
    sums = [np.bincount(segments.ravel(), weights=place.ravel()) for place in places]
    return np.asarray(np.stack(sums, axis=1) / pixels[:, None])


@dataclass(frozen=True)
class _Evaluated:
    """What was evaluated: logits (m, c) with the players `present` shown, and with them hidden."""

    present: NDArray[np.bool_]
    shown: Array
    hidden: Array

    @property
    def signs(self) -> Array:
        return _signs(self.present)

    def odd(self, output: str) -> Array:
        """Return half the difference between the two outputs of each pair."""
        if output == "logits":
            return (self.shown - self.hidden) / 2
        return (softmax(self.shown) - softmax(self.hidden)) / 2

    def exact(self, output: str) -> Array:
        """Return the values when every pair has been evaluated."""
        pairs, odd = self.present[:-1], self.odd(output)
        return paired_regression(pairs, shapley_weights(pairs), odd[:-1], 2 * odd[-1])

    def of_logits(self, centres: Array) -> tuple[Array, Array]:
        """Return values and errors from the surrogate of the odd part."""
        odd = self.odd("logits")
        values, errors = fit_surrogate(local_prior(centres), self.signs, odd).shapley()
        return values + (2 * odd[-1] - values.sum(axis=0)) / len(values), errors

    def of_probabilities(self, random: np.random.Generator) -> tuple[Array, Array]:
        """Return values and errors of the softmax of a surrogate of both halves."""
        n = self.present.shape[1]
        odd = fit_surrogate(global_prior(n), self.signs, self.odd("logits"))
        even = fit_surrogate(even_prior(n), self.signs, (self.shown + self.hidden) / 2)
        cheap, weights, known = self._cheap_pairs(random)
        signs = _signs(cheap)
        grams = odd.gram(signs), even.gram(signs)

        def answers(odd_weights: Array, even_weights: Array) -> Array:
            left, right = grams[0] @ odd_weights, grams[1] @ even_weights
            return (softmax(right + left) - softmax(right - left)) / 2

        expected = answers(odd.weights, even.weights)
        truth = self.odd("probabilities")
        total = 2 * truth[-1]
        if known is not None:
            without = expected.copy()
            without[known] = truth[:-1]
            values, drawing = paired_regression(cheap, weights, without, total), np.zeros(1)
        else:
            values, drawing = corrected_surrogate(cheap, weights, expected, total)
        moved = []
        for group in _groups(len(self.present) - 1, random):
            changed = answers(_left_out(odd, group), _left_out(even, group)) - expected
            if known is not None:
                changed[known] = 0
            moved.append(paired_regression(cheap, weights, changed, np.zeros_like(total)))
        return values, np.hypot(JACKKNIFE_FACTOR * _jackknife(moved), drawing)

    def _cheap_pairs(
        self, random: np.random.Generator
    ) -> tuple[NDArray[np.bool_], Array, NDArray[np.int64] | None]:
        """Return pairs for the surrogate, weights, and where those that were evaluated are.

        All pairs where these are few, those evaluated first; drawn ones otherwise.
        """
        n = self.present.shape[1]
        if 2 ** (n - 1) - 1 <= CHEAP_PAIRS:
            known = self.present[:-1]
            others = PairedCoalitions(n, random, known).draw(2 ** (n - 1))
            pairs = np.concatenate([known, others])
            return pairs, shapley_weights(pairs), np.arange(len(known))
        return *drawn_pairs(CHEAP_PAIRS, n, random), None


def corrected_surrogate(
    pairs: NDArray[np.bool_], weights: Array, odd: Array, total: Array
) -> tuple[Array, Array]:
    """Return values by a surrogate of some pairs, and a regression on what it leaves of others.

    Nothing is assumed about the game in the end, so the values are unbiased.

    Parameters
    ----------
    pairs : bool array, shape (m, n)
        Drawn coalitions; the first `CHEAP_FIT` are fitted.
    weights : float64 array, shape (m,)
        Of each in the regression.
    odd : float64 array, shape (m, c)
        Half the difference between the outputs of a coalition and of its complement.
    total : float64 array, shape (c,)
        What the values add up to.

    Returns
    -------
    float64 arrays, shape (n, c)
        Values, and the standard errors of the drawing.
    """
    n = pairs.shape[1]
    first = np.concatenate([pairs[:CHEAP_FIT], np.ones((1, n), dtype=bool)])
    answers = np.concatenate([odd[:CHEAP_FIT], total[None] / 2])
    surrogate = fit_surrogate(global_prior(n), _signs(first), answers)
    smooth, _ = surrogate.shapley(white=False)
    rows, of_rows = pairs[CHEAP_FIT:], weights[CHEAP_FIT:]
    left = odd[CHEAP_FIT:] - surrogate.predict(_signs(rows))
    correction = paired_regression(rows, of_rows, left, total - smooth.sum(axis=0))
    return smooth + correction, regression_errors(rows, of_rows, left, correction)


def _signs(present: NDArray[np.bool_]) -> Array:
    """Return 1 for who is present and -1 for who is not."""
    return np.where(present, 1.0, -1.0)


def _groups(m: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return the rows of each group, together each of m rows once."""
    return np.array_split(random.permutation(m), min(GROUPS, m))


def _jackknife(moved: list[Array]) -> Array:
    """Return standard errors from how values move without one group of evaluations each."""
    off = np.array(moved) - np.mean(moved, axis=0)
    return np.asarray(np.sqrt((1 - 1 / len(moved)) * (off**2).sum(axis=0)))


def _left_out(surrogate: Surrogate, group: NDArray[np.int64]) -> Array:
    """Return the weights of the same surrogate without a group of its evaluations."""
    unit = np.zeros((len(surrogate.signs), len(group)))
    unit[group, np.arange(len(group))] = 1
    inverse = cho_solve((surrogate.factor, True), unit)
    lost = np.linalg.solve(inverse[group], surrogate.weights[group])
    return np.asarray(surrogate.weights - inverse @ lost)
