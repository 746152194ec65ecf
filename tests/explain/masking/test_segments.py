"""Superpixels and masks: every pixel has one owner, and shows its picture or the background."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from insectlib.explain.masking.segments import (
    blurred,
    mask_image,
    mean_colour,
    region_sums,
    segment_values,
    superpixels,
)


@pytest.fixture
def picture() -> NDArray[np.float32]:
    """Return a grey picture with a red square: two colours that superpixels should part."""
    image = np.full((48, 60, 3), 120, dtype=np.float32)
    image[12:36, 12:36] = (220, 30, 30)
    return image


def test_superpixels_are_counted_without_gaps(picture: NDArray[np.float32]) -> None:
    segments = superpixels(picture)
    assert segments.shape == (48, 60)
    assert segments.dtype == np.int64
    assert np.unique(segments).tolist() == list(range(segments.max() + 1))
    assert 60 <= segments.max() + 1 <= 130


def test_superpixels_keep_to_the_colours(picture: NDArray[np.float32]) -> None:
    segments = superpixels(picture, sigma=0)
    red = picture[..., 0] > 200
    mixed = [s for s in range(segments.max() + 1) if 0.05 < red[segments == s].mean() < 0.95]
    assert not mixed


def test_fewer_segments_on_request(picture: NDArray[np.float32]) -> None:
    assert superpixels(picture, n_segments=12).max() < superpixels(picture).max() / 3


def test_one_colour_gives_a_regular_grid() -> None:
    segments = superpixels(np.full((40, 40, 3), 99.0), n_segments=16)
    sizes = np.bincount(segments.ravel())
    assert len(sizes) == 16
    assert sizes.min() > 60
    assert sizes.max() < 150


@pytest.mark.parametrize("shape", [(1, 8, 8, 3), (8, 8), (8, 8, 0)])
def test_superpixels_refuse_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="pass one picture"):
        superpixels(np.zeros(shape))


@pytest.mark.parametrize("value", [-20.0, 300.0, np.nan])
def test_superpixels_refuse_other_ranges(value: float) -> None:
    image = np.full((16, 16, 3), 100.0)
    image[3, 3] = value
    with pytest.raises(ValueError, match="expected 0 to 255"):
        superpixels(image)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 2**31))
def test_masked_pictures_show_picture_or_background(k: int, n: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    segments = random.integers(0, k, (6, 7))
    image, background = random.uniform(0, 255, (2, 6, 7, 3)).astype(np.float32)
    coalitions = random.integers(0, 2, (n, k))
    masked = mask_image(coalitions, segments, image, background)
    assert masked.shape == (n, 6, 7, 3)
    assert masked.dtype == np.float32
    for row, result in zip(coalitions, masked, strict=True):
        for y, x in np.ndindex(6, 7):
            expected = image if row[segments[y, x]] else background
            np.testing.assert_array_equal(result[y, x], expected[y, x])
    # what one coalition shows, its complement hides
    hidden = mask_image(1 - coalitions, segments, image, background)
    np.testing.assert_allclose(masked + hidden, np.stack([image + background] * n), rtol=1e-6)


def test_background_may_be_one_colour(picture: NDArray[np.float32]) -> None:
    segments = superpixels(picture)
    nothing = np.zeros((1, segments.max() + 1))
    masked = mask_image(nothing, segments, picture, (1, 2, 3))
    assert np.unique(masked.reshape(-1, 3), axis=0).tolist() == [[1, 2, 3]]


def test_mean_colour_keeps_the_mean_and_nothing_else(picture: NDArray[np.float32]) -> None:
    flat = mean_colour(picture)
    assert flat.shape == picture.shape
    assert len(np.unique(flat.reshape(-1, 3), axis=0)) == 1
    np.testing.assert_allclose(flat.mean(axis=(0, 1)), picture.mean(axis=(0, 1)), rtol=1e-5)


def test_blur_keeps_the_range_and_takes_the_edges(picture: NDArray[np.float32]) -> None:
    soft = blurred(picture)
    assert soft.dtype == np.float32
    assert picture.min() <= soft.min() <= soft.max() <= picture.max()
    step = np.abs(np.diff(soft, axis=1)).max()
    assert step < np.abs(np.diff(picture, axis=1)).max() / 5
    assert np.abs(np.diff(blurred(picture, share=0.02), axis=1)).max() > step


def test_values_add_up_within_segments() -> None:
    segments = np.array([[0, 0, 1], [2, 2, 1]])
    values = np.arange(2 * 3 * 3 * 2, dtype=float).reshape(2, 3, 3, 2)
    sums = segment_values(values, segments)
    assert sums.shape == (3, 2)
    for s in range(3):
        np.testing.assert_allclose(sums[s], values[segments == s].sum(axis=(0, 1)))


def test_sums_over_regions_that_overlap() -> None:
    maps = np.zeros((1, 4, 4, 2))
    maps[0, 0, 0], maps[0, 0, 1] = (6, 0), (0, -4)
    masks = np.zeros((1, 2, 4, 4), dtype=bool)
    masks[0, 0, 0, 0], masks[0, 1, 0, :2] = True, True
    np.testing.assert_allclose(region_sums(maps, masks), [[[6, 0], [6, -4]]])
    with pytest.raises(ValueError, match="expected \\(n, n_regions, height, width\\)"):
        region_sums(maps, masks[:, :, :3])
