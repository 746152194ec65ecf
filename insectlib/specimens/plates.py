"""Anatomy plates: the same drawings as in the pictures, large, with their parts named."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from insectlib.specimens.insects.drawing import draw_insect
from insectlib.specimens.insects.palette import FAMILIES, Palette
from insectlib.specimens.insects.species import CLASS_NAMES, Beetle, Cockroach, Dragonfly, Species
from insectlib.specimens.svg import Canvas, Point, number, rasterise

PAPER = "#faf7f0"
INK = "#2b2622"
WIDE, HIGH = 6.0, 5.4  # inches

# what each plate shows: units of the insect that fit into its height, and the height (in those
# units) of the middle of the plate
VIEWS = {"beetle": (2.6, -0.15), "cockroach": (3.2, -0.38), "dragonfly": (2.95, 0.0)}

# what each plate names: label, landmark, side of the plate, height of the label in units
LABELS: dict[str, tuple[tuple[str, str, int, float], ...]] = {
    "beetle": (
        ("antenna", "antenna", -1, -1.0),
        ("pronotum", "pronotum", -1, -0.66),
        ("femur", "femur", -1, 0.18),
        ("tibia", "tibia", -1, 0.5),
        ("tarsus", "tarsus", -1, 0.8),
        ("mandible", "mandible", 1, -1.12),
        ("compound eye", "eye", 1, -0.9),
        ("scutellum", "scutellum", 1, -0.42),
        ("elytron", "elytron", 1, 0.12),
        ("suture", "suture", 1, 0.5),
        ("abdomen,\nits tip", "abdomen", 1, 1.0),
    ),
    "cockroach": (
        ("antenna", "antenna", -1, -1.75),
        ("pronotum", "pronotum", -1, -0.62),
        ("femur", "femur", -1, 0.12),
        ("spiny tibia", "tibia", -1, 0.5),
        ("tarsus", "tarsus", -1, 0.85),
        ("head, mostly\nhidden", "head", 1, -1.1),
        ("tegmen\n(fore wing)", "tegmen", 1, 0.3),
        ("abdomen", "abdomen", 1, 0.8),
        ("cercus", "cercus", 1, 1.08),
    ),
    "dragonfly": (
        ("antenna", "antenna", -1, -1.25),
        ("thorax", "thorax", -1, -1.08),
        ("hind wing", "hind wing", -1, 0.22),
        ("leg", "leg", -1, 0.42),
        ("abdomen,\nten segments", "abdomen", -1, 0.95),
        ("compound eye", "compound eye", 1, -1.27),
        ("nodus", "nodus", 1, -1.13),
        ("fore wing", "fore wing", 1, -0.99),
        ("pterostigma", "pterostigma", 1, 0.16),
        ("appendages", "appendages", 1, 1.05),
    ),
}


def exemplar(class_name: str) -> Species:
    """Return the species that stands for a class on its plate.

    Raises
    ------
    ValueError
        When there is no such class.
    """
    if class_name == "beetle":
        return Beetle(
            palette=_palette("emerald", appendages="#3a2a1a", gloss=0.75),
            width=0.46,
            shoulder=0.55,
            taper=0.35,
            pronotum_width=0.86,
            pronotum_length=0.42,
            waist=0.62,
            head_width=0.62,
            antenna="clubbed",
            antenna_length=0.46,
            leg_length=0.92,
            leg_width=0.1,
            pattern="plain",
            spots=3,
            striae=7,
            punctures=True,
        )
    if class_name == "cockroach":
        return Cockroach(
            palette=_palette("chestnut", appendages="#6a3818", gloss=0.5),
            width=0.43,
            pronotum_width=0.97,
            pronotum_length=0.52,
            hood=0.85,
            tegmina=0.97,
            antenna_length=1.35,
            leg_length=1.0,
            leg_width=0.1,
            cerci=0.3,
            mark="stripes",
            marked_wings=False,
        )
    if class_name == "dragonfly":
        return Dragonfly(
            palette=_palette("steel", appendages="#2a2622", gloss=0.6),
            head_width=0.22,
            thorax_width=0.19,
            abdomen_width=0.09,
            club=0.4,
            span=1.3,
            chord=0.28,
            hind=1.35,
            sweep=4.0,
            pattern="pairs",
            wing_pattern="clear",
            stripes=True,
        )
    raise ValueError(f"class {class_name!r}: expected one of {', '.join(CLASS_NAMES)}")


def _palette(family: str, appendages: str, gloss: float) -> Palette:
    cuticle, sheen, marking = FAMILIES[family]
    marking = "#e3c56a" if family == "steel" else marking
    return Palette(family, cuticle, sheen, marking, appendages, "#2d4a3c", gloss)


def draw_large(
    class_name: str, height: int = 900, seed: int = 0
) -> tuple[NDArray[np.uint8], dict[str, Point]]:
    """Draw the exemplar of a class on paper, head up.

    Parameters
    ----------
    class_name : str
    height : int
        Of the picture in pixels; it is wider than high, to leave room for labels.
    seed : int
        Seed of the pose of legs, antennae and wings.

    Returns
    -------
    picture : uint8 array, shape (height, width, 3)
    landmarks : dict of str to (x, y)
        Places of the parts, in units of the insect.
    """
    canvas = Canvas()
    draw_insect(canvas, exemplar(class_name), np.random.default_rng([seed, 1]))
    units, middle = VIEWS[class_name]
    scale = number(1 / units)
    place = f"matrix({scale} 0 0 {scale} 0.5 {number(0.5 - middle / units)})"
    paper = f'<rect width="1" height="1" fill="{PAPER}"/>'
    square = rasterise(f'{paper}<g transform="{place}">{canvas.markup()}</g>', height)[..., :3]
    margin = round(height * (WIDE / HIGH - 1) / 2)
    colour = square[0, 0]
    picture = np.tile(colour, (height, height + 2 * margin, 1))
    picture[:, margin : margin + height] = square
    return picture, canvas.landmarks


def anatomy_plate(class_name: str, *, height: int = 900, seed: int = 0) -> Figure:
    """Draw a labelled plate of a class: the insect with leader lines to the names of its parts.

    Chapter ``00_specimens``.

    Parameters
    ----------
    class_name : str
        One of ``CLASS_NAMES``.
    height, seed : int
        See `draw_large`.

    Returns
    -------
    matplotlib Figure
        Six inches wide, on light paper of its own, so that it reads on dark pages too.
    """
    picture, landmarks = draw_large(class_name, height, seed)
    units, middle = VIEWS[class_name]
    half = units / 2 * WIDE / HIGH
    figure, axes = plt.subplots(figsize=(WIDE, HIGH), layout=None)
    axes.set_position((0, 0, 1, 1))
    axes.set_axis_off()
    box = (-half, half, middle + units / 2, middle - units / 2)
    axes.imshow(picture, extent=box, interpolation="antialiased", aspect="auto")
    for label, mark, side, at in LABELS[class_name]:
        axes.annotate(
            label,
            landmarks[mark],
            (side * 0.97 * half, at),
            ha="right" if side > 0 else "left",
            va="center",
            fontsize=13,
            color=INK,
            linespacing=0.95,
            arrowprops={
                "arrowstyle": "-",
                "color": INK,
                "linewidth": 0.9,
                "shrinkA": 3,
                "shrinkB": 0,
                "relpos": (0.0 if side > 0 else 1.0, 0.5),
            },
        )
        axes.plot(*landmarks[mark], "o", markersize=4, color=INK, markeredgecolor=PAPER)
    return figure
