"""Networks that turn a picture into features, behind one function (chapter ``03_transfer``).

All take pictures with values from 0 to 255 at the size they were loaded at. Whatever a network
needs, be it another size, another range or blue before red, its first layers do.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from insectlib.data.sources.errors import DataUnavailableError
from insectlib.models.keras_settings import checks_keras
from insectlib.models.seeds import seed_stream
from insectlib.models.transfer.efficientnet import SMALLEST, lite0_features, load_lite0

NAMES = ("efficientnet_lite0", "resnet50", "vgg19", "random")


class Published(NamedTuple):
    """A network of `keras.applications`, and where Keras keeps its weights."""

    build: Callable[..., keras.Model]
    address: str
    md5: str


KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
PUBLISHED = {
    "resnet50": Published(
        keras.applications.ResNet50,
        f"{KERAS}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "vgg19": Published(
        keras.applications.VGG19,
        f"{KERAS}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "253f8cb515780f3b799900260a226db6",
    ),
}

CAFFE_MEAN = (103.939, 116.779, 123.68)
"""ImageNet's mean blue, green and red: the order in which ResNet50 and VGG19 were trained."""


@checks_keras
def backbone(
    name: str,
    size: int,
    *,
    seed: int,
    weights: str | Path | None = None,
    network_size: int = 224,
    pooled: bool = True,
) -> keras.Model:
    """Build a frozen network without its last layer: pictures in, features out.

    Chapter ``03_transfer``.

    Parameters
    ----------
    name : str
        ``"efficientnet_lite0"`` (Tan and Le, 2019), ``"resnet50"`` (He et al., 2016) or
        ``"vgg19"`` (Simonyan and Zisserman, 2015), each trained on ImageNet; or ``"random"``, the
        control: EfficientNet-Lite0 with random weights.
    size : int
        Side of the square pictures in pixels.
    seed : int
        Seeds random weights; without effect on trained ones.
    weights : str or Path, optional
        The path of a weights file on this machine, or ``"random"``. Without it, the weights that
        were trained on ImageNet: those of EfficientNet-Lite0 are in an installed package, the
        others are fetched once by Keras.
    network_size : int
        Side in pixels to which the network resizes the pictures, at least 32. All were trained at
        224.
    pooled : bool
        Whether to return the mean of the last feature map over all places, or the map itself.

    Returns
    -------
    keras.Model
        Takes float32 (n, size, size, 3) in [0, 255]; returns (n, channels), or (n, rows, columns,
        channels) where not `pooled`. No layer is a network itself, and none is trainable.

    Raises
    ------
    ValueError
        For another name, a size that is too small, weights for the random control, or a weights
        file of EfficientNet-Lite0 that is not the known one.
    DataUnavailableError
        When weights cannot be fetched or do not fit the network.
    """
    if name not in NAMES:
        raise ValueError(f"no network {name!r}; expected one of {', '.join(map(repr, NAMES))}")
    if size < 1:
        raise ValueError(f"size is {size}; expected the side of the pictures in pixels, at least 1")
    if network_size < SMALLEST:
        raise ValueError(f"network_size is {network_size}; expected at least {SMALLEST} pixels")
    if name == "random" and weights not in (None, "random"):
        raise ValueError(f"weights is {str(weights)!r}; the random control takes none")
    drawn = name == "random" or weights == "random"
    if name in PUBLISHED and not drawn:
        weights = _fetch(name) if weights is None else Path(weights)
        if not weights.is_file():
            raise DataUnavailableError(
                f"there is no weights file {weights}: pass the path of one, or leave weights out "
                "to fetch those of ImageNet"
            )
    pictures = keras.Input((size, size, 3), name="picture")
    x = pictures
    if size != network_size:
        x = layers.Resizing(network_size, network_size, name="resize")(x)
    if name in PUBLISHED:
        x = _caffe(x)
        # Keras builds upon the tensor that it is given, and returns all from the pictures on
        maps = PUBLISHED[name].build(include_top=False, weights=None, input_tensor=x).output
    else:
        maps = lite0_features(x, seed=seed)
    outputs = layers.GlobalAveragePooling2D(name="pool")(maps) if pooled else maps
    network = keras.Model(pictures, outputs, name=name)
    if drawn:
        if name in PUBLISHED:
            _draw_kernels(network, seed)
        _fit_normalisation(network, seed)
    elif name in PUBLISHED:
        _load_published(network, name, network_size, Path(str(weights)))
    else:
        load_lite0(network, weights or "imagenet")
    network.trainable = False
    return network


def _caffe(x: Any) -> Any:
    """Put blue before red and subtract the mean colour: a convolution of one pixel does both."""
    kernel, bias = np.eye(3, dtype=np.float32)[::-1][None, None], -np.array(CAFFE_MEAN, np.float32)
    layer = layers.Conv2D(3, 1, name="caffe")
    output = layer(x)
    layer.set_weights([kernel, bias])
    return output


def _load_published(network: keras.Model, name: str, network_size: int, path: Path) -> None:
    """Load the weights of a file into `network`."""
    # the file lists the layers in order, so it is read into the bare network first
    bare = PUBLISHED[name].build(
        include_top=False, weights=None, input_shape=(network_size, network_size, 3)
    )
    try:
        with warnings.catch_warnings():
            # what Keras does not find in a file it leaves random, and only warns
            warnings.simplefilter("error", UserWarning)
            bare.load_weights(path)
    except (ValueError, OSError, LookupError, TypeError, UserWarning) as error:
        raise DataUnavailableError(
            f"{path} does not hold the weights of {name} without its last layer: {error}"
        ) from error
    for layer in bare.layers:
        if layer.weights:
            network.get_layer(layer.name).set_weights(layer.get_weights())


def _fetch(name: str) -> Path:
    """Return the path of the weights that Keras publishes; fetch them where they are missing."""
    published = PUBLISHED[name]
    file = published.address.rsplit("/", maxsplit=1)[-1]
    try:
        return Path(
            keras.utils.get_file(
                file, published.address, cache_subdir="models", file_hash=published.md5
            )
        )
    except Exception as error:  # Keras raises no narrower one
        raise DataUnavailableError(
            f"the weights of {name} could not be fetched ({error}). Connect to the internet once; "
            f"or fetch {file} elsewhere and pass weights=PATH; or take 'efficientnet_lite0', "
            "whose weights came with this package"
        ) from error


def _draw_kernels(network: keras.Model, seed: int) -> None:
    """Draw the kernels of the convolutions anew: Keras' own networks take no seed."""
    seeds = seed_stream(seed)
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D) and layer.name != "caffe":
            kernel, *bias = layer.get_weights()
            layer.set_weights([_he_normal(kernel.shape, next(seeds)), *map(np.zeros_like, bias)])


def _fit_normalisation(network: keras.Model, seed: int) -> None:
    """Set the means and variances of a random network's batch normalisation, from random pictures.

    Keras starts from mean 0 and variance 1. After fifty random layers the features of all pictures
    would then be nearly the same, and the network would be no control.
    """
    norms = [layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)]
    before = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    network(_random_patches(network.input_shape[1], seed), training=True)
    for layer, momentum in zip(norms, before, strict=True):
        layer.momentum = momentum


def _he_normal(shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Return a random kernel that keeps the variance behind a ReLU (He et al., 2015)."""
    random = np.random.default_rng(seed)
    spread = np.sqrt(2 / np.prod(shape[:3]), dtype=np.float32)
    return np.asarray(random.standard_normal(shape, dtype=np.float32) * spread)


def _random_patches(size: int, seed: int) -> NDArray[np.float32]:
    """Return 16 pictures, float32 (16, size, size, 3), of fine and coarse random patches."""
    random = np.random.default_rng(seed)
    pictures = [random.uniform(0, 255, (16, cells, cells, 3)) for cells in (2, 5, 12, 30)]
    resized = [keras.ops.image.resize(p.astype(np.float32), (size, size)) for p in pictures]
    return np.asarray(sum(resized) / len(resized), dtype=np.float32)
