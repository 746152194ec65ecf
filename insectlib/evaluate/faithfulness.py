"""Scores for explanations where no truth is known: does the model do what the map says?

Chapter ``09_evaluation``. Removing superpixels needs something to put in their place, and every
score here depends on it: a map is at home before the background that it was made with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.evaluate.maps import segment_sums
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.regions import checked_baseline

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Ground:
    """What maps are tested against: pictures, what hides their parts, and the class to watch.

    Chapter ``09_evaluation``.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    pictures : float32 array, shape (n, height, width, 3)
        Values from 0 to 255.
    background : array
        A colour, shape (3,), a picture, or one for each picture.
    segments : int64 array, shape (n, height, width)
        Superpixels, numbered from 0 without gaps.
    classes : int array, shape (n,)
        The output that is watched, for each picture.
    output : str
        ``"logits"`` or ``"probabilities"``.

    Raises
    ------
    ValueError
        When these do not fit together.
    """

    model: keras.Model
    pictures: NDArray[np.float32]
    background: ArrayLike
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
        checked_baseline(self.background, self.pictures)

    def watch(self, index: int, coalitions: ArrayLike) -> NDArray[np.float64]:
        """Return the watched output of picture `index` for each coalition of superpixels shown.

        Parameters
        ----------
        index : int
            Of the picture.
        coalitions : array of 0 and 1, shape (m, k)

        Returns
        -------
        float64 array, shape (m,)
        """
        game = CoalitionGame(
            self.model,
            self.pictures[index],
            checked_baseline(self.background, self.pictures)[index],
            self.segments[index],
            self.output,
        )
        return np.asarray(game(coalitions)[:, self.classes[index]])


def removal_curves(
    ground: Ground, maps: NDArray[np.float64], *, steps: int = 20, insert: bool = False
) -> NDArray[np.float64]:
    """Return the output while superpixels go, or come, the highest ranked ones first.

    Chapter ``09_evaluation``; Petsiuk et al. (2018).

    Parameters
    ----------
    ground : Ground
    maps : float64 array, shape (n, height, width)
        From `insectlib.evaluate.class_maps`; superpixels are ranked by their sums.
    steps : int
        Steps from none to all of the superpixels.
    insert : bool
        False deletes from the whole picture; True inserts into the bare background.

    Returns
    -------
    float64 array, shape (n, steps + 1)
        Column j belongs to a share of ``j / steps`` of the superpixels.
    """
    curves = []
    for i, sums in enumerate(segment_sums(maps, ground.segments)):
        rank = np.argsort(np.argsort(-sums, kind="stable"))
        counts = np.rint(np.linspace(0, len(sums), steps + 1))
        among_first = rank < counts[:, None]
        curves.append(ground.watch(i, among_first if insert else ~among_first))
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
    return np.asarray((curves[..., 1:] + curves[..., :-1]).mean(axis=-1) / 2)


@dataclass(frozen=True)
class Probe:
    """What happened to one picture's output when superpixels were hidden at random.

    Parameters
    ----------
    hidden : bool array, shape (m, k)
        Which superpixels were hidden, probe by probe.
    falls : float64 array, shape (m,)
        How far the output fell each time.
    """

    hidden: NDArray[np.bool_]
    falls: NDArray[np.float64]


def hide_at_random(ground: Ground, *, seed: int, n_samples: int = 200) -> list[Probe]:
    """Hide superpixels at random and see how far the output falls (chapter ``09_evaluation``).

    Each probe hides a share of the superpixels that is itself drawn between 0 and 1. All
    explainers can be scored with the same probes.

    Parameters
    ----------
    ground : Ground
    seed : int
        Of what is hidden.
    n_samples : int
        Probes for each picture.

    Returns
    -------
    list of Probe
        One for each picture.
    """
    random = np.random.default_rng(seed)
    probes = []
    for i, cut in enumerate(ground.segments):
        share = random.random((n_samples, 1))
        hidden = random.random((n_samples, int(cut.max()) + 1)) < share
        watched = ground.watch(i, np.vstack([np.zeros_like(hidden[:1]), hidden]) == 0)
        probes.append(Probe(hidden, watched[0] - watched[1:]))
    return probes


def infidelity(
    maps: NDArray[np.float64],
    segments: NDArray[np.int64],
    probes: Sequence[Probe],
    *,
    rescale: bool = False,
    relative: bool = True,
) -> NDArray[np.float64]:
    """Return how badly maps foretell what hiding superpixels does.

    Chapter ``09_evaluation``; Yeh et al. (2019), whose perturbation is here the difference to the
    background where superpixels are hidden, so that a map foretells the sum of its values there.

    Parameters
    ----------
    maps : float64 array, shape (n, height, width)
    segments : int64 array, shape (n, height, width)
        Those of the probes.
    probes : sequence of Probe
        From `hide_at_random`.
    rescale : bool
        Whether each map is first multiplied by the factor, not below zero, that suits it best.
    relative : bool
        Whether to divide the mean squared miss, which is the paper's measure, by the mean square
        of the falls: then a map of zeros has 1.

    Returns
    -------
    float64 array, shape (n,)
        0 is perfect.
    """
    scores = []
    for sums, seen in zip(segment_sums(maps, segments), probes, strict=True):
        foretold = seen.hidden.astype(np.float64) @ sums
        if rescale:
            square = float(foretold @ foretold) or 1.0
            foretold *= max(float(foretold @ seen.falls), 0.0) / square
        size = float(np.mean(seen.falls**2)) if relative else 1.0
        scores.append(float(np.mean((foretold - seen.falls) ** 2)) / (size or 1.0))
    return np.array(scores)
