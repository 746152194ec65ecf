"""What is spent around each evaluation: run with ``python -m bench.engine``.

Explains one picture with 100 regions and 300 drawn coalitions in several ways, and divides the
time of each by the time of the bare forward passes: as many ready-made pictures of the same size,
through the same network in a `tf.function`, 16 at a time. Every way is timed in turn, five times
over, and the medians are compared.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from insectlib.efficientnet import efficientnet_lite0
from insectlib.engine import masked_forward
from insectlib.kernel import kernel_shap
from insectlib.models import small_cnn
from insectlib.superpixels import mask_image

REGIONS, SAMPLES, STEP = 100, 300, 16
GREY = np.full(3, 128, dtype=np.float32)


def networks() -> dict[str, keras.Model]:
    """Return the two networks of the course that cost most to ask."""
    return {
        "16-32-64 CNN, 256 px": small_cnn(256, seed=0),
        "EfficientNet-Lite0, 224 px": efficientnet_lite0(224),
    }


def grid(size: int) -> NDArray[np.int32]:
    """Return ten times ten squares."""
    place = np.arange(size) * 10 // size
    return (10 * place[:, None] + place).astype(np.int32)


def ways(model: keras.Model) -> dict[str, Callable[[], object]]:
    """Return what is timed; the first is the limit."""
    size = model.input_shape[1]
    random = np.random.default_rng(0)
    image = random.uniform(0, 255, (size, size, 3)).astype(np.float32)
    background = np.broadcast_to(GREY, image.shape).copy()
    rows = random.integers(0, 2, (SAMPLES + 2, REGIONS)).astype(np.float32)
    regions = grid(size)
    ready = mask_image(rows, regions, image, background)
    forward = tf.function(lambda pictures: model(pictures, training=False))

    def bare() -> list[NDArray[np.float32]]:
        return [
            forward(tf.constant(ready[i : i + STEP])).numpy() for i in range(0, len(ready), STEP)
        ]

    def loops() -> NDArray[np.float32]:
        """Mask as the tutorials do, one sample and one segment at a time."""
        pictures = np.zeros((len(rows), *image.shape), dtype=np.float32)
        for i, row in enumerate(rows):
            pictures[i] = image
            for j in range(REGIONS):
                if row[j] == 0:
                    pictures[i][regions == j] = background[0, 0]
        return model.predict(pictures, verbose=0)

    def vectorised() -> NDArray[np.float32]:
        return model.predict(mask_image(rows, regions, image, background), verbose=0)

    def engine(back_end: str) -> Callable[[], object]:
        masked = masked_forward(model, back_end)
        return lambda: masked(rows, regions, image, background)

    def whole(back_end: str) -> Callable[[], object]:
        cut = regions.astype(np.int64)
        return lambda: kernel_shap(
            model, image, GREY, segments=cut, n_samples=SAMPLES, seed=0, top=3, back_end=back_end
        )

    timed: dict[str, Callable[[], object]] = {
        "bare forward passes (the limit)": bare,
        "loops over samples and segments, then predict": loops,
        "masks of NumPy, then predict": vectorised,
        "engine, TensorFlow": engine("tensorflow"),
        "kernel_shap on it, with its regression": whole("tensorflow"),
    }
    if importlib.util.find_spec("openvino"):
        timed["engine, OpenVINO"] = engine("openvino")
        timed["kernel_shap on it, OpenVINO"] = whole("openvino")
    return timed


def main() -> None:
    """Time all ways in turn and print a table for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    for name, model in networks().items():
        timed = ways(model)
        seconds: dict[str, list[float]] = {way: [] for way in timed}
        for run in timed.values():
            run()  # compiles
        for _ in range(repeats):
            for way, run in timed.items():
                start = time.perf_counter()
                run()
                seconds[way].append(time.perf_counter() - start)
        limit = float(np.median(next(iter(seconds.values()))))
        print(f"\n{name}: {SAMPLES + 2} evaluations, median of {repeats}")
        for way, taken in seconds.items():
            median = float(np.median(taken))
            print(f"  {way:48s} {median:7.2f} s   ratio {median / limit:5.2f}", flush=True)


if __name__ == "__main__":
    main()
