"""Kernel SHAP with paired coalitions, as the package shapiq does it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insectlib.explain.estimators.covariances import Array
from insectlib.explain.estimators.estimate import Estimate
from insectlib.explain.estimators.sampling import Game


def shapiq_shapley(
    game: Game,
    n: int,
    *,
    n_samples: int,
    seed: int,
    classes: NDArray[np.int64],
) -> Estimate:
    """Estimate Shapley values by shapiq's regression on paired coalitions.

    Chapter ``05_kernel_shap``; Muschalik et al. (2024).

    Parameters
    ----------
    game : callable
        Coalitions, bool (m, n), in; outputs, (m, n_classes), out.
    n : int
        Number of players.
    n_samples : int
        Coalitions to evaluate, besides the empty and the full one.
    seed : int
        Seed of the draw of coalitions.
    classes : int64 array, shape (k,)
        Which outputs are explained.

    Returns
    -------
    Estimate
        Without errors.

    Raises
    ------
    ModuleNotFoundError
        Where shapiq is not installed.
    """
    try:
        from shapiq import KernelSHAP
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "estimator 'shapiq' needs the package shapiq: pip install shapiq, or pass "
            "estimator='surrogate'"
        ) from None
    answers: dict[bytes, Array] = {}

    def remembered(coalitions: NDArray[np.bool_]) -> Array:
        # it explains one output at a time, by the same coalitions
        rows = np.atleast_2d(coalitions)
        if rows.tobytes() not in answers:
            answers[rows.tobytes()] = game(rows)
        return answers[rows.tobytes()]

    values, base_values = np.empty((n, len(classes))), np.empty(len(classes))
    for column, k in enumerate(classes):

        def of_class(rows: NDArray[np.bool_], k: int = k) -> Array:
            return remembered(rows)[:, k]

        solver = KernelSHAP(n=n, pairing_trick=True, random_state=seed)
        found = solver.approximate(n_samples + 2, of_class)
        values[:, column] = [found[(i,)] for i in range(n)]
        base_values[column] = found.baseline_value
    return Estimate(values, np.full_like(values, np.nan), base_values)
