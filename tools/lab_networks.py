"""Write a Keras network as two files that the lab in the page reads.

``NAME.json`` lists the operations in order; ``NAME.bin`` holds their weights, gzipped: large dense
layers as whole numbers of steps, with one step for each output, all else as float16. Batch
normalisation is folded into the convolution before it, and what works in training only is left out.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

SMALL = 1_500_000
"""Dense layers with more weights than this are written as whole numbers of steps."""

STEPS = 4
"""Steps in the root mean square of an output's weights.

Most weights are then a few steps, which gzip writes in some 4.5 bits. On 117 masked pictures of 96
pixels, the CNN's logits moved by 0.03 at most, where the largest was 10.
"""

Operation = dict[str, Any]


def operations(network: keras.Model) -> list[Operation]:
    """Return what `network` computes, in order, with float32 weights.

    Raises
    ------
    ValueError
        For a kind of layer that the lab does not compute.
    """
    found: list[Operation] = []
    stands_for: dict[str, int] = {}  # layer: the index of the operation whose output is its own
    graph = getattr(network, "_functional", network)  # of a Sequential
    calls = {
        node.operation.name: node for nodes in graph._nodes_by_depth.values() for node in nodes
    }
    for layer in graph.layers:
        if isinstance(layer, layers.InputLayer):
            stands_for[layer.name] = -1
            continue
        # a layer may have been called in other networks too: this is its call here
        inputs = calls[layer.name].input_tensors
        sources = [stands_for[tensor._keras_history.operation.name] for tensor in inputs]
        before = found[sources[0]] if sources[0] >= 0 else None
        operation = _operation(layer)
        if operation is None:
            stands_for[layer.name] = sources[0]
        elif operation["op"] == "normalise" and before is not None:
            _fold(before, operation["scale"], operation["shift"])
            stands_for[layer.name] = sources[0]
        elif operation["op"] == "activate" and before is not None and not before.get("activation"):
            before["activation"] = operation["activation"]
            stands_for[layer.name] = sources[0]
        elif operation["op"] in ("normalise", "activate"):
            raise ValueError(f"layer {layer.name!r} stands alone: expected a convolution before it")
        else:
            stands_for[layer.name] = len(found)
            found.append({**operation, "from": sources})
    return found


def _operation(layer: keras.Layer) -> Operation | None:
    """Return one layer as an operation; None for one that does nothing in inference."""
    if isinstance(layer, (layers.Identity, layers.Dropout)):
        return None
    if isinstance(layer, layers.Rescaling):
        return {"op": "rescale", "scale": float(layer.scale), "offset": float(layer.offset)}
    if isinstance(layer, layers.Resizing):
        return {"op": "resize", "size": [int(layer.height), int(layer.width)]}
    if isinstance(layer, layers.MaxPooling2D):
        return {"op": "maxpool", "size": int(layer.pool_size[0])}
    if isinstance(layer, layers.GlobalAveragePooling2D):
        return {"op": "mean"}
    if isinstance(layer, layers.Flatten):
        return {"op": "flatten"}
    if isinstance(layer, layers.Add):
        return {"op": "add"}
    if isinstance(layer, layers.BatchNormalization):
        gamma, beta, mean, variance = (np.asarray(w) for w in layer.get_weights())
        scale = gamma / np.sqrt(variance + layer.epsilon)
        return {"op": "normalise", "scale": scale, "shift": beta - mean * scale}
    if isinstance(layer, layers.ReLU) and layer.max_value == 6:
        return {"op": "activate", "activation": "relu6"}
    if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)):
        kernel, *bias = layer.get_weights()
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        outputs = kernel.shape[2] if depthwise else kernel.shape[-1]
        activation = layer.activation.__name__
        if activation not in ("linear", "relu"):
            raise ValueError(f"layer {layer.name!r} has activation {activation!r}; expected relu")
        operation: Operation = {
            "op": "dense" if isinstance(layer, layers.Dense) else "conv",
            "activation": None if activation == "linear" else activation,
            "kernel": kernel,
            "bias": bias[0] if bias else np.zeros(outputs, np.float32),
        }
        if operation["op"] == "conv":
            if layer.padding != "same":
                raise ValueError(f"layer {layer.name!r} has padding {layer.padding!r}; not 'same'")
            operation |= {"depthwise": depthwise, "stride": int(layer.strides[0])}
        return operation
    raise ValueError(
        f"layer {layer.name!r} is a {type(layer).__name__}, which the lab does not compute: "
        "say how in tools/lab_networks.py and book/lab/src/network.js"
    )


def _fold(convolution: Operation, scale: NDArray[Any], shift: NDArray[Any]) -> None:
    """Let a convolution scale and shift its outputs itself."""
    outputs = scale[:, None] if convolution["depthwise"] else scale
    convolution["kernel"] = convolution["kernel"] * outputs
    convolution["bias"] = convolution["bias"] * scale + shift


def packed(array: NDArray[np.float32]) -> tuple[dict[str, Any], bytes]:
    """Return how an array is written, and its bytes: in steps where it is a large matrix."""
    if array.ndim == 2 and array.size > SMALL:
        step = np.sqrt(np.mean(array**2, axis=0)) / STEPS
        scale = np.maximum(step, np.abs(array).max(axis=0) / 127)  # the largest fits in 8 bits
        scale = np.maximum(scale, 1e-12).astype(np.float32)
        whole = np.round(array / scale).astype(np.int8)
        return {"shape": array.shape, "type": "int8"}, scale.tobytes() + whole.tobytes()
    return {"shape": array.shape, "type": "float16"}, array.astype(np.float16).tobytes()


def write_network(network: keras.Model, folder: Path, name: str, **about: Any) -> None:
    """Write ``NAME.json`` and ``NAME.bin``.

    Parameters
    ----------
    network : keras.Model
        Takes square pictures in [0, 255]; ends in logits.
    folder : Path
        Is there already.
    name : str
        Of the two files.
    **about
        More that the page says of the network.
    """
    parts, described, position = [], [], 0
    for operation in operations(network):
        entry = dict(operation)
        for weight in ("kernel", "bias"):
            if weight in entry:
                how, data = packed(np.asarray(entry[weight], np.float32))
                data += bytes(-len(data) % 4)
                entry[weight] = {**how, "at": position}
                position += len(data)
                parts.append(data)
        described.append(entry)
    data = gzip.compress(b"".join(parts), 9, mtime=0)
    (folder / f"{name}.bin").write_bytes(data)
    header = {
        **about,
        "size": int(network.input_shape[1]),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "operations": described,
    }
    (folder / f"{name}.json").write_text(json.dumps(header))
