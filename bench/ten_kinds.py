"""How long the ten kinds take to draw, and how hard they are: ``python -m bench.ten_kinds``.

A random forest on pixels should stay under 80 %, a small network pass 90 %.
"""

from __future__ import annotations

import os
import tempfile
import time

import keras
from sklearn.ensemble import RandomForestClassifier

from insectlib.data import ImageSet, load_ten_kinds


def forest_accuracy(training: ImageSet, test: ImageSet) -> float:
    """Return the share of test pictures that a random forest on pixels names correctly."""
    forest = RandomForestClassifier(300, random_state=0, n_jobs=2)
    forest.fit(training.images.reshape(len(training), -1), training.labels)
    return float(forest.score(test.images.reshape(len(test), -1), test.labels))


def network_accuracy(training: ImageSet, test: ImageSet) -> float:
    """Return the share of test pictures that three convolutions with pooling name correctly."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    network = keras.Sequential(
        [keras.Input(training.images.shape[1:]), layers.Rescaling(1 / 127.5, -1)]
    )
    for filters in (16, 32, 64):
        network.add(layers.Conv2D(filters, 3, activation="relu", padding="same"))
        network.add(layers.MaxPooling2D())
    network.add(layers.Flatten())
    network.add(layers.Dropout(0.3))
    network.add(layers.Dense(len(training.class_names)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("adam", loss, metrics=["accuracy"])
    network.fit(training.images, training.labels, batch_size=32, epochs=8, verbose=0)
    return float(network.evaluate(test.images, test.labels, verbose=0)[1])


def main() -> None:
    """Print one line for grey and one for coloured pictures."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["INSECTLIB_CACHE"] = cache
        for size, channels in ((28, 1), (32, 3)):
            start = time.perf_counter()
            training, test = load_ten_kinds(size, channels=channels, workers=2, progress=False)
            seconds = time.perf_counter() - start
            print(
                f"{size} px, {channels} channels: 7,000 drawn in {seconds:.1f} s, "
                f"forest {forest_accuracy(training, test):.1%}, "
                f"network {network_accuracy(training, test):.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
