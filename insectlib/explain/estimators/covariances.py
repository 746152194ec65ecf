"""Random functions of coalitions, given by how their values vary together.

Each knows the covariance of its values at two coalitions, and, in closed form, that of its values
with its Shapley values. For Shapley values of product kernels see Mohammadi et al. (2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from insectlib.explain.estimators.sampling import log_binomial

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


def white_shapley(right: Array) -> Array:
    """Return what 1 at one coalition, and -1 at its complement, gives to each player."""
    n = right.shape[1]
    size = _size(right)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = np.exp(gammaln(size) + gammaln(n - size + 1) - gammaln(n + 1))
        outside = np.exp(gammaln(size + 1) + gammaln(n - size) - gammaln(n + 1))
    return np.asarray(np.where(right > 0, 2 * inside, -2 * outside))


def white_variance(n: int) -> float:
    """Return the variance of a Shapley value when every pair has a unit of its own."""
    size = np.arange(1, n + 1)
    weight = 2 * np.exp(gammaln(size) + gammaln(n - size + 1) - gammaln(n + 1))
    return float((np.exp(log_binomial(n - 1, size - 1)) * weight**2).sum())
