"""The look of the figures: sizes, colours that all can tell apart, one signed map."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from insectlib.visualise import style

# Machado, Oliveira and Fernandes (2009): what is seen without green, red or blue cones
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]


def seen(colours: NDArray[np.float64], deficiency: list[list[float]]) -> NDArray[np.float64]:
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    light = np.clip(linear @ np.array(deficiency).T, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def test_style_is_wide_light_and_large() -> None:
    with mpl.rc_context():
        style.use_style()
        assert mpl.rcParams["figure.figsize"][0] == style.WIDTH == 6
        assert mpl.rcParams["font.size"] == 12
        assert min(to_rgb(mpl.rcParams["figure.facecolor"])) > 0.95
        assert max(to_rgb(mpl.rcParams["text.color"])) < 0.2


@pytest.mark.parametrize("deficiency", [DEUTERANOPIA, PROTANOPIA, np.eye(3).tolist()])
def test_arms_of_the_signed_map_stay_apart(deficiency: list[list[float]]) -> None:
    levels = np.array([0.3, 0.5, 0.7, 0.9, 1.0])
    above = style.SIGNED_MAP(0.5 + levels / 2)[:, :3]
    below = style.SIGNED_MAP(0.5 - levels / 2)[:, :3]
    apart = deltaE_ciede2000(rgb2lab(seen(above, deficiency)), rgb2lab(seen(below, deficiency)))
    assert apart.min() > 15


def test_signed_map_is_symmetric_and_neutral_at_zero() -> None:
    lightness, a, b = rgb2lab(style.SIGNED_MAP(np.linspace(0, 1, 257))[:, :3]).T
    assert np.abs(lightness - lightness[::-1]).max() < 3
    assert (np.diff(lightness[:128]) > -0.01).all()
    assert lightness.argmax() in range(126, 131)
    assert np.hypot(a[128], b[128]) < 2


@pytest.mark.parametrize("deficiency", [DEUTERANOPIA, PROTANOPIA])
def test_first_three_classes_can_be_told_apart(deficiency: list[list[float]]) -> None:
    colours = np.array([to_rgb(c) for c in style.CLASS_COLOURS[:3]])
    lab = rgb2lab(seen(colours, deficiency))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert deltaE_ciede2000(lab[i], lab[j]) > 15


def test_looks_differ_in_more_than_colour() -> None:
    looks = style.class_looks(7)
    for key in ("color", "marker", "hatch"):
        assert len({look[key] for look in looks}) == 7
    assert style.class_looks(8)[7] == looks[0]


def test_signed_norm_is_symmetric_and_shared() -> None:
    norm = style.signed_norm([[-3.0, 1.0]], [2.0])
    assert (norm.vmin, norm.vmax) == (-3.0, 3.0)
    assert norm(0.0) == 0.5
    assert style.signed_norm([0.0]).vmax == 1.0
    assert style.signed_norm(np.arange(101), percentile=90).vmax == pytest.approx(90)


@pytest.mark.parametrize("values", [[], [[]], [[np.nan, 1.0]], [[np.inf]]])
def test_signed_norm_refuses_what_sets_no_scale(values: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="finite"):
        style.signed_norm(*values)
