"""A cockroach seen from above: flat and oval, the head under a broad pronotum, long antennae."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from insectlib.specimens.insects.appendages import antenna, leg
from insectlib.specimens.insects.palette import Livery, pale, sample_livery
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

MARKS = ("plain", "stripes", "margin", "halo", "spot")


@dataclass(frozen=True)
class Cockroach:
    """One species of cockroach; the body is two units long, widths are half widths.

    Parameters
    ----------
    livery : Livery
        Its colours.
    width : float
        Of the abdomen, 0.36 to 0.52.
    pronotum_width, pronotum_length : float
        Width as a share of the abdomen's; length in units.
    hood : float
        How far the pronotum reaches over the head: 1 hides all of it, 0.6 shows its front.
    tegmina : float
        Share of the abdomen that the fore wings cover: 1.05 long, 0.5 short, 0 none (a nymph).
    antenna_length, leg_length, leg_width : float
        In units.
    cerci : float
        Their length.
    mark : str
        Pattern of the pronotum, one of `MARKS`.
    marked_wings : bool
        Whether the tegmina carry the marking's colour along the edge.
    """

    livery: Livery
    width: float
    pronotum_width: float
    pronotum_length: float
    hood: float
    tegmina: float
    antenna_length: float
    leg_length: float
    leg_width: float
    cerci: float
    mark: str
    marked_wings: bool

    @classmethod
    def sample(cls, random: np.random.Generator) -> Cockroach:
        """Draw a species."""
        return cls(
            livery=sample_livery(random),
            width=float(random.uniform(0.42, 0.54)),
            pronotum_width=float(random.uniform(0.9, 1.05)),
            pronotum_length=float(random.uniform(0.46, 0.56)),
            hood=float(random.uniform(0.6, 1.0)),
            tegmina=float(random.choice([0.0, 0.5, 0.97, 1.03, 1.08])),
            antenna_length=float(random.uniform(1.6, 2.4)),
            leg_length=float(random.uniform(1.0, 1.25)),
            leg_width=float(random.uniform(0.085, 0.12)),
            cerci=float(random.uniform(0.26, 0.38)),
            mark=str(random.choice(MARKS)),
            marked_wings=bool(random.random() < 0.4),
        )

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        """Draw one individual, its pose of legs and antennae from `random`, head up (y < 0)."""
        front = -0.88
        back = front + self.pronotum_length
        self._limbs(canvas, random, back)
        self._cerci(canvas, random)
        self._abdomen(canvas, back)
        self._head(canvas, front)
        if self.tegmina:
            draw_tegmina(canvas, self, back - 0.1)
        self._pronotum(canvas, front, back)

    def _limbs(self, canvas: Canvas, random: np.random.Generator, back: float) -> None:
        colour = self.livery.limbs
        hips = (
            (0.5 * self.width, back - 0.18),
            (0.7 * self.width, back + 0.08),
            (0.72 * self.width, back + 0.34),
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
                    factor * self.leg_length,
                    self.leg_width,
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
                self.antenna_length,
                0.032,
                colour,
                angle=66 + float(random.normal(0, 9)),
                curl=float(random.normal(55, 30)),
            )

    def _cerci(self, canvas: Canvas, random: np.random.Generator) -> None:
        dark = darker(self.livery.limbs, 0.4)
        for side in (1, -1):
            root = (side * 0.14, 0.8)
            tip = (side * (0.2 + self.cerci * float(random.uniform(0.5, 0.8))), 0.84 + self.cerci)
            canvas.add(
                "abdomen",
                tapered(root, tip, 0.06, 0.02),
                fill=self.livery.limbs,
                stroke=dark,
                width=0.01,
            )
            rings = polyline([root, tip])
            canvas.detail(
                "abdomen", rings, stroke=dark, width=0.055, dash="0.008 0.03", opacity=0.6
            )
            if side == 1:
                canvas.landmarks["cercus"] = (
                    (root[0] + 2 * tip[0]) / 3,
                    (root[1] + 2 * tip[1]) / 3,
                )

    def _oval(self, y: float) -> float:
        """Return the half width of the abdomen at `y`."""
        at = (-0.6, -0.3, 0.0, 0.3, 0.55, 0.75, 0.88, 0.95)
        return self.width * float(np.interp(y, at, (0.6, 0.86, 1, 0.99, 0.88, 0.65, 0.38, 0)))

    def _abdomen(self, canvas: Canvas, back: float) -> None:
        colours = self.livery
        stations = (0.0, 0.15, 0.3, 0.45, 0.58, 0.68, 0.78, 0.88, 0.93)
        start = back - 0.1
        half = [
            (0.0, start),
            *((self._oval(y), y) for y in (start, (start + 0) / 2, *stations)),
            (0.0, 0.95),
        ]
        data = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
        tone = mix(colours.cuticle, colours.marking, 0.25)
        canvas.body("abdomen", data, (0, 0.2), (self.width, 0.75), tone, sheen=colours.sheen)
        clip = canvas.clip(data)
        w = 1.05 * self.width
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
            canvas.detail(
                "abdomen", smooth(groove), stroke=darker(tone, 0.75), width=0.022, clip=clip
            )
        if self.mark in ("margin", "halo"):
            for side in (1, -1):
                edge = [(side * self._oval(y), y) for y in (-0.3, *stations)]
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
            (0.3 * self.width * canvas.light[0], 0.2),
            (0.3 * self.width, 0.5),
            0.4 * colours.gloss,
            clip,
        )
        canvas.landmarks["abdomen"] = (0.0, 0.9)

    def _head(self, canvas: Canvas, front: float) -> None:
        """Draw the head, of which the pronotum leaves little to see."""
        colour = darker(mix(self.livery.cuticle, self.livery.limbs, 0.5), 0.15)
        y = front + 0.08
        for side in (1, -1):
            palp = [(side * 0.05, y - 0.12), (side * 0.09, y - 0.2), (side * 0.04, y - 0.23)]
            canvas.add("head", smooth(palp), stroke=darker(self.livery.limbs, 0.3), width=0.022)
        canvas.body("head", ellipse(0, y, 0.15, 0.16), (0, y), (0.15, 0.16), colour)
        for side in (1, -1):
            eye = ellipse(side * 0.115, y - 0.02, 0.042, 0.1)
            canvas.add(
                "head", eye, fill=darker(self.livery.eyes, 0.5), stroke="#14100d", width=0.008
            )
        canvas.landmarks["head"] = (0.0, y - 0.13)

    def _pronotum(self, canvas: Canvas, front: float, back: float) -> None:
        colours = self.livery
        w, deep = self.width * self.pronotum_width, back - front
        brow = front - 0.02 + 0.07 * (1 - self.hood)
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
        if self.mark == "stripes":
            for side in (1, -1):
                bar = [
                    (side * 0.28 * w, front + 0.1),
                    (side * 0.36 * w, centre[1]),
                    (side * 0.24 * w, back - 0.01),
                ]
                canvas.detail(
                    "thorax", smooth(bar), stroke=dark, width=0.2 * w, clip=clip, opacity=0.85
                )
        elif self.mark == "margin":
            rim = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
            canvas.detail("thorax", rim, stroke=light, width=0.28 * w, clip=clip, opacity=0.85)
        elif self.mark == "halo":
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
        elif self.mark == "spot":
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
