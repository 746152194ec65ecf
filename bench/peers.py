"""Other tools that explain a picture by its regions, as far as they are installed.

None of them is in the lock of the course. Install them in an environment of their own that sees
this one too: xplique, captum and torch, lime.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from bench.timing import Timed

STEP = 16
PEERS = ("xplique", "captum", "lime")


def kernel_ways(
    model: keras.Model,
    image: NDArray[np.float32],
    regions: NDArray[np.int64],
    colour: NDArray[np.float32],
    samples: int,
) -> Timed:
    """Return the peers that are installed, each explaining `image` with so many samples."""
    makers = {"xplique": _xplique, "captum": _captum, "lime": _lime}
    timed: Timed = {}
    for name in PEERS:
        if importlib.util.find_spec(name) is None:
            print(f"{name}: not installed")
        elif run := makers[name](model, image, regions, colour, samples):
            timed[name] = run
    return timed


def _xplique(
    model: keras.Model,
    image: NDArray[np.float32],
    regions: NDArray[np.int64],
    colour: NDArray[np.float32],
    samples: int,
) -> Callable[[], object]:
    """Xplique's KernelShap."""
    from xplique.attributions import KernelShap

    explainer = KernelShap(
        model,
        batch_size=STEP,
        nb_samples=samples,
        ref_value=colour,
        map_to_interpret_space=lambda _: regions.astype(np.int32),
    )
    target = np.eye(model.output_shape[1], dtype=np.float32)[:1]
    return lambda: explainer.explain(image[None], target)


def _captum(
    model: keras.Model,
    image: NDArray[np.float32],
    regions: NDArray[np.int64],
    colour: NDArray[np.float32],
    samples: int,
) -> Callable[[], object] | None:
    """Captum's KernelShap on the same network with the same weights; for the small CNN only."""
    import torch
    from captum.attr import KernelShap

    network = _in_torch(model)
    if network is None:
        return None
    pixels = torch.tensor(image.transpose(2, 0, 1)[None])
    theirs = network(pixels).detach().numpy()
    np.testing.assert_allclose(theirs, model(image[None], training=False), atol=1e-3)
    places = torch.tensor(regions[None, None])
    ground = torch.tensor(colour)[None, :, None, None].expand_as(pixels)

    def run() -> object:
        with torch.no_grad():
            return KernelShap(network).attribute(
                pixels,
                baselines=ground,
                target=0,
                feature_mask=places,
                n_samples=samples,
                perturbations_per_eval=STEP,
            )

    return run


def _in_torch(model: keras.Model) -> object | None:
    """Return the small CNN in PyTorch, or nothing for another network."""
    import torch

    class Channels(torch.nn.Module):
        """Put the channels last, as Keras flattens them."""

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return features.permute(0, 2, 3, 1)

    class Scale(torch.nn.Module):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels * self.by

    parts: list[torch.nn.Module] = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "Rescaling":
            parts.append(Scale(layer.scale))
        elif kind == "Conv2D":
            kernel, bias = layer.get_weights()
            part = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, padding=layer.padding)
            part.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1))
            part.bias.data = torch.tensor(bias)
            parts += [part, torch.nn.ReLU()]
        elif kind == "MaxPooling2D":
            parts.append(torch.nn.MaxPool2d(2))
        elif kind == "Flatten":
            parts += [Channels(), torch.nn.Flatten()]
        elif kind == "Dense":
            kernel, bias = layer.get_weights()
            part = torch.nn.Linear(*kernel.shape)
            part.weight.data, part.bias.data = torch.tensor(kernel.T), torch.tensor(bias)
            parts.append(part)
            if layer.activation.__name__ == "relu":
                parts.append(torch.nn.ReLU())
        else:
            return None
    return torch.nn.Sequential(*parts).eval()


def _lime(
    model: keras.Model,
    image: NDArray[np.float32],
    regions: NDArray[np.int64],
    colour: NDArray[np.float32],
    samples: int,
) -> Callable[[], object]:
    """LIME's explainer for images."""
    from lime.lime_image import LimeImageExplainer

    def outputs(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        return model.predict(pictures, verbose=0)

    return lambda: LimeImageExplainer(random_state=0).explain_instance(
        image,
        outputs,
        top_labels=1,
        hide_color=float(colour[0]),
        num_samples=samples,
        batch_size=STEP,
        segmentation_fn=lambda _: regions,
    )
