"""Training: kept once, loaded the next time, taken up after a break, never trusted when damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from insectlib.data.digests import file_digest, settings_digest
from insectlib.data.imageset import ImageSet
from insectlib.models import training
from insectlib.models.cnns import regularised_cnn, small_cnn
from insectlib.models.inference import probabilities
from insectlib.models.kept import Trained
from insectlib.models.training import best_epoch, shuffled_batches, train


@pytest.fixture
def colours() -> ImageSet:
    """Return 90 pictures of 8x8 pixels whose class is their colour, with noise."""
    random = np.random.default_rng(0)
    labels = np.arange(90) % 3
    images = random.uniform(0, 160, (90, 8, 8, 3)).astype(np.float32)
    images[np.arange(90), :, :, labels] += 95
    return ImageSet(
        images=images,
        labels=labels.astype(np.int64),
        class_names=("red", "green", "blue"),
        names=tuple(map(str, range(90))),
        digests=tuple(map(str, range(90))),
        groups=np.arange(90, dtype=np.int64),
    )


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let epochs pass without training, for tests of what is kept and not of what is learnt."""

    def fit(self: keras.Model, data: object, **settings: Any) -> None:
        for epoch in range(settings["initial_epoch"], settings["epochs"]):
            logs = {"loss": 1 / (epoch + 1), "accuracy": 0.5}
            if settings["validation_data"] is not None:
                logs |= {"val_loss": 1.0, "val_accuracy": 0.5}
            for callback in settings["callbacks"]:
                callback.on_epoch_end(epoch, logs)
            if self.stop_training:
                break

    monkeypatch.setattr(keras.Model, "fit", fit)


def killed_before_writing(settings: dict[str, Any], make: Callable[[str], Trained]) -> Trained:
    """Stand in for `cached_network`: the training ends, and its process before it is kept."""
    versions = {"keras": keras.version(), "tensorflow": tf.__version__}
    make(settings_digest({**settings, **versions}))
    raise KeyboardInterrupt


def leave_unfinished(part: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train, and be killed when all is learnt and nothing is kept."""
    with monkeypatch.context() as patch:
        patch.setattr(training, "cached_network", killed_before_writing)
        with pytest.raises(KeyboardInterrupt):
            quick(part)


def quick(part: ImageSet, validation: ImageSet | None = None, **settings: object) -> Trained:
    chosen = {"epochs": 2, "seed": 0, "progress": False} | settings
    return train(small_cnn, part, validation, **chosen)


def test_learns_and_tells(colours: ImageSet) -> None:
    half = np.arange(90)
    trained = quick(colours.subset(half[:60]), colours.subset(half[60:]), epochs=12)
    found = probabilities(trained.model, colours.images[60:]).argmax(axis=1)
    accuracy = (found == colours.labels[60:]).mean()
    assert accuracy > 0.9
    assert accuracy == pytest.approx(trained.history["val_accuracy"][-1])
    assert set(trained.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(type(v) is float for row in trained.history.values() for v in row)
    assert trained.epochs == trained.best_epoch == 12
    assert trained.history["loss"][-1] < trained.history["loss"][0]
    assert trained.seconds > 0


def test_is_loaded_the_next_time(colours: ImageSet, cache: Path) -> None:
    first, second = quick(colours), quick(colours)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert (first.key, first.history) == (second.key, second.history)
    for a, b in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [p.name for p in (cache / "models").iterdir() if p.name != ".locks"] == [first.key]


@pytest.mark.usefixtures("instant")
def test_every_setting_has_a_key_of_its_own(colours: ImageSet) -> None:
    labels = colours.labels.copy()
    labels[0] = 2
    images = colours.images.copy()
    images[5, 3, 3, 1] += 1
    trained = [
        quick(colours, epochs=1),
        quick(colours, epochs=2),
        quick(colours, epochs=1, seed=1),
        quick(colours, epochs=1, batch_size=16),
        quick(colours, epochs=1, learning_rate=1e-4),
        quick(colours, colours.subset(range(9)), epochs=1),
        quick(colours, colours.subset(range(9)), epochs=1, patience=1),
        quick(replace(colours, labels=labels), epochs=1),
        quick(replace(colours, images=images), epochs=1),
        train(regularised_cnn, colours, None, epochs=1, seed=0, progress=False),
    ]
    assert len({one.key for one in trained}) == len(trained)
    assert not any(one.from_cache for one in trained)


def unnamed(size: int, n_classes: int, *, seed: int) -> keras.Model:
    """Build a network with a branch; Keras numbers its layers from session to session."""
    picture = keras.Input((size, size, 3))
    flat = keras.layers.Flatten()(picture)
    start = keras.initializers.GlorotUniform(seed)
    one, other = (keras.layers.Dense(n_classes, kernel_initializer=start)(flat) for _ in "ab")
    return keras.Model(picture, keras.layers.Add()([one, other]))


@pytest.mark.usefixtures("instant")
def test_numbered_layer_names_do_not_change_the_key(colours: ImageSet) -> None:
    first = train(unnamed, colours, None, epochs=1, seed=0, progress=False)
    second = train(unnamed, colours, None, epochs=1, seed=0, progress=False)
    assert second.from_cache
    assert first.key == second.key


def test_early_stopping_takes_the_best_weights(colours: ImageSet) -> None:
    # labels of the validation part that cannot be learnt: its loss soon climbs
    wrong = replace(colours, labels=(colours.labels + 1) % 3)
    trained = quick(colours, wrong, epochs=30, patience=2, learning_rate=0.003)
    losses = trained.history["val_loss"]
    assert trained.best_epoch == 1 + int(np.argmin(losses))
    assert trained.epochs == trained.best_epoch + 2 < 30
    logits = np.asarray(trained.model(wrong.images))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(wrong.labels, logits)
    assert float(loss) == pytest.approx(min(losses), rel=1e-3)


def test_goes_on_where_it_was_interrupted(
    colours: ImageSet, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = np.savez, []

    def interrupted(path: Path, *arrays: Any) -> None:
        if len(saved) == 2:
            Path(path).write_bytes(b"half of an ep")
            raise KeyboardInterrupt
        saved.append(path)
        save(path, *arrays)

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", interrupted)
        with pytest.raises(KeyboardInterrupt):
            quick(colours, colours, epochs=4, patience=3)
    (partial,) = (cache / "models").glob("*.partial")
    assert json.loads(json.loads((partial / "state.json").read_text())["state"])["seconds"] > 0
    assert not list(partial.glob("writing-*"))

    begun: list[int] = []
    fit = keras.Model.fit

    def watched(self: keras.Model, *args: object, **settings: int) -> object:
        begun.append(settings["initial_epoch"])
        assert int(self.optimizer.iterations) == 2 * 3, "the optimiser goes on too"
        return fit(self, *args, **settings)

    monkeypatch.setattr(keras.Model, "fit", watched)
    trained = quick(colours, colours, epochs=4, patience=3)
    assert begun == [2]
    assert trained.epochs == 4
    assert trained.history["loss"] == sorted(trained.history["loss"], reverse=True)
    assert not list((cache / "models").glob("*.partial"))


@pytest.mark.parametrize("patience", [None, 3])
@pytest.mark.parametrize("after", [1, 2, 4])
def test_resumed_training_equals_an_uninterrupted_one(
    colours: ImageSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
    patience: int | None,
) -> None:
    def run() -> Trained:
        rate = {"epochs": 4, "learning_rate": 0.01}
        parts = colours.subset(range(70)), colours.subset(range(70, 90))
        return train(regularised_cnn, *parts, seed=3, patience=patience, progress=False, **rate)

    expected = run()
    monkeypatch.setenv("INSECTLIB_CACHE", str(tmp_path))
    end_epoch = training._Run.end_epoch

    def stopped(self: training._Run, logs: dict[str, float]) -> None:
        if self.epoch == after:
            raise KeyboardInterrupt  # in the middle of the next epoch
        end_epoch(self, logs)

    with monkeypatch.context() as patch:
        patch.setattr(training._Run, "end_epoch", stopped)
        patch.setattr(training, "cached_network", killed_before_writing)
        with pytest.raises(KeyboardInterrupt):
            run()
    keras.utils.set_random_seed(after)  # another session has drawn other numbers
    resumed = run()
    assert resumed.history == expected.history
    assert resumed.best_epoch == expected.best_epoch
    for a, b in zip(resumed.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_order_depends_on_seed_and_epoch_alone() -> None:
    numbers = np.arange(50, dtype=np.float32)[:, None]

    def orders(epochs: range, seed: int) -> list[list[int]]:
        batches = shuffled_batches(
            numbers, np.arange(50, dtype=np.int64), 8, epochs=epochs, seed=seed
        )
        pairs = [(x.numpy()[:, 0], y.numpy()) for x, y in batches]
        assert [len(y) for _, y in pairs] == [8, 8, 8, 8, 8, 8, 2] * len(epochs)
        assert all((x == y).all() for x, y in pairs), "each input keeps its label"
        return np.concatenate([y for _, y in pairs]).reshape(-1, 50).tolist()

    first = orders(range(4), 0)
    assert all(sorted(order) == list(range(50)) for order in first)
    assert len({tuple(order) for order in [*first, sorted(first[0])]}) == 5
    keras.utils.set_random_seed(9)
    assert orders(range(2, 4), 0) == first[2:]
    assert orders(range(4), 1)[0] != first[0]


def test_best_epoch_is_the_first_with_the_lowest_loss() -> None:
    losses = [3.0, float("nan"), 2.0, 2.5, 2.0, float("inf")]
    assert best_epoch({"loss": losses, "val_loss": losses}, 2) == 3
    assert best_epoch({"loss": losses, "val_loss": losses}, None) == 6


@pytest.mark.parametrize("rate", [1e30, float("inf")])
def test_training_that_runs_away_is_told(colours: ImageSet, rate: float) -> None:
    with pytest.raises(ValueError, match="training loss of epoch [12] is .*: lower learning_rate"):
        quick(colours, learning_rate=rate, epochs=3)


def test_interrupted_after_the_last_epoch(
    colours: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*args: object, **settings: object) -> None:
        raise OSError("no space left")

    leave_unfinished(colours, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "fit", full_disk)
        assert quick(colours).epochs == 2


@pytest.mark.usefixtures("instant")
def test_damaged_checkpoint_is_left_aside(
    colours: ImageSet, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_unfinished(colours, monkeypatch)
    (weights,) = (cache / "models").glob("*.partial/*.npz")
    weights.write_bytes(weights.read_bytes()[:-7] + b"1234567")
    with pytest.warns(UserWarning, match="checkpoint .* is damaged"):
        assert quick(colours).epochs == 2


@pytest.mark.usefixtures("instant")
def test_no_damage_of_an_unfinished_training_changes_its_history(
    colours: ImageSet, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_unfinished(colours, monkeypatch)
    (record,) = (cache / "models").glob("*.partial/state.json")
    sound, model = record.read_bytes(), small_cnn(8, 3, seed=0)
    model.compile(optimizer="adam", loss="mse", metrics=["accuracy"])
    monkeypatch.setattr(training._Run, "_load_weights", lambda *_: None)
    monkeypatch.setattr(training, "set_aside", lambda _: None)
    for place in range(len(sound)):
        for changed in (sound[place] ^ 1, sound[place] ^ 128, 0):
            record.write_bytes(sound[:place] + bytes([changed]) + sound[place + 1 :])
            run = training._Run(model, record.parent, 2, None)
            with pytest.warns(UserWarning, match="checkpoint .* is damaged"):
                run.resume()
            assert run.history == {}
    record.write_bytes(sound)
    run.resume()
    assert run.history == {"loss": [1.0, 0.5], "accuracy": [0.5, 0.5]}


@pytest.mark.usefixtures("instant")
@pytest.mark.parametrize("what", ["changed", "cut", "missing", "record", "no history"])
def test_damaged_network_is_trained_anew(colours: ImageSet, cache: Path, what: str) -> None:
    first = quick(colours)
    path = cache / "models" / first.key / "network.keras"
    record = path.with_name("record.json")
    if what == "changed":
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif what == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif what == "missing":
        path.unlink()
    elif what == "record":
        record.write_text(record.read_text()[:40])
    else:
        kept = json.loads(record.read_text())
        del kept["history"]
        record.write_text(json.dumps(kept))
        let_digests_fit(path.parent)
    with pytest.warns(UserWarning, match="is damaged"):
        again = quick(colours)
    assert not again.from_cache
    assert quick(colours).from_cache


@pytest.mark.usefixtures("instant")
def test_code_in_a_kept_network_is_not_run(colours: ImageSet, cache: Path) -> None:
    """Even with a checksum that fits, Keras refuses to load functions from a file."""
    first = quick(colours)
    network = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Lambda(lambda x: x), keras.layers.Flatten()]
    )
    folder = cache / "models" / first.key
    network.save(folder / "network.keras")
    let_digests_fit(folder)
    with pytest.warns(UserWarning, match="damaged.*Lambda"):
        assert not quick(colours).from_cache


def let_digests_fit(folder: Path) -> None:
    """Write the digests of changed files into the manifest of a kept network."""
    files = [path for path in folder.iterdir() if path.name != "manifest.json"]
    manifest = {path.name: file_digest(path) for path in files}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_trains_where_nothing_can_be_written(
    colours: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    expected = quick(colours, colours, patience=2)
    monkeypatch.setenv("INSECTLIB_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="nothing can be kept"):
        trained = quick(colours, colours, patience=2)
    assert trained.history == expected.history


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_disk_that_fills_up_does_not_end_a_training(
    colours: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, everywhere: bool
) -> None:
    # labels that cannot be learnt: an early epoch is the best one
    wrong = replace(colours, labels=(colours.labels + 1) % 3)
    expected = quick(colours, wrong, epochs=6, patience=3, learning_rate=0.003)
    monkeypatch.setenv("INSECTLIB_CACHE", str(tmp_path))

    save, savez = keras.Model.save, np.savez

    def full(write: Callable[..., None]) -> Callable[..., None]:
        def attempt(*given: Any, **settings: object) -> None:
            (path,) = (Path(each) for each in given if isinstance(each, str | Path))
            if everywhere or tmp_path in path.parents:
                raise OSError(28, "No space left on device")
            write(*given, **settings)

        return attempt

    monkeypatch.setattr(np, "savez", full(savez))
    monkeypatch.setattr(keras.Model, "save", full(save))
    with pytest.warns(UserWarning, match="nothing can be kept.*INSECTLIB_CACHE") as caught:
        trained = quick(colours, wrong, epochs=6, patience=3, learning_rate=0.003)
    assert sum("nothing can be kept" in str(found.message) for found in caught) == 1
    assert sum("TMPDIR" in str(found.message) for found in caught) == everywhere
    assert expected.best_epoch < expected.epochs
    assert trained.history == expected.history
    for a, b in zip(trained.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_an_ended_training_leaves_is_swept(
    colours: ImageSet, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:  # killed when the network was kept, before the end
        patch.setattr(training.shutil, "rmtree", lambda *_, **__: None)
        quick(colours)
    assert list((cache / "models").glob("*.partial"))
    assert quick(colours).from_cache
    assert not list((cache / "models").glob("*.partial"))


def test_trained_network_leaves_pictures_alone(colours: ImageSet) -> None:
    trained = train(regularised_cnn, colours, None, epochs=1, seed=0, progress=False)
    np.testing.assert_array_equal(trained.model(colours.images), trained.model(colours.images))


@pytest.mark.usefixtures("instant")
def test_shows_a_bar_when_asked(colours: ImageSet, capsys: pytest.CaptureFixture[str]) -> None:
    quick(colours, progress=True)
    assert "small_cnn" in capsys.readouterr().err
    quick(colours, epochs=3, progress=False)
    shown = capsys.readouterr()
    assert shown.out == shown.err == ""


def test_refuses_unfit_pictures_and_settings(colours: ImageSet) -> None:
    with pytest.raises(ValueError, match="multiply by 255"):
        quick(replace(colours, images=colours.images / 255))
    with pytest.raises(ValueError, match="expected square"):
        quick(replace(colours, images=colours.images[:, :4]))
    with pytest.raises(ValueError, match="one class only"):
        quick(colours.subset(range(0, 90, 3)))
    with pytest.raises(ValueError, match="epochs is 0"):
        quick(colours, epochs=0)
    with pytest.raises(ValueError, match="patience is 2, but there is no validation part"):
        quick(colours, patience=2)
    with pytest.raises(ValueError, match="patience is 0; expected at least 1"):
        quick(colours, colours, patience=0)
    with pytest.raises(ValueError, match="batch_size is -1; expected at least 1"):
        quick(colours, batch_size=-1)
    with pytest.raises(ValueError, match="has the classes"):
        quick(colours, replace(colours, class_names=("a", "b", "c")))
    with pytest.raises(ValueError, match="the network takes 8x8"):
        quick(colours, replace(colours, images=colours.images[:, :4, :4]))
