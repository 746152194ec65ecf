"""One type for pictures with labels, whatever they come from (chapter ``01_data``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import tensorflow as tf

    from insectlib.specimens import Scene


@dataclass(frozen=True)
class ImageSet:
    """Labelled pictures, all of one size.

    Parameters
    ----------
    images : float32 array, shape (n, height, width, 3)
        Red, green and blue, each from 0 to 255.
    labels : int64 array, shape (n,)
        Class index of each picture, from 0 to ``len(class_names) - 1``.
    class_names : tuple of str
        Name of each class, in the order of the indices.
    names : tuple of str
        Catalogue number (file stem) of each picture.
    digests : tuple of str
        SHA-256 of the file (photographs) or of the pixels (specimens); equal digests are copies.
    groups : int64 array, shape (n,)
        Pictures that belong together, such as a run of neighbouring catalogue numbers.
    masks : uint8 array, shape (n, height, width), optional
        What each pixel shows, as indices of `insectlib.PARTS`; None for photographs.
    scenes : tuple of Scene, optional
        What each specimen was drawn from; None for photographs.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    digests: tuple[str, ...]
    groups: NDArray[np.int64]
    masks: NDArray[np.uint8] | None = None
    scenes: tuple[Scene, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Sequence[int] | NDArray[np.int64]) -> ImageSet:
        """Return the pictures at `indices`, in that order."""
        index = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            images=self.images[index],
            labels=self.labels[index],
            names=tuple(self.names[i] for i in index),
            digests=tuple(self.digests[i] for i in index),
            groups=self.groups[index],
            masks=None if self.masks is None else self.masks[index],
            scenes=None if self.scenes is None else tuple(self.scenes[i] for i in index),
        )
