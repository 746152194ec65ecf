"""What test files of several rooms share and that is no fixture."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np

ROOT = Path(__file__).parent.parent
HTML = Path(os.environ.get("BOOK_HTML") or ROOT / "build" / "specimens-fast" / "html")
PAGES = sorted(
    str(path.relative_to(HTML))
    for folder in (HTML / "book", HTML / "notebooks")
    for path in folder.glob("*.html")
)
"""The pages of the built book."""


ODD_NAMES = (
    r"$\frac$",
    r"$\frac{$",
    os.fsdecode(b"bee\xe9"),
    "a$b",
    r"\$x_1\$",
    "\ud83d",
    "<!--<script>",
    "</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;i&gt;",
    "'\"`",
    "{name}%s\\n",
    "",
    "two\nlines",
    "a\n" * 500,
    "x" * 20_000,
    "\u202eabc",
    "חיפושית",
    "\x00\x1b[31m",
)
"""What classes and files may be called."""


def linear(size: int = 16, *, place: tuple[slice, slice] | None = None) -> keras.Model:
    """Return a network whose logits are sums of pixels, at random or at one place only."""
    random = np.random.default_rng(2)
    weights = random.normal(size=(size, size, 3, 3)).astype(np.float32) / 255
    if place is not None:
        kept = np.zeros_like(weights)
        kept[place] = weights[place]
        weights = kept
    layers = [keras.Input((size, size, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    model.layers[-1].set_weights([weights.reshape(-1, 3), np.zeros(3, dtype=np.float32)])
    return model


def reader(size: int, box: tuple[int, int, int, int]) -> keras.Model:
    """Return a network that looks at nothing but the mean of a box: dark, medium or light."""
    top, left, bottom, right = box
    mean = np.zeros((size, size, 3), dtype=np.float32)
    mean[top:bottom, left:right] = 1 / (3 * (bottom - top) * (right - left))
    weights = mean.reshape(-1, 1) * np.array([[-0.5, 0.5, 1.5]], dtype=np.float32)
    model = keras.Sequential(
        [keras.Input((size, size, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    model.layers[-1].set_weights([weights, np.array([100.0, 30.0, -150.0], dtype=np.float32)])
    return model
