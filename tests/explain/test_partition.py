"""Partition SHAP: Owen values where they are known, additive always, exact about its cost."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable

import keras
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import shap
from numpy.typing import NDArray

from insectlib.explain.masking.hierarchy import (
    level_boxes,
    members,
    owen_values,
    picture_hierarchy,
    region_box,
    smallest_regions,
)
from insectlib.explain.masking.maskers import PictureMasker
from insectlib.explain.masking.masking_graphs import BATCH, SIDE_BY_SIDE, graph_of
from insectlib.explain.partition import PixelGame, _explainer, partition_shap
from insectlib.models.cnns import small_cnn
from insectlib.models.inference import model_outputs
from insectlib.models.seeds import numpy_seed

NAMES = ("beetle", "cockroach", "dragonfly")
GREY = (128.0, 128.0, 128.0)
BACKGROUNDS = ("blur(3,3)", "inpaint_telea", "inpaint_ns", GREY)
PAIRS = (("a", "b"), ("c", "d"))


class Network:
    """A stand-in for a Keras model that counts the pictures it is shown."""

    def __init__(self, curve: float = 0.0, size: int = 8) -> None:
        self.input_shape = (None, size, size, 3)
        self.weights = np.random.default_rng(1).normal(size=(size * size * 3, 3)) / 255
        self.curve = curve
        self.seen = 0

    def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        self.seen += len(images)
        linear = images.reshape(len(images), -1).astype(np.float64) @ self.weights
        return linear + self.curve * np.sin(linear)


@pytest.fixture
def pictures() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)


def redundant(present: frozenset[str]) -> float:
    """Return what a coalition earns: two wings say the same thing, and a body adds something."""
    wing = bool(present & {"a", "b"})
    return 6.0 * wing + 2.0 * ("c" in present) + 4.0 * (wing and "d" in present)


def test_owen_values_by_hand() -> None:
    """The pair (a, b) is worth 8 to the whole; each half of it by symmetry gets 4."""
    assert owen_values(redundant, PAIRS) == {"a": 4.0, "b": 4.0, "c": 2.0, "d": 2.0}
    assert members(PAIRS) == frozenset("abcd")


def random_game(seed: int, names: str) -> Callable[[frozenset[str]], float]:
    table = np.random.default_rng(seed).normal(size=2 ** len(names))
    return lambda present: float(table[sum(2**i for i, n in enumerate(names) if n in present)])


def test_owen_values_are_the_mean_over_orders_that_keep_groups_together() -> None:
    """Owen's definition: all orders in which no group is interrupted by another one's players."""
    game = random_game(0, "abcd")
    orders = [
        first + second
        for groups in itertools.permutations(["ab", "cd"])
        for first in itertools.permutations(groups[0])
        for second in itertools.permutations(groups[1])
    ]
    expected = {
        name: np.mean(
            [
                game(frozenset(order[: order.index(name) + 1]))
                - game(frozenset(order[: order.index(name)]))
                for order in orders
            ]
        )
        for name in "abcd"
    }
    assert owen_values(game, PAIRS) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_owen_values_are_those_of_shap(seed: int) -> None:
    game = random_game(seed, "abcd")

    def rows(coalitions: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([[game(frozenset(np.array(list("abcd"))[row > 0]))] for row in coalitions])

    tree = np.array([[0, 1, 1, 2], [2, 3, 1, 2], [4, 5, 1, 4]], dtype=float)
    masker = shap.maskers.Partition(np.zeros((1, 4)), clustering=tree)
    explained = shap.PartitionExplainer(rows, masker)(np.ones((1, 4)), max_evals=50, silent=True)
    values = dict(zip("abcd", explained.values.ravel().tolist(), strict=True))
    assert owen_values(game, PAIRS) == pytest.approx(values)
    # what the groups get is what they would get as two players
    pair = 0.5 * (game(frozenset("ab")) - game(frozenset()))
    pair += 0.5 * (game(frozenset("abcd")) - game(frozenset("cd")))
    assert values["a"] + values["b"] == pytest.approx(pair)


def test_hierarchy_halves_the_longer_side() -> None:
    tree = picture_hierarchy(4, 8)
    assert tree.shape == (3 * 4 * 8 - 1, 4)
    assert level_boxes(tree, 0, 8) == [(0, 0, 4, 8)]
    assert sorted(level_boxes(tree, 1, 8)) == [(0, 0, 4, 4), (0, 4, 4, 8)]
    assert sorted(level_boxes(tree, 2, 8))[0] == (0, 0, 2, 4)
    for level in range(6):
        covered = np.zeros((4, 8), dtype=int)
        for top, left, bottom, right in level_boxes(tree, level, 8):
            covered[top:bottom, left:right] += 1
        assert (covered == 1).all()
    assert region_box(tree, 3 * 8 + 1, 8) == (1, 0, 2, 1)


def test_smallest_regions_end_where_the_credit_stays() -> None:
    tree = picture_hierarchy(4, 4)
    m, root = len(tree) + 1, 2 * len(tree)
    credit = np.zeros((2 * m - 1, 2))
    assert (smallest_regions(tree, credit, 4, 4) == 0).all()
    coarse, cut = tree[root - m, :2].astype(int)
    credit[coarse, 1] = 1.0
    credit[tree[cut - m, :2].astype(int), 0] = 1.0
    regions = smallest_regions(tree, credit, 4, 4)
    assert regions.max() == 2
    for node in (coarse, *tree[cut - m, :2].astype(int)):
        top, left, bottom, right = region_box(tree, node, 4)
        inside = regions[top:bottom, left:right]
        assert (inside == inside[0, 0]).all()
        assert (regions == inside[0, 0]).sum() == inside.size


def test_linear_network_gets_its_own_weights_back(pictures: NDArray[np.float32]) -> None:
    network, small = Network(size=4), pictures[:, :4, :4]
    explained = partition_shap(network, small, GREY, budget=10**6)
    expected = (small - 128.0).reshape(2, -1, 1) * network.weights
    np.testing.assert_allclose(explained.values, expected.reshape(2, 4, 4, 3, 3), atol=1e-6)


@pytest.mark.parametrize("output", ["logits", "probabilities"])
@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("max_evals", [4, 61])
def test_base_value_and_attributions_add_up(
    pictures: NDArray[np.float32], background: object, output: str, max_evals: int
) -> None:
    network = Network(curve=1.0)
    explained = partition_shap(network, pictures, background, budget=max_evals, output=output)
    outputs = model_outputs(network, pictures, output)
    total = explained.base_values + explained.values.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(total, outputs, atol=1e-9)
    assert explained.relative_gap < 1e-3


@pytest.mark.parametrize("background", ["blur(5,5)", "inpaint_telea", "inpaint_ns", GREY])
def test_the_same_values_as_from_shap_with_its_own_masker(background: object) -> None:
    network = small_cnn(16, seed=0)
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.float32)
    hidden = background if isinstance(background, str) else np.full(image.shape, background)
    explainer = shap.PartitionExplainer(
        lambda pictures: network.predict(pictures, verbose=0),
        shap.maskers.Image(hidden, image.shape),
    )
    with numpy_seed(0):
        theirs = explainer(image[None], max_evals=150, batch_size=32, silent=True)
    ours = partition_shap(network, image, background, budget=150)
    np.testing.assert_allclose(ours.values, theirs.values, atol=1e-4)
    np.testing.assert_allclose(ours.base_values, theirs.base_values, atol=1e-4)


def test_one_trace_and_one_list_of_boxes_for_all_pictures() -> None:
    network = small_cnn(16, seed=0)
    images = np.random.default_rng(0).uniform(0, 255, (3, 16, 16, 3)).astype(np.float32)
    _explainer.cache_clear()
    for background in ("blur(5,5)", "inpaint_ns", GREY):
        partition_shap(network, images, background, budget=21)
    partition_shap(network, images, GREY, budget=60, batch_size=7, output="probabilities")
    graph = graph_of(network, "pixels", (16, 16, 3), BATCH // SIDE_BY_SIDE)
    assert graph.experimental_get_tracing_count() == 1
    assert _explainer.cache_info().misses == 1


def test_a_coalition_that_comes_twice_is_evaluated_once(pictures: NDArray[np.float32]) -> None:
    network = Network(curve=1.0)
    game = PixelGame(network, "logits")
    game.masker = PictureMasker(pictures[0], "inpaint_telea")
    coalitions = np.random.default_rng(0).random((5, 8 * 8 * 3)) < 0.5
    outputs = game(np.concatenate([coalitions, coalitions[::-1]]))
    assert game.evaluations == network.seen == 5
    np.testing.assert_array_equal(outputs[:5], outputs[5:][::-1])
    masked = [game.masker.hide(~row.reshape(8, 8, 3)) for row in coalitions]
    np.testing.assert_allclose(outputs[:5], model_outputs(network, np.stack(masked)), atol=1e-6)


def test_base_value_is_what_the_hidden_picture_gives(pictures: NDArray[np.float32]) -> None:
    network = Network(curve=1.0)
    swapped = pictures[::-1].copy()
    for background, hidden in (
        (GREY, np.full_like(pictures, 128)),
        (swapped[0], swapped[[0, 0]]),
        (swapped, swapped),
        ("inpaint_ns", np.broadcast_to(pictures.mean(axis=(1, 2), keepdims=True), pictures.shape)),
    ):
        explained = partition_shap(network, pictures, background, budget=10)
        np.testing.assert_allclose(
            explained.base_values, model_outputs(network, hidden), rtol=1e-5, atol=1e-6
        )


def test_layout_names_and_cost(pictures: NDArray[np.float32]) -> None:
    network = Network(curve=2.0)
    explained = partition_shap(network, pictures, GREY, budget=60, class_names=NAMES)
    assert explained.values.shape == (2, 8, 8, 3, 3)
    assert explained.base_values.shape == (2, 3)
    assert list(explained.output_names) == list(NAMES)
    np.testing.assert_array_equal(explained.data, np.rint(pictures))
    assert explained.evaluations == network.seen == 2 * (60 + 1)
    assert 0 < explained.seconds == explained.compute_time
    np.testing.assert_array_equal(explained.hierarchy, picture_hierarchy(8, 8))
    # pixels of one region carry the same share
    regions = explained.regions[0]
    assert 8 < len(np.unique(regions)) < 64
    for number in np.unique(regions):
        part = explained.values[0][regions == number].sum(axis=1)
        np.testing.assert_allclose(part, np.broadcast_to(part[:1], part.shape), atol=1e-9)


def test_regions_get_finer_with_the_budget(pictures: NDArray[np.float32]) -> None:
    numbers = [
        partition_shap(Network(1.0), pictures[0], GREY, budget=n).regions.max() + 1
        for n in (4, 20, 100)
    ]
    assert numbers[0] == 2
    assert numbers[0] < numbers[1] < numbers[2]


@pytest.mark.parametrize("top", [1, 2, 3])
def test_ranked_outputs(pictures: NDArray[np.float32], top: int) -> None:
    network, small = Network(curve=1.0, size=4), pictures[:, :4, :4]
    ranked = partition_shap(
        network, small, GREY, target=f"top {top}", class_names=NAMES, budget=10**6
    )
    everything = partition_shap(network, small, GREY, class_names=NAMES, budget=10**6)
    order = np.argsort(-model_outputs(network, small), axis=1)[:, :top]
    np.testing.assert_array_equal(ranked.classes, order)
    names = np.broadcast_to(ranked.output_names, order.shape)
    np.testing.assert_array_equal(names, np.array(NAMES)[order])
    for i in range(2):
        np.testing.assert_allclose(ranked.values[i], everything.values[i][..., order[i]], atol=1e-9)
        np.testing.assert_allclose(ranked.base_values[i], everything.base_values[i][order[i]])
    assert ranked.relative_gap < 1e-3


def test_image_plot_draws_one_map_for_each_class(pictures: NDArray[np.float32]) -> None:
    """Given one bare array, shap adds the classes up; given our result, it does not."""
    mpl.use("agg")
    explained = partition_shap(Network(), pictures, GREY, class_names=NAMES, budget=40)
    shap.image_plot(explained.values, pictures / 255, show=False)
    bare = [axes for axes in plt.gcf().axes if axes.images]
    of_bare = bare[1].images[-1].get_array()
    assert len(bare) == 2 * 2
    clipped = explained.values[0].sum(axis=-1).clip(0, 1)  # drawn as a colour picture
    np.testing.assert_allclose(of_bare, clipped, atol=1e-12)
    plt.close("all")
    shap.image_plot(explained, show=False)
    panels = [axes for axes in plt.gcf().axes if axes.images]
    assert [axes.get_title() for axes in panels[:4]] == ["", *NAMES]
    for i, k in itertools.product(range(2), range(3)):
        drawn = panels[4 * i + k + 1].images[-1].get_array()
        np.testing.assert_allclose(drawn, explained.values[i, ..., k].sum(axis=-1))
    plt.close("all")


def test_same_seed_same_result_and_global_generator_stays(
    pictures: NDArray[np.float32],
) -> None:
    with numpy_seed(7):
        expected = np.random.mtrand.random()
    with numpy_seed(7):
        first = partition_shap(Network(2.0), pictures, "blur(4,4)", seed=3, budget=40)
        assert np.random.mtrand.random() == expected
    again = partition_shap(Network(2.0), pictures, "blur(4,4)", seed=3, budget=40)
    np.testing.assert_array_equal(first.values, again.values)


def test_pictures_do_not_disturb_each_other(pictures: NDArray[np.float32]) -> None:
    for background in BACKGROUNDS:
        together = partition_shap(Network(2.0), pictures, background, budget=40)
        for i in range(2):
            alone = partition_shap(Network(2.0), pictures[i], background, budget=40)
            np.testing.assert_allclose(together.values[i], alone.values[0], atol=1e-9)


def test_nothing_is_said_about_a_network_with_a_list_of_inputs(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Keras warns whenever such a network is called with an array."""
    images = np.random.default_rng(0).uniform(0, 255, (1, 16, 16, 3)).astype(np.float32)
    start = keras.initializers.GlorotUniform(0)
    pictures = keras.Input((16, 16, 3))
    hidden = keras.layers.RandomFlip("horizontal", seed=0)(pictures)
    hidden = keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer=start)(hidden)
    hidden = keras.layers.Dropout(0.5, seed=0)(hidden)
    hidden = keras.layers.GlobalAveragePooling2D()(hidden)
    network = keras.Model([pictures], keras.layers.Dense(3, kernel_initializer=start)(hidden))
    with pytest.warns(UserWarning, match="structure of `inputs`"):
        network(images)
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explained = partition_shap(network, images, "blur(6,6)", budget=60)
    assert explained.relative_gap < 1e-3
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.full((1, 8, 8, 3), 0.5)}, "0 to 1"),
        ({"images": np.full((1, 16, 16, 3), 99.0)}, "the network takes 8x8"),
        ({"baseline": "smear"}, "baseline is 'smear'"),
        ({"baseline": (300, 0, 0)}, "baseline has values from 0 to 300"),
        ({"baseline": np.full((5, 8, 8, 3), 9.0)}, "one for each picture"),
        ({"budget": 3}, "budget is 3; expected at least 4"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"output": "log_odds"}, "output is 'log_odds'"),
        ({"target": "top 4"}, "target is 'top 4'"),
    ],
)
def test_what_is_wrong_is_named(
    pictures: NDArray[np.float32], change: dict[str, object], message: str
) -> None:
    arguments = {"images": pictures, "baseline": GREY, **change}
    with pytest.raises(ValueError, match=message):
        partition_shap(Network(), **arguments)
