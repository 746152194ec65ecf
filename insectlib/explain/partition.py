"""Partition SHAP for pictures, on top of `shap.PartitionExplainer`.

Chapter ``08_partition_shap``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import copy
from functools import lru_cache

import numpy as np
import shap
from numpy.typing import ArrayLike, NDArray
from shap import models as shap_models
from tqdm import tqdm

from insectlib.explain.checks import check_repeats
from insectlib.explain.explanation import Explanation, to_explanation
from insectlib.explain.masking.hierarchy import picture_hierarchy, smallest_regions
from insectlib.explain.masking.masked_inference import pixel_forward, unlike
from insectlib.explain.masking.maskers import PictureMasker
from insectlib.explain.masking.masking_graphs import BATCH
from insectlib.explain.masking.regions import checked_baseline
from insectlib.explain.target import Target, checked_pictures, prepare
from insectlib.models.inference import Model, check_finite, from_logits
from insectlib.models.seeds import numpy_seed

FEWEST = 4
"""Nothing shown, everything shown, and the two halves of the picture."""


def partition_shap(
    model: Model,
    images: ArrayLike,
    baseline: str | ArrayLike,
    *,
    target: Target = None,
    output: str = "logits",
    seed: int = 0,
    budget: int = 500,
    class_names: ArrayLike | None = None,
    batch_size: int = BATCH,
    progress: bool = False,
) -> Explanation:
    """Explain pictures by hiding regions within regions, with `shap.PartitionExplainer`.

    Chapter ``08_partition_shap``; Owen (1977). Nothing is cut in advance: the halves of the
    picture are weighed first, then the halves of those that matter, as far as the budget goes.

    Parameters
    ----------
    model, images
        As in `insectlib.explain.kernel_shap`.
    baseline : str or array
        What stands where a pixel is hidden: a colour, a picture or a picture for each image as in
        `insectlib.explain.kernel_shap`, or ``"blur(k,k)"``, ``"inpaint_telea"``,
        ``"inpaint_ns"``. See `insectlib.explain.PictureMasker`.
    target, output
        As in `insectlib.explain.kernel_shap`. The budget goes where these outputs change, and not
        where others do: the maps differ from those of all outputs together as long as the budget
        is short.
    seed : int
        Decides only between regions that matter exactly alike. NumPy's global generator is left
        as it was, and one thread at a time draws from it.
    budget : int
        Masked pictures for each picture, at least 4; an odd number is rounded up. The model is
        asked about those that are equal within a batch once, and they count once. The untouched
        picture, which the sum is checked against, comes on top.
    class_names, progress
        As in `insectlib.explain.kernel_shap`.
    batch_size : int
        Pictures at once; bounds the memory. As in shap, it is also the number of masked pictures
        between two decisions where to cut next: the smaller, the better the budget is spent, and
        the slower.

    Returns
    -------
    Explanation
        From `insectlib.explain.to_explanation`, with ``hierarchy``, the tree of
        `insectlib.explain.picture_hierarchy`, and ``regions`` (n, height, width), the smallest
        regions that the budget reached.

    Raises
    ------
    ValueError
        When shape or range of pictures or baseline are wrong, for an unknown name of a
        baseline, a budget or batch that is too small, for outputs of masked pictures that are not
        finite, and whenever `insectlib.explain.prepare` refuses the pictures or the model.

    Warns
    -----
    PreflightWarning
        When the model gives two answers for the same picture.
    """
    if budget < FEWEST:
        raise ValueError(
            f"budget is {budget}; expected at least {FEWEST}: nothing shown, everything "
            "shown, and the two halves of the picture"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    pictures = checked_pictures(model, images)
    n, height, width, channels = pictures.shape
    baselines: Sequence[str | ArrayLike] = [baseline] * n
    if isinstance(baseline, str):
        PictureMasker(pictures[0], baseline)  # an unknown name is refused before the model is asked
    else:
        baselines = list(checked_baseline(baseline, pictures))
    prepared = prepare(
        model,
        pictures,
        output=output,
        class_names=class_names,
        target=target,
        batch_size=batch_size,
    )
    start = time.perf_counter()
    game = PixelGame(model, output, batch_size=batch_size)
    values, base_values, regions = [], [], []
    tree = picture_hierarchy(height, width, channels)
    explainer = copy(_explainer(height, width, channels))
    explainer.model = shap_models.Model(game)
    bar = tqdm(baselines, desc="Partition SHAP", unit="picture", disable=not progress)
    for i, fill in enumerate(bar):
        game.masker = PictureMasker(pictures[i], fill)
        with numpy_seed(seed):
            explained = explainer(
                pictures[i : i + 1],
                max_evals=budget,
                batch_size=batch_size,
                outputs=prepared.classes[i],
                silent=True,
            )
        values.append(explained.values[0])
        base_values.append(explained.base_values[0])
        credit = np.asarray(explained.hierarchical_values[0])
        regions.append(smallest_regions(tree, credit, height, width))
    explained = to_explanation(
        prepared,
        np.stack(values),
        np.stack(base_values),
        evaluations=n + game.evaluations,
        seconds=time.perf_counter() - start,
        hierarchy=tree,
        regions=np.stack(regions),
    )
    return check_repeats(explained)


@lru_cache(maxsize=2)
def _explainer(height: int, width: int, channels: int) -> shap.PartitionExplainer:
    """Return the explainer of pictures of one size, which lists the pixels of every box once."""
    masker = PixelMasker(picture_hierarchy(height, width, channels))
    return shap.PartitionExplainer(np.asarray, masker)


class PixelMasker:
    """Passes on which pixels are shown: shap calls it for each coalition, the game does the rest.

    Chapter ``08_partition_shap``.

    Parameters
    ----------
    clustering : float64 array, shape (m - 1, 4)
        From `insectlib.explain.picture_hierarchy`.
    """

    # shap need not copy what it is given, for it puts the rows together at once
    immutable_outputs = True

    def __init__(self, clustering: NDArray[np.float64]) -> None:
        self.clustering = clustering
        self.shape = (1, len(clustering) + 1)

    def __call__(self, mask: NDArray[np.bool_], _: NDArray[np.float32]) -> tuple[NDArray[np.bool_]]:
        """Return the coalition as shap wants it, a row in a tuple."""
        return (mask[None],)


class PixelGame:
    """The game that one picture plays pixel by pixel: what is shown in, the model's outputs out.

    Chapter ``08_partition_shap``. A coalition that comes twice in a call is evaluated once.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    output : str
        ``"logits"``, ``"probabilities"`` or ``"scores"``.
    batch_size : int
        Masked pictures at once; bounds the memory.

    Attributes
    ----------
    masker : PictureMasker
        The picture that is played, and what takes the place of hidden pixels. Set it first.
    evaluations : int
        Pictures that the model has seen so far.
    """

    masker: PictureMasker

    def __init__(self, model: Model, output: str, *, batch_size: int = BATCH) -> None:
        self.output = output
        self.evaluations = 0
        self._forward = pixel_forward(model, batch_size)

    def __call__(self, coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the outputs of coalitions, bool (n, height * width * channels), (n, n_classes)."""
        first, place = unlike(coalitions)
        image = self.masker.image
        shown = coalitions[first].reshape(-1, *image.shape)
        self.evaluations += len(shown)
        scores = self._forward(shown, image, self.masker.fills(~shown))
        check_finite(scores, "masked pictures")
        return from_logits(scores, self.output)[place]
