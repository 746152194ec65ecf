"""A store as the collection report of chapter 10, read shard by shard (chapter 12)."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from insectlib.collection.reading import pieces
from insectlib.collection.store import Store
from insectlib.data.cache import write_whole
from insectlib.evaluate.localisation import border_masks
from insectlib.shortcuts.clusters import LIMIT, SUSPECTS, k_means, map_features
from insectlib.shortcuts.diagnosis import coarse, show_shares
from insectlib.shortcuts.report import document, figure_of, listed, table_of
from insectlib.visualise.plots import show_picture, show_signed_map
from insectlib.visualise.style import WIDTH, signed_norm, use_style

SAMPLE = 2000
"""Pictures that the clusters are found among; all are put into them."""

NAMES = 50
"""Names that the page lists of each suspicious cluster, and of what could not be read."""


@dataclass(eq=False)  # each is itself: arrays have no one truth
class Group:
    """One cluster of maps, as it is added up.

    Parameters
    ----------
    n : int
    shares : float64 array, shape (3,)
        Sums over its pictures of the share of the evidence on centre, border and strip.
    map : float64 array, shape (side, side)
        Sum of its maps.
    nearest : float
        Distance of the picture that is nearest to the middle.
    typical : tuple of (str, float32 array)
        Name and pixels of that picture.
    names : list of str
        The first `NAMES` of them.
    """

    n: int = 0
    shares: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    map: NDArray[np.float64] | float = 0.0
    nearest: float = np.inf
    typical: tuple[str, NDArray[np.float32]] | None = None
    names: list[str] = field(default_factory=list)


class Clusters(NamedTuple):
    """The middles of clusters of maps, and the sample that they were found among."""

    centres: NDArray[np.float64]
    sample: NDArray[np.float64]

    def distances(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance of each map from each centre."""
        return np.asarray(np.linalg.norm(features[:, None] - self.centres, axis=2))

    def nearest(self, features: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the cluster of each map."""
        return np.asarray(self.distances(features).argmin(axis=1))


def find_clusters(store: Store, *, seed: int = 0) -> Clusters:
    """Find clusters of maps among a random sample of a store, as chapter 10 does among all.

    Raises
    ------
    ValueError
        As `insectlib.collection.reading.pieces`, and with fewer than four pictures.
    """
    random = np.random.default_rng(seed)
    sample: list[NDArray[np.float64]] = []
    seen = 0
    for piece in pieces(store):
        for row in map_features(piece.maps):
            seen += 1
            if len(sample) < SAMPLE:
                sample.append(row)
            elif (place := random.integers(seen)) < SAMPLE:
                sample[place] = row
    if seen < 4:
        raise ValueError(f"{seen} pictures; expected four or more to find clusters among")
    features = np.stack(sample)
    _, centres = k_means(features, None, seed)
    return Clusters(centres, features)


def report_store(store: Store, page: Path | str, clusters: Clusters) -> float:
    """Write the collection report of chapter 10 about a finished store.

    Chapter ``12_collection``. The store and its pictures are read shard by shard, so that memory
    does not grow with the collection.

    Parameters
    ----------
    store : Store
    page : Path or str
        The HTML file to write.
    clusters : Clusters
        From `find_clusters`.

    Returns
    -------
    float
        Share of the evidence on border and strip, over all pictures.

    Raises
    ------
    FileNotFoundError
        When the folder of the page is not there.
    ValueError
        As `insectlib.collection.reading.pieces`.
    """
    path = Path(page)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} is not there: make it first")
    groups = [Group() for _ in clusters.centres]
    regions: dict[str, NDArray[np.bool_]] = {}
    for piece in pieces(store):
        regions = border_masks(1, *piece.maps.shape[1:])
        sums = np.stack([np.abs((piece.maps * m).sum(axis=(1, 2))) for m in regions.values()], 1)
        total = sums.sum(axis=1, keepdims=True)
        shares = sums / np.where(total, total, 1)
        distances = clusters.distances(map_features(piece.maps))
        for i, k in enumerate(distances.argmin(axis=1)):
            group, name = groups[k], store.pictures.names[int(piece.places[i])]
            group.n += 1
            group.shares += shares[i]
            group.map = group.map + piece.maps[i]
            group.names += [name] if len(group.names) < NAMES else []
            if distances[i, k] < group.nearest:
                group.nearest, group.typical = distances[i, k], (name, piece.images[i])
    groups = [group for group in groups if group.n]
    suspect = np.array([name in SUSPECTS for name in regions])
    groups.sort(key=lambda group: -(group.shares @ suspect) / group.n)
    with mpl.rc_context():
        use_style()
        text = _page(store, groups, {name: float(m.mean()) for name, m in regions.items()})
    write_whole(path, lambda draft: draft.write_text(text, encoding="utf-8"))
    return float(sum(g.shares @ suspect for g in groups) / sum(g.n for g in groups))


def _page(store: Store, groups: list[Group], areas: dict[str, float]) -> str:
    n = sum(group.n for group in groups)
    suspects = [name in SUSPECTS for name in areas]
    overall = np.sum([group.shares for group in groups], axis=0) / n
    suspicion = [float((group.shares / group.n) @ suspects) for group in groups]
    bad = {k + 1: groups[k] for k, share in enumerate(suspicion) if share > LIMIT}
    unread, settings = store.unreadable(), store.about["settings"]
    n_bad = sum(group.n for group in bad.values())
    sentence = (
        f"The maps put {overall @ suspects:.0%} of the evidence on border and strip, and "
        f"{n_bad:,} of {n:,} pictures are in suspicious clusters. Nothing "
        "was changed in the pictures to confirm it."
    )
    rows = [
        [str(k + 1), f"{group.n:,}", *(f"{s:.0%}" for s in group.shares / group.n)]
        + [f"{share:.0%}", "suspicious" if share > LIMIT else "-"]
        for k, (group, share) in enumerate(zip(groups, suspicion, strict=True))
    ]
    missing = f"<p>Not read: {len(unread):,}. {listed(list(unread)[:NAMES])}</p>" if unread else ""
    members = [
        f"<details><summary>Cluster {number}: the first {len(group.names)} of "
        f"{group.n:,} pictures</summary><p>{listed(group.names)}</p></details>"
        for number, group in bad.items()
    ]
    return document(
        "What did the network see?",
        [
            f"<p>{n:,} pictures, explained with {escape(settings['explainer'])} by at most "
            f"{settings['n_segments']} superpixels each.</p>",
            missing,
            f'<p class="verdict{" bad" if bad else ""}">{escape(sentence)}</p>',
            "<h2>Where the evidence lies</h2>",
            "<p>Each map is added up by region, with its signs; the share is taken of the size of "
            "these sums.</p>",
            table_of(
                ["region", "share of the evidence", "share of the pixels"],
                [
                    [name, f"{share:.0%}", f"{areas[name]:.0%}"]
                    for name, share in zip(areas, overall, strict=True)
                ],
            ),
            "<h2>Clusters of maps</h2>",
            "<p>Maps that look alike are put together. The suspicion of a cluster is the mean "
            f"share of its evidence on border and strip; above {LIMIT:.0%} it is called "
            f"suspicious. The clusters were found among {min(n, SAMPLE):,} pictures.</p>",
            figure_of(
                _figure(groups[:3], areas),
                "The most suspicious clusters: a typical picture, the mean map, and the share of "
                "the evidence on each region. The upright marks are shares of the pixels.",
            ),
            table_of(["cluster", "pictures", *areas, "suspicion", ""], rows),
            *members,
            "<h2>What this page cannot say</h2>",
            "<p>A map is a claim. This page has changed no picture, so it confirms nothing: "
            "<code>insectlib report</code> with the folder and the network does. Only the regions "
            "named here were examined.</p>",
        ],
    )


def _figure(groups: list[Group], areas: dict[str, float]) -> Figure:
    means = [coarse(np.asarray(group.map)[None] / group.n)[0] for group in groups]
    norm = signed_norm(*means, percentile=98)
    figure, axes = plt.subplots(
        len(groups), 3, figsize=(WIDTH, 2.5 * len(groups) + 0.9), squeeze=False
    )
    for row, group, mean in zip(axes, groups, means, strict=True):
        assert group.typical is not None
        show_picture(row[0], group.typical[1])
        row[0].set_title(f"{group.n:,} alike")
        drawn = show_signed_map(row[1], mean, norm)
        shares = dict(zip(areas, map(float, group.shares / group.n), strict=True))
        show_shares(row[2], shares, areas)
    figure.colorbar(
        drawn, ax=axes, location="bottom", shrink=0.7, label="mean attribution: against | for"
    )
    return figure
