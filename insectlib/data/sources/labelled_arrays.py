"""Small labelled pictures as Keras hands them out: four arrays, from Keras or a local file."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insectlib.data.imageset import ImageSet
from insectlib.data.sources.downloads import no_long_silence
from insectlib.data.sources.errors import DataUnavailableError

Arrays = dict[str, NDArray[Any]]
NAMES = ("x_train", "y_train", "x_test", "y_test")

MAX_BYTES = 1_000_000_000
"""Files with larger arrays are refused; those of CIFAR-10 have 184,000,000."""


def keras_folder() -> Path:
    """Return where Keras keeps data sets."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "datasets"


def at_hand(variable: str, fetched: str) -> bool:
    """Say whether a data set needs no internet.

    Parameters
    ----------
    variable : str
        Name of the environment variable that may name a local file.
    fetched : str
        Name of what Keras leaves in its folder when it has fetched the data set.

    Returns
    -------
    bool
    """
    named = os.environ.get(variable)
    return Path(named).is_file() if named else (keras_folder() / fetched).exists()


def labelled_arrays(
    title: str, variable: str, load_data: Callable[[], Any], file: Path | str | None
) -> Arrays:
    """Return the four arrays of a data set, from a local file or from Keras.

    Parameters
    ----------
    title : str
        Of the data set, for messages.
    variable : str
        Name of the environment variable that names the file where `file` does not.
    load_data : callable
        Of Keras; fetches and checks the pictures, or reads what it has fetched before.
    file : Path or str, optional
        A .npz.

    Returns
    -------
    dict of str to array
        ``x_train``, ``y_train``, ``x_test`` and ``y_test``; not checked.

    Raises
    ------
    DataUnavailableError
        When the file is missing or is no .npz of these arrays, or Keras cannot fetch them.
    """
    hint = (
        "Without internet, name a local .npz with x_train, y_train, x_test and y_test: set the "
        f"environment variable {variable}, or pass file=..."
    )
    named = file or os.environ.get(variable)
    if named:
        return _read(Path(named).absolute(), hint)
    try:
        with no_long_silence():
            train, test = load_data()
    except Exception as error:  # urllib's errors come as plain Exception from Keras
        raise DataUnavailableError(f"{title} could not be fetched ({error}). {hint}") from error
    return dict(zip(NAMES, (*train, *test), strict=True))


def _read(file: Path, hint: str) -> Arrays:
    """Read the arrays of a local file, which may hold nothing but plain arrays."""
    if not file.is_file():
        raise DataUnavailableError(f"there is no file {file}. {hint}")
    try:
        with zipfile.ZipFile(file) as packed:
            size = sum(member.file_size for member in packed.infolist())
        if size > MAX_BYTES:
            raise ValueError(f"it unfolds to {size:,} bytes, more than {MAX_BYTES:,}")
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in NAMES}
        if odd := [name for name in NAMES if not isinstance(arrays[name], np.ndarray)]:
            raise ValueError(f"{odd[0]} is no array")
        return arrays
    except KeyError as error:
        raise DataUnavailableError(
            f"{file} has no array {error.args[0]}; expected x_train, y_train, x_test and y_test"
        ) from error
    except Exception as error:  # readers of damaged files raise nearly everything
        raise DataUnavailableError(
            f"{file} cannot be read as a .npz of plain arrays ({error}): is it truncated, or "
            "another kind of file?"
        ) from error


def image_sets(
    arrays: Arrays, shape: tuple[int, ...], class_names: Sequence[str]
) -> tuple[ImageSet, ImageSet]:
    """Check both parts and return them.

    Parameters
    ----------
    arrays : dict of str to array
        From `labelled_arrays`.
    shape : tuple of int
        Of one picture: (height, width, channels), or (height, width) for grey levels.
    class_names : sequence of str
        In the order of the labels.

    Returns
    -------
    tuple of ImageSet
        Training and test part; grey pictures have one channel. Each picture is a group of its own;
        its name is its number in the part.

    Raises
    ------
    DataUnavailableError
        For pictures of another type or shape, and for other labels.
    """
    training, test = (_part(arrays, part, shape, tuple(class_names)) for part in ("train", "test"))
    return training, test


def _part(
    arrays: Arrays, part: str, shape: tuple[int, ...], class_names: tuple[str, ...]
) -> ImageSet:
    pictures, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    if pictures.dtype != np.uint8 or pictures.shape[1:] != shape or not len(pictures):
        raise DataUnavailableError(
            f"x_{part} is {pictures.dtype} of shape {pictures.shape}; expected uint8 "
            f"(n, {', '.join(map(str, shape))})"
        )
    if labels.shape not in ((len(pictures),), (len(pictures), 1)) or labels.dtype.kind not in "iu":
        raise DataUnavailableError(
            f"y_{part} is {labels.dtype} of shape {labels.shape}; expected {len(pictures)} whole "
            "numbers, one for each picture"
        )
    if not 0 <= labels.min() <= labels.max() < len(class_names):
        raise DataUnavailableError(
            f"y_{part} goes from {labels.min()} to {labels.max()}; expected classes from 0 to "
            f"{len(class_names) - 1}"
        )
    return ImageSet(
        images=pictures.reshape(*pictures.shape[:3], -1).astype(np.float32),
        labels=labels.ravel().astype(np.int64),
        class_names=class_names,
        names=tuple(str(i) for i in range(len(pictures))),
        digests=tuple(sha256(picture.tobytes()).hexdigest() for picture in pictures),
        groups=np.arange(len(pictures), dtype=np.int64),
    )
