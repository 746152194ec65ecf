"""Fifty photographs of things that ImageNet has classes for (chapter ``06_gradient_shap``).

The set that shap's own examples use as a background. Read from a local folder, or fetched by
`shap.datasets.imagenet50`. The package carries none of the photographs.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import shap
from numpy.typing import NDArray
from skimage.transform import resize

from insectlib.data.image_files import SUFFIXES, picture_files, read_images
from insectlib.data.sources.downloads import no_long_silence
from insectlib.data.sources.errors import DataUnavailableError

HELP = (
    "Name a folder with the photographs: set the environment variable INSECTLIB_IMAGENET50, or "
    "pass folder=..."
)


def imagenet50_at_hand() -> bool:
    """Say whether `load_imagenet50` needs no internet.

    Chapter ``06_gradient_shap``.

    Returns
    -------
    bool
        Whether the environment variable ``INSECTLIB_IMAGENET50`` names a folder that is there.
    """
    named = os.environ.get("INSECTLIB_IMAGENET50")
    return bool(named) and Path(str(named)).is_dir()


def load_imagenet50(size: int = 224, folder: Path | str | None = None) -> NDArray[np.float32]:
    """Return the fifty photographs, or those of a folder of yours.

    Chapter ``06_gradient_shap``. They come without labels: shap's authors replaced the original
    photographs by similar ones that may be shared, and the labels need not fit these.

    Parameters
    ----------
    size : int
        Side of the square results in pixels.
    folder : Path or str, optional
        With picture files, read in alphabetical order. Where it is missing, the environment
        variable ``INSECTLIB_IMAGENET50`` names it; where that is missing too, shap fetches its
        own 224-pixel copies once (30 MB).

    Returns
    -------
    float32 array, shape (n, size, size, 3)
        Values from 0 to 255.

    Raises
    ------
    DataUnavailableError
        When the folder is missing or has no pictures, or the photographs cannot be fetched.
    ValueError
        For a file that cannot be read as a picture.
    """
    named = folder or os.environ.get("INSECTLIB_IMAGENET50")
    if not named:
        return _fetched(size)
    root = Path(named).absolute()
    if not root.is_dir():
        raise DataUnavailableError(f"{root} is not a folder. {HELP}")
    files = picture_files(root)
    if not files:
        raise DataUnavailableError(
            f"{root} has no files ending in {', '.join(sorted(SUFFIXES))}. {HELP}"
        )
    return read_images(files, size)


def _fetched(size: int) -> NDArray[np.float32]:
    """Let shap fetch its copies, and bring them to size."""
    try:
        with no_long_silence():
            pictures, _ = shap.datasets.imagenet50()
    except Exception as error:  # all that urllib raises, or NumPy for a file that was cut off
        for part in Path(shap.datasets.__file__).with_name("cached_data").glob("imagenet50_*"):
            with suppress(OSError):  # shap would take it for whole the next time
                part.unlink()
        raise DataUnavailableError(
            f"the photographs could not be fetched ({error}). {HELP}"
        ) from error
    if pictures.shape[1:3] != (size, size):
        shape = (len(pictures), size, size, 3)
        pictures = resize(pictures, shape, order=1, anti_aliasing=True, preserve_range=True)
    return np.asarray(np.clip(pictures, 0, 255), dtype=np.float32)
