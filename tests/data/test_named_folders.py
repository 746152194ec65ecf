"""A relative path in an environment variable is named in full where something is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from insectlib.data.cache import cache_dir
from insectlib.data.sources.cifar10 import load_cifar10
from insectlib.data.sources.errors import DataUnavailableError
from insectlib.data.sources.fashion_mnist import load_fashion_mnist
from insectlib.data.sources.imagenet50 import load_imagenet50
from insectlib.data.sources.photos import load_photos

LOADERS: dict[str, Callable[[], object]] = {
    "INSECTLIB_CACHE": lambda: cache_dir("models"),
    "INSECTLIB_CIFAR10": load_cifar10,
    "INSECTLIB_FASHION_MNIST": load_fashion_mnist,
    "INSECTLIB_IMAGENET50": load_imagenet50,
    "INSECTLIB_PHOTOS": lambda: load_photos(8),
}


@pytest.mark.parametrize("variable", LOADERS)
def test_a_relative_path_is_named_in_full(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "named").write_text("neither folder nor archive")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, "named")
    with pytest.raises((DataUnavailableError, OSError), match=f"{tmp_path}/named"):
        LOADERS[variable]()
