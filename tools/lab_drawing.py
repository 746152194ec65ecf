"""Write the specimens that a reader of the lab draws: ``drawing.json``.

The page turns, enlarges and takes apart what the package has drawn: insects as layered SVG, upright
and under one light, with the backgrounds and labels of the collection apart from them. The light
turns with the insect, for the drawing's highlights are part of its paths.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from insectlib.specimens import CLASS_NAMES, PARTS, sample_scene
from insectlib.specimens.backgrounds import KINDS, draw_background
from insectlib.specimens.label import LABEL_STYLES, Strip, draw_strip
from insectlib.specimens.layered_svg import BACKDROP, SIDE, layered_svg, picture_uri
from insectlib.specimens.scene import Light, Pose, Scene
from insectlib.specimens.svg import Canvas

INDIVIDUALS = 6
FIRST_SEED = 11
GROUND_SEED = 1
LIGHT = Light(
    direction=250,
    exposure=1,
    warmth=1,
    shadow=0.4,
    shadow_length=0.02,
    blur=0.001,
    depth=0,
    noise=0,
)
GROUNDS = ("plain", *KINDS)


def drawn_scene(class_name: str, individual: int, scale: float, ground: str, strip: Strip) -> Scene:
    """Return what the lab draws for these settings: in the middle, head up.

    Parameters
    ----------
    class_name : str
    individual : int
        From 1 to `INDIVIDUALS`.
    scale : float
        Half the body's length, as a share of the picture's side.
    ground : str
        One of `GROUNDS`.
    strip : Strip
    """
    scene = sample_scene(class_name, FIRST_SEED + individual - 1)
    pose = Pose(angle=0, scale=scale, x=0.5, y=0.5, tilt=0, roll=0)
    scene = replace(scene, pose=pose, light=LIGHT, clutter=(), strip=strip)
    return scene.with_background(ground, GROUND_SEED)


def strip_of(style: int) -> Strip:
    """Return the label of one collection, with the middle number of its range."""
    label = LABEL_STYLES[style]
    return Strip(f"{label.prefix}{(label.first + label.last) // 2}", style)


def write_drawing(path: Path) -> None:
    """Write the insects, backgrounds and labels that the lab puts together."""
    players = {part: i for i, part in enumerate(PARTS)}
    insects = {
        name: [
            layered_svg(drawn_scene(name, k + 1, 0.4, "plain", strip_of(0)), players, "d", "")
            for k in range(INDIVIDUALS)
        ]
        for name in CLASS_NAMES
    }
    grounds = {kind: picture_uri(draw_background(kind, GROUND_SEED, BACKDROP)) for kind in GROUNDS}
    labels = {}
    for style, name in enumerate(CLASS_NAMES):
        canvas = Canvas(prefix="s")
        draw_strip(canvas, strip_of(style), SIDE)
        labels[name] = canvas.markup()
    drawing = {"parts": PARTS, "insects": insects, "grounds": grounds, "labels": labels}
    path.write_text(json.dumps(drawing))
