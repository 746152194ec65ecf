"""Shapley values of a small convolutional network, by what each place of its last map can see.

Chapter ``05_kernel_shap``. A place of the last map of features of a small network sees a window of
the picture, its receptive field (Araujo, Norris and Sim, 2019). Only the regions in that window
count there, so a few hundred coalitions show the place almost every one of its cases. What comes
behind the map costs next to nothing: with a table of cases for each place, coalitions that were
never asked are answered at that price.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from insectlib.explain.estimators.gaussian_process import Array
from insectlib.explain.estimators.sampling import (
    ENUMERATED,
    PairedCoalitions,
    drawn_pairs,
    paired_regression,
    shapley_weights,
)
from insectlib.explain.estimators.surrogate import Estimate, corrected_surrogate
from insectlib.explain.games.coalitions import all_coalitions
from insectlib.explain.masking.local_network import LocalNetwork
from insectlib.models.inference import softmax

MAX_REGIONS = 10
"""So many regions of a window are told apart, those with the largest shares: 1,024 cases."""

STRENGTH, POWER = 0.3, 0.5
"""How much a region matters in a window: STRENGTH times its share of the window to the POWER."""

CHEAP_PAIRS = 20_000
"""Pairs of coalitions that the tables answer in place of the network."""

HALVES = (0b0011, 0b1100, 0b0101, 0b1010)
"""Which of four groups of coalitions are left out in turn, to see how far the values move."""

HALF_FACTOR, HALF_PAIRS = 0.6, 1_000
"""How large errors are, as a share of that movement, measured on pictures; pairs looked at."""

ROUNDING = 1e-6
"""Of the outputs of a network in single precision, as a share of the largest value."""

ASKED_AT_ONCE = 128
"""Coalitions whose maps of features are in memory at a time."""

CHUNK = 500
"""Coalitions that the tables answer at a time, for the sake of the caches."""

ALWAYS = 62
"""The group of nobody and everybody, which is never left out."""

JITTER = 1e-7
"""Of a variance of 1, for the sake of rounding."""

Features = Callable[[NDArray[np.bool_]], NDArray[np.floating]]
"""Coalitions (m, n) in; the last map of features (m, places * channels) out."""


def receptive_shapley(
    features: Features,
    network: LocalNetwork,
    regions: NDArray[np.int64],
    *,
    n_samples: int,
    seed: int,
    output: str = "logits",
    classes: NDArray[np.int64],
) -> Estimate:
    """Estimate Shapley values by tables of what each place of the last map has shown.

    Chapter ``05_kernel_shap``. Pairs of complements (`insectlib.explain.PairedCoalitions`) are
    answered by the network up to its last map of features. A place that has shown all cases of the
    regions in its window is known; cases that it has not shown are expected from those that it
    has, by a Gaussian process over the regions of the window, in which a region with a larger
    share of it matters more. The rest of the network is then asked about all coalitions of up to
    14 players, and about `CHEAP_PAIRS` pairs of more.

    The estimate is exact when every place has shown every case and there are 14 players at most,
    and unbiased when there are more. Until then it leans on what windows have in common. The
    standard errors are those of the drawing, and a share of how far the values move when half of
    the answers are left out.

    Parameters
    ----------
    features : callable
        Coalitions, bool (m, n), in; the last map of features, (m, places * channels), out.
    network : LocalNetwork
        What follows.
    regions : int64 array, shape (height, width)
        The player to whom each pixel belongs, numbered from 0 without gaps.
    n_samples : int
        Coalitions to ask about, besides nobody and everybody; an odd one is left out. Two or more.
    seed : int
        Of the coalitions.
    output : str
        ``"logits"`` or ``"probabilities"``: what is explained.
    classes : int64 array, shape (k,)
        Which outputs are explained.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        For fewer than two players or samples.
    """
    if n_samples < 2:
        raise ValueError(f"n_samples is {n_samples}; expected 2 or more")
    n = int(regions.max()) + 1
    random = np.random.default_rng(seed)
    pairs = PairedCoalitions(n, random).draw(n_samples // 2)
    ends = np.array([np.zeros(n), np.ones(n)], dtype=bool)
    tables = Tables(network, regions)
    for group, chosen in enumerate(np.array_split(random.permutation(len(pairs)), 4)):
        both = np.concatenate([pairs[chosen], ~pairs[chosen]])
        for i in range(0, len(both), ASKED_AT_ONCE):
            some = both[i : i + ASKED_AT_ONCE]
            tables.learn(some, features(some), group)
    maps = features(ends)
    tables.learn(ends, maps, ALWAYS)

    def explained(logits: NDArray[np.floating]) -> Array:
        outputs = logits.astype(np.float64)
        return (outputs if output == "logits" else softmax(outputs))[:, classes]

    nobody, everybody = explained(network.logits(maps))
    few = n <= ENUMERATED
    if few:
        cheap = all_coalitions(n)[1 : 2 ** (n - 1)]
        weights = shapley_weights(cheap)
    else:
        cheap, weights = drawn_pairs(CHEAP_PAIRS, n, random)

    def odd(rows: slice, without: int = 0) -> Array:
        chosen = cheap[rows]
        outputs = explained(tables.logits(np.concatenate([chosen, ~chosen]), without))
        return (outputs[: len(chosen)] - outputs[len(chosen) :]) / 2

    known = odd(slice(None))
    if few:
        values = paired_regression(cheap, weights, known, everybody - nobody)
        drawing, looked_at = np.zeros_like(values), slice(None)
    else:
        values, drawing = corrected_surrogate(cheap, weights, known, everybody - nobody)
        looked_at = slice(HALF_PAIRS)
    moved = [
        paired_regression(
            cheap[looked_at],
            weights[looked_at],
            odd(looked_at, half) - known[looked_at],
            np.zeros(len(classes)),
        )
        for half in ((0,) if tables.complete else HALVES)
    ]
    unseen = HALF_FACTOR * np.sqrt(np.mean(np.square(moved), axis=0))
    least = ROUNDING * np.abs(values).max(axis=0)
    return Estimate(values, np.maximum(np.hypot(drawing, unseen), least), nobody)


class Tables:
    """What each place has shown of the regions in its window, and what follows for the logits.

    Parameters
    ----------
    network : LocalNetwork
        What follows the last map of features.
    regions : int64 array, shape (height, width)
        Numbered from 0 without gaps.
    """

    def __init__(self, network: LocalNetwork, regions: NDArray[np.int64]) -> None:
        self._network = network
        seen_by = [(down, across) for down in network.down for across in network.across]
        self._places = [
            _Place(_shares(regions, *window), weights)
            for window, weights in zip(seen_by, network.weights, strict=True)
        ]

    @property
    def complete(self) -> bool:
        """Whether every place has shown every case."""
        return all(place.complete for place in self._places)

    def learn(self, coalitions: NDArray[np.bool_], maps: NDArray[np.floating], group: int) -> None:
        """Note the maps of features of coalitions, as shown by this group."""
        by_place = np.asarray(maps).reshape(len(coalitions), len(self._places), -1)
        for at, place in enumerate(self._places):
            place.learn(coalitions, by_place[:, at], group)

    def logits(self, coalitions: NDArray[np.bool_], without: int = 0) -> NDArray[np.floating]:
        """Return the logits of any coalitions, as if some groups, a bit each, were not asked."""
        # places that see the same regions share one table
        tables: dict[bytes, tuple[_Place, NDArray[np.float32]]] = {}
        for place in self._places:
            key = place.regions.tobytes()
            before = tables[key][1] if key in tables else 0
            tables[key] = place, before + place.completed(without)
        found = []
        for i in range(0, len(coalitions), CHUNK):
            rows = coalitions[i : i + CHUNK]
            sums = np.tile(self._network.bias, (len(rows), 1))
            for place, table in tables.values():
                sums += table[place.cases_of(rows)]
            found.append(self._network.head(sums))
        return np.concatenate(found)


class _Place:
    """One place of the last map: what it adds to the dense layer, in each case of its regions."""

    def __init__(self, shares: Array, weights: NDArray[np.float32]) -> None:
        # the largest first, and no more than can be told apart; in order, so that places compare
        self.regions = np.sort(np.argsort(-shares)[: min(MAX_REGIONS, np.count_nonzero(shares))])
        self._tells_all = len(self.regions) == np.count_nonzero(shares)
        matter = np.minimum(STRENGTH * shares[self.regions] ** POWER, 0.49)
        self._decay = -np.log1p(-2 * matter)
        self._bits = 1 << np.arange(len(self.regions))
        self._weights = weights
        cases = 1 << len(self.regions)
        self._cases = (np.arange(cases)[:, None] & self._bits > 0).astype(np.float64)
        self._table = np.zeros((cases, weights.shape[1]), dtype=np.float32)
        self._shown_by = np.zeros(cases, dtype=np.int64)  # a bit for each group
        self._kept: NDArray[np.float32] | None = None

    @property
    def complete(self) -> bool:
        """Whether all regions are told apart, and all their cases were shown."""
        return self._tells_all and bool((self._shown_by > 0).all())

    def cases_of(self, coalitions: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return which case each coalition is here."""
        return np.asarray(coalitions[:, self.regions] @ self._bits)

    def learn(self, coalitions: NDArray[np.bool_], maps: NDArray[np.floating], group: int) -> None:
        """Note the cases that a group of coalitions has shown."""
        cases, first = np.unique(self.cases_of(coalitions), return_index=True)
        new = self._shown_by[cases] == 0
        self._table[cases[new]] = maps[first[new]] @ self._weights
        self._shown_by[cases] |= 1 << group
        self._kept = None

    def completed(self, without: int = 0) -> NDArray[np.float32]:
        """Return the table with all cases, those expected that were not shown."""
        shown = self._shown_by > 0
        left = self._shown_by & ~without > 0
        if np.array_equal(left, shown):
            if self._kept is None:
                self._kept = self._expected(shown)
            return self._kept
        return self._expected(left)

    def _expected(self, shown: NDArray[np.bool_]) -> NDArray[np.float32]:
        if shown.all():
            return self._table
        known, others = self._cases[shown], self._cases[~shown]
        mean = self._table[shown].mean(axis=0)
        alike = self._alike(known, known)
        alike[np.diag_indices(len(known))] += JITTER
        table = self._table.copy()
        weights = np.linalg.solve(alike, self._table[shown] - mean)
        table[~shown] = mean + self._alike(others, known) @ weights
        return table

    def _alike(self, left: Array, right: Array) -> Array:
        """Return covariances of cases: each region in which they differ makes them less alike."""
        apart = (left @ self._decay)[:, None] + right @ self._decay
        return np.asarray(np.exp(2 * (left * self._decay) @ right.T - apart))


def _shares(regions: NDArray[np.int64], down: tuple[int, int], across: tuple[int, int]) -> Array:
    """Return which share of a window each region has; what is in its middle counts most."""
    height, width = regions.shape
    weight = np.outer(_tent(*down, height), _tent(*across, width))
    shares = np.bincount(regions.ravel(), weights=weight.ravel())
    return np.asarray(shares / shares.sum())


def _tent(first: int, behind: int, size: int) -> Array:
    """Return weights of pixels, falling from the middle of a window to nothing behind its ends."""
    half = (behind - first) / 2
    away = np.abs(np.arange(size) + 0.5 - first - half)
    return np.asarray(np.maximum(1 - away / half, 0))
