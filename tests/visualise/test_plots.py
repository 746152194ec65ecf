"""Figures: the right pictures, one shared scale, sums that are true, sizes for a telephone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import shap
from helpers import ODD_NAMES
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

from insectlib.explain import segment_values
from insectlib.explain.explanation import Explanation, to_explanation
from insectlib.explain.target import Prepared, explained_classes
from insectlib.visualise import explanation_plots, plots
from insectlib.visualise.style import SIGNED_MAP, class_looks, signed_norm, use_style

NAMES = ["beetle", "cockroach", "dragonfly"]


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    mpl.use("agg")
    with mpl.rc_context():
        use_style()
        yield
    plt.close("all")


@pytest.fixture
def explanation() -> shap.Explanation:
    """Return two explained pictures: four quarters, with values 1, -2, 3, 0 for the first class."""
    segments = np.kron(np.array([[0, 1], [2, 3]]), np.ones((4, 4), dtype=np.int64))
    phi = np.array([[1.0, 0.5, 0.0], [-2.0, 0.0, 0.0], [3.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    values = np.repeat((phi / 48)[segments][:, :, None, :], 3, axis=2)
    result = shap.Explanation(
        np.stack([values, 2 * values]),
        base_values=np.array([[0.5, 0.0, -1.0], [0.0, 0.0, 0.0]]),
        data=np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32),
        output_names=NAMES,
    )
    result.segments = np.stack([segments, segments])
    return result


def test_grid_shows_each_picture_under_its_title() -> None:
    images = np.random.default_rng(0).uniform(0, 255, (5, 8, 12, 3)).astype(np.float32)
    figure = plots.show_pictures(images, [f"number {i}" for i in range(5)])
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in panels] == [f"number {i}" for i in range(5)]
    for axes, image in zip(panels, images, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), np.rint(image))
    assert figure.get_figwidth() == 6
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (2, 3)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy()


def test_every_name_is_drawn_as_it_was_typed() -> None:
    n = len(ODD_NAMES)
    typed = [
        re.sub("[\ud800-\udfff\x00\x1b]", "\ufffd", line if len(line) <= 40 else f"{line[:39]}…")
        for name in ODD_NAMES
        for line in name.split("\n")[:4]
    ]
    explained = shap.Explanation(
        np.ones((1, 4, 4, 3, n)), np.zeros((1, n)), np.ones((1, 4, 4, 3)), output_names=ODD_NAMES
    )
    explained.classes, explained.outputs = np.arange(n)[None], np.ones((1, n))
    explained.evaluations, explained.seconds = 9, 1.0
    for figure in (
        plots.show_pictures(np.zeros((n, 4, 4, 3)), ODD_NAMES),
        explanation_plots.plot_explanation(explained, probabilities=[1 / n] * n, title="$"),
        explanation_plots.compare_explanations(dict.fromkeys(ODD_NAMES, explained)),
    ):
        figure.set_dpi(50)
        figure.canvas.draw()
        figure.set_layout_engine("none")  # a second layout differs from the first
        drawn = pixels(figure)
        texts = [text for text in figure.findobj(Text) if text.get_text()]
        for text in texts:
            text.set_text(text.get_text().replace(r"\$", "$"))
            text.set_parse_math(False)
        np.testing.assert_array_equal(drawn, pixels(figure))
        shown = "\n".join(text.get_text() for text in texts)
        assert [line for line in typed if line not in shown] == []


def test_outlines_lie_between_segments() -> None:
    segments = np.repeat([[0, 0, 1, 1]], 4, axis=0)[None]
    figure = plots.show_pictures(np.zeros((1, 4, 4, 3)), segments=segments)
    layer = figure.axes[0].images[1].get_array()
    assert layer.shape == (12, 12, 4)
    assert set(np.argwhere(layer[..., 3] > 0)[:, 1]) == {5}


@pytest.mark.parametrize("shape", [(8, 8, 3), (0, 8, 8, 3), (8, 8)])
def test_grid_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(n, height, width, channels\)"):
        plots.show_pictures(np.zeros(shape))


def test_grid_refuses_too_few_titles() -> None:
    with pytest.raises(ValueError, match="1 titles for 2 pictures"):
        plots.show_pictures(np.zeros((2, 4, 4, 3)), ["only one"])


def test_signed_map_has_the_colours_of_its_bar() -> None:
    _, axes = plt.subplots()
    values = np.array([[-2.0, 0.0], [1.0, 2.0]])
    drawn = plots.show_signed_map(axes, values, signed_norm(values))
    np.testing.assert_allclose(
        axes.images[0].get_array(), SIGNED_MAP([[0.0, 0.5], [0.75, 1.0]])[..., :3]
    )
    assert (drawn.norm.vmin, drawn.norm.vmax) == (-2.0, 2.0)


def test_signed_map_lets_the_picture_through() -> None:
    _, axes = plt.subplots()
    image = np.zeros((1, 2, 3), dtype=np.float32)
    image[0, 1] = 255
    plots.show_signed_map(axes, np.zeros((1, 2)), signed_norm([1.0]), image)
    dark, light = axes.images[0].get_array()[0]
    assert (dark < light).all()
    np.testing.assert_allclose(light, SIGNED_MAP(0.5)[:3])


def test_bars_have_names_numbers_and_looks() -> None:
    _, axes = plt.subplots()
    plots.show_probabilities(axes, [0.7, 0.26, 0.04], NAMES)
    assert [t.get_text() for t in axes.texts] == ["beetle 70%", "cockroach 26%", "dragonfly 4%"]
    bars = axes.patches[1::2]
    assert [bar.get_width() for bar in bars] == [0.7, 0.26, 0.04]
    assert [bar.get_hatch() or "" for bar in bars] == [look["hatch"] for look in class_looks(3)]


def test_explanation_shows_values_of_superpixels_on_one_scale(
    explanation: shap.Explanation,
) -> None:
    figure = explanation_plots.plot_explanation(
        explanation, 0, probabilities=[0.7, 0.2, 0.1], title="what"
    )
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == [
        "picture",
        "4 superpixels",
        "probability",
        "beetle\n0.5 +2.0 = 2.5",
        "cockroach\n0.0 +0.5 = 0.5",
        "dragonfly\n−1.0 +4.0 = 3.0",
    ]
    bar = figure.axes[-1]
    assert bar.get_xlim() == pytest.approx((-4, 4))
    strongest = figure.axes[5].images[0].get_array()
    np.testing.assert_allclose(strongest[0, 0] / strongest[0, 0].max(), [1, 1, 1], atol=0.01)
    assert strongest[6, 1, 0] > 2 * strongest[6, 1, 2]
    figure.canvas.draw()
    assert figure.get_figwidth() == 6


def test_explanation_without_segments_shows_pixels(explanation: shap.Explanation) -> None:
    figure = explanation_plots.plot_explanation(explanation[:1], probabilities=[[0.7, 0.2, 0.1]])
    assert "4 superpixels" not in [axes.get_title() for axes in figure.axes]
    assert figure.axes[-1].get_xlim() == pytest.approx((-4 / 16, 4 / 16))
    assert "pixel: against" in figure.axes[-1].get_xlabel()


def test_explanation_takes_many_classes(explanation: shap.Explanation) -> None:
    wide = shap.Explanation(
        np.repeat(explanation.values[..., :1], 7, axis=-1),
        base_values=np.zeros((2, 7)),
        data=explanation.data,
        output_names=[f"class {k}" for k in range(7)],
    )
    figure = explanation_plots.plot_explanation(wide, 1, segments=explanation.segments[1])
    figure.canvas.draw()
    assert sum(axes.get_title().startswith("class") for axes in figure.axes) == 7


def test_explanation_in_another_layout_is_refused(explanation: shap.Explanation) -> None:
    flat = shap.Explanation(np.zeros((2, 5)), base_values=np.zeros(2), data=np.zeros((2, 5)))
    with pytest.raises(ValueError, match="image layout"):
        explanation_plots.plot_explanation(flat)
    with pytest.raises(ValueError, match="index is 2; expected 0 to 1"):
        explanation_plots.plot_explanation(explanation, 2)


def costed(explanation: shap.Explanation, factor: float) -> shap.Explanation:
    """Return what another explainer might say about the same two pictures."""
    result = shap.Explanation(
        factor * explanation.values,
        base_values=explanation.base_values,
        data=explanation.data,
        output_names=NAMES,
    )
    result.classes = np.tile(np.arange(3), (2, 1))
    result.outputs = explanation.base_values + result.values.sum(axis=(1, 2, 3))
    result.evaluations, result.seconds = 2006, 5.0
    return result


def test_comparison_has_one_scale_and_names_the_cost(explanation: shap.Explanation) -> None:
    results = {f"explainer {i}": costed(explanation, 1 + i) for i in range(5)}
    cut = explanation.segments[0]
    figure = explanation_plots.compare_explanations(
        results, 0, 0, segments=cut, title="one picture"
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "4 superpixels"
    assert titles[1:6] == [f"explainer {i}\n1,003 evaluations\n2.5 s" for i in range(5)]
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (2, 3)
    assert figure.get_figwidth() == 6
    # the strongest superpixel of the strongest map is 3 times 5
    assert figure.axes[-1].get_xlim() == pytest.approx((-15, 15))
    assert figure.axes[-1].get_xlabel() == "attribution of the superpixel: against | for"
    norm = signed_norm([15.0])
    for i in range(5):
        values = np.array([[1.0, -2.0], [3.0, 0.0]]) * (1 + i)
        grey = explanation.data[0].round().mean(axis=-1, keepdims=True) / 255
        expected = SIGNED_MAP(norm(np.kron(values, np.ones((4, 4)))))[..., :3] * (0.8 + 0.2 * grey)
        drawn = figure.axes[1 + i].images[0].get_array()
        np.testing.assert_allclose(drawn, expected.clip(0, 1), atol=0.01)
    figure.canvas.draw()


def test_comparison_takes_pixels_and_finds_ranked_classes(explanation: shap.Explanation) -> None:
    whole = costed(explanation, 1)
    ranked = costed(explanation, 1)
    ranked.values = ranked.values[..., [2, 0]]
    ranked.classes = np.array([[2, 0], [2, 0]])
    figure = explanation_plots.compare_explanations({"all": whole, "top": ranked}, 1)
    # the largest output of the second picture is dragonfly: four quarters, one of them worth 8
    assert figure.axes[-1].get_xlim() == pytest.approx((-8 / 16, 8 / 16))
    left, right = (figure.axes[i].images[0].get_array() for i in (1, 2))
    np.testing.assert_array_equal(left, right)
    with pytest.raises(ValueError, match="top does not explain class 1"):
        explanation_plots.compare_explanations({"all": whole, "top": ranked}, 1, 1)


def test_cost_is_of_one_picture_however_many_were_explained() -> None:
    """Also of a slice, whose evaluations are those of the whole run."""
    one, three = swept(1, 3, None), swept(3, 3, None)
    for part in (three, three[1], three[1:], three[..., :2], three[::-1][0]):
        figure = explanation_plots.compare_explanations({"a": part}, 0)
        assert figure.axes[1].get_title() == "a\n7 evaluations\n0.3 s"
        plt.close("all")
    figure = explanation_plots.compare_explanations({"a": one}, 0)
    assert figure.axes[1].get_title() == "a\n7 evaluations\n1.0 s"


def test_segments_of_a_comparison_add_up_what_each_explainer_gives() -> None:
    """Any clear kind of segments does; others are refused by name."""
    whole = swept(1, 3, None)
    halves = np.repeat([[0, 1]], 6, axis=0).repeat([4, 5], axis=1)
    drawn = []
    for given in (halves, halves.astype(bool), halves.astype(float), halves[None], halves.tolist()):
        figure = explanation_plots.compare_explanations({"a": whole}, 0, 2, segments=given)
        assert figure.axes[0].get_title() == "2 superpixels"
        drawn.append(np.asarray(figure.axes[1].images[0].get_array()))
        plt.close("all")
    assert all((each == drawn[0]).all() for each in drawn)
    spread = swept(1, 3, None)
    sums = segment_values(whole.values[0], halves)
    spread.values[0] = (sums / np.bincount(halves.ravel())[:, None] / 3)[halves][:, :, None]
    figure = explanation_plots.compare_explanations(
        {"pixels": whole, "segments": spread}, 0, 2, segments=halves
    )
    left, right = (figure.axes[i].images[0].get_array() for i in (1, 2))
    np.testing.assert_allclose(left, right, atol=1e-6)
    assert figure.axes[-1].get_xlim()[1] == pytest.approx(np.abs(sums[:, 2]).max())
    for wrong, message in (
        (halves[:4], "shape"),
        (halves + 1, "without gaps"),
        (halves / 2, "whole"),
    ):
        with pytest.raises(ValueError, match=message):
            explanation_plots.compare_explanations({"a": whole}, 0, segments=wrong)


def test_comparison_refuses_what_cannot_be_compared(explanation: shap.Explanation) -> None:
    one, other = costed(explanation, 1), costed(explanation, 1)
    other.data = other.data[::-1]
    with pytest.raises(ValueError, match="b explains another picture than a"):
        explanation_plots.compare_explanations({"a": one, "b": other})
    with pytest.raises(ValueError, match="explanations is empty"):
        explanation_plots.compare_explanations({})


def swept(n: int, channels: int, target: object) -> Explanation:
    """Return random maps of pictures that are not square, of ten outputs or some of them."""
    random = np.random.default_rng(n)
    pictures = random.uniform(0, 255, (n, 6, 9, channels)).astype(np.float32)
    outputs = random.normal(size=(n, 10))
    names = tuple(f"kind {i}" for i in range(10))
    prepared = Prepared(
        pictures, "logits", outputs, names, explained_classes(target, outputs, names)
    )
    k = prepared.classes.shape[1]
    values = random.normal(size=(n, 6, 9, channels, k))
    cut = np.tile(np.arange(54).reshape(6, 9) // 9, (n, 1, 1))
    return to_explanation(
        prepared, values, np.zeros((n, k)), evaluations=7 * n, seconds=1.0, segments=cut
    )


@pytest.mark.parametrize(
    ("n", "channels", "target"),
    [(1, 1, None), (3, 3, "predicted"), (2, 4, "top 3"), (1, 3, "kind 4"), (2, 1, [1, 2])],
)
def test_every_slice_is_drawn(n: int, channels: int, target: object) -> None:
    whole = swept(n, channels, target)
    k = whole.values.shape[-1]
    slices = [(whole, k), (whole[0], k), (whole[:1], k)]
    slices += [(whole[..., 0], 1), (whole[0, ..., 0], 1), (whole[..., :1], 1)]
    for part, n_maps in slices:
        figure = explanation_plots.plot_explanation(part)
        shown = [axes for axes in figure.axes if axes.get_title().startswith("kind")]
        assert len(shown) == n_maps
        total = float(shown[0].get_title().split("=")[1].replace("−", "-"))
        assert total == pytest.approx(whole.values[0, ..., 0].sum(), abs=0.06)
        first = int(whole.classes[0, 0])
        titles = [axes.get_title() for axes in shown]
        assert titles[0].startswith(f"kind {first}\n")
        both = explanation_plots.compare_explanations({"a": part, "b": part}, 0, first)
        assert both.axes[1].get_title() == "a\n7 evaluations\n" + f"{1 / n:.1f} s"
        plt.close("all")


def test_maps_without_a_base_value_have_no_sum_that_leads_from_it(
    explanation: shap.Explanation,
) -> None:
    explanation.base_values = np.full((2, 3), np.nan)
    figure = explanation_plots.plot_explanation(explanation)
    titles = [axes.get_title() for axes in figure.axes]
    assert "beetle\nsum +2.0" in titles


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_pictures_that_have_no_colours_are_grey(channels: int) -> None:
    images = np.random.default_rng(0).uniform(0, 255, (2, 5, 7, channels)).astype(np.float32)
    figure = plots.show_pictures(images)
    shown = figure.axes[0].images[0].get_array()
    assert shown.shape == (5, 7, 3)
    assert (shown == shown[..., :1]).all()
    np.testing.assert_allclose(shown[..., 0], images[0].mean(axis=-1), atol=1.1)
