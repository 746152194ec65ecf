"""A drawn scene as one SVG document whose parts a browser can switch on and off.

Chapter ``04_shapley``. `insectlib.specimens.render` draws the pixels that a network sees; this is
the same drawing as paths, for people: it stays sharp at every size.
"""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Mapping
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from insectlib.specimens.backgrounds import draw_background
from insectlib.specimens.clutter import draw_clutter
from insectlib.specimens.label import draw_strip
from insectlib.specimens.rendering import SHADOW_BLUR, blur, insect_canvas, placement
from insectlib.specimens.scene import Scene
from insectlib.specimens.svg import Canvas, number

SIDE = 1000
"""Units of the document's square; filters are dull on a square of one unit."""

BACKDROP = 256
"""Side in pixels of the background, the one part that is not made of paths."""


def layered_svg(scene: Scene, player_of: Mapping[str, int], prefix: str, label: str) -> str:
    """Return a scene as SVG, with one group for each piece of a player.

    Chapter ``04_shapley``. Shadow, exposure and defocus are filters of the document, so the shadow
    follows what is switched off; the noise of the sensor is left out.

    Parameters
    ----------
    scene : Scene
    player_of : mapping of str to int
        The player that each of the six parts of the insect, ``"background"`` and ``"strip"``
        belong to. Clutter goes with the background.
    prefix : str
        Put before every identifier, so that several documents fit into one page.
    label : str
        What a screen reader says the picture is.

    Returns
    -------
    str
        An ``<svg>`` element. Groups have the attribute ``data-player``; behind them is an even
        grey, which shows where the background is switched off.
    """
    below, above, strip = (Canvas(prefix=letter) for letter in ("b", "o", "s"))
    draw_clutter(below, scene.clutter, scene.seed, above=False)
    draw_clutter(above, scene.clutter, scene.seed, above=True)
    draw_strip(strip, scene.strip, SIDE)
    of_clutter = dict.fromkeys(("clutter",), player_of["background"])
    backdrop = picture_uri(_backdrop(scene.backdrop.kind, scene))
    grey = "#" + "".join(f"{v:02x}" for v in _backdrop("plain", scene)[0, 0])
    gain, insect = f"url(#{prefix}gain)", f"url(#{prefix}insect)"
    inner = (
        _layers(below, of_clutter, f'filter="{gain}"')
        + f'<g filter="{insect}"><g transform="scale({SIDE}) {placement(scene.pose)}">'
        + _layers(insect_canvas(scene), player_of, "", scaled=False)
        + "</g></g>"
        + _layers(above, of_clutter, f'filter="{gain}"')
        + _layers(strip, player_of, "")
    )
    inner = re.sub(r'(id="|url\(#)([bois]\d+)', rf"\g<1>{prefix}\g<2>", inner)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" role="img" '
        f'aria-label="{label}" stroke-linecap="round" stroke-linejoin="round">'
        f'<defs>{_filters(scene, prefix)}</defs><g id="{prefix}scene">'
        f'<rect width="{SIDE}" height="{SIDE}" fill="{grey}"/>'
        f'<g data-player="{player_of["background"]}"><image href="{backdrop}" '
        f'width="{SIDE}" height="{SIDE}" preserveAspectRatio="none"/></g>' + inner + "</g></svg>"
    )


def picture_uri(image: NDArray[np.uint8] | NDArray[np.float32], quality: int = 82) -> str:
    """Return a picture as a ``data:`` address, for a page that fetches nothing.

    Parameters
    ----------
    image : array, shape (height, width, 3)
        Values from 0 to 255.
    quality : int
        Of the WebP file, from 1 to 100; 100 loses nothing.
    """
    file = io.BytesIO()
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(
        file, "WEBP", quality=quality, lossless=quality == 100, method=6, exact=True
    )
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _backdrop(kind: str, scene: Scene) -> NDArray[np.uint8]:
    """Return the background as the camera takes it, without noise."""
    picture = draw_background(kind, scene.backdrop.seed, BACKDROP)
    picture = blur(picture, scene.light.depth * BACKDROP)
    return np.asarray(np.clip(np.rint(picture * _gains(scene)), 0, 255), dtype=np.uint8)


def _gains(scene: Scene) -> NDArray[np.float32]:
    """Return the camera's factors on red, green and blue, as `render` applies them."""
    light = scene.light
    factors = (light.exposure * light.warmth, light.exposure, light.exposure / light.warmth)
    return np.array(factors, np.float32)


def _filters(scene: Scene, prefix: str) -> str:
    """Return the camera's colours, and on top of them the insect's defocus and shadow."""
    light = scene.light
    red, green, blue = (number(float(g)) for g in _gains(scene))
    colours = (
        f'<feColorMatrix values="{red} 0 0 0 0 0 {green} 0 0 0 0 0 {blue} 0 0 0 0 0 1 0" '
        'result="lit"/>'
    )
    turn = math.radians(light.direction)
    dx, dy = (-SIDE * light.shadow_length * f(turn) for f in (math.cos, math.sin))
    area = f'filterUnits="userSpaceOnUse" x="0" y="0" width="{SIDE}" height="{SIDE}"'
    space = f'{area} color-interpolation-filters="sRGB"'
    return (
        f'<filter id="{prefix}gain" {space}>{colours}</filter>'
        f'<filter id="{prefix}insect" {space}>{colours}'
        f'<feGaussianBlur stdDeviation="{number(SIDE * light.blur)}" result="body"/>'
        f'<feOffset in="SourceAlpha" dx="{number(dx)}" dy="{number(dy)}"/>'
        f'<feGaussianBlur stdDeviation="{number(SIDE * SHADOW_BLUR)}"/>'
        f'<feComponentTransfer result="shadow"><feFuncA type="linear" '
        f'slope="{number(light.shadow)}"/></feComponentTransfer>'
        '<feMerge><feMergeNode in="shadow"/><feMergeNode in="body"/></feMerge></filter>'
    )


def _layers(
    canvas: Canvas, player_of: Mapping[str, int], attributes: str, *, scaled: bool = True
) -> str:
    """Return the canvas's shapes, neighbours of one player and one clip in one group."""
    if not canvas.shapes:
        return ""
    groups = ""
    for (part, clip), shapes in groupby(canvas.shapes, lambda s: (s.part, s.clip)):
        clipped = f' clip-path="url(#{clip})"' if clip else ""
        # the class names the outlines that the page draws round a part
        paths = "".join(
            shape.markup().replace("<path ", '<path class="s" ' if shape.solid else "<path ")
            for shape in shapes
        )
        groups += f'<g data-player="{player_of[part]}"{clipped}>{paths}</g>'
    inner = f"<defs>{''.join(canvas.definitions)}</defs>{groups}"
    inner = f'<g transform="scale({SIDE})">{inner}</g>' if scaled else inner
    return f"<g {attributes}>{inner}</g>" if attributes else inner
