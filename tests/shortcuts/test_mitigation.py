"""Repairs: what is cropped cannot be seen, and what is penalised is not leant on."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import strip_box
from insectlib.models.cnns import small_cnn
from insectlib.models.training import train
from insectlib.shortcuts.mitigation import (
    attribution_penalty,
    cropped,
    forbidden,
    slope_penalty,
    train_for_right_reasons,
)
from insectlib.specimens.scene import PARTS


def linear(size: int, n_classes: int, *, seed: int) -> keras.Sequential:
    """Return the smallest network there is."""
    start = keras.initializers.GlorotUniform(seed)
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(n_classes, kernel_initializer=start),
        ]
    )


@pytest.fixture
def two_hints(tiny_set: ImageSet) -> ImageSet:
    """Return pictures whose class shows twice: at the strip, loud, and in the middle, less so."""
    random = np.random.default_rng(0)
    images = random.uniform(110, 146, tiny_set.images.shape).astype(np.float32)
    top, left, bottom, right = strip_box(16, 16)
    for i, label in enumerate(tiny_set.labels):
        images[i, top:bottom, left:right, label] = 255
        images[i, 6:9, 6:9, label] = 255
    return replace(tiny_set, images=images)


def test_a_cropped_network_cannot_see_the_strip(tiny_set: ImageSet) -> None:
    model = cropped(small_cnn)(16, 3, seed=0)
    assert model.input_shape == (None, 16, 16, 3)
    top = strip_box(16, 16)[0]
    changed = tiny_set.images.copy()
    changed[:, top:] = 0
    before, after = (model.predict(x, verbose=0) for x in (tiny_set.images, changed))
    np.testing.assert_array_equal(before, after)
    changed[:, top - 1] = 0
    assert np.abs(model.predict(changed, verbose=0) - before).max() > 1e-3


def test_a_cropped_network_is_the_same_network_on_what_is_left(tiny_set: ImageSet) -> None:
    model, plain = cropped(small_cnn)(16, 3, seed=4), small_cnn(16, 3, seed=4)
    top = strip_box(16, 16)[0]
    left = tf.image.resize(tiny_set.images[:, :top], (16, 16))
    np.testing.assert_allclose(
        model.predict(tiny_set.images, verbose=0), plain.predict(left, verbose=0), atol=1e-4
    )


def test_a_cropped_network_can_be_trained_and_kept(tiny_set: ImageSet) -> None:
    first, again = (
        train(cropped(small_cnn), tiny_set, None, epochs=1, seed=0, progress=False)
        for _ in range(2)
    )
    assert again.from_cache and not first.from_cache
    assert again.model.layers[0].name == "crop"


def test_forbidden_is_all_but_the_insect_or_the_centre(tiny_set: ImageSet) -> None:
    boxes = forbidden(tiny_set)
    assert boxes.shape == (24, 16, 16)
    assert boxes[:, :3].all() and boxes[:, 15:, 10:].all()
    assert (~boxes).sum() == 24 * 10 * 10
    masks = np.zeros((24, 16, 16), dtype=np.uint8)
    masks[:, 2:6, 2:6] = PARTS.index("wings")
    masks[:, 10:12] = PARTS.index("strip")
    known = forbidden(replace(tiny_set, masks=masks))
    assert not known[:, 2:6, 2:6].any()
    assert known.sum() == 24 * (256 - 16)


@pytest.mark.parametrize("penalty", ["attribution", "gradient"])
def test_the_penalty_takes_the_weight_off_the_strip(two_hints: ImageSet, penalty: str) -> None:
    settings = {"epochs": 60, "seed": 0, "penalty": penalty, "learning_rate": 1e-2}
    top, left, bottom, right = strip_box(16, 16)

    def share_of_strip(weight: float) -> float:
        trained = train_for_right_reasons(
            linear, two_hints, weight=weight, progress=False, **settings
        )
        assert trained.history["accuracy"][-1] > 0.9
        kernel = np.abs(trained.model.layers[-1].get_weights()[0]).reshape(16, 16, 3, 3)
        kernel = kernel - kernel.mean(axis=3, keepdims=True)
        strip, middle = kernel[top:bottom, left:right], kernel[6:9, 6:9]
        return float(np.abs(strip).mean() / (np.abs(strip).mean() + np.abs(middle).mean()))

    free, held = share_of_strip(0.0), share_of_strip(10.0 if penalty == "attribution" else 1.0)
    assert free > 0.4
    assert held < 0.85 * free


def test_the_gradient_penalty_is_the_formula_of_its_paper(tiny_set: ImageSet) -> None:
    """Squared gradient of the summed log-probabilities, for pixels from 0 to 1."""
    model = linear(16, 3, seed=1)
    images, where = tf.constant(tiny_set.images[:2]), np.zeros((2, 16, 16, 1), dtype=np.float32)
    where[:, 3:5] = 1
    found = slope_penalty(model, images, tf.constant(where)).numpy()
    kernel = model.layers[-1].get_weights()[0]
    shares = np.asarray(tf.nn.softmax(model(images)))
    slope = (kernel.sum(axis=1) - 3 * (shares @ kernel.T)).reshape(2, 16, 16, 3)
    np.testing.assert_allclose(found, ((slope * where) ** 2).sum(axis=(1, 2, 3)), rtol=1e-3)


def test_the_attribution_penalty_is_zero_where_nothing_is_forbidden(tiny_set: ImageSet) -> None:
    model, random = linear(16, 3, seed=1), keras.random.SeedGenerator(0)
    images, labels = tf.constant(tiny_set.images[:6]), tf.constant(tiny_set.labels[:6])
    nowhere, everywhere = (tf.fill((6, 16, 16, 1), value) for value in (0.0, 1.0))
    assert attribution_penalty(model, images, labels, nowhere, random).numpy() == pytest.approx(0)
    # of a linear network: the square of how far the lead is from that of another picture
    logits = model(images).numpy()
    leads = logits[np.arange(6), tiny_set.labels[:6]] - logits.mean(axis=1)
    others = logits[:, :] - logits.mean(axis=1, keepdims=True)
    possible = (leads[:, None] - others[:, tiny_set.labels[:6]].T) ** 2
    found = attribution_penalty(model, images, labels, everywhere, random).numpy()
    distance = np.abs(possible - found[:, None]).min(axis=1)
    np.testing.assert_allclose(distance, 0, atol=1e-3 * max(1, found.max()))


def test_training_is_kept_under_all_that_decides_it(two_hints: ImageSet) -> None:
    def run(**settings: object) -> tuple[str, bool]:
        asked = {"epochs": 1, "seed": 0, "progress": False, **settings}
        trained = train_for_right_reasons(linear, two_hints, **asked)
        return trained.key, trained.from_cache

    key, from_cache = run()
    assert not from_cache
    assert run() == (key, True)
    others = [{"weight": 0.5}, {"seed": 1}, {"penalty": "gradient"}, {"epochs": 2}]
    others.append({"where": np.ones((24, 16, 16), dtype=bool)})
    assert len({key, *(run(**other)[0] for other in others)}) == 6


def test_history_counts_each_picture_once(two_hints: ImageSet) -> None:
    """Where nothing is learnt, loss and accuracy do not depend on how the pictures are dealt."""
    settings = {"epochs": 1, "seed": 0, "weight": 0.0, "learning_rate": 0.0, "progress": False}
    histories = [
        train_for_right_reasons(linear, two_hints, batch_size=n, **settings).history
        for n in (24, 17, 7)
    ]
    for name in ("loss", "accuracy"):
        values = [history[name][0] for history in histories]
        np.testing.assert_allclose(values, values[0], rtol=1e-5)


def test_history_has_penalty_and_loss(two_hints: ImageSet) -> None:
    trained = train_for_right_reasons(linear, two_hints, epochs=2, seed=0, progress=False)
    assert set(trained.history) == {"loss", "penalty", "accuracy"}
    assert trained.epochs == 2
    assert all(value >= 0 for value in trained.history["penalty"])


def test_training_refuses_what_does_not_fit(two_hints: ImageSet) -> None:
    asked = {"epochs": 1, "seed": 0, "progress": False}
    with pytest.raises(ValueError, match=r"where has shape \(24, 8, 8\); expected \(24, 16, 16\)"):
        train_for_right_reasons(linear, two_hints, where=np.zeros((24, 8, 8), dtype=bool), **asked)
    with pytest.raises(ValueError, match="penalty is 'hope'; expected one of gradient"):
        train_for_right_reasons(linear, two_hints, penalty="hope", **asked)
    for weight in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="expected 0 or more"):
            train_for_right_reasons(linear, two_hints, weight=weight, **asked)
    with pytest.raises(ValueError, match="epochs is 0; expected at least 1"):
        train_for_right_reasons(linear, two_hints, epochs=0, seed=0)
