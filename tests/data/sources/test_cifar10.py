"""The loader of CIFAR-10: local files, Keras' download, and what is refused."""

from __future__ import annotations

import io
import pickle
import socket
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from bench.faults.mirror import ANSWERS, serving
from insectlib.data.sources import downloads
from insectlib.data.sources.cifar10 import cifar10_at_hand, load_cifar10
from insectlib.data.sources.errors import DataUnavailableError

Arrays = dict[str, NDArray[np.generic]]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no test see the files of the machine it runs on."""
    monkeypatch.delenv("INSECTLIB_CIFAR10", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def arrays(**change: NDArray[np.generic]) -> Arrays:
    random = np.random.default_rng(0)
    return {
        "x_train": random.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8),
        "y_train": np.arange(20, dtype=np.uint8) % 10,
        "x_test": random.integers(0, 256, (10, 32, 32, 3), dtype=np.uint8),
        "y_test": np.arange(10, dtype=np.uint8)[:, None],
        **change,
    }


def saved(folder: Path, content: Arrays) -> Path:
    file = folder / "pictures.npz"
    np.savez(file, **content)
    return file


def test_local_file_is_read(tmp_path: Path) -> None:
    content = arrays()
    train, test = load_cifar10(saved(tmp_path, content))
    assert (len(train), len(test)) == (20, 10)
    np.testing.assert_array_equal(train.images, content["x_train"])
    assert train.images.dtype == np.float32
    np.testing.assert_array_equal(test.labels, np.arange(10))
    assert train.class_names[:2] == ("airplane", "automobile")
    assert len(set(train.digests)) == len(set(train.groups)) == 20


def test_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not cifar10_at_hand()
    monkeypatch.setenv("INSECTLIB_CIFAR10", str(tmp_path / "missing.npz"))
    assert not cifar10_at_hand()
    monkeypatch.setenv("INSECTLIB_CIFAR10", str(saved(tmp_path, arrays())))
    assert cifar10_at_hand()
    assert len(load_cifar10()[0]) == 20


def test_what_keras_has_fetched_is_at_hand(tmp_path: Path) -> None:
    (tmp_path / "keras" / "datasets" / "cifar-10-batches-py-target").mkdir(parents=True)
    assert cifar10_at_hand()


def test_empty_environment_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Makefile that finds no file exports an empty name."""
    monkeypatch.setenv("INSECTLIB_CIFAR10", "")
    content = arrays()
    monkeypatch.setattr(
        keras.datasets.cifar10,
        "load_data",
        lambda: (
            (content["x_train"], content["y_train"][:, None]),
            (content["x_test"], content["y_test"]),
        ),
    )
    assert not cifar10_at_hand()
    train, test = load_cifar10()
    np.testing.assert_array_equal(train.labels, np.arange(20) % 10)
    np.testing.assert_array_equal(test.images, content["x_test"])


def test_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise Exception("URL fetch failure: no connection")  # what Keras raises

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fail)
    with pytest.raises(DataUnavailableError, match="no connection.*INSECTLIB_CIFAR10"):
        load_cifar10()


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError, match=r"there is no file .*nowhere\.npz"):
        load_cifar10(tmp_path / "nowhere.npz")


def test_a_silent_server_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "SILENT_SECONDS", 0.5)
    with serving({"silence": b""}) as server:
        server.odd["silence"] = ANSWERS["silence"]

        def load() -> None:
            keras.utils.get_file("x", server.address + "silence", cache_dir=str(tmp_path))

        monkeypatch.setattr(keras.datasets.cifar10, "load_data", load)
        with pytest.raises(DataUnavailableError, match="timed out.*INSECTLIB_CIFAR10"):
            load_cifar10()
    assert socket.getdefaulttimeout() is None


def npy(array: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array))
    return buffer.getvalue()


def flipped(content: bytes) -> bytes:
    changed = bytearray(content)
    for i in range(len(content) // 2, len(content) // 2 + 50):
        changed[i] ^= 255
    return bytes(changed)


def packed(content: bytes, method: int = zipfile.ZIP_DEFLATED, flag: int = 0) -> bytes:
    """Return a .npz whose arrays are all made of `content`, with a flag set in their headers."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as into:
        for name in arrays():
            into.writestr(f"{name}.npy", content)
    made = bytearray(buffer.getvalue())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := made.find(mark, at + 1)) >= 0:
            made[at + place] |= flag
    return bytes(made)


HUGE = npy(np.zeros(3)).replace(b"'shape': (3,), }", b"'shape': (3" + b"0" * 12 + b",), }", 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an archive at all",
        b"PK\x03\x04 cut off",
        npy([1, 2, 3]),
        pickle.dumps([1]),
        packed(b""),
        packed(b"no array"),
        packed(npy([1])[:40]),
        packed(npy([1]).replace(b"{'descr'", b"{'descry")),
        packed(HUGE),
        packed(npy([1]), flag=1),
        flipped(packed(npy(np.arange(500)))),
        flipped(packed(npy(np.arange(500)), zipfile.ZIP_LZMA)),
        flipped(packed(npy(np.arange(500)), zipfile.ZIP_BZIP2)),
        packed(bytes(260_000_000)),
    ],
    ids=lambda content: f"{len(content)} bytes",
)
def test_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "damaged.npz"
    file.write_bytes(content)
    with pytest.raises(DataUnavailableError, match="cannot be read as a .npz of plain arrays"):
        load_cifar10(file)


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    file = saved(tmp_path, arrays())
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(DataUnavailableError, match="truncated"):
        load_cifar10(file)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "pickled.npz"
    np.savez(file, **arrays(x_train=np.array([{"a": 1}, "b"], dtype=object)))
    with pytest.raises(DataUnavailableError, match="cannot be read as a .npz of plain arrays"):
        load_cifar10(file)


def test_missing_array_is_named(tmp_path: Path) -> None:
    content = arrays()
    del content["y_test"]
    with pytest.raises(DataUnavailableError, match="y_test"):
        load_cifar10(saved(tmp_path, content))


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("x_train", np.zeros((20, 32, 32, 3), dtype=np.float32), "x_train is float32"),
        ("x_train", np.zeros((20, 28, 28), dtype=np.uint8), r"shape \(20, 28, 28\)"),
        ("x_test", np.zeros((0, 32, 32, 3), dtype=np.uint8), r"shape \(0, 32, 32, 3\)"),
        ("y_train", np.zeros(7, dtype=np.uint8), "20 whole numbers"),
        ("y_test", np.zeros(10), "y_test is float64"),
        ("y_train", np.arange(20, dtype=np.uint8), "y_train goes from 0 to 19"),
    ],
)
def test_other_data_are_refused(
    tmp_path: Path, name: str, wrong: NDArray[np.generic], message: str
) -> None:
    with pytest.raises(DataUnavailableError, match=message):
        load_cifar10(saved(tmp_path, arrays(**{name: wrong})))
