"""Train a network once, keep it, and load it the next time (chapter ``02_cnn``).

A training that has not ended lies below ``cache_dir("models")`` as ``KEY.partial/``: it goes on
from its last whole epoch. What has ended is kept by `insectlib.models.kept`.
"""

from __future__ import annotations

import json
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from insectlib.data.cache import cache_dir, write_whole
from insectlib.data.digests import file_digest, settings_digest
from insectlib.data.imageset import ImageSet
from insectlib.models.digests import imageset_digest, network_digest
from insectlib.models.inference import check_images
from insectlib.models.kept import History, Trained, keep_network, load_network

Build = Callable[..., keras.Model]


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
        "network": network_digest(model),
        "training": imageset_digest(training),
        "validation": None if validation is None else imageset_digest(validation),
        "epochs": epochs,
        "seed": seed,
        "batch_size": batch_size,
        "patience": patience,
        "learning_rate": learning_rate,
        "keras": keras.version(),
        "tensorflow": tf.__version__,
    }
    key = settings_digest(settings)
    kept = load_network(key)
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
    made = keep_network(
        key,
        run.model,
        history=run.history,
        seconds=run.seconds,
        best_epoch=run.best_epoch,
        settings=settings,
    )
    shutil.rmtree(run.folder, ignore_errors=True)
    return made


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
