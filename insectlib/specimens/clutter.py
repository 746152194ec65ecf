"""Things that lie about: twigs, small leaves, grass, grains, a pin, a scale bar."""

from __future__ import annotations

import math

import numpy as np

from insectlib.specimens.svg import (
    Canvas,
    Point,
    darker,
    ellipse,
    lighter,
    mix,
    number,
    polyline,
    smooth,
    tapered,
)

ITEMS = ("twig", "leaf", "blade", "grains", "pin", "scale")


def draw_clutter(canvas: Canvas, items: tuple[str, ...], seed: int, *, above: bool) -> None:
    """Draw the clutter that lies below the insect, or the part of it that lies above.

    Parameters
    ----------
    canvas : Canvas
        Takes the drawing.
    items : tuple of str
        Names from `ITEMS`, in painting order; a ``"blade"`` and a ``"pin"`` lie above.
    seed : int
        Seed of their places and shapes.
    above : bool
        Whether to draw what lies above the insect, or what lies below.

    Raises
    ------
    ValueError
        When there is no such item.
    """
    for place, item in enumerate(items):
        if item not in _DRAWERS:
            raise ValueError(f"clutter {item!r}: expected one of {', '.join(ITEMS)}")
        random = np.random.default_rng([seed, place])
        if (item in ("blade", "pin")) == above:
            _DRAWERS[item](canvas, random)


def _border_point(random: np.random.Generator) -> tuple[Point, float]:
    """Return a point near the border and the direction (radians) towards the far side."""
    angle = float(random.uniform(0, 2 * math.pi))
    point = 0.5 + 0.55 * math.cos(angle), 0.5 + 0.55 * math.sin(angle)
    return point, angle + math.pi + float(random.normal(0, 0.5))


def _twig(canvas: Canvas, random: np.random.Generator) -> None:
    (x, y), angle = _border_point(random)
    colour = str(random.choice(["#5a4330", "#7a6048", "#3f3026", "#8a7a62"]))
    length, width = float(random.uniform(0.35, 0.9)), float(random.uniform(0.018, 0.045))
    points = [(x, y)]
    for _ in range(5):
        angle += float(random.normal(0, 0.16))
        x, y = x + length / 5 * math.cos(angle), y + length / 5 * math.sin(angle)
        points.append((x, y))
    for k in (1, 3):
        side = angle + float(random.choice([-1, 1])) * 0.8
        tip = points[k][0] + 0.12 * math.cos(side), points[k][1] + 0.12 * math.sin(side)
        canvas.add(
            "clutter", tapered(points[k], tip, 0.5 * width, 0.2 * width), fill=darker(colour, 0.15)
        )
    line = smooth(points)
    canvas.add("clutter", line, stroke=darker(colour, 0.5), width=width)
    canvas.detail("clutter", line, stroke=colour, width=0.76 * width)
    shift = [
        (u + 0.2 * width * canvas.light[0], v + 0.2 * width * canvas.light[1]) for u, v in points
    ]
    canvas.detail(
        "clutter", smooth(shift), stroke=lighter(colour, 0.4), width=0.2 * width, opacity=0.6
    )
    knots = f"0.004 {number(float(random.uniform(0.03, 0.06)))}"
    canvas.detail(
        "clutter", line, stroke=darker(colour, 0.6), width=0.7 * width, dash=knots, opacity=0.5
    )


def _leaf(canvas: Canvas, random: np.random.Generator) -> None:
    (x, y), angle = _border_point(random)
    colour = str(random.choice(["#5f8a35", "#8aa24a", "#a8803a", "#7a5a30", "#b06a30"]))
    length, width = float(random.uniform(0.25, 0.5)), float(random.uniform(0.07, 0.13))
    cos, sin = math.cos(angle), math.sin(angle)

    def at(t: float, s: float) -> Point:
        return x + length * t * cos - s * width * sin, y + length * t * sin + s * width * cos

    outline = [
        at(0, 0),
        at(0.2, 0.7),
        at(0.5, 1),
        at(0.8, 0.6),
        at(1, 0),
        at(0.8, -0.55),
        at(0.5, -0.95),
        at(0.2, -0.7),
    ]
    data = smooth(outline, closed=True)
    paint = canvas.linear(
        at(0.5, -1),
        at(0.5, 1),
        [
            (0, lighter(colour, 0.25), 1),
            (0.48, colour, 1),
            (0.52, darker(colour, 0.25), 1),
            (1, darker(colour, 0.1), 1),
        ],
    )
    canvas.add("clutter", data, fill=paint, stroke=darker(colour, 0.5), width=0.004)
    clip = canvas.clip(data)
    veins = polyline([at(-0.1, 0), at(0.98, 0)])
    for k in range(5):
        for s in (1, -1):
            veins += smooth(
                [at(0.12 + 0.16 * k, 0), at(0.22 + 0.16 * k, 0.5 * s), at(0.28 + 0.16 * k, s)]
            )
    canvas.detail(
        "clutter", veins, stroke=lighter(colour, 0.45), width=0.005, opacity=0.7, clip=clip
    )


def _blade(canvas: Canvas, random: np.random.Generator) -> None:
    """Draw a blade of grass that crosses a corner, over the insect where it meets it."""
    corner = float(random.choice([-1, 1])), float(random.choice([-1, 1]))
    reach = random.uniform(0.2, 0.42, 2)
    start = 0.5 + 0.55 * corner[0], 0.5 + (0.5 - float(reach[0])) * corner[1]
    end = 0.5 + (0.5 - float(reach[1])) * corner[0], 0.5 + 0.55 * corner[1]
    bend = 0.5 + 0.36 * corner[0], 0.5 + 0.36 * corner[1]
    colour = str(random.choice(["#7f9f3f", "#a9a860", "#5f7f35", "#b99a5a"]))
    width = float(random.uniform(0.012, 0.028))
    line = smooth([start, bend, end])
    canvas.add("clutter", line, stroke=darker(colour, 0.35), width=width)
    canvas.detail("clutter", line, stroke=colour, width=0.72 * width)
    canvas.detail("clutter", line, stroke=lighter(colour, 0.4), width=0.2 * width, opacity=0.7)


def _grains(canvas: Canvas, random: np.random.Generator) -> None:
    colour = str(random.choice(["#c9b48a", "#8a7a62", "#d8d0c0", "#5f5546", "#c8a848"]))
    for _ in range(int(random.integers(8, 26))):
        x, y = (float(v) for v in random.uniform(0, 1, 2))
        radius = float(random.uniform(0.004, 0.013))
        turns = np.sort(random.uniform(0, 2 * math.pi, 6))
        sides = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in map(float, turns)]
        tone = mix(colour, "#4a4036", float(random.uniform(0, 0.5)))
        canvas.add(
            "clutter", smooth(sides, closed=True), fill=tone, stroke=darker(tone, 0.5), width=0.002
        )


def _pin(canvas: Canvas, random: np.random.Generator) -> None:
    """Draw an insect pin beside the specimen, head up, lying a little aslant."""
    x, y = float(random.uniform(0.08, 0.92)), float(random.uniform(0.06, 0.4))
    end = x + float(random.normal(0, 0.06)), y + float(random.uniform(0.3, 0.5))
    canvas.add("clutter", polyline([(x, y), end]), stroke="#3c3c3e", width=0.009)
    canvas.detail("clutter", polyline([(x, y), end]), stroke="#b9bcc0", width=0.004)
    head = canvas.radial(
        (x - 0.005, y - 0.005),
        (0.022, 0.022),
        [(0, "#f4efe2", 1), (0.5, "#b08a3a", 1), (1, "#4a3412", 1)],
    )
    canvas.add("clutter", ellipse(x, y, 0.018, 0.018), fill=head)


def _scale(canvas: Canvas, random: np.random.Generator) -> None:
    """Draw a scale bar such as photographers of small things lay under them."""
    x, y = float(random.uniform(0.06, 0.5)), float(random.uniform(0.84, 0.9))
    length = float(random.uniform(0.12, 0.3))
    canvas.add("clutter", polyline([(x, y), (x + length, y)]), stroke="#1a1a1a", width=0.007)
    for end in (x, x + length):
        canvas.add(
            "clutter", polyline([(end, y - 0.01), (end, y + 0.01)]), stroke="#1a1a1a", width=0.006
        )


_DRAWERS = {
    "twig": _twig,
    "leaf": _leaf,
    "blade": _blade,
    "grains": _grains,
    "pin": _pin,
    "scale": _scale,
}
