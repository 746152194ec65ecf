"""The networks, pictures and regions that the benchmarks of speed explain."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from insectlib.explain.masking.segments import superpixels
from insectlib.models.cnns import small_cnn
from insectlib.models.transfer.efficientnet import efficientnet_lite0

STEP = 16
SEGMENTS = 110
"""Asked for; a little more than 100 superpixels come of it."""
GREY = np.full(3, 128, dtype=np.float32)


def networks() -> dict[str, keras.Model]:
    """Return the two networks of the course that cost most to ask."""
    return {
        "CNN, 256 px": small_cnn(256, seed=0),
        "EfficientNet-Lite0, 224 px": efficientnet_lite0(224),
    }


def picture(size: int) -> NDArray[np.float32]:
    """Return a picture with shapes, shades and a little noise."""
    random = np.random.default_rng(0)
    coarse = random.uniform(0, 255, (8, 8, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    noisy = smooth + random.normal(0, 6, smooth.shape)
    return np.asarray(noisy.clip(0, 255), dtype=np.float32)


def grid(size: int) -> NDArray[np.int64]:
    """Return ten times ten squares."""
    place = np.arange(size) * 10 // size
    return 10 * place[:, None] + place


def segments(size: int) -> NDArray[np.int64]:
    """Return the superpixels of the picture, some 100."""
    return superpixels(picture(size), n_segments=SEGMENTS)


def bare_passes(model: keras.Model, n: int) -> Callable[[], object]:
    """Return the limit: `n` ready-made pictures through a tf.function, 16 at a time."""
    size = model.input_shape[1]
    ready = np.random.default_rng(1).uniform(0, 255, (n, size, size, 3)).astype(np.float32)
    forward = tf.function(lambda pictures: model(pictures, training=False))
    return lambda: [forward(tf.constant(ready[i : i + STEP])).numpy() for i in range(0, n, STEP)]


def machine() -> str:
    """Say what this was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()  # Linux
    names = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    return f"{len(os.sched_getaffinity(0))} cores of {' and '.join(sorted(names))}"
