"""Insects drawn by the package itself, with a known truth for every pixel."""

from insectlib.specimens.collection import draw_specimens, load_specimens
from insectlib.specimens.plan import plan_collection, sample_scene
from insectlib.specimens.rendering import reach, render
from insectlib.specimens.scene import CLASS_NAMES, INSECT, PARTS, Scene

__all__ = [
    "CLASS_NAMES",
    "INSECT",
    "PARTS",
    "Scene",
    "draw_specimens",
    "load_specimens",
    "plan_collection",
    "reach",
    "render",
    "sample_scene",
]
