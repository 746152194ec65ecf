"""Networks whose last map of features is local: each place of it sees a window of the picture.

Chapter ``14_estimators``. The window is the place's receptive field; Araujo, Norris and Sim (2019)
say how large it is. What happens outside a window cannot be known at its place, and
`insectlib.explain.masking.patchwork` makes use of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from insectlib.explain.gradients.inner_layers import parents_of, tensors_of
from insectlib.models.networks import without_augmentation

# By their exact kinds, for a class of somebody's own may do anything. What the first do in one
# place depends on that place alone.
POINTWISE = (
    layers.Identity,
    layers.Rescaling,
    layers.Dropout,
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.BatchNormalization,
)
POOLING = (layers.MaxPooling2D, layers.AveragePooling2D)
SLIDING = (layers.Conv2D, layers.DepthwiseConv2D, *POOLING)
WITHOUT_EFFECT = (layers.Identity, layers.Dropout)


@dataclass(frozen=True)
class LocalNetwork:
    """What follows the last map of features of a network, and what each place of that map sees.

    Parameters
    ----------
    down, across : tuple of (int, int)
        First row (column) of each window, and the one behind its last; may lie outside.
    dense : keras.layers.Dense
        Takes the flattened map.
    later : sequence of keras.Operation
        What follows, one after the other.
    """

    down: tuple[tuple[int, int], ...]
    across: tuple[tuple[int, int], ...]
    dense: layers.Dense
    later: Sequence[keras.Operation]

    @property
    def weights(self) -> NDArray[np.float32]:
        """Of the dense layer, place by place, shape (places, channels, units)."""
        kernel = np.asarray(keras.ops.convert_to_tensor(self.dense.kernel), dtype=np.float32)
        return kernel.reshape(len(self.down) * len(self.across), -1, self.dense.units)

    @property
    def bias(self) -> NDArray[np.float32]:
        """Of the dense layer, shape (units,)."""
        if self.dense.bias is None:
            return np.zeros(self.dense.units, dtype=np.float32)
        return np.asarray(keras.ops.convert_to_numpy(self.dense.bias), dtype=np.float32)

    def head(self, sums: NDArray[np.float32]) -> NDArray[np.floating]:
        """Return the logits (m, n_classes) of what the dense layer adds up to, (m, units)."""
        return self._later(self.dense.activation(keras.ops.convert_to_tensor(sums)))

    def logits(self, maps: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the logits of maps of features, shape (m, places * channels)."""
        return self._later(self.dense(keras.ops.convert_to_tensor(maps, dtype="float32")))

    def _later(self, outputs: Any) -> NDArray[np.floating]:
        for operation in self.later:
            inference = {"training": False} if isinstance(operation, layers.Layer) else {}
            outputs = operation(outputs, **inference)
        return np.asarray(keras.ops.convert_to_numpy(outputs))


_apart: WeakKeyDictionary[keras.Model, tuple[keras.Model, LocalNetwork] | str] = WeakKeyDictionary()


def local_network(model: keras.Model) -> tuple[keras.Model, LocalNetwork]:
    """Take a network apart at its last map of features; the parts are kept as long as it is.

    Parameters
    ----------
    model : keras.Model
        A chain of convolutions and poolings, a `Flatten`, and dense layers, such as
        `insectlib.models.small_cnn`. Layers that augment are taken out.

    Returns
    -------
    keras.Model
        From pictures to the last map of features, flattened.
    LocalNetwork
        What is left of `model`. The weights are shared.

    Raises
    ------
    ValueError
        For a network of another kind, with the layer that is in the way.
    """
    if model not in _apart:
        augments = any(type(layer).__name__.startswith("Rand") for layer in model.layers)
        try:
            _apart[model] = _taken_apart(without_augmentation(model) if augments else model)
        except ValueError as error:
            _apart[model] = str(error)
    parts = _apart[model]
    if isinstance(parts, str):
        raise ValueError(
            "local_network takes apart a chain of convolutions and poolings, Flatten, and dense "
            f"layers; {model.name!r} is not one: {parts}"
        )
    return parts


def _taken_apart(model: keras.Model) -> tuple[keras.Model, LocalNetwork]:
    """See `local_network`."""
    if len(model.inputs) > 1 or len(model.outputs) > 1:
        raise ValueError("it has several inputs or outputs")
    chain, made = [], []
    for name, tensors in tensors_of(model).items():
        if len(tensors) > 1 or len(parents_of(tensors[0])) > 1:
            raise ValueError(f"layer {name!r} is none of them")
        chain.append(tensors[0]._keras_history.operation)
        made.append(tensors[0])
    end = next((i for i, part in enumerate(chain) if not _is_local(part)), len(chain))
    if not any(type(part) in SLIDING for part in chain[:end]):
        raise ValueError("it has no map of features")
    after = [part for part in chain[end:] if type(part) not in WITHOUT_EFFECT]
    if [type(part) for part in after[:2]] != [layers.Flatten, layers.Dense]:
        found = type(after[0]).__name__ if after else "nothing"
        raise ValueError(
            f"behind its last map, {chain[end - 1].name!r}, comes {found}, where Flatten and Dense "
            "were expected"
        )
    _, dense, *later = after
    trunk = keras.Model(model.inputs[0], layers.Flatten()(made[end - 1]))
    size = model.input_shape[1:3]
    down, across = (windows(chain[:end], axis, size[axis]) for axis in (0, 1))
    return trunk, LocalNetwork(down, across, dense, later)


def _is_local(operation: keras.Operation) -> bool:
    """Tell whether each place of what comes out depends on a window of what goes in."""
    if type(operation) not in POINTWISE + SLIDING:
        return False
    activation = getattr(operation, "activation", None)
    return activation is None or str(activation.__module__).startswith("keras.")


def windows(
    chain: Sequence[keras.Operation], axis: int, pixels: int
) -> tuple[tuple[int, int], ...]:
    """Return what each place of a chain's output sees, along one axis of the picture.

    Parameters
    ----------
    chain : sequence of keras.Operation
        Of the kinds `POINTWISE` and `SLIDING`.
    axis : int
        0 for rows, 1 for columns.
    pixels : int
        Of the picture along this axis.

    Returns
    -------
    tuple of (int, int)
        First pixel of each window, and the one behind its last; may lie outside the picture.
    """
    first, length, step, places = 0, 1, 1, pixels
    for layer in chain:
        if type(layer) not in SLIDING:
            continue
        pools = type(layer) in POOLING
        reach = layer.pool_size[axis] if pools else layer.kernel_size[axis]
        if not pools:
            reach = (reach - 1) * layer.dilation_rate[axis] + 1
        stride = layer.strides[axis]
        size = places
        if layer.padding == "same":
            places = -(-size // stride)
            first -= max((places - 1) * stride + reach - size, 0) // 2 * step
        else:
            places = (size - reach) // stride + 1
        length += (reach - 1) * step
        step *= stride
    return tuple((first + i * step, first + i * step + length) for i in range(places))
