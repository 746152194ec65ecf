"""What is done with each picture of a collection, and how its record is laid out."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from insectlib import explain
from insectlib.data.digests import file_digest, settings_digest
from insectlib.explain.masking.segments import blurred, mean_colour, segment_values, superpixels
from insectlib.models.inference import Model

EXPLAINERS = ("kernel_shap", "lime_image", "occlusion", "partition_shap", "permutation_shap")
"""Those that compare with a baseline; each goes by its name in `insectlib.explain`."""

BATCH = 16
"""Pictures that are explained together, where a shard has as many."""

BASELINES = {"mean": mean_colour, "blur": blurred}


@dataclass(frozen=True)
class Job:
    """Everything that decides what a picture's record is, but the picture.

    Parameters
    ----------
    model : str
        A Keras file, absolute; or ``"package.module:function"``, a function from pictures to scores
        that every worker can import.
    explainer : str
        One of `EXPLAINERS`.
    n_segments : int
        Superpixels of a picture at most.
    baseline : str or list of float
        ``"mean"``, ``"blur"``, or one colour.
    target, output, seed
        As for every explainer; `target` None stands for all outputs.
    options : mapping
        What else the explainer takes, such as ``budget``.
    batch : int
        Pictures that are explained together. Which those are depends on their index alone, so that
        a run that was interrupted computes what an uninterrupted one does.
    """

    model: str
    explainer: str = "kernel_shap"
    n_segments: int = 50
    baseline: str | list[float] = "mean"
    target: int | str | list[int] | None = None
    output: str = "logits"
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    batch: int = BATCH

    def __post_init__(self) -> None:
        """Refuse what no worker could do."""
        if self.explainer not in EXPLAINERS:
            raise ValueError(
                f"explainer is {self.explainer!r}; expected one of {', '.join(EXPLAINERS)}"
            )
        if isinstance(self.baseline, str) and self.baseline not in BASELINES:
            raise ValueError(
                f"baseline is {self.baseline!r}; expected {', '.join(map(repr, BASELINES))} or a "
                "colour"
            )
        if self.n_segments < 1 or self.batch < 1:
            raise ValueError(
                f"n_segments is {self.n_segments} and batch {self.batch}; expected 1 or more"
            )
        known = inspect.signature(getattr(explain, self.explainer)).parameters
        for name in self.options:
            if name not in known or name in ("model", "images", "segments", "batch_size"):
                raise ValueError(f"{self.explainer} takes no option {name!r} for a collection")

    def settings(self) -> dict[str, Any]:
        """Return what the store keeps, and compares before it goes on: with digests, not paths."""
        kept = asdict(self)
        kept["model"] = _model_digest(self.model)
        return kept


def load_model(address: str) -> Model:
    """Load the model of a job, once in each process.

    Raises
    ------
    FileNotFoundError
        When there is no such Keras file.
    ValueError
        When the address names neither a Keras file nor an importable function.
    """
    return _loaded(address)


@lru_cache(maxsize=1)
def _loaded(address: str) -> Model:
    if address.endswith(".keras"):
        if not Path(address).is_file():
            raise FileNotFoundError(f"model {address} is not there; expected a .keras file")
        return keras.models.load_model(address, compile=False)
    module, _, name = address.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"model is {address!r}; expected a .keras file, or 'package.module:function' ({error})"
        ) from error


def _model_digest(address: str) -> str:
    """Return the SHA-256 of a Keras file, or of the source of the module that has the function."""
    if address.endswith(".keras"):
        return file_digest(Path(address))
    module = importlib.import_module(address.partition(":")[0])
    source = file_digest(Path(str(module.__file__)))
    return settings_digest([address, source])


def record_rows(job: Job) -> list[str]:
    """Name the rows of a record: the superpixels, then what belongs to the whole picture.

    A record has one column for each explained output. Superpixels that a picture has not are NaN.
    """
    regions = [f"superpixel {i}" for i in range(job.n_segments)]
    return [*regions, "base value", "output", "class"]


def cut(image: NDArray[np.float32], n_segments: int) -> NDArray[np.int64]:
    """Return the superpixels of a picture, `n_segments` at most."""
    for wanted in range(n_segments, 0, -1):
        segments = superpixels(image, n_segments=wanted)
        if segments.max() < n_segments:
            break
    return segments


def records(
    job: Job, images: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Explain pictures.

    Returns
    -------
    float64 array, shape (n, rows, k)
        See `record_rows`.
    int64 array, shape (n, side, side)
        The superpixels of each picture.
    int
        Evaluations of the model.
    """
    explainer = getattr(explain, job.explainer)
    segments = np.stack([cut(image, job.n_segments) for image in images])
    takes_segments = "segments" in inspect.signature(explainer).parameters
    found = explainer(
        load_model(job.model),
        images,
        np.stack([_baseline(job, image) for image in images]),
        target=job.target,
        output=job.output,
        seed=job.seed,
        **({"segments": segments} if takes_segments else {}),
        **job.options,
    )
    table = np.full((len(images), job.n_segments + 3, found.outputs.shape[1]), np.nan)
    for i, (values, regions) in enumerate(zip(found.values, segments, strict=True)):
        table[i, : regions.max() + 1] = segment_values(values, regions)
    table[:, -3], table[:, -2], table[:, -1] = found.base_values, found.outputs, found.classes
    return table, segments, found.evaluations


def _baseline(job: Job, image: NDArray[np.float32]) -> NDArray[np.float32]:
    if isinstance(job.baseline, str):
        return BASELINES[job.baseline](image)
    return np.broadcast_to(np.asarray(job.baseline, dtype=np.float32), image.shape)
