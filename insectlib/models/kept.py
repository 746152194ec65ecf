"""Trained networks that are kept on disk and loaded the next time (chapter ``02_cnn``).

They lie below ``cache_dir("models")``, each under its key, the SHA-256 of all that decides what
training gives: another seed, picture or setting is another key.

    KEY.keras      the network, in Keras's format; loaded in safe mode only
    KEY.json       written last: history, settings, and the SHA-256 of KEY.keras
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from insectlib.data.cache import cache_dir, write_whole
from insectlib.data.digests import file_digest
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


def load_network(key: str) -> Trained | None:
    """Return the network kept under `key`, or None where there is none that is sound.

    Parameters
    ----------
    key : str
        `Trained.key` of an earlier training.

    Returns
    -------
    Trained or None
        With `from_cache` set.

    Warns
    -----
    UserWarning
        When the network is there but damaged.
    """
    path, record_path = _paths(key)
    if not record_path.exists():
        return None
    try:
        record = json.loads(record_path.read_text())
        found = file_digest(path)
        if found != record["sha256"]:
            raise ValueError(f"its SHA-256 is {found}, but {record['sha256']} was written")
        return Trained(
            model=keras.saving.load_model(path, compile=False, safe_mode=True),
            history={name: [float(v) for v in row] for name, row in record["history"].items()},
            seconds=float(record["seconds"]),
            key=key,
            from_cache=True,
            best_epoch=int(record["best_epoch"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        warnings.warn(f"the kept network {path} is damaged: {error}", stacklevel=2)
        return None


def keep_network(
    key: str,
    model: keras.Model,
    *,
    history: History,
    seconds: float,
    best_epoch: int,
    settings: dict[str, Any],
) -> Trained:
    """Keep a trained network on disk, for `load_network` to find.

    Parameters
    ----------
    key : str
        Under which it is kept: the SHA-256 of all that decides what training gives.
    model : keras.Model
        Ends in logits; its augmentation is taken out.
    history : dict of str to list of float
        One value for each epoch.
    seconds : float
        What the training took.
    best_epoch : int
        The epoch, counted from 1, whose weights `model` has.
    settings : dict of str to object
        Written down beside the network, for readers; must fit into JSON.

    Returns
    -------
    Trained
        As it was read back, with `from_cache` not set.

    Raises
    ------
    OSError
        When it cannot be written, or not be read back.
    """
    path, record_path = _paths(key)
    # without the optimiser, which takes twice the room of the weights
    model = without_augmentation(model)
    write_whole(path, lambda temporary: model.save(temporary, include_optimizer=False))
    record = {
        "sha256": file_digest(path),
        "history": history,
        "seconds": seconds,
        "best_epoch": best_epoch,
        "settings": settings,
    }
    write_whole(record_path, lambda temporary: temporary.write_text(json.dumps(record, indent=1)))
    made = load_network(key)
    if made is None:
        raise OSError(f"what was written to {cache_dir('models')} cannot be read back")
    return replace(made, from_cache=False)


def _paths(key: str) -> tuple[Path, Path]:
    return cache_dir("models") / f"{key}.keras", cache_dir("models") / f"{key}.json"
