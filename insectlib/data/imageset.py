"""One type for pictures with labels, whatever they come from (chapter ``01_data``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.data.image_files import checked_names, class_files, picture_sizes, read_images
from insectlib.data.label_strip import strip_box

if TYPE_CHECKING:
    import tensorflow as tf

    from insectlib.specimens.scene import Scene

TOLERANCE = 0.5
"""Resizing can step over the ends of the range by rounding."""


@dataclass(frozen=True)
class ImageSet:
    """Labelled pictures, all of one size; the set may be empty.

    Parameters
    ----------
    images : float32 array, shape (n, height, width, channels)
        Red, green and blue, or any other channels, each from 0 to 255.
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
        What each pixel shows, as indices of `insectlib.specimens.PARTS`; None for photographs.
    scenes : tuple of Scene, optional
        What each specimen was drawn from; None for photographs.
    sizes : int64 array, shape (n, 2), optional
        Height and width in pixels of each file, before it was squeezed; None for specimens,
        which are drawn at the size asked for.

    Raises
    ------
    ValueError
        For pictures of another type or shape, not finite, or beyond 0 to 255; for labels that are
        no indices of `class_names`; for class names that are one text, no text, or twice the same;
        and for columns of another length than the pictures.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    digests: tuple[str, ...]
    groups: NDArray[np.int64]
    masks: NDArray[np.uint8] | None = None
    scenes: tuple[Scene, ...] | None = None
    sizes: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        shape, dtype = np.shape(self.images), getattr(self.images, "dtype", type(self.images))
        if len(shape) != 4 or 0 in shape[1:] or dtype != np.float32:
            raise ValueError(
                f"images are {dtype} of shape {shape}; expected float32 "
                "(n, height, width, channels), with values from 0 to 255"
            )
        if len(self.images):
            low, high = float(self.images.min()), float(self.images.max())
            if not (np.isfinite(low) and np.isfinite(high)):
                raise ValueError("images hold values that are no finite numbers; expected 0 to 255")
            if low < -TOLERANCE or high > 255 + TOLERANCE:
                raise ValueError(f"images go from {low:g} to {high:g}; expected 0 to 255")
        # numbers and names may come as lists or as arrays of any kind, and are kept in one
        plain: dict[str, Any] = {"class_names": checked_names(self.class_names)}
        for what in ("names", "digests"):
            plain[what] = _texts(what, getattr(self, what))
        for what in ("labels", "groups"):
            plain[what] = _whole_numbers(what, getattr(self, what), (len(self.images),))
        if self.masks is not None:
            _whole_numbers("masks", self.masks, shape[:3])
        if self.sizes is not None:
            plain["sizes"] = _whole_numbers("sizes", self.sizes, (len(self.images), 2))
        for what, value in plain.items():
            object.__setattr__(self, what, value)
        for what in ("names", "digests", "scenes"):
            column = getattr(self, what)
            if column is not None and len(column) != len(self.images):
                raise ValueError(
                    f"{len(column)} {what} for {len(self.images)} images: expected as many"
                )
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise ValueError(
                f"labels go from {self.labels.min()} to {self.labels.max()}; expected 0 to "
                f"{len(self.class_names) - 1}, the indices of {self.class_names}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Sequence[int] | NDArray[np.int64]) -> ImageSet:
        """Return the pictures at `indices`, in that order.

        Parameters
        ----------
        indices : sequence or array of int
            From 0 to ``len(self) - 1``; an index may be there twice.

        Returns
        -------
        ImageSet
            With copies of the pictures.
        """
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
            sizes=None if self.sizes is None else self.sizes[index],
        )

    def counts(self) -> dict[str, int]:
        """Return the number of pictures of each class, 0 where there are none."""
        return {name: int((self.labels == i).sum()) for i, name in enumerate(self.class_names)}

    def crop_strip(self) -> ImageSet:
        """Return the set without the bottom rows that hold the label strip."""
        top, *_ = strip_box(*self.images.shape[1:3])
        return replace(
            self,
            images=self.images[:, :top],
            masks=None if self.masks is None else self.masks[:, :top],
        )

    def dataset(
        self, batch_size: int = 32, *, shuffle: bool = False, seed: int | None = None
    ) -> tf.data.Dataset:
        """Return the pictures and labels as batches for Keras.

        Chapter ``01_data``. The pictures lie in memory once, as one tensor: that is the cache.
        Their numbers are shuffled, anew in each epoch, and the next batch is made while the last
        is used.

        Parameters
        ----------
        batch_size : int
            Pictures in a batch; the last may have fewer.
        shuffle : bool
            Whether to change the order.
        seed : int, optional
            The same seed gives the same orders.

        Returns
        -------
        tf.data.Dataset
            Of pairs: images float32 (batch, height, width, channels), labels int64 (batch,).
        """
        import tensorflow as tf

        index = tf.data.Dataset.range(len(self))
        if shuffle:
            index = index.shuffle(len(self), seed=seed, reshuffle_each_iteration=True)
        images, labels = tf.constant(self.images), tf.constant(self.labels)
        batches = index.batch(batch_size).map(
            lambda i: (tf.gather(images, i), tf.gather(labels, i)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return batches.prefetch(tf.data.AUTOTUNE)

    @classmethod
    def from_folder(
        cls,
        folder: Path | str,
        size: int,
        class_names: Sequence[str] | NDArray[np.str_] | None = None,
    ) -> ImageSet:
        """Read any folder of class folders, to use the course with pictures of your own.

        Parameters
        ----------
        folder : Path or str
            With one folder of pictures for each class.
        size : int
            Side in pixels that each picture is squeezed to.
        class_names : sequence or array of str, optional
            Names of the class folders, in the order of the class indices; all of them in
            alphabetical order where it is missing.

        Returns
        -------
        ImageSet
            Names are file stems; every picture is a group of its own until you say otherwise
            (``dataclasses.replace(imageset, groups=...)``).

        Raises
        ------
        FileNotFoundError
            When the folder or a class folder is not there.
        PermissionError
            When one of them may not be read.
        ValueError
            When a class is empty, there is but one class, `class_names` are not those of different
            folders in `folder`, or a file cannot be read.

        Warns
        -----
        UserWarning
            When files or folders are left out, with their numbers.
        """
        if size < 1:
            raise ValueError(f"size is {size}; expected the side of the pictures in pixels")
        files = class_files(folder, class_names)
        paths = [path for of_class in files.values() for path in of_class]
        return cls(
            images=read_images(paths, size),
            labels=np.repeat(np.arange(len(files)), [len(f) for f in files.values()]),
            class_names=tuple(files),
            names=tuple(path.stem for path in paths),
            digests=tuple(sha256(path.read_bytes()).hexdigest() for path in paths),
            groups=np.arange(len(paths), dtype=np.int64),
            sizes=picture_sizes(paths),
        )


def _texts(what: str, values: Sequence[str]) -> tuple[str, ...]:
    """Return names as a tuple of plain text."""
    if isinstance(values, (str, bytes)):
        raise ValueError(f"{what} is {values!r}; expected one text for each image")
    return tuple(map(str, values))


def _whole_numbers(what: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return whole numbers as int64, or say what they are instead."""
    array = np.asarray(values)
    empty = array.size == 0  # an empty list has the type of floats
    if array.shape != shape or (array.dtype.kind not in "iu" and not empty):
        raise ValueError(
            f"{what} are {array.dtype} of shape {array.shape}; expected whole numbers of shape "
            f"{shape}, as there are {shape[0]} images"
        )
    return array.astype(np.int64, copy=False)


def one_array(images: ArrayLike) -> NDArray[Any]:
    """Return pictures as one array.

    Raises
    ------
    ValueError
        For pictures of unlike shapes.
    """
    try:
        return np.asarray(images)
    except ValueError as error:
        raise ValueError(f"images are of unlike shapes ({error}): load them at one size") from None
