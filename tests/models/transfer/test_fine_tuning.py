"""Features that are kept, heads, augmentation, the joined model, fine-tuning and folds."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from insectlib import course
from insectlib.data.datasets import Collection
from insectlib.data.digests import settings_digest
from insectlib.data.folds import cross_predict, fold_scores, random_folds
from insectlib.data.imageset import ImageSet
from insectlib.models.inference import probabilities
from insectlib.models.kept import Trained
from insectlib.models.keras_warnings import no_retracing_warning
from insectlib.models.networks import without_augmentation
from insectlib.models.transfer import features
from insectlib.models.transfer import fine_tuning as transfer
from insectlib.models.transfer.augmentation import augment, picture_augmentation
from insectlib.models.transfer.features import cached_features, compute_features
from insectlib.models.transfer.fine_tuning import fine_tune, train_transfer, transfer_model
from insectlib.models.transfer.heads import fit_head, head


@pytest.fixture
def colours() -> ImageSet:
    """Return 90 pictures of 16x16 pixels whose class is their colour, with noise."""
    random = np.random.default_rng(0)
    labels = np.arange(90) % 3
    images = random.uniform(0, 160, (90, 16, 16, 3)).astype(np.float32)
    images[np.arange(90), :, :, labels] += 95
    return ImageSet(
        images=images,
        labels=labels.astype(np.int64),
        class_names=("red", "green", "blue"),
        names=tuple(map(str, range(90))),
        digests=tuple(map(str, range(90))),
        groups=np.arange(90, dtype=np.int64) // 3,
    )


@pytest.fixture(autouse=True)
def small_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a network of three layers in the place of EfficientNet."""

    def backbone(name: str, size: int, *, seed: int, network_size: int) -> keras.Model:
        start = keras.initializers.GlorotUniform(seed)
        pictures = keras.Input((size, size, 3), name="picture")
        x = keras.layers.Rescaling(1 / 255, name="rescale")(pictures)
        x = keras.layers.Conv2D(5, 3, activation="relu", kernel_initializer=start, name="conv")(x)
        x = keras.layers.BatchNormalization(name="norm")(x)
        x = keras.layers.Conv2D(8, 1, kernel_initializer=start, name="last")(x)
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
        network = keras.Model(pictures, x, name=name)
        network.trainable = False
        return network

    monkeypatch.setattr(transfer, "backbone", backbone)


def tiny_network(size: int = 16, seed: int = 0) -> keras.Model:
    return transfer.backbone("tiny", size, seed=seed, network_size=size)


# features


def test_features_are_computed_once(
    colours: ImageSet, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tiny_network()
    expected = np.asarray(network(colours.images))
    first = cached_features(network, colours.images)
    np.testing.assert_allclose(first, expected, rtol=1e-4, atol=1e-5)
    assert first.dtype == np.float32

    def again(*args: object, **named: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(features, "compute_features", again)
    np.testing.assert_array_equal(cached_features(tiny_network(), colours.images), first)
    assert len(list((cache / "features").glob("[!.]*"))) == 1
    other = colours.images.copy()
    other[3, 2, 1, 0] += 1
    for changed in ((network, other), (tiny_network(seed=1), colours.images)):
        with pytest.raises(AssertionError, match="computed again"):
            cached_features(*changed)


def test_feature_maps_keep_their_shape(colours: ImageSet) -> None:
    network = tiny_network()
    maps = keras.Model(network.input, network.get_layer("norm").output)
    assert compute_features(maps, colours.images[:40]).shape == (40, 14, 14, 5)


def test_damaged_features_are_computed_anew(colours: ImageSet, cache: Path) -> None:
    network = tiny_network()
    first = cached_features(network, colours.images)
    (path,) = (cache / "features").glob("*/*.npy")
    path.write_bytes(path.read_bytes()[:-1] + b"\7")
    with pytest.warns(UserWarning, match="damaged, made again"):
        again = cached_features(network, colours.images)
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(cached_features(network, colours.images), first)


def test_features_of_unfit_pictures(colours: ImageSet) -> None:
    with pytest.raises(ValueError, match="multiply by 255"):
        cached_features(tiny_network(), colours.images / 255)


# heads


def test_head_is_that_of_the_tutorial() -> None:
    one, same, other = head(20, seed=1), head(20, seed=1), head(20, 4, seed=2)
    assert [type(layer).__name__ for layer in one.layers] == ["Dense", "Dropout", "Dense"]
    assert one.get_layer("dense").units == 256
    assert one.get_layer("dropout").rate == 0.5
    assert other.output_shape == (None, 4)
    for a, b in zip(one.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


@pytest.fixture
def clouds() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return 150 points around three corners."""
    labels = np.arange(150) % 3
    points = np.random.default_rng(0).normal(0, 0.4, (150, 6)).astype(np.float32)
    points[np.arange(150), labels] += 1
    return points, labels.astype(np.int64)


def test_fit_learns_and_repeats(clouds: tuple[NDArray[np.float32], NDArray[np.int64]]) -> None:
    points, labels = clouds
    fitted = fit_head(
        head(6, seed=0), points[:100], labels[:100], epochs=15, seed=0, learning_rate=0.002
    )
    found = fitted.model.predict(points[100:], verbose=0).argmax(axis=1)
    assert (found == labels[100:]).mean() > 0.9
    assert set(fitted.history) == {"loss", "accuracy"}
    assert len(fitted.history["loss"]) == fitted.best_epoch == 15
    assert fitted.history["loss"][-1] < fitted.history["loss"][0]
    keras.utils.set_random_seed(5)
    again = fit_head(
        head(6, seed=0), points[:100], labels[:100], epochs=15, seed=0, learning_rate=0.002
    )
    np.testing.assert_allclose(again.history["loss"], fitted.history["loss"], rtol=1e-4)
    other = fit_head(
        head(6, seed=0), points[:100], labels[:100], epochs=15, seed=1, learning_rate=0.002
    )
    assert not np.allclose(other.history["loss"], fitted.history["loss"], rtol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_fit_takes_any_whole_numbers_as_labels(n_classes: int) -> None:
    labels = np.arange(40) % n_classes
    points = np.random.default_rng(0).normal(0, 1, (40, 6)).astype(np.float32)
    histories = [
        fit_head(head(6, n_classes, seed=0), points, y, (points, y), epochs=2, seed=0).history
        for y in (labels, labels.tolist(), labels.astype(np.uint8))
    ]
    assert histories[1] == histories[0]
    assert histories[2] == histories[0]


def test_fit_takes_the_best_epoch(
    clouds: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> None:
    points, labels = clouds
    wrong = (points, (labels + 1) % 3)  # cannot be learnt: its loss soon climbs
    fitted = fit_head(head(6, seed=0), points, labels, wrong, epochs=30, patience=3, seed=0)
    losses = fitted.history["val_loss"]
    assert fitted.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == fitted.best_epoch + 3
    logits = fitted.model.predict(points, verbose=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(wrong[1], logits)
    assert float(loss) == pytest.approx(min(losses), rel=1e-3)


def test_unfit_settings_are_refused(
    clouds: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> None:
    points, labels = clouds
    with pytest.raises(ValueError, match=r"150 inputs and labels of shape \(7,\); expected"):
        fit_head(head(6, seed=0), points, labels[:7], epochs=1, seed=0)
    for wrong in (labels + 1, labels - 1, labels / 2, labels > 1, labels[:, None]):
        with pytest.raises(ValueError, match="expected (shape|class indices from 0 to 2)"):
            fit_head(head(6, seed=0), points, wrong, epochs=1, seed=0)
        with pytest.raises(ValueError, match="expected (shape|class indices from 0 to 2)"):
            fit_head(head(6, seed=0), points, labels, (points, wrong), epochs=1, seed=0)
    with pytest.raises(ValueError, match="epochs is 0"):
        fit_head(head(6, seed=0), points, labels, epochs=0, seed=0)
    with pytest.raises(ValueError, match="there is no validation part: pass one"):
        fit_head(head(6, seed=0), points, labels, epochs=1, seed=0, patience=2)


def test_many_heads_raise_no_warning(
    clouds: tuple[NDArray[np.float32], NDArray[np.int64]], caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("tensorflow")
    with no_retracing_warning():
        logger.warning("5 out of the last 27 calls triggered tf.function retracing")
        logger.warning("something else")
    logger.warning("another that triggered tf.function retracing")
    assert [record.getMessage() for record in caplog.records] == [
        "something else",
        "another that triggered tf.function retracing",
    ]
    caplog.clear()
    for seed in range(6):
        fit_head(head(6, seed=seed), clouds[0], clouds[1], epochs=1, seed=0)
    assert not caplog.records


# augmentation


def test_augmentation_has_the_five_changes() -> None:
    layers = picture_augmentation(seed=0).layers
    assert [layer.name for layer in layers] == ["flip", "rotate", "zoom", "shift", "shear"]
    assert layers[1].get_config()["factor"] == pytest.approx((-25 / 360, 25 / 360))
    seeds = {layer.get_config()["seed"] for layer in layers}
    assert len(seeds) == 5, "each layer draws for itself"
    inside = keras.Sequential([keras.Input((16, 16, 3)), picture_augmentation(seed=0)])
    picture = np.random.default_rng(0).uniform(0, 255, (1, 16, 16, 3)).astype(np.float32)
    assert np.abs(inside(picture, training=True) - picture).max() > 1
    np.testing.assert_array_equal(without_augmentation(inside)(picture, training=True), picture)


@pytest.mark.parametrize("shape", [(16, 16, 1), (16, 16, 4), (12, 20, 3)])
def test_augmentation_of_any_channels_and_sizes(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).uniform(0, 255, (9, *shape))
    changed = augment(images, seed=0)
    assert changed.shape == images.shape
    assert np.abs(changed - images).mean() > 1
    np.testing.assert_array_equal(augment(images, seed=0), changed)


def test_augmented_pictures(colours: ImageSet) -> None:
    one, same = augment(colours.images, seed=0), augment(colours.images, seed=0)
    np.testing.assert_array_equal(one, same)
    assert one.shape == colours.images.shape
    assert one.dtype == np.float32
    assert 0 <= one.min() <= one.max() <= 255
    assert (np.abs(one - colours.images).mean(axis=(1, 2, 3)) > 1).all()
    assert np.abs(augment(colours.images, seed=1) - one).mean() > 1
    # the colours stay: an edge repeats its colour, and no black comes in
    np.testing.assert_allclose(
        one.mean(axis=(0, 1, 2)), colours.images.mean(axis=(0, 1, 2)), rtol=0.05
    )


# one model


def test_joined_model_is_head_upon_network(colours: ImageSet) -> None:
    network, top = tiny_network(), head(8, seed=3)
    model = transfer_model(network, top)
    expected = np.asarray(top(network(colours.images)))
    np.testing.assert_allclose(np.asarray(model(colours.images)), expected, rtol=1e-4, atol=1e-5)
    assert [layer.name for layer in model.layers] == [
        "picture",
        "rescale",
        "conv",
        "norm",
        "last",
        "pool",
        "dense",
        "dropout",
        "logits",
    ]
    with pytest.raises(ValueError, match=r"takes features of shape \(9,\), but .* gives \(8,\)"):
        transfer_model(network, head(9, seed=0))


def trained(part: ImageSet, **changed: int) -> Trained:
    chosen = {"network_size": 16, "epochs": 80, "patience": 20, "seed": 0} | changed
    return train_transfer(part, part.subset(range(60, 90)), progress=False, **chosen)


def test_transfer_is_kept_and_loaded_safely(colours: ImageSet, cache: Path) -> None:
    first, second = trained(colours), trained(colours)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert first.key == second.key
    assert first.history == second.history
    assert first.best_epoch == 1 + int(np.argmin(first.history["val_loss"]))
    p = probabilities(second.model, colours.images)
    np.testing.assert_allclose(p, probabilities(first.model, colours.images), atol=1e-6)
    assert (p.argmax(axis=1) == colours.labels).mean() > 0.9
    record = json.loads((cache / "models" / first.key / "record.json").read_text())
    assert record["settings"]["transfer"] == "efficientnet_lite0"


def test_every_setting_has_a_key_of_its_own(
    colours: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    monkeypatch.setattr(
        transfer, "cached_network", lambda settings, make: kept.append(settings_digest(settings))
    )
    labels = colours.labels.copy()
    labels[0] = 2
    trained(colours)
    trained(colours, epochs=1)
    trained(colours, patience=2)
    trained(colours, seed=1)
    trained(replace(colours, labels=labels))
    trained(replace(colours, images=255 - colours.images))
    assert len(set(kept)) == 6
    trained(colours)
    assert kept[-1] == kept[0]


def test_course_network_is_fitted_on_the_honest_split(
    colours: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        course, "load", lambda name, *, size: Collection(name, colours, colours.subset(range(9)))
    )
    quick = course.Profile(
        "fast",
        tutorial_size=16,
        tutorial_epochs=1,
        small_epochs=1,
        size=8,
        epochs=1,
        patience=4,
        network_size=16,
        head_epochs=6,
    )
    monkeypatch.setitem(course.PROFILES, "fast", quick)
    first = course.course_transfer("photos", "fast", progress=False)
    assert first.model.input_shape == (None, 16, 16, 3)
    assert not first.from_cache
    split = course.course_split(course.course_collection("photos", "fast", tutorial=True))
    same = train_transfer(
        split.training,
        split.validation,
        network_size=16,
        epochs=6,
        patience=4,
        seed=course.SEED,
        progress=False,
    )
    assert same.from_cache
    assert same.key == first.key
    assert len(first.history["loss"]) <= 6


def test_fine_tuning_moves_the_last_layers_only(colours: ImageSet) -> None:
    model = trained(colours).model
    before = [w.copy() for w in model.get_weights()]
    part, watched = colours, colours.subset(range(60, 90))
    fitted = fine_tune(model, part, watched, after="conv", epochs=3, seed=0, learning_rate=0.01)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    changed = {
        layer.name
        for layer in fitted.model.layers
        for one, other in zip(
            layer.get_weights(), model.get_layer(layer.name).get_weights(), strict=True
        )
        if not np.array_equal(one, other)
    }
    assert changed == {"last", "dense", "logits"}, "normalising layers keep their statistics"
    logits = np.asarray(fitted.model(watched.images))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(watched.labels, logits)
    assert float(loss) == pytest.approx(fitted.history["val_loss"][-1], rel=1e-3)
    with pytest.raises(ValueError, match="No such layer"):
        fine_tune(model, part, watched, after="block99", epochs=1, seed=0)


# folds


@given(st.integers(2, 5), st.integers(0, 3))
@settings(max_examples=10, deadline=None)
def test_random_folds_deal_every_unique_picture_once(n_folds: int, seed: int) -> None:
    labels = np.arange(40) % 2
    part = ImageSet(
        images=np.zeros((40, 8, 8, 3), np.float32),
        labels=labels.astype(np.int64),
        class_names=("a", "b"),
        names=tuple(map(str, range(40))),
        digests=tuple(str(i % 36) for i in range(40)),  # the last four are copies
        groups=np.zeros(40, np.int64),
    )
    folds = list(random_folds(part, n_folds=n_folds, seed=seed))
    assert len(folds) == n_folds
    assert sorted(i for _, test in folds for i in test) == list(range(36))
    for training, test in folds:
        assert not {*training} & {*test}
        assert len(training) + len(test) == 36
        assert abs((labels[test] == 0).mean() - 0.5) < 0.1, "stratified"
    again = list(random_folds(part, n_folds=n_folds, seed=seed))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again, strict=True))


def test_unfit_folds_are_refused(tiny_set: ImageSet) -> None:
    with pytest.raises(ValueError, match="n_folds is 1"):
        list(random_folds(tiny_set, n_folds=1))
    with pytest.raises(ValueError, match="'beetle' has 8 pictures; n_folds=9 need as many"):
        list(random_folds(tiny_set, n_folds=9))


def test_cross_predict_puts_answers_in_order() -> None:
    folds = [(np.array([0, 2]), np.array([3, 1])), (np.array([3, 1]), np.array([2, 0]))]
    answers, fold = cross_predict(folds, lambda training, test: np.stack([test, -test], axis=1))
    np.testing.assert_array_equal(answers, [[0, 0], [1, -1], [2, -2], [3, -3]])
    np.testing.assert_array_equal(fold, [1, 0, 1, 0])
    with pytest.raises(ValueError, match="gave 1 rows for 2 test pictures"):
        cross_predict(folds, lambda training, test: test[:1])
    with pytest.raises(ValueError, match="test part of two folds"):
        cross_predict([folds[0], folds[0]], lambda training, test: test)


def test_fold_scores_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    predicted = np.array([0, 0, 0, 1, 1, 0, 2, 2])
    fold = np.array([0, 0, 1, 1, 0, 1, 0, 1])
    scores = fold_scores(labels, predicted, fold, ("a", "b", "c"))
    assert scores.accuracy == 6 / 8
    assert scores.recall == {"a": 0.75, "b": 0.5, "c": 1.0}
    assert scores.balanced == pytest.approx(0.75)
    np.testing.assert_array_equal(scores.by_fold, [1.0, 0.5])
    assert scores.spread == pytest.approx(np.sqrt(0.125))
    two = fold_scores(labels[:6], predicted[:6], fold[:6], ("a", "b"))
    assert (two.accuracy, two.balanced) == (4 / 6, 0.625)
    with pytest.raises(ValueError, match="no picture of class 'd'"):
        fold_scores(labels, predicted, fold, ("a", "b", "c", "d"))
    with pytest.raises(ValueError, match="8 labels, 3 predictions"):
        fold_scores(labels, predicted[:3], fold, ("a", "b", "c"))
