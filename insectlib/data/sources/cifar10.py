"""CIFAR-10, sixty thousand small photographs of ten classes (chapter ``07_deep_shap``).

Krizhevsky (2009). Fetched by Keras from its author's page and checked by SHA-256, or taken from a
local file. The package carries none of the pictures.
"""

from __future__ import annotations

import os
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from insectlib.data.imageset import ImageSet
from insectlib.data.sources.errors import DataUnavailableError

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

SIZE = 32

HELP = (
    "Without internet, name a local .npz with x_train, y_train, x_test and y_test: set the "
    "environment variable INSECTLIB_CIFAR10, or pass file=..."
)


def cifar10_at_hand() -> bool:
    """Say whether `load_cifar10` needs no internet.

    Chapter ``07_deep_shap``.

    Returns
    -------
    bool
        Whether the environment variable ``INSECTLIB_CIFAR10`` names a file that is there, or Keras
        has fetched the pictures before.
    """
    named = os.environ.get("INSECTLIB_CIFAR10")
    if named:
        return Path(named).is_file()
    return (_keras_folder() / "cifar-10-batches-py-target").exists()


def load_cifar10(file: Path | str | None = None) -> tuple[ImageSet, ImageSet]:
    """Return the training and test part of CIFAR-10, or of a local piece of it.

    Chapter ``07_deep_shap``.

    Parameters
    ----------
    file : Path or str, optional
        A .npz with ``x_train``, ``y_train``, ``x_test`` and ``y_test``: pictures uint8
        (n, 32, 32, 3) and labels from 0 to 9. Where it is missing, the environment variable
        ``INSECTLIB_CIFAR10`` names it; where that is missing too, Keras fetches all 60,000 once
        (170 MB), and checks their SHA-256.

    Returns
    -------
    tuple of ImageSet
        Training and test part, values from 0 to 255. Each picture is a group of its own; its
        name is its number in the part.

    Raises
    ------
    DataUnavailableError
        When the file is missing, is no .npz of plain arrays, or holds something else than CIFAR-10;
        and when the pictures cannot be fetched.
    """
    named = file or os.environ.get("INSECTLIB_CIFAR10")
    arrays = _read(Path(named)) if named else _fetch()
    return _part(arrays, "train"), _part(arrays, "test")


def _keras_folder() -> Path:
    """Return where Keras keeps data sets."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "datasets"


def _fetch() -> dict[str, NDArray[Any]]:
    """Let Keras fetch and check the pictures, or read what it has fetched before."""
    try:
        train, test = keras.datasets.cifar10.load_data()
    except Exception as error:  # urllib's errors come as plain Exception from Keras
        raise DataUnavailableError(f"CIFAR-10 could not be fetched ({error}). {HELP}") from error
    return dict(zip(("x_train", "y_train", "x_test", "y_test"), (*train, *test), strict=True))


def _read(file: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a local file, which may hold nothing but plain arrays."""
    if not file.is_file():
        raise DataUnavailableError(f"there is no file {file}. {HELP}")
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    except KeyError as error:
        raise DataUnavailableError(
            f"{file} has no array {error.args[0]}; expected x_train, y_train, x_test and y_test"
        ) from error
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataUnavailableError(
            f"{file} cannot be read as a .npz of plain arrays ({error}): is it truncated, or "
            "another kind of file?"
        ) from error


def _part(arrays: dict[str, NDArray[Any]], part: str) -> ImageSet:
    """Check one part and return it."""
    pictures, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (SIZE, SIZE, 3) or not len(pictures):
        raise DataUnavailableError(
            f"x_{part} is {pictures.dtype} of shape {pictures.shape}; expected uint8 (n, 32, 32, 3)"
        )
    if labels.shape not in ((len(pictures),), (len(pictures), 1)) or labels.dtype.kind not in "iu":
        raise DataUnavailableError(
            f"y_{part} is {labels.dtype} of shape {labels.shape}; expected {len(pictures)} whole "
            "numbers, one for each picture"
        )
    if not 0 <= labels.min() <= labels.max() < len(CLASS_NAMES):
        raise DataUnavailableError(
            f"y_{part} goes from {labels.min()} to {labels.max()}; expected classes from 0 to 9"
        )
    return ImageSet(
        images=pictures.astype(np.float32),
        labels=labels.ravel().astype(np.int64),
        class_names=CLASS_NAMES,
        names=tuple(str(i) for i in range(len(pictures))),
        digests=tuple(sha256(picture.tobytes()).hexdigest() for picture in pictures),
        groups=np.arange(len(pictures), dtype=np.int64),
    )
