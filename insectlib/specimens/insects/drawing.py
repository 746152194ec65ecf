"""Draw an insect of any of the three classes."""

from __future__ import annotations

import numpy as np

from insectlib.specimens.insects.beetle import draw_beetle
from insectlib.specimens.insects.cockroach import draw_cockroach
from insectlib.specimens.insects.dragonfly import draw_dragonfly
from insectlib.specimens.insects.species import Beetle, Cockroach, Species
from insectlib.specimens.svg import Canvas


def draw_insect(canvas: Canvas, species: Species, random: np.random.Generator) -> None:
    """Draw one individual of a species, head up (y < 0), two units long.

    Parameters
    ----------
    canvas : Canvas
        Its `landmarks` are filled in too.
    species : Beetle, Cockroach or Dragonfly
        Form and colours.
    random : numpy Generator
        Decides the pose of legs, antennae and wings.
    """
    if isinstance(species, Beetle):
        draw_beetle(canvas, species, random)
    elif isinstance(species, Cockroach):
        draw_cockroach(canvas, species, random)
    else:
        draw_dragonfly(canvas, species, random)
