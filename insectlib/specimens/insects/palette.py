"""Colours of an insect, drawn alike for all classes so that colour tells none apart."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from insectlib.specimens.svg import darker, lighter, mix

# name: (cuticle, sheen, marking); every family occurs in real beetles, cockroaches (the green
# Panchlora, the blue-green Eucorydia, the spotted Therea) and dragonflies
FAMILIES = {
    "emerald": ("#2f7d3a", "#b9d84a", "#15351d"),
    "bronze": ("#7a5a24", "#c7b055", "#2e2210"),
    "steel": ("#2d5878", "#7fb7c9", "#122533"),
    "pitch": ("#2a2522", "#6a6560", "#d9a23a"),
    "ink": ("#23262b", "#5c6670", "#e7e0cf"),
    "chestnut": ("#7b3f1d", "#c07a44", "#2b140a"),
    "amber": ("#b3742a", "#e3b566", "#4b2a10"),
    "straw": ("#c0a368", "#e6d7a8", "#5a4322"),
    "rust": ("#a8401f", "#e08a55", "#2a100a"),
    "olive": ("#6c6f34", "#b4b56c", "#2b2d14"),
    "leaf": ("#7fa23c", "#cfe08a", "#3d5620"),
    "slate": ("#5a626b", "#a4adb5", "#23282e"),
}
METALLIC = ("emerald", "bronze", "steel")


@dataclass(frozen=True)
class Palette:
    """The colours of one species, each ``#rrggbb``.

    Parameters
    ----------
    family : str
        Key of `FAMILIES`.
    cuticle, sheen, marking : str
        The body, its lit side, and its pattern.
    appendages : str
        Legs and antennae.
    eyes : str
        Compound eyes.
    gloss : float
        Strength of the highlights, 0 to 1.
    """

    family: str
    cuticle: str
    sheen: str
    marking: str
    appendages: str
    eyes: str
    gloss: float


def sample_palette(random: np.random.Generator) -> Palette:
    """Draw the colours of a species; the same distribution for every class."""
    family = str(random.choice(list(FAMILIES)))
    cuticle, sheen, marking = (varied(colour, 0, random) for colour in FAMILIES[family])
    appendages = random.choice([0, 1, 2])
    metallic = family in METALLIC
    return Palette(
        family=family,
        cuticle=cuticle,
        sheen=sheen if metallic else mix(cuticle, sheen, 0.6),
        marking=marking,
        appendages=(darker(cuticle, 0.35), mix(cuticle, "#7a4a22", 0.6), darker(marking, 0.3))[
            appendages
        ],
        eyes=darker(str(random.choice(["#5a1f16", "#3b5a2a", "#2b2622", "#2d4a5c"])), 0.1),
        gloss=float(random.uniform(0.35, 0.9) if metallic else random.uniform(0.1, 0.7)),
    )


def varied(colour: str, turn: float, random: np.random.Generator) -> str:
    """Return `colour` with its hue turned by a share `turn` of the circle, and varied a little."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    hue = (hue + turn + random.normal(0, 0.018)) % 1
    light = min(max(light * random.normal(1, 0.14), 0.06), 0.85)
    saturation = min(max(saturation * random.normal(1, 0.15), 0), 1)
    rgb = colorsys.hls_to_rgb(hue, light, saturation)
    return "#" + "".join(f"{round(255 * c):02x}" for c in rgb)


def pale(colour: str) -> str:
    """Return the colour of soft membrane beside cuticle of `colour`."""
    return lighter(mix(colour, "#b98d55", 0.5), 0.25)
