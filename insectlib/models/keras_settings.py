"""Refuse settings of Keras that would make another network of the same lines, without a word."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import keras

P = ParamSpec("P")
T = TypeVar("T")

EXPECTED = {
    "backend": "tensorflow",
    "image_data_format": "channels_last",
    "floatx": "float32",
    "dtype_policy": "float32",
    "epsilon": 1e-7,
    "max_epochs": None,
    "max_steps_per_epoch": None,
}


def check_keras() -> None:
    """Refuse what a file of settings, the environment or a call may have changed in Keras.

    Every network of the package is built, and every training begun, behind this check.

    Raises
    ------
    RuntimeError
        With each setting that differs from `EXPECTED`.
    """
    found = {name: getattr(keras.config, name)() for name in EXPECTED}
    found["dtype_policy"] = found["dtype_policy"].name
    others = [
        f"{name} is {value!r}, expected {EXPECTED[name]!r}"
        for name, value in found.items()
        if value != EXPECTED[name]
    ]
    if others:
        home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
        raise RuntimeError(
            f"Keras is set so that networks would be others: {'; '.join(others)}. Undo it in "
            f"{home / 'keras.json'}, in the environment variables that begin with KERAS_, or where "
            "your code calls keras.config, and start anew"
        )


def checks_keras(build: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that builds a network, so that `check_keras` comes first.

    Parameters
    ----------
    build : callable
        The function.

    Returns
    -------
    callable
        Of the same signature.
    """

    @wraps(build)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        check_keras()
        return build(*args, **kwargs)

    return checked
