"""The fifty photographs: from a folder, from shap, or a clear word that they are not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shap
from PIL import Image

from insectlib.data.sources.errors import DataUnavailableError
from insectlib.data.sources.imagenet50 import imagenet50_at_hand, load_imagenet50


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSECTLIB_IMAGENET50", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a red and a blue picture, and a file that is none."""
    for name, colour in {"b.png": (0, 0, 250), "a.PNG": (250, 0, 0)}.items():
        Image.new("RGB", (40, 30), colour).save(tmp_path / name)
    (tmp_path / "labels.csv").write_text("1\n")
    return tmp_path


def test_pictures_of_the_folder_come_in_order(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = np.zeros((2, 16, 16, 3))
    expected[0, ..., 0] = expected[1, ..., 2] = 250
    np.testing.assert_allclose(load_imagenet50(16, folder), expected, atol=1)
    assert not imagenet50_at_hand()
    monkeypatch.setenv("INSECTLIB_IMAGENET50", str(folder))
    assert imagenet50_at_hand()
    assert load_imagenet50(16).dtype == np.float32
    np.testing.assert_allclose(load_imagenet50(16), expected, atol=1)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataUnavailableError, match="has no files ending in"):
        load_imagenet50(16, tmp_path)
    monkeypatch.setenv("INSECTLIB_IMAGENET50", str(tmp_path / "gone"))
    assert not imagenet50_at_hand()
    with pytest.raises(DataUnavailableError, match="gone is not a folder"):
        load_imagenet50(16)


def test_without_a_folder_shap_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    ramp = np.linspace(0, 255, 224, dtype=np.float32)
    whole = np.broadcast_to(ramp[:, None, None], (3, 224, 224, 3))
    monkeypatch.setattr(shap.datasets, "imagenet50", lambda: (whole, np.zeros(3)))
    np.testing.assert_array_equal(load_imagenet50(), whole)
    small = load_imagenet50(32)
    assert small.shape == (3, 32, 32, 3)
    np.testing.assert_allclose(small[0, :, 0, 0], ramp.reshape(32, 7).mean(axis=1), atol=3)

    def offline() -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(shap.datasets, "imagenet50", offline)
    with pytest.raises(DataUnavailableError, match=r"no route.*INSECTLIB_IMAGENET50"):
        load_imagenet50()
