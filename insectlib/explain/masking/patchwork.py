"""Many coalitions by few pictures, for a network whose last map of features sees windows.

Chapter ``14_estimators``. A place of that map answers to the regions in its window alone. So of
hundreds of coalitions it shows few cases, and two cases of windows far apart fit into one picture.
Here such pictures are pieced together, so that every window shows there every case that it has in
any of the coalitions. The network looks at those; what it would have made of the coalitions is
then put together, place by place, and is the same but for rounding. Nakandala, Kumar and
Papakonstantinou (2019) save work on one hidden square at a time, by the same locality.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from insectlib.explain.masking.local_network import LocalNetwork

BLOCK = 4096
"""Coalitions that share pictures: bounds the memory, however many coalitions there are."""

SAVED = 0.4
"""What share of the pictures must be saved at least, or it is not worth the trouble."""

PICTURES, MAPS = 1024, 2**27
"""So many pictures at most are pieced together, and their maps take so many bytes at most."""

IN_VIEW = 50
"""Regions in one window at most: up to there its cases are numbered without rounding."""

NEW, NEVER = 1e3, 1e6
"""What a new picture costs, and a picture that shows another case; a region to settle costs 1."""

Features = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Coalitions (m, k) in; the last map of features (m, places * channels) out."""


def logits_by_patchwork(
    features: Features,
    network: LocalNetwork,
    coalitions: NDArray[np.float32],
    regions: NDArray[np.int32],
) -> NDArray[np.floating] | None:
    """Return the logits of coalitions, from as few maps of features as their windows need.

    Chapter ``14_estimators``.

    Parameters
    ----------
    features : callable
        Asks the network, up to its last map of features.
    network : LocalNetwork
        What follows.
    coalitions : float32 array, shape (n, k)
        0 where a region is hidden, 1 where it is shown.
    regions : int32 array, shape (height, width)
        The region of each pixel, numbered from 0 without gaps.

    Returns
    -------
    array, shape (n, n_classes), or None
        None where it would not save a share `SAVED` of the pictures.
    """
    views = views_of(network, regions)
    most = min(
        int((1 - SAVED) * len(coalitions)), PICTURES, MAPS // (4 * network.dense.kernel.shape[0])
    )
    pictures = patchwork(coalitions, views, most)
    if pictures is None:
        return None
    weights = network.weights
    maps = features(pictures).reshape(len(pictures), len(weights), -1)
    cases, shown = views.cases(coalitions), views.cases(pictures)
    sums = np.tile(network.bias, (len(coalitions), 1))
    for view, places in enumerate(views.places):
        kernel = weights[places].reshape(-1, sums.shape[1])
        adds = maps[:, places].reshape(len(maps), -1) @ kernel
        order = np.argsort(shown[view])
        sums += adds[order[np.searchsorted(shown[view], cases[view], sorter=order)]]
    return network.head(sums)


class Views(NamedTuple):
    """What the places of a map see of some regions; places that see the same share a view."""

    numbers: NDArray[np.float64]
    """Shape (views, k): 1, 2, 4 and so on for the regions in view, 0 for the others."""
    places: list[NDArray[np.int64]]
    """Of each view."""
    widest: NDArray[np.int64]
    """Views that no other one contains, outwards from the one with most regions: of the orders that
    were tried, this one leads to the fewest pictures."""

    def cases(self, coalitions: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the number of the case of each view in each coalition, shape (views, n)."""
        return np.asarray(self.numbers @ coalitions.T.astype(np.float64))


def views_of(network: LocalNetwork, regions: NDArray[np.integer]) -> Views:
    """Return what the places of a network's last map of features see of some regions.

    Chapter ``14_estimators``.

    Parameters
    ----------
    network : LocalNetwork
        From `insectlib.explain.local_network`.
    regions : int array, shape (height, width)
        The region of each pixel, numbered from 0 without gaps.

    Returns
    -------
    Views
    """
    owners = np.asarray(regions, dtype=np.int32)
    return _views(network.down, network.across, owners.tobytes(), owners.shape)


@lru_cache(maxsize=8)  # an explainer may ask about one picture many times
def _views(
    down: tuple[tuple[int, int], ...],
    across: tuple[tuple[int, int], ...],
    regions: bytes,
    shape: tuple[int, int],
) -> Views:
    """See `views_of`."""
    owners = np.frombuffer(regions, dtype=np.int32).reshape(shape)
    seen = np.zeros((len(down), len(across), owners.max() + 1), dtype=bool)
    for i, (top, bottom) in enumerate(down):
        for j, (left, right) in enumerate(across):
            seen[i, j, owners[max(top, 0) : bottom, max(left, 0) : right]] = True
    unlike, of_place = np.unique(seen.reshape(-1, seen.shape[2]), axis=0, return_inverse=True)
    sizes = unlike.sum(axis=1)
    common = unlike.astype(np.float32) @ unlike.T
    widest = np.flatnonzero((common == sizes[:, None]).sum(axis=1) == 1)  # contained in themselves
    places = [np.flatnonzero(of_place.ravel() == view) for view in range(len(unlike))]
    middles = np.array([np.mean(np.divmod(places[view], len(across)), axis=1) for view in widest])
    away = np.linalg.norm(middles - middles[sizes[widest].argmax()], axis=1)
    return Views(
        2.0 ** np.where(unlike, np.cumsum(unlike, axis=1) - 1.0, -np.inf),
        places,
        widest[np.argsort(away, kind="stable")],
    )


def patchwork(coalitions: ArrayLike, views: Views, most: int) -> NDArray[np.float32] | None:
    """Piece coalitions together that show in every view what the given ones show there.

    Chapter ``14_estimators``. View by view, cases are assigned to the pictures that there are so
    far, at the least cost (Kuhn, 1955): a picture takes a case where it leaves the regions in view
    open, or shows them so already. What then finds no picture gets a new one.

    Parameters
    ----------
    coalitions : array of 0 and 1 (or bool), shape (n, k)
    views : Views
    most : int
        So many pictures at most.

    Returns
    -------
    float32 array, shape (m, k), or None
        None where `most` are not enough.
    """
    given = np.asarray(coalitions, dtype=np.float32)
    cases = views.cases(given)
    pictures = np.zeros((0, given.shape[1]), dtype=np.float32)  # 1 shown, -1 hidden, 0 open
    if (views.numbers > 0).sum(axis=1).max() > IN_VIEW:
        return None
    for view in views.widest:
        in_view = np.flatnonzero(views.numbers[view])
        _, first = np.unique(cases[view], return_index=True)
        if len(first) > most:
            return None
        wanted = 2 * given[np.ix_(first, in_view)] - 1
        settled = pictures[:, in_view]
        n_settled = np.abs(settled).sum(axis=1)
        fits = wanted @ settled.T == n_settled
        price = np.full((len(first), len(pictures) + len(first)), NEW)
        price[:, : len(pictures)] = np.where(fits, len(in_view) - n_settled, NEVER)
        chosen = linear_sum_assignment(price)[1]
        new = chosen >= len(pictures)
        chosen[new] = len(pictures) + np.arange(new.sum())
        if len(pictures) + new.sum() > most:
            return None
        pictures = np.pad(pictures, ((0, new.sum()), (0, 0)))
        pictures[np.ix_(chosen, in_view)] = wanted
    return np.maximum(pictures, 0)
