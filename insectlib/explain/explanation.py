"""What all explainers share: the question that they are asked, and the answer that they give.

The chapters ``05_kernel_shap`` to ``08_partition_shap`` each teach one explainer. All take a model,
pictures and a background, and return a `shap.Explanation` in shap's image layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shap
from numpy.typing import ArrayLike, NDArray

from insectlib.models.inference import OUTPUTS, check_images, model_outputs, softmax

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Question:
    """Which outputs are to be explained, for which pictures.

    Parameters
    ----------
    pictures : float32 array, shape (n, height, width, 3)
        Values from 0 to 255.
    output : str
        ``"logits"`` or ``"probabilities"``.
    outputs : float64 array, shape (n, n_classes)
        Of the untouched pictures.
    class_names : tuple of str
        One for each output of the model.
    top : int or None
        How many classes are explained for each picture, the largest output first; all of them,
        in the order of the model, where it is None.
    classes : int64 array, shape (n, k)
        Which outputs are explained for each picture.
    """

    pictures: NDArray[np.float32]
    output: str
    outputs: NDArray[np.float64]
    class_names: tuple[str, ...]
    top: int | None
    classes: NDArray[np.int64]

    def pick(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the explained classes' part of `values`.

        Parameters
        ----------
        values : float64 array, shape (n, ..., n_classes)
            Something for every class.

        Returns
        -------
        float64 array, shape (n, ..., k)
        """
        between = (1,) * (values.ndim - 2)
        return np.take_along_axis(values, self.classes.reshape(len(values), *between, -1), axis=-1)


def ask(
    model: keras.Model,
    images: ArrayLike,
    *,
    output: str = "logits",
    class_names: Sequence[str] | None = None,
    top: int | None = None,
) -> Question:
    """Check what an explainer is asked, and look at the pictures once with the model.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, 3) or (height, width, 3)
        Values from 0 to 255; one picture counts as a batch of one.
    output : str
        ``"logits"`` or ``"probabilities"``.
    class_names : sequence of str, optional
        Names of the outputs; ``output 0``, ``output 1``, ... where missing.
    top : int, optional
        Explain so many classes for each picture, the largest output first.

    Returns
    -------
    Question

    Raises
    ------
    ValueError
        For an unknown `output`, pictures of a wrong shape or range, a model whose outputs are
        not finite or are probabilities already, names that do not fit the outputs, or a `top`
        that is not from 1 to the number of classes.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output is {output!r}; expected one of {', '.join(OUTPUTS)}")
    array = np.asarray(images)
    pictures = check_images(array[None] if array.ndim == 3 else array, model.input_shape[1:])
    logits = model_outputs(model, pictures)
    _check_logits(logits, class_names)
    outputs = logits if output == "logits" else softmax(logits)
    n_classes = outputs.shape[1]
    if top is not None and not 1 <= top <= n_classes:
        raise ValueError(f"top is {top}; expected 1 to {n_classes}, the number of classes")
    classes = np.tile(np.arange(n_classes), (len(pictures), 1))
    if top is not None:
        classes = np.argsort(-outputs, axis=1, kind="stable")[:, :top]
    return Question(
        pictures=pictures,
        output=output,
        outputs=outputs,
        class_names=tuple(class_names or (f"output {i}" for i in range(n_classes))),
        top=top,
        classes=classes,
    )


def answer(
    question: Question,
    values: NDArray[np.float64],
    base_values: NDArray[np.float64],
    *,
    evaluations: int,
    seconds: float,
    **fields: Any,
) -> shap.Explanation:
    """Put attributions into the one form that all explainers return.

    Parameters
    ----------
    question : Question
        From `ask`.
    values : float64 array, shape (n, height, width, channels, k)
        Attributions of the explained classes.
    base_values : float64 array, shape (n, k)
        What the model returns where nothing is shown.
    evaluations : int
        Pictures that the model has seen; a gradient counts as one more.
    seconds : float
        For all pictures together.
    **fields
        Kept as further attributes, such as ``segments``.

    Returns
    -------
    shap.Explanation
        Which `shap.image_plot` takes as it is; ``data`` holds the pictures as uint8, as that
        function expects them. Besides shap's own fields it has ``classes``
        (n, k), ``outputs`` (n, k), ``evaluations``, ``seconds``, ``additivity_gap`` and
        ``relative_gap``. A slice of it is without these.

        ``additivity_gap`` is the largest distance between base value plus all attributions and
        the output of the untouched picture. ``relative_gap`` divides that distance, picture by
        picture, by the largest distance between outputs and base values.
    """
    names: list[str] | NDArray[np.str_] = list(question.class_names)
    if question.top is not None:
        names = np.array(question.class_names)[question.classes]
    explanation = shap.Explanation(
        values,
        base_values=base_values,
        # whole numbers, for image_plot takes fractions for the range 0 to 1
        data=np.clip(np.rint(question.pictures), 0, 255).astype(np.uint8),
        output_names=names,
        compute_time=seconds,
    )
    outputs = question.pick(question.outputs)
    total = base_values + values.sum(axis=(1, 2, 3))
    gap = np.abs(total - outputs).max(axis=1)
    reach = np.abs(outputs - base_values).max(axis=1)
    explanation.classes = question.classes
    explanation.outputs = outputs
    explanation.evaluations = evaluations
    explanation.seconds = seconds
    explanation.additivity_gap = float(gap.max())
    explanation.relative_gap = float((gap / np.where(reach, reach, 1)).max())
    for name, field in fields.items():
        setattr(explanation, name, field)
    return explanation


def _check_logits(logits: NDArray[np.float64], class_names: Sequence[str] | None) -> None:
    """Refuse outputs that are no logits, or do not fit the names."""
    if not np.isfinite(logits).all():
        raise ValueError("the model returns values that are not finite: there is nothing to share")
    if (logits >= 0).all() and np.allclose(logits.sum(axis=1), 1, atol=1e-4):
        raise ValueError(
            "the model returns probabilities (each row adds up to 1); expected logits: pass the "
            "model without its softmax, and output='probabilities' to explain probabilities"
        )
    if class_names is not None and len(class_names) != logits.shape[1]:
        raise ValueError(
            f"{len(class_names)} class_names for a model with {logits.shape[1]} outputs"
        )
