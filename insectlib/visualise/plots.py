"""Figures that several chapters draw: pictures in a grid, an explanation beside its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.masking.segments import segment_values
from insectlib.visualise.style import SIGNED_MAP, WIDTH, class_looks, signed_norm

if TYPE_CHECKING:
    import shap

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
    images : array, shape (n, height, width, 3)
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
            f"images has shape {pictures.shape}; expected (n, height, width, 3): "
            "for one picture pass images[None]"
        )
    n, height, width, _ = pictures.shape
    if titles is not None and len(titles) != n:
        raise ValueError(f"{len(titles)} titles for {n} pictures; expected one each")
    columns = min(columns, n)
    rows = ceil(n / columns)
    lines = 0 if titles is None else max(title.count("\n") + 1 for title in titles)
    cell = min(WIDTH / columns, 3.0) * height / width + 0.22 * lines + 0.06
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, rows * cell), squeeze=False)
    for i, panel in enumerate(axes.flat):
        panel.axis("off")
        if i < n:
            show_picture(panel, pictures[i], None if segments is None else np.asarray(segments)[i])
            if titles is not None:
                panel.set_title(titles[i])
    return figure


def show_picture(
    axes: Axes, image: NDArray[np.float32], segments: NDArray[np.int64] | None = None
) -> None:
    """Draw one picture on `axes`, and the outlines of its segments on request.

    Parameters
    ----------
    axes : Axes
    image : float32 array, shape (height, width, 3)
        Values from 0 to 255.
    segments : int array, shape (height, width), optional
        Number of the segment that each pixel belongs to.
    """
    axes.imshow(np.clip(np.rint(image), 0, 255).astype(np.uint8))
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
    image : float32 array, shape (height, width, 3), optional
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
        axes.text(0, k - 0.28, f"{name} {share:.0%}", fontsize=11, va="bottom")
    axes.set(xlim=(0, 1), ylim=(len(class_names) - 0.7, -0.75))
    axes.axis("off")


def plot_explanation(
    explanation: shap.Explanation,
    index: int = 0,
    *,
    probabilities: ArrayLike | None = None,
    segments: NDArray[np.int64] | None = None,
    title: str = "",
) -> Figure:
    """Draw a picture, its prediction, and one signed map for each class on one shared scale.

    Above each map stands the sum that it belongs to: base value, plus all attributions, gives
    the output.

    Parameters
    ----------
    explanation : shap.Explanation
        In shap's image layout: values (n, height, width, channels, n_classes).
    index : int
        Which of the explained pictures.
    probabilities : array, shape (n_classes,) or (n, n_classes), optional
        Predicted probabilities, drawn as bars beside the picture.
    segments : int array, shape (height, width) or (n, height, width), optional
        Draw the outlines, and let the maps show the value of each whole segment. Those that the
        explanation itself names where this is missing; where it names none, the maps show the
        value of each pixel, the sum over its channels.
    title : str
        Above the figure.

    Returns
    -------
    Figure
        6 inches wide.

    Raises
    ------
    ValueError
        When the explanation is not in the image layout.
    """
    values = np.asarray(explanation.values)
    if values.ndim != 5:
        raise ValueError(
            f"explanation.values has shape {values.shape}; expected shap's image layout, "
            "(n, height, width, channels, n_classes)"
        )
    picture = np.asarray(explanation.data)[index]
    of_pictures = np.asarray(explanation.output_names)  # a row for each where `top` was given
    names = [str(name) for name in (of_pictures[index] if of_pictures.ndim == 2 else of_pictures)]
    maps = values[index].sum(axis=2)
    sums = maps.sum(axis=(0, 1))
    cut = getattr(explanation, "segments", None) if segments is None else segments
    if cut is not None:
        cut = cut[index] if cut.ndim == 3 else cut
        maps = segment_values(values[index], cut)[cut]
    columns = 2 if len(names) == 4 else min(COLUMNS, len(names))
    map_rows = ceil(len(names) / columns)
    side = WIDTH / 3 * maps.shape[0] / maps.shape[1]
    height = (map_rows + 1) * side + map_rows * 0.5 + 0.85 + (0.3 if title else 0)
    figure = plt.figure(figsize=(WIDTH, height))
    grid = figure.add_gridspec(map_rows + 1, 6)
    panel = figure.add_subplot(grid[0, :2])
    show_picture(panel, picture)
    panel.set_title("picture")
    if cut is not None:
        panel = figure.add_subplot(grid[0, 2:4])
        show_picture(panel, picture, cut)
        panel.set_title(f"{cut.max() + 1} superpixels")
    if probabilities is not None:
        shares = np.asarray(probabilities)
        panel = figure.add_subplot(grid[0, 4:] if cut is not None else grid[0, 3:5])
        show_probabilities(panel, shares[index] if shares.ndim == 2 else shares, names)
        panel.set_title("probability")
    norm, panels = signed_norm(maps), []
    step = 6 // columns
    for k, name in enumerate(names):
        row, column = divmod(k, columns)
        panel = figure.add_subplot(grid[row + 1, column * step : (column + 1) * step])
        drawn = show_signed_map(panel, maps[..., k], norm, picture)
        base = float(np.asarray(explanation.base_values)[index, k])
        panel.set_title(f"{name}\n{base:z.1f} {sums[k]:+z.1f} = {base + sums[k]:z.1f}")
        panels.append(panel)
    of = "pixel" if cut is None else "superpixel"
    figure.colorbar(
        drawn,
        ax=panels,
        location="bottom",
        shrink=0.85,
        aspect=40,
        ticks=MaxNLocator(6, symmetric=True),  # small numbers are long words
        label=f"attribution of the {of}: against | for",
    )
    if title:
        figure.suptitle(title, fontsize=12)
    return figure


def compare_explanations(
    explanations: Mapping[str, shap.Explanation],
    index: int = 0,
    class_index: int | None = None,
    *,
    segments: NDArray[np.int64] | None = None,
    title: str = "",
) -> Figure:
    """Draw what several explainers say about one picture, on one shared scale.

    Chapter ``08_partition_shap``. Above each map stand the evaluations and the seconds that one
    picture took.

    Parameters
    ----------
    explanations : mapping of str to shap.Explanation
        Name and result of each explainer, all of the same pictures.
    index : int
        Which of the explained pictures.
    class_index : int, optional
        Which output of the model; the largest that the first of them explains where missing.
    segments : int array, shape (height, width), optional
        Superpixels: each map then shows the sum over each of them, so that maps of pixels and
        maps of patches can be compared. Where missing, every map shows its pixels.
    title : str
        Above the figure.

    Returns
    -------
    Figure
        6 inches wide, three panels in a row.

    Raises
    ------
    ValueError
        When there is nothing to compare, the pictures are not the same, or an explainer has not
        explained that class.
    """
    if not explanations:
        raise ValueError("explanations is empty; expected the results of one or more explainers")
    first = next(iter(explanations.values()))
    picture = np.asarray(first.data)[index]
    if class_index is None:
        class_index = int(first.classes[index, np.argmax(first.outputs[index])])
    maps = {}
    for name, explanation in explanations.items():
        if not np.array_equal(np.asarray(explanation.data)[index], picture):
            raise ValueError(f"{name} explains another picture than {next(iter(explanations))}")
        place = np.flatnonzero(explanation.classes[index] == class_index)
        if not len(place):
            raise ValueError(
                f"{name} does not explain class {class_index}; expected it among "
                f"{explanation.classes[index].tolist()}"
            )
        values = np.asarray(explanation.values)[index][..., place]
        if segments is None:
            maps[name] = values.sum(axis=2)[..., 0]
        else:
            maps[name] = segment_values(values, segments)[segments, 0]
    rows = ceil((len(maps) + 1) / COLUMNS)
    side = WIDTH / COLUMNS * picture.shape[0] / picture.shape[1]
    height = rows * (side + 0.62) + 0.75 + (0.3 if title else 0)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(WIDTH, height), squeeze=False)
    panels = list(axes.flat)
    show_picture(panels[0], picture, segments)
    panels[0].set_title("picture" if segments is None else f"{segments.max() + 1} superpixels")
    for panel in panels[len(maps) + 1 :]:
        panel.axis("off")
    norm = signed_norm(*maps.values())
    for panel, (name, values) in zip(panels[1:], maps.items(), strict=False):
        drawn = show_signed_map(panel, values, norm, picture)
        explanation = explanations[name]
        n = len(explanation.data)
        cost = f"{explanation.evaluations / n:,.0f} evaluations\n{explanation.seconds / n:.1f} s"
        panel.set_title(f"{name}\n{cost}", fontsize=11)
    of = "pixel" if segments is None else "superpixel"
    figure.colorbar(
        drawn,
        ax=panels,
        location="bottom",
        shrink=0.85,
        aspect=40,
        ticks=MaxNLocator(6, symmetric=True),  # small numbers are long words
        label=f"attribution of the {of}: against | for",
    )
    if title:
        figure.suptitle(title, fontsize=12)
    return figure
