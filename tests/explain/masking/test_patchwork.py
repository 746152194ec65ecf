"""Few pictures answer for many coalitions, and no logit changes by it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from numpy.typing import NDArray

from insectlib.explain.games.coalitions import all_coalitions
from insectlib.explain.masking import masked_inference as engine
from insectlib.explain.masking.local_network import local_network
from insectlib.explain.masking.masked_inference import masked_forward
from insectlib.explain.masking.patchwork import (
    IN_VIEW,
    SAVED,
    Views,
    logits_by_patchwork,
    patchwork,
    views_of,
)
from insectlib.explain.masking.segments import mask_image
from insectlib.models.cnns import regularised_cnn, small_cnn

SIZE = 24


def squares(side: int, size: int = SIZE) -> NDArray[np.int32]:
    place = np.arange(size) * side // size
    return (side * place[:, None] + place).astype(np.int32)


def scattered(n: int, seed: int) -> NDArray[np.int32]:
    """Return regions whose pixels lie anywhere within larger squares, two to a square."""
    random = np.random.default_rng(seed)
    return (2 * squares(n) + random.integers(0, 2, (SIZE, SIZE))).astype(np.int32)


def scene(size: int = SIZE) -> NDArray[np.float32]:
    """Return a picture and a background."""
    return np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)


def drawn(n: int, k: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).integers(0, 2, (n, k)).astype(np.float32)


def asked(
    model: keras.Model, coalitions: NDArray[np.float32], regions: NDArray[np.int32]
) -> tuple[Any, int]:
    """Return the logits, or None, and how many pictures they took."""
    trunk, network = local_network(model)
    image, background = scene(model.input_shape[1])
    n_pictures = 0

    def features(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal n_pictures
        n_pictures += len(pictures)
        masked = mask_image(pictures, regions, image, background)
        return np.asarray(trunk(masked, training=False))

    return logits_by_patchwork(features, network, coalitions, regions), n_pictures


def by_hand(
    model: keras.Model, coalitions: NDArray[np.float32], regions: NDArray[np.int32]
) -> NDArray[np.float32]:
    image, background = scene(model.input_shape[1])
    return np.asarray(model(mask_image(coalitions, regions, image, background), training=False))


@settings(max_examples=12, deadline=None)
@given(
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    pool=st.integers(1, 2),
    padding=st.sampled_from(["same", "valid"]),
    bias=st.booleans(),
    seed=st.integers(0, 100),
)
def test_same_logits_from_fewer_pictures(
    kernel: int, stride: int, dilation: int, pool: int, padding: str, bias: bool, seed: int
) -> None:
    dilation = dilation if stride == 1 else 1  # Keras takes one or the other
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 64, offset=-2),
            layers.Conv2D(4, kernel, strides=stride, padding=padding, dilation_rate=dilation),
            layers.AveragePooling2D(pool, padding=padding),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(3, (kernel, 2), padding=padding),
            layers.Flatten(),
            layers.Dense(5, use_bias=bias, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(3),
        ]
    )
    for regions in (squares(2), scattered(2, seed)):
        coalitions = drawn(300, int(regions.max()) + 1)
        logits, n_pictures = asked(model, coalitions, regions)
        assert n_pictures <= 300 * (1 - SAVED)
        if logits is not None:
            np.testing.assert_allclose(logits, by_hand(model, coalitions, regions), atol=1e-4)
        else:  # only because there are more cases
            assert len(np.unique(coalitions, axis=0)) > 300 * (1 - SAVED) - 1


@pytest.mark.parametrize("build", [small_cnn, regularised_cnn])
def test_all_coalitions_of_the_course_s_networks_take_a_few_pictures(build: Any) -> None:
    model = build(96, 3, seed=0)
    coalitions = all_coalitions(9).astype(np.float32)
    logits, n_pictures = asked(model, coalitions, squares(3, 96))
    # four squares meet in a point, and no window sees five
    assert n_pictures == 16
    np.testing.assert_allclose(logits, by_hand(model, coalitions, squares(3, 96)), atol=1e-4)


def test_each_view_shows_every_case_that_it_has() -> None:
    _, network = local_network(small_cnn(96, seed=0))
    regions = squares(4, 96)
    views, coalitions = views_of(network, regions), drawn(200, 16)
    pictures = patchwork(coalitions, views, most=100)
    assert pictures is not None
    assert set(np.unique(pictures)) == {0, 1}
    assert sorted(np.concatenate(views.places)) == list(range(len(network.weights)))
    for wanted, shown in zip(views.cases(coalitions), views.cases(pictures), strict=True):
        assert set(wanted) <= set(shown)


def test_gives_up_where_little_would_be_saved() -> None:
    model = small_cnn(SIZE, seed=0)
    # every window sees the whole picture
    assert asked(model, drawn(40, 16), squares(4)) == (None, 0)
    assert asked(model, drawn(1, 16), squares(4)) == (None, 0)
    wide = Views(2.0 ** np.arange(IN_VIEW + 1)[None], [np.array([0])], np.array([0]))
    assert patchwork(np.ones((4, IN_VIEW + 1), dtype=np.float32), wide, most=4) is None


def test_the_engine_takes_this_way_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    model, regions = small_cnn(96, seed=0), squares(4, 96)
    image, background = scene(96)
    blocks = []

    def watched(*args: Any) -> Any:
        blocks.append((len(args[2]), logits_by_patchwork(*args) is not None))
        return logits_by_patchwork(*args)

    monkeypatch.setattr(engine, "logits_by_patchwork", watched)
    monkeypatch.setattr(engine, "BLOCK", 100)
    coalitions = drawn(210, 16)
    forward = masked_forward(model)
    logits = forward(coalitions, regions, image, background)
    # ten coalitions differ too much for fewer pictures
    assert blocks == [(100, True), (100, True), (10, False)]
    np.testing.assert_allclose(logits, by_hand(model, coalitions, regions), atol=1e-4)
    model.get_layer("dense").bias.assign(np.linspace(-3, 3, 128))
    changed = forward(coalitions, regions, image, background)
    np.testing.assert_allclose(changed, by_hand(model, coalitions, regions), atol=1e-4)


def test_switched_off_each_coalition_takes_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    model, regions, coalitions = small_cnn(96, seed=0), squares(4, 96), drawn(100, 16)
    monkeypatch.setattr(engine, "PATCHWORK", False)
    monkeypatch.setattr(engine, "logits_by_patchwork", None)
    logits = masked_forward(model)(coalitions, regions, *scene(96))
    np.testing.assert_allclose(logits, by_hand(model, coalitions, regions), atol=1e-4)


def own_layer(inputs: Any) -> Any:
    class Anything(layers.Conv2D):
        pass

    return Anything(3, 3, padding="same")(inputs)


def own_activation(inputs: Any) -> Any:
    return layers.Conv2D(
        3, 3, activation=lambda x: x - keras.ops.max(x, axis=(1, 2), keepdims=True)
    )(inputs)


def an_operation(inputs: Any) -> Any:
    return keras.ops.roll(layers.Conv2D(3, 3)(inputs), 5, axis=1)


def twice_the_same(inputs: Any) -> Any:
    layer = layers.Conv2D(3, 3, padding="same", name="again")
    return layer(layer(inputs))


@pytest.mark.parametrize("part", [own_layer, own_activation, an_operation, twice_the_same])
def test_what_may_look_further_than_its_window_is_not_taken_for_local(part: Any) -> None:
    inputs = keras.Input((SIZE, SIZE, 3))
    model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(part(inputs))))
    with pytest.raises(ValueError, match="takes apart a chain of convolutions"):
        local_network(model)
    coalitions, regions = drawn(60, 4), squares(2)
    logits = masked_forward(model)(coalitions, regions, *scene())
    np.testing.assert_allclose(logits, by_hand(model, coalitions, regions), atol=1e-3)
