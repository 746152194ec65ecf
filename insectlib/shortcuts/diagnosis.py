"""Explain a whole test part, cluster the maps, intervene, and draw what was found.

Chapter ``10_clever_hans``; `insectlib.shortcuts.report` writes it down for readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from insectlib.data.imageset import ImageSet
from insectlib.evaluate.maps import class_maps
from insectlib.explain.games.coalitions import all_coalitions, exact_shapley
from insectlib.explain.games.scene_game import scene_shapley
from insectlib.explain.gradients.expected_gradients import gradient_shap
from insectlib.explain.masking.segments import mask_image
from insectlib.models.inference import model_outputs
from insectlib.shortcuts.clusters import (
    SUSPECTS,
    Cluster,
    cluster_maps,
    evidence_shares,
    regions_of,
)
from insectlib.shortcuts.outcomes import Outcome, try_interventions
from insectlib.visualise.plots import show_picture, show_signed_map
from insectlib.visualise.style import GREY, INK, WIDTH, as_typed, signed_norm

if TYPE_CHECKING:
    import keras
    import shap

INNOCENT_COLOUR, SUSPECT_COLOUR = "#999999", "#882255"


@dataclass(frozen=True)
class Diagnosis:
    """What the maps of a test part, and the interventions on it, say about a network.

    Parameters
    ----------
    part : ImageSet
        The pictures.
    explanation : shap.Explanation
        The explanation of all their logits, from `insectlib.explain.gradient_shap`.
    regions : dict of str to bool array, shape (n, height, width)
        From `insectlib.shortcuts.regions_of`.
    clusters : list of Cluster
        The most suspicious first.
    outcomes : list of Outcome
        What the interventions did to the accuracy.
    """

    part: ImageSet
    explanation: shap.Explanation
    regions: dict[str, NDArray[np.bool_]]
    clusters: list[Cluster]
    outcomes: list[Outcome]

    @property
    def shares(self) -> dict[str, float]:
        """Mean share of the evidence on each region, over all pictures."""
        of_pictures = evidence_shares(self.explanation, self.regions)
        return {name: float(share.mean()) for name, share in of_pictures.items()}

    @property
    def areas(self) -> dict[str, float]:
        """Mean share of the pixels in each region."""
        return {name: float(mask.mean()) for name, mask in self.regions.items()}

    @property
    def suspicion(self) -> float:
        """Mean share of the evidence where no insect is, over all pictures."""
        return sum(share for name, share in self.shares.items() if name in SUSPECTS)


def diagnose(
    model: keras.Model,
    part: ImageSet,
    background: ArrayLike,
    *,
    seed: int,
    n_samples: int = 8,
    n_clusters: int | None = None,
    interventions: bool = True,
    progress: bool = False,
) -> Diagnosis:
    """Explain every picture, cluster the maps, and intervene (chapter ``10_clever_hans``).

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in one logit for each class.
    part : ImageSet
        The test part: pictures that the network was not trained on.
    background : array, shape (m, height, width, 3)
        Background set for the explainer.
    seed : int
        Seed of the samples, the clusters and the exchanges.
    n_samples, n_clusters
        The `budget` of `insectlib.explain.gradient_shap`, and the number of clusters as in
        `insectlib.shortcuts.cluster_maps`.
    interventions : bool
        Whether to intervene; the list of outcomes is empty if not.
    progress : bool
        Whether to show a bar while specimens are drawn.

    Returns
    -------
    Diagnosis

    Raises
    ------
    ValueError
        When model, pictures, classes or settings do not fit together.
    """
    n_outputs = model.output_shape[-1]
    if n_outputs != len(part.class_names):
        raise ValueError(
            f"the model has {n_outputs} outputs, but there are {len(part.class_names)} classes "
            f"({', '.join(part.class_names)}): pass the classes that it was trained on, in order"
        )
    explanation = gradient_shap(
        model,
        part.images,
        background,
        seed=seed,
        budget=n_samples,
        class_names=part.class_names,
    )
    regions = regions_of(part)
    clusters = cluster_maps(explanation, regions, seed=seed, n_clusters=n_clusters)
    outcomes = []
    if interventions:
        outcomes = try_interventions(model, part, explanation, seed=seed, progress=progress)
    return Diagnosis(part, explanation, regions, clusters, outcomes)


class _SideBySide:
    """Several networks as one, so that pictures are drawn once for all of them."""

    def __init__(self, models: Sequence[keras.Model]) -> None:
        self.models = models

    def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate([model.predict_on_batch(images) for model in self.models], axis=1)


@dataclass(frozen=True)
class ExactShares:
    """How several networks share their answers out among regions, exactly.

    Parameters
    ----------
    values : dict of str to float64 array, shape (n_models, n)
        For each region the exact Shapley value of the class that the network names, in logits.
    gap : float
        By how much they miss efficiency at most: values plus base value, compared with the
        output for the picture itself, in logits.
    """

    values: dict[str, NDArray[np.float64]]
    gap: float

    @property
    def shares(self) -> dict[str, NDArray[np.float64]]:
        """The sizes of the values as shares: they add up to 1 for each network and picture."""
        total = np.sum([np.abs(value) for value in self.values.values()], axis=0)
        return {n: np.abs(value) / np.where(total, total, 1) for n, value in self.values.items()}

    def means(self, model: int = 0) -> dict[str, float]:
        """Return the mean share of each region for one of the networks."""
        return {name: float(share[model].mean()) for name, share in self.shares.items()}


def exact_shares(models: Sequence[keras.Model], part: ImageSet) -> ExactShares:
    """Return the exact share of each region in the evidence of several networks.

    Chapter ``10_clever_hans``. The regions are the players of a game of three, and all eight
    coalitions are played. A specimen is drawn anew for each; in a photograph, hidden regions are
    grey.

    Parameters
    ----------
    models : sequence of keras.Model
        Each takes pictures in [0, 255] and ends in logits, one for each class.
    part : ImageSet
        A few pictures: each specimen is drawn eight times.

    Returns
    -------
    ExactShares
        For the regions of `insectlib.shortcuts.regions_of`.
    """
    together, size = _SideBySide(models), part.images.shape[1]
    regions = regions_of(part)
    names, grey = list(regions), np.full_like(part.images[0], 128)
    outputs = model_outputs(together, part.images)
    named = outputs.reshape(len(part), len(models), -1).argmax(axis=2)
    values, gap = np.empty((len(names), len(models), len(part))), 0.0
    for i, picture in enumerate(part.images):
        if part.scenes is not None:
            table = scene_shapley(together, part.scenes[i], names, size=size).table
        else:
            segments = np.argmax([regions[name][i] for name in names], axis=0)
            shown = mask_image(all_coalitions(len(names)), segments, picture, grey)
            table = model_outputs(together, shown)
        shapley = exact_shapley(table)
        gap = max(gap, float(np.abs(table[0] + shapley.sum(axis=0) - outputs[i]).max()))
        of_models = shapley.reshape(len(names), len(models), -1)
        values[..., i] = of_models[:, np.arange(len(models)), named[i]]
    return ExactShares(dict(zip(names, values, strict=True)), gap)


def coarse(maps: NDArray[np.float64], cells: int = 8) -> NDArray[np.float64]:
    """Return maps in which each pixel shows the sum over its cell of a coarse grid, for the eye.

    Chapter ``10_clever_hans``.

    Parameters
    ----------
    maps : float64 array, shape (n, height, width)
    cells : int
        Cells along each side of the grid; as many as there are pixels where these are fewer.

    Returns
    -------
    float64 array, shape (n, height, width)
    """
    sums = maps
    for axis in (1, 2):
        side = maps.shape[axis]
        starts = np.arange(min(cells, side)) * side // min(cells, side)
        sums = np.add.reduceat(sums, starts, axis=axis)
        sums = np.repeat(sums, np.diff([*starts, side]), axis=axis)
    return sums


def plot_clusters(diagnosis: Diagnosis, n_clusters: int = 3) -> Figure:
    """Draw the most suspicious clusters: a typical picture, the mean map, and where it lies.

    Chapter ``10_clever_hans``.

    Parameters
    ----------
    diagnosis : Diagnosis
    n_clusters : int
        Rows at most; the most suspicious ones are drawn.

    Returns
    -------
    Figure
        6 inches wide, three panels a row; all maps share one scale.
    """
    clusters = diagnosis.clusters[:n_clusters]
    maps = coarse(class_maps(diagnosis.explanation))
    means = [maps[cluster.members].mean(axis=0) for cluster in clusters]
    norm = signed_norm(*means, percentile=98)  # one bright cell would leave the rest white
    figure, axes = plt.subplots(
        len(clusters), 3, figsize=(WIDTH, 2.5 * len(clusters) + 0.9), squeeze=False
    )
    for row, cluster, mean in zip(axes, clusters, means, strict=True):
        show_picture(row[0], diagnosis.part.images[cluster.typical])
        label = diagnosis.part.labels[cluster.typical]
        name = as_typed(diagnosis.part.class_names[label])
        row[0].set_title(f"{name},\n{len(cluster.members)} alike")
        drawn = show_signed_map(row[1], mean, norm)
        row[1].set_title(f"suspicion:\n{cluster.suspicion:.0%}")
        show_shares(row[2], cluster.shares, diagnosis.areas)
    figure.colorbar(
        drawn,
        ax=axes,
        location="bottom",
        shrink=0.7,
        aspect=40,
        label="mean attribution: against | for",
    )
    return figure


def show_shares(axes: Axes, shares: dict[str, float], areas: dict[str, float]) -> None:
    """Draw a bar for each region, and a mark at its share of the pixels.

    Parameters
    ----------
    axes : Axes
    shares : dict of str to float
        Share of the evidence on each region, 0 to 1.
    areas : dict of str to float
        Share of the pixels in each region, 0 to 1.
    """
    for k, (name, share) in enumerate(shares.items()):
        suspect = name in SUSPECTS
        axes.barh(
            k,
            share,
            height=0.4,
            color=SUSPECT_COLOUR if suspect else INNOCENT_COLOUR,
            hatch="///" if suspect else "",
            edgecolor="white",
        )
        axes.plot([areas[name]] * 2, [k - 0.28, k + 0.28], color=INK, lw=2)
        axes.text(0, k - 0.3, f"{name} {share:.0%}", fontsize=11, va="bottom")
    axes.set(xlim=(0, 1), ylim=(len(shares) - 0.6, -0.85), yticks=[])
    axes.set_xticks([0, 0.5, 1], ["0", "50%", "100%"], color=GREY)
    axes.spines["left"].set_visible(False)
