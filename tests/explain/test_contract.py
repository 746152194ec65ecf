"""What every explainer promises, checked for all of them with the same calls."""

from __future__ import annotations

import inspect
import pickle
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from insectlib.explain import (
    Explanation,
    deep_shap,
    edge_map,
    grad_cam,
    gradient_shap,
    kernel_shap,
    lime_image,
    occlusion,
    partition_shap,
    permutation_shap,
    random_map,
)
from insectlib.explain.deep import rules
from insectlib.explain.deep.handlers import RULES

HEIGHT, WIDTH = 6, 8
NAMES = ("beetle", "cockroach", "dragonfly")
SIX = np.kron(np.arange(6).reshape(2, 3), np.ones((3, 3), dtype=np.int64))[:, :WIDTH]
SHARED = {
    "target": None,
    "output": "logits",
    "seed": 0,
    "budget": inspect.Parameter.empty,
    "segments": None,
    "class_names": None,
    "batch_size": inspect.Parameter.empty,
    "progress": False,
}
"""The parameters that explainers have in common, in this order, with those defaults that are one
for all; each explainer has some of them, and its own come after."""


@dataclass(frozen=True)
class Asked:
    """An explainer, how the tests call it, and what it is."""

    explain: Callable[..., Explanation]
    settings: dict[str, Any] = field(default_factory=dict)
    kind: str = "masks"  # or "background", "gradient" or "map"

    def __call__(self, model: Any, images: Any, **more: Any) -> Explanation:
        channels = np.shape(images)[-1]
        second = pictures(5, channels, seed=9) if self.kind == "background" else GREY[:channels]
        if np.shape(images)[-3:-1] != (HEIGHT, WIDTH):
            more = {"segments": None, **more} if "segments" in self.settings else more
        return self.explain(model, images, second, **{**self.settings, **more})


GREY = np.full(4, 128.0)
ALL = {
    "kernel": Asked(kernel_shap, {"segments": SIX, "budget": 20}),
    "surrogate": Asked(kernel_shap, {"segments": SIX, "budget": 40, "estimator": "surrogate"}),
    "permutation": Asked(permutation_shap, {"segments": SIX, "budget": 40}),
    "partition": Asked(partition_shap, {"budget": 1000}),
    "lime": Asked(lime_image, {"segments": SIX, "budget": 60}),
    "occlusion": Asked(occlusion),
    "gradient": Asked(gradient_shap, {"budget": 12}, "background"),
    "deep": Asked(deep_shap, kind="background"),
    "grad_cam": Asked(grad_cam, kind="gradient"),
    "edges": Asked(edge_map, kind="map"),
    "random": Asked(random_map, {"segments": SIX}, "map"),
}
MASKS = [name for name, asked in ALL.items() if asked.kind == "masks"]
TAKES_FUNCTIONS = [name for name, asked in ALL.items() if asked.kind in ("masks", "map")]
NEEDS_KERAS = [name for name in ALL if name not in TAKES_FUNCTIONS]
every = pytest.mark.parametrize("name", ALL)


def pictures(n: int, channels: int = 3, seed: int = 0) -> NDArray[np.float32]:
    """Return pictures of whole numbers; no seed gives a value twice."""
    random = np.random.default_rng(seed)
    return np.rint(random.uniform(2, 250, (n, HEIGHT, WIDTH, channels))).astype(np.float32)


@cache
def network(channels: int = 3, outputs: int = 3) -> keras.Model:
    """Return a small network that Deep SHAP has rules for and Grad-CAM finds maps in."""
    start = keras.initializers.RandomNormal(stddev=0.5, seed=4)
    return keras.Sequential(
        [
            keras.Input((HEIGHT, WIDTH, channels)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer=start),
            keras.layers.Flatten(),
            keras.layers.Dense(outputs, kernel_initializer=start),
        ]
    )


def function(images: NDArray[np.float32], outputs: int = 3) -> NDArray[np.float64]:
    """Score pictures of any size, with numbers that are no network's."""
    size = images[0].size
    weights = np.sin(np.arange(size * outputs)).reshape(size, outputs) / size
    linear = images.reshape(len(images), -1).astype(np.float64) @ weights
    return linear + np.sin(linear)


@pytest.mark.parametrize(
    "explain", [asked.explain for name, asked in ALL.items() if name != "surrogate"]
)
def test_one_signature(explain: Callable[..., Explanation]) -> None:
    parameters = inspect.signature(explain).parameters
    (
        first,
        *_,
    ) = parameters
    assert list(parameters)[:2] == ["model", "images"] and first == "model"
    assert list(parameters)[2] in ("baseline", "background")
    named = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]
    shared = [name for name in SHARED if name in named]
    assert named[: len(shared)] == shared
    assert {"target", "output", "seed", "class_names", "batch_size"} <= set(shared)
    for name in shared:
        if SHARED[name] is not inspect.Parameter.empty:
            assert parameters[name].default == SHARED[name]
        assert parameters[name].default is not inspect.Parameter.empty


@every
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_shapes(name: str, channels: int) -> None:
    images = pictures(2, channels)
    explained = ALL[name](network(channels), images, class_names=NAMES)
    assert isinstance(explained, Explanation)
    assert explained.values.shape == (2, HEIGHT, WIDTH, channels, 3)
    assert explained.base_values.shape == explained.outputs.shape == (2, 3)
    assert list(explained.output_names) == list(NAMES)
    np.testing.assert_array_equal(explained.data, images)
    np.testing.assert_allclose(
        explained.outputs, network(channels).predict(images, verbose=0), atol=1e-5
    )
    assert np.abs(explained.values).max() > 0 and explained.seconds > 0
    one = ALL[name](network(channels), images[0], class_names=NAMES)
    assert one.values.shape == (1, HEIGHT, WIDTH, channels, 3)
    if name != "gradient":  # whose samples differ from picture to picture
        np.testing.assert_allclose(one.values[0], explained.values[0], atol=1e-6)


@every
def test_slices_and_pickles_keep_their_fields(name: str) -> None:
    explained = ALL[name](network(), pictures(2), class_names=NAMES)
    for part in (explained[1], pickle.loads(pickle.dumps(explained))[1]):
        np.testing.assert_array_equal(part.values, explained.values[1])
        np.testing.assert_array_equal(part.outputs, explained.outputs[1])
        assert part.evaluations == explained.evaluations
    np.testing.assert_array_equal(explained[..., "dragonfly"].values, explained.values[..., 2])


@every
def test_seed_decides_and_global_generator_stays(name: str) -> None:
    before = np.random.mtrand.get_bit_generator()
    state = before.state["state"]["key"].copy()
    first, again, other = (ALL[name](network(), pictures(1), seed=s).values for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    drawn = name in ("kernel", "permutation", "lime", "gradient", "random")
    assert (np.abs(first - other).max() > 1e-9) or not drawn
    assert np.random.mtrand.get_bit_generator() is before
    np.testing.assert_array_equal(before.state["state"]["key"], state)


@pytest.mark.parametrize("name", ["kernel", "permutation", "partition", "lime", "gradient"])
def test_threads_have_the_values_that_they_have_alone(name: str) -> None:
    images, before = pictures(4), np.random.mtrand.get_bit_generator()

    def job(i: int) -> NDArray[np.float64]:
        return ALL[name](network(), images[i], seed=i).values

    alone = [job(i) for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(job, range(4)))
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert np.random.mtrand.get_bit_generator() is before


@every
@pytest.mark.parametrize(
    "target",
    [1, "cockroach", [2, 0], ["dragonfly", "beetle"], "predicted", "top 2", np.array([[1], [2]])],
    ids=str,
)
def test_target_picks_outputs(name: str, target: Any) -> None:
    images = pictures(2)
    whole = ALL[name](network(), images, class_names=NAMES)
    some = ALL[name](network(), images, class_names=NAMES, target=target)
    order = np.argsort(-whole.outputs, axis=1)
    if isinstance(target, str):
        asked = {"cockroach": [[1], [1]], "predicted": order[:, :1], "top 2": order[:, :2]}[target]
    elif isinstance(target, np.ndarray):
        asked = target
    else:
        indices = [NAMES.index(t) if isinstance(t, str) else t for t in np.ravel(target).tolist()]
        asked = [indices, indices]
    np.testing.assert_array_equal(some.classes, asked)
    for i, row in enumerate(np.asarray(asked)):
        if name != "partition":  # spends its budget where the target is; see its own tests
            expected = whole.values[i][..., row]
            miss = np.linalg.norm(some.values[i] - expected) / np.linalg.norm(expected)
            # the prior of the surrogate is fitted to all outputs that are asked for
            assert miss < (0.02 if name == "surrogate" else 1e-5)
        np.testing.assert_allclose(some.base_values[i], whole.base_values[i][row], atol=1e-5)
        np.testing.assert_allclose(some.outputs[i], whole.outputs[i][row], atol=1e-5)
        assert list(some[i].output_names) == [NAMES[k] for k in row]


@every
def test_batches_bound_the_memory(name: str) -> None:
    sizes: list[int] = []

    def noted(images: NDArray[np.float32]) -> NDArray[np.float64]:
        sizes.append(len(images))
        return function(images)

    model = noted if name in TAKES_FUNCTIONS else network()
    few, many = (ALL[name](model, pictures(3), batch_size=b) for b in (2, 50))
    if name != "partition":  # which decides after each batch where to cut next
        np.testing.assert_allclose(few.values, many.values, atol=1e-6)
    if name in TAKES_FUNCTIONS:
        sizes.clear()
        ALL[name](model, pictures(3), batch_size=2)
        assert max(sizes) <= 2


class Counted(keras.layers.Layer):
    """Hands scores on and counts their rows, forwards and, where `back`, on the way back."""

    def __init__(self, back: bool = True) -> None:
        super().__init__()
        self.seen = tf.Variable(0, dtype=tf.int64)
        self.back = back

    def call(self, scores: tf.Tensor) -> tf.Tensor:
        """Return what was given."""

        @tf.custom_gradient
        def passed(x: tf.Tensor) -> Any:
            def back(upstream: tf.Tensor) -> tf.Tensor:
                self.seen.assign_add(tf.shape(upstream, tf.int64)[0])
                return upstream

            return tf.identity(x), back

        self.seen.assign_add(tf.shape(scores, tf.int64)[0])
        return passed(scores) if self.back else tf.identity(scores)


@every
@pytest.mark.parametrize("target", [None, "predicted"])
def test_evaluations_are_what_a_network_of_keras_has_seen(
    name: str, target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(back=name != "deep")

    def last(explainer: Any, op: Any, *grads: Any) -> Any:
        counted.seen.assign_add(tf.shape(grads[0], tf.int64)[0])
        return rules.linear(explainer, op, *grads)

    if name == "deep":  # which takes no custom gradient: here the rule of the last layer counts
        monkeypatch.setitem(RULES, "MatMul", last)
    model = keras.Sequential([keras.Input((HEIGHT, WIDTH, 3)), *network().layers, counted])
    counted.seen.assign(0)
    explained = ALL[name](model, pictures(3), target=target)
    assert explained.evaluations == int(counted.seen)


@pytest.mark.parametrize("name", TAKES_FUNCTIONS)
def test_evaluations_are_what_a_function_has_seen(name: str) -> None:
    seen = []

    def counting(images: NDArray[np.float32]) -> NDArray[np.float64]:
        seen.append(len(images))
        return function(images)

    explained = ALL[name](counting, pictures(3))
    assert explained.evaluations == sum(seen)


@every
def test_one_of_a_thousand_outputs_takes_the_memory_of_one(name: str) -> None:
    size, outputs = 40, 1000
    images = np.random.default_rng(0).uniform(2, 250, (2, size, size, 3)).astype(np.float32)
    model: Any = lambda some: function(some.mean(axis=(1, 2), keepdims=True), outputs)  # noqa: E731
    settings: dict[str, Any] = {"target": 7}
    if name in ("permutation", "kernel", "lime", "surrogate", "random"):
        settings["segments"] = np.kron(np.arange(4).reshape(2, 2), np.ones((20, 20), np.int64))
    if name in NEEDS_KERAS:
        model = keras.Sequential(
            [
                keras.Input((size, size, 3)),
                keras.layers.Conv2D(2, 3, strides=4),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(outputs),
            ]
        )
        background = images[:, ::-1] if ALL[name].kind == "background" else GREY[:3]
    else:
        background = GREY[:3]
    run = {**ALL[name].settings, **settings}
    ALL[name].explain(model, images, background, **run)  # what is kept for later runs is no matter
    tracemalloc.start()
    explained = ALL[name].explain(model, images, background, **run)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert explained.values.shape == (2, size, size, 3, 1)
    all_outputs = explained.values.nbytes * outputs
    assert peak < all_outputs / 3


@pytest.mark.parametrize("name", TAKES_FUNCTIONS)
@pytest.mark.parametrize("kind", ["function", "method", "list", "tensor"])
def test_any_function_from_pictures_to_scores(name: str, kind: str) -> None:
    class Holder:
        def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
            return function(images)

    class Tensor:
        """What PyTorch returns, as far as it is used here."""

        def __init__(self, values: NDArray[np.float64]) -> None:
            self.values = values

        def detach(self) -> Tensor:
            return self

        def cpu(self) -> NDArray[np.float64]:
            return self.values

    models = {
        "function": function,
        "method": Holder(),
        "list": lambda images: function(images).tolist(),
        "tensor": lambda images: Tensor(function(images)),
    }
    explained = ALL[name](models[kind], pictures(2))
    np.testing.assert_allclose(explained.outputs, function(pictures(2)))
    np.testing.assert_allclose(explained.values, ALL[name](function, pictures(2)).values)


@pytest.mark.parametrize("name", NEEDS_KERAS)
def test_gradients_of_a_function_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="gradients need a Keras model"):
        ALL[name](function, pictures(1))


@pytest.mark.parametrize("name", MASKS)
def test_as_many_baselines_as_pictures_are_one_for_each(name: str) -> None:
    images, baselines = pictures(2), pictures(2, seed=5)
    asked = ALL[name]
    both = asked.explain(function, images, baselines, **asked.settings)
    for i in range(2):
        one = asked.explain(function, images[i], baselines[i], **asked.settings)
        np.testing.assert_allclose(both.values[i], one.values[0], atol=1e-9)


@pytest.mark.parametrize("name", ["gradient", "deep"])
def test_as_many_background_pictures_as_pictures_are_a_set(name: str) -> None:
    images, background = pictures(2), pictures(2, seed=5)
    asked = ALL[name]
    both = asked.explain(network(), images, background, **asked.settings)
    expected = network().predict(background, verbose=0).mean(axis=0)
    np.testing.assert_allclose(both.base_values, [expected, expected], atol=1e-5)
