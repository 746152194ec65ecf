"""Kernel SHAP for pictures, on top of `shap.KernelExplainer` (chapter ``05_kernel_shap``)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import shap
from numpy.random.mtrand import get_bit_generator, set_bit_generator
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from insectlib.models import check_images
from insectlib.superpixels import mask_image, superpixels

if TYPE_CHECKING:
    import keras

BATCH = 64
"""Masked pictures per call of the model; bounds the memory."""

OUTPUTS = ("logits", "probabilities")


def model_outputs(
    model: keras.Model, images: NDArray[np.float32], output: str = "logits"
) -> NDArray[np.float64]:
    """Return what is explained: the logits of `images`, or their probabilities.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    images : float32 array, shape (n, height, width, 3)
        Of the size that the model takes; not checked, for this is called very often.
    output : str
        ``"logits"`` or ``"probabilities"``.

    Returns
    -------
    float64 array, shape (n, n_classes)

    Raises
    ------
    ValueError
        For another `output`.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output is {output!r}; expected one of {', '.join(OUTPUTS)}")
    batches = [
        np.asarray(model.predict_on_batch(images[i : i + BATCH]), dtype=np.float64)
        for i in range(0, len(images), BATCH)
    ]
    logits = np.concatenate(batches)
    return logits if output == "logits" else softmax(logits)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities, shape (n, n_classes), that belong to `logits`."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


class CoalitionGame:
    """The game that one picture plays: coalitions of superpixels in, the model's outputs out.

    Chapter ``05_kernel_shap``. Called with coalitions, shape (n, k), it returns the outputs for
    the n masked pictures, shape (n, n_classes).

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    image, background : float32 arrays, shape (height, width, 3)
        What is shown, and what stands where a superpixel is hidden.
    segments : int64 array, shape (height, width)
        From `superpixels`.
    output : str
        ``"logits"`` or ``"probabilities"``.

    Attributes
    ----------
    evaluations : int
        Pictures that the model has seen so far.
    """

    def __init__(
        self,
        model: keras.Model,
        image: NDArray[np.float32],
        background: NDArray[np.float32],
        segments: NDArray[np.int64],
        output: str = "logits",
    ) -> None:
        self.model = model
        self.image = image
        self.background = background
        self.segments = segments
        self.output = output
        self.evaluations = 0

    def __call__(self, coalitions: ArrayLike) -> NDArray[np.float64]:
        """Return the outputs of each coalition."""
        rows = np.asarray(coalitions)
        self.evaluations += len(rows)
        outputs = []
        for i in range(0, len(rows), BATCH):
            masked = mask_image(rows[i : i + BATCH], self.segments, self.image, self.background)
            outputs.append(model_outputs(self.model, masked, self.output))
        return np.concatenate(outputs)


def kernel_shap(
    model: keras.Model,
    images: ArrayLike,
    background: ArrayLike,
    *,
    seed: int,
    segments: NDArray[np.int64] | None = None,
    n_samples: int = 1000,
    output: str = "logits",
    l1_reg: float | str = 0,
    class_names: Sequence[str] | None = None,
    progress: bool = False,
) -> shap.Explanation:
    """Explain pictures by hiding superpixels, with `shap.KernelExplainer`.

    Chapter ``05_kernel_shap``; Lundberg and Lee (2017).

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, 3)
        Values from 0 to 255.
    background : array
        What stands where a superpixel is hidden: a colour, shape (3,); a picture, shape
        (height, width, 3); or a picture for each image, shape (n, height, width, 3). See
        `mean_colour` and `blurred` in `insectlib.superpixels`.
    seed : int
        Of the coalitions that are drawn. NumPy's global generator, which shap draws from, is left
        as it was.
    segments : int array, shape (height, width) or (n, height, width), optional
        Superpixels, numbered from 0 without gaps; `superpixels` with its defaults where missing.
    n_samples : int
        Coalitions to draw for each picture. Three evaluations come on top: everything hidden,
        everything shown, and the untouched picture, which the sum is checked against. At least
        twice the number of superpixels, and ten times it for a steady answer.
    output : str
        ``"logits"`` or ``"probabilities"``: what is explained.
    l1_reg : float or str
        How shap may set superpixels to zero before it fits the others. 0, the default here, keeps
        all of them. shap's own default, ``"num_features(10)"``, keeps ten, whatever the budget:
        what it drops never comes back.
    class_names : sequence of str, optional
        Names of the outputs.
    progress : bool
        Whether to show a bar over the pictures.

    Returns
    -------
    shap.Explanation
        Values of shape (n, height, width, 3, n_classes), which `shap.image_plot` takes as they
        are: the value of a superpixel is spread evenly over its pixels and channels, so that
        sums over any region add up. Base values have shape (n, n_classes). Besides shap's own
        fields it has ``segments`` (n, height, width), ``evaluations`` and ``seconds`` (of all
        pictures together), and ``additivity_gap``, the largest distance between base value plus
        all attributions and the output of the untouched picture. A slice of it is without these.

    Raises
    ------
    ValueError
        When shape or range of pictures, background or superpixels are wrong, when the budget is
        too small for a regression without `l1_reg`, for an unknown `output`, or when the model
        returns probabilities instead of logits.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output is {output!r}; expected one of {', '.join(OUTPUTS)}")
    pictures = check_images(images, model.input_shape[1:])
    hidden = _checked_background(background, pictures)
    start = time.perf_counter()
    cuts = _checked_segments(segments, pictures)
    logits = model_outputs(model, pictures)
    _check_logits(logits, class_names)
    outputs = logits if output == "logits" else softmax(logits)
    evaluations = len(pictures)
    values, base_values = [], []
    for i, cut in enumerate(tqdm(cuts, desc="Kernel SHAP", unit="picture", disable=not progress)):
        k = int(cut.max()) + 1
        _check_budget(n_samples, k, l1_reg)
        game = CoalitionGame(model, pictures[i], hidden[i], cut, output)
        with numpy_seed(seed):
            explainer = shap.KernelExplainer(game, np.zeros((1, k)))
            phi = explainer.shap_values(
                np.ones((1, k)), nsamples=n_samples, l1_reg=l1_reg, silent=True
            )[0]
        values.append(spread(phi, cut))
        base_values.append(np.asarray(explainer.expected_value))
        evaluations += game.evaluations
    seconds = time.perf_counter() - start
    explanation = shap.Explanation(
        np.stack(values),
        base_values=np.stack(base_values),
        data=pictures,
        output_names=list(class_names or (f"output {i}" for i in range(outputs.shape[1]))),
        compute_time=seconds,
    )
    total = explanation.base_values + explanation.values.sum(axis=(1, 2, 3))
    explanation.segments = cuts
    explanation.evaluations = evaluations
    explanation.seconds = seconds
    explanation.additivity_gap = float(np.abs(total - outputs).max())
    return explanation


def spread(values: ArrayLike, segments: NDArray[np.int64]) -> NDArray[np.float64]:
    """Spread the value of each superpixel evenly over its pixels and channels.

    Chapter ``05_kernel_shap``; `segment_values` adds them up again.

    Parameters
    ----------
    values : array, shape (k, n_classes)
        One row for each superpixel.
    segments : int64 array, shape (height, width)
        From `superpixels`.

    Returns
    -------
    float64 array, shape (height, width, 3, n_classes)
        shap's image layout, without the axis of pictures.
    """
    pixels = np.bincount(segments.ravel())
    each = np.asarray(values, dtype=np.float64) / (3 * pixels[:, None])
    return np.repeat(each[segments][:, :, None, :], 3, axis=2)


@contextmanager
def numpy_seed(seed: int) -> Iterator[None]:
    """Let NumPy's global generator, which shap draws from, start at `seed`; then put it back.

    Parameters
    ----------
    seed : int
        Not negative.
    """
    before = get_bit_generator()
    set_bit_generator(np.random.MT19937(seed))
    try:
        yield
    finally:
        set_bit_generator(before)


def _checked_background(
    background: ArrayLike, pictures: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return a background for each picture."""
    ground = np.asarray(background, dtype=np.float32)
    if ground.shape not in ((3,), pictures.shape[1:], pictures.shape):
        raise ValueError(
            f"background has shape {ground.shape}; expected one colour, (3,), one picture, "
            f"{pictures.shape[1:]}, or one for each picture, {pictures.shape}"
        )
    if not (ground.min() >= -0.5 and ground.max() <= 255.5):
        raise ValueError(
            f"background has values from {ground.min():g} to {ground.max():g}; expected 0 to 255, "
            "like the pictures"
        )
    if ground.ndim > 1 and 0 < ground.max() <= 1:
        raise ValueError(
            f"background has values from {ground.min():g} to {ground.max():g}, which looks like "
            "the range 0 to 1; expected 0 to 255, like the pictures: multiply by 255"
        )
    return np.broadcast_to(ground, pictures.shape)


def _checked_segments(
    segments: NDArray[np.int64] | None, pictures: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return superpixels for each picture, numbered from 0 without gaps."""
    if segments is None:
        return np.stack([superpixels(picture) for picture in pictures])
    given = np.asarray(segments)
    if given.shape not in (pictures.shape[1:3], pictures.shape[:3]):
        raise ValueError(
            f"segments has shape {given.shape}; expected {pictures.shape[1:3]} for all pictures "
            f"or {pictures.shape[:3]} for each"
        )
    cuts = np.broadcast_to(given, pictures.shape[:3])
    for cut in cuts:
        numbers = np.unique(cut)
        if not np.array_equal(numbers, np.arange(len(numbers))):
            raise ValueError(
                "segments must be numbered from 0 without gaps, as superpixels() does; got "
                f"{len(numbers)} numbers from {numbers[0]} to {numbers[-1]}"
            )
    return cuts


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


def _check_budget(n_samples: int, k: int, l1_reg: float | str) -> None:
    """Refuse a budget that leaves the regression with more unknowns than equations.

    shap draws each coalition together with its complement. The regression is bound to sum up to
    the output, and under that bound the two make one equation, for k - 1 unknowns.
    """
    needed = min(2 * (k - 1), 2**k - 2)
    if l1_reg == 0 and n_samples < needed:
        raise ValueError(
            f"n_samples is {n_samples}, but {k} superpixels need at least {needed}: coalitions "
            f"come in pairs, and each pair is one equation for {k - 1} unknowns. Raise n_samples, "
            "well above that for a steady answer, or pass coarser segments"
        )
