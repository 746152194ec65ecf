"""The loader of Fashion-MNIST; what it shares with CIFAR-10 is tested there."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from insectlib.data.sources.errors import DataUnavailableError
from insectlib.data.sources.fashion_mnist import (
    VARIABLE,
    fashion_mnist_at_hand,
    load_fashion_mnist,
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no test see the files of the machine it runs on."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def arrays(**change: NDArray[np.generic]) -> dict[str, NDArray[np.generic]]:
    random = np.random.default_rng(0)
    return {
        "x_train": random.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        "y_train": np.arange(20, dtype=np.uint8) % 10,
        "x_test": random.integers(0, 256, (10, 28, 28), dtype=np.uint8),
        "y_test": np.arange(10, dtype=np.uint8),
        **change,
    }


def test_a_local_file_becomes_grey_pictures_with_one_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = arrays()
    file = tmp_path / "clothes.npz"
    np.savez(file, **content)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "missing.npz"))
    assert not fashion_mnist_at_hand()
    monkeypatch.setenv(VARIABLE, str(file))
    assert fashion_mnist_at_hand()
    for sets in (load_fashion_mnist(), load_fashion_mnist(file)):
        for part, name in zip(sets, ("train", "test"), strict=True):
            np.testing.assert_array_equal(part.images[..., 0], content[f"x_{name}"])
            np.testing.assert_array_equal(part.labels, content[f"y_{name}"])
            assert part.images.shape[1:] == (28, 28, 1)
            assert part.class_names[9] == "ankle boot"
            assert len(part.class_names) == 10


def test_keras_fetches_where_there_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = arrays()
    module = keras.datasets.fashion_mnist
    pairs = [(content[f"x_{part}"], content[f"y_{part}"]) for part in ("train", "test")]
    monkeypatch.setattr(module, "load_data", lambda: tuple(pairs))
    assert not fashion_mnist_at_hand()
    np.testing.assert_array_equal(load_fashion_mnist()[0].images[..., 0], content["x_train"])

    def fail() -> None:
        raise Exception("URL fetch failure: no connection")  # what Keras raises

    monkeypatch.setattr(module, "load_data", fail)
    with pytest.raises(DataUnavailableError, match=f"Fashion-MNIST.*no connection.*{VARIABLE}"):
        load_fashion_mnist()
    folder = tmp_path / "keras" / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    (folder / "t10k-images-idx3-ubyte.gz").touch()  # the last one that Keras fetches
    assert fashion_mnist_at_hand()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"x_train": np.zeros((20, 28, 28), np.float32)}, "x_train is float32"),
        ({"x_test": np.zeros((10, 32, 32, 3), np.uint8)}, r"expected uint8 \(n, 28, 28\)"),
        ({"y_test": np.full(10, 10)}, "classes from 0 to 9"),
    ],
)
def test_other_data_are_refused(
    tmp_path: Path, wrong: dict[str, NDArray[np.generic]], message: str
) -> None:
    file = tmp_path / "other.npz"
    np.savez(file, **arrays(**wrong))
    with pytest.raises(DataUnavailableError, match=message):
        load_fashion_mnist(file)
