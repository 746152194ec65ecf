"""What every estimator of Shapley values returns."""

from __future__ import annotations

from dataclasses import dataclass

from insectlib.explain.estimators.covariances import Array


@dataclass(frozen=True)
class Estimate:
    """Shapley values with their errors.

    Parameters
    ----------
    values, errors : float64 arrays, shape (n, n_classes)
        And their standard errors; not a number where the estimator does not know them.
    base_values : float64 array, shape (n_classes,)
        The outputs where nobody is present.
    """

    values: Array
    errors: Array
    base_values: Array
