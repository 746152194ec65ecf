"""Which rule Deep SHAP has for which operation, and which operations it has to refuse.

Chapter ``07_deep_shap``. shap's own table lacks many layers of today's networks, and is wrong for
some that it has; `deep_rules` puts the table below in its place for as long as it is needed. The
rules themselves are in `insectlib.explain.deep.rules`.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import shap.explainers._deep.deep_tf as shap_deep
import tensorflow as tf
from tensorflow.python.eager import backprop, execute
from tensorflow.python.framework import ops

from insectlib.explain.deep import rules
from insectlib.models.inference import quiet_inputs

if TYPE_CHECKING:
    import keras

_LINEAR = """
Add AddN AddV2 AvgPool AvgPool3D BatchToSpaceND BiasAdd BroadcastTo Cast ConcatV2 Conv2D
Conv2DBackpropInput Conv3D Conv3DBackpropInputV2 Cumsum DepthToSpace DepthwiseConv2dNative
ExpandDims FusedBatchNormV3 GatherNd GatherV2 Identity IdentityN MatMul Mean MirrorPad Neg Pack Pad
PadV2 Reshape ResizeBicubic ResizeBilinear ResizeNearestNeighbor ReverseV2 Roll SelectV2 Slice
SpaceToBatchND SpaceToDepth Split SplitV Squeeze StridedSlice Sub Sum Tile Transpose Unpack
"""
_ONE_BY_ONE = """
Abs Atan ClipByValue Cos Elu Erf Erfc Exp Expm1 LeakyRelu Log Log1p Pow Reciprocal Relu Relu6 Rsqrt
Selu Sigmoid Sin Softplus Softsign Sqrt Square Tanh
"""
_SHAPES_ONLY = "OnesLike RandomUniform Rank Shape ShapeN Size ZerosLike"

RULES: dict[str, rules.Rule] = {
    **dict.fromkeys(_LINEAR.split(), rules.linear),
    **dict.fromkeys(_ONE_BY_ONE.split(), rules.rescale),
    **dict.fromkeys(_SHAPES_ONLY.split(), shap_deep.break_dependence),
    "BatchMatMulV2": rules.bilinear,
    "Einsum": rules.bilinear,
    "Max": rules.largest,
    "MaxPool": rules.largest,
    "MaxPool3D": rules.largest,
    "Maximum": rules.extremum,
    "Minimum": rules.extremum,
    "Mul": rules.product,
    "RealDiv": rules.quotient,
    "Softmax": rules.softmax,
    "SquaredDifference": rules.squared_difference,
    "StopGradient": rules.unchanged,
}
"""The rule of each operation of TensorFlow."""

_ANY_INPUT = """
Add AddN AddV2 BatchMatMulV2 ConcatV2 Einsum IdentityN Maximum Minimum Mul Pack RealDiv
SquaredDifference Sub
"""
_OTHER_INPUTS = {
    "Conv2DBackpropInput": ({2},),
    "Conv3DBackpropInputV2": ({2},),
    "MatMul": ({0}, {1}),
    "SelectV2": ({1}, {2}, {1, 2}),
    "Split": ({1},),
}
"""Inputs that may depend on the picture, where it is neither only the first nor any of them."""

_LOCK = threading.RLock()


class UnsupportedOperationError(ValueError):
    """The network has an operation for which there is no rule that adds up."""


def unsupported_operations(model: keras.Model) -> list[str]:
    """Say which operations of a network Deep SHAP cannot explain.

    Chapter ``07_deep_shap``. The network is traced once, nothing is computed.

    Parameters
    ----------
    model : keras.Model
        Takes pictures of a fixed size.

    Returns
    -------
    list of str
        One sentence for each, naming layer and operation; empty where all is well.
    """
    spec = tf.TensorSpec((2, *model.input_shape[1:]), tf.float32)
    with _plain_silu(), quiet_inputs():
        traced = tf.function(lambda pictures: model(pictures, training=False))
        graph = traced.get_concrete_function(spec).graph
    layers = {layer.name for layer in model._flatten_layers()} - {model.name}
    shapes_only = _SHAPES_ONLY.split()
    leading = _leading_to(graph.structured_outputs)
    depends = {graph.inputs[0].ref()}
    findings: dict[str, None] = {}
    for op in graph.get_operations():  # in the order in which they are computed
        vary = {i for i, tensor in enumerate(op.inputs) if tensor.ref() in depends}
        if not vary or op.type in shapes_only or op not in leading:
            continue
        depends.update(tensor.ref() for tensor in op.outputs)
        reason = _objection(op, vary)
        if reason:
            findings[f"{_layer_of(op.name, layers)} {reason}"] = None
    return list(findings)


def _leading_to(output: Any) -> set[Any]:
    """Return the operations that the output depends on."""
    found, waiting = set(), [output.op]
    while waiting:
        op = waiting.pop()
        if op not in found:
            found.add(op)
            waiting.extend(tensor.op for tensor in op.inputs)
    return found


def _objection(op: Any, vary: set[int]) -> str:
    """Say what is against an operation, or nothing."""
    if op.type not in RULES:
        return f"uses the operation {op.type}, for which Deep SHAP has no rule"
    if op.type == "IdentityN" and op.node_def.attr["_gradient_op_type"].s:
        return "has a custom gradient, which hides from Deep SHAP what it computes"
    if op.type == "FusedBatchNormV3" and op.get_attr("is_training"):
        return "normalises by the batch, so that each picture's output depends on the others"
    allowed = _OTHER_INPUTS.get(op.type, ({0},))
    if op.type not in _ANY_INPUT.split() and vary not in allowed:
        return (
            f"uses the operation {op.type} with input {', '.join(map(str, sorted(vary)))} "
            "depending on the picture, for which Deep SHAP has no rule"
        )
    if op.type == "Einsum" and len(vary) > 1:
        equation = op.get_attr("equation").decode()
        first = {part.strip()[:1] for part in equation.replace("->", ",").split(",")}
        if len(first) > 1:
            return f"uses Einsum {equation!r}, which mixes the pictures of a batch"
    return ""


def _layer_of(name: str, layers: set[str]) -> str:
    """Name the layer that an operation belongs to, as well as its own name tells."""
    for part in reversed(name.split("/")):
        stem, _, number = part.rpartition("_")
        if part in layers:
            return f"layer {part!r}"
        if number.isdigit() and stem in layers:
            return f"layer {stem!r}"
    return f"operation {name!r}"


@contextmanager
def deep_rules() -> Iterator[None]:
    """Let `shap.DeepExplainer` use the rules of `RULES`, and leave TensorFlow as it was.

    Chapter ``07_deep_shap``. shap exchanges TensorFlow's gradients while it works, and leaves
    some of that behind when it fails: networks can then no longer be trained. Here everything
    is put back, whatever happens, also what an earlier failure has left. ``silu`` is computed as
    ``x * sigmoid(x)`` meanwhile, without the custom gradient that hides the two factors. shap's
    warnings about TensorFlow's version, and TensorFlow's about a graph for each explainer, are not
    shown.

    Only one thread at a time gets in. Do not train in another one meanwhile.
    """
    with _LOCK:
        registry = ops._gradient_registry._registry
        gradients = {name: dict(entry) for name, entry in registry.items()}
        handlers = dict(shap_deep.op_handlers)
        shap_deep.op_handlers.clear()
        shap_deep.op_handlers.update(RULES)
        logger = tf.get_logger()
        logger.addFilter(_no_retracing)
        try:
            with _plain_silu(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Your TensorFlow version is newer")
                yield
        finally:
            logger.removeFilter(_no_retracing)
            execute.record_gradient = backprop.record_gradient
            for name in [*registry]:  # what TensorFlow itself has registered meanwhile may stay
                if name.startswith("shap_"):
                    del registry[name]
            registry.update(gradients)
            shap_deep.op_handlers.clear()
            shap_deep.op_handlers.update(handlers)


def _no_retracing(record: logging.LogRecord) -> bool:
    """Tell whether a log entry is worth showing."""
    return "retracing" not in record.getMessage()


@contextmanager
def _plain_silu() -> Iterator[None]:
    """Let TensorFlow compute silu without its custom gradient."""

    def plain(features: Any, beta: float = 1.0) -> Any:
        return features * tf.sigmoid(beta * features)

    before = tf.nn.silu, tf.nn.swish
    tf.nn.silu = tf.nn.swish = plain
    try:
        yield
    finally:
        tf.nn.silu, tf.nn.swish = before
