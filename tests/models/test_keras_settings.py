"""Settings of Keras that would change our networks without a word are refused, at every door."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import pytest
from helpers import ROOT

from insectlib.data.imageset import ImageSet
from insectlib.models.cnns import regularised_cnn, small_cnn
from insectlib.models.keras_settings import EXPECTED, check_keras
from insectlib.models.training import train
from insectlib.models.transfer.augmentation import picture_augmentation
from insectlib.models.transfer.backbones import backbone
from insectlib.models.transfer.efficientnet import efficientnet_lite0
from insectlib.models.transfer.heads import head
from insectlib.shortcuts.mitigation import train_for_right_reasons


def own(size: int, n_classes: int, *, seed: int) -> keras.Model:
    """Build a network of the reader's, with the layers that depend on settings."""
    shape = (size, size, 3)
    pool = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential([keras.Input(shape), pool, keras.layers.Dense(n_classes)])


DOORS: dict[str, Callable[[ImageSet], object]] = {
    "small": lambda part: small_cnn(16, seed=0),
    "regularised": lambda part: regularised_cnn(16, seed=0),
    "head": lambda part: head(8, seed=0),
    "augmentation": lambda part: picture_augmentation(seed=0),
    "Lite0": lambda part: efficientnet_lite0(32, weights=None, seed=0),
    "backbone": lambda part: backbone("random", 32, seed=0, network_size=32),
    "training": lambda part: train(own, part, None, epochs=1, seed=0, progress=False),
    "right reasons": lambda part: train_for_right_reasons(
        own, part, epochs=1, seed=0, progress=False
    ),
}
CHANGES: dict[str, tuple[str, object]] = {
    "image_data_format is 'channels_first', expected 'channels_last'": (
        "image_data_format",
        "channels_first",
    ),
    "floatx is 'float16', expected 'float32'": ("floatx", "float16"),
    "floatx is 'float64'": ("floatx", "float64"),
    "dtype_policy is 'mixed_float16', expected 'float32'": ("dtype_policy", "mixed_float16"),
    "dtype_policy is 'bfloat16'": ("dtype_policy", "bfloat16"),
    "epsilon is 0.01, expected 1e-07": ("epsilon", 0.01),
    "max_epochs is 1, expected None": ("max_epochs", 1),
    "max_steps_per_epoch is 1": ("max_steps_per_epoch", 1),
}


@pytest.fixture
def settings() -> Iterator[None]:
    """Set Keras back afterwards."""
    check_keras()
    yield
    for name, value in EXPECTED.items():
        if name != "backend":
            getattr(keras.config, f"set_{name}")(value)
    check_keras()


@pytest.mark.usefixtures("settings", "cache")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("message", CHANGES)
def test_changed_settings_are_refused(message: str, door: str, tiny_set: ImageSet) -> None:
    name, value = CHANGES[message]
    getattr(keras.config, f"set_{name}")(value)
    with pytest.raises(RuntimeError, match=f"Keras is set so .*{message}.*keras.json"):
        DOORS[door](tiny_set)


PROGRAM = """
from insectlib.models import small_cnn
small_cnn(16, seed=0)
"""


def test_a_file_of_settings_is_named(tmp_path: Path) -> None:
    chosen = {"backend": "jax", "image_data_format": "channels_first", "floatx": "float16"}
    (tmp_path / "keras.json").write_text(json.dumps(chosen))
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    environment.pop("KERAS_BACKEND", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stderr.strip().splitlines()[-1]
    for name, value in chosen.items():
        assert f"{name} is {value!r}, expected {EXPECTED[name]!r}" in last
    assert f"{tmp_path / 'keras.json'}" in last
