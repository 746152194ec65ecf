"""One map for each picture: what the scores of chapter ``09_evaluation`` compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

if TYPE_CHECKING:
    import shap


def class_maps(
    explanation: shap.Explanation, classes: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the map of one class for each picture (chapter ``09_evaluation``).

    Parameters
    ----------
    explanation : shap.Explanation
        From one of the course's explainers.
    classes : int array, shape (n,), optional
        Index of the model's output for each picture; the largest of the explained outputs where
        missing.

    Returns
    -------
    float64 array, shape (n, height, width)
        Sums over the channels.

    Raises
    ------
    ValueError
        When the explanation does not hold one of these classes, or there is not one for each
        picture.
    """
    explained = np.asarray(explanation.classes)
    rows = np.arange(len(explained))
    if classes is None:
        wanted = explained[rows, np.argmax(explanation.outputs, axis=1)]
    else:
        wanted = np.asarray(classes)
        if wanted.shape != rows.shape:
            raise ValueError(
                f"classes has shape {wanted.shape}; expected {rows.shape}, one for each picture"
            )
    found = explained == wanted[:, None]
    missing = np.flatnonzero(~found.any(axis=1))
    if len(missing):
        raise ValueError(
            f"class {wanted[missing[0]]} of picture {missing[0]} was not explained; expected one "
            f"of {', '.join(map(str, explained[missing[0]]))}"
        )
    values = np.asarray(explanation.values, dtype=np.float64)
    return np.asarray(values[rows, ..., found.argmax(axis=1)].sum(axis=-1))


def rank_correlation(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return Spearman's rank correlation along the last axis (chapter ``09_evaluation``).

    Parameters
    ----------
    a, b : array, shape (..., m)
        Ties share their mean rank.

    Returns
    -------
    float64 array, shape (...)
        From -1 to 1. It is 0 where one side is constant, since that ranks nothing.

    Raises
    ------
    ValueError
        When the last axes differ in length or hold fewer than two values.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape[-1] != y.shape[-1] or x.shape[-1] < 2:
        raise ValueError(
            f"shapes {x.shape} and {y.shape}; expected last axes of the same length, at least 2"
        )
    ranks_x, ranks_y = _centred_ranks(x), _centred_ranks(y)
    size = np.sqrt((ranks_x**2).sum(axis=-1) * (ranks_y**2).sum(axis=-1))
    return np.asarray((ranks_x * ranks_y).sum(axis=-1) / np.where(size, size, 1))


def _centred_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value along the last axis, with a mean of 0."""
    return np.asarray(rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2)
