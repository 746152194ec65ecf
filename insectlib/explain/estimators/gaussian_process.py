"""A Gaussian process over the coalitions of a picture, and its Shapley values in closed form.

A game is written over signs, +1 for a player who is present and -1 for one who is not. Its odd part
changes its sign when all players change places, and only that part carries Shapley values. Before
anything has been asked, the odd part is taken for a sum of four random functions:

`Additive`
    every region adds its own share;
`Fading`
    these shares change with the number of regions that are shown;
`Interacting`
    regions close to each other add more, or less, together than alone;
white
    what is different for every single coalition.

Only their sizes are fitted. What is expected of each function is linear in what was asked, and has
Shapley values in closed form. Rasmussen and Williams (2006); for Shapley values of product kernels,
Mohammadi et al. (2025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from insectlib.explain.estimators.covariances import Array, Part, white_shapley, white_variance

FIT_ROWS = 250
"""At most so many pairs decide about the sizes of the parts."""


@dataclass(frozen=True)
class Prior:
    """Parts of a game, and how large they usually are.

    Parameters
    ----------
    parts : sequence of Part
        All but the white one.
    usual : float64 array, shape (len(parts) + 1,)
        Logarithms of the variances that pictures usually show, up to a common number; the white
        part comes last.
    spread : float
        Standard deviation of these logarithms from picture to picture.
    """

    parts: Sequence[Part]
    usual: Array
    spread: float = 1.0


@dataclass(frozen=True)
class Surrogate:
    """What the parts of a game are like after some coalitions have been asked.

    Parameters
    ----------
    parts : sequence of Part
        All but the white one.
    variances : float64 array, shape (len(parts) + 1,)
        By which each is multiplied.
    signs : float64 array, shape (m, n)
        What was asked.
    factor : float64 array, shape (m, m)
        Lower Cholesky factor of the covariances of the answers.
    weights : float64 array, shape (m, c)
        The inverse covariances times the answers.
    scale : float64 array, shape (c,)
        Variance of each output, in units of the covariances.
    """

    parts: Sequence[Part]
    variances: Array
    signs: Array
    factor: Array
    weights: Array
    scale: Array

    def gram(self, signs: Array) -> Array:
        """Return the covariances of other signs with those asked, without the white part."""
        return _weighted(self.variances, [part.gram(signs, self.signs) for part in self.parts])

    def predict(self, signs: Array) -> Array:
        """Return the expected values, shape (k, c), at other signs, shape (k, n)."""
        return self.gram(signs) @ self.weights

    def values_from(self, *, white: bool = True) -> Array:
        """Return the matrix, shape (n, m), that makes Shapley values of the weights."""
        cross = _weighted(self.variances, [part.shapley(self.signs) for part in self.parts])
        if white:
            cross += self.variances[-1] * white_shapley(self.signs)
        return cross.T

    def shapley(self, *, white: bool = True) -> tuple[Array, Array]:
        """Return the Shapley values expected, and their standard errors.

        Parameters
        ----------
        white : bool
            Whether the white part belongs to the game.

        Returns
        -------
        float64 arrays, shape (n, c)
        """
        n = self.signs.shape[1]
        cross = self.values_from(white=white)
        before = _weighted(self.variances, [part.variance(n) for part in self.parts])
        if white:
            before += self.variances[-1] * white_variance(n)
        learnt = solve_triangular(self.factor, cross.T, lower=True)
        left = np.maximum(before - (learnt**2).sum(axis=0), 0)
        return cross @ self.weights, np.sqrt(left[:, None] * self.scale)


def fit_surrogate(prior: Prior, signs: Array, answers: Array) -> Surrogate:
    """Learn a game from some of its answers.

    The sizes of the parts are those of the largest posterior, the same for all outputs; each output
    has a scale of its own.

    Parameters
    ----------
    prior : Prior
        What is assumed.
    signs : float64 array, shape (m, n)
        -1 and 1; the last row is the whole picture.
    answers : float64 array, shape (m, c)
        The odd (or even) part of the game there.

    Returns
    -------
    Surrogate
    """
    grams = [part.gram(signs, signs) for part in prior.parts]
    units = np.array([np.mean(np.diag(gram)) for gram in grams] + [1.0])
    m = len(signs)
    rows = np.unique(np.linspace(0, m - 1, min(m, FIT_ROWS)).round().astype(int))
    some = [gram[np.ix_(rows, rows)] / unit for gram, unit in zip(grams, units, strict=False)]
    variances = _likely_variances(prior, some, answers[rows]) / units
    total = _weighted(variances, grams)
    total[np.diag_indices(m)] += variances[-1]
    factor = _cholesky(total)
    weights = cho_solve((factor, True), answers)
    scale = (answers * weights).sum(axis=0) / m
    return Surrogate(prior.parts, variances, signs, factor, weights, scale)


def _likely_variances(prior: Prior, grams: list[Array], answers: Array) -> Array:
    """Return the variances of all parts with the largest posterior."""
    m, c = answers.shape
    grams = [*grams, np.eye(m)]
    answers = answers / np.maximum(np.sqrt((answers**2).mean(axis=0)), 1e-300)

    def loss(logs: Array) -> tuple[float, Array]:
        variances = np.exp(logs)
        try:
            factor = _cholesky(_weighted(variances, grams))
        except LinAlgError:
            return 1e12, np.zeros_like(logs)
        weights = cho_solve((factor, True), answers)
        inverse = cho_solve((factor, True), np.eye(m))
        fit = np.maximum((answers * weights).sum(axis=0), 1e-300)
        off = (logs - prior.usual) / prior.spread
        slopes = [
            variance * (c * (inverse * gram).sum() - m * ((weights * (gram @ weights)) / fit).sum())
            for variance, gram in zip(variances, grams, strict=True)
        ]
        value = m * np.log(fit).sum() + 2 * c * np.log(np.diag(factor)).sum() + (off**2).sum()
        return value / 2, (np.array(slopes) + 2 * off / prior.spread) / 2

    found = minimize(
        loss,
        prior.usual,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-18, 8)] * len(grams),
        options={"maxiter": 25},
    )
    return np.asarray(np.exp(found.x))


def _cholesky(total: Array) -> Array:
    """Return the lower factor, with a trace of white for the sake of rounding."""
    steady = total.copy()
    steady[np.diag_indices(len(total))] += 1e-11 * np.trace(total) / len(total)
    return np.asarray(cholesky(steady, lower=True, check_finite=False))


def _weighted(variances: Array, of_parts: Sequence[Array]) -> Array:
    """Return the sum of what the parts say, each times its variance."""
    return np.asarray(np.sum([v * p for v, p in zip(variances, of_parts, strict=False)], axis=0))
