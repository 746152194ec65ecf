"""The leathery fore wings of a cockroach."""

from __future__ import annotations

from insectlib.specimens.insects.palette import pale
from insectlib.specimens.insects.species import Cockroach
from insectlib.specimens.svg import Canvas, Point, darker, mix, smooth


def draw_tegmina(canvas: Canvas, roach: Cockroach, top: float) -> None:
    """Draw the tegmina: leathery, veined, the left one lying over the right one."""
    colours, w = roach.palette, roach.width
    tip = top + roach.tegmina * (0.97 - top)
    long = tip - top
    tone = mix(colours.cuticle, colours.sheen, 0.18)
    for side in (1, -1):
        outer = [
            (side * 0.72 * w, top),
            (side * 0.98 * w, top + 0.12 * long),
            (side * 1.05 * w, top + 0.4 * long),
            (side * 0.97 * w, top + 0.68 * long),
            (side * 0.7 * w, top + 0.9 * long),
            (side * 0.3 * w, tip),
        ]
        over = -0.3 * w * side
        inner = [
            (over * 0.5, top + 0.93 * long),
            (over, top + 0.7 * long),
            (over * 0.9, top + 0.35 * long),
            (0, top + 0.1 * long),
            (0, top),
        ]
        data = smooth(outer + inner, closed=True)
        canvas.body(
            "wings",
            data,
            (side * 0.35 * w, top + 0.45 * long),
            (0.9 * w, 0.65 * long),
            tone,
            sheen=colours.sheen,
            depth=0.45,
        )
        clip = canvas.clip(data)
        _veins(canvas, roach.width, side, top, long, clip, darker(tone, 0.5))
        if roach.marked_wings:
            edge = smooth(outer)
            canvas.detail(
                "wings",
                edge,
                stroke=pale(colours.cuticle),
                width=0.2 * w,
                opacity=0.7,
                clip=clip,
            )
        lit = canvas.light
        canvas.gloss(
            "wings",
            (side * 0.45 * w + 0.15 * w * lit[0], top + 0.4 * long),
            (0.2 * w, 0.34 * long),
            0.3 * colours.gloss,
            clip,
        )
        if side == -1:
            canvas.detail("wings", smooth(inner), stroke=darker(tone, 0.7), width=0.02)
    canvas.landmarks["tegmen"] = (0.62 * w, top + 0.5 * long)


def _veins(
    canvas: Canvas, w: float, side: int, top: float, long: float, clip: str, colour: str
) -> None:
    """Draw the curved main veins and the fan of fine ones."""
    radius: list[Point] = [(0.42, 0.0), (0.62, 0.2), (0.74, 0.5), (0.66, 0.8)]
    clavus = [(0.3, 0.02), (0.26, 0.2), (0.02, 0.4)]
    for line, width in ((radius, 0.018), (clavus, 0.022)):
        points = [(side * x * w, top + y * long) for x, y in line]
        canvas.detail("wings", smooth(points), stroke=colour, width=width, clip=clip, opacity=0.8)
    fan = ""
    for k in range(7):
        t = k / 6
        start = (side * (0.45 + 0.25 * t) * w, top + (0.12 + 0.4 * t) * long)
        middle = (side * (0.24 + 0.44 * t) * w, top + (0.52 + 0.22 * t) * long)
        end = (side * (-0.2 + 0.8 * t) * w, top + (0.98 - 0.08 * t) * long)
        fan += smooth([start, middle, end])
        edge = (side * 1.05 * w, top + (0.3 + 0.5 * t) * long)
        fan += smooth([(side * (0.6 + 0.13 * t) * w, top + (0.15 + 0.45 * t) * long), edge])
    canvas.detail("wings", fan, stroke=colour, width=0.013, clip=clip, opacity=0.8)
