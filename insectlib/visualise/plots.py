"""Figures that several chapters draw: pictures in a grid, an explanation beside its picture."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from insectlib.visualise.style import SIGNED_MAP, WIDTH, as_typed, class_looks

COLUMNS = 3
"""Panels in a row; more would be too small on a telephone."""

YELLOW = (1.0, 0.9, 0.0)


def show_pictures(
    images: ArrayLike,
    titles: Sequence[str] | None = None,
    *,
    columns: int = COLUMNS,
    segments: ArrayLike | None = None,
) -> Figure:
    """Draw pictures in a grid.

    Parameters
    ----------
    images : array, shape (n, height, width, channels)
        Values from 0 to 255.
    titles : sequence of str, optional
        One above each picture; a line break is allowed.
    columns : int
        Pictures in a row.
    segments : int array, shape (n, height, width), optional
        Number of the segment that each pixel belongs to; the outlines are drawn.

    Returns
    -------
    Figure
        6 inches wide.

    Raises
    ------
    ValueError
        When shapes do not fit together.
    """
    pictures = np.asarray(images)
    if pictures.ndim != 4 or not len(pictures):
        raise ValueError(
            f"images has shape {pictures.shape}; expected (n, height, width, channels): "
            "for one picture pass images[None]"
        )
    n, height, width, _ = pictures.shape
    if titles is not None and len(titles) != n:
        raise ValueError(f"{len(titles)} titles for {n} pictures; expected one each")
    columns = min(columns, n)
    rows = ceil(n / columns)
    shown = None if titles is None else [as_typed(title) for title in titles]
    lines = 0 if shown is None else max(title.count("\n") + 1 for title in shown)
    cell = min(WIDTH / columns, 3.0) * height / width + 0.22 * lines + 0.06
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, rows * cell), squeeze=False)
    for i, panel in enumerate(axes.flat):
        panel.axis("off")
        if i < n:
            show_picture(panel, pictures[i], None if segments is None else np.asarray(segments)[i])
            if shown is not None:
                panel.set_title(shown[i])
    return figure


def show_picture(
    axes: Axes, image: NDArray[np.float32], segments: NDArray[np.int64] | None = None
) -> None:
    """Draw one picture on `axes`, and the outlines of its segments on request.

    Parameters
    ----------
    axes : Axes
    image : float32 array, shape (height, width, channels)
        Values from 0 to 255; three channels are colours, others are shown by their mean.
    segments : int array, shape (height, width), optional
        Number of the segment that each pixel belongs to.
    """
    shown = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    if shown.shape[-1] != 3:  # no colours, so the mean of the channels in grey
        shown = np.repeat(shown.mean(axis=-1, keepdims=True).astype(np.uint8), 3, axis=-1)
    axes.imshow(shown)
    axes.axis("off")
    if segments is None:
        return
    # drawn at three times the pixels, so that a line is thinner than the pixels it parts
    large = np.kron(segments, np.ones((3, 3), dtype=np.int64))
    border = np.zeros(large.shape, dtype=bool)
    border[:-1] |= large[:-1] != large[1:]
    border[:, :-1] |= large[:, :-1] != large[:, 1:]
    layer = np.zeros((*border.shape, 4))
    layer[border] = (*YELLOW, 1.0)
    height, width = segments.shape
    axes.imshow(layer, extent=(-0.5, width - 0.5, height - 0.5, -0.5))


def show_signed_map(
    axes: Axes, values: ArrayLike, norm: Normalize, image: NDArray[np.float32] | None = None
) -> ScalarMappable:
    """Draw one map with a sign, in the course's colours.

    Parameters
    ----------
    axes : Axes
    values : array, shape (height, width)
    norm : Normalize
        From `signed_norm` of all maps that this one is compared with.
    image : float32 array, shape (height, width, channels), optional
        The picture, values from 0 to 255; it shines through faintly, in grey.

    Returns
    -------
    ScalarMappable
        For ``figure.colorbar``; its colours are those of the map without the picture.
    """
    mappable = ScalarMappable(norm, SIGNED_MAP)
    colours = mappable.to_rgba(np.asarray(values))[..., :3]
    if image is not None:
        grey = image.mean(axis=-1, keepdims=True) / 255
        colours = colours * (0.8 + 0.2 * grey)
    axes.imshow(np.clip(colours, 0, 1))
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color="#999999")
    return mappable


def show_probabilities(
    axes: Axes, probabilities: Sequence[float] | NDArray[np.float32], class_names: Sequence[str]
) -> None:
    """Draw one bar for each class on `axes`, with its name and number.

    Parameters
    ----------
    axes : Axes
    probabilities : float array, shape (n_classes,)
        From 0 to 1.
    class_names : sequence of str
    """
    looks = class_looks(len(class_names))
    for k, (look, name) in enumerate(zip(looks, class_names, strict=True)):
        share = float(probabilities[k])
        axes.barh(k, 1, height=0.42, color="#eeeeee")
        axes.barh(
            k, share, height=0.42, color=look["color"], hatch=look["hatch"], edgecolor="white"
        )
        axes.text(0, k - 0.28, f"{as_typed(name)} {share:.0%}", fontsize=11, va="bottom")
    axes.set(xlim=(0, 1), ylim=(len(class_names) - 0.7, -0.75))
    axes.axis("off")
