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

from insectlib.data.imageset import ImageSet
from insectlib.data.sources.drawn import load_specimens

Images = NDArray[np.float32]


class RandomGain(layers.Layer):
    """Scale each channel of each picture by its own factor, as another light would."""

    def __init__(self, reach: float, seed: int) -> None:
        super().__init__()
        self.reach = reach
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Return pictures of the same shape and range."""
        if not training:
            return images
        low, high = 1 - self.reach, 1 + self.reach
        shape = (keras.ops.shape(images)[0], 1, 1, 3)
        gain = keras.random.uniform(shape, low, high, seed=self.seed_generator)
        return keras.ops.clip(images * gain, 0, 255)


def network(height: int, width: int, steps: int, seed: int) -> keras.Sequential:
    """Return a compiled network: batch normalisation; lit, mirrored, turned and moved views.

    An insect on its back in a drawer lies any way round, so the views turn all the way.
    """
    model = keras.Sequential(
        [
            keras.Input((height, width, 3)),
            RandomGain(0.25, seed),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.RandomFlip("horizontal_and_vertical", seed=seed),
            layers.RandomRotation(0.5, seed=seed),
            layers.RandomTranslation(0.08, 0.08, seed=seed),
            layers.RandomZoom(0.15, seed=seed),
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
    parser.add_argument("--epochs", type=int, default=90)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shortcut", type=float, help="strength of both; the default's if missing")
    options = parser.parse_args()
    both = options.shortcut
    strengths = {} if both is None else {"shortcut_background": both, "shortcut_strip": both}
    parts = load_specimens(options.size, **strengths)

    def pixels(data: ImageSet) -> Images:
        """Leave out the strip's rows where a strength is given, as the forest does."""
        return data.images if both is None else data.crop_strip().images

    keras.utils.set_random_seed(options.seed)
    train, start = parts["train"], time.perf_counter()
    images = pixels(train)
    steps = options.epochs * len(train) // 32
    model = network(images.shape[1], images.shape[2], steps, options.seed)
    model.fit(images, train.labels, batch_size=32, epochs=options.epochs, verbose=2)
    print(f"{options.epochs} epochs in {time.perf_counter() - start:.0f} s")
    for name in ("train", "validation", "new_test", "counterfactual"):
        labels, images = parts[name].labels, pixels(parts[name])
        one = model.predict(images, verbose=0)
        four = sum(model.predict(images[:, ::v, ::h], verbose=0) for v in (1, -1) for h in (1, -1))
        single, mean = (float(np.mean(x.argmax(1) == labels)) for x in (one, four))
        print(f"{name:15s} {single:6.1%}   mean of four mirrored views {mean:6.1%}", flush=True)


if __name__ == "__main__":
    main()
