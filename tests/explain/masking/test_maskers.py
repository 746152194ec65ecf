"""Maskers: what is hidden is gone, what is shown stays exactly as it was."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import shap
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from insectlib.explain.masking.hierarchy import picture_hierarchy
from insectlib.explain.masking.maskers import PictureMasker, baseline_picture

BASELINES = ("blur(5,5)", "inpaint_telea", "inpaint_ns", (9.0, 99.0, 199.0))


@pytest.fixture
def picture() -> NDArray[np.float32]:
    """Return a smooth picture with fractions everywhere."""
    y, x = np.mgrid[:12, :16]
    channels = [20.25 + 9 * y, 200.75 - 8 * x, 100.5 + 3 * x - 2 * y]
    return np.stack(channels, axis=-1).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(range(len(BASELINES))))
def test_what_is_shown_keeps_its_fractions(seed: int, kind: int) -> None:
    random = np.random.default_rng(seed)
    image = random.uniform(1.1, 255, (9, 7, 3)).astype(np.float32)
    hidden = random.random((9, 7)) < random.random()
    masked = PictureMasker(image, BASELINES[kind]).hide(hidden)
    assert masked.dtype == np.float32
    np.testing.assert_array_equal(masked[~hidden], image[~hidden])


@pytest.mark.parametrize("method", ["inpaint_telea", "inpaint_ns"])
def test_shap_itself_loses_fractions_and_turns_small_values_black(
    picture: NDArray[np.float32], method: str
) -> None:
    """What the masker of this package is for: this is shap's own answer to the same prepared."""
    shown = np.ones(picture.shape, dtype=bool)
    shown[:3, :3] = False
    masker = shap.maskers.Image(method, picture.shape)
    (rounded,) = masker(shown.ravel(), picture)
    assert np.abs(rounded[0] - picture)[shown].max() >= 0.5
    (black,) = masker(shown.ravel(), picture / 255)
    assert black.max() == 0
    (kept,) = PictureMasker(picture, method)(shown.ravel(), picture)
    np.testing.assert_array_equal(kept[0][shown], picture[shown])
    with pytest.raises(ValueError, match="looks like the range 0 to 1"):
        PictureMasker(picture / 255, method)


@pytest.mark.parametrize("method", ["inpaint_telea", "inpaint_ns"])
def test_inpainting_continues_what_is_around_the_hole(
    picture: NDArray[np.float32], method: str
) -> None:
    hidden = np.zeros((12, 16), dtype=bool)
    hidden[5:7, 6:9] = True
    spoiled = picture.copy()
    spoiled[hidden] = 255
    masked = PictureMasker(spoiled, method).hide(hidden)
    assert np.abs(masked - picture)[hidden].max() < 12
    # nothing to continue: the mean colour
    np.testing.assert_allclose(
        PictureMasker(picture, method).hide(np.ones((12, 16), dtype=bool)),
        np.broadcast_to(picture.mean(axis=(0, 1)), picture.shape),
        rtol=1e-6,
    )


def test_the_two_ways_of_inpainting_differ(picture: NDArray[np.float32]) -> None:
    hidden = np.zeros((12, 16), dtype=bool)
    hidden[2:10, 3:12] = True
    telea, ns = (PictureMasker(picture, m).hide(hidden) for m in ("inpaint_telea", "inpaint_ns"))
    assert np.abs(telea - ns).max() > 1


def test_one_hidden_channel_leaves_the_other_two(picture: NDArray[np.float32]) -> None:
    hidden = np.zeros(picture.shape, dtype=bool)
    hidden[4, 4, 1] = True
    for baseline in BASELINES:
        masked = PictureMasker(picture, baseline).hide(hidden)
        assert set(np.argwhere(masked != picture)[:, 2]) <= {1}


def test_blur_is_a_mean_over_a_box_and_computed_once(
    picture: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int]] = []
    blur = cv2.blur
    monkeypatch.setattr(cv2, "blur", lambda image, side: (calls.append(side), blur(image, side))[1])
    masker = PictureMasker(picture, "blur(5,3)")
    everything = np.ones((12, 16), dtype=bool)
    for _ in range(4):
        masked = masker.hide(everything)
    assert calls == [(5, 3)]
    np.testing.assert_allclose(masked[6, 8], picture[5:8, 6:11].mean(axis=(0, 1)), rtol=1e-5)


def test_inpainting_runs_once_for_each_coalition_with_holes(
    picture: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    inpaint = cv2.inpaint
    monkeypatch.setattr(
        cv2, "inpaint", lambda *arguments: (calls.append(1), inpaint(*arguments))[1]
    )
    masker = PictureMasker(picture, "inpaint_ns")
    some = np.zeros((12, 16), dtype=bool)
    some[:4] = True
    for hidden in (np.zeros_like(some), some, np.ones_like(some)):
        masker.hide(hidden)
    assert len(calls) == 1


@pytest.mark.parametrize("baseline", BASELINES)
def test_many_coalitions_at_once_look_as_with_the_masker_of_shap(
    picture: NDArray[np.float32],
    baseline: str | tuple[float, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = np.rint(picture)
    random = np.random.default_rng(0)
    hidden = (
        random.random((6, 12, 16, 3)) < np.array([0, 0.1, 0.2, 0.3, 0.5, 1])[:, None, None, None]
    )
    hidden = np.concatenate([hidden, hidden[2:4]])
    colour = baseline if isinstance(baseline, str) else np.full(whole.shape, baseline)
    theirs = shap.maskers.Image(colour, whole.shape)
    expected = np.concatenate([theirs(~each.ravel(), whole)[0] for each in hidden])
    calls: list[int] = []
    inpaint = cv2.inpaint
    monkeypatch.setattr(
        cv2, "inpaint", lambda *arguments: (calls.append(1), inpaint(*arguments))[1]
    )
    fills = PictureMasker(whole, baseline).fills(hidden)
    # shap paints all channels of a hole, also those that are shown: compare the hidden ones
    found = np.where(hidden, fills, whole)
    np.testing.assert_allclose(found[hidden], expected[hidden], atol=1e-4)
    # equal holes are filled once, and no hole or nothing but holes not at all
    assert len(calls) == (4 if isinstance(baseline, str) and "inpaint" in baseline else 0)


def test_blur_wider_than_the_picture_is_no_error(picture: NDArray[np.float32]) -> None:
    assert np.isfinite(baseline_picture(picture, "blur(40,40)")).all()


def test_masker_speaks_the_language_of_shap(picture: NDArray[np.float32]) -> None:
    masker = PictureMasker(picture, "blur(4,4)")
    theirs = shap.maskers.Image("blur(4,4)", picture.shape)
    assert masker.shape == theirs.shape
    np.testing.assert_array_equal(masker.clustering, theirs.clustering)
    np.testing.assert_array_equal(masker.clustering, picture_hierarchy(12, 16))
    shown = np.random.default_rng(0).random(picture.size) < 0.5
    np.testing.assert_allclose(masker(shown, picture)[0], theirs(shown, picture)[0])


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ("blur", "baseline is 'blur'; expected 'blur\\(k,k\\)'"),
        ("blur(0,4)", "at least 1"),
        ("inpaint", "'inpaint_telea' or 'inpaint_ns'"),
        ((1.0, 2.0), "baseline has shape \\(2,\\)"),
        ((0.0, 0.0, 256.0), "from 0 to 256"),
        (np.full((12, 16, 3), 0.5), "range 0 to 1"),
    ],
)
def test_what_is_wrong_is_named(
    picture: NDArray[np.float32], baseline: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PictureMasker(picture, baseline)
