"""Honest splits hold their promises, on whatever collection they are given."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insectlib.data.imageset import ImageSet
from insectlib.data.splits import (
    catalogue_groups,
    catalogue_number,
    deal_groups,
    honest_folds,
    honest_split,
    join_groups,
    unique_indices,
)

CLASSES = ("beetle", "cockroach", "dragonfly")


def make_set(labels: np.ndarray, groups: np.ndarray, digests: list[str] | None = None) -> ImageSet:
    n = len(labels)
    return ImageSet(
        images=np.zeros((n, 16, 16, 3), dtype=np.float32),
        labels=np.asarray(labels, dtype=np.int64),
        class_names=CLASSES,
        names=tuple(f"{i}" for i in range(n)),
        digests=tuple(digests or (f"{i:064x}" for i in range(n))),
        groups=np.asarray(groups, dtype=np.int64),
    )


@st.composite
def collections(draw: st.DrawFn, mixed: bool = False) -> ImageSet:
    """Draw groups of 1 to 12 pictures, at least four of each class, and copies of some pictures."""
    labels: list[int] = []
    groups: list[int] = []
    number = st.integers(4, 9)
    for label in range(3):
        for _ in range(draw(number)):
            size = draw(st.integers(1, 12))
            group = max(groups, default=-1) + draw(st.integers(1, 5))
            labels += [label] * size
            groups += [group] * size
    if mixed:
        for i in draw(st.lists(st.integers(0, len(labels) - 1), max_size=8)):
            labels[i] = draw(st.integers(0, 2))
    copies = draw(st.lists(st.integers(0, len(labels) - 1), max_size=10))
    index = np.array([*range(len(labels)), *copies])
    index = index[np.random.default_rng(draw(st.integers(0, 99))).permutation(len(index))]
    digests = [f"{i:064x}" for i in index]
    return make_set(np.array(labels)[index], np.array(groups)[index], digests)


@given(collections(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_split_holds_its_promises(imageset: ImageSet, seed: int) -> None:
    parts = honest_split(imageset, seed=seed)
    digests = [digest for part in parts for digest in part.digests]
    assert len(digests) == len(set(digests)), "a copy is in the split"
    assert set(digests) == set(imageset.digests), "a picture is lost"
    of_groups = Counter(group for part in parts for group in set(part.groups.tolist()))
    assert set(of_groups.values()) == {1}, "a group is in two parts"
    assert all(min(part.counts().values()) > 0 for part in parts), "a class is missing"
    for one, other in zip(parts, honest_split(imageset, seed=seed), strict=True):
        assert one.names == other.names, "the same seed gives another split"


@given(collections(mixed=True), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_split_of_mixed_groups_holds_its_promises_or_says_why_not(
    imageset: ImageSet, seed: int
) -> None:
    try:
        parts = honest_split(imageset, seed=seed)
    except ValueError as error:
        assert "groups" in str(error)
        return
    assert all(min(part.counts().values()) > 0 for part in parts)
    groups = [set(part.groups.tolist()) for part in parts]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])


@given(collections(), st.integers(2, 4), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_folds_hold_their_promises(imageset: ImageSet, n_folds: int, seed: int) -> None:
    folds = list(honest_folds(imageset, n_folds=n_folds, seed=seed))
    assert len(folds) == n_folds
    tested = np.concatenate([test for _, test in folds])
    np.testing.assert_array_equal(np.sort(tested), unique_indices(imageset))
    for training, test in folds:
        assert not set(imageset.groups[training]) & set(imageset.groups[test])
        assert not {imageset.digests[i] for i in training} & {imageset.digests[i] for i in test}
        assert len(training) + len(test) == len(tested)
    again = honest_folds(imageset, n_folds=n_folds, seed=seed)
    for (_, test), (_, other) in zip(folds, again, strict=True):
        np.testing.assert_array_equal(test, other)


def test_split_does_not_look_at_pixels(tiny_set: ImageSet) -> None:
    dark = replace(tiny_set, images=np.zeros((24, 8, 8, 3), dtype=np.float32))
    for one, other in zip(honest_split(tiny_set), honest_split(dark), strict=True):
        assert one.names == other.names


def test_another_seed_gives_another_split(tiny_set: ImageSet) -> None:
    splits = {honest_split(tiny_set, seed=seed)[0].names for seed in range(5)}
    assert len(splits) > 1


def test_small_groups_meet_the_shares() -> None:
    labels = np.repeat([0, 1, 2], [100, 60, 40])
    imageset = make_set(labels, np.arange(200))
    for part, share in zip(honest_split(imageset), (0.6, 0.2, 0.2), strict=True):
        assert list(part.counts().values()) == [100 * share, 60 * share, 40 * share]
    sizes = [len(part) for part in honest_split(imageset, fractions=(0.8, 0.1, 0.1))]
    assert sizes == [160, 20, 20]


def test_runs_of_the_published_sizes_are_split() -> None:
    """One group of 190 pictures, and beetles in eight groups only, as in the photographs."""
    beetles = [190, 140, 111, 7, 5, 4, 2, 1]
    runs = [(0, n) for n in beetles] + [(1, n) for n in [88, 38, *[4] * 28]]
    runs += [(2, n) for n in [19, 19, 16, 16, *[3] * 83]]
    sizes = [n for _, n in runs]
    imageset = make_set(
        np.repeat([label for label, _ in runs], sizes), np.repeat(np.arange(len(runs)), sizes)
    )
    training, validation, test = honest_split(imageset)
    assert 190 in np.bincount(training.groups)
    assert training.counts()["beetle"] == 190 + 19
    for part in (validation, test):
        assert abs(part.counts()["cockroach"] - 0.2 * 238) < 10
        assert abs(part.counts()["dragonfly"] - 0.2 * 319) < 5
    assert len(training) > len(validation) and len(training) > len(test)


@pytest.mark.parametrize(
    "fractions",
    [(0.5, 0.5), (0.6, 0.3, 0.2), (1.0, 0.0, 0.0), (0.7, 0.5, -0.2), (0.6, 0.4, np.nan)],
)
def test_fractions_that_are_no_shares_are_refused(
    tiny_set: ImageSet, fractions: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="expected three numbers above 0 that add up to 1"):
        honest_split(tiny_set, fractions=fractions)


def test_class_with_too_few_groups_is_named(tiny_set: ImageSet) -> None:
    groups = tiny_set.groups.copy()
    groups[tiny_set.labels == 1] = np.where(np.arange(8) < 4, 100, 101)
    few = replace(tiny_set, groups=groups)
    with pytest.raises(ValueError, match="'cockroach' has 2 groups; three parts need at least 3"):
        honest_split(few)
    with pytest.raises(ValueError, match="'cockroach' has 2 groups; n_folds=5 need at least 5"):
        list(honest_folds(few))
    assert len(list(honest_folds(few, n_folds=2))) == 2


def test_split_that_cannot_be_is_refused() -> None:
    """Every class has three groups, but two of them are the same mixed one for all."""
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 0, 1, 2])
    groups = np.array([0, 0, 0, 1, 1, 1, 2, 3, 2, 2])
    assert all(min(p.counts().values()) > 0 for p in honest_split(make_set(labels, groups)))
    # beetles and cockroaches meet in groups 0 and 1; each has one other, dragonflies never fit
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
    groups = np.array([0, 1, 2, 0, 1, 3, 2, 3, 4, 4])
    with pytest.raises(ValueError, match="no split of 5 groups was found"):
        honest_split(make_set(labels, groups))


def test_one_fold_is_refused(tiny_set: ImageSet) -> None:
    with pytest.raises(ValueError, match="n_folds is 1; expected 2 or more"):
        list(honest_folds(tiny_set, n_folds=1))


def test_each_group_goes_where_its_class_is_most_wanted() -> None:
    labels = np.array([0] * 6 + [0] * 2 + [0] * 2)
    groups = np.array([0] * 6 + [1] * 2 + [2] * 2)
    part = deal_groups(labels, groups, (0.6, 0.2, 0.2), np.array([0, 1, 2]))
    np.testing.assert_array_equal(part, [0] * 6 + [1] * 2 + [2] * 2)


def test_want_is_a_share_of_what_a_part_is_due() -> None:
    """Of ten pictures eight are due to one part and two to the other, which has none yet."""
    groups = np.repeat([0, 1, 2, 3], [4, 4, 1, 1])
    part = deal_groups(np.zeros(10, dtype=np.int64), groups, (0.8, 0.2), np.arange(4))
    assert part[[0, 4, 8, 9]].tolist() == [0, 1, 0, 0]


def test_runs_begin_where_the_step_is_larger_than_the_gap() -> None:
    names = ["5380101", "5384100", "5380105", "5384120", "5380104", "5384171"]
    np.testing.assert_array_equal(catalogue_groups(names), [0, 1, 0, 1, 0, 2])
    np.testing.assert_array_equal(catalogue_groups(names, gap=51), [0, 1, 0, 1, 0, 1])
    np.testing.assert_array_equal(catalogue_groups(names, gap=10), [0, 1, 0, 2, 0, 3])
    assert catalogue_groups([]).shape == (0,)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=40), st.integers(0, 100))
def test_runs_are_those_of_a_plain_loop(numbers: list[int], gap: int) -> None:
    group = {}
    last, current = None, 0
    for number in sorted(numbers):
        if last is not None and number - last > gap:
            current += 1
        group[number], last = current, number
    expected = [group[number] for number in numbers]
    assert catalogue_groups([f"UGA{n}" for n in numbers], gap).tolist() == expected


def test_letters_in_catalogue_names_are_left_out() -> None:
    assert catalogue_number("UGA1225006") == 1225006
    with pytest.raises(ValueError, match="'beetle' has no digits"):
        catalogue_groups(["5380101", "beetle"])


def test_unique_indices_are_the_first_of_each_digest() -> None:
    imageset = make_set(np.zeros(5), np.arange(5), ["b", "a", "b", "c", "a"])
    np.testing.assert_array_equal(unique_indices(imageset), [0, 1, 3])


def test_joined_groups_are_one_however_the_chain_runs() -> None:
    groups = np.array([0, 0, 1, 2, 3, 3])
    joined = join_groups(groups, [(1, 2), (3, 4), (5, 0)])
    assert len(set(joined.tolist())) == 1
    np.testing.assert_array_equal(groups, [0, 0, 1, 2, 3, 3])
    apart = join_groups(groups, [(2, 3)])
    assert apart[2] == apart[3] and len(set(apart.tolist())) == 3
    assert join_groups(groups, []).tolist() == groups.tolist()


def test_photographs_have_the_published_runs() -> None:
    from insectlib.data.sources.photos import manifest

    names = {path.split("/")[-1].removesuffix(".jpg") for path in manifest()}
    sizes = np.bincount(catalogue_groups(sorted(names)))
    assert (len(sizes), sizes.max()) == (138, 190)
