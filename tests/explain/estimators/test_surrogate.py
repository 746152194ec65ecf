"""The estimators: right in closed form, exact in the end, honest about their errors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from insectlib.explain.estimators.covariances import (
    Additive,
    Fading,
    Interacting,
    Part,
    Sized,
    alike_sizes,
)
from insectlib.explain.estimators.gaussian_process import Prior, fit_surrogate
from insectlib.explain.estimators.sampling import (
    PairedCoalitions,
    drawn_pairs,
    paired_regression,
    regression_errors,
    shapley_weights,
)
from insectlib.explain.estimators.surrogate import (
    corrected_surrogate,
    region_centres,
    surrogate_shapley,
)
from insectlib.explain.games.coalitions import all_coalitions, exact_shapley
from insectlib.models.inference import softmax

GRID = np.indices((3, 3)).reshape(2, 9).T / 3 + 1 / 6


class PictureGame:
    """A game whose players add up, interact with their neighbours, and fade: like a picture's."""

    def __init__(self, seed: int, centres: NDArray[np.float64] = GRID) -> None:
        random = np.random.default_rng(seed)
        n = len(centres)
        self.single = random.normal(size=(n, 3))
        apart = ((centres[:, None] - centres) ** 2).sum(axis=-1)
        near = np.triu(np.exp(-apart * n / 2), 1)
        self.pairs = random.normal(size=(n, n, 3)) * near[..., None]
        self.asked = 0

    def __call__(self, coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        self.asked += len(coalitions)
        z = coalitions.astype(float)
        plain = z @ self.single + np.einsum("mi,mj,ijc->mc", z, z, self.pairs)
        return plain * (1.5 - z.mean(axis=1, keepdims=True)) - 1

    def exact(self, output: str = "logits") -> NDArray[np.float64]:
        table = self(all_coalitions(len(self.single)))
        return exact_shapley(table if output == "logits" else softmax(table))


def off(values: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Return the relative error, as a mean over the outputs."""
    return float(np.mean(np.linalg.norm(values - truth, axis=0) / np.linalg.norm(truth, axis=0)))


# --- which coalitions ---


@pytest.mark.parametrize("choices", [1, 5])
@pytest.mark.parametrize("n", [2, 3, 7, 20])
def test_every_pair_comes_once(n: int, choices: int) -> None:
    sampler = PairedCoalitions(n, np.random.default_rng(0), choices=choices)
    drawn = np.concatenate([sampler.draw(40), sampler.draw(100)])
    both = np.concatenate([drawn, ~drawn])
    assert len(np.unique(both, axis=0)) == len(both)
    assert both.any(axis=1).all() and not both.all(axis=1).any()
    assert len(drawn) == min(140, 2 ** (n - 1) - 1)
    assert sampler.remaining == 2 ** (n - 1) - 1 - len(drawn)


@pytest.mark.parametrize("choices", [1, 5])
@pytest.mark.parametrize("n", [12, 20])
def test_every_size_is_as_likely(n: int, choices: int) -> None:
    """The listed pairs and the drawn ones follow the same law."""
    sizes = np.zeros(n + 1)
    for seed in range(60):
        rows = PairedCoalitions(n, np.random.default_rng(seed), choices=choices).draw(10)
        sizes += np.bincount(rows.sum(axis=1), minlength=n + 1)
        sizes += np.bincount((~rows).sum(axis=1), minlength=n + 1)
    middle = sizes[3 : n - 2]
    expected = 60 * 20 / (n - 1)
    assert abs(middle.mean() / expected - 1) < 0.2
    assert middle.max() < 1.6 * expected


@pytest.mark.parametrize("n", [14, 30])
def test_chosen_coalitions_are_less_alike(n: int) -> None:
    def likeness(choices: int) -> float:
        cosines = [
            np.corrcoef(PairedCoalitions(n, np.random.default_rng(seed), choices=choices).draw(40))
            for seed in range(5)
        ]
        return float(np.mean([found[np.triu_indices(40, 1)] ** 2 for found in cosines]))

    assert likeness(20) < 0.95 * likeness(1)


def test_known_coalitions_are_not_drawn() -> None:
    known = all_coalitions(4)[[3, 8]]
    drawn = PairedCoalitions(4, np.random.default_rng(0), known).draw(99)
    everything = np.concatenate([drawn, ~drawn, known, ~known])
    assert len(np.unique(everything, axis=0)) == len(everything) == 14


def test_regression_over_all_pairs_is_exact() -> None:
    table = np.random.default_rng(0).normal(size=(64, 2))
    pairs = all_coalitions(6)[1:32]
    odd = (table[1:32] - table[::-1][1:32]) / 2
    values = paired_regression(pairs, shapley_weights(pairs), odd, table[-1] - table[0])
    np.testing.assert_allclose(values, exact_shapley(table), atol=1e-12)


# --- the surrogate ---

PARTS = {
    "additive": Additive(),
    "fading": Fading(alike_sizes(6, 0.7, 1)),
    "interacting": Interacting(np.random.default_rng(1).uniform(0, 0.5, (3, 6))),
}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS.keys())
def test_closed_forms_agree_with_all_coalitions(part: Part) -> None:
    signs = 2.0 * all_coalitions(6) - 1
    gram = part.gram(signs, signs)
    np.testing.assert_allclose(gram, -gram[::-1], atol=1e-12)  # odd
    np.testing.assert_allclose(part.shapley(signs).T, exact_shapley(gram), atol=1e-12)
    twice = exact_shapley(exact_shapley(gram).T)
    np.testing.assert_allclose(part.variance(6), np.diag(twice), atol=1e-12)


def test_even_parts_have_no_shapley_values() -> None:
    signs = 2.0 * all_coalitions(5) - 1
    weights = np.full((1, 5), 0.4)
    for part in (
        Sized(alike_sizes(5, 0.7, 1)),
        Fading(alike_sizes(5, 0.7, -1)),
        Interacting(weights, odd=False),
    ):
        gram = part.gram(signs, signs)
        np.testing.assert_allclose(gram, gram[::-1], atol=1e-12)
        np.testing.assert_allclose(exact_shapley(gram), 0, atol=1e-12)


def test_surrogate_of_every_pair_is_exact_and_certain() -> None:
    """The white part makes the closed form exact once nothing is unknown."""
    table = np.random.default_rng(0).normal(size=(64, 2))
    rows = [*range(1, 32), 63]
    signs = 2.0 * all_coalitions(6)[rows] - 1
    odd = (table - table[::-1])[rows] / 2
    prior = Prior((Additive(), Fading(alike_sizes(6, 0.7, 1))), np.array([0.0, -3.0, -3.0]))
    values, errors = fit_surrogate(prior, signs, odd).shapley()
    np.testing.assert_allclose(values, exact_shapley(table), atol=1e-8)
    assert errors.max() < 1e-4


def test_surrogate_predicts_what_it_was_not_told() -> None:
    pairs = PairedCoalitions(9, np.random.default_rng(0)).draw(120)
    game = PictureGame(0)
    odd = (game(pairs) - game(~pairs)) / 2
    whole = (game(np.ones((1, 9), dtype=bool)) - game(np.zeros((1, 9), dtype=bool))) / 2
    signs = np.concatenate([2.0 * pairs[:60] - 1, np.ones((1, 9))])
    prior = Prior((Additive(), Fading(alike_sizes(9, 0.7, 1))), np.array([0.0, -3.0, -6.0]))
    surrogate = fit_surrogate(prior, signs, np.concatenate([odd[:60], whole]))
    assert off(surrogate.predict(2.0 * pairs[60:] - 1), odd[60:]) < 0.2


# --- the estimates ---


@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_exact_when_every_coalition_is_asked(output: str) -> None:
    game = PictureGame(0)
    found = surrogate_shapley(game, GRID, n_samples=510, seed=0, output=output)
    assert game.asked == 512
    np.testing.assert_allclose(found.values, game.exact(output), atol=1e-9)
    np.testing.assert_array_equal(found.errors, 0)


@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_adds_up_and_errs_less_with_a_larger_budget(output: str) -> None:
    game = PictureGame(1)
    truth = game.exact(output)
    ends = np.array([np.zeros(9), np.ones(9)], dtype=bool)
    base, whole = game(ends) if output == "logits" else softmax(game(ends))
    misses = []
    for budget in (18, 100, 400):
        of_seeds = []
        for seed in range(4):
            game.asked = 0
            found = surrogate_shapley(game, GRID, n_samples=budget, seed=seed, output=output)
            assert game.asked == budget + 2
            np.testing.assert_allclose(found.base_values, base, atol=1e-12)
            np.testing.assert_allclose(found.values.sum(axis=0), whole - base, atol=1e-9)
            of_seeds.append(off(found.values, truth))
        misses.append(np.mean(of_seeds))
    assert misses[0] > 2 * misses[1] > 4 * misses[2]


@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_nine_in_ten_true_values_lie_in_the_interval(output: str) -> None:
    inside = []
    for seed in range(12):
        game = PictureGame(seed)
        found = surrogate_shapley(game, GRID, n_samples=60, seed=seed, output=output)
        inside.append(np.abs(found.values - game.exact(output)) < 1.645 * found.errors)
    assert 0.75 < np.mean(inside) < 0.98


def test_needs_fewer_answers_than_the_regression() -> None:
    """The same pairs, with and without the surrogate."""
    ratios = []
    for seed in range(6):
        game = PictureGame(seed)
        truth = game.exact()
        pairs = PairedCoalitions(9, np.random.default_rng(seed)).draw(40)
        odd, total = (game(pairs) - game(~pairs)) / 2, truth.sum(axis=0)
        size = pairs.sum(axis=1)
        plain = paired_regression(pairs, 1 / (size * (9 - size)), odd, total)
        found = surrogate_shapley(game, GRID, n_samples=80, seed=seed)
        ratios.append(off(found.values, truth) / off(plain, truth))
    assert np.exp(np.mean(np.log(ratios))) < 0.6


def test_some_classes_get_the_values_that_all_get() -> None:
    game, two = PictureGame(0), np.array([2, 0])
    every = surrogate_shapley(game, GRID, n_samples=100, seed=0, output="probabilities")
    some = surrogate_shapley(game, GRID, n_samples=100, seed=0, output="probabilities", classes=two)
    np.testing.assert_allclose(some.values, every.values[:, two])
    np.testing.assert_allclose(some.errors, every.errors[:, two])
    np.testing.assert_allclose(some.base_values, every.base_values[two])


@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_stops_at_a_wanted_error(output: str) -> None:
    game = PictureGame(2)
    truth = game.exact(output)
    asked = []
    for wanted in (0.3, 0.03):
        game.asked = 0
        found = surrogate_shapley(
            game, GRID, n_samples=400, seed=0, output=output, wanted_error=wanted
        )
        asked.append(game.asked)
        said = np.linalg.norm(found.errors, axis=0) / np.linalg.norm(found.values, axis=0)
        assert said.max() <= wanted or game.asked == 402
        assert off(found.values, truth) < 2 * wanted
    assert asked[0] < asked[1] <= 402


def test_many_regions_and_an_odd_budget() -> None:
    centres = np.random.default_rng(0).random((40, 2))
    game = PictureGame(0, centres)
    for output in ("logits", "probabilities"):
        game.asked = 0
        found = surrogate_shapley(game, centres, n_samples=141, seed=0, output=output)
        assert game.asked == 142
        assert found.values.shape == found.errors.shape == (40, 3)
        assert (found.errors > 0).all()


def test_regions_are_where_their_pixels_are() -> None:
    segments = np.array([[0, 0, 1, 1], [0, 0, 1, 2]])
    np.testing.assert_allclose(
        region_centres(segments),
        [[0.5, 0.25], [5 / 12, (0.625 + 0.875 + 0.625) / 3], [0.75, 0.875]],
    )


def test_what_is_wrong_is_named() -> None:
    game = PictureGame(0)
    with pytest.raises(ValueError, match="n_samples is 1; expected 2"):
        surrogate_shapley(game, GRID, n_samples=1, seed=0)
    with pytest.raises(ValueError, match="wanted_error is 0"):
        surrogate_shapley(game, GRID, n_samples=50, seed=0, wanted_error=0.0)
    with pytest.raises(ValueError, match="nothing to share out"):
        surrogate_shapley(game, GRID[:1], n_samples=50, seed=0)


def test_drawn_pairs_give_unbiased_values_and_errors_of_the_right_size() -> None:
    """A game with interactions, drawn again and again."""
    random = np.random.default_rng(0)
    n, m = 8, 400
    single, pairs = random.normal(size=(n, 1)), random.normal(size=(n, n, n, 1)) / 6

    def odd(coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        signs = coalitions - 0.5
        return signs @ single + np.einsum("mi,mj,mk,ijkc->mc", signs, signs, signs, pairs)

    everybody = 2 * odd(np.ones((1, n), dtype=bool))[0]
    values, errors = [], []
    for _ in range(200):
        drawn, weights = drawn_pairs(m, n, random)
        values.append(paired_regression(drawn, weights, odd(drawn), everybody))
        errors.append(regression_errors(drawn, weights, odd(drawn), values[-1]))
    assert np.std(values, axis=0) == pytest.approx(np.mean(errors, axis=0), rel=0.25)
    truth, off_by = exact_shapley(odd(all_coalitions(n))), np.std(values, axis=0) / 200**0.5
    assert (np.abs(np.mean(values, axis=0) - truth) < 4 * off_by).all()


def test_what_a_surrogate_leaves_is_put_right_by_a_regression() -> None:
    """Of pairs that it was not fitted to: closer than the regression alone, within its errors."""
    n, random = 10, np.random.default_rng(0)
    game = PictureGame(0, random.random((n, 2)))
    drawn, weights = drawn_pairs(900, n, random)
    odd = (game(drawn) - game(~drawn)) / 2
    nobody, everybody = game(np.array([np.zeros(n), np.ones(n)], dtype=bool))
    values, errors = corrected_surrogate(drawn, weights, odd, everybody - nobody)
    alone = paired_regression(drawn, weights, odd, everybody - nobody)
    assert off(values, game.exact()) < off(alone, game.exact()) / 3
    assert 0.75 < np.mean(np.abs(values - game.exact()) <= 1.645 * errors) <= 1


def test_where_one_pair_is_left_the_errors_are_those_of_one_pair() -> None:
    """Probabilities: what was evaluated is known, and no surrogate's error counts there."""
    game = PictureGame(0, GRID[:6])
    found = surrogate_shapley(game, GRID[:6], n_samples=60, seed=0, output="probabilities")
    true_error = np.abs(found.values - game.exact("probabilities")).max()
    assert true_error / 2 < found.errors.max() < 10 * true_error
