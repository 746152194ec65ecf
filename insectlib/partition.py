"""Partition SHAP for pictures, on top of `shap.PartitionExplainer`.

Chapter ``08_partition_shap``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shap
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from insectlib.explanation import answer, ask, model_outputs, numpy_seed
from insectlib.hierarchy import picture_hierarchy, smallest_regions
from insectlib.kernel import checked_background
from insectlib.maskers import PictureMasker

if TYPE_CHECKING:
    import keras

FEWEST = 4
"""Nothing shown, everything shown, and the two halves of the picture."""


def partition_shap(
    model: keras.Model,
    images: ArrayLike,
    background: str | ArrayLike,
    *,
    seed: int = 0,
    max_evals: int = 500,
    output: str = "logits",
    class_names: Sequence[str] | None = None,
    top: int | None = None,
    batch_size: int = 32,
    progress: bool = False,
) -> shap.Explanation:
    """Explain pictures by hiding regions within regions, with `shap.PartitionExplainer`.

    Chapter ``08_partition_shap``; Owen (1977). Nothing is cut in advance: the halves of the
    picture are weighed first, then the halves of those that matter, as far as the budget goes.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, 3) or (height, width, 3)
        Values from 0 to 255.
    background : str or array
        What stands where a pixel is hidden: ``"blur(k,k)"``, ``"inpaint_telea"``,
        ``"inpaint_ns"``, a colour, shape (3,), a picture, shape (height, width, 3), or a picture
        for each image, shape (n, height, width, 3). See `insectlib.maskers.PictureMasker`.
    seed : int
        Decides only between regions that matter exactly alike. NumPy's global generator is left
        as it was.
    max_evals : int
        Budget for each picture, at least 4; an odd number is rounded up. One evaluation comes on
        top: the untouched picture, which the sum is checked against.
    output : str
        ``"logits"`` or ``"probabilities"``: what is explained.
    class_names : sequence of str, optional
        Names of the outputs.
    top : int, optional
        Explain so many classes for each picture, the largest output first; all where missing.
        The budget then goes where these classes change, and not where others do: the maps differ
        from those of all classes together as long as the budget is short.
    batch_size : int
        Evaluations between two decisions where to cut next: the smaller, the better the budget
        is spent, and the slower.
    progress : bool
        Whether to show a bar over the pictures.

    Returns
    -------
    shap.Explanation
        From `insectlib.explanation.answer`, with ``hierarchy``, the tree of
        `insectlib.hierarchy.picture_hierarchy`, and ``regions`` (n, height, width), the smallest
        regions that the budget reached.

    Raises
    ------
    ValueError
        When shape or range of pictures or background are wrong, for an unknown name of a
        background, a budget or batch that is too small, and whenever
        `insectlib.explanation.ask` refuses the question.
    """
    if max_evals < FEWEST:
        raise ValueError(
            f"max_evals is {max_evals}; expected at least {FEWEST}: nothing shown, everything "
            "shown, and the two halves of the picture"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    question = ask(model, images, output=output, class_names=class_names, top=top)
    pictures = question.pictures
    n, height, width, _ = pictures.shape
    start = time.perf_counter()
    grounds: Sequence[str | ArrayLike] = [background] * n
    if not isinstance(background, str):
        grounds = list(checked_background(background, pictures))
    game = _CountedGame(model, output)
    values, base_values, regions = [], [], []
    tree = picture_hierarchy(height, width)
    bar = tqdm(grounds, desc="Partition SHAP", unit="picture", disable=not progress)
    for i, ground in enumerate(bar):
        explainer = shap.PartitionExplainer(game, PictureMasker(pictures[i], ground))
        with numpy_seed(seed):
            explained = explainer(
                pictures[i : i + 1],
                max_evals=max_evals,
                batch_size=batch_size,
                outputs=question.classes[i],
                silent=True,
            )
        values.append(explained.values[0])
        base_values.append(explained.base_values[0])
        credit = np.asarray(explained.hierarchical_values[0])
        regions.append(smallest_regions(tree, credit, height, width))
    return answer(
        question,
        np.stack(values),
        np.stack(base_values),
        evaluations=n + game.evaluations,
        seconds=time.perf_counter() - start,
        hierarchy=tree,
        regions=np.stack(regions),
    )


class _CountedGame:
    """The model's outputs for masked pictures, with a count of them."""

    def __init__(self, model: keras.Model, output: str) -> None:
        self.model = model
        self.output = output
        self.evaluations = 0

    def __call__(self, pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        self.evaluations += len(pictures)
        return model_outputs(self.model, pictures, self.output)
