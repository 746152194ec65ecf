"""What is wrong with a collection, found before any network is trained (chapter ``01_data``)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from insectlib.data.datasets import Collection
from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import strip_box, strip_only
from insectlib.data.splits import unique_indices

THUMBNAIL = 64
"""Larger pictures are made smaller before the strip and the border are judged."""


def border_colours(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a picture's mean colours of its top and of its left border: six numbers for RGB.

    Chapter ``01_data``.

    Parameters
    ----------
    images : float32 array, shape (n, height, width, channels)
        Values from 0 to 255.

    Returns
    -------
    float32 array, shape (n, 2 * channels)
        The channels of the top border, then of the left one; a border is a thirty-second of the
        picture wide.
    """
    wide = max(1, images.shape[1] // 32)
    top, left = images[:, :wide], images[:, :, :wide]
    return np.concatenate([top.mean(axis=(1, 2)), left.mean(axis=(1, 2))], axis=1)


def near_duplicates(images: NDArray[np.float32], threshold: float = 0.99) -> NDArray[np.int64]:
    """Find pictures that look the same although their files differ.

    Chapter ``01_data``. Each picture becomes a grey thumbnail of 16 by 16 pixels, without the rows
    of the label strip. Two of them are near duplicates where their correlation is above
    `threshold`: brightness and contrast do not count.

    Parameters
    ----------
    images : float32 array, shape (n, height, width, channels)
        Values from 0 to 255, no copies among them.
    threshold : float
        Below 1. The same photograph saved anew stays above 0.99; two photographs of one insect
        rarely get there.

    Returns
    -------
    int64 array, shape (pairs, 2)
        Indices of the two pictures of each pair, in ascending order.
    """
    top = strip_box(*images.shape[1:3])[0]
    greys = images[:, :top].mean(axis=3)
    thumbs = [np.asarray(Image.fromarray(g).resize((16, 16), Image.Resampling.BOX)) for g in greys]
    vectors = np.reshape(thumbs, (len(images), -1))
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return np.argwhere(np.triu(vectors @ vectors.T > threshold, k=1))


def forest_hits(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    n_folds: int = 5,
    n_trees: int = 100,
    seed: int = 0,
) -> NDArray[np.bool_]:
    """Return where a random forest predicts the class of pictures that it was not trained on.

    Chapter ``01_data``. Each fold is predicted by a forest trained on the others (Breiman, 2001).

    Parameters
    ----------
    features : float array, shape (n, ...)
        What the forest may look at.
    labels : int64 array, shape (n,)
        Class indices.
    groups : int64 array, shape (n,)
        No group is on both sides; ``np.arange(n)`` makes ordinary random folds.
    n_folds, n_trees : int
        Folds, and trees in each forest.
    seed : int
        Seed of the folds and the forests.

    Returns
    -------
    bool array, shape (n,)
        Whether each picture was predicted correctly.
    """
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    forest = RandomForestClassifier(n_trees, random_state=seed, n_jobs=-1)
    table = features.reshape(len(features), -1)
    predicted = cross_val_predict(forest, table, labels, groups=groups, cv=folds)
    return np.asarray(predicted == labels)


@dataclass(frozen=True)
class Clue:
    """How well something beside the insect predicts the class.

    Parameters
    ----------
    random : float
        Share of right answers with random folds.
    grouped : float or None
        The same with folds that keep groups together; None where a class has too few groups, or
        no groups are known.
    """

    random: float
    grouped: float | None


@dataclass(frozen=True)
class Audit:
    """What `audit` found; prints as a report.

    Parameters
    ----------
    name : str
        Of the collection.
    counts : dict
        Pictures of each class, for each published part.
    copies : int
        Training pictures that are copies of another training picture.
    leaked : int
        Pictures of the published test part that are copies of training pictures.
    two_labels : int
        Pictures whose copies bear different classes.
    near : tuple of pairs of str
        Names of unique pictures that look the same although their files differ.
    near_apart : int
        How many of those pairs are in different groups.
    file_sizes : int
        How many different sizes (height and width) the training files have.
    largest_share : float
        Share of the most common class, over the unique pictures: what guessing it yields.
    n_groups, largest_group, mixed_groups : int
        Groups of the unique pictures, the size of the largest, and how many hold several classes.
    clues : dict of str to Clue
        For "label strip alone", "border colours alone" and "shape of the file alone".
    """

    name: str
    counts: dict[str, dict[str, int]]
    copies: int
    leaked: int
    two_labels: int
    near: tuple[tuple[str, str], ...]
    near_apart: int
    file_sizes: int
    largest_share: float
    n_groups: int
    largest_group: int
    mixed_groups: int
    clues: dict[str, Clue]

    @property
    def n_unique(self) -> int:
        """Number of different training pictures."""
        return sum(self.counts["train"].values()) - self.copies

    def __str__(self) -> str:
        balance = [
            f"{part:9s} {sum(counts.values()):5d}: "
            + ", ".join(f"{n} {name}" for name, n in counts.items())
            for part, counts in self.counts.items()
        ]
        n_test = sum(self.counts["test"].values())
        clues = [
            f"  {what:26s} {clue.random:6.1%}  "
            + ("       -" if clue.grouped is None else f"{clue.grouped:8.1%}")
            for what, clue in self.clues.items()
        ]
        apart = f" ({self.near_apart} of them in different groups)" if self.near else ""
        return "\n".join(
            [
                f"Audit of '{self.name}'",
                *balance,
                f"copies within the training part: {self.copies}; with two labels: "
                f"{self.two_labels}",
                f"test pictures that are copies of training pictures: {self.leaked} of {n_test}",
                f"pairs that look the same but are different files: {len(self.near)}{apart}",
                f"file sizes: {self.file_sizes} different",
                f"groups: {self.n_groups}, the largest of {self.largest_group} pictures; "
                f"{self.mixed_groups} with several classes",
                "accuracy of a random forest      random folds  grouped",
                f"  {'most common class':26s} {self.largest_share:6.1%}  {self.largest_share:8.1%}",
                *clues,
            ]
        )


def audit(collection: Collection, *, n_trees: int = 100, seed: int = 0) -> Audit:
    """Look for what makes a test accuracy too good: copies, leaks, runs and shortcuts.

    Chapter ``01_data``. Takes seconds: the forests see a strip or a handful of numbers, never
    whole pictures.

    Parameters
    ----------
    collection : Collection
        With a published training and test part.
    n_trees : int
        Trees in each forest.
    seed : int
        Seed of the folds and the forests.

    Returns
    -------
    Audit
        The findings.

    Raises
    ------
    ValueError
        When a class has fewer than two different training pictures.
    """
    train, test = collection.train, collection.test
    unique = train.subset(unique_indices(train))
    smallest = min(unique.counts().items(), key=lambda item: item[1])
    if smallest[1] < 2:
        raise ValueError(
            f"class {smallest[0]!r} has {smallest[1]} different training pictures; "
            "expected 2 or more, one to train on and one to test on"
        )
    pairs = near_duplicates(unique.images)
    known = set(train.digests)
    labels_of: dict[str, set[str]] = {}
    for part in (train, test):
        for digest, label in zip(part.digests, part.labels, strict=True):
            labels_of.setdefault(digest, set()).add(part.class_names[label])
    sizes = _sizes(unique)
    _, group_sizes = np.unique(unique.groups, return_counts=True)
    classes_of = Counter(group for group, _ in set(zip(unique.groups, unique.labels, strict=True)))
    thumbs = _thumbnails(unique.images)
    clues = {
        "label strip alone": strip_only(thumbs),
        "border colours alone": border_colours(thumbs),
        "shape of the file alone": sizes.astype(np.float32),
    }
    return Audit(
        name=collection.name,
        counts={"train": train.counts(), "test": test.counts()},
        copies=len(train) - len(unique),
        leaked=sum(digest in known for digest in test.digests),
        two_labels=sum(len(labels) > 1 for labels in labels_of.values()),
        near=tuple((unique.names[i], unique.names[j]) for i, j in pairs),
        near_apart=sum(bool(unique.groups[i] != unique.groups[j]) for i, j in pairs),
        file_sizes=len(np.unique(sizes, axis=0)),
        largest_share=max(unique.counts().values()) / len(unique),
        n_groups=len(group_sizes),
        largest_group=int(group_sizes.max()),
        mixed_groups=sum(n > 1 for n in classes_of.values()),
        clues={what: _clue(seen, unique, n_trees, seed) for what, seen in clues.items()},
    )


def _clue(features: NDArray[np.float32], unique: ImageSet, n_trees: int, seed: int) -> Clue:
    """Judge by random folds, and by grouped ones where each class has two groups or more."""
    n_folds = min(5, *unique.counts().values())
    alone = np.arange(len(unique))
    random = forest_hits(
        features, unique.labels, alone, n_folds=n_folds, n_trees=n_trees, seed=seed
    )
    fewest = min(
        len(np.unique(unique.groups[unique.labels == label]))
        for label in range(len(unique.class_names))
    )
    if fewest < 2 or len(np.unique(unique.groups)) == len(unique):
        return Clue(float(random.mean()), None)
    grouped = forest_hits(
        features,
        unique.labels,
        unique.groups,
        n_folds=min(n_folds, fewest),
        n_trees=n_trees,
        seed=seed,
    )
    return Clue(float(random.mean()), float(grouped.mean()))


def _sizes(imageset: ImageSet) -> NDArray[np.int64]:
    """Return height and width of each file, or of the pictures where no files are known."""
    if imageset.sizes is not None:
        return imageset.sizes
    return np.tile(np.array(imageset.images.shape[1:3], dtype=np.int64), (len(imageset), 1))


def _thumbnails(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the pictures at a side of `THUMBNAIL` pixels, or as they are where not larger."""
    if max(images.shape[1:3]) <= THUMBNAIL:
        return images
    shape = (THUMBNAIL, THUMBNAIL)
    small = np.empty((len(images), *shape, images.shape[3]), dtype=np.float32)
    for i, image in enumerate(images.round().clip(0, 255).astype(np.uint8)):
        for k in range(images.shape[3]):  # Pillow knows no pictures of any number of channels
            band = Image.fromarray(image[..., k])
            small[i, ..., k] = np.asarray(band.resize(shape, Image.Resampling.BILINEAR))
    return small
