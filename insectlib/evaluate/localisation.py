"""Where attributions lie: sums and shares over insect, background and strip.

Chapter ``05_kernel_shap``; chapter ``09_evaluation`` compares them with exact values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from insectlib.data.label_strip import strip_box
from insectlib.explain.masking.segments import region_sums
from insectlib.specimens.scene import INSECT, PARTS

if TYPE_CHECKING:
    import shap

REGIONS = {
    "insect": INSECT,
    "background": ("background", "clutter"),
    "strip": ("strip",),
}
"""The parts of a scene that make up each region. Clutter counts as background."""


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


def border_masks(n: int, height: int, width: int) -> dict[str, NDArray[np.bool_]]:
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
    sums = _sums_by_name(size, regions)
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
    return _sums_by_name(np.asarray(explanation.values).sum(axis=3), regions)


def _sums_by_name(
    per_pixel: NDArray[np.float64], regions: Mapping[str, NDArray[np.bool_]]
) -> dict[str, NDArray[np.float64]]:
    """Return the sums of each named region."""
    for name, mask in regions.items():
        if mask.shape != per_pixel.shape[:3]:
            raise ValueError(
                f"the region {name!r} has shape {mask.shape}; expected {per_pixel.shape[:3]}, "
                "one mask for each explained picture"
            )
    sums = region_sums(per_pixel, np.stack(list(regions.values()), axis=1))
    return {name: sums[:, i] for i, name in enumerate(regions)}
