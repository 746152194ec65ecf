"""What is worth knowing before minutes are spent on an explanation.

The explainers make these checks themselves. What makes the result wrong is refused; what makes
it doubtful is said in a `PreflightWarning`. `preflight` says all of it at once, at the price of
one look at each picture.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.explanation import Explanation
from insectlib.explain.target import Target, prepare
from insectlib.models.inference import Model, check_images, model_outputs
from insectlib.models.networks import differentiable_network, image_shape

METHODS = ("kernel", "gradient", "deep", "partition", "permutation")
WITH_BACKGROUND = ("gradient", "deep")


class PreflightWarning(UserWarning):
    """The explanation can be computed, but may not answer the question that you have."""


def preflight(
    model: Model,
    images: ArrayLike,
    background: ArrayLike | None = None,
    *,
    method: str,
    target: Target = None,
    output: str = "logits",
    class_names: ArrayLike | None = None,
) -> list[str]:
    """Say what is wrong or doubtful about an explanation, before it is computed.

    Chapter ``06_gradient_shap``. It never fails itself: whatever goes wrong is a finding.

    Parameters
    ----------
    model : keras.Model or callable
        To be explained; should take pictures in [0, 255] and end in logits.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        To be explained; values should go from 0 to 255.
    background : array, shape (m, height, width, channels), optional
        The background set, for the methods that take one: ``"gradient"`` and ``"deep"``.
    method : str
        ``"kernel"``, ``"gradient"``, ``"deep"``, ``"partition"`` or ``"permutation"``.
    target, output, class_names
        As in `insectlib.explain.kernel_shap`.

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
    findings: list[str] = []
    pictures: NDArray[np.float32] | None = None
    network = model
    try:
        pictures = prepare(
            model, images, target=target, output=output, class_names=class_names
        ).pictures
    except Exception as error:  # whatever it is, the reader is to learn of it
        findings.append(_sentence(error))
    if method in WITH_BACKGROUND:
        if pictures is not None:
            try:
                network = differentiable_network(model, pictures.shape[1:])
            except ValueError as error:
                findings.append(str(error))
        findings += _of_background(network, background, pictures, method)
    if method == "deep" and pictures is not None and not findings:
        # shap's TensorFlow parts take seconds to import, and only this method has such operations
        from insectlib.explain.deep.handlers import unsupported_operations

        findings += unsupported_operations(network)
    return list(dict.fromkeys(findings))  # two checks may find the same


def _of_background(
    model: Model, background: ArrayLike | None, pictures: NDArray[np.float32] | None, method: str
) -> list[str]:
    """Return what there is to say about a background set."""
    if background is None:
        return [f"there is no background; {method} SHAP needs a set of pictures"]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", PreflightWarning)
            check_background_set(model, background, pictures)
    except Exception as error:
        return [_sentence(error)]
    told = [warning for warning in caught if issubclass(warning.category, PreflightWarning)]
    return [str(warning.message) for warning in told]


def _sentence(error: Exception) -> str:
    """Return what an error says; its class as well, where it is not one of this package's."""
    said = str(error).strip().split("\n")[0]
    return said if isinstance(error, ValueError) else f"{type(error).__name__}: {said}"


def check_repeats(explained: Explanation, again: NDArray[np.float64] | None = None) -> Explanation:
    """Return an explanation; warn where the model answered the same picture in two ways.

    Explainers that mask ask about the untouched picture, and again about the one with nothing
    hidden. What they add up to comes of the second.

    Parameters
    ----------
    explained : Explanation
    again : float64 array, shape as `explained.outputs`, optional
        The second answers. Left out for an explainer whose values add up to them.

    Warns
    -----
    PreflightWarning
        When the two differ by more than rounding does.
    """
    reach = np.abs(explained.outputs - explained.base_values).max()
    size = np.abs(explained.outputs).max()
    gap = explained.additivity_gap if again is None else np.abs(again - explained.outputs).max()
    if gap > max(0.01 * reach, 0.001 * size):
        warnings.warn(
            f"the model gave two answers for the same picture, up to {gap:.2g} apart: is anything "
            "in it drawn at random, such as dropout? Pass a function that returns the mean of many "
            "answers",
            PreflightWarning,
            stacklevel=3,
        )
    return explained


def check_background_set(
    model: Model,
    background: ArrayLike,
    pictures: NDArray[np.float32] | None = None,
    output: str = "logits",
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return a background set and its outputs, or say what is wrong with it.

    Chapter ``06_gradient_shap``. The model sees each of its pictures once.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    background : array, shape (m, height, width, channels)
        The background set, values from 0 to 255.
    pictures : float32 array, shape (n, height, width, channels), optional
        What is to be explained.
    output : str
        ``"logits"``, ``"probabilities"`` or ``"scores"``.

    Returns
    -------
    background : float32 array, shape (m, height, width, channels)
    outputs : float64 array, shape (m, n_classes)

    Raises
    ------
    ValueError
        For an empty set, another shape than the model takes, another range, or outputs that are
        not finite.

    Warns
    -----
    PreflightWarning
        When a picture to be explained is in the background, or when the model sees the same class
        in all of the background.
    """
    try:
        array = np.asarray(background)
    except ValueError as error:
        raise ValueError(f"background: its pictures are of unlike shapes ({error})") from None
    if array.dtype == object:
        raise ValueError(
            f"background is a {type(background).__name__}; expected an array of pictures, such as "
            "training.images[:50]"
        )
    if array.ndim != 4 or not len(array):
        raise ValueError(
            f"background has shape {array.shape}; expected a set of pictures, "
            "(m, height, width, channels), with at least one: for one picture pass "
            "background[None]"
        )
    shape = image_shape(model) if pictures is None else pictures.shape[1:]
    try:
        checked = check_images(array, shape)
    except ValueError as error:
        raise ValueError(f"background: {error}") from None
    if pictures is not None:
        known = {picture.tobytes() for picture in checked}
        shared = [i for i, picture in enumerate(pictures) if picture.tobytes() in known]
        if shared:
            warnings.warn(
                f"{len(shared)} of {len(pictures)} explained pictures (the first is number "
                f"{shared[0]}) are among the background: what they share with themselves gets no "
                "attribution. Take the background from other pictures",
                PreflightWarning,
                stacklevel=3,
            )
    outputs = model_outputs(model, checked, output)
    if not np.isfinite(outputs).all():
        raise ValueError("background: the model returns values for it that are not finite")
    seen = np.unique(outputs.argmax(axis=1))
    if len(checked) > 1 and len(seen) == 1 and outputs.shape[1] > 1:
        warnings.warn(
            f"the model sees output {seen[0]} in all {len(checked)} pictures of the background: "
            "the base value speaks for that class, and its attributions only say what differs "
            "from it. Take pictures of every class",
            PreflightWarning,
            stacklevel=3,
        )
    return checked, outputs
