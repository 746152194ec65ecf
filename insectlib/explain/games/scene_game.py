"""The game of a drawn scene: its parts are the players, and every coalition is drawn anew.

Chapter ``04_shapley`` plays it with all parts, chapter ``05_kernel_shap`` with three players:
insect, background and strip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from insectlib.data.cache import cached_array
from insectlib.data.digests import settings_digest
from insectlib.explain.games.coalitions import exact_shapley, pair_interactions
from insectlib.models.digests import network_digest
from insectlib.models.inference import OUTPUTS, model_outputs, softmax
from insectlib.specimens.rendering import drawing_versions, render_image
from insectlib.specimens.scene import INSECT, Scene

if TYPE_CHECKING:
    import keras

SCENE_PLAYERS = (*INSECT, "background", "strip")
"""All that a scene is made of; clutter goes with the background."""

MAX_PLAYERS = 10


@dataclass(frozen=True)
class SceneShapley:
    """Exact Shapley values of the parts of a scene, and the game that they come from.

    Parameters
    ----------
    players : tuple of str
        Names of the parts that were left out and put in.
    table : float64 array, shape (2**n_players, n_classes)
        The output for each coalition; bit i of the row number says whether player i is there.
    values : float64 array, shape (n_players, n_classes)
        Shapley values. They add up to the last row of the table minus its first.
    """

    players: tuple[str, ...]
    table: NDArray[np.float64]
    values: NDArray[np.float64]

    def interactions(self) -> NDArray[np.float64]:
        """Return what each pair adds beyond its members (chapter ``04_shapley``).

        Returns
        -------
        float64 array, shape (n_players, n_players, n_classes)
            From `insectlib.explain.pair_interactions`.
        """
        return pair_interactions(self.table)


def scene_shapley(
    model: keras.Model,
    scene: Scene,
    players: Sequence[str] = ("insect", "background", "strip"),
    *,
    size: int,
    output: str = "logits",
) -> SceneShapley:
    """Return exact Shapley values over parts of a scene, by drawing it again without them.

    Chapters ``04_shapley`` and ``05_kernel_shap``; Shapley (1953). Nothing is masked: a scene
    without its strip is a scene that never had one. An absent background is plain studio grey
    without clutter; an absent insect takes its shadow with it. The table of a Keras model is kept
    on disk, under the hash of its weights, the scene and the players.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    scene : Scene
        A drawn specimen's.
    players : sequence of str
        ``"insect"``, ``"background"``, and names from `insectlib.specimens.PARTS`, such as
        `SCENE_PLAYERS`; at most ten, since every coalition is drawn. With ``"clutter"`` as a
        player of its own, the background comes without it.
    size : int
        Side in pixels of the pictures that the model takes.
    output : str
        ``"logits"`` or ``"probabilities"``.

    Returns
    -------
    SceneShapley

    Raises
    ------
    ValueError
        When there is no player, more than ten, one twice, one that scenes do not have, or for
        another `output`.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output is {output!r}; expected one of {', '.join(OUTPUTS)}")
    if not 0 < len(players) <= MAX_PLAYERS:
        raise ValueError(f"{len(players)} players; expected 1 to {MAX_PLAYERS}")
    taken = [part for name in players for part in (INSECT if name == "insect" else (name,))]
    if len(set(taken)) != len(taken):
        raise ValueError(f"players are {', '.join(players)}; expected parts that do not overlap")

    def play() -> NDArray[np.float64]:
        pictures = [render_image(staged, size) for staged in _coalitions(scene, players)]
        return np.asarray(model_outputs(model, np.stack(pictures)), dtype=np.float64)

    if hasattr(model, "get_weights"):
        decides = {
            "model": network_digest(model),
            "scene": scene.to_json(),
            "players": list(players),
            "drawing": drawing_versions(),
            "size": size,
        }
        logits = cached_array("games", settings_digest(decides), play)
    else:
        logits = play()  # not Keras's: nothing says whether it is the same one next time
    table = logits if output == "logits" else softmax(logits)
    return SceneShapley(tuple(players), table, exact_shapley(table))


def _coalitions(scene: Scene, players: Sequence[str]) -> Iterator[Scene]:
    """Yield the scene of each coalition; bit i of its number says whether player i is there."""
    for row in range(2 ** len(players)):
        absent = {name for i, name in enumerate(players) if not row >> i & 1}
        staged = scene
        if "background" in absent:
            staged = staged.plain_background()
            if "clutter" not in players:
                absent.add("clutter")
        yield staged.without(*sorted(absent - {"background"}))
