"""Games with few players: exact values, simple scores, pairs, and how pictures are cut."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import shap
import shapiq
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from insectlib.data.label_strip import strip_box
from insectlib.explain.games.coalitions import (
    all_coalitions,
    exact_shapley,
    join_in_order,
    leave_one_out,
    pair_interactions,
    player_count,
)
from insectlib.explain.games.layouts import BORDER_TILES, border_tiles, tiles

# what two gloves earn: players 0 and 1 hold a left one, player 2 the right one
GLOVES = np.array([[row >> 2 & 1 and row & 3 != 0] for row in range(8)], dtype=float)

tables = st.integers(2, 5).flatmap(
    lambda n: arrays(np.float64, (2**n, 2), elements=st.floats(-50, 50, width=32))
)


def looked_up(table: NDArray[np.float64], n: int):
    return lambda rows: table[np.asarray(rows, dtype=int) @ 2 ** np.arange(n), 0]


@pytest.mark.parametrize("n", [1, 3, 12])
def test_every_coalition_is_there_once_and_in_order(n: int) -> None:
    coalitions = all_coalitions(n)
    assert coalitions.shape == (2**n, n)
    np.testing.assert_array_equal(coalitions @ 2 ** np.arange(n), np.arange(2**n))
    assert coalitions.dtype == bool


@pytest.mark.parametrize("rows", [0, 1, 3, 6])
def test_a_table_needs_every_coalition(rows: int) -> None:
    for score in (player_count, exact_shapley, leave_one_out, pair_interactions):
        with pytest.raises(ValueError, match=r"2\*\*n coalitions"):
            score(np.zeros((rows, 1)))


def test_gloves_are_shared_as_in_the_books() -> None:
    np.testing.assert_allclose(exact_shapley(GLOVES)[:, 0], [1 / 6, 1 / 6, 2 / 3])
    np.testing.assert_allclose(leave_one_out(GLOVES)[:, 0], [0, 0, 1])
    pairs = pair_interactions(GLOVES)[..., 0]
    np.testing.assert_allclose(pairs, [[0, -1 / 2, 1 / 2], [-1 / 2, 0, 1 / 2], [1 / 2, 1 / 2, 0]])


@settings(max_examples=30, deadline=None)
@given(tables)
def test_exact_values_are_the_mean_over_all_orders(table: NDArray[np.float64]) -> None:
    n = player_count(table)
    means = np.mean([join_in_order(table, order) for order in permutations(range(n))], axis=0)
    np.testing.assert_allclose(exact_shapley(table), means, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(tables)
def test_exact_values_and_pairs_are_those_of_shapiq(table: NDArray[np.float64]) -> None:
    n = player_count(table)
    computer = shapiq.ExactComputer(looked_up(table, n), n_players=n)
    values, pairs = computer("SV"), computer("SII", order=2)
    np.testing.assert_allclose(
        exact_shapley(table)[:, 0], [values[(i,)] for i in range(n)], atol=1e-6
    )
    found = pair_interactions(table)[..., 0]
    for i in range(n):
        assert found[i, i] == 0
        for j in range(i + 1, n):
            assert found[i, j] == found[j, i] == pytest.approx(pairs[(i, j)], abs=1e-6)


def test_exact_values_are_those_of_shap() -> None:
    n = 7
    table = np.random.default_rng(7).normal(size=(2**n, 1))
    explainer = shap.ExactExplainer(looked_up(table, n), np.zeros((1, n)))
    np.testing.assert_allclose(exact_shapley(table)[:, 0], explainer(np.ones((1, n))).values[0])


@given(tables, st.randoms(use_true_random=False))
def test_every_order_shares_out_the_same_total(table: NDArray[np.float64], random) -> None:
    order = list(range(player_count(table)))
    random.shuffle(order)
    added = join_in_order(table, order)
    np.testing.assert_allclose(added.sum(axis=0), table[-1] - table[0], atol=1e-9)
    np.testing.assert_array_equal(added[order[0]], table[2 ** order[0]] - table[0])


def test_an_order_names_every_player_once() -> None:
    for order in ([0, 1], [0, 1, 1], [0, 1, 3]):
        with pytest.raises(ValueError, match="each player from 0 to 2 once"):
            join_in_order(GLOVES, order)


def test_one_player_has_no_pair() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        pair_interactions(np.zeros((2, 1)))


def test_tiles_are_laid_row_by_row() -> None:
    cut = tiles(6, 12, (1, 3, 2))
    np.testing.assert_array_equal(np.unique(cut), np.arange(6))
    assert [cut[0, 0], cut[0, 11], cut[2, 0], cut[3, 5], cut[2, 11], cut[5, 5], cut[5, 6]] == [
        *(0, 0, 1, 2, 3, 4, 5)
    ]
    assert np.bincount(cut.ravel()).tolist() == [24, 8, 8, 8, 12, 12]


@pytest.mark.parametrize("rows", [(), (0, 2), (13,), (1,) * 7])
def test_tiles_refuse_what_does_not_fit(rows: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one number for each row"):
        tiles(6, 12, rows)


def test_frames_lie_where_their_names_say() -> None:
    cut = border_tiles(60, 90)
    at = {
        (3, 45): "top edge",
        (30, 3): "left edge",
        (30, 86): "right edge",
        (58, 10): "bottom edge",
    }
    at |= {
        (15, 45): "upper centre",
        (30, 45): "middle",
        (45, 45): "lower centre",
        (59, 89): "strip",
    }
    for (y, x), name in at.items():
        assert BORDER_TILES[cut[y, x]] == name
    top, left, bottom, right = strip_box(60, 90)
    assert (cut == BORDER_TILES.index("strip")).sum() == (bottom - top) * (right - left)
    with pytest.raises(ValueError, match="15x90"):
        border_tiles(15, 90)
