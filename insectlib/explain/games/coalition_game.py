"""The game of one picture: its segments are the players (chapter ``05_kernel_shap``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.masking.masked_inference import masked_forward
from insectlib.explain.masking.masking_graphs import BATCH
from insectlib.models.inference import Model, check_finite, from_logits


class CoalitionGame:
    """The game of one picture: coalitions of segments in, the model's outputs out.

    Chapter ``05_kernel_shap``. Called with coalitions, shape (n, k), it returns the outputs for
    the n masked pictures, shape (n, n_classes). A coalition that comes twice in a call is
    evaluated once.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    image, baseline : float32 arrays, shape (height, width, channels)
        What is shown, and what stands where a segment is removed; values from 0 to 255.
    segments : int64 array, shape (height, width)
        Segment of each pixel, numbered from 0, such as from `insectlib.explain.superpixels`.
    output : str
        ``"logits"``, ``"probabilities"`` or ``"scores"``.
    classes : int64 array, shape (k,), optional
        Return these outputs only; all of them where missing.
    batch_size : int
        Masked pictures at once; bounds the memory.

    Attributes
    ----------
    evaluations : int
        Coalitions that the model has evaluated so far.

    Raises
    ------
    ValueError
        When called: for outputs of masked pictures that are not finite.
    """

    def __init__(
        self,
        model: Model,
        image: NDArray[np.float32],
        baseline: NDArray[np.float32],
        segments: NDArray[np.int64],
        output: str = "logits",
        *,
        classes: NDArray[np.int64] | None = None,
        batch_size: int = BATCH,
    ) -> None:
        self.image = np.asarray(image, dtype=np.float32)
        fill = np.asarray(baseline, dtype=np.float32)
        self.baseline = np.broadcast_to(fill, self.image.shape)
        self.segments = np.asarray(segments, dtype=np.int32)
        self.output = output
        self.evaluations = 0
        self._classes = slice(None) if classes is None else classes
        self._forward = masked_forward(model, batch_size)

    def __call__(self, coalitions: ArrayLike) -> NDArray[np.float64]:
        """Return the outputs of each coalition."""
        rows = np.asarray(coalitions, dtype=bool)
        _, first, place = np.unique(
            np.packbits(rows, axis=1), axis=0, return_index=True, return_inverse=True
        )
        unlike = rows[first].astype(np.float32)
        self.evaluations += len(unlike)
        scores = self._forward(unlike, self.segments, self.image, self.baseline)
        check_finite(scores, "masked pictures")
        outputs = from_logits(scores, self.output)[:, self._classes]
        return np.asarray(outputs[place.ravel()])
