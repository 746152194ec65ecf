"""A picture of the reader's own, as the networks of the course take it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from insectlib.data.image_files import read_image

EXAMPLE_PICTURE = Path(__file__).with_name("example.png")
"""A drawn beetle, in no collection of the course: what chapter ``05_kernel_shap`` reads."""


def load_picture(path: Path | str, size: int) -> NDArray[np.float32]:
    """Read one picture file for a network.

    Parameters
    ----------
    path : Path or str
        Of the file, of any kind that `read_image` takes.
    size : int
        Side of the result in pixels: that of the pictures the network was trained on.

    Returns
    -------
    float32 array, shape (size, size, 3)
        Red, green and blue, from 0 to 255. The picture is squeezed to a square.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        As `read_image`, and for a `size` that is no whole number above 0.
    """
    whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
    if not whole or size < 1:
        raise ValueError(f"size is {size!r}; expected the side of the picture in pixels, 1 or more")
    return read_image(path, int(size)).astype(np.float32)
