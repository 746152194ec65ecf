"""One look for every figure of the course: sizes, colours of the classes, and the signed map."""

from __future__ import annotations

import re
from itertools import cycle, islice

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap, Normalize
from numpy.typing import ArrayLike

WIDTH = 6.0
"""Width of a figure in inches: with 12-point text it can still be read on a telephone."""

PAPER = "#ffffff"
"""Behind every figure, so that it can be read on a dark page too."""

INK = "#222222"
"""Text and axes."""

GREY = "#6b6b6b"
"""What is there to compare with: baselines, limits, chance."""

# Of Paul Tol's muted palette, which people with any common colour blindness tell apart. Blue and
# orange are not among the first: in a signed map they mean down and up.
# Colour never stands alone: markers and hatches differ as well.
CLASS_COLOURS = ("#117733", "#aa4499", "#999933", "#44aa99", "#332288", "#882255", "#ddcc77")
CLASS_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
CLASS_HATCHES = ("", "///", "...", "\\\\\\", "xx", "++", "oo")

# Lightness falls equally on both arms, and blue and orange stay apart without red or green cones.
_BLUES = ("#005692", "#0079bb", "#509cd8", "#96c0ea", "#ccdff5")
_ORANGES = ("#ffd4bf", "#faa880", "#e57840", "#bd5115", "#88380b")
SIGNED_MAP = LinearSegmentedColormap.from_list("signed", [*_BLUES, "#f6f6f6", *_ORANGES])
"""For every map with a sign: blue below zero, near-white at zero, orange above."""


LONGEST, MOST_LINES = 40, 4
"""Characters and lines of a name in a figure; more would squeeze the panels to nothing."""

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and the halves of characters that file names may hold."""


def printable(text: str) -> str:
    """Return a name of anybody's with the sign for an unknown character where it has none.

    Parameters
    ----------
    text : str
        Such as the name of a class or of a file that is not UTF-8.

    Returns
    -------
    str
        Which any page and any font can show.
    """
    return UNPRINTABLE.sub("\ufffd", text)


def as_typed(text: str) -> str:
    """Return a name so that matplotlib shows it as it was typed, and no formula between dollars.

    Parameters
    ----------
    text : str
        Such as the name of a class; line breaks stay, and what is too long is cut.

    Returns
    -------
    str
        For titles, labels and every other text in a figure.
    """
    lines = printable(text).split("\n")[:MOST_LINES]
    lines = [line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…" for line in lines]
    return "\n".join(lines).replace("$", r"\$")


def with_minus(text: str) -> str:
    """Return a text with minus signs before numbers, where Python writes hyphens."""
    return re.sub(r"(?<!\w)-(?=\d)", "\N{MINUS SIGN}", text)


def use_style() -> None:
    """Set matplotlib's defaults for the figures of the course; call it once in each chapter."""
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 3.6),
            "figure.dpi": 160,
            "figure.facecolor": PAPER,
            "figure.constrained_layout.use": True,
            "savefig.facecolor": PAPER,
            "savefig.dpi": 160,
            "axes.facecolor": PAPER,
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "axes.titlecolor": INK,
            "axes.titlesize": 12,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(color=CLASS_COLOURS),
            "font.size": 12,
            "hatch.linewidth": 0.8,
            "image.interpolation": "nearest",
            "legend.frameon": False,
            "legend.fontsize": 11,
            "lines.linewidth": 2,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "xtick.labelsize": 11,
            "ytick.labelsize": 11,
        }
    )


def class_looks(n_classes: int) -> list[dict[str, str]]:
    """Return colour, marker and hatch of each class, the same in every figure.

    Parameters
    ----------
    n_classes : int
        From the eighth class on, the looks repeat.

    Returns
    -------
    list of dict
        One for each class, with the keys ``color``, ``marker`` and ``hatch``.
    """
    looks = zip(CLASS_COLOURS, CLASS_MARKERS, CLASS_HATCHES, strict=True)
    return [
        {"color": color, "marker": marker, "hatch": hatch}
        for color, marker, hatch in islice(cycle(looks), n_classes)
    ]


def signed_norm(*values: ArrayLike, percentile: float = 100) -> Normalize:
    """Return one symmetric scale for maps that are to be compared.

    Parameters
    ----------
    *values : array
        Everything that the panels will show, of any shape.
    percentile : float
        Of the absolute values; the scale ends there. Below 100, single large values saturate and
        the rest gains contrast.

    Returns
    -------
    Normalize
        From ``-limit`` to ``limit``; -1 to 1 where all values are zero.

    Raises
    ------
    ValueError
        When there are no values, or some are not finite.
    """
    sizes = [np.abs(np.asarray(v, dtype=np.float64)).ravel() for v in values]
    flat = np.concatenate(sizes) if sizes else np.empty(0)
    if not flat.size or not np.isfinite(flat).all():
        raise ValueError("values must be finite and at least one: they set the scale of the map")
    limit = float(np.percentile(flat, percentile)) or 1.0
    return Normalize(-limit, limit)
