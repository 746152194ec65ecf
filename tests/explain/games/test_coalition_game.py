"""A picture as a game of its segments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insectlib.explain.games.coalition_game import CoalitionGame


def test_coalitions_in_any_order_and_asked_twice_get_their_own_outputs() -> None:
    """Each segment has a value of its own, so that the sums say which coalition was asked."""
    segments = np.arange(16).reshape(4, 4) // 4
    image = np.repeat(2.0 ** segments[..., None], 3, axis=2)

    def sums(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        total = pictures[..., 0].sum(axis=(1, 2))
        return np.stack([total, -total], axis=1)

    game = CoalitionGame(sums, image, np.zeros(3), segments, "scores")
    coalitions = np.array([[1, 1, 1, 1], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
    expected = coalitions @ (4 * 2 ** np.arange(4))
    np.testing.assert_array_equal(game(coalitions), np.stack([expected, -expected], axis=1))
    assert game.evaluations == 4, "one was asked twice"
