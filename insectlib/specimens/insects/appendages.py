"""Legs and antennae, which all three body plans share."""

from __future__ import annotations

import math

import numpy as np

from insectlib.specimens.svg import (
    Canvas,
    Point,
    darker,
    ellipse,
    lighter,
    number,
    polyline,
    smooth,
    tapered,
)


def step(start: Point, side: int, angle: float, length: float) -> Point:
    """Return the point `length` away; 0 degrees is straight out, 90 degrees towards the head."""
    turn = math.radians(angle)
    return start[0] + side * length * math.cos(turn), start[1] - length * math.sin(turn)


def leg(
    canvas: Canvas,
    hip: Point,
    side: int,
    angles: tuple[float, float, float],
    length: float,
    width: float,
    colour: str,
    *,
    spines: int = 4,
    spine_length: float = 0.05,
    shares: tuple[float, float, float] = (0.4, 0.37, 0.23),
) -> dict[str, Point]:
    """Draw coxa, femur, tibia with spines, and a tarsus of five pieces with two claws.

    Parameters
    ----------
    canvas : Canvas
        Takes the drawing.
    hip : tuple of two floats
        Where the leg meets the body, on the right half (x > 0).
    side : {1, -1}
        Right, or mirrored to the left.
    angles : tuple of three floats
        Directions of femur, tibia and tarsus in degrees: 0 out to the side, 90 to the head.
    length, width : float
        Of the whole leg, and of the femur at the hip.
    colour : str
        Of the leg, as ``#rrggbb``.
    spines : int
        Spines on each edge of the tibia.
    spine_length : float
        Of a spine, to which about a third of `width` is added.
    shares : tuple of three floats
        Shares of femur, tibia and tarsus in the length.

    Returns
    -------
    dict
        Middle points of ``"femur"``, ``"tibia"`` and ``"tarsus"``.
    """
    hip = (side * hip[0], hip[1])
    knee = step(hip, side, angles[0], shares[0] * length)
    ankle = step(knee, side, angles[1], shares[1] * length)
    toe = step(ankle, side, angles[2], shares[2] * length)
    dark, light = darker(colour, 0.55), lighter(colour, 0.3)
    edge = 0.008

    for k in range(spines):
        t = (k + 1.2) / (spines + 0.4)
        root = (knee[0] + t * (ankle[0] - knee[0]), knee[1] + t * (ankle[1] - knee[1]))
        for turn in (48, -48):
            tip = step(root, side, angles[1] + turn, spine_length + 0.35 * width)
            canvas.add("legs", polyline([root, tip]), stroke=dark, width=0.014)
    canvas.add("legs", polyline([ankle, toe]), stroke=dark, width=0.3 * width)
    bead = shares[2] * length / 5
    beads = f"{number(0.5 * bead)} {number(0.5 * bead)}"
    canvas.detail("legs", polyline([ankle, toe]), stroke=colour, width=0.34 * width, dash=beads)
    for turn in (28, -28):
        claw = step(toe, side, angles[2] + turn, 0.045)
        canvas.add("legs", polyline([toe, claw]), stroke=dark, width=0.012)
    tibia = tapered(knee, ankle, 0.48 * width, 0.42 * width)
    canvas.add("legs", tibia, fill=darker(colour, 0.1), stroke=dark, width=edge)
    femur_paint = canvas.linear(hip, knee, [(0, darker(colour, 0.4), 1), (0.7, colour, 1)])
    femur = tapered(hip, knee, width, 0.6 * width)
    canvas.add("legs", femur, fill=femur_paint, stroke=dark, width=edge)
    canvas.add("legs", ellipse(*knee, 0.34 * width, 0.34 * width), fill=darker(colour, 0.2))
    shift = (0.16 * width * canvas.light[0], 0.16 * width * canvas.light[1])
    shine = [(x + shift[0], y + shift[1]) for x, y in (hip, knee, ankle)]
    canvas.detail("legs", polyline(shine), stroke=light, width=0.16 * width, opacity=0.55)

    def middle(a: Point, b: Point) -> Point:
        return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2

    return {"femur": middle(hip, knee), "tibia": middle(knee, ankle), "tarsus": middle(ankle, toe)}


def antenna(
    canvas: Canvas,
    root: Point,
    side: int,
    length: float,
    width: float,
    colour: str,
    *,
    angle: float,
    curl: float,
    kind: str = "thread",
) -> Point:
    """Draw an antenna that leaves at `angle` (90: straight ahead) and bends outwards by `curl`.

    Parameters
    ----------
    canvas : Canvas
        Takes the drawing.
    root : tuple of two floats
        Where it leaves the head, on the right half (x > 0).
    side : {1, -1}
        Right, or mirrored to the left.
    length, width : float
        Of the whole antenna, and of its line.
    colour : str
        As ``#rrggbb``.
    angle, curl : float
        Direction at the root and bend along the whole length, in degrees.
    kind : {"thread", "clubbed", "fan"}
        Evenly thin, with three thick last pieces, or with a fan of plates.

    Returns
    -------
    tuple of two floats
        A point two thirds along it.
    """
    n = 9
    points = [(side * root[0], root[1])]
    for k in range(n):
        points.append(step(points[-1], side, angle - curl * (k + 0.5) / n, length / n))
    data = smooth(points)
    dark = darker(colour, 0.35)
    canvas.add("antennae", data, stroke=dark, width=width)
    bead = length / (11 if kind != "thread" else max(11, round(length / 0.05)))
    beads = f"{number(0.5 * bead)} {number(0.5 * bead)}"
    canvas.detail("antennae", data, stroke=lighter(colour, 0.15), width=0.7 * width, dash=beads)
    heading = angle - curl
    if kind == "clubbed":
        for k in range(3):
            x, y = step(points[-1], side, heading, 0.045 * k)
            radius = (0.9 + 0.3 * k) * width
            canvas.add(
                "antennae", ellipse(x, y, radius, radius), fill=colour, stroke=dark, width=0.01
            )
    elif kind == "fan":
        for turn in np.linspace(-10, 65, 4):
            end = step(points[-1], side, heading + float(turn), 0.15)
            blade = tapered(points[-1], end, width, 1.9 * width)
            canvas.add("antennae", blade, fill=colour, stroke=dark, width=0.008)
    return points[6]
