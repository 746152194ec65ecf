"""What cannot be trained or kept is refused before the first epoch, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from insectlib.data.imageset import ImageSet
from insectlib.models.building import Build, build_network
from insectlib.models.inference import probabilities
from insectlib.models.training import train
from insectlib.shortcuts.mitigation import train_for_right_reasons


class Half(layers.Layer):
    """A layer of one's own that Keras has not been told of."""

    def call(self, x: Any) -> Any:
        return x / 2


@keras.saving.register_keras_serializable("test_building")
class Scaled(layers.Layer):
    """A registered layer that can tell its settings."""

    def __init__(self, factor: float = 1.0, **named: Any) -> None:
        super().__init__(**named)
        self.factor = factor

    def call(self, x: Any) -> Any:
        return x * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable("test_building")
class Forgetful(Scaled):
    """A registered layer that does not tell its factor."""

    def get_config(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_config().items() if name != "factor"}


class Net(keras.Model):
    """A sub-classed network."""

    def __init__(self, n: int = 3, **named: Any) -> None:
        super().__init__(**named)
        self.n = n
        self.parts = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(n)]

    def call(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x


@keras.saving.register_keras_serializable("test_building")
class KnownNet(Net):
    """A sub-classed network that Keras can build again."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}


class NetWithArray(Net):
    """A sub-classed network with a setting that cannot be written down."""

    def __init__(self, n: int, weights: np.ndarray) -> None:
        super().__init__(n)
        self.scale = weights


def chain(*middle: Callable[[], layers.Layer], end: Any = None, outputs: int = 0) -> Build:
    """Return a build of a sequential network with some layers of its own."""

    def build(size: int, n_classes: int, *, seed: int) -> keras.Model:
        network = keras.Sequential([keras.Input((size, size, 3)), layers.Rescaling(1 / 255)])
        for make in middle:
            network.add(make())
        network.add(layers.Flatten())
        network.add(layers.Dense(outputs or n_classes, activation=end))
        return network

    return build


def with_softmax_layer(size: int, n_classes: int, *, seed: int) -> keras.Model:
    return keras.Sequential([*chain()(size, n_classes, seed=seed).layers, layers.Softmax()])


def with_softmax_function(size: int, n_classes: int, *, seed: int) -> keras.Model:
    picture = keras.Input((size, size, 3))
    return keras.Model(picture, keras.ops.softmax(chain()(size, n_classes, seed=seed)(picture)))


def with_softmax_inside(size: int, n_classes: int, *, seed: int) -> keras.Model:
    return keras.Sequential(
        [keras.Input((size, size, 3)), chain(end="softmax")(size, n_classes, seed=seed)]
    )


def with_two_outputs(size: int, n_classes: int, *, seed: int) -> keras.Model:
    picture = keras.Input((size, size, 3))
    logits = chain()(size, n_classes, seed=seed)(picture)
    return keras.Model(picture, [logits, logits])


def for_smaller_pictures(size: int, n_classes: int, *, seed: int) -> keras.Model:
    return chain()(size // 2, n_classes, seed=seed)


def without_flatten(size: int, n_classes: int, *, seed: int) -> keras.Model:
    return keras.Sequential([keras.Input((size, size, 3)), layers.Dense(n_classes)])


@pytest.fixture(autouse=True)
def no_training(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every training fail, but in tests that are marked as training."""
    if "trains" not in request.fixturenames:

        def fit(*args: object, **settings: object) -> None:
            raise AssertionError("trained")

        monkeypatch.setattr(keras.Model, "fit", fit)


@pytest.fixture
def trains() -> None:
    """Mark a test as one that trains."""


def quick(build: Build, part: ImageSet) -> Any:
    return train(build, part, None, epochs=1, seed=0, progress=False)


def penalised(build: Build, part: ImageSet) -> Any:
    return train_for_right_reasons(build, part, epochs=1, seed=0, progress=False)


NOT_KEPT: dict[str, tuple[Build, str]] = {
    "lambda": (chain(lambda: layers.Lambda(lambda x: x / 2)), "Lambda"),
    "own layer": (chain(Half), "Half"),
    "forgets its settings": (chain(lambda: Forgetful(3.0)), "answers otherwise"),
    "sub-classed": (lambda size, n, *, seed: Net(n), "Net"),
    "with an array": (lambda size, n, *, seed: NetWithArray(n, np.ones(3)), "NetWithArray"),
}


@pytest.mark.parametrize("way", [quick, penalised])
@pytest.mark.parametrize("kind", NOT_KEPT)
def test_what_cannot_be_kept_is_refused_before_training(
    kind: str, way: Callable[..., Any], tiny_set: ImageSet, cache: Path
) -> None:
    build, reason = NOT_KEPT[kind]
    with pytest.raises(ValueError, match=f"cannot be kept, so it is not trained: .*{reason}"):
        way(build, tiny_set)
    assert not [p for p in cache.rglob("*") if p.is_file() and p.parent.name != ".locks"]


@pytest.mark.usefixtures("trains")
@pytest.mark.parametrize(
    "build",
    [
        chain(lambda: Scaled(3.0)),
        lambda size, n, *, seed: KnownNet(n),
        chain(lambda: layers.RandomFlip(), lambda: layers.Dropout(0.5)),
    ],
)
def test_what_can_be_kept_is_trained_and_loaded(build: Build, tiny_set: ImageSet) -> None:
    first, second = quick(build, tiny_set), quick(build, tiny_set)
    assert (first.from_cache, second.from_cache) == (False, True)
    p = probabilities(second.model, tiny_set.images)
    assert p.shape == (24, 3)
    np.testing.assert_array_equal(p, probabilities(first.model, tiny_set.images))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (chain(end="softmax"), "ends in a softmax; expected logits"),
        (chain(end="sigmoid"), "ends in a sigmoid; expected logits"),
        (with_softmax_layer, "ends in a softmax; expected logits"),
        (with_softmax_function, "ends in a softmax; expected logits"),
        (with_softmax_inside, "ends in a softmax; expected logits"),
        (chain(outputs=10), r"returns shape \(n, 10\); expected \(n, 3\), one logit"),
        (chain(outputs=1), r"returns shape \(n, 1\); expected \(n, 3\), one logit"),
        (chain(outputs=1, end="sigmoid"), r"returns shape \(n, 1\)"),
        (without_flatten, r"returns shape \(None, 16, 16, 3\); expected \(n, classes\)"),
        (with_two_outputs, "has 2 outputs of shapes"),
        (
            lambda size, n, *, seed: chain()(8, n, seed=seed),
            r"of shape \(16, 16, 3\): Input 0 .* is incompatible",
        ),
        (lambda size, n, *, seed: "a network", "build returned str; expected a Keras model"),
        (lambda size, n, *, seed: None, "build returned NoneType"),
    ],
)
@pytest.mark.parametrize("way", [quick, penalised])
def test_what_gives_no_logits_is_refused_before_training(
    build: Build, message: str, way: Callable[..., Any], tiny_set: ImageSet
) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        way(build, tiny_set)


@pytest.mark.usefixtures("trains")
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_any_number_of_classes(tiny_set: ImageSet, n_classes: int) -> None:
    part = replace(
        tiny_set,
        labels=np.arange(24) % n_classes,
        class_names=tuple(f"class {i}" for i in range(n_classes)),
    )
    trained = train(chain(), part, part, epochs=1, seed=0, patience=1, progress=False)
    assert probabilities(trained.model, part.images).shape == (24, n_classes)
    with pytest.raises(ValueError, match=rf"expected \(n, {n_classes}\)"):
        build_network(chain(outputs=n_classes + 1), part, seed=0)


@pytest.mark.usefixtures("trains")
def test_class_names_may_be_an_array(tiny_set: ImageSet) -> None:
    named = replace(tiny_set, class_names=np.array(tiny_set.class_names))
    assert quick(chain(), named).key == quick(chain(), tiny_set).key
    both = train(chain(), named, tiny_set, epochs=1, seed=0, progress=False)
    assert both.epochs == 1


def test_seed_reaches_layers_that_are_given_none(tiny_set: ImageSet) -> None:
    build = chain(lambda: layers.Dropout(0.5))
    keras.utils.set_random_seed(1)
    first, other = (build_network(build, tiny_set, seed=seed) for seed in (0, 1))
    keras.utils.set_random_seed(2)
    same = build_network(build, tiny_set, seed=0)
    for a, b in zip(first.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    images = tiny_set.images
    np.testing.assert_array_equal(first(images, training=True), same(images, training=True))
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])
