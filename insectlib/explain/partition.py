"""Partition SHAP for pictures, on top of `shap.PartitionExplainer`.

Chapter ``08_partition_shap``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import shap
from numpy.typing import ArrayLike, NDArray
from shap import models as shap_models
from tqdm import tqdm

from insectlib.explain.explanation import Explanation, Target, prepare, to_explanation
from insectlib.explain.masking.hierarchy import picture_hierarchy, smallest_regions
from insectlib.explain.masking.masked_inference import pixel_forward, unlike
from insectlib.explain.masking.maskers import PictureMasker
from insectlib.explain.masking.regions import checked_baseline
from insectlib.models.inference import Model, from_logits
from insectlib.models.seeds import numpy_seed

if TYPE_CHECKING:
    pass

FEWEST = 4
"""Nothing shown, everything shown, and the two halves of the picture."""


def partition_shap(
    model: Model,
    images: ArrayLike,
    baseline: str | ArrayLike,
    *,
    seed: int = 0,
    budget: int = 500,
    output: str = "logits",
    class_names: ArrayLike | None = None,
    target: Target = None,
    batch_size: int = 32,
    progress: bool = False,
) -> Explanation:
    """Explain pictures by hiding regions within regions, with `shap.PartitionExplainer`.

    Chapter ``08_partition_shap``; Owen (1977). Nothing is cut in advance: the halves of the
    picture are weighed first, then the halves of those that matter, as far as the budget goes.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255.
    baseline : str or array
        What stands where a pixel is hidden: ``"blur(k,k)"``, ``"inpaint_telea"``,
        ``"inpaint_ns"``, a colour, shape (3,), a picture, shape (height, width, 3), or a picture
        for each image, shape (n, height, width, 3). See `insectlib.explain.PictureMasker`.
    seed : int
        Decides only between regions that matter exactly alike. NumPy's global generator is left
        as it was.
    budget : int
        Budget for each picture, at least 4; an odd number is rounded up. One evaluation comes on
        top: the untouched picture, which the sum is checked against.
    output : str
        ``"logits"`` or ``"probabilities"``: what is explained.
    class_names : sequence of str, optional
        Names of the outputs.
    target : int, str, sequence of them, int array (n, k), or None
        Which outputs are explained; see `insectlib.explain.Target`.
        The budget then goes where these classes change, and not where others do: the maps differ
        from those of all classes together as long as the budget is short.
    batch_size : int
        Evaluations between two decisions where to cut next: the smaller, the better the budget
        is spent, and the slower.
    progress : bool
        Whether to show a bar over the pictures.

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
        background, a budget or batch that is too small, and whenever
        `insectlib.explain.prepare` refuses the prepared.
    """
    if budget < FEWEST:
        raise ValueError(
            f"budget is {budget}; expected at least {FEWEST}: nothing shown, everything "
            "shown, and the two halves of the picture"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    prepared = prepare(model, images, output=output, class_names=class_names, target=target)
    pictures = prepared.pictures
    n, height, width, _ = pictures.shape
    start = time.perf_counter()
    baselines: Sequence[str | ArrayLike] = [baseline] * n
    if not isinstance(baseline, str):
        baselines = list(checked_baseline(baseline, pictures))
    game = PixelGame(model, output)
    values, base_values, regions = [], [], []
    tree = picture_hierarchy(height, width)
    explainer = copy(_explainer(height, width))
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
    return to_explanation(
        prepared,
        np.stack(values),
        np.stack(base_values),
        evaluations=n + game.evaluations,
        seconds=time.perf_counter() - start,
        hierarchy=tree,
        regions=np.stack(regions),
    )


@lru_cache(maxsize=2)
def _explainer(height: int, width: int) -> shap.PartitionExplainer:
    """Return the explainer of pictures of one size, which lists the pixels of every box once."""
    return shap.PartitionExplainer(np.asarray, PixelMasker(picture_hierarchy(height, width)))


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
        ``"logits"`` or ``"probabilities"``.

    Attributes
    ----------
    masker : PictureMasker
        The picture that is played, and what takes the place of hidden pixels. Set it first.
    evaluations : int
        Pictures that the model has seen so far.
    """

    masker: PictureMasker

    def __init__(self, model: Model, output: str) -> None:
        self.output = output
        self.evaluations = 0
        self._forward = pixel_forward(model)

    def __call__(self, coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the outputs of coalitions, bool (n, height * width * 3), as (n, n_classes)."""
        first, place = unlike(coalitions)
        image = self.masker.image
        shown = coalitions[first].reshape(-1, *image.shape)
        self.evaluations += len(shown)
        logits = self._forward(shown, image, self.masker.fills(~shown))
        outputs = from_logits(logits, self.output)
        return outputs[place]
