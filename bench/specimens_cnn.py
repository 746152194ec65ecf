"""What a good network reads from the specimens: run with ``python -m bench.specimens_cnn``.

Trains one convolutional network from scratch on the 1,020 training pictures and prints its
accuracy on runs that it has not seen. With ``--shortcut 0`` background and strip are independent of
the class; without it they tempt as in the default collection.
"""

from __future__ import annotations

import argparse
import time

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from insectlib.imageset import ImageSet
from insectlib.specimens import load_specimens

Images = NDArray[np.float32]


def lightness(images: Images) -> Images:
    """Return the mean of the channels: colour does not tell the class, so leave it out."""
    grey: Images = images.mean(axis=3, keepdims=True)
    return grey


def network(height: int, width: int, steps: int) -> keras.Sequential:
    """Return a compiled network: batch normalisation, mirrored, turned and moved views."""
    model = keras.Sequential(
        [
            keras.Input((height, width, 1)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.08),
            layers.RandomTranslation(0.06, 0.06),
        ]
    )
    for filters, kernel, stride, pool in (
        (32, 5, 2, 2),
        (64, 3, 1, 2),
        (128, 3, 1, 1),
        (128, 3, 1, 2),
    ):
        model.add(layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        if pool > 1:
            model.add(layers.MaxPooling2D(pool))
    for layer in (
        layers.Flatten(),
        layers.Dropout(0.4),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(3),
    ):
        model.add(layer)
    model.compile(
        keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(1.5e-3, steps), weight_decay=2e-3
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--shortcut", type=float, help="strength of both; the default's if missing")
    options = parser.parse_args()
    both = options.shortcut
    strengths = {} if both is None else {"shortcut_background": both, "shortcut_strip": both}
    parts = load_specimens(options.size, **strengths)

    def pixels(data: ImageSet) -> Images:
        """Leave out the strip's rows where a strength is given, as the forest does."""
        return lightness(data.images if both is None else data.crop_strip().images)

    keras.utils.set_random_seed(0)
    train, start = parts["train"], time.perf_counter()
    images = pixels(train)
    model = network(images.shape[1], images.shape[2], options.epochs * len(train) // 32)
    model.fit(images, train.labels, batch_size=32, epochs=options.epochs, verbose=2)
    print(f"{options.epochs} epochs in {time.perf_counter() - start:.0f} s")
    for name in ("train", "validation", "new_test", "counterfactual"):
        guesses = model.predict(pixels(parts[name]), verbose=0).argmax(1)
        print(f"{name:15s} {np.mean(guesses == parts[name].labels):6.1%}")


if __name__ == "__main__":
    main()
