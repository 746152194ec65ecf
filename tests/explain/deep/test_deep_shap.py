"""What deep_shap returns, what it refuses, and that it leaves TensorFlow as it was."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import shap
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray
from shap.explainers._deep import deep_tf
from tensorflow.python.eager import backprop, execute
from tensorflow.python.framework import ops

from insectlib.explain.checks import PreflightWarning
from insectlib.explain.deep import deep_shap as deep
from insectlib.explain.deep.deep_shap import AdditivityError, deep_shap
from insectlib.explain.deep.handlers import RULES, UnsupportedOperationError, deep_rules
from insectlib.explain.gradients.inner_layers import enlarge
from insectlib.models.cnns import regularised_cnn
from insectlib.models.inference import model_outputs

SIZE = 12
Pictures = NDArray[np.float32]

pytestmark = pytest.mark.filterwarnings(
    "ignore:the model sees output:insectlib.explain.checks.PreflightWarning"
)


@pytest.fixture
def pictures() -> Pictures:
    return np.random.default_rng(0).uniform(0, 255, (8, SIZE, SIZE, 3)).astype(np.float32)


def network(activation: str = "relu", n_classes: int = 3, seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 64, offset=-2),
            layers.Conv2D(4, 3, activation=activation, name="conv"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(n_classes, name="logits"),
        ]
    )


def linear_network() -> tuple[keras.Model, NDArray[np.float64]]:
    """A network without hidden layers, and its weights, shape (size, size, 3, 3)."""
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.Flatten(), layers.Dense(3)])
    return model, model.layers[-1].kernel.numpy().astype(np.float64).reshape(SIZE, SIZE, 3, 3)


def quiet_deep_explainer(model: keras.Model, background: Pictures) -> shap.DeepExplainer:
    """shap's own explainer, without its warning about TensorFlow's version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        listed = keras.Model([model.inputs[0]], model.outputs[0])
        return shap.DeepExplainer(listed, background)


def trains_and_explains(pictures: Pictures) -> None:
    """Train a network and explain it with shap's GradientExplainer."""
    model = network("relu6")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = model.get_layer("conv").kernel.numpy()
    model.fit(pictures, np.arange(8) % 3, verbose=0)
    assert np.abs(model.get_layer("conv").kernel.numpy() - before).max() > 0
    explainer = shap.GradientExplainer(keras.Model([model.inputs[0]], model.outputs[0]), pictures)
    assert np.isfinite(explainer.shap_values(pictures[:1], nsamples=2)).all()


def global_draws() -> tuple[float, float]:
    """Draw from NumPy's and Keras' global generators."""
    return np.random.mtrand.random_sample(), float(keras.random.uniform(()))


def patches() -> tuple[Any, ...]:
    """Everything global that shap and deep_rules exchange, but for names that TensorFlow counts."""
    registry = ops._gradient_registry._registry
    return (
        execute.record_gradient,
        {
            name: entry["type"]
            for name, entry in registry.items()
            if "-" not in name and "Call" not in name
        },
        dict(deep_tf.op_handlers),
        tf.nn.silu,
        tf.nn.swish,
    )


def test_linear_network_is_explained_exactly(pictures: Pictures) -> None:
    model, weights = linear_network()
    explained = deep_shap(model, pictures[:2], pictures[2:], class_names=("a", "b", "c"))
    expected = (pictures[:2] - pictures[2:].mean(axis=0))[..., None] * weights
    np.testing.assert_allclose(explained.values, expected, rtol=1e-3, atol=1e-3)
    assert list(explained.output_names) == ["a", "b", "c"]
    assert explained.data.dtype == np.uint8
    assert explained.evaluations == 2 + 6 + 2 * 3 * 6 * 4
    assert explained.seconds > 0


def test_base_values_are_the_mean_output_of_the_background(pictures: Pictures) -> None:
    model = network()
    explained = deep_shap(model, pictures[:2], pictures[2:])
    expected = model_outputs(model, pictures[2:]).mean(axis=0)
    np.testing.assert_allclose(explained.base_values, [expected, expected], rtol=1e-6)
    np.testing.assert_allclose(
        explained.base_values + explained.values.sum(axis=(1, 2, 3)),
        model_outputs(model, pictures[:2]),
        atol=1e-4,
    )


def test_probabilities_add_up(pictures: Pictures) -> None:
    model = network()
    explained = deep_shap(model, pictures[:2], pictures[2:], output="probabilities")
    assert explained.additivity_gap < 1e-5
    np.testing.assert_allclose(explained.base_values.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(explained.values.sum(axis=(1, 2, 3, 4)), 0, atol=1e-5)


def test_probabilities_of_a_sure_network_add_up(pictures: Pictures) -> None:
    """Sure of the picture only, a softmax subtracts what is nearly equal."""
    logits = layers.Dense(3, name="logits")
    model = keras.Sequential(
        [keras.Input((SIZE, SIZE, 3)), layers.Rescaling(1 / 255), layers.Flatten(), logits]
    )
    n = SIZE * SIZE * 3
    logits.set_weights([np.tile(np.array([20.0, -2.0, -18.0]) / n, (n, 1)), np.zeros(3)])
    light, dark = pictures[:1] / 8 + 220, pictures[1:2] / 20
    explained = deep_shap(model, light, dark, output="probabilities")
    assert model_outputs(model, light, "probabilities")[0, 0] > 0.999_999
    assert model_outputs(model, dark, "probabilities").max() < 0.7
    assert explained.additivity_gap < 1e-5


def test_ranked_outputs_are_those_of_each_picture(pictures: Pictures) -> None:
    """Two of three classes: shap 0.51 raises an IndexError."""
    model = network(seed=3)
    whole = deep_shap(model, pictures[:4], pictures[4:], class_names=("a", "b", "c"))
    ranked = deep_shap(
        model, pictures[:4], pictures[4:], class_names=("a", "b", "c"), target="top 2"
    )
    order = np.argsort(-model_outputs(model, pictures[:4]), axis=1)[:, :2]
    np.testing.assert_array_equal(ranked.classes, order)
    np.testing.assert_array_equal(ranked.output_names, np.array(["a", "b", "c"])[order])
    expected = np.take_along_axis(whole.values, order[:, None, None, None], axis=-1)
    np.testing.assert_array_equal(ranked.values, expected)
    np.testing.assert_allclose(
        ranked.base_values, np.take_along_axis(whole.base_values, order, axis=1)
    )


def test_inner_layer_is_explained(pictures: Pictures) -> None:
    """The sum over each channel of the layer is what shap says of the second half alone."""
    model = network()
    explained = deep_shap(model, pictures[:2], pictures[2:], layer="conv")
    assert explained.values.shape == (2, SIZE, SIZE, 3, 3)
    assert explained.relative_gap < 1e-5
    conv = keras.Model(model.inputs[0], model.get_layer("conv").output)
    features = keras.Input(conv.output.shape[1:])
    x = features
    for layer in model.layers[model.layers.index(model.get_layer("conv")) + 1 :]:
        x = layer(x)
    with deep_rules():
        after = keras.Model([features], x)
        explainer = shap.DeepExplainer(after, conv.predict(pictures[2:], verbose=0))
        inner = explainer.shap_values(conv.predict(pictures[:2], verbose=0))
    expected = enlarge(inner.sum(axis=3).astype(np.float64), SIZE, SIZE)
    np.testing.assert_allclose(explained.values.sum(axis=3), expected, atol=1e-5)


def test_first_half_needs_no_rules(pictures: Pictures) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Lambda(lambda x: tf.sort(x, axis=-1), name="sorting"),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    assert deep_shap(model, pictures[:1], pictures[1:], layer="conv").relative_gap < 1e-5
    with pytest.raises(UnsupportedOperationError, match="sorting"):
        deep_shap(model, pictures[:1], pictures[1:])


def test_batches_change_nothing(pictures: Pictures) -> None:
    model = network()
    whole = deep_shap(model, pictures[0], pictures[1:])
    parts = deep_shap(model, pictures[0], pictures[1:], batch_size=3)
    np.testing.assert_allclose(parts.values, whole.values, atol=1e-6)


@pytest.mark.parametrize(("batch_size", "lengths"), [(32, 1), (4, 2)])
def test_one_trace_for_each_length_of_batch_not_for_each_class_or_picture(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch, batch_size: int, lengths: int
) -> None:
    made: list[shap.DeepExplainer] = []
    plain = shap.DeepExplainer
    monkeypatch.setattr(
        shap, "DeepExplainer", lambda *given: (made.append(plain(*given)), made[-1])[1]
    )
    deep_shap(network(), pictures[:1], pictures[1:], batch_size=batch_size)
    (explainer,) = made
    (multipliers,) = explainer.explainer.phi_symbolics
    assert multipliers.experimental_get_tracing_count() == lengths


def test_same_question_same_answer_and_no_random_state_is_touched(pictures: Pictures) -> None:
    model = network()
    keras.utils.set_random_seed(5)
    expected = global_draws()
    keras.utils.set_random_seed(5)
    first = deep_shap(model, pictures[:1], pictures[1:], seed=1)
    assert global_draws() == expected
    second = deep_shap(model, pictures[:1], pictures[1:], seed=2)
    np.testing.assert_array_equal(first.values, second.values)


def test_augmentation_is_taken_out(pictures: Pictures) -> None:
    model = regularised_cnn(SIZE, seed=0)
    explained = deep_shap(model, pictures[:2], pictures[2:])
    assert explained.relative_gap < 1e-5


def test_no_warning_and_no_word_reaches_the_reader(
    pictures: Pictures, capfd: pytest.CaptureFixture[str]
) -> None:
    """Keras would warn about the input structure, shap about TensorFlow's version."""
    inputs = keras.Input((SIZE, SIZE, 3), name="picture")
    functional = keras.Model(inputs, network()(inputs))
    listed = keras.Model([inputs], network()(inputs))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("default", category=PendingDeprecationWarning)
        for model in (
            network(),
            functional,
            listed,
            *[network()] * 5,
        ):  # five: TensorFlow warns of graphs
            deep_shap(model, pictures[:1], pictures[1:])
    written = capfd.readouterr()
    assert not written.out
    assert "structure" not in written.err and "shap" not in written.err.lower()


def test_progress_is_shown_on_request(
    pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    deep_shap(network(), pictures[:2], pictures[2:], progress=True)
    assert "6/6" in capsys.readouterr().err


def test_image_plot_takes_it_as_it_is(pictures: Pictures) -> None:
    explained = deep_shap(network(), pictures[:2], pictures[2:], target="top 2")
    shap.image_plot(explained, show=False)


def test_everything_is_put_back_after_success(pictures: Pictures) -> None:
    before = patches()
    deep_shap(network("silu"), pictures[:1], pictures[1:])
    assert patches() == before


def test_everything_is_put_back_after_a_failure(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """shap stops half way when a rule is missing; what it exchanged must not stay."""
    before = patches()
    model = network("relu6")
    with monkeypatch.context() as patch:
        patch.delitem(RULES, "Relu6")
        patch.setattr(deep, "unsupported_operations", lambda model: [])
        with pytest.raises(Exception, match="no entry for: shap_Relu6"):
            deep_shap(model, pictures[:1], pictures[1:])
    assert patches() == before
    trains_and_explains(pictures)


def test_a_failure_of_shap_itself_is_mended(pictures: Pictures) -> None:
    explainer = quiet_deep_explainer(network("relu6"), pictures)
    with pytest.raises(Exception, match="no entry for: shap_Relu6"):
        explainer.shap_values(pictures[:1])
    assert execute.record_gradient is deep_tf.custom_record_gradient  # what shap leaves behind
    with deep_rules():
        pass
    assert execute.record_gradient is backprop.record_gradient
    trains_and_explains(pictures)


def test_rules_are_put_back_after_an_interruption() -> None:
    before = patches()
    with pytest.raises(KeyboardInterrupt), deep_rules():
        assert patches() != before
        raise KeyboardInterrupt
    assert patches() == before


def test_shap_is_silently_wrong_for_swish_and_we_are_not(pictures: Pictures) -> None:
    model = network("swish")
    values = quiet_deep_explainer(model, pictures[1:]).shap_values(
        pictures[:1], check_additivity=False
    )
    ours = deep_shap(model, pictures[:1], pictures[1:])
    total = (ours.outputs - ours.base_values)[0]
    assert np.abs(values[0].sum(axis=(0, 1, 2)) - total).max() > 0.02 * np.abs(total).max()
    assert ours.relative_gap < 1e-5


def test_a_wrong_rule_is_found_out(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "Relu", RULES["Add"])  # as if it were linear
    with pytest.raises(AdditivityError, match=r"misses the output by \d+\.\d\d% of what there is"):
        deep_shap(network(), pictures[:1], pictures[1:])


def test_attributions_that_are_not_finite_are_refused(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES, "Relu", lambda explainer, op, *grads: grads[0] * np.nan)
    with pytest.raises(AdditivityError, match="nan"):
        deep_shap(network(), pictures[:1], pictures[1:])


def test_unsupported_networks_are_refused_before_anything_is_computed(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deep, "_attributions", None)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Lambda(lambda x: tf.sort(x, axis=-1), name="sorting"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    with pytest.raises(UnsupportedOperationError, match="layer 'sorting' uses the operation"):
        deep_shap(model, pictures[:1], pictures[1:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"background": np.zeros((SIZE, SIZE, 3))}, "expected a set of pictures"),
        ({"background": np.full((2, SIZE, SIZE, 3), 0.5)}, "background: .* 0 to 1"),
        ({"background": np.full((2, 4, 4, 3), 9.0)}, "background: .* the network takes 12x12"),
        ({"images": np.full((1, SIZE, SIZE, 3), 400.0)}, "expected 0 to 255"),
        ({"output": "odds"}, "output is 'odds'"),
        ({"target": "top 4"}, "'top 1' to 'top 3'"),
        ({"class_names": ("a",)}, "1 class_names for a model with 3 outputs"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"layer": "dense"}, "the network has no inner layer 'dense'"),
    ],
)
def test_what_is_wrong_is_named(
    pictures: Pictures, change: dict[str, object], message: str
) -> None:
    arguments = {"images": pictures[:1], "background": pictures[1:], **change}
    with pytest.raises(ValueError, match=message):
        deep_shap(network(), **arguments)


def test_explained_picture_in_the_background_is_said(pictures: Pictures) -> None:
    with pytest.warns(PreflightWarning, match="among the background"):
        deep_shap(network(), pictures[:1], pictures)
