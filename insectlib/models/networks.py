"""Networks as people bring them, made into the one form that the explainers take.

A network that somebody brings may take a dict, whole numbers or pictures of any size, compute in
half precision, turn its pictures at random, or keep its layers inside other networks. Each function
here returns a network with the same weights, and says in one sentence what it cannot take.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import ArrayLike, NDArray

from insectlib.data.imageset import one_array

_NAMES = (
    "AugMix",
    "CutMix",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Solarization",
)
RANDOM_LAYERS = tuple(getattr(layers, name) for name in _NAMES if hasattr(layers, name))
"""Keras' layers that change pictures in training and leave them as they are in inference."""


def plain_network(model: keras.Model, shape: tuple[int, ...]) -> keras.Model:
    """Return a network of one picture and one output, with the weights of `model`.

    Parameters
    ----------
    model : keras.Model
        Sequential, functional or sub-classed. It may take its picture in a list or a dict, or
        pictures of any size, and return its scores in a list or a dict of one.
    shape : tuple of int
        Of a picture: (height, width, channels).

    Returns
    -------
    keras.Model
        `model` itself where it is plain already.

    Raises
    ------
    ValueError
        For several inputs, several outputs, outputs that are not (n, classes), or a sub-classed
        network that cannot be called on a placeholder.
    """
    inputs, outputs = _ends(model)
    if inputs is None:
        return _wrapped(model, tuple(shape))
    if len(inputs) != 1:
        listed = ", ".join(f"{t.name} {tuple(t.shape)}" for t in inputs)
        raise ValueError(
            f"the model takes {len(inputs)} inputs ({listed}); expected one, the picture: pass a "
            "function of the picture alone that holds the others fixed"
        )
    _check_outputs(outputs)
    if None in inputs[0].shape[1:]:
        return _wrapped(model, tuple(shape))
    bare = isinstance(model, keras.Sequential) or (
        isinstance(model.input, keras.KerasTensor) and isinstance(model.output, keras.KerasTensor)
    )
    return model if bare else _cut_out(model)


def differentiable_network(model: keras.Model, shape: tuple[int, ...]) -> keras.Model:
    """Return a plain network for gradients: float32 throughout, and nothing random in it.

    Chapter ``06_gradient_shap``.

    Parameters
    ----------
    model : keras.Model
        As for `plain_network`.
    shape : tuple of int
        Of a picture: (height, width, channels).

    Returns
    -------
    keras.Model
        `model` itself where it is so already; the weights are shared, but those of a network in
        half precision are copied.

    Raises
    ------
    ValueError
        For what is no Keras model, and as `plain_network` and `without_augmentation`.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"the model is a {type(model).__name__}; gradients need a Keras model: use Kernel, "
            "Permutation or Partition SHAP, which take any function from pictures to scores"
        )
    network = plain_network(model, shape)
    if augments(network):
        network = _calm(network)
    if _in_half_precision(network):
        network = _in_single_precision(network)
    elif network.inputs[0].dtype != "float32":
        network = _with_float_input(network)
    return network


def augments(network: keras.Model) -> bool:
    """Tell whether a layer of Keras' augmentation is in `network`, at any depth."""
    return any(isinstance(layer, RANDOM_LAYERS) for layer in network._flatten_layers())


def without_augmentation(network: keras.Model) -> keras.Model:
    """Return a network that leaves its pictures as they are, with the weights of `network`.

    Chapter ``02_cnn``. Keras' augmentation layers work whenever nobody says ``training=False``,
    also in a plain ``network(images)``: whoever explains such a network explains pictures that
    were turned and mirrored at random. Here they are replaced by layers that do nothing.

    Parameters
    ----------
    network : keras.Model
        Sequential or functional. It stays as it is; the weights are shared.

    Returns
    -------
    keras.Model
        The same layers under the same names, the `RANDOM_LAYERS` excepted.

    Raises
    ------
    ValueError
        For a layer that crops at random, or a layer of one's own that holds a random one: what
        such a layer does in inference cannot be told from its class.
    """

    def replaced(layer: keras.Layer) -> keras.Layer:
        if type(layer) in RANDOM_LAYERS:
            return layers.Identity(name=layer.name)
        if type(layer) is layers.Pipeline:
            return layers.Pipeline([replaced(inner) for inner in layer.layers], name=layer.name)
        inside = [each for each in layer._flatten_layers() if type(each) in RANDOM_LAYERS]
        if inside or type(layer) is layers.RandomCrop:
            held = "" if type(layer) is layers.RandomCrop else f", with {inside[0].name!r} in it,"
            raise ValueError(
                f"layer {layer.name!r} of class {type(layer).__name__}{held} changes pictures at "
                "random, and cannot be replaced: build the network without it, and set its weights"
            )
        return layer

    return keras.models.clone_model(network, clone_function=replaced, recursive=True)


def flat_network(network: keras.Model) -> keras.Model:
    """Return a network whose layers all stand side by side, with the weights of `network`.

    In transfer learning a whole network is often one layer of another. Its inner layers become
    layers of the result, so that one of them can be named.

    Parameters
    ----------
    network : keras.Model
        Sequential or functional.

    Returns
    -------
    keras.Model
        `network` itself where nothing is nested, or where two layers have the same name.
    """

    def call(layer: keras.Layer, *args: Any, **kwargs: Any) -> Any:
        return layer.call(*args) if _is_nested(layer) else layer(*args, **kwargs)

    flat = network
    while any(_is_nested(layer) for layer in flat.layers):
        try:
            clone = keras.models.clone_model(
                _as_functional(flat), clone_function=lambda layer: layer, call_function=call
            )
        except ValueError:
            return network
        flat = keras.Model(clone.inputs[0], clone.outputs[0])
    return flat


def last_activation(model: Any) -> str | None:
    """Return the name of the softmax or sigmoid that a network ends in, None for another end.

    Parameters
    ----------
    model : keras.Model or callable
        What a plain function ends in cannot be told: None.
    """
    _, outputs = _ends(model) if isinstance(model, keras.Model) else (None, [])
    if len(outputs) != 1:
        return None
    last = outputs[0]._keras_history.operation
    if isinstance(last, keras.Model):
        return last_activation(last)
    name = getattr(getattr(last, "activation", last), "__name__", type(last).__name__).lower()
    return name if name in ("softmax", "sigmoid", "hard_sigmoid") else None


def image_shape(model: Any) -> tuple[int | None, ...] | None:
    """Return the (height, width, channels) that a model takes, or None where it does not say.

    Parameters
    ----------
    model : keras.Model or callable
        Entries are None where the network takes any size.
    """
    if not isinstance(model, keras.Model):
        shape = getattr(model, "input_shape", None)
        return tuple(shape[1:]) if isinstance(shape, tuple) and len(shape) == 4 else None
    inputs, _ = _ends(model)
    return None if inputs is None or len(inputs) != 1 else tuple(inputs[0].shape[1:])


def as_network_sees(model: Any, images: ArrayLike) -> NDArray[Any]:
    """Return pictures as a network gets them: one that takes integers cuts off the fractions.

    Parameters
    ----------
    model : keras.Model or callable
    images : array, shape (n, height, width, channels) or (height, width, channels)

    Returns
    -------
    array
        Of the same shape, of whole numbers where the network takes those.
    """
    array = one_array(images)
    inputs = _ends(model)[0] if isinstance(model, keras.Model) else None
    whole = inputs is not None and "int" in str(inputs[0].dtype) and array.dtype.kind == "f"
    return np.trunc(array) if whole else array


def _ends(model: keras.Model) -> tuple[list[keras.KerasTensor] | None, list[keras.KerasTensor]]:
    """Return the tensors that go in and come out; None for a network that names none."""
    try:
        return list(model.inputs or []) or None, list(model.outputs or [])
    except (AttributeError, ValueError):
        return None, []


def _check_outputs(outputs: list[Any]) -> None:
    """Refuse outputs that are not one row of scores for each picture."""
    if len(outputs) != 1:
        listed = ", ".join(str(tuple(t.shape)) for t in outputs)
        raise ValueError(
            f"the model has {len(outputs)} outputs of shapes {listed}; expected one, (n, classes): "
            "pass keras.Model(model.inputs, model.outputs[0]), or another one of them"
        )
    shape = tuple(outputs[0].shape)
    if len(shape) != 2:
        raise ValueError(
            f"the model returns shape {shape}; expected (n, classes), one row of scores for each "
            "picture: add a Flatten or a pooling layer, or keras.layers.Reshape((-1,)) for one "
            "score"
        )


@lru_cache(maxsize=8)
def _cut_out(model: keras.Model) -> keras.Model:
    """Return the same layers without the list or dict around picture and scores."""
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


@lru_cache(maxsize=8)
def _wrapped(model: keras.Model, shape: tuple[int, ...]) -> keras.Model:
    """Return a functional network around one that names no input, or none of a known size."""
    start = keras.Input(shape)
    try:
        end = model(start)
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"the model cannot be called on a placeholder of shape {shape} ({reason}): pass a "
            "function instead, such as lambda pictures: model.predict(pictures, verbose=0)"
        ) from error
    outputs = keras.tree.flatten(end)
    _check_outputs(outputs)
    network = keras.Model(start, outputs[0], name=model.name)
    return flat_network(network) if _is_nested(model) else network


@lru_cache(maxsize=8)
def _calm(network: keras.Model) -> keras.Model:
    """Return `without_augmentation`, the same one for the same network."""
    return without_augmentation(network)


@lru_cache(maxsize=8)
def _with_float_input(network: keras.Model) -> keras.Model:
    """Return a network with the same layers that takes float32 instead of whole numbers."""
    start = keras.Input(network.inputs[0].shape[1:])
    clone = keras.models.clone_model(
        _as_functional(network), input_tensors=start, clone_function=lambda layer: layer
    )
    return keras.Model(clone.inputs[0], clone.outputs[0])


def _in_half_precision(network: keras.Model) -> bool:
    """Tell whether some layer computes with 16 bits."""
    own = [each for each in network._flatten_layers() if not isinstance(each, layers.InputLayer)]
    return any("16" in layer.compute_dtype for layer in own)


@lru_cache(maxsize=8)
def _in_single_precision(network: keras.Model) -> keras.Model:
    """Return a copy of a network in half precision that computes in float32."""

    def single(layer: keras.Layer) -> keras.Layer:
        try:
            return type(layer).from_config({**layer.get_config(), "dtype": "float32"})
        except (NotImplementedError, TypeError) as error:
            raise ValueError(
                f"layer {layer.name!r} computes with 16 bits and cannot be copied to float32: "
                f"give its class {type(layer).__name__} a get_config"
            ) from error

    start = keras.Input(network.inputs[0].shape[1:], dtype="float32")
    clone = keras.models.clone_model(
        _as_functional(network), input_tensors=start, clone_function=single, recursive=True
    )
    copy = keras.Model(clone.inputs[0], clone.outputs[0])
    copy.set_weights(network.get_weights())
    return copy


def _is_nested(layer: keras.Layer) -> bool:
    """Tell whether a layer is a network of layers that can be walked through."""
    return isinstance(layer, keras.Model) and _ends(layer)[0] is not None


def _as_functional(network: keras.Model) -> keras.Model:
    """Return a Sequential as a functional network, which clones with other inputs and calls."""
    if isinstance(network, keras.Sequential):
        return keras.Model(network.inputs[0], network.outputs[0], name=network.name)
    return network
