"""Train a network once, keep it, and load it the next time (chapter ``02_cnn``).

A trained network is kept below ``cache_dir("models")`` under a key: the SHA-256 of all that
decides what training gives (architecture with its seeds, settings, every pixel and label, versions
of Keras and TensorFlow). Another seed, picture or setting is another key, so a stale network is
never taken for the one asked for.

    KEY.keras      the network, in Keras' own format; loaded in safe mode only
    KEY.json       written last: history, settings, and the SHA-256 of KEY.keras
    KEY.partial/   a training that has not ended: it goes on from its last whole epoch
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from insectlib.data.cache import cache_dir
from insectlib.data.imageset import ImageSet
from insectlib.models.inference import check_images, without_augmentation

Build = Callable[..., keras.Model]
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
    from_store : bool
        Whether it was loaded instead of trained.
    best_epoch : int
        The epoch, counted from 1, whose weights `model` has.
    """

    model: keras.Model
    history: History
    seconds: float
    key: str
    from_store: bool
    best_epoch: int

    @property
    def epochs(self) -> int:
        """Number of epochs trained."""
        return len(self.history["loss"])


def train(
    build: Build,
    training: ImageSet,
    validation: ImageSet | None,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 32,
    patience: int | None = None,
    learning_rate: float = 1e-3,
    progress: bool = True,
) -> Trained:
    """Train the network that `build` makes, or load it if this very training was done before.

    Chapter ``02_cnn``. Adam minimises the cross-entropy. An interrupted training goes on from its
    last whole epoch. What comes back is for use: its augmentation is taken out, see
    `insectlib.models.without_augmentation`.

    Parameters
    ----------
    build : callable
        Called as ``build(size, n_classes, seed=seed)``; returns a network that takes pictures in
        [0, 255] and ends in logits, such as `insectlib.models.small_cnn`.
    training : ImageSet
        Square pictures.
    validation : ImageSet, optional
        Measured after every epoch; never trained on.
    epochs : int
        At most so many passes over `training`.
    seed : int
        Of the network and of the order of the pictures.
    batch_size : int
        Pictures per step.
    patience : int, optional
        Stop after so many epochs without a lower validation loss, and take the weights of the
        epoch with the lowest. Without it every epoch is trained and the last weights are taken.
    learning_rate : float
        Of Adam.
    progress : bool
        Whether to show a bar on the error stream.

    Returns
    -------
    Trained
        The network with its history.

    Raises
    ------
    ValueError
        When the pictures are unfit or the settings contradict each other.

    Warns
    -----
    UserWarning
        When a kept network or checkpoint is damaged; the network is then trained anew.
    """
    size = _checked_size(training, validation, epochs, patience)
    model = build(size, len(training.class_names), seed=seed)
    settings = {
        "network": _canonical(json.loads(model.to_json()), {}),
        "training": part_digest(training),
        "validation": None if validation is None else part_digest(validation),
        "epochs": epochs,
        "seed": seed,
        "batch_size": batch_size,
        "patience": patience,
        "learning_rate": learning_rate,
        "keras": keras.version(),
        "tensorflow": tf.__version__,
    }
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    kept = load(key)
    if kept is not None:
        return kept

    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    run = _Run(model, cache_dir("models") / f"{key}.partial", epochs, patience)
    run.resume()
    if not run.finished:
        with tqdm(
            desc=model.name, total=epochs, initial=run.epoch, unit="epoch", disable=not progress
        ) as bar:

            def end_epoch(_: int, logs: dict[str, float]) -> None:
                run.end_epoch(logs)
                bar.set_postfix({name: f"{value:.3f}" for name, value in logs.items()})
                bar.update()

            run.start()
            model.fit(
                # another order when it goes on, not the first epochs' once more
                training.dataset(batch_size, shuffle=True, seed=seed + run.epoch),
                validation_data=None if validation is None else validation.dataset(batch_size),
                initial_epoch=run.epoch,
                epochs=epochs,
                callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=end_epoch)],
                shuffle=False,  # the part shuffles itself
                verbose=0,
            )
    run.take_best()
    made = keep(
        key,
        run.model,
        history=run.history,
        seconds=run.seconds,
        best_epoch=run.best_epoch,
        settings=settings,
    )
    shutil.rmtree(run.folder, ignore_errors=True)
    return made


def load(key: str) -> Trained | None:
    """Return the network kept under `key`, or None where there is none that is sound.

    Parameters
    ----------
    key : str
        `Trained.key` of an earlier training.

    Returns
    -------
    Trained or None
        With `from_store` set.

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
            from_store=True,
            best_epoch=int(record["best_epoch"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        warnings.warn(f"the kept network {path} is damaged: {error}", stacklevel=2)
        return None


class _Run:
    """A training in progress, kept on disk after every epoch."""

    def __init__(self, model: keras.Model, folder: Path, epochs: int, patience: int | None) -> None:
        self.model = model
        self.folder = folder
        self.epochs = epochs
        self.patience = patience
        self.history: History = {}
        self.seconds = 0.0
        self._tick = 0.0
        self._digests: dict[int, str] = {}

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history.get("loss", []))

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, whose weights are taken."""
        if self.patience is None:
            return self.epoch
        return 1 + int(np.argmin(self.history["val_loss"]))

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        if self.patience is None or self.epoch == 0:
            return self.epoch >= self.epochs
        return self.epoch >= self.epochs or self.epoch - self.best_epoch >= self.patience

    def start(self) -> None:
        """Start the clock."""
        self._tick = time.perf_counter()

    def end_epoch(self, logs: dict[str, float]) -> None:
        """Write down an epoch that has ended, and stop if it was the last."""
        now = time.perf_counter()
        self.seconds += now - self._tick
        self._tick = now
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._weights(self.epoch), self.model.save_weights)
        self._digests[self.epoch] = file_digest(self._weights(self.epoch))
        state = {
            "history": self.history,
            "seconds": self.seconds,
            "sha256": {epoch: self._digests[epoch] for epoch in {self.epoch, self.best_epoch}},
        }
        # until this is written, the training goes on from the epoch before
        write_whole(self.folder / "state.json", lambda path: path.write_text(json.dumps(state)))
        for path in self.folder.glob("*.weights.h5"):
            if path not in {self._weights(self.epoch), self._weights(self.best_epoch)}:
                path.unlink(missing_ok=True)
        self.model.stop_training = self.finished

    def resume(self) -> None:
        """Take up a training that was cut off, if there is one and it is sound."""
        path = self.folder / "state.json"
        if not path.exists():
            return
        try:
            state = json.loads(path.read_text())
            for epoch, expected in state["sha256"].items():
                if file_digest(self._weights(int(epoch))) != expected:
                    raise ValueError(f"epoch {epoch} has another SHA-256 than was written")
            history, seconds = dict(state["history"]), float(state["seconds"])
            digests = {int(epoch): str(digest) for epoch, digest in state["sha256"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            warnings.warn(f"the checkpoint {self.folder} is damaged: {error}", stacklevel=3)
            return
        self.history, self.seconds, self._digests = history, seconds, digests
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.load_weights(self._weights(self.epoch))

    def take_best(self) -> None:
        """Give the model the weights of the best epoch."""
        if self.best_epoch != self.epoch:
            self.model.load_weights(self._weights(self.best_epoch))

    def _weights(self, epoch: int) -> Path:
        return self.folder / f"{epoch}.weights.h5"


def _checked_size(
    training: ImageSet, validation: ImageSet | None, epochs: int, patience: int | None
) -> int:
    """Return the side of the pictures, or say what is wrong with what `train` was given."""
    height, width = training.images.shape[1:3]
    if height != width:
        raise ValueError(f"training has pictures of {height}x{width} pixels; expected square ones")
    if len(np.unique(training.labels)) < 2:
        raise ValueError("training shows one class only; expected two or more to tell apart")
    check_images(training.images)
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; expected at least 1")
    if validation is None:
        if patience is not None:
            raise ValueError("patience watches the validation loss: pass a validation part too")
    else:
        check_images(validation.images, training.images.shape[1:])
        if validation.class_names != training.class_names:
            raise ValueError(
                f"validation has the classes {validation.class_names}; expected those of "
                f"training, {training.class_names}"
            )
    return int(height)


def _canonical(value: Any, names: dict[str, str], field: str = "") -> Any:
    """Return a network's configuration without what differs from session to session.

    Keras counts layers up while a session lasts (``dense``, ``dense_1``...) and notes addresses of
    shared objects. Names become numbers in order of appearance.
    """
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k != "shared_object_id"}
        return {k: _canonical(v, names, k) for k, v in kept.items()}
    if isinstance(value, list):
        return [_canonical(v, names) for v in value]
    if isinstance(value, str):
        if field == "name":
            names.setdefault(value, f"#{len(names)}")
        return names.get(value, value)
    return value


def part_digest(part: ImageSet) -> str:
    """Return the SHA-256 of the pixels and labels, 64 hexadecimal digits."""
    digest = hashlib.sha256(json.dumps([part.images.shape, part.class_names]).encode())
    digest.update(np.ascontiguousarray(part.images, dtype=np.float32).data)
    digest.update(np.ascontiguousarray(part.labels, dtype=np.int64).data)
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _paths(key: str) -> tuple[Path, Path]:
    return cache_dir("models") / f"{key}.keras", cache_dir("models") / f"{key}.json"


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under another name first, so that `path` is never half written."""
    # Keras reads the kind of file off the end of its name, so that stays
    temporary = path.with_name(f"writing-{os.getpid()}-{path.name}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def keep(
    key: str,
    model: keras.Model,
    *,
    history: History,
    seconds: float,
    best_epoch: int,
    settings: dict[str, Any],
) -> Trained:
    """Put a trained network into the store, for `load` to find.

    Parameters
    ----------
    key : str
        Under which it is kept: the SHA-256 of all that decides what training gives.
    model : keras.Model
        Ends in logits; its augmentation is taken out.
    history, seconds, best_epoch
        As in `Trained`.
    settings : dict of str to object
        Written down beside the network, for readers; must fit into JSON.

    Returns
    -------
    Trained
        As it was read back from the store, with `from_store` not set.

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
    made = load(key)
    if made is None:
        raise OSError(f"what was written to {cache_dir('models')} cannot be read back")
    return replace(made, from_store=False)
