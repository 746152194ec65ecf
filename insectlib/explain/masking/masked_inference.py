"""Many masked versions of a picture through a network, at the price of the bare forward passes.

What costs time around a forward pass is to make the masked pictures and to carry them over to the
network. Here only the coalitions cross, a row of bits for each evaluation; the pictures are put
together inside the network's own graph, a few at a time. Where a network sees through windows,
`insectlib.explain.masking.patchwork` leaves fewer pictures to ask about.

Chosen by measurement, see ``bench/engine.py``, ``bench/backends.py`` and the page of benchmarks. To
put 16 pictures of 256 pixels together takes 18 ms with TensorFlow's gather and where, and 3.5 ms
gathered region by region and selected by XLA. XLA for the whole network is slower than without it.
Two steps side by side beat one, for some work in each takes one core only; on two free cores steps
of 16 beat steps of 8. bfloat16 is faster, but misses the logits by more than 1e-3. OpenVINO in
single precision does not, and is an option; it works at a step with one core, so that steps have to
be of equal length.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from insectlib.explain.masking.local_network import local_network
from insectlib.explain.masking.patchwork import BLOCK, logits_by_patchwork
from insectlib.explain.masking.segments import mask_image

if TYPE_CHECKING:
    import openvino

BATCH = 32
"""Pictures in the works at any time: bounds the memory, however many coalitions there are."""

SIDE_BY_SIDE = 2
"""Steps at a time: while one is carried over or put together, which takes one core, the other is in
the network."""

STEP = BATCH // SIDE_BY_SIDE
"""Pictures in a step at most."""

BACK_ENDS = ("tensorflow", "openvino")

Masked = Callable[
    [NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]],
    NDArray[np.float64],
]
"""Coalitions (n, k), regions (height, width), picture and background (height, width, 3) in;
logits (n, n_classes) out."""

PixelsMasked = Callable[
    [NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32]], NDArray[np.float64]
]
"""Pixels shown (n, height, width, 3), picture (height, width, 3), and background (1, height, width,
3) for all or (n, height, width, 3) for each in; logits (n, n_classes) out."""

_graphs: WeakKeyDictionary[keras.Model, dict[str, Any]] = WeakKeyDictionary()
_compiled: WeakKeyDictionary[keras.Model, dict[str, tuple[str, Any]]] = WeakKeyDictionary()


def masked_forward(model: keras.Model, back_end: str = "tensorflow") -> Masked:
    """Return a function that masks a picture by regions and asks the model, all in one graph.

    Chapter ``05_kernel_shap``. It is compiled at its first call for a model, and kept as long as
    the model: another picture, other regions or another number of coalitions compile nothing. A
    network that `insectlib.explain.local_network` takes apart is asked about fewer pictures, where
    `insectlib.explain.logits_by_patchwork` finds that enough of them can be saved.

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
    _check_back_end(model, back_end)
    if isinstance(model, keras.Model):
        return _by_regions(model, back_end)

    def forward(
        coalitions: NDArray[np.float32],
        regions: NDArray[np.int32],
        image: NDArray[np.float32],
        background: NDArray[np.float32],
    ) -> NDArray[np.float64]:
        return _ask_other(
            model, lambda i, j: mask_image(coalitions[i:j], regions, image, background), coalitions
        )

    return forward


def pixel_forward(model: keras.Model, back_end: str = "tensorflow") -> PixelsMasked:
    """Return a function that masks a picture pixel by pixel and asks the model, all in one graph.

    Chapter ``08_partition_shap``. What crosses is a byte for each pixel and channel, a quarter of
    the picture. Compiled and kept as `masked_forward` is.

    Parameters
    ----------
    model : keras.Model
        As for `masked_forward`.
    back_end : str
        As for `masked_forward`.

    Returns
    -------
    callable
        Takes what is shown, bool (n, height, width, 3), the picture, float32 (height, width, 3),
        and the background, float32 (1, height, width, 3), or (n, height, width, 3) where each
        coalition has its own; returns logits, float64 (n, n_classes).

    Raises
    ------
    ValueError
        As `masked_forward`.
    ModuleNotFoundError
        As `masked_forward`.
    """
    _check_back_end(model, back_end)
    if isinstance(model, keras.Model):
        ask = _in_steps(model, "pixels", back_end)
        return lambda *asked: ask(*asked).astype(np.float64)

    def forward(
        shown: NDArray[np.bool_], image: NDArray[np.float32], background: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        grounds = np.broadcast_to(background, shown.shape)
        return _ask_other(model, lambda i, j: np.where(shown[i:j], image, grounds[i:j]), shown)

    return forward


def _by_regions(model: keras.Model, back_end: str) -> Masked:
    """Return a function that asks for few pictures where windows allow, and for all elsewhere."""
    try:
        trunk, network = local_network(model)
    except ValueError:
        ask = _in_steps(model, "regions", back_end)
        return lambda *asked: ask(*asked).astype(np.float64)

    def forward(coalitions: NDArray[np.float32], *scene: NDArray[Any]) -> NDArray[np.float64]:
        # at every call, for the part behind the trunk has today's weights as well
        ask_trunk = _in_steps(trunk, "regions", back_end)
        logits = []
        for start in range(0, len(coalitions), BLOCK):
            some = coalitions[start : start + BLOCK]
            found = logits_by_patchwork(lambda few: ask_trunk(few, *scene), network, some, scene[0])
            if found is None and len(some) <= BATCH:  # not worth to compile the whole as well
                found = network.logits(ask_trunk(some, *scene))
            if found is None:
                found = _in_steps(model, "regions", back_end)(some, *scene)
            logits.append(found)
        return np.concatenate(logits).astype(np.float64)

    return forward


def _check_back_end(model: Any, back_end: str) -> None:
    """Refuse a back end that is not known, or that does not take this model."""
    if back_end not in BACK_ENDS:
        raise ValueError(f"back_end is {back_end!r}; expected one of {', '.join(BACK_ENDS)}")
    if back_end != "tensorflow" and not isinstance(model, keras.Model):
        raise ValueError(f"back_end {back_end!r} takes Keras models only, not {type(model)}")
    if back_end == "openvino" and importlib.util.find_spec("openvino") is None:
        raise ModuleNotFoundError(
            "back_end 'openvino' needs the package openvino: pip install openvino, or leave "
            "back_end as it is"
        )


def _ask_other(
    model: Any, pictures: Callable[[int, int], NDArray[np.float32]], rows: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the logits of a model that is no Keras model, such as one of Flax or PyTorch."""
    steps = [
        np.asarray(model.predict_on_batch(pictures(i, i + BATCH)), dtype=np.float64)
        for i in range(0, len(rows), BATCH)
    ]
    return np.concatenate(steps)


def unlike(rows: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the coalitions that differ, so that none is evaluated twice.

    Parameters
    ----------
    rows : bool array, shape (n, k)

    Returns
    -------
    first : int64 array, shape (m,)
        Where each different row stands first.
    place : int64 array, shape (n,)
        Which of those each row is.
    """
    # by their bytes, for np.unique is slow with rows of many thousand pixels
    found: dict[bytes, int] = {}
    first: list[int] = []
    place = np.empty(len(rows), dtype=np.int64)
    for i, row in enumerate(np.packbits(rows, axis=1)):
        place[i] = found.setdefault(row.tobytes(), len(found))
        if len(found) > len(first):
            first.append(i)
    return np.array(first, dtype=np.int64), place


def _in_steps(model: keras.Model, by: str, back_end: str) -> Callable[..., NDArray[np.float32]]:
    """Return a function that takes its first argument to the network a few rows at a time."""
    if back_end == "openvino":
        return _with_openvino(model, by)
    graph = _graph(model, by)

    def forward(rows: NDArray[Any], *scene: NDArray[Any]) -> NDArray[np.float32]:
        *fixed, background = scene
        kept = [tf.constant(part) for part in fixed]
        # a background for each row is cut as the rows are
        common = None if _one_each(background) else tf.constant(background)

        def step(part: slice) -> NDArray[np.float32]:
            ground = tf.constant(background[part]) if common is None else common
            return np.asarray(graph(tf.constant(rows[part]), *kept, ground))

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return np.concatenate(list(pool.map(step, _steps(len(rows)))))

    return forward


def _steps(n: int) -> list[slice]:
    """Cut `n` rows into steps of equal length, so that none waits for another at the end."""
    n_steps = max(min(SIDE_BY_SIDE * -(-n // BATCH), n), 1)
    ends = [n * i // n_steps for i in range(n_steps + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


def _one_each(background: NDArray[np.float32]) -> bool:
    """Tell whether each coalition has a background of its own."""
    return background.ndim == 4 and len(background) > 1


def _graph(model: keras.Model, by: str = "regions", *, fused: bool = True) -> Any:
    """Return the compiled function of `model`; the second call for a model returns the same."""
    graphs = _graphs.setdefault(model, {})
    name = f"{by} {fused}"
    if name not in graphs:
        # a strong reference in its own function would keep the model for ever
        reference = ref(model)
        size = model.input_shape[1:]

        def by_pixels(shown: tf.Tensor, image: tf.Tensor, background: tf.Tensor) -> tf.Tensor:
            network = reference()
            assert network is not None, "it is traced while the model is there"
            if fused:
                pictures = _put_together(_filled_up(shown), image, _filled_up(background))
                pictures = tf.ensure_shape(pictures[: tf.shape(shown)[0]], (None, *size))
            else:  # exact, for one of the two is nothing; OpenVINO is slow at choosing
                present = tf.cast(shown, tf.float32)
                pictures = present * image + (1 - present) * background
            return network(pictures, training=False)

        def by_regions(
            coalitions: tf.Tensor, regions: tf.Tensor, image: tf.Tensor, background: tf.Tensor
        ) -> tf.Tensor:
            if not fused:
                shown = tf.gather(coalitions, regions, axis=1)[..., None]
                return by_pixels(shown, image, background)
            # region by region all coalitions at once: TensorFlow is slow along the last axis
            present = tf.transpose(coalitions > 0.5)
            shown = tf.transpose(tf.gather(present, tf.reshape(regions, [-1])))
            return by_pixels(tf.reshape(shown, (-1, *size[:2], 1)), image, background[None])

        picture = tf.TensorSpec(size, tf.float32, "image")
        if by == "regions":
            signature = [
                tf.TensorSpec((None, None), tf.float32, "coalitions"),
                tf.TensorSpec(size[:2], tf.int32, "regions"),
                picture,
                tf.TensorSpec(size, tf.float32, "background"),
            ]
        else:
            signature = [
                tf.TensorSpec((None, *size), tf.bool, "shown"),
                picture,
                tf.TensorSpec((None, *size), tf.float32, "background"),
            ]
        masked = by_regions if by == "regions" else by_pixels
        graphs[name] = tf.function(masked, input_signature=signature)
    return graphs[name]


_put_together = tf.function(tf.where, jit_compile=True)
"""Masks in one pass over the pixels: without XLA, that takes four to seven times as long."""


def _filled_up(rows: tf.Tensor) -> tf.Tensor:
    """Return one row as it is, and more of them as a full step: XLA compiles for every length."""
    n = tf.shape(rows)[0]
    missing = tf.where(n > 1, STEP - n, 0)
    return tf.pad(rows, [[0, missing], *[[0, 0]] * (rows.shape.rank - 1)])


def _with_openvino(model: keras.Model, by: str) -> Callable[..., NDArray[np.float32]]:
    """Return the same on OpenVINO, in single precision, two steps side by side."""
    compiled = _openvino_model(model, by)
    # by name, for a saved model forgets the order
    first, *others = [spec.name for spec in _graph(model, by, fused=False).input_signature]

    def forward(rows: NDArray[Any], *scene: NDArray[Any]) -> NDArray[np.float32]:
        from openvino import AsyncInferQueue

        logits: dict[int, NDArray[np.float32]] = {}

        def keep(request: openvino.InferRequest, start: int) -> None:
            logits[start] = request.get_output_tensor(0).data.copy()

        queue = AsyncInferQueue(compiled)
        queue.set_callback(keep)
        fixed = dict(zip(others, scene, strict=True))
        for part in _steps(len(rows)):
            if _one_each(scene[-1]):
                fixed["background"] = scene[-1][part]
            queue.start_async({first: rows[part], **fixed}, part.start)
        queue.wait_all()
        return np.concatenate([logits[start] for start in sorted(logits)])

    return forward


def _openvino_model(model: keras.Model, by: str) -> openvino.CompiledModel:
    """Return the compiled network; it is compiled again when the weights have changed."""
    import openvino

    # its graph holds copies of the weights, TensorFlow's holds the weights themselves
    digest = hashlib.sha256()  # which processors have instructions for
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight).data)
    compiled = _compiled.setdefault(model, {})
    if by not in compiled or compiled[by][0] != digest.hexdigest():
        # read from a file, for openvino.convert_model would report its use to its makers
        module, graph = tf.Module(), _graph(model, by, fused=False)
        module.masked, module.weights = graph, [weight.value for weight in model.weights]
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "THROUGHPUT",
            "ENABLE_CPU_PINNING": False,  # a pinned thread waits for whoever else has its core
        }
        with TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, signatures=graph.get_concrete_function())
            network = openvino.Core().compile_model(folder, "CPU", settings)
        compiled[by] = digest.hexdigest(), network
    return compiled[by][1]
