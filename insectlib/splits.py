"""Honest splits: no copies, and nothing that belongs together on both sides (chapter ``01_data``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from insectlib.imageset import ImageSet


def catalogue_groups(names: Sequence[str], gap: int = 50) -> NDArray[np.int64]:
    """Number the runs of neighbouring catalogue numbers.

    Chapter ``01_data``. Neighbouring numbers are often one specimen, one photographer, one day.

    Parameters
    ----------
    names : sequence of str
        Catalogue numbers, with or without letters in front, such as ``"5556579"``.
    gap : int
        A larger step than this between two numbers begins a new run.

    Returns
    -------
    int64 array, shape (n,)
        The run of each name, counted from 0 in the order of the numbers.
    """
    numbers = np.array([int(re.sub(r"\D", "", name)) for name in names])
    order = np.argsort(numbers, kind="stable")
    starts = np.diff(numbers[order], prepend=numbers[order[0]]) > gap
    groups = np.empty(len(numbers), dtype=np.int64)
    groups[order] = np.cumsum(starts)
    return groups


def unique_indices(imageset: ImageSet) -> NDArray[np.int64]:
    """Return the index of the first picture of each digest, in ascending order."""
    _, first = np.unique(np.array(imageset.digests), return_index=True)
    return np.sort(first).astype(np.int64)


def honest_folds(
    imageset: ImageSet, *, n_folds: int = 5, seed: int = 0
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield training and test indices of each fold: unique pictures, whole groups, stratified."""
    index = unique_indices(imageset)
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    groups = imageset.groups[index]
    for training, test in folds.split(index, imageset.labels[index], groups):
        yield index[training], index[test]


def honest_split(
    imageset: ImageSet, *, fractions: tuple[float, float, float] = (0.6, 0.2, 0.2), seed: int = 0
) -> tuple[ImageSet, ImageSet, ImageSet]:
    """Split into training, validation and test part, a run of pictures in one part only."""
    index = unique_indices(imageset)
    labels, groups = imageset.labels[index], imageset.groups[index]
    random = np.random.default_rng(seed)
    counts = np.zeros((3, len(imageset.class_names)))
    total = np.bincount(labels, minlength=counts.shape[1])
    target = np.outer(fractions, total)
    part = np.empty(len(index), dtype=np.int64)
    sizes = {g: np.bincount(labels[groups == g], minlength=counts.shape[1]) for g in set(groups)}
    shuffled = random.permutation(sorted(sizes))
    for group in sorted(shuffled, key=lambda g: -sizes[g].sum()):
        room = ((target - counts) * sizes[group]).sum(axis=1) / np.asarray(fractions)
        chosen = int(np.argmax(room))
        counts[chosen] += sizes[group]
        part[groups == group] = chosen
    training, validation, test = (imageset.subset(index[part == p]) for p in range(3))
    return training, validation, test
