"""The same body plans, photographed elsewhere: other ground, light, camera, forms and colours.

An honest test part is honest about one collection. These pictures stand for those that somebody
else will take (chapters ``02_cnn`` and ``03_transfer``).
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from insectlib.specimens.backgrounds import GROUNDS, KINDS
from insectlib.specimens.catalogue import SERIES, Entry, sample_individual, sample_run
from insectlib.specimens.insects.palette import Palette, varied
from insectlib.specimens.insects.species import CLASS_NAMES, Species
from insectlib.specimens.label import LABEL_STYLES
from insectlib.specimens.scene import Light, Pose, Scene

FIRST_GROUP = 10_000  # above all groups of the collection itself


def plan_elsewhere(seed: int = 0, n: int = 60) -> list[Entry]:
    """Plan `n` pictures of each class for the part ``"elsewhere"``; all classes on all grounds.

    Parameters
    ----------
    seed : int
        Not negative. The first pictures of more are the pictures of fewer.
    n : int
        From 0.

    Returns
    -------
    list of Entry
        Sorted by class. Five pictures of one photographer are a group. No picture has a label
        strip; the number under which it is kept is its name.

    Raises
    ------
    ValueError
        When `n` is below 0.
    """
    if n < 0:
        raise ValueError(f"n is {n}: expected how many pictures of each class, 0 or more")
    entries = []
    for label, class_name in enumerate(CLASS_NAMES):
        random = np.random.default_rng([seed, 6, label])
        for i in range(n):
            group = len(CLASS_NAMES) * (i // SERIES) + label
            if i % SERIES == 0:
                kind = str(random.choice((*KINDS, *GROUNDS), p=[1 / 18] * 6 + [2 / 9] * 3))
                run = sample_run(class_name, kind, label, random)
                species, light = _other_species(run.species[0], random), _other_light(random)
                run = replace(run, species=(species,), light=light)
            number = LABEL_STYLES[label].last - i
            scene = _handheld(sample_individual(run, number, random), random)
            entries.append(Entry("elsewhere", FIRST_GROUP + group, scene.without("strip")))
    return entries


def _other_light(random: np.random.Generator) -> Light:
    """Draw a camera and a light: a lamp, shade or the noon sun, rather than a studio."""
    return Light(
        direction=float(random.uniform(0, 360)),
        exposure=float(random.uniform(0.7, 1.3)),
        warmth=float(random.uniform(0.86, 1.16)),
        shadow=float(random.uniform(0.1, 0.75)),
        shadow_length=float(random.uniform(0.01, 0.06)),
        blur=float(random.choice([0.0, 0.002, 0.005])),
        depth=float(random.uniform(0.0, 0.02)),
        noise=float(random.uniform(3, 11)),
    )


def _other_species(species: Species, random: np.random.Generator) -> Species:
    """Stretch what can be measured of a species by up to 15 %, and turn all its colours."""
    lengths = {
        f.name: getattr(species, f.name) * float(random.uniform(0.85, 1.15))
        for f in fields(species)
        if f.name.endswith(("width", "length")) or f.name in ("span", "chord")
    }
    turn, palette = float(random.normal(0, 0.12)), species.palette
    colours: dict[str, Any] = {
        f.name: varied(getattr(palette, f.name), turn, random)
        for f in fields(Palette)
        if f.name not in ("family", "gloss")
    }
    return replace(species, palette=replace(palette, **colours), **lengths)


def _handheld(scene: Scene, random: np.random.Generator) -> Scene:
    """Take the picture by hand: from any side, from further away, not quite from above."""
    pose = Pose(
        angle=float(random.uniform(0, 360)),
        scale=float(random.uniform(0.2, 0.38)),
        x=float(random.normal(0.5, 0.09)),
        y=float(random.normal(0.5, 0.09)),
        tilt=float(random.uniform(0, 45)),
        roll=float(random.uniform(0, 35)),
    )
    return replace(scene, pose=pose)
