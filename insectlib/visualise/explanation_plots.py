"""Figures of explanations: a picture beside its maps, and explainers beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.masking.regions import checked_segments
from insectlib.explain.masking.segments import segment_values
from insectlib.visualise.plots import COLUMNS, show_picture, show_probabilities, show_signed_map
from insectlib.visualise.style import WIDTH, as_typed, signed_norm, with_minus

if TYPE_CHECKING:
    import shap


class _Part(NamedTuple):
    """One picture of an explanation, whatever slice of one it comes from.

    `values` has the shape (height, width, channels, k), `base_values` and `classes` (k,).
    """

    picture: NDArray[Any]
    values: NDArray[np.float64]
    base_values: NDArray[np.float64]
    outputs: NDArray[np.float64] | None
    classes: NDArray[np.int64] | None
    names: list[str]
    segments: NDArray[np.int64] | None


def _part(explanation: shap.Explanation, index: int) -> _Part:
    """Return picture `index` of an explanation, or the picture of a slice that holds one."""
    values, data = np.asarray(explanation.values), np.asarray(explanation.data)
    several = data.ndim == 4
    if data.ndim not in (3, 4) or values.ndim not in (data.ndim, data.ndim + 1):
        raise ValueError(
            f"explanation.values has shape {values.shape} and its data {data.shape}; expected "
            "shap's image layout, (n, height, width, channels, n_classes), or a slice of it"
        )
    if several and not -len(data) <= index < len(data):
        raise ValueError(f"index is {index}; expected 0 to {len(data) - 1}")
    one_output = values.ndim == data.ndim

    def of_picture(field: Any, axes: int) -> NDArray[Any]:
        """Return what belongs to the picture and to each output; `axes` are those of pixels."""
        array = np.asarray(field)
        array = array[index] if several and array.ndim == axes + 2 - one_output else array
        return array[..., None] if one_output and array.ndim == axes else array

    named = np.asarray(explanation.output_names)
    if one_output:
        named = named[index] if named.ndim else named
    segments = getattr(explanation, "segments", None)
    if segments is not None and np.ndim(segments) == 3:
        segments = segments[index]
    fields = [getattr(explanation, name, None) for name in ("outputs", "classes")]
    outputs, classes = (None if each is None else of_picture(each, 0) for each in fields)
    return _Part(
        data[index] if several else data,
        of_picture(values, 3),
        of_picture(explanation.base_values, 0),
        outputs,
        classes,
        [str(name) for name in np.atleast_1d(named[index] if named.ndim == 2 else named)],
        segments,
    )


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
    the output. Where there is no base value, it is the sum of the map alone.

    Parameters
    ----------
    explanation : shap.Explanation
        In shap's image layout, values (n, height, width, channels, n_classes), or any slice of it.
    index : int
        Which of the explained pictures; not used where the slice holds one.
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
    part = _part(explanation, index)
    picture, names, values = part.picture, part.names, part.values
    maps = values.sum(axis=2)
    sums = maps.sum(axis=(0, 1))
    labels = part.segments if segments is None else np.asarray(segments)
    if labels is not None:
        labels = labels[index] if labels.ndim == 3 else labels
        maps = segment_values(values, labels)[labels]
    columns = 2 if len(names) == 4 else min(COLUMNS, len(names))
    map_rows = ceil(len(names) / columns)
    side = WIDTH / 3 * maps.shape[0] / maps.shape[1]
    height = (map_rows + 1) * side + map_rows * 0.5 + 0.85 + (0.3 if title else 0)
    figure = plt.figure(figsize=(WIDTH, height))
    grid = figure.add_gridspec(map_rows + 1, 6)
    panel = figure.add_subplot(grid[0, :2])
    show_picture(panel, picture)
    panel.set_title("picture")
    if labels is not None:
        panel = figure.add_subplot(grid[0, 2:4])
        show_picture(panel, picture, labels)
        panel.set_title(f"{labels.max() + 1} superpixels")
    if probabilities is not None:
        shares = np.asarray(probabilities)
        panel = figure.add_subplot(grid[0, 4:] if labels is not None else grid[0, 3:5])
        show_probabilities(panel, shares[index] if shares.ndim == 2 else shares, names)
        panel.set_title("probability")
    norm, panels = signed_norm(maps), []
    step = 6 // columns
    for k, name in enumerate(names):
        row, column = divmod(k, columns)
        panel = figure.add_subplot(grid[row + 1, column * step : (column + 1) * step])
        drawn = show_signed_map(panel, maps[..., k], norm, picture)
        base = float(part.base_values[k])
        total = f"{base:z.1f} {sums[k]:+z.1f} = {base + sums[k]:z.1f}"
        total = total if np.isfinite(base) else f"sum {sums[k]:+z.1f}"
        panel.set_title(f"{as_typed(name)}\n{with_minus(total)}")
        panels.append(panel)
    return _finished(figure, drawn, panels, "pixel" if labels is None else "superpixel", title)


def compare_explanations(
    explanations: Mapping[str, shap.Explanation],
    index: int = 0,
    class_index: int | None = None,
    *,
    segments: ArrayLike | None = None,
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
        Each map then shows the sum over each segment, so that maps of pixels and maps of
        segments can be compared. Where missing, every map shows its pixels.
    title : str
        Above the figure.

    Returns
    -------
    Figure
        6 inches wide, three panels in a row.

    Raises
    ------
    ValueError
        When there is nothing to compare, the pictures are not the same, an explainer has not
        explained that class, or the segments are none of this picture.
    """
    if not explanations:
        raise ValueError("explanations is empty; expected the results of one or more explainers")
    parts = {name: _part(explanation, index) for name, explanation in explanations.items()}
    first = next(iter(parts.values()))
    picture, maps = first.picture, {}
    cut = None if segments is None else checked_segments(segments, picture[None])[0]
    for name, part in parts.items():
        if part.classes is None or part.outputs is None:
            raise ValueError(f"{name} is a plain shap.Explanation; expected one of this package's")
        if class_index is None:
            class_index = int(part.classes[np.argmax(part.outputs)])
        if not np.array_equal(part.picture, picture):
            raise ValueError(f"{name} explains another picture than {next(iter(explanations))}")
        place = np.flatnonzero(part.classes == class_index)
        if not len(place):
            raise ValueError(
                f"{name} does not explain class {class_index}; expected it among "
                f"{part.classes.tolist()}"
            )
        values = part.values[..., place]
        if cut is None:
            maps[name] = values.sum(axis=2)[..., 0]
        else:
            maps[name] = segment_values(values, cut)[cut, 0]
    rows = ceil((len(maps) + 1) / COLUMNS)
    side = WIDTH / COLUMNS * picture.shape[0] / picture.shape[1]
    height = rows * (side + 0.62) + 0.75 + (0.3 if title else 0)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(WIDTH, height), squeeze=False)
    panels = list(axes.flat)
    show_picture(panels[0], picture, cut)
    panels[0].set_title("picture" if cut is None else f"{cut.max() + 1} superpixels")
    for panel in panels[len(maps) + 1 :]:
        panel.axis("off")
    norm = signed_norm(*maps.values())
    for panel, (name, values) in zip(panels[1:], maps.items(), strict=False):
        drawn = show_signed_map(panel, values, norm, picture)
        explanation = explanations[name]
        n = getattr(explanation, "n_explained", len(explanation.data))
        cost = f"{explanation.evaluations / n:,.0f} evaluations\n{explanation.seconds / n:.1f} s"
        panel.set_title(f"{as_typed(name)}\n{cost}", fontsize=11)
    return _finished(figure, drawn, panels, "pixel" if cut is None else "superpixel", title)


def _finished(
    figure: Figure, drawn: ScalarMappable, panels: list[Axes], of: str, title: str
) -> Figure:
    """Return the figure with the bar of its colours and its title."""
    figure.colorbar(
        drawn,
        ax=panels,
        location="bottom",
        shrink=0.85,
        aspect=40,
        ticks=MaxNLocator(6, symmetric=True),  # small numbers have wide labels
        label=f"attribution of the {of}: against | for",
    )
    if title:
        figure.suptitle(as_typed(title), fontsize=12)
    return figure
