"""The ten kinds as image sets: counts, channels, seeds, the cache, and how hard they are."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from insectlib.data.imageset import ImageSet
from insectlib.data.sources.ten_kinds import load_ten_kinds
from insectlib.specimens.kinds import small_pictures
from insectlib.specimens.kinds.body_plans import TEN_KINDS

DIGEST = "11a437fa84f9674126c868bf181b549df6aeaedc205591daf658b4d8f53974e8"


def load(
    size: int = 16, channels: int = 1, seed: int = 0, counts: tuple[int, int] = (20, 10)
) -> tuple[ImageSet, ImageSet]:
    return load_ten_kinds(
        size, channels=channels, seed=seed, counts=counts, workers=1, progress=False
    )


@pytest.mark.parametrize("size", [16, 28, 33])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (12, 7), (20, 10)])
def test_sizes_channels_and_counts_as_asked(
    size: int, channels: int, counts: tuple[int, int]
) -> None:
    for part, n in zip(load(size, channels, counts=counts), counts, strict=True):
        assert part.images.shape == (n, size, size, channels)
        assert part.images.dtype == np.float32
        assert part.class_names == TEN_KINDS
        assert len(TEN_KINDS) == 10
        of_kinds = part.counts().values()
        assert max(of_kinds) - min(of_kinds) <= 1
        assert sum(of_kinds) == n


def test_no_picture_is_in_both_parts_or_twice() -> None:
    training, test = load(28, counts=(100, 100))
    assert len({*training.digests, *test.digests}) == 200


def test_fewer_are_the_first_of_more() -> None:
    more, _ = load(counts=(30, 0))
    fewer, _ = load(counts=(13, 0))
    np.testing.assert_array_equal(fewer.images, more.images[:13])
    np.testing.assert_array_equal(fewer.labels, more.labels[:13])


def test_seeds_tell_collections_apart_and_grey_is_colour_without_its_colours() -> None:
    one, _ = load(seed=1)
    again, _ = load(seed=1)
    other, _ = load(seed=2)
    assert one.digests == again.digests
    assert not {*one.digests} & {*other.digests}
    colour, _ = load(seed=1, channels=3)
    grey = colour.images @ np.array([0.299, 0.587, 0.114], np.float32)
    assert np.abs(grey[..., None] - one.images).max() <= 0.5 + 1e-3


def test_two_processes_draw_what_one_draws(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    one, _ = load(counts=(210, 0))
    assert capfd.readouterr() == ("", "")
    monkeypatch.setenv("INSECTLIB_CACHE", str(cache / "another"))
    two, _ = load_ten_kinds(16, channels=1, counts=(210, 0), workers=2)
    out, err = capfd.readouterr()
    assert out == ""
    assert "210/210" in err
    assert two.digests == one.digests


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 15}, "size 15"),
        ({"channels": 4}, r"channels 4: expected 3 \(colours\) or 1"),
        ({"seed": -1}, "seed -1"),
        ({"counts": (3, -1)}, r"counts \(3, -1\)"),
        ({"counts": (3,)}, r"counts \(3,\)"),
        ({"workers": 0}, "workers 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(wrong: dict[str, object], message: str) -> None:
    asked = {"size": 16, "counts": (2, 1), "progress": False, **wrong}
    with pytest.raises(ValueError, match=message):
        load_ten_kinds(**asked)  # type: ignore[arg-type]


def test_the_same_pixels_on_any_machine() -> None:
    """Where this fails, the drawing has changed: raise `TEN_KINDS_VERSION`, here too."""
    digest = sha256()
    for size, channels in ((28, 1), (32, 3)):
        for part in load(size, channels, counts=(60, 20)):
            digest.update(part.images.astype(np.uint8).tobytes())
            digest.update(part.labels.astype("<i8").tobytes())
    assert small_pictures.TEN_KINDS_VERSION == 1
    assert digest.hexdigest() == DIGEST


def test_kept_under_the_version_and_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = load(seed=5)
    monkeypatch.setattr("insectlib.data.sources.ten_kinds._draw", None)
    assert load(seed=5)[0].digests == first.digests
    with pytest.raises(TypeError):
        load(seed=6)
    monkeypatch.setattr(small_pictures, "TEN_KINDS_VERSION", 0)
    with pytest.raises(TypeError):
        load(seed=5)


def test_pixels_are_not_enough_and_a_small_network_is() -> None:
    """With a third of the pictures; ``bench/ten_kinds.py`` measures both with all of them."""
    training, test = load_ten_kinds(28, channels=1, counts=(2000, 400), progress=False)
    forest = RandomForestClassifier(50, random_state=0)
    forest.fit(training.images.reshape(len(training), -1), training.labels)
    assert forest.score(test.images.reshape(len(test), -1), test.labels) < 0.7
    keras.utils.set_random_seed(0)
    layers = keras.layers
    network = keras.Sequential([keras.Input((28, 28, 1)), layers.Rescaling(1 / 255)])
    for filters in (16, 32, 64):
        network.add(layers.Conv2D(filters, 3, activation="relu", padding="same"))
        network.add(layers.MaxPooling2D())
    network.add(layers.Flatten())
    network.add(layers.Dense(len(TEN_KINDS)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    network.fit(training.images, training.labels, batch_size=32, epochs=8, verbose=0)
    assert network.evaluate(test.images, test.labels, verbose=0)[1] > 0.8
