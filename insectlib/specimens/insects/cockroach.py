"""A cockroach seen from above: flat and oval, the head under a broad pronotum, long antennae."""

from __future__ import annotations

import numpy as np

from insectlib.specimens.insects.appendages import antenna, leg
from insectlib.specimens.insects.palette import pale
from insectlib.specimens.insects.species import Cockroach
from insectlib.specimens.insects.tegmina import draw_tegmina
from insectlib.specimens.svg import (
    Canvas,
    darker,
    ellipse,
    lighter,
    mirrored,
    mix,
    polyline,
    smooth,
    tapered,
)


def draw_cockroach(canvas: Canvas, roach: Cockroach, random: np.random.Generator) -> None:
    """Draw one individual, its pose of legs and antennae from `random`, head up (y < 0)."""
    front = -0.88
    back = front + roach.pronotum_length
    _draw_appendages(canvas, roach, random, back)
    _draw_cerci(canvas, roach, random)
    _draw_abdomen(canvas, roach, back)
    _draw_head(canvas, roach, front)
    if roach.tegmina:
        draw_tegmina(canvas, roach, back - 0.1)
    _draw_pronotum(canvas, roach, front, back)


def _draw_appendages(
    canvas: Canvas, roach: Cockroach, random: np.random.Generator, back: float
) -> None:
    colour = roach.palette.appendages
    hips = (
        (0.5 * roach.width, back - 0.18),
        (0.7 * roach.width, back + 0.08),
        (0.72 * roach.width, back + 0.34),
    )
    rest = ((30, 58, 45), (-18, -32, -42), (-44, -62, -68))
    for hip, angles, factor in zip(hips, rest, (0.78, 0.98, 1.28), strict=True):
        for side in (1, -1):
            a, b, c = (angle + float(random.normal(0, 9)) for angle in angles)
            points = leg(
                canvas,
                hip,
                side,
                (a, b, c),
                factor * roach.leg_length,
                roach.leg_width,
                colour,
                spines=6,
                spine_length=0.055,
                shares=(0.38, 0.38, 0.24),
            )
            canvas.landmarks |= points
    for side in (1, -1):
        canvas.landmarks["antenna"] = antenna(
            canvas,
            (0.09, -0.9),
            side,
            roach.antenna_length,
            0.032,
            colour,
            angle=66 + float(random.normal(0, 9)),
            curl=float(random.normal(55, 30)),
        )


def _draw_cerci(canvas: Canvas, roach: Cockroach, random: np.random.Generator) -> None:
    dark = darker(roach.palette.appendages, 0.4)
    for side in (1, -1):
        root = (side * 0.14, 0.8)
        tip = (side * (0.2 + roach.cerci * float(random.uniform(0.5, 0.8))), 0.84 + roach.cerci)
        canvas.add(
            "abdomen",
            tapered(root, tip, 0.06, 0.02),
            fill=roach.palette.appendages,
            stroke=dark,
            width=0.01,
        )
        rings = polyline([root, tip])
        canvas.detail("abdomen", rings, stroke=dark, width=0.055, dash="0.008 0.03", opacity=0.6)
        if side == 1:
            canvas.landmarks["cercus"] = (
                (root[0] + 2 * tip[0]) / 3,
                (root[1] + 2 * tip[1]) / 3,
            )


def _half_width(roach: Cockroach, y: float) -> float:
    """Return the half width of the abdomen at `y`."""
    at = (-0.6, -0.3, 0.0, 0.3, 0.55, 0.75, 0.88, 0.95)
    return roach.width * float(np.interp(y, at, (0.6, 0.86, 1, 0.99, 0.88, 0.65, 0.38, 0)))


def _draw_abdomen(canvas: Canvas, roach: Cockroach, back: float) -> None:
    colours = roach.palette
    stations = (0.0, 0.15, 0.3, 0.45, 0.58, 0.68, 0.78, 0.88, 0.93)
    start = back - 0.1
    half = [
        (0.0, start),
        *((_half_width(roach, y), y) for y in (start, (start + 0) / 2, *stations)),
        (0.0, 0.95),
    ]
    data = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
    tone = mix(colours.cuticle, colours.marking, 0.25)
    canvas.body("abdomen", data, (0, 0.2), (roach.width, 0.75), tone, sheen=colours.sheen)
    clip = canvas.clip(data)
    w = 1.05 * roach.width
    for k in range(9):
        y = back + 0.02 + (0.93 - back) * k / 9
        groove = [
            (-w, y + 0.05),
            (-0.6 * w, y + 0.005),
            (0, y - 0.005),
            (0.6 * w, y + 0.005),
            (w, y + 0.05),
        ]
        lit = smooth([(x, y + 0.03) for x, y in groove])
        canvas.detail(
            "abdomen", lit, stroke=lighter(tone, 0.35), width=0.026, opacity=0.45, clip=clip
        )
        canvas.detail("abdomen", smooth(groove), stroke=darker(tone, 0.75), width=0.022, clip=clip)
    if roach.mark in ("margin", "halo"):
        for side in (1, -1):
            edge = [(side * _half_width(roach, y), y) for y in (-0.3, *stations)]
            canvas.detail(
                "abdomen",
                smooth(edge),
                stroke=pale(colours.cuticle),
                width=0.11,
                clip=clip,
                opacity=0.8,
            )
    canvas.gloss(
        "abdomen",
        (0.3 * roach.width * canvas.light[0], 0.2),
        (0.3 * roach.width, 0.5),
        0.4 * colours.gloss,
        clip,
    )
    canvas.landmarks["abdomen"] = (0.0, 0.9)


def _draw_head(canvas: Canvas, roach: Cockroach, front: float) -> None:
    """Draw the head, of which the pronotum leaves little to see."""
    colour = darker(mix(roach.palette.cuticle, roach.palette.appendages, 0.5), 0.15)
    y = front + 0.08
    for side in (1, -1):
        palp = [(side * 0.05, y - 0.12), (side * 0.09, y - 0.2), (side * 0.04, y - 0.23)]
        canvas.add("head", smooth(palp), stroke=darker(roach.palette.appendages, 0.3), width=0.022)
    canvas.body("head", ellipse(0, y, 0.15, 0.16), (0, y), (0.15, 0.16), colour)
    for side in (1, -1):
        eye = ellipse(side * 0.115, y - 0.02, 0.042, 0.1)
        canvas.add("head", eye, fill=darker(roach.palette.eyes, 0.5), stroke="#14100d", width=0.008)
    canvas.landmarks["head"] = (0.0, y - 0.13)


def _draw_pronotum(canvas: Canvas, roach: Cockroach, front: float, back: float) -> None:
    colours = roach.palette
    w, deep = roach.width * roach.pronotum_width, back - front
    brow = front - 0.02 + 0.07 * (1 - roach.hood)
    half = [
        (0.0, brow),
        (0.36 * w, brow + 0.025),
        (0.72 * w, front + 0.2 * deep),
        (0.95 * w, front + 0.52 * deep),
        (w, front + 0.78 * deep),
        (0.9 * w, front + 0.95 * deep),
        (0.5 * w, back + 0.015),
        (0.0, back + 0.03),
    ]
    data = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
    centre = (0.0, front + 0.55 * deep)
    canvas.body("thorax", data, centre, (w, 0.6 * deep), colours.cuticle, sheen=colours.sheen)
    clip = canvas.clip(data)
    light, dark = pale(colours.cuticle), darker(colours.marking, 0.2)
    if roach.mark == "stripes":
        for side in (1, -1):
            bar = [
                (side * 0.28 * w, front + 0.1),
                (side * 0.36 * w, centre[1]),
                (side * 0.24 * w, back - 0.01),
            ]
            canvas.detail(
                "thorax", smooth(bar), stroke=dark, width=0.2 * w, clip=clip, opacity=0.85
            )
    elif roach.mark == "margin":
        rim = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
        canvas.detail("thorax", rim, stroke=light, width=0.28 * w, clip=clip, opacity=0.85)
    elif roach.mark == "halo":
        canvas.detail(
            "thorax",
            ellipse(0, centre[1] + 0.02, 0.85 * w, 0.42 * deep),
            fill=light,
            clip=clip,
            opacity=0.8,
        )
        for side in (1, -1):
            canvas.detail(
                "thorax",
                ellipse(side * 0.32 * w, centre[1] + 0.02, 0.3 * w, 0.27 * deep),
                fill=dark,
                clip=clip,
            )
    elif roach.mark == "spot":
        canvas.detail(
            "thorax",
            ellipse(0, centre[1], 0.55 * w, 0.34 * deep),
            fill=dark,
            clip=clip,
            opacity=0.9,
        )
    rim_light = smooth([(0.97 * x, 0.02 + y) for x, y in half[:6]])
    rim_left = smooth([(-0.97 * x, 0.02 + y) for x, y in half[:6]])
    for rim in (rim_light, rim_left):
        canvas.detail(
            "thorax", rim, stroke=lighter(colours.cuticle, 0.45), width=0.014, opacity=0.6
        )
    lit = canvas.light
    canvas.gloss(
        "thorax",
        (0.4 * w * lit[0], centre[1] + 0.22 * deep * lit[1]),
        (0.42 * w, 0.24 * deep),
        0.6 * colours.gloss,
        clip,
    )
    canvas.landmarks["pronotum"] = (-0.55 * w, centre[1])
