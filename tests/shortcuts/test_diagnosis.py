"""The diagnosis of a network: exact shares, clusters and interventions together, and figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import linear, reader
from numpy.typing import NDArray

from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import strip_box
from insectlib.data.sources.drawn import draw_specimens
from insectlib.models.inference import model_outputs
from insectlib.shortcuts.clusters import regions_of
from insectlib.shortcuts.diagnosis import coarse, diagnose, exact_shares, plot_clusters
from insectlib.specimens.catalogue import sample_scene
from insectlib.specimens.insects.species import CLASS_NAMES
from insectlib.visualise.style import WIDTH, use_style

SIZE = 32


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    use_style()
    yield
    plt.close("all")
    plt.rcdefaults()


@pytest.fixture(scope="module")
def drawn() -> ImageSet:
    scenes = [
        sample_scene(CLASS_NAMES[i % 3], 40 + i, shortcut_background=1, shortcut_strip=1)
        for i in range(6)
    ]
    return draw_specimens(scenes, SIZE, workers=1, progress=False)


@pytest.fixture
def marked(tiny_set: ImageSet) -> ImageSet:
    """Return pictures whose strip is dark, medium or light, as the class says."""
    top, left, bottom, right = strip_box(16, 16)
    images = tiny_set.images.copy()
    shades = np.array([10, 128, 245], dtype=np.float32)[tiny_set.labels]
    images[:, top:bottom, left:right] = shades[:, None, None, None]
    return replace(tiny_set, images=images)


def without_strip(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return pictures whose strip box is grey."""
    top, left, bottom, right = strip_box(*images.shape[1:3])
    grey = images.copy()
    grey[:, top:bottom, left:right] = 128
    return grey


def test_exact_shares_of_a_reader_of_strips(marked: ImageSet) -> None:
    """A linear network's value of the strip is what the strip adds before grey."""
    model, some = reader(16, strip_box(16, 16)), marked.subset(range(6))
    found = exact_shares([model], some)
    assert found.gap < 1e-4
    np.testing.assert_allclose(found.values["centre"], 0, atol=1e-4)
    np.testing.assert_allclose(found.values["border"], 0, atol=1e-4)
    rows, named = np.arange(6), some.labels
    full, hidden = (model_outputs(model, x) for x in (some.images, without_strip(some.images)))
    expected = full[rows, named] - hidden[rows, named]
    np.testing.assert_allclose(found.values["strip"][0], expected, atol=1e-4)
    strip = found.shares["strip"][0]
    np.testing.assert_allclose(strip[np.abs(expected) > 0.01], 1, atol=1e-3)


def test_exact_shares_of_several_networks_are_those_of_each(tiny_set: ImageSet) -> None:
    some = tiny_set.subset(range(4))
    one, two = linear(), linear(place=np.s_[2:9, 2:9])
    together = exact_shares([one, two], some)
    for k, model in enumerate((one, two)):
        alone = exact_shares([model], some)
        for name, value in alone.values.items():
            np.testing.assert_allclose(together.values[name][k], value[0], atol=1e-4)
    total = np.sum(list(together.shares.values()), axis=0)
    np.testing.assert_allclose(total, 1)
    assert together.means(1)["strip"] == pytest.approx(0, abs=1e-6)


def test_exact_shares_of_specimens_are_played_with_drawn_scenes(drawn: ImageSet) -> None:
    from insectlib.explain.games.scene_game import scene_shapley

    some, model = drawn.subset([0, 1]), reader(SIZE, strip_box(SIZE, SIZE))
    found = exact_shares([model], some)
    assert list(found.values) == ["insect", "background", "strip"]
    assert found.gap < 1e-4
    named = model_outputs(model, some.images).argmax(axis=1)
    for i in range(2):
        exact = scene_shapley(model, some.scenes[i], size=SIZE)
        for j, name in enumerate(exact.players):
            assert found.values[name][0, i] == pytest.approx(exact.values[j, named[i]], abs=1e-6)


def test_the_gap_shows_pictures_that_are_not_their_scenes(drawn: ImageSet) -> None:
    some = drawn.subset([0, 1])
    other = replace(some, images=np.zeros_like(some.images))
    assert exact_shares([reader(SIZE, strip_box(SIZE, SIZE))], other).gap > 1


def test_diagnosis_finds_the_reader_of_strips(marked: ImageSet) -> None:
    found = diagnose(reader(16, strip_box(16, 16)), marked, marked.images[:6] * 0.99, seed=0)
    assert found.shares["strip"] > 0.95
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.suspicion == pytest.approx(found.shares["strip"] + found.shares["border"])
    assert found.areas["strip"] == pytest.approx(6 / 256)
    assert all(cluster.suspicious for cluster in found.clusters)
    assert {o.name for o in found.outcomes} >= {"strip painted over", "strips swapped"}
    assert {o.name: o.drop for o in found.outcomes}["strips swapped"] == 1


def test_diagnosis_clears_a_reader_of_the_middle(tiny_set: ImageSet) -> None:
    model = reader(16, (4, 4, 12, 12))
    found = diagnose(model, tiny_set, tiny_set.images[::2] * 0.5, seed=0, interventions=False)
    assert found.shares["centre"] > 0.95
    assert found.outcomes == []
    assert not any(cluster.suspicious for cluster in found.clusters)


def test_diagnosis_wants_the_classes_of_the_network(tiny_set: ImageSet) -> None:
    two = replace(tiny_set, class_names=("a", "b", "c", "d"))
    with pytest.raises(ValueError, match="the model has 3 outputs, but there are 4 classes"):
        diagnose(linear(), two, tiny_set.images, seed=0)


def test_coarse_maps_show_the_sums_of_cells() -> None:
    maps = np.random.default_rng(0).normal(size=(2, 40, 30))
    shown = coarse(maps, cells=8)
    assert shown.shape == maps.shape
    np.testing.assert_allclose(shown[0, :5, :3], maps[0, :5, :3].sum())
    np.testing.assert_allclose(shown[1, 35:, 26:], maps[1, 35:, 26:].sum())
    assert len(np.unique(shown[0].round(9))) == 64
    np.testing.assert_array_equal(coarse(maps[:, :6, :6], cells=8), maps[:, :6, :6])


def test_figure_of_clusters(drawn: ImageSet) -> None:
    found = diagnose(
        reader(SIZE, strip_box(SIZE, SIZE)),
        drawn,
        drawn.images[:3] * 0.9,
        seed=0,
        n_clusters=2,
        interventions=False,
    )
    figure = plot_clusters(found)
    assert figure.get_figwidth() == WIDTH
    panels = [a for a in figure.axes if a.get_images() or a.patches]
    titles = [a.get_title() for a in panels]
    sizes = [len(c.members) for c in found.clusters]
    first = drawn.class_names[drawn.labels[found.clusters[0].typical]]
    assert titles[0] == f"{first},\n{sizes[0]} alike"
    assert f"{found.clusters[0].suspicion:.0%}" in titles[1]
    bars = [patch.get_width() for patch in panels[2].patches]
    np.testing.assert_allclose(bars, list(found.clusters[0].shares.values()))
    # every map on one scale, and what is suspect does not rest on colour alone
    assert [patch.get_hatch() for patch in panels[2].patches] == ["", "///", "///"]
    assert len(plot_clusters(found, n_clusters=1).axes) == 4
    assert list(regions_of(drawn)) == ["insect", "background", "strip"]
