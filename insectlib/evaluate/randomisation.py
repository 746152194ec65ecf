"""Sanity checks: an explanation must change when the weights or the labels are randomised.

Chapter ``09_evaluation``; Adebayo et al. (2018).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import keras
import numpy as np

if TYPE_CHECKING:
    from insectlib.data.imageset import ImageSet


def layers_with_weights(model: keras.Model) -> list[str]:
    """Return the names of the layers that learn, from the output to the input.

    Chapter ``09_evaluation``.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional. A model inside it counts as one layer.

    Returns
    -------
    list of str
    """
    return [layer.name for layer in reversed(model.layers) if layer.weights]


def with_shuffled_weights(model: keras.Model, layers: Sequence[str], *, seed: int) -> keras.Model:
    """Return a copy of a network in which some layers have forgotten what they had learnt.

    Chapter ``09_evaluation``. The numbers of each weight array change places: their sizes stay as
    they were, so that nothing changes but what was learnt.

    Parameters
    ----------
    model : keras.Model
        Stays as it is.
    layers : sequence of str
        Names of layers that have weights.
    seed : int
        Seed of the permutations of the weights.

    Returns
    -------
    keras.Model
        A copy with weights of its own.

    Raises
    ------
    ValueError
        For a layer that is not there or has no weights.
    """
    known = layers_with_weights(model)
    for name in layers:
        if name not in known:
            raise ValueError(f"no layer {name!r} with weights; expected one of {', '.join(known)}")
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for name in layers:
        layer = copy.get_layer(name)
        # a stream for each layer: it ends up the same however many others are shuffled with it
        random = np.random.default_rng([seed, known.index(name)])
        layer.set_weights(
            [random.permutation(w.ravel()).reshape(w.shape) for w in layer.get_weights()]
        )
    return copy


def cascade(model: keras.Model, *, seed: int) -> Iterator[tuple[str, keras.Model]]:
    """Yield copies of a network with more and more layers shuffled, from the output down.

    Chapter ``09_evaluation``: the cascading randomisation of Adebayo et al. (2018).

    Parameters
    ----------
    model : keras.Model
    seed : int
        Seed passed to `with_shuffled_weights`.

    Yields
    ------
    tuple of str and keras.Model
        The layer that was shuffled last, and the network in which it and all layers above it are.
    """
    names = layers_with_weights(model)
    for depth, name in enumerate(names, start=1):
        yield name, with_shuffled_weights(model, names[:depth], seed=seed)


def with_shuffled_labels(pictures: ImageSet, *, seed: int) -> ImageSet:
    """Return pictures with labels that say nothing about them (chapter ``09_evaluation``).

    A network that is trained on them can only memorise them. An explanation that looks the
    same for it does not show what the network knows.

    Parameters
    ----------
    pictures : ImageSet
    seed : int
        Seed of the permutation of the labels.

    Returns
    -------
    ImageSet
        Each class has as many pictures as before.
    """
    labels = np.random.default_rng(seed).permutation(pictures.labels)
    return replace(pictures, labels=labels)
