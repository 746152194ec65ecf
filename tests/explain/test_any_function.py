"""Any function can be explained: one of ONNX Runtime gives what its twin in Keras gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from insectlib.explain import (
    Explanation,
    deep_shap,
    gradient_shap,
    kernel_shap,
    lime_image,
    occlusion,
    partition_shap,
    permutation_shap,
    tiles,
)
from insectlib.models import model_outputs

SIZE = 12
Pictures = NDArray[np.float32]
CUT = tiles(SIZE, SIZE, (3, 3, 3))


def network(channels: int) -> keras.Model:
    keras.utils.set_random_seed(channels)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, channels)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )


def onnx_twin(model: keras.Model) -> Callable[[Pictures], NDArray[np.float32]]:
    """Return the function that ONNX Runtime computes with the weights of `network`."""
    filters, bias, linear, last = (np.asarray(weight) for weight in model.get_weights())
    arrays = {
        "filters": filters.transpose(3, 2, 0, 1),
        "bias": bias,
        "linear": linear,
        "last": last,
    }
    nodes = [
        helper.make_node("Conv", ["pictures", "filters", "bias"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 3, 1]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "linear", "last"], ["scores"]),
    ]
    real, channels = onnx.TensorProto.FLOAT, model.input_shape[-1]
    graph = helper.make_graph(
        nodes,
        "twin",
        [helper.make_tensor_value_info("pictures", real, ["n", channels, SIZE, SIZE])],
        [helper.make_tensor_value_info("scores", real, ["n", 5])],
        [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in arrays.items()],
    )
    sets = [helper.make_opsetid("", 17)]
    session = onnxruntime.InferenceSession(
        helper.make_model(graph, opset_imports=sets, ir_version=9).SerializeToString(),
        providers=["CPUExecutionProvider"],
    )
    return lambda pictures: session.run(
        None, {"pictures": (pictures / np.float32(255)).transpose(0, 3, 1, 2)}
    )[0]


def some_pictures(channels: int, n: int = 2) -> Pictures:
    random = np.random.default_rng(channels)
    return random.integers(0, 256, (n, SIZE, SIZE, channels)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_outputs_are_those_of_the_keras_twin(channels: int) -> None:
    model, pictures = network(channels), some_pictures(channels, 70)
    expected = model_outputs(model, pictures)
    np.testing.assert_allclose(model_outputs(onnx_twin(model), pictures), expected, atol=1e-4)
    assert np.ptp(expected) > 0.1


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "explainer",
    [
        partial(kernel_shap, segments=CUT, budget=100, target="top 2"),
        partial(permutation_shap, segments=CUT, budget=60, target="top 2"),
        partial(partition_shap, budget=20),
        partial(lime_image, segments=CUT, budget=60),
        partial(occlusion),
    ],
    ids=["kernel", "permutation", "partition", "lime", "occlusion"],
)
def test_attributions_are_those_of_the_keras_twin(
    explainer: Callable[..., Explanation], channels: int
) -> None:
    model, pictures = network(channels), some_pictures(channels)
    twin = onnx_twin(model)
    baseline = np.full(channels, 128.0)
    theirs, ours = (explainer(f, pictures, baseline) for f in (model, twin))
    np.testing.assert_allclose(ours.values, theirs.values, atol=1e-4)
    assert np.abs(ours.values).max() > 1e-4
    assert ours.evaluations == theirs.evaluations


@pytest.mark.parametrize("explainer", [gradient_shap, deep_shap])
def test_what_looks_inside_says_that_it_needs_keras(explainer: Callable[..., Explanation]) -> None:
    pictures = some_pictures(3)
    with pytest.raises(ValueError, match="Keras"):
        explainer(onnx_twin(network(3)), pictures, pictures)
