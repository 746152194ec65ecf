"""Fixtures that several test files share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from insectlib.data.imageset import ImageSet

CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]


BOOK_CACHE = os.environ.get("INSECTLIB_CACHE")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a cache of its own, so that none leans on what another left."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("INSECTLIB_CACHE", str(folder))
    return folder


@pytest.fixture
def book_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a test the pictures and networks of the built book, where their folder is named."""
    if BOOK_CACHE:
        monkeypatch.setenv("INSECTLIB_CACHE", BOOK_CACHE)


@pytest.fixture(scope="session")
def photos_folder() -> Path:
    """Return the folder with the real photographs, or say that it is not there."""
    named = os.environ.get("INSECTLIB_PHOTOS")
    if not named:
        pytest.skip("the photographs are not at hand: INSECTLIB_PHOTOS names no folder")
    return Path(named)


@pytest.fixture
def tiny_set() -> Iterator[ImageSet]:
    """Yield 24 random pictures of 16x16 pixels, eight of each class."""
    random = np.random.default_rng(0)
    labels = np.arange(24) % 3
    yield ImageSet(
        images=random.uniform(0, 255, (24, 16, 16, 3)).astype(np.float32),
        labels=labels.astype(np.int64),
        class_names=("beetle", "cockroach", "dragonfly"),
        names=tuple(str(5_000_000 + 100 * i) for i in range(24)),
        digests=tuple(f"{i:064x}" for i in range(24)),
        groups=np.arange(24, dtype=np.int64),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a real browser."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "the pages are tested in Chromium: install it, or name it in CHROMIUM"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
        yield chromium
        chromium.close()
