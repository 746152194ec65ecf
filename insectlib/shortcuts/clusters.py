"""Look at the maps of a whole test part at once (chapter ``10_clever_hans``).

In the spirit of SpRAy (Lapuschkin et al., 2019): explain every picture, add up each map by region,
put maps that look alike into clusters, and rank the clusters by a stated rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from insectlib.data.imageset import ImageSet
from insectlib.evaluate.localisation import attribution_sums, border_masks, region_masks
from insectlib.evaluate.maps import class_maps

if TYPE_CHECKING:
    import shap

BATCH = 64
"""Gradients at once; bounds the memory."""

SUSPECTS = ("background", "border", "strip")
"""Regions that hold no insect, or should not."""

LIMIT = 0.5
"""A cluster is suspicious when more than this share of its evidence lies on `SUSPECTS`."""

Regions = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Cluster:
    """Pictures whose maps look alike.

    Parameters
    ----------
    members : int64 array, shape (m,)
        Indices of the pictures.
    typical : int
        Index of the picture whose map is nearest to the middle of the cluster.
    shares : dict of str to float
        Mean share of the evidence on each region, from `evidence_shares`.
    suspicion : float
        What lies on the suspects, all together: 0 to 1.
    suspicious : bool
        Whether that is more than `LIMIT`.
    """

    members: NDArray[np.int64]
    typical: int
    shares: dict[str, float]
    suspicion: float
    suspicious: bool


def regions_of(part: ImageSet) -> dict[str, NDArray[np.bool_]]:
    """Return insect, background and strip where masks know them, else centre, border and strip.

    Chapter ``10_clever_hans``.

    Parameters
    ----------
    part : ImageSet

    Returns
    -------
    dict of str to bool array, shape (n, height, width)
        From `insectlib.evaluate.region_masks` or `insectlib.evaluate.border_masks`.
    """
    if part.masks is not None:
        return region_masks(part.masks)
    return border_masks(*part.images.shape[:3])


def evidence_shares(
    explanation: shap.Explanation, regions: Regions
) -> dict[str, NDArray[np.float64]]:
    """Return which share of the evidence for the named class lies on each region.

    Chapter ``10_clever_hans``. The attributions of a region are added up with their signs first, so
    that the noise of its pixels cancels; the share is taken of the size of these sums.

    Parameters
    ----------
    explanation : shap.Explanation
        From one of the course's explainers; each picture counts with the largest of its outputs.
    regions : mapping of str to bool array, shape (n, height, width)
        Such as those of `regions_of`.

    Returns
    -------
    dict of str to float64 array, shape (n,)
        They add up to 1 for each picture, or to 0 where there is no evidence at all.
    """
    rows, largest = np.arange(len(explanation.outputs)), np.argmax(explanation.outputs, axis=1)
    sums = attribution_sums(explanation, regions)
    sizes = {name: np.abs(of_classes[rows, largest]) for name, of_classes in sums.items()}
    total = np.sum(list(sizes.values()), axis=0)
    return {name: size / np.where(total, total, 1) for name, size in sizes.items()}


def map_features(maps: NDArray[np.float64], cells: int = 8) -> NDArray[np.float64]:
    """Return where each map finds its evidence, as numbers that can be compared.

    Chapter ``10_clever_hans``. Each map is added up on a coarse grid; only cells that speak for
    the class count, as shares. The distance between the roots of two rows of shares is
    Hellinger's, which a single bright cell does not dominate.

    Parameters
    ----------
    maps : float64 array, shape (n, height, width)
        From `insectlib.evaluate.class_maps`.
    cells : int
        Cells along each side of the grid.

    Returns
    -------
    float64 array, shape (n, cells * cells)
        Roots of shares: each row has length 1, or 0 where nothing speaks for the class.

    Raises
    ------
    ValueError
        When the maps have fewer pixels a side than there are cells.
    """
    n, height, width = maps.shape
    if cells > min(height, width):
        raise ValueError(f"cells is {cells}; expected at most {min(height, width)}, one a pixel")
    rows, columns = (np.arange(cells) * side // cells for side in (height, width))
    grid = np.add.reduceat(np.add.reduceat(maps, rows, axis=1), columns, axis=2)
    speaks = grid.reshape(n, -1).clip(min=0)
    total = speaks.sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(speaks / np.where(total, total, 1)))


def cluster_maps(
    explanation: shap.Explanation,
    regions: Regions,
    *,
    seed: int,
    n_clusters: int | None = None,
    limit: float = LIMIT,
) -> list[Cluster]:
    """Group pictures with similar maps, the most suspicious cluster first.

    Chapter ``10_clever_hans``; after SpRAy (Lapuschkin et al., 2019), with k-means on
    `map_features`. The rule: a cluster's suspicion is the mean share of its evidence on regions
    that hold no insect, and above `limit` it is called suspicious.

    Parameters
    ----------
    explanation : shap.Explanation
        The explanation of the whole test part.
    regions : mapping of str to bool array, shape (n, height, width)
        Those named in `SUSPECTS` count as suspects.
    seed : int
        Seed of k-means.
    n_clusters : int, optional
        From 1 to n; where missing, the number from 2 to 6 with the best silhouette.
    limit : float
        Smallest suspicion, 0 to 1, that is called suspicious.

    Returns
    -------
    list of Cluster
        Sorted by suspicion; every picture is in one of them.

    Raises
    ------
    ValueError
        When there are fewer than four pictures, no suspects among the regions, or `n_clusters` or
        `limit` are out of range.
    """
    features = map_features(class_maps(explanation))
    n = len(features)
    if n < 4:
        raise ValueError(f"{n} pictures; expected four or more to find clusters among")
    if n_clusters is not None and not 1 <= n_clusters <= n:
        raise ValueError(f"n_clusters is {n_clusters}; expected 1 to {n}")
    if not 0 <= limit <= 1:
        raise ValueError(f"limit is {limit}; expected 0 to 1")
    suspects = [name for name in regions if name in SUSPECTS]
    if not suspects:
        raise ValueError(
            f"regions are {', '.join(regions)}; expected one of {', '.join(SUSPECTS)} among them"
        )
    shares = evidence_shares(explanation, regions)
    found = []
    labels, centres = k_means(features, n_clusters, seed)
    for k, centre in enumerate(centres):
        members = np.flatnonzero(labels == k)
        if not len(members):
            continue
        of_regions = {name: float(share[members].mean()) for name, share in shares.items()}
        suspicion = sum(of_regions[name] for name in suspects)
        near = np.linalg.norm(features[members] - centre, axis=1).argmin()
        typical = int(members[near])
        found.append(Cluster(members, typical, of_regions, suspicion, suspicion > limit))
    return sorted(found, key=lambda cluster: -cluster.suspicion)


def k_means(
    features: NDArray[np.float64], n_clusters: int | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels and centres, with the number of clusters that fits best where none is given."""
    n = len(features)
    different = len(np.unique(features.round(9), axis=0))
    tries = range(2, min(6, n - 1, different) + 1) if n_clusters is None else [n_clusters]
    best, fits = KMeans(1, n_init=1, random_state=seed).fit(features), -1.0
    for k in tries:
        made = KMeans(k, n_init=4, random_state=seed).fit(features)
        fit = 1.0 if n_clusters is not None else silhouette_score(features, made.labels_)
        if fit > fits:
            best, fits = made, fit
    return best.labels_, best.cluster_centers_
