"""Seeds: every random step of the package starts from one that is passed to it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING

import numpy as np
from numpy.random.mtrand import get_bit_generator, set_bit_generator

if TYPE_CHECKING:
    import keras


def seed_stream(seed: int) -> Iterator[int]:
    """Yield one seed after another, all drawn from `seed`, so that no two layers share one.

    Parameters
    ----------
    seed : int
        Not negative; the same seed gives the same stream.

    Yields
    ------
    int
        From 0 to 2**31 - 1.
    """
    generator = np.random.default_rng(seed)
    while True:
        yield int(generator.integers(2**31))


_one_at_a_time = RLock()


@contextmanager
def numpy_seed(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, which shap draws from, inside a ``with`` block.

    Afterwards the generator is as it was before. All threads share it, so one thread at a time gets
    into such a block: explanations in several threads have the values that they have alone, and
    wait for one another. Other code that draws from the global generator in another thread is not
    kept out.

    Parameters
    ----------
    seed : int
        Not negative.
    """
    with _one_at_a_time:
        before = get_bit_generator()
        set_bit_generator(np.random.MT19937(seed))
        try:
            yield
        finally:
            set_bit_generator(before)


@contextmanager
def default_seed(seed: int) -> Iterator[None]:
    """Seed the layers that are made without a seed of their own inside a ``with`` block.

    Keras draws their seeds from Python's global generator, which afterwards is as it was before.

    Parameters
    ----------
    seed : int
        The same seed gives the same weights, dropout and augmentation.
    """
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


def random_states(network: keras.Layer) -> list[keras.Variable]:
    """Return the variables that say how far dropout and augmentation have drawn.

    Parameters
    ----------
    network : keras.Model or keras.Layer

    Returns
    -------
    list of keras.Variable
        One for each layer that can draw; a pass that draws from it changes it.
    """
    weights = {id(weight) for weight in network.weights}
    return [variable for variable in network.variables if id(variable) not in weights]
