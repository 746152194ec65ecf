"""Trained networks that are kept in the cache and loaded the next time (chapter ``02_cnn``).

    models/KEY/network.keras    the network, in Keras's format; loaded in safe mode only
    models/KEY/record.json      history, seconds, best epoch, and the settings for readers

The key is the SHA-256 of all that decides what training gives: another seed, picture or setting is
another key.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from insectlib.data.cache import cached
from insectlib.data.digests import settings_digest
from insectlib.models.networks import without_augmentation

History = dict[str, list[float]]


@dataclass(frozen=True)
class Trained:
    """A trained network and how it came about.

    Parameters
    ----------
    model : keras.Model
        Ends in logits. Its weights are those of `best_epoch`.
    history : dict of str to list of float
        One value for each epoch under ``loss`` and ``accuracy``, and under ``val_loss`` and
        ``val_accuracy`` where there was a validation part.
    seconds : float
        What the training took, on the machine that did it.
    key : str
        The SHA-256 under which it is kept, 64 hexadecimal digits.
    from_cache : bool
        Whether it was loaded instead of trained.
    best_epoch : int
        The epoch, counted from 1, whose weights `model` has.
    """

    model: keras.Model
    history: History
    seconds: float
    key: str
    from_cache: bool
    best_epoch: int

    @property
    def epochs(self) -> int:
        """Number of epochs trained."""
        return len(self.history["loss"])


def cached_network(settings: dict[str, Any], make: Callable[[str], Trained]) -> Trained:
    """Return the network of these settings; train and keep it where there is none.

    Parameters
    ----------
    settings : dict of str to object
        All that decides what training gives, as JSON can write it. The versions of Keras and
        TensorFlow are added here.
    make : callable
        Called with the key; trains, and returns the network. Only one process at a time does so.

    Returns
    -------
    Trained
        Without augmentation.

    Warns
    -----
    UserWarning
        When a kept network is damaged, which is then trained anew, or when it cannot be kept.
    """
    settings = {**settings, "keras": keras.version(), "tensorflow": tf.__version__}
    key = settings_digest(settings)

    def write(folder: Path, trained: Trained) -> None:
        # without the optimiser, which takes twice the room of the weights
        trained.model.save(folder / "network.keras", include_optimizer=False)
        record = {
            "history": trained.history,
            "seconds": trained.seconds,
            "best_epoch": trained.best_epoch,
            "settings": settings,
        }
        (folder / "record.json").write_text(json.dumps(record, indent=1), encoding="utf-8")

    def read(folder: Path) -> Trained:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        return Trained(
            model=keras.saving.load_model(folder / "network.keras", compile=False, safe_mode=True),
            history={name: [float(v) for v in row] for name, row in record["history"].items()},
            seconds=float(record["seconds"]),
            key=key,
            from_cache=True,
            best_epoch=int(record["best_epoch"]),
        )

    def bare() -> Trained:
        trained = make(key)
        return replace(trained, model=without_augmentation(trained.model))

    return cached("models", key, bare, write=write, read=read)
