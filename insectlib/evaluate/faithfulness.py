"""Scores for explanations where no exact values are known: does removing segments change the
output as the map predicts?

Chapter ``09_evaluation``. Removing segments needs something to put in their place, the baseline,
and every score here depends on it: a map that was made with the same baseline has an advantage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import trapezoid

from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.regions import checked_baseline

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class TargetGame:
    """The game that maps are tested against: segments of pictures in, one output for each out.

    Chapter ``09_evaluation``.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    pictures : float32 array, shape (n, height, width, 3)
        Values from 0 to 255.
    baseline : array
        What stands in for removed segments: a colour, a picture, or one for each picture.
    segments : int64 array, shape (n, height, width)
        Segments, numbered from 0 without gaps.
    classes : int array, shape (n,)
        The target output, for each picture.
    output : str
        ``"logits"`` or ``"probabilities"``.

    Raises
    ------
    ValueError
        When these do not fit together.
    """

    model: keras.Model
    pictures: NDArray[np.float32]
    baseline: ArrayLike
    segments: NDArray[np.int64]
    classes: NDArray[np.int64]
    output: str = "logits"

    def __post_init__(self) -> None:
        shape = self.pictures.shape
        if len(shape) != 4 or self.segments.shape != shape[:3] or len(self.classes) != shape[0]:
            raise ValueError(
                f"pictures of shape {shape}, segments of {self.segments.shape} and "
                f"{len(self.classes)} classes; expected (n, height, width, 3), "
                "(n, height, width) and n"
            )
        checked_baseline(self.baseline, self.pictures)

    def target_output(self, index: int, coalitions: ArrayLike) -> NDArray[np.float64]:
        """Return the target output of picture `index` for each coalition of shown segments.

        Parameters
        ----------
        index : int
            Which of the pictures, from 0 to n - 1.
        coalitions : array of 0 and 1, shape (m, k)
            1 where a segment is shown, one column for each segment.

        Returns
        -------
        float64 array, shape (m,)
            In the unit of the output.
        """
        coalition_game = CoalitionGame(
            self.model,
            self.pictures[index],
            checked_baseline(self.baseline, self.pictures)[index],
            self.segments[index],
            self.output,
        )
        return np.asarray(coalition_game(coalitions)[:, self.classes[index]])


def removal_curves(
    game: TargetGame, maps: NDArray[np.float64], *, steps: int = 20, insert: bool = False
) -> NDArray[np.float64]:
    """Return the output while segments are removed, or inserted, the highest ranked first.

    Chapter ``09_evaluation``; Petsiuk et al. (2018).

    Parameters
    ----------
    game : TargetGame
        The model, the pictures, and what is removed from them.
    maps : float64 array, shape (n, height, width)
        From `insectlib.evaluate.class_maps`; segments are ranked by their sums.
    steps : int
        Steps from none to all of the segments.
    insert : bool
        False deletes from the whole picture; True inserts into the bare baseline.

    Returns
    -------
    float64 array, shape (n, steps + 1)
        Column j belongs to a share of ``j / steps`` of the segments.
    """
    curves = []
    for i, (of, cut) in enumerate(zip(maps, game.segments, strict=True)):
        sums = np.bincount(cut.ravel(), weights=of.ravel())
        rank = np.argsort(np.argsort(-sums, kind="stable"))
        counts = np.rint(np.linspace(0, len(sums), steps + 1))
        among_first = rank < counts[:, None]
        curves.append(game.target_output(i, among_first if insert else ~among_first))
    return np.stack(curves)


def curve_area(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area below curves over the shares 0 to 1 (chapter ``09_evaluation``).

    Parameters
    ----------
    curves : float64 array, shape (..., steps + 1)
        From `removal_curves`.

    Returns
    -------
    float64 array, shape (...)
        The mean height by the trapezoidal rule, in the unit of the output.
    """
    return np.asarray(trapezoid(curves, dx=1 / (curves.shape[-1] - 1), axis=-1))


@dataclass(frozen=True)
class Perturbations:
    """Segments of one picture that were removed at random, and what the target output did.

    Parameters
    ----------
    removed : bool array, shape (m, k)
        Which segments were removed, one row for each perturbation.
    drops : float64 array, shape (m,)
        How far the target output dropped each time; negative where it rose.
    """

    removed: NDArray[np.bool_]
    drops: NDArray[np.float64]


def random_perturbations(
    game: TargetGame, *, seed: int, n_samples: int = 200
) -> list[Perturbations]:
    """Remove segments at random, see how far the target output drops (chapter ``09_evaluation``).

    Each perturbation removes a share of the segments that is itself drawn between 0 and 1. All
    explainers can be scored with the same ones.

    Parameters
    ----------
    game : TargetGame
        The model, the pictures, and what is removed from them.
    seed : int
        Seed of the random choice of segments.
    n_samples : int
        Perturbations for each picture.

    Returns
    -------
    list of Perturbations
        One for each picture.
    """
    random = np.random.default_rng(seed)
    perturbations = []
    for i, segments in enumerate(game.segments):
        share = random.random((n_samples, 1))
        removed = random.random((n_samples, int(segments.max()) + 1)) < share
        outputs = game.target_output(i, np.vstack([np.zeros_like(removed[:1]), removed]) == 0)
        perturbations.append(Perturbations(removed, outputs[0] - outputs[1:]))
    return perturbations


def infidelity(
    maps: NDArray[np.float64],
    segments: NDArray[np.int64],
    perturbations: Sequence[Perturbations],
    *,
    rescale: bool = False,
    relative: bool = True,
) -> NDArray[np.float64]:
    """Return how badly maps predict what removing segments does.

    Chapter ``09_evaluation``; Yeh et al. (2019), whose perturbation is here the difference to the
    baseline where segments are removed, so that a map predicts the sum of its values there.

    Parameters
    ----------
    maps : float64 array, shape (n, height, width)
    segments : int64 array, shape (n, height, width)
        Those of the perturbations.
    perturbations : sequence of Perturbations
        From `random_perturbations`.
    rescale : bool
        Whether each map is first multiplied by the factor, not below zero, that suits it best.
    relative : bool
        Whether to divide the mean squared error, which is the paper's measure, by the mean square
        of the drops: then a map of zeros has 1.

    Returns
    -------
    float64 array, shape (n,)
        0 is perfect.
    """
    scores = []
    for of, cut, tried in zip(maps, segments, perturbations, strict=True):
        sums = np.bincount(cut.ravel(), weights=of.ravel())
        predicted = tried.removed.astype(np.float64) @ sums
        if rescale:
            square = float(predicted @ predicted) or 1.0
            predicted *= max(float(predicted @ tried.drops), 0.0) / square
        size = float(np.mean(tried.drops**2)) if relative else 1.0
        scores.append(float(np.mean((predicted - tried.drops) ** 2)) / (size or 1.0))
    return np.array(scores)
