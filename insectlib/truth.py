"""The known truth of a drawn scene, and how much of an explanation agrees with it.

Chapter ``05_kernel_shap`` uses it for three players: insect, background and strip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from insectlib.explanation import model_outputs
from insectlib.specimens import INSECT, PARTS, Scene, render
from insectlib.strip import strip_box

if TYPE_CHECKING:
    import keras
    import shap

REGIONS = {
    "insect": INSECT,
    "background": ("background", "clutter"),
    "strip": ("strip",),
}
"""The parts of a scene that make up each region. Clutter counts as background."""

MAX_PLAYERS = 10


def region_masks(masks: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
    """Return where insect, background and strip are in drawn specimens.

    Chapter ``05_kernel_shap``.

    Parameters
    ----------
    masks : uint8 array of any shape
        Indices of `insectlib.specimens.PARTS`, as in ``ImageSet.masks``.

    Returns
    -------
    dict of str to bool array
        Of the shape of `masks`; each pixel is in one of the three.
    """
    return {
        name: np.isin(masks, [PARTS.index(part) for part in parts])
        for name, parts in REGIONS.items()
    }


def frame_masks(n: int, height: int, width: int) -> dict[str, NDArray[np.bool_]]:
    """Return centre, border and strip box, for pictures whose parts nobody has marked.

    Chapter ``05_kernel_shap``.

    Parameters
    ----------
    n : int
        Number of pictures; they share the masks.
    height, width : int
        In pixels.

    Returns
    -------
    dict of str to bool array, shape (n, height, width)
        ``"centre"`` leaves out a sixth of the picture at each side, ``"strip"`` is the box of
        `strip_box`, ``"border"`` is the rest; each pixel is in one of the three.
    """
    centre, strip = np.zeros((2, height, width), dtype=bool)
    margin_y, margin_x = round(height / 6), round(width / 6)
    centre[margin_y : height - margin_y, margin_x : width - margin_x] = True
    top, left, bottom, right = strip_box(height, width)
    strip[top:bottom, left:right] = True
    masks = {"centre": centre & ~strip, "border": ~centre & ~strip, "strip": strip}
    return {name: np.broadcast_to(mask, (n, height, width)) for name, mask in masks.items()}


def attribution_shares(
    explanation: shap.Explanation,
    regions: Mapping[str, NDArray[np.bool_]],
    kind: str = "absolute",
) -> dict[str, NDArray[np.float64]]:
    """Return which share of the attribution lies on each region (chapter ``05_kernel_shap``).

    Parameters
    ----------
    explanation : shap.Explanation
        In shap's image layout: values (n, height, width, channels, n_classes).
    regions : mapping of str to bool array, shape (n, height, width)
        From `region_masks`, or masks of your own.
    kind : str
        ``"absolute"`` counts every attribution by its size, ``"positive"`` only what speaks for
        the class.

    Returns
    -------
    dict of str to float64 array, shape (n, n_classes)
        They add up to 1 over regions that cover the picture without overlap; all are zero where
        there is nothing to share.

    Raises
    ------
    ValueError
        For another `kind`, or masks of another size than the explanation.
    """
    if kind not in ("absolute", "positive"):
        raise ValueError(f"kind is {kind!r}; expected 'absolute' or 'positive'")
    per_pixel = np.asarray(explanation.values).sum(axis=3)
    size = np.abs(per_pixel) if kind == "absolute" else per_pixel.clip(min=0)
    total = size.sum(axis=(1, 2))
    sums = _region_sums(size, regions)
    return {name: part / np.where(total, total, 1) for name, part in sums.items()}


def attribution_sums(
    explanation: shap.Explanation, regions: Mapping[str, NDArray[np.bool_]]
) -> dict[str, NDArray[np.float64]]:
    """Return the sum of the attributions on each region, with their signs.

    Chapter ``05_kernel_shap``; this is what compares with the values of `scene_shapley`.

    Parameters
    ----------
    explanation : shap.Explanation
        In shap's image layout: values (n, height, width, channels, n_classes).
    regions : mapping of str to bool array, shape (n, height, width)
        From `region_masks`, or masks of your own.

    Returns
    -------
    dict of str to float64 array, shape (n, n_classes)
        In the unit of the output that was explained.

    Raises
    ------
    ValueError
        When masks have another size than the explanation.
    """
    return _region_sums(np.asarray(explanation.values).sum(axis=3), regions)


def _region_sums(
    per_pixel: NDArray[np.float64], regions: Mapping[str, NDArray[np.bool_]]
) -> dict[str, NDArray[np.float64]]:
    """Add up (n, height, width, n_classes) within each region."""
    sums = {}
    for name, mask in regions.items():
        if mask.shape != per_pixel.shape[:3]:
            raise ValueError(
                f"the region {name!r} has shape {mask.shape}; expected {per_pixel.shape[:3]}, "
                "one mask for each explained picture"
            )
        sums[name] = np.einsum("nhwc,nhw->nc", per_pixel, mask.astype(np.float64))
    return sums


@dataclass(frozen=True)
class SceneShapley:
    """Exact Shapley values of the parts of a scene, and the game that they come from.

    Parameters
    ----------
    players : tuple of str
        What was left out and put in.
    table : float64 array, shape (2**n_players, n_classes)
        The output for each coalition; bit i of the row number says whether player i is there.
    values : float64 array, shape (n_players, n_classes)
        Shapley values. They add up to the last row of the table minus its first.
    """

    players: tuple[str, ...]
    table: NDArray[np.float64]
    values: NDArray[np.float64]


def scene_shapley(
    model: keras.Model,
    scene: Scene,
    players: Sequence[str] = ("insect", "background", "strip"),
    *,
    size: int,
    output: str = "logits",
) -> SceneShapley:
    """Return exact Shapley values over parts of a scene, by drawing it again without them.

    Chapter ``05_kernel_shap``; Shapley (1953). Nothing is masked: a scene without its strip is a
    scene that never had one. An absent background is plain studio grey without clutter; an absent
    insect takes its shadow with it.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    scene : Scene
        A drawn specimen's.
    players : sequence of str
        ``"insect"``, ``"background"``, and names from `insectlib.specimens.PARTS`; at most ten,
        since every coalition is drawn. With ``"clutter"`` as a player of its own, the background
        comes without it.
    size : int
        Side in pixels of the pictures that the model takes.
    output : str
        ``"logits"`` or ``"probabilities"``.

    Returns
    -------
    SceneShapley

    Raises
    ------
    ValueError
        When there is no player, more than ten, one twice, or one that scenes do not have.
    """
    if not 0 < len(players) <= MAX_PLAYERS:
        raise ValueError(f"{len(players)} players; expected 1 to {MAX_PLAYERS}")
    taken = [part for name in players for part in (INSECT if name == "insect" else (name,))]
    if len(set(taken)) != len(taken):
        raise ValueError(f"players are {', '.join(players)}; expected parts that do not overlap")
    table = model_outputs(
        model,
        np.stack([render(staged, size)[0] for staged in _coalitions(scene, players)]),
        output,
    )
    return SceneShapley(tuple(players), table, exact_shapley(table))


def _coalitions(scene: Scene, players: Sequence[str]) -> Iterator[Scene]:
    """Yield the scene of each coalition; bit i of its number says whether player i is there."""
    for row in range(2 ** len(players)):
        absent = {name for i, name in enumerate(players) if not row >> i & 1}
        staged = scene
        if "background" in absent:
            staged = staged.plain_background()
            if "clutter" not in players:
                absent.add("clutter")
        yield staged.without(*sorted(absent - {"background"}))


def exact_shapley(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Shapley values of a game from the values of all its coalitions.

    Chapter ``05_kernel_shap``; Shapley (1953).

    Parameters
    ----------
    table : float64 array, shape (2**n, n_outputs)
        Bit i of the row number says whether player i is in the coalition.

    Returns
    -------
    float64 array, shape (n, n_outputs)

    Raises
    ------
    ValueError
        When the number of rows is not a power of two, at least two.
    """
    n = len(table).bit_length() - 1
    if n < 1 or len(table) != 2**n:
        raise ValueError(f"table has {len(table)} rows; expected one for each of 2**n coalitions")
    rows = np.arange(len(table))
    sizes = np.array([row.bit_count() for row in range(len(table))])
    values = np.empty((n, table.shape[1]))
    for player in range(n):
        without = rows[rows >> player & 1 == 0]
        weights = np.array([1 / (n * comb(n - 1, size)) for size in sizes[without].tolist()])
        values[player] = weights @ (table[without | 1 << player] - table[without])
    return values
