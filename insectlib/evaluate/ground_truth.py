"""Scores for explanations of drawn scenes, where the exact values of the parts are known.

Chapter ``09_evaluation``. The reference is the game of `insectlib.explain.scene_shapley`: parts of
a scene come and go, and nothing is masked. With `insectlib.evaluate.part_ranking` the scores answer
the questions that FunnyBirds (Hesse et al., 2023) put to explanations, on completeness, correctness
and contrastivity, and leave out two weaknesses of its protocols:

* FunnyBirds calls parts important above a threshold, which is chosen for each method so that its
  completeness on the test data is best. `insectlib.evaluate.completeness` needs no threshold: it
  takes the mean over all numbers of parts.
* FunnyBirds checks correctness by leaving out one part at a time, so that of two redundant
  parts, neither seems to matter. Here correctness is the rank correlation with the Shapley
  values, which average over all coalitions; `insectlib.explain.leave_one_out` shows what single
  deletions miss.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.explanation import to_explanation
from insectlib.explain.games.scene_game import SCENE_PLAYERS, scene_shapley
from insectlib.explain.target import Target, prepare
from insectlib.specimens.scene import INSECT, PARTS

if TYPE_CHECKING:
    import keras
    import shap

    from insectlib.data.imageset import ImageSet


def part_masks(masks: NDArray[np.uint8], players: Sequence[str]) -> NDArray[np.bool_]:
    """Return where each player of a scene can be seen (chapter ``09_evaluation``).

    Parameters
    ----------
    masks : uint8 array, shape (n, height, width)
        Indices of `insectlib.specimens.PARTS`, as in ``ImageSet.masks``.
    players : sequence of str
        As in `insectlib.explain.scene_shapley`. The background takes the clutter with it where that
        is no player of its own.

    Returns
    -------
    bool array, shape (n, n_players, height, width)
        All False where a part is hidden behind another one. The shadow of an insect lies on the
        background, though it comes and goes with the insect.

    Raises
    ------
    ValueError
        For a player that scenes do not have.
    """
    shown = []
    for player in players:
        names: tuple[str, ...] = INSECT if player == "insect" else (player,)
        if player == "background" and "clutter" not in players:
            names = ("background", "clutter")
        unknown = [name for name in names if name not in PARTS]
        if unknown:
            raise ValueError(
                f"player {unknown[0]!r}; expected 'insect' or one of {', '.join(PARTS)}"
            )
        shown.append(np.isin(masks, [PARTS.index(name) for name in names]))
    return np.stack(shown, axis=1)


def relative_error(
    estimate: ArrayLike, reference: ArrayLike, *, rescale: bool = False
) -> NDArray[np.float64]:
    """Return how far estimates are from a reference, as a share of its size.

    Chapter ``09_evaluation``. It is the root of the sum of squared differences over that of squared
    reference values: 0 is perfect, 1 is what a map of zeros has.

    Parameters
    ----------
    estimate, reference : array, shape (..., m)
        Estimated and reference values of m parts, in the same unit unless `rescale`.
    rescale : bool
        Whether to multiply each estimate by the factor, not below zero, that suits it best. That
        is fair to maps without a unit, and then nothing is worse than 1.

    Returns
    -------
    float64 array, shape (...)

    Raises
    ------
    ValueError
        When all values of a picture's reference are zero.
    """
    guess, exact = np.asarray(estimate, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    size = np.sqrt((exact**2).sum(axis=-1))
    if not size.all():
        raise ValueError(
            "all reference values of a picture are zero; expected something to explain"
        )
    if rescale:
        square = (guess**2).sum(axis=-1, keepdims=True)
        factor = (guess * exact).sum(axis=-1, keepdims=True) / np.where(square, square, 1)
        guess = guess * factor.clip(min=0)
    return np.asarray(np.sqrt(((guess - exact) ** 2).sum(axis=-1)) / size)


def pointing_game(maps: NDArray[np.float64], targets: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return whether the largest value of each map lies on the target (chapter ``09_evaluation``).

    Zhang et al. (2018). Within a segment all pixels share one value: where several share the
    largest, the score is the share of them on the target. (Quantus counts a hit when
    any of them is, so that a constant map always wins.)

    Parameters
    ----------
    maps : float64 array, shape (n, height, width)
        From `insectlib.evaluate.class_maps`.
    targets : bool array, shape (n, height, width)
        Where the map should point, such as the insect, or the region with the largest true value.

    Returns
    -------
    float64 array, shape (n,)
        From 0 to 1; a blind guess has the target's share of the area.

    Raises
    ------
    ValueError
        When maps and targets differ in shape.
    """
    if maps.shape != targets.shape:
        raise ValueError(f"maps have shape {maps.shape} and targets {targets.shape}")
    peaks = maps == maps.max(axis=(1, 2), keepdims=True)
    return np.asarray((peaks & targets).sum(axis=(1, 2)) / peaks.sum(axis=(1, 2)))


def exact_parts(
    model: keras.Model,
    specimens: ImageSet,
    *,
    players: Sequence[str] = SCENE_PLAYERS,
    output: str = "logits",
    target: Target = None,
) -> shap.Explanation:
    """Return the ground truth as a map: each part's exact Shapley value, spread over its pixels.

    Chapter ``09_evaluation``. It shows the best that a map could do, and what a map cannot do: the
    value of a part that is hidden behind another one has no pixel to lie on.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    specimens : ImageSet
        Drawn ones, with scenes and masks.
    players : sequence of str
        As in `insectlib.explain.scene_shapley`.
    output, target
        As in `insectlib.explain.kernel_shap`.

    Returns
    -------
    shap.Explanation
        The additivity gap is what the hidden parts are worth.

    Raises
    ------
    ValueError
        For pictures without scenes, for players that scenes do not have, and whenever
        `insectlib.explain.prepare` refuses the pictures.
    """
    if specimens.scenes is None or specimens.masks is None:
        raise ValueError("these pictures have no scenes; expected drawn specimens")
    prepared = prepare(
        model, specimens.images, output=output, class_names=specimens.class_names, target=target
    )
    started = time.perf_counter()
    size = prepared.pictures.shape[1]
    truths = [
        scene_shapley(model, scene, players, size=size, output=output) for scene in specimens.scenes
    ]
    masks = part_masks(specimens.masks, players).astype(np.float64)
    pixels = masks.sum(axis=(2, 3), keepdims=True)
    shares = masks / np.where(pixels, pixels, 1)
    maps = np.einsum("nphw,npc->nhwc", shares, np.stack([truth.values for truth in truths]))
    return to_explanation(
        prepared,
        prepared.pick(np.repeat(maps[:, :, :, None] / 3, 3, axis=3)),
        prepared.pick(np.stack([truth.table[0] for truth in truths])),
        evaluations=sum(len(truth.table) for truth in truths) + len(maps),
        seconds=time.perf_counter() - started,
    )
