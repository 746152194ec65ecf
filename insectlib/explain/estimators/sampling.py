"""Which coalitions to ask about: pairs of complements, each of them once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from insectlib.explain.games.coalitions import all_coalitions

ENUMERATED = 14
"""Up to so many players the pairs are listed and shuffled; beyond, drawn until they are new."""

GOLDEN = (5**0.5 - 1) / 2


class PairedCoalitions:
    """Draws coalitions whose complements are asked about as well, none of them twice.

    Chapter ``14_estimators``. A coalition and its complement together give the odd part of the
    game, half the difference of the two answers, and only that carries Shapley values (Covert and
    Lee, 2021). They are drawn without replacement by leverage scores (Musco and Witter, 2025):
    every size is as likely as every other, and every coalition of a size. With `choices` above one
    they are also spread out: of several drawn coalitions the one is kept that is least like those
    before it, the method of the best candidate (Mitchell, 1991) with the squared cosine of two
    centred coalitions for their likeness. A surrogate learns more from these; a regression that
    takes its pairs for independent draws should not get them.

    Parameters
    ----------
    n : int
        Number of players, two or more.
    random : numpy.random.Generator
        Where the draws come from.
    known : bool array, shape (k, n), optional
        Coalitions that are known: neither they nor their complements are drawn.
    choices : int
        How many coalitions of a size each one is chosen from.

    Raises
    ------
    ValueError
        For fewer than two players.
    """

    def __init__(
        self,
        n: int,
        random: np.random.Generator,
        known: NDArray[np.bool_] | None = None,
        *,
        choices: int = 1,
    ) -> None:
        if n < 2:
            raise ValueError(f"a game of {n} players has nothing to share out; expected 2 or more")
        self.n = n
        self._random = random
        self._choices = choices
        self._drawn = np.zeros((0, n), dtype=bool)
        self._seen: set[bytes] = set()
        self._sizes_drawn = 0
        self._offset = random.random()
        self._listed = self._shuffled_pairs() if n <= ENUMERATED else None
        if known is not None:
            self._unseen(known)

    @property
    def remaining(self) -> float:
        """How many pairs have not been drawn; nobody and everybody are not counted."""
        return 2.0 ** (self.n - 1) - 1 - len(self._seen)

    def draw(self, count: int) -> NDArray[np.bool_]:
        """Return new coalitions, one of each pair.

        Parameters
        ----------
        count : int
            How many are wanted.

        Returns
        -------
        bool array, shape (k, n)
            With k = count, or all that remain.
        """
        count = int(min(count, self.remaining))
        found = [np.zeros((0, self.n), dtype=bool)]
        missing = count
        while missing:
            spread = self._choices > 1 and missing < self.remaining
            new = self._unseen(self._least_alike() if spread else self._candidates(missing))
            found.append(new)
            missing -= len(new)
        return np.concatenate(found)

    def _candidates(self, count: int) -> NDArray[np.bool_]:
        """Return coalitions that may have been seen before."""
        if self._listed is not None:
            rows, self._listed = self._listed[:count], self._listed[count:]
            return rows
        return drawn_subsets(self._next_sizes(count), self.n, self._random)

    def _least_alike(self) -> NDArray[np.bool_]:
        """Return the candidate that is least like those before it; none if no such size is left."""
        size = self._next_sizes(1)[0]
        if self._listed is None:
            rows = drawn_subsets(np.full(self._choices, size), self.n, self._random)
        else:
            sizes = self._listed.sum(axis=1)
            places = np.flatnonzero((sizes == size) | (sizes == self.n - size))[: self._choices]
            rows = self._listed[places]
        # rounded, so that equals are equals on every machine
        best = np.round(self._likeness(rows), 9).argsort(kind="stable")[:1]
        if self._listed is not None:
            self._listed = np.delete(self._listed, places[best], axis=0)
        self._drawn = np.concatenate([self._drawn, rows[best]])
        return np.asarray(rows[best])

    def _likeness(self, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the sum of squared cosines with the coalitions before, up to a factor."""
        here, before = rows.astype(float), self._drawn.astype(float)
        sizes, of_before = here.sum(axis=1), before.sum(axis=1)
        products = self.n * here @ before.T - np.outer(sizes, of_before)
        return np.asarray((products**2 / (of_before * (self.n - of_before))).sum(axis=1))

    def _next_sizes(self, count: int) -> NDArray[np.float64]:
        """Return sizes that the golden ratio spreads evenly, wherever the drawing ends."""
        steps = self._offset + GOLDEN * (self._sizes_drawn + np.arange(count))
        self._sizes_drawn += count
        return np.asarray(1 + np.floor((self.n - 1) * (steps % 1)))

    def _unseen(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Drop every row whose pair has been drawn, and remember the others."""
        # of the two, the one with the first player stands for the pair
        keys = np.packbits(rows ^ ~rows[:, :1], axis=1)
        new = []
        for row, key in zip(rows, keys, strict=True):
            if key.tobytes() not in self._seen:
                self._seen.add(key.tobytes())
                new.append(row)
        return np.array(new, dtype=bool).reshape(-1, self.n)

    def _shuffled_pairs(self) -> NDArray[np.bool_]:
        """Return all pairs, drawn without replacement (Efraimidis and Spirakis, 2006)."""
        pairs = all_coalitions(self.n)[1 : 2 ** (self.n - 1)]
        coalitions_of_size = np.exp(log_binomial(self.n, pairs.sum(axis=1)))
        waiting = self._random.exponential(size=len(pairs)) * coalitions_of_size
        return np.asarray(pairs[np.argsort(waiting)])


def drawn_subsets(
    sizes: NDArray[np.floating], n: int, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Return a random coalition of each size, shape (len(sizes), n)."""
    places = random.random((len(sizes), n)).argsort(axis=1).argsort(axis=1)
    return np.asarray(places < sizes[:, None])


def drawn_pairs(
    m: int, n: int, random: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return coalitions of all sizes alike, drawn independently, and their regression weights.

    Parameters
    ----------
    m : int
        How many.
    n : int
        Number of players.
    random : numpy.random.Generator

    Returns
    -------
    bool array, shape (m, n)
        One of each pair.
    float64 array, shape (m,)
        For `paired_regression`.
    """
    sizes = random.permutation(1 + np.arange(m) % (n - 1))
    return drawn_subsets(sizes, n, random), 1 / (sizes * (n - sizes))


def log_binomial(n: int, k: NDArray[np.signedinteger]) -> NDArray[np.float64]:
    """Return the logarithm of how many coalitions of k among n players there are."""
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def paired_regression(
    coalitions: NDArray[np.bool_],
    weights: NDArray[np.float64],
    odd: NDArray[np.float64],
    total: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return Shapley values by the regression of Kernel SHAP on the odd part of a game.

    Covert and Lee (2021). Over all pairs, with the weights of `shapley_weights`, the values are
    exact.

    Parameters
    ----------
    coalitions : bool array, shape (m, n)
        One of each pair.
    weights : float64 array, shape (m,)
        Of each pair.
    odd : float64 array, shape (m, c)
        Half the difference between the outputs of a coalition and of its complement.
    total : float64 array, shape (c,)
        What the values have to add up to.

    Returns
    -------
    float64 array, shape (n, c)
    """
    n = coalitions.shape[1]
    signs = coalitions - 0.5
    left = odd - signs.sum(axis=1, keepdims=True) * total / n
    centred = signs - signs.mean(axis=1, keepdims=True)
    weighted = centred * weights[:, None]
    slopes = np.linalg.lstsq(weighted.T @ centred, weighted.T @ left, rcond=1e-10)[0]
    return np.asarray(total / n + slopes - slopes.mean(axis=0))


def regression_errors(
    coalitions: NDArray[np.bool_],
    weights: NDArray[np.float64],
    odd: NDArray[np.float64],
    values: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the standard errors of `paired_regression` that come of drawing the pairs.

    White (1980): from what the regression leaves of each pair, whatever its variance.

    Parameters
    ----------
    coalitions, weights, odd
        As given to `paired_regression`; drawn independently.
    values : float64 array, shape (n, c)
        What it returned.

    Returns
    -------
    float64 array, shape (n, c)
    """
    signs = coalitions - 0.5
    left = odd - signs @ values
    centred = signs - signs.mean(axis=1, keepdims=True)
    inverse = np.linalg.pinv((centred * weights[:, None]).T @ centred, rcond=1e-10)
    influence = (centred * weights[:, None]) @ inverse
    return np.asarray(np.sqrt((influence**2).T @ left**2))


def shapley_weights(coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weight of each coalition in the regression of Kernel SHAP, up to a factor."""
    n = coalitions.shape[1]
    size = coalitions.sum(axis=1)
    return np.asarray(np.exp(-log_binomial(n, size)) / (size * (n - size)))


Game = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
"""Coalitions (m, n) in; outputs (m, n_classes) out."""
