"""Many masked versions of a picture through a network, at the price of the bare forward passes.

What costs time around a forward pass is to make the masked pictures and to carry them over to the
network. Here only the coalitions cross, a row of bits for each evaluation; the pictures are put
together inside the network's own graph, a few at a time, so that they stay in the processor's
caches. ``bench/engine.py`` measures what that saves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from insectlib.superpixels import mask_image

if TYPE_CHECKING:
    import openvino

BATCH = 16
"""Pictures per step: few enough to stay in the caches, enough to keep two cores busy."""

BACK_ENDS = ("tensorflow", "openvino")

Masked = Callable[
    [NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]],
    NDArray[np.float64],
]
"""Coalitions (n, k), regions (height, width), picture and background (height, width, 3) in;
logits (n, n_classes) out."""

_graphs: WeakKeyDictionary[keras.Model, Any] = WeakKeyDictionary()
_compiled: WeakKeyDictionary[keras.Model, tuple[str, Any]] = WeakKeyDictionary()


def masked_forward(model: keras.Model, back_end: str = "tensorflow") -> Masked:
    """Return a function that masks a picture and asks the model, all in one graph.

    Chapter ``05_kernel_shap``. It is compiled at its first call for a model, and kept as long as
    the model: another picture, other regions or another number of coalitions compile nothing.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits. A model of another kind, with
        ``predict_on_batch``, gets its pictures masked by NumPy.
    back_end : str
        ``"tensorflow"``, or ``"openvino"`` where the package openvino is installed: faster, with
        logits that agree to about 1e-6.

    Returns
    -------
    callable
        Takes coalitions, float32 (n, k), regions, int32 (height, width), picture and background,
        float32 (height, width, 3); returns logits, float64 (n, n_classes).

    Raises
    ------
    ValueError
        For another back end, or for ``"openvino"`` with a model that is not of Keras.
    ModuleNotFoundError
        For ``"openvino"`` where it is not installed.
    """
    if back_end not in BACK_ENDS:
        raise ValueError(f"back_end is {back_end!r}; expected one of {', '.join(BACK_ENDS)}")
    if not isinstance(model, keras.Model):
        if back_end != "tensorflow":
            raise ValueError(f"back_end {back_end!r} takes Keras models only, not {type(model)}")
        return _with_numpy(model)
    if back_end == "openvino":
        return _with_openvino(model)
    graph = _graph(model)

    def forward(
        coalitions: NDArray[np.float32],
        regions: NDArray[np.int32],
        image: NDArray[np.float32],
        background: NDArray[np.float32],
    ) -> NDArray[np.float64]:
        scene = tf.constant(regions), tf.constant(image), tf.constant(background)
        steps = [
            graph(tf.constant(coalitions[i : i + BATCH]), *scene)
            for i in range(0, len(coalitions), BATCH)
        ]
        return np.concatenate(steps).astype(np.float64)

    return forward


def _graph(model: keras.Model) -> Any:
    """Return the compiled function of `model`; the second call for a model returns the same."""
    if model not in _graphs:
        # a strong reference in its own function would keep the model for ever
        reference = ref(model)
        height, width, channels = model.input_shape[1:]
        picture = tf.TensorSpec((height, width, channels), tf.float32)

        def masked(
            coalitions: tf.Tensor, regions: tf.Tensor, image: tf.Tensor, background: tf.Tensor
        ) -> tf.Tensor:
            network = reference()
            assert network is not None, "it is traced while the model is there"
            shown = tf.gather(coalitions, regions, axis=1)[..., None] > 0.5
            return network(tf.where(shown, image, background), training=False)

        signature = [
            tf.TensorSpec((None, None), tf.float32),
            tf.TensorSpec((height, width), tf.int32),
            picture,
            picture,
        ]
        _graphs[model] = tf.function(masked, input_signature=signature)
    return _graphs[model]


def _with_numpy(model: Any) -> Masked:
    """Return the same for a model that is no Keras model, such as one of Flax or PyTorch."""

    def forward(
        coalitions: NDArray[np.float32],
        regions: NDArray[np.int32],
        image: NDArray[np.float32],
        background: NDArray[np.float32],
    ) -> NDArray[np.float64]:
        steps = [
            np.asarray(
                model.predict_on_batch(
                    mask_image(coalitions[i : i + BATCH], regions, image, background)
                ),
                dtype=np.float64,
            )
            for i in range(0, len(coalitions), BATCH)
        ]
        return np.concatenate(steps)

    return forward


def _with_openvino(model: keras.Model) -> Masked:
    """Return the same on OpenVINO, in single precision, two steps side by side."""
    compiled = _openvino_model(model)

    def forward(
        coalitions: NDArray[np.float32],
        regions: NDArray[np.int32],
        image: NDArray[np.float32],
        background: NDArray[np.float32],
    ) -> NDArray[np.float64]:
        from openvino import AsyncInferQueue

        logits: dict[int, NDArray[np.float32]] = {}

        def keep(request: openvino.InferRequest, start: int) -> None:
            logits[start] = request.get_output_tensor(0).data.copy()

        queue = AsyncInferQueue(compiled)
        queue.set_callback(keep)
        scene = {"regions": regions, "image": image, "background": background}
        step = BATCH // 2
        for start in range(0, len(coalitions), step):
            rows = coalitions[start : start + step]
            # by name, for a saved model forgets the order
            queue.start_async({"coalitions": rows, **scene}, start)
        queue.wait_all()
        return np.concatenate([logits[start] for start in sorted(logits)]).astype(np.float64)

    return forward


def _openvino_model(model: keras.Model) -> openvino.CompiledModel:
    """Return the compiled network; it is compiled again when the weights have changed."""
    try:
        import openvino
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "back_end 'openvino' needs the package openvino: pip install openvino, or leave "
            "back_end as it is"
        ) from None
    # its graph holds copies of the weights, TensorFlow's holds the weights themselves
    digest = hashlib.blake2b()
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    found = _compiled.get(model)
    if found is None or found[0] != digest.hexdigest():
        # read from a file, for openvino.convert_model would report its use to its makers
        module = tf.Module()
        module.masked, module.weights = _graph(model), [weight.value for weight in model.weights]
        settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT"}
        with TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, signatures=_graph(model).get_concrete_function())
            compiled = openvino.Core().compile_model(folder, "CPU", settings)
        found = _compiled[model] = digest.hexdigest(), compiled
    return found[1]
