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
from shap.models import Model
from tqdm import tqdm

from insectlib.explain.explanation import answer, ask
from insectlib.explain.masking.hierarchy import picture_hierarchy, smallest_regions
from insectlib.explain.masking.masked_inference import pixel_forward, unlike
from insectlib.explain.masking.maskers import PictureMasker
from insectlib.explain.masking.regions import checked_background
from insectlib.models.inference import softmax
from insectlib.models.seeds import numpy_seed

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
    back_end: str = "tensorflow",
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
        for each image, shape (n, height, width, 3). See `insectlib.explain.PictureMasker`.
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
    back_end : str
        What runs the model, see `insectlib.explain.pixel_forward`.
    progress : bool
        Whether to show a bar over the pictures.

    Returns
    -------
    shap.Explanation
        From `insectlib.explain.answer`, with ``hierarchy``, the tree of
        `insectlib.explain.picture_hierarchy`, and ``regions`` (n, height, width), the smallest
        regions that the budget reached.

    Raises
    ------
    ValueError
        When shape or range of pictures or background are wrong, for an unknown name of a
        background, a budget or batch that is too small, and whenever
        `insectlib.explain.ask` refuses the question.
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
    game = PixelGame(model, output, back_end=back_end)
    values, base_values, regions = [], [], []
    tree = picture_hierarchy(height, width)
    explainer = copy(_explainer(height, width))
    explainer.model = Model(game)
    bar = tqdm(grounds, desc="Partition SHAP", unit="picture", disable=not progress)
    for i, ground in enumerate(bar):
        game.masker = PictureMasker(pictures[i], ground)
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
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    output : str
        ``"logits"`` or ``"probabilities"``.
    back_end : str
        What runs the model, see `insectlib.explain.pixel_forward`.

    Attributes
    ----------
    masker : PictureMasker
        The picture that is played, and what takes the place of hidden pixels. Set it first.
    evaluations : int
        Pictures that the model has seen so far.
    """

    masker: PictureMasker

    def __init__(self, model: keras.Model, output: str, *, back_end: str = "tensorflow") -> None:
        self.output = output
        self.evaluations = 0
        self._forward = pixel_forward(model, back_end)

    def __call__(self, coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the outputs of coalitions, bool (n, height * width * 3), as (n, n_classes)."""
        first, place = unlike(coalitions)
        image = self.masker.image
        shown = coalitions[first].reshape(-1, *image.shape)
        self.evaluations += len(shown)
        logits = self._forward(shown, image, self.masker.grounds(~shown))
        outputs = logits if self.output == "logits" else softmax(logits)
        return outputs[place]
