"""What is worth knowing before minutes are spent on an explanation.

The explainers make these checks themselves. What makes the result wrong is refused; what makes
it doubtful is said in a `PreflightWarning`. `preflight` says all of it at once, at the price of
one look at each picture.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.explanation import ask
from insectlib.models.inference import check_images, model_outputs

if TYPE_CHECKING:
    import keras

METHODS = ("kernel", "gradient", "deep", "partition", "permutation")
WITH_BACKGROUND_SET = ("gradient", "deep")


class PreflightWarning(UserWarning):
    """The explanation can be computed, but may not answer the question that you have."""


def preflight(
    model: keras.Model,
    images: ArrayLike,
    background: ArrayLike | None = None,
    *,
    method: str,
    output: str = "logits",
    class_names: Sequence[str] | None = None,
) -> list[str]:
    """Say what is wrong or doubtful about an explanation, before it is computed.

    Chapter ``06_gradient_shap``.

    Parameters
    ----------
    model : keras.Model
        To be explained; should take pictures in [0, 255] and end in logits.
    images : array, shape (n, height, width, 3) or (height, width, 3)
        To be explained; values should go from 0 to 255.
    background : array, shape (m, height, width, 3), optional
        The background set, for the methods that take one: ``"gradient"`` and ``"deep"``.
    method : str
        ``"kernel"``, ``"gradient"``, ``"deep"``, ``"partition"`` or ``"permutation"``.
    output : str
        ``"logits"`` or ``"probabilities"``.
    class_names : sequence of str, optional
        Names of the outputs.

    Returns
    -------
    list of str
        One sentence for each finding; empty where nothing was found.

    Raises
    ------
    ValueError
        For a `method` that the course does not know.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; expected one of {', '.join(METHODS)}")
    findings = []
    try:
        pictures = ask(model, images, output=output, class_names=class_names).pictures
    except ValueError as error:
        findings.append(str(error))
        pictures = None
    if method in WITH_BACKGROUND_SET:
        if background is None:
            findings.append(f"there is no background; {method} SHAP needs a set of pictures")
        else:
            try:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always", PreflightWarning)
                    check_background_set(model, background, pictures)
                findings += [str(warning.message) for warning in caught]
            except ValueError as error:
                findings.append(str(error))
    if method == "deep":
        # shap's TensorFlow parts take seconds to import, and only this method has such operations
        from insectlib.explain.deep.handlers import unsupported_operations

        findings += unsupported_operations(model)
    return findings


def check_background_set(
    model: keras.Model, background: ArrayLike, pictures: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return a background set as float32, or say what is wrong with it.

    Chapter ``06_gradient_shap``.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    background : array, shape (m, height, width, 3)
        The background set, values from 0 to 255.
    pictures : float32 array, shape (n, height, width, 3), optional
        What is to be explained.

    Returns
    -------
    float32 array, shape (m, height, width, 3)

    Raises
    ------
    ValueError
        For an empty set, another shape than the model takes, or another range.

    Warns
    -----
    PreflightWarning
        When a picture to be explained is in the background, or when the model sees the same class
        in all of the background.
    """
    array = np.asarray(background)
    if array.ndim != 4 or not len(array):
        raise ValueError(
            f"background has shape {array.shape}; expected a set of pictures, "
            "(m, height, width, 3), with at least one: for one picture pass background[None]"
        )
    try:
        ground = check_images(array, model.input_shape[1:])
    except ValueError as error:
        raise ValueError(f"background: {error}") from None
    if pictures is not None:
        known = {picture.tobytes() for picture in ground}
        shared = [i for i, picture in enumerate(pictures) if picture.tobytes() in known]
        if shared:
            warnings.warn(
                f"{len(shared)} of {len(pictures)} explained pictures (the first is number "
                f"{shared[0]}) are among the background: what they share with themselves gets no "
                "attribution. Take the background from other pictures",
                PreflightWarning,
                stacklevel=3,
            )
    seen = np.unique(model_outputs(model, ground).argmax(axis=1))
    if len(ground) > 1 and len(seen) == 1:
        warnings.warn(
            f"the model sees output {seen[0]} in all {len(ground)} pictures of the background: the "
            "base value speaks for that class, and its attributions only say what differs from "
            "it. Take pictures of every class",
            PreflightWarning,
            stacklevel=3,
        )
    return ground
