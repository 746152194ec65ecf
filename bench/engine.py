"""What is spent around each evaluation: run with ``python -m bench.engine``.

The limit is the bare forward pass: as many ready-made pictures of the same size, through the same
network in a `tf.function`, 16 at a time. Kernel SHAP explains one picture with some 100 superpixels
and 300 samples, its regression included; Partition SHAP spends 500 evaluations. The tutorials'
loops, plain shap and whatever of `bench.peers` is installed explain the same picture with the same
budget in the same run.
"""

from __future__ import annotations

import argparse
import importlib.util
from functools import partial
from typing import Any

import keras
import numpy as np
import shap
from numpy.typing import NDArray

from bench import peers
from bench.backends import openvino_function
from bench.row import Row, write_rows
from bench.scene import GREY, bare_passes, grid, networks, picture, segments
from bench.timing import Timed, interleaved, ratio, shown
from insectlib.explain.kernel import kernel_shap
from insectlib.explain.masking import masked_inference
from insectlib.explain.masking.local_network import local_network
from insectlib.explain.masking.maskers import PictureMasker
from insectlib.explain.masking.segments import mask_image
from insectlib.explain.partition import partition_shap

SAMPLES, EVALUATIONS, MASKS = 300, 500, 60
KERAS, FUNCTION = "TensorFlow", "a function on OpenVINO"
EVERY_PICTURE = "TensorFlow, a picture for each coalition"


def saves_pictures(model: keras.Model) -> bool:
    """Tell whether the network sees through windows."""
    try:
        local_network(model)
    except ValueError:
        return False
    return True


def ours_by_regions(model: keras.Model, regions: NDArray[np.int64]) -> Timed:
    """Return the bare passes, which are the limit, and our ways to explain by regions."""
    image = picture(model.input_shape[1])

    def ours(asked: Any = model) -> object:
        return kernel_shap(
            asked, image, GREY, segments=regions, budget=SAMPLES, seed=0, target="predicted"
        )

    def every_picture() -> object:
        masked_inference.PATCHWORK = False
        try:
            return ours()
        finally:
            masked_inference.PATCHWORK = True

    timed: Timed = {"bare passes": bare_passes(model, SAMPLES + 3), KERAS: ours}
    if importlib.util.find_spec("openvino"):
        timed[FUNCTION] = partial(ours, openvino_function(model))
    if saves_pictures(model):
        timed[EVERY_PICTURE] = every_picture
    return timed


def kernel_ways(model: keras.Model, regions: NDArray[np.int64]) -> Timed:
    """Return the ways to explain a picture by its regions; the first is the limit."""
    image, n = picture(model.input_shape[1]), int(regions.max()) + 1
    ground = np.broadcast_to(GREY, image.shape)

    def plain_shap() -> object:
        """Masks of NumPy, all at once, then predict."""

        def game(rows: NDArray[np.float64]) -> NDArray[np.float32]:
            return model.predict(mask_image(rows, regions, image, ground), verbose=0)[:, :1]

        explainer = shap.KernelExplainer(game, np.zeros((1, n)))
        return explainer.shap_values(np.ones((1, n)), nsamples=SAMPLES, l1_reg=0, silent=True)

    def loops() -> object:
        """Mask as the tutorials do, one sample and one segment at a time, then predict."""

        def game(rows: NDArray[np.float64]) -> NDArray[np.float32]:
            pictures = np.zeros((len(rows), *image.shape), dtype=np.float32)
            for i, row in enumerate(rows):
                pictures[i] = image
                for j in range(n):
                    if row[j] == 0:
                        pictures[i][regions == j] = GREY
            return model.predict(pictures, verbose=0)[:, :1]

        explainer = shap.KernelExplainer(game, np.zeros((1, n)))
        return explainer.shap_values(np.ones((1, n)), nsamples=SAMPLES, l1_reg=0, silent=True)

    timed = ours_by_regions(model, regions) | {"tutorials' loops": loops, "plain shap": plain_shap}
    return timed | peers.kernel_ways(model, image, regions, GREY, SAMPLES)


def partition_ways(model: keras.Model, blur: str) -> Timed:
    """Return the ways to spend 500 evaluations on boxes within boxes; the first is the limit."""
    image = picture(model.input_shape[1])

    def ours(asked: Any = model) -> object:
        return partition_shap(asked, image, blur, budget=EVALUATIONS, target="predicted")

    def plain_shap() -> object:
        explainer = shap.PartitionExplainer(
            lambda pictures: model.predict(pictures, verbose=0),
            shap.maskers.Image(blur, image.shape),
        )
        return explainer(
            image[None], max_evals=EVALUATIONS, batch_size=32, outputs=[0], silent=True
        )

    timed: Timed = {"bare passes": bare_passes(model, EVALUATIONS + 1), KERAS: ours}
    if importlib.util.find_spec("openvino"):
        timed[FUNCTION] = partial(ours, openvino_function(model))
    return timed | {"plain shap": plain_shap}


def masking_ways(size: int, method: str) -> Timed:
    """Return the ways to inpaint some of the holes that Partition SHAP asks for, without a network.

    The first is shap's.
    """
    image = picture(size)
    asked: list[NDArray[np.bool_]] = []

    class Asked(shap.maskers.Image):
        def __call__(self, mask: NDArray[np.bool_], x: NDArray[np.float32]) -> object:
            asked.append(mask.copy())
            return super().__call__(mask, x)

    # a network of one weighted mean, for only its questions are wanted
    weight = np.random.default_rng(0).normal(size=(size, size, 3)) / size**2
    shap.PartitionExplainer(
        lambda pictures: (pictures * weight).sum(axis=(1, 2, 3))[:, None],
        Asked(f"blur({size // 4},{size // 4})", image.shape),
    )(image[None], max_evals=EVALUATIONS, batch_size=32, silent=True)
    masks = np.array(asked[2 :: (len(asked) - 2) // MASKS])[:MASKS]
    theirs, masker = shap.maskers.Image(method, image.shape), PictureMasker(image, method)
    hidden = ~masks.reshape(-1, size, size, 3)
    return {
        "shap's masker": lambda: [theirs(mask, image) for mask in masks],
        "ours": lambda: masker.fills(hidden),
    }


def rows(repeats: int) -> list[Row]:
    """Time everything, hold it against its limits, and keep what there is so far."""
    table: list[Row] = []
    for name, model in networks().items():
        size = model.input_shape[1]
        blur = f"blur({size // 4},{size // 4})"
        cut = segments(size)
        by_regions = {KERAS: "at most 0.90"}
        timings = [
            (
                f"Kernel SHAP, {SAMPLES} samples, {cut.max() + 1} superpixels, {name}",
                kernel_ways(model, cut),
                by_regions,
            ),
            (
                f"Partition SHAP, {EVALUATIONS} evaluations, blur, {name}",
                partition_ways(model, blur),
                {KERAS: "at most 1.30"},
            ),
        ]
        if saves_pictures(model):  # only there the shape of regions matters
            what = f"Kernel SHAP, {SAMPLES} samples, 100 squares, {name}"
            timings.insert(1, (what, ours_by_regions(model, grid(size)), by_regions))
        for what, timed, limits in timings:
            table += compared(what, interleaved(timed, repeats), limits)
            write_rows("engine", table)
    for method in ("inpaint_telea", "inpaint_ns"):
        theirs, ours = interleaved(masking_ways(256, method), repeats).values()
        what = f"{MASKS} pictures with {method}, no network, 256 px"
        peer = f"shap's masker {shown(theirs)}"
        table.append(Row(what, shown(ours), peer, ratio(ours, theirs), "at most 0.25"))
    write_rows("engine", table)
    return table


def compared(
    what: str, seconds: dict[str, NDArray[np.float64]], limits: dict[str, str]
) -> list[Row]:
    """Return rows: our ways against the bare passes, then the usual one against each peer."""
    ours = [way for way in (KERAS, FUNCTION, EVERY_PICTURE) if way in seconds]
    table = [
        Row(
            f"{what}, {way}",
            shown(seconds[way]),
            f"bare passes {shown(seconds['bare passes'])}",
            ratio(seconds[way], seconds["bare passes"]),
            limits.get(way, ""),
        )
        for way in ours
    ]
    return table + [
        Row(
            f"{what}, {KERAS}",
            shown(seconds[KERAS]),
            f"{way} {shown(taken)}",
            ratio(seconds[KERAS], taken),
            "below 1",
        )
        for way, taken in seconds.items()
        if way not in (*ours, "bare passes")
    ]


def main() -> None:
    """Measure, keep the rows and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    for row in rows(parser.parse_args().repeats):
        print(*row, sep=" | ")


if __name__ == "__main__":
    main()
