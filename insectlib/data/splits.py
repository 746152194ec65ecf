"""Honest splits: no copies, and no group of pictures on both sides (chapter ``01_data``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from insectlib.data.imageset import ImageSet

ATTEMPTS = 100
"""Orders in which the groups are dealt before a split that lacks a class is given up."""


def catalogue_number(name: str) -> int:
    """Return the digits in a catalogue name as one number.

    Parameters
    ----------
    name : str
        Such as ``"5556579"`` or ``"UGA1225006"``.

    Returns
    -------
    int
        Letters and signs are left out.

    Raises
    ------
    ValueError
        When the name has no digit.
    """
    digits = re.sub(r"[^0-9]", "", name)
    if not digits:
        raise ValueError(
            f"name {name!r} has no digits; catalogue runs need numbered names. "
            "For other pictures say yourself what belongs together: "
            "dataclasses.replace(imageset, groups=...)"
        )
    return int(digits)


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

    Raises
    ------
    ValueError
        When a name has no digits.
    """
    numbers = np.array([catalogue_number(name) for name in names])
    order = numbers.argsort(kind="stable")
    steps = np.diff(numbers[order], prepend=numbers[order][:1])
    groups = np.empty(len(numbers), dtype=np.int64)
    groups[order] = np.cumsum(steps > gap)
    return groups


def join_groups(
    groups: NDArray[np.int64], pairs: Sequence[tuple[int, int]] | NDArray[np.int64]
) -> NDArray[np.int64]:
    """Join the groups of pictures that belong together after all, such as near copies.

    Chapter ``01_data``.

    Parameters
    ----------
    groups : int64 array, shape (n,)
        Group of each picture.
    pairs : sequence of pairs of int
        Indices of two pictures whose groups are to be one.

    Returns
    -------
    int64 array, shape (n,)
        The groups, where joined ones have the number of one of them.
    """
    joined = np.array(groups)
    for first, second in pairs:
        joined[joined == joined[second]] = joined[first]
    return joined


def unique_indices(imageset: ImageSet) -> NDArray[np.int64]:
    """Return the index of the first picture of each digest, in ascending order.

    Parameters
    ----------
    imageset : ImageSet

    Returns
    -------
    int64 array, shape (n_unique,)
    """
    _, first = np.unique(np.array(imageset.digests), return_index=True)
    return np.sort(first).astype(np.int64)


def honest_folds(
    imageset: ImageSet, *, n_folds: int = 5, seed: int = 0
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield training and test indices of each fold: unique pictures, whole groups, stratified.

    Chapter ``01_data``.

    Parameters
    ----------
    imageset : ImageSet
    n_folds : int
        At least 2; every unique picture is in the test part of exactly one fold.
    seed : int
        Same seed, same folds.

    Yields
    ------
    tuple of int64 arrays
        Indices into `imageset` to train on and to test on.

    Raises
    ------
    ValueError
        When there are fewer than two folds, or a class has fewer groups than there are folds.
    """
    if n_folds < 2:
        raise ValueError(f"n_folds is {n_folds}; expected 2 or more")
    index = unique_indices(imageset)
    labels, groups = imageset.labels[index], imageset.groups[index]
    _check_groups(imageset.class_names, labels, groups, n_folds, f"n_folds={n_folds}")
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    for training, test in folds.split(index, labels, groups):
        yield index[training], index[test]


def deal_groups(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    fractions: Sequence[float],
    order: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Deal whole groups to parts: each goes where its classes are most wanted.

    Chapter ``01_data``. Greedy, so the larger groups should come first: the smaller ones then even
    out what these have left.

    Parameters
    ----------
    labels : int64 array, shape (n,)
        Class of each picture.
    groups : int64 array, shape (n,)
        Group of each picture, from 0 without gaps.
    fractions : sequence of float
        Share of the pictures that each part should get.
    order : int64 array, shape (n_groups,)
        The groups, in the order in which they are dealt.

    Returns
    -------
    int64 array, shape (n,)
        Part of each picture, an index of `fractions`.
    """
    counts = np.zeros((groups.max() + 1, labels.max() + 1))
    np.add.at(counts, (groups, labels), 1)
    wanted = np.outer(fractions, counts.sum(axis=0))
    missing = wanted.copy()
    part = np.empty(len(counts), dtype=np.int64)
    for group in order:
        need = (missing / wanted) @ counts[group]
        part[group] = need.argmax()
        missing[part[group]] -= counts[group]
    return part[groups]


def honest_split(
    imageset: ImageSet, *, fractions: tuple[float, float, float] = (0.6, 0.2, 0.2), seed: int = 0
) -> tuple[ImageSet, ImageSet, ImageSet]:
    """Split into training, validation and test part, a group of pictures in one part only.

    Chapter ``01_data``. The split rests on digests, labels and groups alone: the same collection
    at another size is split alike.

    Parameters
    ----------
    imageset : ImageSet
        Copies are left out: of equal digests the first is taken.
    fractions : tuple of float
        Shares of training, validation and test part, each above 0, together 1. Groups stay whole,
        so the parts come near them rather than meet them.
    seed : int
        Decides which of several groups of one size goes where; same seed, same split.

    Returns
    -------
    tuple of ImageSet
        Training, validation and test part; every class is in each.

    Raises
    ------
    ValueError
        When fractions are no shares, when a class has fewer than three groups, or when groups hold
        several classes in such a way that no part-by-part stratification was found.
    """
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.shape != (3,) or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(
            f"fractions are {fractions}; expected three numbers above 0 that add up to 1 "
            "(training, validation, test)"
        )
    index = unique_indices(imageset)
    labels = imageset.labels[index]
    groups = np.unique(imageset.groups[index], return_inverse=True)[1]
    _check_groups(imageset.class_names, labels, groups, 3, "three parts")
    random = np.random.default_rng(seed)
    sizes = np.bincount(groups)
    for attempt in range(ATTEMPTS):
        order = random.permutation(len(sizes))
        if attempt == 0:
            order = order[np.argsort(-sizes[order], kind="stable")]
        part = deal_groups(labels, groups, fractions, order)
        if all(len(set(labels[part == p])) == len(imageset.class_names) for p in range(3)):
            training, validation, test = (imageset.subset(index[part == p]) for p in range(3))
            return training, validation, test
    raise ValueError(
        f"no split of {len(sizes)} groups was found in {ATTEMPTS} attempts that has every class "
        "in each part: too few groups hold the rarer classes"
    )


def _check_groups(
    class_names: Sequence[str],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    needed: int,
    what: str,
) -> None:
    """Refuse a class whose groups are too few to be in each part."""
    for label, name in enumerate(class_names):
        found = len(set(groups[labels == label]))
        if found < needed:
            raise ValueError(
                f"class {name!r} has {found} groups; {what} need at least {needed}, because a "
                "group stays whole. Take fewer parts, or add pictures of that class from elsewhere"
            )
