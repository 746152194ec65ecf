"""Gradient SHAP for pictures, on top of `shap.GradientExplainer` (chapter ``06_gradient_shap``)."""

from __future__ import annotations

import time
from functools import partial

import keras
import numpy as np
import shap
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from insectlib.explain.checks import check_background_set
from insectlib.explain.deep.deep_shap import explained_network
from insectlib.explain.explanation import Explanation, Prepared, Target, prepare, to_explanation
from insectlib.explain.gradients.inner_layers import attributions_at
from insectlib.models.inference import quiet_inputs
from insectlib.models.seeds import numpy_seed

BATCH = 32
"""Gradients at once. With the 16-32-64 CNN at 256 pixels they take 0.5 GB at the peak."""

PARTS = 10
"""So many parts the samples come in, to see how much they differ."""


def gradient_shap(
    model: keras.Model,
    images: ArrayLike,
    background: ArrayLike,
    *,
    seed: int,
    budget: int = 200,
    local_smoothing: float = 0.0,
    output: str = "logits",
    class_names: ArrayLike | None = None,
    target: Target = None,
    layer: str | None = None,
    batch_size: int = BATCH,
    progress: bool = False,
) -> Explanation:
    """Explain pictures by gradients on the way from the background to the picture.

    Chapter ``06_gradient_shap``; expected gradients, Erion et al. (2021). Each sample takes a
    background picture and a point on the straight line from it to the explained picture, both at
    random, and multiplies the gradient there with the difference of the two pictures. The mean
    adds up to the output minus the base value as the samples grow; with few it does so roughly.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits. Layers that augment are taken out.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255.
    background : array, shape (m, height, width, channels)
        The background set, values from 0 to 255.
    seed : int
        Of the samples. The same for each picture and class, so that their noise is alike. NumPy's
        global generator, which shap draws from, is left as it was.
    budget : int
        For each picture and class, at least 10.
    local_smoothing : float
        Standard deviation of the noise that is added to the picture in each sample, in units of
        its values; 0 for none. It blurs single bright pixels (Smilkov et al., 2017), and adds
        what the noise itself does to the output to the additivity gap.
    output : str
        ``"logits"`` or ``"probabilities"``: what is explained.
    class_names : sequence of str, optional
        Names of the outputs.
    target : int, str, sequence of them, int array (n, k), or None
        Which outputs are explained; see `insectlib.explain.Target`.
    layer : str, optional
        Explain the features that this layer hands on instead of the pixels, and lay the result
        over the picture; one of `insectlib.explain.cut_points`. `local_smoothing` is then in
        units of the features.
    batch_size : int
        Gradients at once; bounds the memory, see `BATCH`, and does not change the result. The graph
        is traced once for each length of a batch, and then serves all pictures and classes.
    progress : bool
        Whether to show a bar over pictures and classes.

    Returns
    -------
    Explanation
        With ``standard_error`` (n, k): that of the sum of the attributions, from how much ten
        parts of the samples differ. Base values are the mean outputs of the background.

    Raises
    ------
    ValueError
        When pictures or background have a wrong shape or range, when `budget`, `batch_size`
        or `local_smoothing` are too small, and whenever `insectlib.explain.prepare` refuses them.

    Warns
    -----
    PreflightWarning
        When an explained picture is among the background, or the background is of one class.
    """
    if budget < PARTS:
        raise ValueError(f"budget is {budget}; expected {PARTS} or more")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected 1 or more")
    if not local_smoothing >= 0:
        raise ValueError(f"local_smoothing is {local_smoothing}; expected 0 or more")
    prepared = prepare(model, images, output=output, class_names=class_names, target=target)
    ground, outputs = check_background_set(model, background, prepared.pictures, output)
    start = time.perf_counter()
    errors = np.zeros(prepared.classes.shape)
    attribute = partial(
        _attributions,
        errors=errors,
        seed=seed,
        n_samples=budget,
        local_smoothing=local_smoothing,
        batch_size=batch_size,
        progress=progress,
    )
    if layer is None:
        values = attribute(model, prepared, ground)
    else:
        values = attributions_at(attribute, model, prepared, ground, layer)
    base_values = prepared.pick(np.tile(outputs.mean(axis=0), (len(prepared.pictures), 1)))
    looks = prepared.classes.size * (2 * budget + PARTS)
    return to_explanation(
        prepared,
        values,
        base_values,
        evaluations=len(prepared.pictures) + len(ground) + looks,
        seconds=time.perf_counter() - start,
        standard_error=errors,
    )


def _attributions(
    model: keras.Model,
    prepared: Prepared,
    ground: NDArray[np.float32],
    *,
    errors: NDArray[np.float64],
    seed: int,
    n_samples: int,
    local_smoothing: float,
    batch_size: int,
    progress: bool,
) -> NDArray[np.float64]:
    """Return the attributions, shape (n, h, w, channels, k), and fill in the `errors` (n, k)."""
    network, chosen = explained_network(model, prepared.output)
    one_of = np.eye(prepared.outputs.shape[1], dtype=np.float32)
    explainer = shap.GradientExplainer(network, ground, None, batch_size, local_smoothing)
    sizes = [len(part) for part in np.array_split(np.arange(n_samples), PARTS)]
    seeds = np.random.default_rng(seed).integers(2**31, size=PARTS)
    values = np.zeros((*prepared.pictures.shape, prepared.classes.shape[1]))
    bar = tqdm(desc="Gradient SHAP", total=prepared.classes.size, unit="map", disable=not progress)
    with bar, quiet_inputs(), numpy_seed(seed):
        for i, k in np.ndindex(prepared.classes.shape):
            chosen.assign(one_of[prepared.classes[i, k]])
            sums = []
            for size, part_seed in zip(sizes, seeds, strict=True):
                phi = explainer.shap_values(
                    prepared.pictures[i : i + 1], nsamples=size, rseed=int(part_seed)
                )[0, ..., 0]
                values[i, ..., k] += phi * (size / n_samples)
                sums.append(phi.sum())
            errors[i, k] = np.std(sums, ddof=1) / np.sqrt(PARTS)
            bar.update()
    return values
