"""What can run the network, and how well its logits agree: run with ``python -m bench.backends``.

Ready-made pictures, 16 at a time, through each back end, beside a `tf.function` in the same run.
ONNX Runtime, with tf2onnx, takes part where it is installed; neither is in the lock of the course.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bench.row import Row, write_rows
from bench.scene import STEP, networks
from bench.timing import interleaved, ratio, shown

PICTURES = 96
Forward = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def back_ends(model: keras.Model, half: keras.Model) -> dict[str, Forward]:
    """Return the ways to ask a model; `half` is the same in bfloat16."""
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, "pictures")]
    compiled = tf.function(lambda x: model(x, training=False), input_signature=signature)
    fused = tf.function(lambda x: model(x, training=False), jit_compile=True)
    short = tf.function(lambda x: tf.cast(half(x, training=False), tf.float32))
    ways: dict[str, Forward] = {
        "tf.function": lambda x: compiled(tf.constant(x)).numpy(),
        "eager": lambda x: model(tf.constant(x), training=False).numpy(),
        "XLA": lambda x: fused(tf.constant(x)).numpy(),
        "bfloat16": lambda x: short(tf.constant(x)).numpy(),
    }
    if importlib.util.find_spec("openvino"):
        for precision in ("f32", "bf16"):
            ways[f"OpenVINO {precision}"] = openvino_function(model, precision)
    else:
        print("openvino: not installed")
    if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("tf2onnx"):
        ways["ONNX Runtime"] = _onnx(compiled, signature)
    else:
        print("onnxruntime, tf2onnx: not installed")
    return ways


def openvino_function(model: keras.Model, precision: str = "f32") -> Forward:
    """Return a network as a function on OpenVINO, with its weights as they are now.

    Every explainer that masks takes such a function. It is read from a file, for
    `openvino.convert_model` would report its use to its makers.
    """
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        settings = {"INFERENCE_PRECISION_HINT": precision}
        network = openvino.Core().compile_model(folder, "CPU", settings)
    return lambda pictures: np.array(network([pictures])[0])


def _onnx(
    compiled: tf.types.experimental.GenericFunction, signature: list[tf.TensorSpec]
) -> Forward:
    import onnxruntime
    import tf2onnx

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        tf2onnx.convert.from_function(compiled, signature, opset=17, output_path=str(path))
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {session.get_inputs()[0].name: x})[0]


def rows(repeats: int) -> list[Row]:
    """Time every back end, and compare its logits with those of the `tf.function`."""
    models = networks()
    keras.config.set_dtype_policy("mixed_bfloat16")
    halves = networks()
    keras.config.set_dtype_policy("float32")
    table: list[Row] = []
    for name, model in models.items():
        halves[name].set_weights(model.get_weights())
        shape = (PICTURES, *model.input_shape[1:])
        ready = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
        ways = back_ends(model, halves[name])
        expected = ways["tf.function"](ready[:STEP])

        def all_of(forward: Forward, ready: NDArray[np.float32] = ready) -> Callable[[], object]:
            return lambda: [forward(ready[i : i + STEP]) for i in range(0, PICTURES, STEP)]

        seconds = interleaved({way: all_of(forward) for way, forward in ways.items()}, repeats)
        plain = seconds.pop("tf.function")
        for way, taken in seconds.items():
            off = np.abs(ways[way](ready[:STEP]) - expected).max()
            what = f"{PICTURES} pictures, {name}, {way}: logits differ by {off:.0e}"
            table.append(
                Row(what, shown(taken), f"tf.function {shown(plain)}", ratio(taken, plain), "")
            )
        write_rows("backends", table)
    return table


def main() -> None:
    """Measure, keep the rows and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    for row in rows(parser.parse_args().repeats):
        print(*row, sep=" | ")


if __name__ == "__main__":
    main()
