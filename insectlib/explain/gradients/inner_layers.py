"""Explaining an inner layer: two networks instead of one (chapter ``06_gradient_shap``).

shap's own way, a pair of tensors instead of a model, does not work with Keras 3.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from insectlib.models.inference import BATCH, quiet_inputs
from insectlib.models.networks import flat_network

SHOWN = 12
"""Names of layers in a message, at most."""


class Halves(NamedTuple):
    """A network in two parts; ``after(before(pictures))`` is what the whole returns."""

    before: keras.Model
    after: keras.Model


def cut_points(model: keras.Model) -> tuple[str, ...]:
    """Name the layers where a network can be cut in two.

    Chapter ``06_gradient_shap``.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional.

    Returns
    -------
    tuple of str
        From the picture to the output. Every path from the picture to the output goes
        through each of them, and what comes out of it is laid out like a picture, (height, width,
        channels), with more than one place.
    """
    return tuple(_cuts(flat_network(model)))


def split_at(model: keras.Model, layer: str) -> Halves:
    """Cut a network in two after one of its layers.

    Chapter ``06_gradient_shap``.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional. It stays as it is; the weights are shared.
    layer : str
        One of the `cut_points`.

    Returns
    -------
    Halves
        ``before`` takes pictures and returns the features, shape (n, rows, columns, channels);
        ``after`` takes those and returns what `model` does.

    Raises
    ------
    ValueError
        When the network has no such layer, or cannot be cut there; the message names the layers
        that would do.
    """
    model = flat_network(model)
    cuts = _cuts(model)
    if layer not in cuts:
        raise ValueError(f"{_why_not(model, layer)}; {_advice(list(cuts))}")
    return Halves(
        keras.Model(model.inputs[0], cuts[layer], name=f"until_{layer}"),
        keras.Model(cuts[layer], model.outputs[0], name=f"after_{layer}"),
    )


def features_at(
    network: keras.Model, layer: str, *pictures: NDArray[np.float32]
) -> tuple[keras.Model, list[NDArray[np.float32]]]:
    """Return what comes after a layer as a network of its own, and the features that it takes.

    Chapter ``06_gradient_shap``. This is what `insectlib.explain.gradient_shap` and
    `insectlib.explain.deep_shap` explain when they are given a layer.

    Parameters
    ----------
    network : keras.Model
        From `insectlib.models.networks.differentiable_network`.
    layer : str
        One of the `cut_points`.
    *pictures : float32 arrays, shape (n, height, width, channels)
        Each is taken through the first part of the network once.

    Returns
    -------
    after : keras.Model
        Takes features and returns outputs.
    features : list of float32 arrays, shape (n, rows, columns, channels of the layer)

    Raises
    ------
    ValueError
        As `split_at`.
    """
    halves = split_at(network, layer)
    with quiet_inputs():
        features = [halves.before.predict(each, batch_size=BATCH, verbose=0) for each in pictures]
    return halves.after, features


def over_the_picture(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Lay the attributions of a layer's features over the picture.

    Chapter ``06_gradient_shap``.

    Parameters
    ----------
    values : float64 array, shape (n, rows, columns, channels of the layer, k)
    shape : tuple of int
        (height, width, channels) of the picture.

    Returns
    -------
    float64 array, shape (n, height, width, channels, k)
        The channels of the layer are added up, `enlarge` spreads each place over the picture, and
        its channels share it equally: the sum over everything is the layer's own.
    """
    height, width, channels = shape
    fine = enlarge(values.sum(axis=3), height, width) / channels
    return np.repeat(fine[:, :, :, None], channels, axis=3)


def enlarge(maps: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Spread each place of coarse maps smoothly over the pixels around it; sums stay.

    Chapter ``06_gradient_shap``. The result looks like a picture that was enlarged with bilinear
    interpolation, but each place hands out what it has: a plain enlargement would multiply the
    sum by the number of pixels to a place, and give less to places at the border.

    Parameters
    ----------
    maps : float64 array, shape (n, rows, columns, k)
        One map for each picture and class.
    height, width : int
        Size of the result in pixels.

    Returns
    -------
    float64 array, shape (n, height, width, k)
        With the sum of `maps` for each picture and class.
    """
    down, across = _weights(maps.shape[1], height), _weights(maps.shape[2], width)
    return np.asarray(np.einsum("yr,xc,nrck->nyxk", down, across, maps, optimize=True))


def _weights(places: int, pixels: int) -> NDArray[np.float64]:
    """Return how much of each place goes to each pixel, shape (pixels, places).

    Columns add up to 1.
    """
    centres = (np.arange(pixels) + 0.5) * places / pixels - 0.5  # of the pixels, in places
    distance = np.abs(centres.clip(0, places - 1)[:, None] - np.arange(places))
    weights = np.maximum(1 - distance, 0)
    total = weights.sum(axis=0)
    for place in np.flatnonzero(total == 0):  # fewer pixels than places: to the nearest
        weights[distance[:, place].argmin(), place] = 1
    return np.asarray(weights / weights.sum(axis=0))


def _cuts(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the cut points of a network and what comes out of each, first to last."""
    return {
        name: tensors[0]
        for name, tensors in tensors_of(model).items()
        if _laid_out(tensors[0])
        and len(tensors) == 1
        and not _goes_around(model, tensors[0])
        # what Keras puts between a network and one that is nested in it is no layer of anybody's
        and not name.startswith("convert_to_tensor")
    }


def _why_not(model: keras.Model, layer: str) -> str:
    """Say why a network cannot be cut after a layer."""
    tensors = tensors_of(model).get(layer)
    if tensors is None:
        return f"the network has no inner layer {layer!r}"
    if not _laid_out(tensors[0]):
        return (
            f"what comes out of {layer!r} has shape {tuple(tensors[0].shape)}, and no longer says "
            "where in the picture anything is"
        )
    if len(tensors) > 1:
        return f"{layer!r} is used more than once, or returns more than one tensor"
    return f"the network cannot be cut after {layer!r}, for another path leads around it"


def _advice(names: list[str]) -> str:
    """Say which layers would do; some of them where there are many."""
    if not names:
        return "nor can it be cut anywhere else: explain its pixels"
    some = [names[round(i)] for i in np.linspace(0, len(names) - 1, min(len(names), SHOWN))]
    of_them = "" if len(some) == len(names) else f" (some of {len(names)}, see cut_points)"
    return f"expected one of {', '.join(some)}{of_them}"


def tensors_of(model: keras.Model) -> dict[str, list[keras.KerasTensor]]:
    """Return what each layer hands on, first to last; the inputs are left out.

    Walked back from the output, for ``layer.output`` may belong to another network that shares
    the layer. A layer comes after all that it needs.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional.

    Returns
    -------
    dict of str to list of keras.KerasTensor
        By the name of the layer; several where it is used more than once.
    """
    found: dict[str, list[keras.KerasTensor]] = {}
    done: set[int] = set()
    waiting = [(tensor, False) for tensor in model.outputs]
    while waiting:
        tensor, has_parents = waiting.pop()
        if has_parents:
            if parents_of(tensor):
                found.setdefault(tensor._keras_history.operation.name, []).append(tensor)
        elif id(tensor) not in done:
            done.add(id(tensor))
            waiting.append((tensor, True))
            waiting.extend((parent, False) for parent in parents_of(tensor))
    return found


def parents_of(tensor: keras.KerasTensor) -> list[keras.KerasTensor]:
    """Return what a layer made this tensor from.

    Parameters
    ----------
    tensor : keras.KerasTensor
        From `tensors_of`.

    Returns
    -------
    list of keras.KerasTensor
        Empty for an input.
    """
    history = tensor._keras_history
    return list(history.operation._inbound_nodes[history.node_index].input_tensors)


def _goes_around(model: keras.Model, cut: keras.KerasTensor) -> bool:
    """Tell whether the outputs can be reached from the inputs without the tensor `cut`."""
    waiting, done = list(model.outputs), {id(cut)}
    while waiting:
        tensor = waiting.pop()
        if id(tensor) not in done:
            done.add(id(tensor))
            if not parents_of(tensor):
                return True
            waiting.extend(parents_of(tensor))
    return False


def _laid_out(tensor: keras.KerasTensor) -> bool:
    """Tell whether a tensor has the axes of pictures, and more than one place."""
    shape = tensor.shape
    return len(shape) == 4 and None not in shape[1:] and shape[1] * shape[2] > 1
