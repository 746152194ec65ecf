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
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import gammaln

from insectlib.explain.estimators.sampling import log_binomial

FIT_ROWS = 250
"""At most so many pairs decide about the sizes of the parts."""

NEGLIGIBLE = 1e-10
"""Players who belong to a neighbourhood by no more than this are left out of its sums."""

Array = NDArray[np.float64]


class Part(Protocol):
    """A random function of signs, given by how it varies together at any two of them."""

    def gram(self, left: Array, right: Array) -> Array:
        """Return the covariances, shape (l, r), of signs (l, n) with signs (r, n)."""
        ...

    def shapley(self, right: Array) -> Array:
        """Return the covariances, shape (r, n), of values at signs with Shapley values."""
        ...

    def variance(self, n: int) -> Array:
        """Return the variances, shape (n,), of the Shapley values."""
        ...


@dataclass(frozen=True)
class Additive:
    """Each player's share, the same in every coalition."""

    def gram(self, left: Array, right: Array) -> Array:
        """See `Part`."""
        return np.asarray(left @ right.T)

    def shapley(self, right: Array) -> Array:
        """See `Part`."""
        return 2 * right

    def variance(self, n: int) -> Array:
        """See `Part`."""
        return np.full(n, 4.0)


@dataclass(frozen=True)
class Fading:
    """Each player's share, changing with the size of the coalition.

    Parameters
    ----------
    sizes : float64 array, shape (n + 1, n + 1)
        How the share of a player varies together at two sizes, from 0 to n: see `alike_sizes`.
    """

    sizes: Array

    def gram(self, left: Array, right: Array) -> Array:
        """See `Part`."""
        return np.asarray((left @ right.T) * self.sizes[np.ix_(_size(left), _size(right))])

    def shapley(self, right: Array) -> Array:
        """See `Part`."""
        own, of_all = _shares(self.sizes[:, _size(right)])
        return np.asarray(own[:, None] * right + (of_all * right.sum(axis=1))[:, None])

    def variance(self, n: int) -> Array:
        """See `Part`."""
        own, of_all = _shares(self.sizes)
        (own_own, own_all), (all_own, all_all) = _shares(own[:, None]), _shares(of_all[:, None])
        return np.asarray(np.full(n, own_own + own_all + all_own + n * all_all))


@dataclass(frozen=True)
class Sized:
    """A number for each size of a coalition; no part of the odd half, so without Shapley values.

    Parameters
    ----------
    sizes : float64 array, shape (n + 1, n + 1)
        How it varies together at two sizes.
    """

    sizes: Array

    def gram(self, left: Array, right: Array) -> Array:
        """See `Part`."""
        return self.sizes[np.ix_(_size(left), _size(right))]

    def shapley(self, right: Array) -> Array:
        """See `Part`."""
        return np.zeros(right.shape)

    def variance(self, n: int) -> Array:
        """See `Part`."""
        return np.zeros(n)


@dataclass(frozen=True)
class Interacting:
    """Products of the signs of neighbours: a sum of hyperbolic sines, one for each neighbourhood.

    Parameters
    ----------
    weights : float64 array, shape (k, n)
        How much each player belongs to each of k neighbourhoods.
    odd : bool
        Whether it is a part of the odd or of the even half of a game.
    """

    weights: Array
    odd: bool = True

    def gram(self, left: Array, right: Array) -> Array:
        """See `Part`."""
        wave = np.sinh if self.odd else np.cosh
        total = np.zeros((len(left), len(right)))
        for weight in self.weights:
            near = weight > NEGLIGIBLE
            total += wave((left[:, near] * weight[near]) @ right[:, near].T)
        return total

    def shapley(self, right: Array) -> Array:
        """See `Part`.

        The hyperbolic sine is the odd part of a product with one factor for each player. With
        every other player present at odds that run from none to all, the player's own difference
        is a polynomial in these odds, and its mean is the Shapley value.
        """
        n = right.shape[1]
        odds, share = np.polynomial.legendre.leggauss((n + 1) // 2 + 1)
        present = right > 0
        total = np.zeros(right.shape)
        for weight in self.weights:
            near = weight > NEGLIGIBLE
            slope, there = np.tanh(weight[near]), present[:, near]
            more, less = 1 + odds[:, None] * slope, 1 - odds[:, None] * slope
            log = there @ np.log(more).T + ~there @ np.log(less).T
            product = np.exp(log + np.log(np.cosh(weight[near])).sum()) * share
            own = np.where(there, product @ (1 / more), -product @ (1 / less))
            total[:, near] += slope * own
        return total

    def variance(self, n: int) -> Array:
        """See `Part`."""
        odds, share = np.polynomial.legendre.leggauss((n + 1) // 2 + 1)
        both = np.outer(odds, odds).ravel()[:, None]
        shares = np.outer(share, share).ravel()
        total = np.zeros(n)
        for weight in self.weights:
            factors = 1 + both * np.tanh(weight)
            product = np.exp(np.log(factors).sum(axis=1) + np.log(np.cosh(weight)).sum())
            total += np.tanh(weight) * ((shares * product) @ (1 / factors))
        return total


def alike_sizes(n: int, width: float, parity: int) -> Array:
    """Return how alike two sizes of coalitions are, for `Fading` and `Sized`.

    Parameters
    ----------
    n : int
        Number of players.
    width : float
        Of a Gaussian; sizes run from -1, nobody, to 1, everybody.
    parity : int
        1 where complements have the same sign, -1 where they have opposite ones.

    Returns
    -------
    float64 array, shape (n + 1, n + 1)
    """
    size = np.linspace(-1, 1, n + 1)

    def near(other: Array) -> Array:
        return np.exp(-((size[:, None] - other) ** 2) / (2 * width**2))

    return np.asarray(near(size) + parity * near(-size)) / 2


def _size(signs: Array) -> NDArray[np.int64]:
    """Return how many players are present."""
    return np.asarray((signs > 0).sum(axis=1))


def _shares(by_size: Array) -> tuple[Array, Array]:
    """Return what a player gets of its own share, and of the sum of all shares.

    For the game that takes a share from -1 to 1, times ``by_size``, shape (n + 1, r): the means,
    over all sizes, of what the player adds.
    """
    n = len(by_size) - 1
    after, before = by_size[1:], by_size[:-1]
    others = 2 * np.arange(n)[:, None] / (n - 1)
    own = after * (2 - others) + before * others
    of_all = (after - before) * (others - 1)
    return own.mean(axis=0), of_all.mean(axis=0)


def _white_shapley(right: Array) -> Array:
    """Return what 1 at one coalition, and -1 at its complement, gives to each player."""
    n = right.shape[1]
    size = _size(right)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = np.exp(gammaln(size) + gammaln(n - size + 1) - gammaln(n + 1))
        outside = np.exp(gammaln(size + 1) + gammaln(n - size) - gammaln(n + 1))
    return np.asarray(np.where(right > 0, 2 * inside, -2 * outside))


def _white_variance(n: int) -> float:
    """Return the variance of a Shapley value when every pair has a unit of its own."""
    size = np.arange(1, n + 1)
    weight = 2 * np.exp(gammaln(size) + gammaln(n - size + 1) - gammaln(n + 1))
    return float((np.exp(log_binomial(n - 1, size - 1)) * weight**2).sum())


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
            cross += self.variances[-1] * _white_shapley(self.signs)
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
            before += self.variances[-1] * _white_variance(n)
        learnt = solve_triangular(self.factor, cross.T, lower=True)
        left = np.maximum(before - (learnt**2).sum(axis=0), 0)
        return cross @ self.weights, np.sqrt(left[:, None] * self.scale)


def fit(prior: Prior, signs: Array, answers: Array) -> Surrogate:
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
