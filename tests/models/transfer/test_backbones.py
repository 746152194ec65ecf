"""The networks behind one function: preprocessing, weights, seeds, and what is refused."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from insectlib.data.sources.errors import DataUnavailableError
from insectlib.models.transfer import backbones
from insectlib.models.transfer.backbones import NAMES, backbone
from insectlib.models.transfer.efficientnet import efficientnet_lite0


@pytest.fixture
def pictures() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (4, 40, 40, 3)).astype(np.float32)


def drawn(name: str, **settings: object) -> keras.Model:
    """Return a network with random weights, for pictures of 40 pixels."""
    chosen = {"seed": 0, "network_size": 48} | settings
    if name != "random":
        chosen |= {"weights": "random"}
    return backbone(name, 40, **chosen)


@pytest.fixture(scope="module")
def networks() -> dict[str, keras.Model]:
    """Return every network once, with random weights."""
    return {name: drawn(name) for name in NAMES}


def see(network: keras.Model, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the features of a few pictures, without the time that compiling takes."""
    return np.asarray(network(pictures))


@pytest.mark.parametrize(
    ("name", "channels", "side"),
    [
        ("efficientnet_lite0", 1280, 2),
        ("random", 1280, 2),
        ("resnet50", 2048, 2),
        ("vgg19", 512, 1),
    ],
)
def test_one_interface(
    networks: dict[str, keras.Model],
    pictures: NDArray[np.float32],
    name: str,
    channels: int,
    side: int,
) -> None:
    network = networks[name]
    assert network.name == name
    assert network.input_shape == (None, 40, 40, 3)
    maps = keras.Model(network.input, network.get_layer("pool").input)
    assert maps.output_shape == (None, side, side, channels)
    found = see(network, pictures)
    np.testing.assert_allclose(found, see(maps, pictures).mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    assert np.isfinite(found).all()
    assert found.std(axis=0).mean() > 1e-3 * found.std(), "features tell pictures apart"
    assert not network.trainable_weights
    assert not any(isinstance(layer, keras.Model) for layer in network.layers)


def test_lite0_is_the_tested_network_behind_a_resizing(pictures: NDArray[np.float32]) -> None:
    network = backbone("efficientnet_lite0", 40, seed=0, network_size=48, pooled=False)
    resized = np.asarray(keras.ops.image.resize(pictures, (48, 48)))
    expected = see(efficientnet_lite0(48, include_top=False), resized)
    np.testing.assert_allclose(see(network, pictures), expected, atol=1e-4)
    assert expected.max() > 1
    same_size = backbone("efficientnet_lite0", 48, seed=0, network_size=48)
    assert "resize" not in {layer.name for layer in same_size.layers}


@pytest.mark.parametrize("name", ["resnet50", "vgg19"])
def test_published_networks_get_what_they_were_taught_on(
    networks: dict[str, keras.Model], pictures: NDArray[np.float32], name: str
) -> None:
    network = networks[name]
    first = keras.Model(network.input, network.get_layer("caffe").output)
    module = {"resnet50": keras.applications.resnet50, "vgg19": keras.applications.vgg19}[name]
    resized = np.array(keras.ops.image.resize(pictures, (48, 48)))
    np.testing.assert_allclose(see(first, pictures), module.preprocess_input(resized), atol=1e-3)


@pytest.mark.parametrize("name", ["random", "vgg19"])
def test_seed_decides_random_weights(
    networks: dict[str, keras.Model], pictures: NDArray[np.float32], name: str
) -> None:
    first = see(networks[name], pictures)
    keras.utils.set_random_seed(2)  # Keras' own generator has no say
    np.testing.assert_allclose(see(drawn(name), pictures), first, rtol=1e-4, atol=1e-5)
    other = see(drawn(name, seed=1), pictures)
    assert np.abs(other - first).mean() > 0.1 * first.std()


def test_random_control_sees_pictures(
    networks: dict[str, keras.Model], pictures: NDArray[np.float32]
) -> None:
    """Without fitted normalisation, features of random layers are alike for every picture."""
    control = networks["random"]
    pictures[:2] /= 4
    found = see(control, pictures)
    assert np.abs(found[0] - found[2]).mean() > 0.05 * found.mean()
    norm = control.get_layer("block9_depthwise_norm")
    assert norm.momentum == 0.99
    _, _, mean, variance = norm.get_weights()
    assert not np.allclose(mean, 0)
    assert not np.allclose(variance, 1)


@pytest.mark.parametrize("ending", [".weights.h5", "_notop.h5"])
def test_local_weights_file(pictures: NDArray[np.float32], tmp_path: Path, ending: str) -> None:
    taught = keras.applications.VGG19(include_top=False, weights=None, input_shape=(40, 40, 3))
    path = tmp_path / f"vgg19{ending}"
    if ending == ".weights.h5":
        taught.save_weights(path)
    else:
        write_legacy(taught, path)
    network = backbone("vgg19", 40, seed=0, weights=path, network_size=40, pooled=False)
    ready = keras.applications.vgg19.preprocess_input(pictures.copy())
    np.testing.assert_allclose(see(network, pictures), see(taught, ready), rtol=1e-3, atol=1e-5)


def write_legacy(network: keras.Model, path: Path) -> None:
    """Write weights in the order of the layers, as in the files that Keras publishes."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        file.attrs["keras_version"] = b"2.0"
        for layer in network.layers:
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [f"{w.name}".encode() for w in layer.weights]
            for weight in layer.weights:
                group.create_dataset(weight.name, data=np.asarray(weight))


def test_unfit_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError, match="no weights file .*nowhere"):
        backbone("vgg19", 40, seed=0, weights=tmp_path / "nowhere.h5", network_size=40)
    wrong = tmp_path / "wrong.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(wrong)
    with pytest.raises(DataUnavailableError, match="does not hold the weights of vgg19"):
        backbone("vgg19", 40, seed=0, weights=wrong, network_size=40)
    with pytest.raises(ValueError, match="the random control takes none"):
        backbone("random", 40, seed=0, weights=wrong)


def test_offline_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **settings: object) -> str:
        raise Exception("URL fetch failure on storage")  # as Keras does

    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(DataUnavailableError) as caught:
        backbone("resnet50", 40, seed=0, network_size=40)
    message = str(caught.value)
    assert "weights of resnet50 could not be fetched (URL fetch failure" in message
    assert "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5" in message
    assert "weights=PATH" in message
    assert "'efficientnet_lite0'" in message


def test_published_weights_are_asked_for_by_digest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def fetch(file: str, origin: str, **settings: object) -> str:
        asked.append((file, origin, settings["file_hash"]))
        return str(tmp_path / file)

    monkeypatch.setattr(keras.utils, "get_file", fetch)
    for name in ("resnet50", "vgg19"):
        with pytest.raises(DataUnavailableError, match="there is no weights file"):
            backbone(name, 40, seed=0, network_size=40)
    for (file, origin, md5), published in zip(asked, backbones.PUBLISHED.values(), strict=True):
        assert origin == published.address
        assert origin.endswith(f"/{file}")
        assert len(md5) == 32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("alexnet", 64), "no network 'alexnet'; expected one of 'efficientnet_lite0'"),
        (("random", 0), "size is 0"),
    ],
)
def test_unknown_settings_are_refused(arguments: tuple[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        backbone(*arguments, seed=0)
    with pytest.raises(ValueError, match="network_size is 31; expected at least 32"):
        backbone("random", 64, seed=0, network_size=31)
