"""The one form of all results: every slice of it keeps its fields, and shap draws it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import shap
from numpy.typing import NDArray

from insectlib.explain import Explanation, prepare, to_explanation
from insectlib.explain.target import explained_classes

NAMES = tuple("abcdefg")
EXACT: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda explained: explained,
    "pickled": lambda explained: pickle.loads(pickle.dumps(explained)),
    "copied": copy.copy,
    "deep copy": copy.deepcopy,
}


def scores(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return seven scores that order themselves differently from picture to picture."""
    return np.sin(images.reshape(len(images), -1)[:, :7].astype(np.float64))


def explanation(n: int, target: Any, channels: int = 3) -> Explanation:
    """Return random values of `n` pictures, with every field that explainers add."""
    random = np.random.default_rng(n)
    images = np.rint(random.uniform(2, 250, (n, 4, 5, channels))).astype(np.float32)
    prepared = prepare(scores, images, target=target, class_names=NAMES)
    shape = (*images.shape, prepared.classes.shape[1])
    return to_explanation(
        prepared,
        random.normal(size=shape),
        random.normal(size=prepared.classes.shape),
        evaluations=77,
        seconds=0.5,
        segments=random.integers(0, 3, images.shape[:3]),
        errors=random.normal(size=shape),
        standard_error=random.normal(size=prepared.classes.shape),
        permutations=np.arange(n),
        hierarchy=np.zeros((3, 4)),
    )


def check(part: Any, whole: Explanation, i: Any, k: Any) -> None:
    """Compare a part with what NumPy cuts out of the arrays: pictures `i`, outputs `k`."""
    np.testing.assert_array_equal(part.values, whole.values[i][..., k])
    np.testing.assert_array_equal(part.errors, whole.errors[i][..., k])
    np.testing.assert_array_equal(part.data, whole.data[i])
    np.testing.assert_array_equal(part.segments, whole.segments[i])
    np.testing.assert_array_equal(part.permutations, whole.permutations[i])
    for name in ("outputs", "classes", "base_values", "standard_error"):
        expected = np.asarray(getattr(whole, name))[i][..., k]
        np.testing.assert_array_equal(getattr(part, name), expected, err_msg=name)
    assert (part.evaluations, part.seconds) == (77, 0.5)
    np.testing.assert_array_equal(part.hierarchy, whole.hierarchy)
    gap = part.base_values + part.values.sum(
        axis=tuple(range(np.ndim(part.data) - 3, np.ndim(part.data)))
    )
    np.testing.assert_allclose(part.gaps, gap - part.outputs)
    assert part.additivity_gap == pytest.approx(np.abs(gap - part.outputs).max())
    off, reach = gap - part.outputs, part.outputs - part.base_values
    pairs = zip(off, reach, strict=True) if np.ndim(part.data) == 4 else [(off, reach)]
    shares = [np.abs(a).max() / np.abs(b).max() for a, b in pairs]
    assert part.relative_gap == pytest.approx(max(shares))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("target", [None, 2, "predicted", "top 2", "top 5", [4, 0]], ids=str)
@pytest.mark.parametrize("way", EXACT)
def test_every_slice_is_whole(n: int, target: Any, way: str) -> None:
    whole = explanation(n, target)
    k = whole.shape[-1]
    everything = slice(None)
    cases: list[tuple[Any, Any, Any]] = [
        (0, 0, everything),
        (n - 1, n - 1, everything),
        (slice(0, 1), slice(0, 1), everything),
        (slice(None, None, -1), slice(None, None, -1), everything),
        ((..., 0), everything, 0),
        ((..., slice(0, 1)), everything, slice(0, 1)),
        ((..., k - 1), everything, k - 1),
        ((0, ..., k - 1), 0, k - 1),
    ]
    for item, i, of in cases:
        check(EXACT[way](whole)[item], whole, i, of)
        check(EXACT[way](whole[item]), whole, i, of)


@pytest.mark.parametrize("way", EXACT)
def test_outputs_go_by_name_where_they_stand_at_one_place(way: str) -> None:
    whole = EXACT[way](explanation(2, [4, 0]))
    np.testing.assert_array_equal(whole[..., "e"].values, whole.values[..., 0])
    np.testing.assert_array_equal(whole[1][..., "a"].values, whole.values[1][..., 1])
    with pytest.raises(ValueError, match="no output 'beetle'; expected one of a, e"):
        whole[..., "beetle"]
    ranked = explanation(3, "top 5")
    assert ranked.output_names.shape == (3, 5)
    unlike = next(
        name
        for name in NAMES
        if len({list(r).index(name) if name in r else -1 for r in ranked.output_names.tolist()}) > 1
    )
    with pytest.raises(ValueError, match="not at the same place|no output"):
        ranked[..., unlike]
    first = ranked.output_names[0][2]
    np.testing.assert_array_equal(ranked[0][..., str(first)].values, ranked.values[0][..., 2])


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("target", [None, "predicted", "top 2"], ids=str)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_shap_draws_every_one(n: int, target: Any, channels: int) -> None:
    mpl.use("agg")
    whole = explanation(n, target, channels)
    parts = [whole, whole[:1], whole[..., :1]] if channels == 3 else [whole]
    for part in parts:
        shap.image_plot(part, show=False)
        panels = [axes for axes in plt.gcf().axes if axes.images]
        assert len(panels) >= len(part) * (1 + part.shape[-1])
        plt.close("all")


def test_unknown_fields_are_missing_and_not_found_by_chance() -> None:
    prepared = prepare(scores, np.full((1, 4, 5, 3), 9.0))
    shape = (1, 4, 5, 3, 7)
    bare = to_explanation(prepared, np.zeros(shape), np.zeros((1, 7)), evaluations=1, seconds=1)
    for name in ("errors", "segments", "nonsense"):
        with pytest.raises(AttributeError, match=name):
            getattr(bare, name)


OUTPUTS = np.array([[1.0, 3.0, 2.0], [0.0, -1.0, 5.0]])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, [[0, 1, 2], [0, 1, 2]]),
        (1, [[1], [1]]),
        (np.int64(2), [[2], [2]]),
        ("b", [[1], [1]]),
        (["c", "a"], [[2, 0], [2, 0]]),
        (np.array(["c"]), [[2], [2]]),
        ((2, 1), [[2, 1], [2, 1]]),
        (np.array([[0], [2]]), [[0], [2]]),
        (np.array([["b"], ["a"]]), [[1], [0]]),
        ("predicted", [[1], [2]]),
        ("top 1", [[1], [2]]),
        ("top 3", [[1, 2, 0], [2, 0, 1]]),
        ("top2", [[1, 2], [2, 0]]),
    ],
    ids=str,
)
def test_targets(target: Any, expected: list[list[int]]) -> None:
    found = explained_classes(target, OUTPUTS, "abc")
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("best", "target is 'best'; expected 'predicted', 'top 3'"),
        ("top 0", "expected 'top 1' to 'top 3'"),
        ("top 4", "expected 'top 1' to 'top 3'"),
        (3, "expected indices from 0 to 2"),
        (-1, "expected indices from 0 to 2"),
        ([], "expected indices or names"),
        (0.5, "expected indices or names"),
        ([0, 0], "each class once"),
        (["a", "z"], "target names 'z'"),
        (np.zeros((3, 1), dtype=int), "3 rows for 2 pictures"),
        (np.zeros((1, 1, 1), dtype=int), "expected indices or names"),
        (True, "expected indices or names"),
    ],
    ids=str,
)
def test_wrong_targets_are_named(target: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explained_classes(target, OUTPUTS, "abc")


@pytest.mark.parametrize(
    "names", [list(NAMES), NAMES, np.array(NAMES), np.array(NAMES, dtype=object)]
)
def test_class_names_of_any_kind(names: Any) -> None:
    assert prepare(scores, np.full((1, 4, 5, 3), 9.0), class_names=names).class_names == NAMES


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("abcdefg", "class_names is one string"),
        (["a"], "1 class_names for a model with 7 outputs"),
        (["a"] * 7, "'a' more than once"),
    ],
)
def test_wrong_class_names_are_named(names: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare(scores, np.full((1, 4, 5, 3), 9.0), class_names=names)
