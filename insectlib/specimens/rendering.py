"""From a scene to pixels and to the map of what each pixel shows."""

from __future__ import annotations

import math
from functools import lru_cache
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from insectlib.specimens.backgrounds import draw_background
from insectlib.specimens.clutter import draw_clutter
from insectlib.specimens.insects.drawing import draw_insect
from insectlib.specimens.insects.species import Species
from insectlib.specimens.label import draw_strip
from insectlib.specimens.scene import INSECT, PARTS, Pose, Scene
from insectlib.specimens.svg import Canvas, number, rasterise

Bytes = NDArray[np.uint8]
Layer = NDArray[np.float32]  # (size, size, 4): red, green, blue times alpha, and alpha from 0 to 1
FLAT = {part: f"#{20 * k:02x}0000" for k, part in enumerate(PARTS)}
SHADOW_BLUR = 0.012  # standard deviation of the shadow's edge, as a share of the picture's side


DRAWING_VERSION = 1
"""To be raised with each change that draws a pixel, or samples a scene, otherwise than before.

What is kept of drawn pictures is kept under this number; a test compares pixels with it.
"""


def drawing_versions() -> dict[str, str]:
    """Return what decides the pixels of a scene: the version of the drawing and of its packages."""
    packages = {name: version(name) for name in ("numpy", "pillow", "resvg-py")}
    return {"drawing": str(DRAWING_VERSION), **packages}


def insect_canvas(scene: Scene) -> Canvas:
    """Return the drawing of the insect in its own frame, head up, two units long; to be read."""
    return _insect_canvas(scene.species, scene.seed, scene.light.direction - scene.pose.angle)


@lru_cache(maxsize=4)
def _insect_canvas(species: Species, seed: int, light_angle: float) -> Canvas:
    turn = math.radians(light_angle)
    canvas = Canvas(light=(math.cos(turn), math.sin(turn)), prefix="i")
    draw_insect(canvas, species, np.random.default_rng([seed, 1]))
    return canvas


# one insect comes back with other backgrounds and strips: 64 are all coalitions of its six parts
@lru_cache(maxsize=64)
def _insect_pixels(
    species: Species, seed: int, pose: Pose, light_angle: float, removed: tuple[str, ...], size: int
) -> Bytes | None:
    canvas = _insect_canvas(species, seed, light_angle - pose.angle)
    return _pixels(canvas, placement(pose), removed, size)


def placement(pose: Pose) -> str:
    """Return the SVG transform from the insect's frame to the unit square of the picture."""
    turn = math.radians(pose.angle)
    across = pose.scale * math.cos(math.radians(pose.roll))
    along = pose.scale * math.cos(math.radians(pose.tilt))
    cos, sin = math.cos(turn), math.sin(turn)
    matrix = (across * cos, across * sin, -along * sin, along * cos, pose.x, pose.y)
    return f"matrix({' '.join(map(number, matrix))})"


def render(scene: Scene, size: int = 128) -> tuple[Layer, Bytes]:
    """Draw a scene.

    Parameters
    ----------
    scene : Scene
    size : int
        Side of the square picture in pixels, at least 16.

    Returns
    -------
    image : float32 array, shape (size, size, 3)
        From `render_image`.
    mask : uint8 array, shape (size, size)
        From `render_mask`.

    Raises
    ------
    ValueError
        When `size` is below 16.
    """
    return render_image(scene, size), render_mask(scene, size)


def render_image(scene: Scene, size: int = 128) -> Layer:
    """Draw what a scene looks like.

    What the scene leaves out changes the pixels that it covered, those within its shadow and
    within `reach` of both, and no others: blur has a finite reach, and noise and exposure are
    the same for every pixel whatever is drawn there. The strip is printed on top of the finished
    picture: without blur, without noise.

    Parameters
    ----------
    scene, size
        As in `render`.

    Returns
    -------
    float32 array, shape (size, size, 3)
        Red, green and blue: whole numbers from 0 to 255.

    Raises
    ------
    ValueError
        As in `render`.
    """
    below, above, strip = _surroundings(scene, size)
    picture = draw_background(scene.backdrop.kind, scene.backdrop.seed, size)
    picture = blur(picture, scene.light.depth * size)
    picture = _over(picture, _pixels(below, "", scene.removed, size))
    removed = tuple(part for part in scene.removed if part in INSECT)
    pixels = _insect_pixels(
        scene.species, scene.seed, scene.pose, scene.light.direction, removed, size
    )
    if pixels is not None:
        layer = _layer(pixels)
        picture *= (
            1 - np.float32(scene.light.shadow) * _shadow(layer[..., 3], scene, size)[..., None]
        )
        layer = blur(layer, scene.light.blur * size)
        picture = picture * (1 - layer[..., 3:]) + layer[..., :3]
    picture = _over(picture, _pixels(above, "", scene.removed, size))
    picture = _photograph(picture, scene, size)
    picture = _over(picture, _pixels(strip, "", scene.removed, size))
    return np.rint(np.clip(picture, 0, 255)).astype(np.float32)


def render_mask(scene: Scene, size: int = 128) -> Bytes:
    """Draw what each pixel of a scene shows.

    Parameters
    ----------
    scene, size
        As in `render`.

    Returns
    -------
    uint8 array, shape (size, size)
        Index in `PARTS` of what is on top in each pixel (see-through wings count as wings).

    Raises
    ------
    ValueError
        As in `render`.
    """
    below, above, strip = _surroundings(scene, size)
    width = 1 / size
    insect = insect_canvas(scene).flat(FLAT, width / scene.pose.scale, scene.removed)
    flat = below.flat(FLAT, width, scene.removed)
    flat += f'<g transform="{placement(scene.pose)}">{insect}</g>'
    flat += above.flat(FLAT, width, scene.removed) + strip.flat(FLAT, width, scene.removed)
    return rasterise(flat, size, crisp=True)[..., 0] // 20


def _surroundings(scene: Scene, size: int) -> tuple[Canvas, Canvas, Canvas]:
    """Return the drawings of what lies below the insect and above it, and of the strip."""
    if size < 16:
        raise ValueError(f"size {size}: a picture needs at least 16 pixels a side")
    turn = math.radians(scene.light.direction)
    light = (math.cos(turn), math.sin(turn))
    below, above, strip = (Canvas(light, prefix) for prefix in ("b", "o", "s"))
    draw_clutter(below, scene.clutter, scene.seed, above=False)
    draw_clutter(above, scene.clutter, scene.seed, above=True)
    draw_strip(strip, scene.strip, size)
    return below, above, strip


def reach(scene: Scene, size: int) -> int:
    """Return how far, in pixels, blur spreads what is drawn; the shadow is blurred apart."""
    return _radius(scene.light.blur * size) + 1


def blur(layer: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return `layer` (height, width, ...) blurred by a Gaussian that ends at `_radius(sigma)`."""
    radius = _radius(sigma)
    if radius == 0:
        return layer
    taps = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(radius + 1)]
    total = taps[0] + 2 * sum(taps[1:])
    for axis in (0, 1):
        pad = [(radius, radius) if a == axis else (0, 0) for a in range(layer.ndim)]
        padded, n = np.pad(layer, pad, mode="edge"), layer.shape[axis]
        result = np.zeros_like(layer)
        for k in range(2 * radius + 1):
            weight = np.float32(taps[abs(k - radius)] / total)
            result += weight * (padded[k : k + n] if axis == 0 else padded[:, k : k + n])
        layer = result
    return layer


def _radius(sigma: float) -> int:
    return math.ceil(2.5 * sigma) if sigma >= 0.2 else 0


def _pixels(canvas: Canvas, place: str, removed: tuple[str, ...], size: int) -> Bytes | None:
    """Return the canvas as pixels, shape (size, size, 4); None when nothing is drawn."""
    if all(shape.part in removed for shape in canvas.shapes):
        return None
    content = canvas.markup(removed)
    return rasterise(f'<g transform="{place}">{content}</g>' if place else content, size)


def _layer(pixels: Bytes) -> Layer:
    """Return pixels with their colours multiplied by alpha."""
    layer = pixels.astype(np.float32)
    layer[..., 3] /= np.float32(255)
    layer[..., :3] *= layer[..., 3:]
    return layer


def _over(picture: Layer, pixels: Bytes | None) -> Layer:
    if pixels is None:
        return picture
    layer = _layer(pixels)
    return picture * (1 - layer[..., 3:]) + layer[..., :3]


def _shadow(alpha: NDArray[np.float32], scene: Scene, size: int) -> NDArray[np.float32]:
    """Return how much of the light the insect takes away: its outline, moved and softened."""
    turn = math.radians(scene.light.direction)
    dx = -round(scene.light.shadow_length * size * math.cos(turn))
    dy = -round(scene.light.shadow_length * size * math.sin(turn))
    moved = np.zeros_like(alpha)
    height, width = alpha.shape
    to = slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0))
    source = slice(max(-dy, 0), height + min(-dy, 0)), slice(max(-dx, 0), width + min(-dx, 0))
    moved[to] = alpha[source]
    return blur(moved, SHADOW_BLUR * size)


def _photograph(picture: Layer, scene: Scene, size: int) -> Layer:
    """Apply exposure, white balance and the noise of the sensor, pixel by pixel."""
    light = scene.light
    gain = np.array([light.exposure * light.warmth, light.exposure, light.exposure / light.warmth])
    random = np.random.default_rng([scene.seed, 2])
    noise = random.standard_normal((size, size, 3), dtype=np.float32)
    return picture * gain.astype(np.float32) + np.float32(light.noise) * noise
