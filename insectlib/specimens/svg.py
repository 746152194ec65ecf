"""A small canvas for SVG drawings whose every shape knows which part of the picture it shows."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

Point = tuple[float, float]


def number(value: float) -> str:
    """Write `value` with four decimals at most: the same digits on every machine."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def polyline(points: Iterable[Point], *, closed: bool = False) -> str:
    """Return the path data of straight lines through `points`."""
    data = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return data + "Z" if closed else data


def smooth(points: Sequence[Point], *, closed: bool = False, straight_end: bool = False) -> str:
    """Return the path data of a Catmull-Rom spline through `points`.

    With `straight_end` an open spline is closed by a straight line, as an elytron is along the
    suture.
    """
    n = len(points)
    at: Callable[[int], Point] = (
        (lambda i: points[i % n]) if closed else (lambda i: points[min(max(i, 0), n - 1)])
    )
    data = f"M{number(points[0][0])} {number(points[0][1])}"
    for i in range(n if closed else n - 1):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = at(i - 1), at(i), at(i + 1), at(i + 2)
        controls = (x1 + (x2 - x0) / 6, y1 + (y2 - y0) / 6, x2 - (x3 - x1) / 6, y2 - (y3 - y1) / 6)
        data += "C" + " ".join(map(number, (*controls, x2, y2)))
    return data + "Z" if closed or straight_end else data


def ellipse(x: float, y: float, rx: float, ry: float) -> str:
    """Return the path data of an ellipse about (x, y)."""
    a, b, d = number(rx), number(ry), number(2 * rx)
    return f"M{number(x - rx)} {number(y)}a{a} {b} 0 1 0 {d} 0a{a} {b} 0 1 0 -{d} 0Z"


def tapered(start: Point, end: Point, width: float, end_width: float) -> str:
    """Return the path data of a rod from `start` to `end`, bulging a little, round at the ends."""
    (x, y), (u, v) = start, end
    length = math.hypot(u - x, v - y) or 1e-6
    nx, ny = (y - v) / length / 2, (u - x) / length / 2
    tx, ty = -ny, nx
    bulge = 0.55 * width + 0.5 * end_width

    def at(t: float, w: float, along: float = 0.0) -> Point:
        px, py = x + t * (u - x), y + t * (v - y)
        return px + nx * w - tx * along, py + ny * w - ty * along

    return smooth(
        [
            at(0, width),
            at(0.4, bulge),
            at(1, end_width),
            at(1, 0, -end_width),
            at(1, -end_width),
            at(0.4, -bulge),
            at(0, -width),
            at(0, 0, width),
        ],
        closed=True,
    )


def mirrored(points: Iterable[Point], side: int) -> list[Point]:
    """Return `points` for the right (`side` 1) or the left (-1) half of the body."""
    return [(side * x, y) for x, y in points]


def mix(colour: str, other: str, share: float) -> str:
    """Return `colour` with `share` (0 to 1) of `other` mixed in; both are ``#rrggbb``."""
    pairs = [(int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)


def lighter(colour: str, share: float) -> str:
    """Return `colour` mixed with white."""
    return mix(colour, "#ffffff", share)


def darker(colour: str, share: float) -> str:
    """Return `colour` mixed with a warm black."""
    return mix(colour, "#0a0705", share)


@dataclass(frozen=True)
class Shape:
    """One path of a drawing, and the part that it belongs to.

    A shape that is not `solid` is a detail on top of a solid one, such as a highlight: it is
    painted, but says nothing about what a pixel shows.
    """

    part: str
    data: str
    fill: str
    stroke: str
    width: float
    opacity: float
    dash: str
    clip: str
    solid: bool

    def markup(self) -> str:
        """Return the SVG element as it is painted, its clip left to the canvas."""
        text = f'<path d="{self.data}" fill="{self.fill}"'
        if self.stroke != "none":
            text += f' stroke="{self.stroke}" stroke-width="{number(self.width)}"'
        if self.dash:
            text += f' stroke-dasharray="{self.dash}"'
        if self.opacity < 1:  # not "opacity", which costs the renderer a layer of its own
            text += (
                f' fill-opacity="{number(self.opacity)}" stroke-opacity="{number(self.opacity)}"'
            )
        return text + "/>"

    def flat(self, colour: str, least_width: float) -> str:
        """Return the SVG element in one flat colour, no line thinner than `least_width`."""
        text = f'<path d="{self.data}" fill="{colour if self.fill != "none" else "none"}"'
        if self.stroke != "none":
            width = max(self.width, least_width)
            text += f' stroke="{colour}" stroke-width="{number(width)}"'
        return text + "/>"


class Canvas:
    """Shapes in painting order, with the gradients and clips that they use.

    Parameters
    ----------
    light : tuple of two floats
        Unit vector towards the light, in the canvas's own frame (x right, y down).
    prefix : str
        Put before every identifier, so that two canvases fit into one SVG document.
    """

    def __init__(self, light: Point = (-0.6, -0.8), prefix: str = "a") -> None:
        self.light = light
        self.prefix = prefix
        self.shapes: list[Shape] = []
        self.definitions: list[str] = []
        self.landmarks: dict[str, Point] = {}

    def _define(self, element: str, attributes: str, content: str) -> str:
        name = f"{self.prefix}{len(self.definitions)}"
        self.definitions.append(f'<{element} id="{name}" {attributes}>{content}</{element}>')
        return name

    def radial(self, centre: Point, radii: Point, stops: Sequence[tuple[float, str, float]]) -> str:
        """Return a paint that runs outwards from `centre`; stops are (offset, colour, opacity)."""
        place = " ".join(map(number, (radii[0], 0, 0, radii[1], *centre)))
        units = 'gradientUnits="userSpaceOnUse" cx="0" cy="0" r="1"'
        transform = f'gradientTransform="matrix({place})"'
        return f"url(#{self._define('radialGradient', f'{units} {transform}', _stops(stops))})"

    def linear(self, start: Point, end: Point, stops: Sequence[tuple[float, str, float]]) -> str:
        """Return a paint that runs from `start` to `end`; stops are (offset, colour, opacity)."""
        x, y, u, v = map(number, (*start, *end))
        place = f'gradientUnits="userSpaceOnUse" x1="{x}" y1="{y}" x2="{u}" y2="{v}"'
        return f"url(#{self._define('linearGradient', place, _stops(stops))})"

    def clip(self, data: str) -> str:
        """Return the name of a clip that lets only the inside of the path show."""
        return self._define("clipPath", "", f'<path d="{data}"/>')

    def add(
        self,
        part: str,
        data: str,
        *,
        fill: str = "none",
        stroke: str = "none",
        width: float = 0.0,
        opacity: float = 1.0,
        dash: str = "",
        clip: str = "",
        solid: bool = True,
    ) -> None:
        """Put a shape on top of what is there."""
        self.shapes.append(Shape(part, data, fill, stroke, width, opacity, dash, clip, solid))

    def detail(self, part: str, data: str, **look: Any) -> None:
        """Put a detail of `part` on top of what is there; `look` as in `add`."""
        self.add(part, data, solid=False, **look)

    def body(
        self,
        part: str,
        data: str,
        centre: Point,
        radii: Point,
        colour: str,
        *,
        sheen: str = "",
        depth: float = 0.55,
        edge: float = 0.012,
    ) -> None:
        """Add a rounded piece of body, shaded from the light's side to the far side."""
        at = (
            centre[0] + 0.35 * radii[0] * self.light[0],
            centre[1] + 0.35 * radii[1] * self.light[1],
        )
        stops = [
            (0.0, lighter(sheen or colour, 0.22), 1.0),
            (0.4, colour, 1.0),
            (0.8, darker(colour, 0.6 * depth), 1.0),
            (1.0, darker(colour, depth), 1.0),
        ]
        fill = self.radial(at, (1.35 * radii[0], 1.35 * radii[1]), stops)
        self.add(part, data, fill=fill, stroke=darker(colour, 0.75), width=edge)

    def gloss(
        self, part: str, centre: Point, radii: Point, strength: float, clip: str = ""
    ) -> None:
        """Add a soft white highlight."""
        stops = [(0.0, "#ffffff", strength), (0.35, "#ffffff", 0.5 * strength), (1.0, "#ffffff", 0)]
        fill = self.radial(centre, radii, stops)
        self.detail(part, ellipse(*centre, *radii), fill=fill, clip=clip)

    def markup(self, removed: Iterable[str] = ()) -> str:
        """Return the drawing without the `removed` parts, as the inside of an SVG document."""
        skipped = frozenset(removed)
        paths = ""
        # neighbours with one clip share a group, whatever is removed: a clip costs a layer
        for clip, shapes in groupby(self.shapes, lambda shape: shape.clip):
            run = "".join(s.markup() for s in shapes if s.part not in skipped)
            paths += f'<g clip-path="url(#{clip})">{run}</g>' if clip and run else run
        return f"<defs>{''.join(self.definitions)}</defs>{paths}"

    def flat(self, colours: dict[str, str], least_width: float, removed: Iterable[str] = ()) -> str:
        """Return the solid shapes in the flat `colours` of their parts."""
        skipped = frozenset(removed)
        return "".join(
            s.flat(colours[s.part], least_width)
            for s in self.shapes
            if s.solid and s.part not in skipped
        )


def _stops(stops: Sequence[tuple[float, str, float]]) -> str:
    return "".join(
        f'<stop offset="{number(offset)}" stop-color="{colour}" stop-opacity="{number(opacity)}"/>'
        for offset, colour, opacity in stops
    )


def rasterise(content: str, size: int, *, crisp: bool = False) -> NDArray[np.uint8]:
    """Render SVG `content`, drawn on the unit square, to RGBA pixels.

    Parameters
    ----------
    content : str
        What stands between ``<svg>`` and ``</svg>``.
    size : int
        Side of the square picture in pixels.
    crisp : bool
        Without anti-aliasing: every pixel has the colour of one shape.

    Returns
    -------
    uint8 array, shape (size, size, 4)
    """
    document = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" '
        'stroke-linecap="round" stroke-linejoin="round">' + content + "</svg>"
    )
    png = resvg_py.svg_to_bytes(
        svg_string=document,
        width=size,
        height=size,
        skip_system_fonts=True,
        shape_rendering="crisp_edges" if crisp else "geometric_precision",
    )
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
