"""Cross-validation: every picture is judged once, by a network that never saw it.

Chapter ``03_transfer``. `insectlib.data.honest_folds` makes folds of whole groups; here are the
usual random folds to compare them with, and the scores of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score
from sklearn.model_selection import StratifiedKFold

from insectlib.data.imageset import ImageSet
from insectlib.data.splits import unique_indices

Index = NDArray[np.int64]


class FoldScores(NamedTuple):
    """What cross-validation says about a classifier.

    Parameters
    ----------
    accuracy : float
        Share of all tested pictures that are named correctly, from 0 to 1.
    balanced : float
        Balanced accuracy: the mean of the recalls, in which every class counts the same.
    recall : dict of str to float
        Of the pictures of each class, the share that is found.
    by_fold : float64 array, shape (n_folds,)
        Accuracy in each fold.
    """

    accuracy: float
    balanced: float
    recall: dict[str, float]
    by_fold: NDArray[np.float64]

    @property
    def spread(self) -> float:
        """Standard deviation of the folds' accuracies."""
        return float(self.by_fold.std(ddof=1))


def random_folds(
    imageset: ImageSet, *, n_folds: int = 5, seed: int = 0
) -> Iterator[tuple[Index, Index]]:
    """Yield training and test indices of each fold: unique pictures, dealt without their groups.

    Chapter ``03_transfer``. Pictures of one specimen may lie on both sides, so these folds
    flatter; they are here to show by how much.

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
        When there are fewer than two folds, or a class has fewer pictures than there are folds.
    """
    index = unique_indices(imageset)
    labels = imageset.labels[index]
    if n_folds < 2:
        raise ValueError(f"n_folds is {n_folds}; expected 2 or more")
    for label, name in enumerate(imageset.class_names):
        found = int((labels == label).sum())
        if found < n_folds:
            raise ValueError(f"class {name!r} has {found} pictures; n_folds={n_folds} need as many")
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    for training, test in folds.split(index, labels):
        yield index[training], index[test]


def cross_predict(
    folds: Iterable[tuple[Index, Index]], predict: Callable[[Index, Index], NDArray[Any]]
) -> tuple[NDArray[Any], Index]:
    """Let each fold's network answer for the pictures that it has not seen.

    Chapter ``03_transfer``.

    Parameters
    ----------
    folds : iterable of pairs of int64 arrays
        Training and test indices, from `insectlib.data.honest_folds` or `random_folds`.
    predict : callable
        Called as ``predict(training, test)`` with the indices of one fold; trains a network anew
        and returns what it says of each test picture, an array with ``len(test)`` rows.

    Returns
    -------
    answers : array, shape (n_tested, ...)
        The rows that `predict` returned, in ascending order of the pictures' indices.
    fold : int64 array, shape (n_tested,)
        The fold in which each picture was tested, counted from 0.

    Raises
    ------
    ValueError
        When `predict` returns another number of rows, or a picture is tested twice.
    """
    tested, answers, fold = [], [], []
    for number, (training, test) in enumerate(folds):
        rows = np.asarray(predict(training, test))
        if len(rows) != len(test):
            raise ValueError(f"predict gave {len(rows)} rows for {len(test)} test pictures")
        tested.append(test)
        answers.append(rows)
        fold.append(np.full(len(test), number))
    index = np.concatenate(tested)
    if len(set(index)) != len(index):
        raise ValueError("a picture is in the test part of two folds; expected one")
    order = index.argsort()
    return np.concatenate(answers)[order], np.concatenate(fold)[order]


def fold_scores(
    labels: Index, predicted: Index, fold: Index, class_names: Sequence[str]
) -> FoldScores:
    """Score the predictions of a cross-validation.

    Chapter ``03_transfer``.

    Parameters
    ----------
    labels, predicted : int64 array, shape (n,)
        True and predicted class index of each tested picture.
    fold : int64 array, shape (n,)
        From `cross_predict`.
    class_names : sequence of str
        In the order of the class indices; every class must occur in `labels`.

    Returns
    -------
    FoldScores

    Raises
    ------
    ValueError
        For lengths that differ, or a class without pictures, which has no recall.
    """
    if not len(labels) == len(predicted) == len(fold):
        raise ValueError(
            f"{len(labels)} labels, {len(predicted)} predictions and {len(fold)} folds; expected "
            "one of each for every tested picture"
        )
    for label, name in enumerate(class_names):
        if label not in labels:
            raise ValueError(f"no picture of class {name!r}: its recall is not known")
    right = predicted == labels
    recall = recall_score(
        labels, predicted, labels=range(len(class_names)), average=None, zero_division=0
    )
    return FoldScores(
        accuracy=float(right.mean()),
        balanced=float(recall.mean()),
        recall=dict(zip(class_names, recall.tolist(), strict=True)),
        by_fold=np.array([right[fold == number].mean() for number in np.unique(fold)]),
    )
