"""Train a network once, keep it, and load it the next time (chapter ``02_cnn``).

A training that has not ended lies below ``cache_dir("models")`` as ``KEY.partial/``: it goes on
from its last whole epoch. What has ended is kept by `insectlib.models.kept`.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from insectlib.data.cache import cache_path, set_aside, warn_unwritable, write_whole
from insectlib.data.digests import file_digest, settings_digest
from insectlib.data.imageset import ImageSet
from insectlib.models.building import Build, build_network, check_keeping, check_settings
from insectlib.models.digests import imageset_digest, network_digest
from insectlib.models.kept import History, Trained, cached_network
from insectlib.models.seeds import random_states

VERSION = 2
"""Raised whenever the same settings lead to another network, so that no older one is loaded."""


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
    last whole epoch, as if it had not been interrupted. Augmentation is taken out of the network
    that is returned, see `insectlib.models.without_augmentation`.

    Parameters
    ----------
    build : callable
        Called as ``build(size, n_classes, seed=seed)``; returns a network that takes pictures in
        [0, 255] and ends in logits, such as `insectlib.models.small_cnn`.
    training : ImageSet
        Square pictures, of two classes or more.
    validation : ImageSet, optional
        Loss and accuracy are measured on it after every epoch; it is never trained on.
    epochs : int
        Largest number of passes over `training`.
    seed : int
        Seeds the network and the order of the pictures.
    batch_size : int
        Number of pictures in a step of Adam.
    patience : int, optional
        Stop after so many epochs without a lower validation loss, and take the weights of the
        epoch with the lowest. Without it every epoch is trained and the last weights are taken.
    learning_rate : float
        Learning rate of Adam.
    progress : bool
        Whether to show a bar on the error stream.

    Returns
    -------
    Trained
        The network with its history.

    Raises
    ------
    TypeError
        When `build` returns no Keras model.
    ValueError
        Before anything is trained: when the pictures are unfit, the settings contradict each other,
        or the network has other outputs than logits or cannot be kept. In training: when the loss
        is no number any more.

    Warns
    -----
    UserWarning
        When a kept network or checkpoint is damaged; the network is then trained anew.
    """
    check_settings(training, validation, epochs, batch_size, patience)
    model = build_network(build, training, seed=seed)
    try:
        digest = network_digest(model)
    except (NotImplementedError, TypeError, ValueError):
        check_keeping(model, training.images)  # says why
        raise
    settings = {
        "version": VERSION,
        "network": digest,
        "training": imageset_digest(training),
        "validation": None if validation is None else imageset_digest(validation),
        "epochs": epochs,
        "seed": seed,
        "batch_size": batch_size,
        "patience": patience,
        "learning_rate": learning_rate,
    }

    def make(key: str) -> Trained:
        check_keeping(model, training.images)
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        run = _Run(model, cache_path("models", f"{key}.partial"), epochs, patience)
        run.resume()
        if not run.finished:
            _fit(run, training, validation, batch_size, seed, progress)
        run.take_best()
        return Trained(model, run.history, run.seconds, key, False, run.best_epoch)

    trained = cached_network(settings, make)
    if os.path.lexists(cache_path("models", trained.key)):  # only now, when the network is kept
        shutil.rmtree(cache_path("models", f"{trained.key}.partial"), ignore_errors=True)
    return trained


def _fit(
    run: _Run,
    training: ImageSet,
    validation: ImageSet | None,
    batch_size: int,
    seed: int,
    progress: bool,
) -> None:
    """Train from the epoch where `run` stands to its end."""
    with tqdm(
        desc=run.model.name,
        total=run.epochs,
        initial=run.epoch,
        unit="epoch",
        disable=not progress,
    ) as bar:

        def end_epoch(_: int, logs: dict[str, float]) -> None:
            run.end_epoch(logs)
            bar.set_postfix({name: f"{value:.3f}" for name, value in logs.items()})
            bar.update()

        run.start()
        run.model.fit(
            shuffled_batches(
                training.images,
                training.labels,
                batch_size,
                epochs=range(run.epoch, run.epochs),
                seed=seed,
            ),
            steps_per_epoch=-(-len(training) // batch_size),
            validation_data=None if validation is None else validation.dataset(batch_size),
            initial_epoch=run.epoch,
            epochs=run.epochs,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=end_epoch)],
            shuffle=False,  # the batches are in random order already
            verbose=0,
        )


class _Run:
    """A training in progress, kept on disk after every epoch where that can be written to.

    Keras's ``BackupAndRestore`` and ``EarlyStopping`` do not serve here. The first keeps weights
    and optimiser, but not how far dropout and augmentation have drawn, so they would draw the same
    again; the second holds the best weights and the patience in memory, where a kill ends them.
    """

    def __init__(self, model: keras.Model, folder: Path, epochs: int, patience: int | None) -> None:
        self.model = model
        self.folder = folder
        self.epochs = epochs
        self.patience = patience
        self.history: History = {}
        self.seconds = 0.0
        self._tick = 0.0
        self._digests: dict[int, str] = {}
        self._best: list[NDArray[np.float32]] = []  # weights, once there is a better epoch

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history.get("loss", []))

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, whose weights are taken."""
        return best_epoch(self.history, self.patience)

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
        if not np.isfinite(logs["loss"]):
            rate = float(self.model.optimizer.learning_rate)
            raise ValueError(
                f"the training loss of epoch {self.epoch} is {logs['loss']}: lower learning_rate, "
                f"which is {rate:g}, or look for values that are too large in the network"
            )
        if self.best_epoch == self.epoch:
            self._best = self.model.get_weights() if self.patience else []
        try:
            self._keep()
        except Exception as error:  # full, read-only: the training needs no file to go on
            warn_unwritable(self.folder.parent, error)
        self.model.stop_training = self.finished

    def _keep(self) -> None:
        """Write down all that is needed to go on from here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._weights(self.epoch), self._save_weights)
        self._digests[self.epoch] = file_digest(self._weights(self.epoch))
        state = {
            "history": self.history,
            "seconds": self.seconds,
            "random": [np.asarray(state).tolist() for state in random_states(self.model)],
            "sha256": {str(n): self._digests[n] for n in {self.epoch, self.best_epoch}},
        }
        text = json.dumps(state)
        record = json.dumps({"state": text, "sha256": settings_digest(text)})
        # until this is written, the training goes on from the epoch before
        write_whole(self.folder / "state.json", lambda path: path.write_text(record))
        for path in self.folder.glob("*.npz"):
            if path not in {self._weights(self.epoch), self._weights(self.best_epoch)}:
                path.unlink(missing_ok=True)

    def resume(self) -> None:
        """Take up a training that was cut off, if there is one and it is sound."""
        try:
            kept = (self.folder / "state.json").read_bytes()
        except OSError:
            return
        try:
            record = json.loads(kept)
            if settings_digest(record["state"]) != record["sha256"]:
                raise ValueError("state.json has another SHA-256 than was written")
            state = json.loads(record["state"])
            for epoch, expected in state["sha256"].items():
                if file_digest(self._weights(int(epoch))) != expected:
                    raise ValueError(f"epoch {epoch} has another SHA-256 than was written")
        except Exception as error:  # whatever a file that is not as it was written leads to
            warnings.warn(f"the checkpoint {self.folder} is damaged: {error}", stacklevel=3)
            set_aside(self.folder)
            return
        self.history, self.seconds = state["history"], state["seconds"]
        self._digests = {int(epoch): digest for epoch, digest in state["sha256"].items()}
        self.model.optimizer.build(self.model.trainable_variables)
        if self.best_epoch != self.epoch:
            self._load_weights(self.best_epoch)
            self._best = self.model.get_weights()
        self._load_weights(self.epoch)
        for variable, value in zip(random_states(self.model), state["random"], strict=True):
            variable.assign(value)

    def take_best(self) -> None:
        """Give the model the weights of the best epoch."""
        if self.best_epoch != self.epoch:
            self.model.set_weights(self._best)

    def _weights(self, epoch: int) -> Path:
        return self.folder / f"{epoch}.npz"

    def _save_weights(self, path: Path) -> None:
        # not as Keras does, in HDF5: its library ends the interpreter where a disk is full
        values = map(np.asarray, (*self.model.weights, *self.model.optimizer.variables))
        # bfloat16 is none of NumPy's own types; as float32 its values are the same
        np.savez(path, *(v if v.dtype.isbuiltin else v.astype(np.float32) for v in values))

    def _load_weights(self, epoch: int) -> None:
        variables = [*self.model.weights, *self.model.optimizer.variables]
        with np.load(self._weights(epoch), allow_pickle=False) as arrays:
            for variable, name in zip(variables, arrays.files, strict=True):
                variable.assign(arrays[name])


def best_epoch(history: History, patience: int | None) -> int:
    """Return the epoch, counted from 1, whose weights are taken.

    Parameters
    ----------
    history : dict of str to list of float
        With ``loss``, and with ``val_loss`` where there is a patience.
    patience : int or None
        Without one, the last epoch is taken; else the first with the lowest validation loss, a
        loss that is no number being none.
    """
    if patience is None:
        return len(history["loss"])
    losses = np.array(history["val_loss"])
    return 1 + int(np.argmin(np.where(np.isnan(losses), np.inf, losses)))


def shuffled_batches(
    inputs: NDArray[np.float32],
    labels: NDArray[np.int64],
    batch_size: int,
    *,
    epochs: range,
    seed: int,
) -> tf.data.Dataset:
    """Return inputs and labels in batches, epoch after epoch, in another order each time.

    Parameters
    ----------
    inputs : float32 array, shape (n, ...)
        Such as pictures or features.
    labels : int64 array, shape (n,)
        Class indices.
    batch_size : int
        Inputs in a batch; the last of an epoch may have fewer.
    epochs : range
        Numbers of the epochs, from 0.
    seed : int
        The order depends on this, on the number of the epoch and on nothing else.

    Returns
    -------
    tf.data.Dataset
        Each element is a pair of inputs (batch, ...) and labels (batch,).
    """
    # TensorFlow's own shuffling depends on its global seed too, and begins anew when it is resumed
    orders = np.stack([np.random.default_rng([seed, e]).permutation(len(inputs)) for e in epochs])
    all_inputs, all_labels = tf.constant(inputs), tf.constant(labels)
    numbers = tf.data.Dataset.from_tensor_slices(orders).flat_map(
        lambda order: tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
    )
    batches = numbers.map(
        lambda i: (tf.gather(all_inputs, i), tf.gather(all_labels, i)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return batches.prefetch(tf.data.AUTOTUNE)
