"""The box of the label strip: where it lies, what is in it, and what covering leaves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insectlib.data.label_strip import cover_strip, strip_box, strip_only


def test_box_has_the_published_shares() -> None:
    assert strip_box(100, 100) == (93, 60, 100, 100)
    assert strip_box(128, 256) == (119, 154, 128, 256)


@given(st.integers(8, 600), st.integers(8, 600))
def test_box_lies_in_the_lower_right_corner(height: int, width: int) -> None:
    top, left, bottom, right = strip_box(height, width)
    assert (bottom, right) == (height, width)
    assert 0 < top < bottom and 0 < left < right
    assert abs((bottom - top) / height - 0.07) <= 0.5 / height
    assert abs((right - left) / width - 0.40) <= 0.5 / width


@pytest.mark.parametrize("sides", [(7, 100), (100, 1), (1, 1)])
def test_too_small_a_picture_is_refused(sides: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"{sides[0]}x{sides[1]} pixels is too small"):
        strip_box(*sides)


@pytest.fixture
def images() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.uniform(0, 255, (3, 32, 40, 3)).astype(np.float32)


def test_only_the_box_is_cut_out(images: np.ndarray) -> None:
    strips = strip_only(images)
    assert strips.shape == (3, 2, 16, 3)
    np.testing.assert_array_equal(strips, images[:, 30:, 24:])


def test_covering_takes_the_colours_above_the_box(images: np.ndarray) -> None:
    before = images.copy()
    covered = cover_strip(images)
    np.testing.assert_array_equal(images, before)
    for row in (30, 31):
        np.testing.assert_array_equal(covered[:, row, 24:], images[:, 29, 24:])
    outside = np.ones(images.shape[1:3], dtype=bool)
    outside[30:, 24:] = False
    np.testing.assert_array_equal(covered[:, outside], images[:, outside])


def test_nothing_of_the_strip_is_left(images: np.ndarray) -> None:
    other = images.copy()
    strip_only(other)[:] = 0
    np.testing.assert_array_equal(cover_strip(other), cover_strip(images))


@pytest.mark.parametrize("function", [strip_only, cover_strip])
def test_one_picture_without_its_axis_is_refused(function, images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"shape \(32, 40, 3\); expected \(n, height"):
        function(images[0])
