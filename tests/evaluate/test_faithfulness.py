"""Scores without a truth: right for a network whose answers are known, and equal to Quantus's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from insectlib.evaluate.faithfulness import (
    Perturbations,
    TargetGame,
    curve_area,
    infidelity,
    random_perturbations,
    removal_curves,
)
from insectlib.evaluate.ground_truth import pointing_game
from insectlib.evaluate.robustness import gini, map_agreement, stability, with_noise

GREY = (128.0, 128.0, 128.0)
PIXELS = np.tile(np.arange(64).reshape(8, 8), (2, 1, 1))
BLOCKS = np.tile(np.kron(np.arange(16).reshape(4, 4), np.ones((2, 2), dtype=np.int64)), (2, 1, 1))
CLASSES = np.array([0, 2])


class Network:
    """A stand-in for a Keras model: two layers without biases, or one where `curved` is False."""

    input_shape = (None, 8, 8, 3)

    def __init__(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
        self.first, self.second = first, second
        self.curved = True

    def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        hidden = images.reshape(len(images), -1).astype(np.float64) @ self.first
        return (np.tanh(hidden) if self.curved else hidden) @ self.second


class Case:
    """Pictures, network and map from one seed; Quantus was given the same."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.pictures = random.uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
        self.network = Network(random.normal(size=(192, 12)) / 255, random.normal(size=(12, 3)))
        self.maps = random.normal(size=(2, 8, 8))

    def game(self, segments: NDArray[np.int64]) -> TargetGame:
        return TargetGame(self.network, self.pictures, GREY, segments, CLASSES)

    def exact(self) -> NDArray[np.float64]:
        """Return the maps that a network without a curve deserves."""
        weights = (self.network.first @ self.network.second)[:, CLASSES].T.reshape(2, 8, 8, 3)
        return ((self.pictures - 128) * weights).sum(axis=-1)


@pytest.fixture
def case() -> Case:
    return Case()


@pytest.fixture
def straight(case: Case) -> Case:
    case.network.curved = False
    return case


# Expected numbers: Quantus 0.6.0 with a Keras 3.15 network of the same weights and the same arrays,
# abs=False and normalise=False unless it is said.


def test_deletion_is_pixel_flipping_of_quantus(case: Case) -> None:
    """PixelFlipping, features_in_step=1, perturb_baseline=128, every third step (one pixel)."""
    curves = removal_curves(case.game(PIXELS), case.maps, steps=64)
    expected = [
        [3.903329, 2.844457, 2.89507, 2.828905],
        [1.163751, 0.621153, 2.046852, -2.416786],
    ]
    np.testing.assert_allclose(curves[:, [1, 16, 32, 64]], expected, atol=2e-6)
    np.testing.assert_allclose(curves[:, 1:].mean(axis=1), [3.189327, 0.252937], atol=2e-6)


def test_infidelity_is_that_of_quantus(case: Case) -> None:
    """Infidelity, perturb_patch_sizes=[2], perturb_baseline=128, attributions divided by 255.

    Quantus hides patch after patch without showing the earlier ones again.
    """
    game = case.game(BLOCKS)
    hidden = np.tril(np.ones((16, 16), dtype=bool))
    perturbations = [
        Perturbations(
            hidden, game.target_output(i, np.ones((1, 16))) - game.target_output(i, ~hidden)
        )
        for i in (0, 1)
    ]
    maps = (case.maps[..., None] / 255 * (case.pictures - 128)).sum(axis=-1)
    np.testing.assert_allclose(
        infidelity(maps, BLOCKS, perturbations, relative=False), [1.339976, 7.134621], rtol=2e-6
    )


def test_gini_is_sparseness_of_quantus(case: Case) -> None:
    """Sparseness with abs=True; it adds 1e-7 to each value."""
    np.testing.assert_allclose(gini(case.maps), [0.399739, 0.386667], atol=2e-6)


def test_pointing_game_differs_from_quantus_on_ties_only(case: Case) -> None:
    """PointingGame: a miss twice; for rounded maps it counts any of three tied pixels as a hit."""
    target = np.zeros((2, 8, 8), dtype=bool)
    target[0, :3], target[1, :, :3] = True, True
    np.testing.assert_allclose(pointing_game(case.maps, target), [0, 0])
    np.testing.assert_allclose(pointing_game(case.maps.round(), target), [0, 1 / 3])


def test_curves_begin_and_end_where_they_must(case: Case) -> None:
    game = case.game(BLOCKS)
    whole = case.network.predict_on_batch(case.pictures)[[0, 1], CLASSES]
    bare = case.network.predict_on_batch(np.full((2, 8, 8, 3), 128.0))[[0, 1], CLASSES]
    deleted = removal_curves(game, case.maps, steps=5)
    inserted = removal_curves(game, case.maps, steps=5, insert=True)
    assert deleted.shape == (2, 6)
    np.testing.assert_allclose(deleted[:, [0, -1]], np.stack([whole, bare], axis=1))
    np.testing.assert_allclose(inserted[:, [0, -1]], np.stack([bare, whole], axis=1))
    # to insert the lowest first is to delete the highest first, read backwards
    for steps in (4, 5):
        np.testing.assert_allclose(
            removal_curves(game, -case.maps, steps=steps, insert=True)[:, ::-1],
            removal_curves(game, case.maps, steps=steps),
        )


def test_the_exact_map_has_the_best_curves(straight: Case) -> None:
    game = straight.game(BLOCKS)
    best = curve_area(removal_curves(game, straight.exact()))
    other = curve_area(removal_curves(game, straight.maps))
    assert (best < other).all()
    inserted = curve_area(removal_curves(game, straight.exact(), insert=True))
    assert (inserted > curve_area(removal_curves(game, straight.maps, insert=True))).all()


def test_area_by_hand() -> None:
    np.testing.assert_allclose(curve_area(np.array([[0.0, 1.0, 0.0], [2.0, 2.0, 2.0]])), [0.5, 2])


def test_probabilities_can_be_watched(case: Case) -> None:
    game = replace(case.game(BLOCKS), output="probabilities")
    curves = removal_curves(game, case.maps)
    assert curves.min() > 0 and curves.max() < 1


def test_infidelity_knows_the_exact_map(straight: Case) -> None:
    perturbations = random_perturbations(straight.game(BLOCKS), seed=0, n_samples=60)
    exact = straight.exact()
    np.testing.assert_allclose(infidelity(exact, BLOCKS, perturbations), 0, atol=1e-9)
    np.testing.assert_allclose(infidelity(0 * exact, BLOCKS, perturbations), 1)
    np.testing.assert_allclose(infidelity(2 * exact, BLOCKS, perturbations), 1)
    np.testing.assert_allclose(
        infidelity(2 * exact, BLOCKS, perturbations, rescale=True), 0, atol=1e-9
    )
    np.testing.assert_allclose(infidelity(-exact, BLOCKS, perturbations, rescale=True), 1)


def test_probes_hide_few_and_many_and_obey_their_seed(case: Case) -> None:
    game = case.game(BLOCKS)
    first, again, other = (random_perturbations(game, seed=s, n_samples=200)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first.removed, again.removed)
    assert (first.removed != other.removed).any()
    share = first.removed.mean(axis=1)
    assert share.min() < 0.1 and share.max() > 0.9
    i = int(np.argmax(share < 0.9))
    shown = game.target_output(0, np.stack([np.ones(16), ~first.removed[i]]))
    assert first.drops[i] == pytest.approx(shown[0] - shown[1])


def test_what_does_not_fit_is_refused(case: Case) -> None:
    with pytest.raises(ValueError, match="expected \\(n, height, width, 3\\)"):
        TargetGame(case.network, case.pictures, GREY, BLOCKS[:1], CLASSES)
    with pytest.raises(ValueError, match="baseline has shape"):
        TargetGame(case.network, case.pictures, (1.0, 2.0), BLOCKS, CLASSES)


def test_agreement_and_stability_by_hand() -> None:
    one = np.arange(64.0).reshape(1, 8, 8)
    assert map_agreement(one, 3 * one + 1, PIXELS[:1]) == pytest.approx(1)
    assert map_agreement(one, -one, PIXELS[:1]) == pytest.approx(-1)
    # pairs: the same, the opposite, the opposite
    assert stability([one, one, -one], PIXELS[:1]) == pytest.approx(-1 / 3)
    with pytest.raises(ValueError, match="1 runs"):
        stability([one], PIXELS[:1])


def test_noise_is_small_seeded_and_in_range() -> None:
    pictures = np.full((1, 40, 40, 3), 127, dtype=np.float32)
    noisy = with_noise(pictures, seed=0, sigma=3)
    assert noisy.dtype == np.float32
    assert (noisy - pictures).std() == pytest.approx(3, rel=0.05)
    np.testing.assert_array_equal(noisy, with_noise(pictures, seed=0, sigma=3))
    assert (noisy != with_noise(pictures, seed=1, sigma=3)).any()
    ends = with_noise(pictures * 0 + 255, seed=0, sigma=50)
    assert ends.max() == 255 and with_noise(pictures * 0, seed=0, sigma=50).min() == 0


@given(st.integers(2, 30))
def test_gini_of_one_and_of_all(m: int) -> None:
    one = np.zeros((1, 1, m))
    one[0, 0, 0] = -7
    assert gini(one)[0] == pytest.approx(1 - 1 / m)
    assert gini(np.full((1, 1, m), -3.0))[0] == pytest.approx(0)
    assert gini(np.zeros((1, 1, m)))[0] == 0
