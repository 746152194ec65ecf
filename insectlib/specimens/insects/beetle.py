"""A beetle seen from above: elytra that meet in a straight line, a pronotum, clubbed antennae."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from insectlib.specimens.insects.appendages import antenna, leg
from insectlib.specimens.insects.elytra import draw_elytra
from insectlib.specimens.insects.palette import Livery, pale, sample_livery
from insectlib.specimens.svg import (
    Canvas,
    darker,
    ellipse,
    lighter,
    mirrored,
    mix,
    number,
    polyline,
    smooth,
)

PATTERNS = ("plain", "plain", "spots", "bands", "stripes", "margin", "shoulders")


@dataclass(frozen=True)
class Beetle:
    """One species of beetle; the body is two units long, widths are half widths.

    Parameters
    ----------
    livery : Livery
        Its colours.
    width : float
        Of the elytra, 0.34 to 0.54.
    shoulder, taper : float
        How square the elytra begin and how pointed they end, 0 to 1.
    pronotum_width, pronotum_length, waist : float
        Width as a share of the elytra's; length; where it is widest (0 front, 1 back).
    head_width : float
        As a share of the pronotum's.
    antenna : str
        ``"clubbed"``, ``"thread"`` or ``"fan"``; `antenna_length` in units.
    leg_length, leg_width : float
        In units.
    pattern : str
        One of `PATTERNS`; `spots` is the number of spots or bands.
    striae : int
        Grooves on each elytron.
    punctures : bool
        Whether the grooves are rows of pits.
    """

    livery: Livery
    width: float
    shoulder: float
    taper: float
    pronotum_width: float
    pronotum_length: float
    waist: float
    head_width: float
    antenna: str
    antenna_length: float
    leg_length: float
    leg_width: float
    pattern: str
    spots: int
    striae: int
    punctures: bool

    @classmethod
    def sample(cls, random: np.random.Generator) -> Beetle:
        """Draw a species."""
        kind = str(random.choice(["clubbed", "clubbed", "thread", "fan"]))
        return cls(
            livery=sample_livery(random),
            width=float(random.uniform(0.38, 0.54)),
            shoulder=float(random.uniform(0, 1)),
            taper=float(random.uniform(0, 1)),
            pronotum_width=float(random.uniform(0.6, 0.84)),
            pronotum_length=float(random.uniform(0.34, 0.5)),
            waist=float(random.uniform(0.25, 0.8)),
            head_width=float(random.uniform(0.58, 0.82)),
            antenna=kind,
            antenna_length=float(random.uniform(0.5, 0.8) if kind == "thread" else 0.4),
            leg_length=float(random.uniform(0.6, 0.82)),
            leg_width=float(random.uniform(0.075, 0.11)),
            pattern=str(random.choice(PATTERNS)),
            spots=int(random.integers(2, 5)),
            striae=int(random.choice([4, 5, 6, 7])),
            punctures=bool(random.random() < 0.5),
        )

    def draw(self, canvas: Canvas, random: np.random.Generator) -> None:
        """Draw one individual, its pose of legs and antennae from `random`, head up (y < 0)."""
        colours = self.livery
        front = -0.78
        back = front + self.pronotum_length
        self._limbs(canvas, random, front, back)
        self._abdomen(canvas, back)
        self._head(canvas, front)
        self._pronotum(canvas, front, back)
        draw_elytra(canvas, self, back - 0.01)
        scutellum = polyline(
            [(-0.07, back - 0.01), (0.07, back - 0.01), (0, back + 0.11)], closed=True
        )
        canvas.add(
            "thorax",
            scutellum,
            fill=darker(colours.cuticle, 0.3),
            stroke=darker(colours.cuticle, 0.75),
            width=0.012,
        )
        canvas.landmarks["scutellum"] = (0.0, back + 0.04)

    def _limbs(
        self, canvas: Canvas, random: np.random.Generator, front: float, back: float
    ) -> None:
        hips = (
            (0.6 * self.width * self.pronotum_width, front + 0.6 * self.pronotum_length),
            (0.75 * self.width, back + 0.16),
            (0.75 * self.width, back + 0.5),
        )
        rest = ((38, 75, 60), (-8, -38, -55), (-42, -72, -85))
        for hip, angles, factor in zip(hips, rest, (0.88, 0.95, 1.12), strict=True):
            for side in (1, -1):
                a, b, c = (angle + float(random.normal(0, 9)) for angle in angles)
                points = leg(
                    canvas,
                    hip,
                    side,
                    (a, b, c),
                    factor * self.leg_length,
                    self.leg_width,
                    self.livery.limbs,
                    spines=3,
                    spine_length=0.02,
                )
                canvas.landmarks.update(points)
        for side in (1, -1):
            canvas.landmarks["antenna"] = antenna(
                canvas,
                (0.5 * self.width * self.pronotum_width * self.head_width, -0.9),
                side,
                self.antenna_length,
                0.026,
                self.livery.limbs,
                kind=self.antenna,
                angle=50 + float(random.normal(0, 9)),
                curl=float(random.normal(15, 25)),
            )

    def _abdomen(self, canvas: Canvas, back: float) -> None:
        """Draw the tergites, which show at the tip, or wholly where the elytra are left out."""
        membrane = pale(self.livery.cuticle)
        w = 0.9 * self.width
        half = [(0.0, back), (0.8 * w, back + 0.05), (w, back + 0.4), (0.8 * w, 0.7), (0, 1.0)]
        data = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
        canvas.body("abdomen", data, (0, 0.3), (w, 0.7), mix(membrane, "#5a3a20", 0.35))
        clip = canvas.clip(data)
        for k in range(6):
            y = back + 0.22 + 0.17 * k
            groove = smooth([(-w, y - 0.03), (0, y), (w, y - 0.03)])
            canvas.detail("abdomen", groove, stroke=darker(membrane, 0.6), width=0.016, clip=clip)
        canvas.landmarks["abdomen"] = (0.0, 0.97)

    def _head(self, canvas: Canvas, front: float) -> None:
        colours = self.livery
        w = self.width * self.pronotum_width * self.head_width
        for side in (1, -1):
            jaw = [
                (0.52 * w, -0.96),
                (0.48 * w, -1.05),
                (0.12 * w, -1.12),
                (0.24 * w, -1.05),
                (0.22 * w, -0.97),
            ]
            canvas.add(
                "head", smooth(mirrored(jaw, side), closed=True), fill=darker(colours.limbs, 0.4)
            )
        half = [
            (0.0, -1.02),
            (0.55 * w, -0.98),
            (0.9 * w, -0.86),
            (w, front + 0.06),
            (0, front + 0.12),
        ]
        data = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
        canvas.body("head", data, (0, -0.86), (w, 0.2), darker(colours.cuticle, 0.18))
        for side in (1, -1):
            eye = ellipse(side * 0.86 * w, -0.855, 0.2 * w, 0.07)
            canvas.add("head", eye, fill=darker(colours.eyes, 0.5), stroke="#14100d", width=0.01)
            canvas.gloss("head", (side * 0.86 * w - 0.02, -0.875), (0.09 * w, 0.03), 0.7)
        canvas.landmarks |= {
            "head": (0.0, -0.92),
            "eye": (0.86 * w, -0.855),
            "mandible": (0.38 * w, -1.06),
        }

    def _pronotum(self, canvas: Canvas, front: float, back: float) -> None:
        colours = self.livery
        w = self.width * self.pronotum_width
        deep = back - front
        half = [
            (0.0, front + 0.02),
            (0.62 * w, front),
            (0.86 * w, front + 0.12 * deep),
            (w, front + self.waist * deep),
            ((0.95 - 0.12 * (1 - self.waist)) * w, back - 0.04),
            (0.6 * w, back + 0.01),
            (0.0, back + 0.03),
        ]
        data = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
        centre = (0.0, (front + back) / 2)
        plain = self.pattern not in ("margin", "shoulders")
        colour = colours.cuticle if plain else mix(colours.cuticle, colours.marking, 0.55)
        canvas.body("thorax", data, centre, (w, 0.6 * deep), colour, sheen=colours.sheen)
        clip = canvas.clip(data)
        if self.punctures:
            for k in range(6):
                x = (-0.8 + 0.32 * k) * w
                row = polyline([(x, front + 0.05), (x + 0.03, back - 0.03)])
                pits = f"0 {number(0.04 + 0.004 * k)}"
                canvas.detail(
                    "thorax",
                    row,
                    stroke=darker(colour, 0.6),
                    width=0.016,
                    dash=pits,
                    clip=clip,
                    opacity=0.7,
                )
        rim = mirrored(half[1:6], 1), mirrored(half[1:6], -1)
        for edge in rim:
            canvas.detail(
                "thorax",
                smooth(edge),
                stroke=lighter(colour, 0.35),
                width=0.014,
                opacity=0.5,
                clip=clip,
            )
        light = canvas.light
        canvas.gloss(
            "thorax",
            (0.45 * w * light[0], centre[1] + 0.25 * deep * light[1]),
            (0.4 * w, 0.25 * deep),
            colours.gloss,
            clip,
        )
        canvas.landmarks["pronotum"] = (0.0, centre[1])
