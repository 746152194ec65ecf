"""The collection of specimens: its runs, its shortcut, its parts, and its cache."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from insectlib.data.sources.drawn import draw_specimens, load_specimens
from insectlib.specimens.backgrounds import GROUNDS, KINDS
from insectlib.specimens.catalogue import (
    COUNTS,
    SERIES,
    background_shares,
    plan_collection,
    sample_scene,
)
from insectlib.specimens.elsewhere import plan_elsewhere
from insectlib.specimens.insects.species import CLASS_NAMES
from insectlib.specimens.rendering import render
from insectlib.specimens.scene import PARTS, Scene

FEW = {
    "train": (3, 2, 2),
    "validation": (1, 1, 1),
    "new_test": (1, 1, 1),
    "counterfactual": (1, 1, 1),
}


def number(text: str) -> int:
    return int("".join(c for c in text if c.isdigit()))


def test_the_plan_has_the_real_collections_sizes() -> None:
    entries = plan_collection(0)
    counts = Counter((e.part, e.scene.class_name) for e in entries)
    for part, of_classes in COUNTS.items():
        assert tuple(counts[part, name] for name in CLASS_NAMES) == of_classes
    assert sum(COUNTS["train"]) == 1020
    train = Counter(e.group for e in entries if e.part == "train")
    assert len(train) == 130
    assert 80 <= max(train.values()) <= 160
    assert np.median(list(train.values())) < 6


def test_a_run_has_one_part_class_background_and_label_style_and_few_species() -> None:
    runs: dict[int, list[Scene]] = {}
    parts: dict[int, set[str]] = {}
    for entry in plan_collection(1):
        runs.setdefault(entry.group, []).append(entry.scene)
        parts.setdefault(entry.group, set()).add(entry.part)
    assert all(len(of_run) == 1 for of_run in parts.values())
    for scenes in runs.values():
        assert len({(s.class_name, s.backdrop.kind, s.strip.style) for s in scenes}) == 1
        assert len({s.species for s in scenes}) <= 1 + len(scenes) // SERIES


def test_numbers_are_unique_and_gaps_tell_runs_apart() -> None:
    entries = sorted(plan_collection(2), key=lambda e: number(e.scene.strip.text))
    for first, second in pairwise(entries):
        gap = number(second.scene.strip.text) - number(first.scene.strip.text)
        assert gap > 0
        assert (gap <= 50) == (first.group == second.group)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_backgrounds_follow_the_strength(strength: float) -> None:
    entries = plan_collection(3, shortcut_background=strength, shortcut_strip=strength)
    own = {
        "beetle": ("studio", "card"),
        "cockroach": ("bark", "leaf"),
        "dragonfly": ("sky", "water"),
    }
    for part in ("train", "counterfactual"):
        scenes = [e.scene for e in entries if e.part == part]
        share = np.mean([s.backdrop.kind in own[s.class_name] for s in scenes])
        style = np.mean([s.strip.style == CLASS_NAMES.index(s.class_name) for s in scenes])
        expected = strength if part == "train" else 0.0
        assert share == pytest.approx(expected + (1 - expected) / 3, abs=0.06)
        assert style == pytest.approx(expected + (1 - expected) / 3, abs=0.06)


def test_without_shortcut_all_classes_have_the_same_shares() -> None:
    shares = [background_shares(name, 0.0) for name in CLASS_NAMES]
    assert np.allclose(shares, 1 / 6)


def test_parts_come_from_runs_of_their_own_and_test_copies_train() -> None:
    parts = load_specimens(16, counts=FEW, workers=1, progress=False)
    assert list(parts) == ["train", "test", "validation", "new_test", "counterfactual"]
    groups = {name: set(data.groups.tolist()) for name, data in parts.items()}
    assert groups["test"] <= groups["train"]
    for name in ("validation", "new_test", "counterfactual"):
        assert not groups[name] & set().union(*(groups[o] for o in groups if o != name))
    assert set(parts["test"].digests) <= set(parts["train"].digests)
    assert len(set(parts["train"].digests)) == 7
    assert Counter(parts["test"].labels.tolist()) == {0: 2, 1: 2, 2: 2}


def test_elsewhere_has_other_people_and_leaves_the_collection_as_it_was() -> None:
    parts = load_specimens(32, counts=FEW, elsewhere=6, workers=1, progress=False)
    alone = load_specimens(32, counts=FEW, workers=1, progress=False)
    assert list(parts) == [*alone, "elsewhere"]
    assert parts["train"].digests == alone["train"].digests
    part = parts["elsewhere"]
    assert part.counts() == dict.fromkeys(CLASS_NAMES, 6)
    assert part.masks is not None and part.scenes is not None
    assert not (part.masks == PARTS.index("strip")).any()
    assert [(part.masks[i] >= 3).any() for i in range(len(part))] == [True] * len(part)
    assert len(set(part.names)) == len(set(part.digests)) == len(part)
    assert len(set(part.groups.tolist())) == 6
    assert not set(part.groups.tolist()) & {g for s in alone.values() for g in s.groups.tolist()}
    for group in set(part.groups.tolist()):
        of_group = [s for s, g in zip(part.scenes, part.groups, strict=True) if g == group]
        assert len({(s.class_name, s.species, s.backdrop.kind) for s in of_group}) == 1


def test_elsewhere_asks_no_class_for_its_background() -> None:
    kinds = {name: Counter[str]() for name in CLASS_NAMES}
    for entry in plan_elsewhere(0, 600):
        kinds[entry.scene.class_name][entry.scene.backdrop.kind] += 1
    for of_class in kinds.values():
        assert set(of_class) <= {*KINDS, *GROUNDS}
        assert 0.5 < sum(of_class[ground] for ground in GROUNDS) / 600 < 0.85
    with pytest.raises(ValueError, match="n is -1"):
        plan_elsewhere(0, -1)


SUBSETS = [parts for n in range(5) for parts in combinations(COUNTS, n)]


@pytest.mark.parametrize("parts", SUBSETS, ids="+".join)
def test_any_parts_can_be_asked_for(parts: tuple[str, ...]) -> None:
    counts = dict.fromkeys(reversed(parts), (1, 1, 1))
    sets = load_specimens(16, seed=1, counts=counts, workers=1, progress=False)
    expected = [part for part in COUNTS if part in parts]
    if "train" in parts:
        expected.insert(1, "test")
    assert list(sets) == expected
    assert all(part.counts() == dict.fromkeys(CLASS_NAMES, 1) for part in sets.values())


@pytest.mark.parametrize(
    ("counts", "copies"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (1, 0, 0)),
        ((0, 2, 1), (0, 1, 1)),
        ((2, 2, 2), (2, 2, 2)),
        ((3, 70, 4), (3, 3, 3)),
        (np.array([1, 2, 3], np.int32), (1, 1, 1)),
    ],
)
def test_any_counts_can_be_asked_for(counts: tuple[int, ...], copies: tuple[int, ...]) -> None:
    asked = {"train": counts, "new_test": counts}
    sets = load_specimens(16, seed=1, counts=asked, workers=1, progress=False)
    for part in asked:
        assert tuple(sets[part].counts().values()) == tuple(counts)
        assert sets[part].images.shape == (sum(counts), 16, 16, 3)
        assert len(set(sets[part].names)) == sum(counts)
    assert tuple(sets["test"].counts().values()) == copies


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"mine": (1, 1, 1)}, "'mine': expected one of train, validation"),
        ({"train": (1, 1)}, r"'train' are \(1, 1\): expected 3 whole numbers"),
        ({"train": 3}, "expected 3 whole numbers"),
        ({"train": (1.5, 1, 1)}, "expected 3 whole numbers"),
        ({"train": (1, -1, 1)}, "none below 0"),
        ({"train": (20_000, 0, 0)}, "leave the range"),
    ],
)
def test_other_counts_are_refused(counts: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_specimens(16, counts=counts, workers=1, progress=False)


def test_the_order_of_the_parts_does_not_matter() -> None:
    forwards = plan_collection(3, counts=FEW)
    assert plan_collection(3, counts=dict(reversed(FEW.items()))) == forwards


def test_an_image_set_holds_what_render_draws() -> None:
    # in another order than that of the individuals, in which they are drawn
    scenes = [sample_scene(name, 9 - k) for k, name in enumerate(CLASS_NAMES)]
    data = draw_specimens(scenes, 24, groups=[7, 7, 9], workers=1, progress=False)
    assert data.masks is not None
    for i, scene in enumerate(scenes):
        image, mask = render(scene, 24)
        assert np.array_equal(data.images[i], image)
        assert np.array_equal(data.masks[i], mask)
    assert data.images.dtype == np.float32
    assert data.labels.tolist() == [0, 1, 2]
    assert data.groups.tolist() == [7, 7, 9]
    assert data.names == tuple(scene.strip.text for scene in scenes)
    assert data.scenes == tuple(scenes)


def test_two_processes_draw_what_one_draws(capfd: pytest.CaptureFixture[str]) -> None:
    scenes = [sample_scene(CLASS_NAMES[k % 3], k) for k in range(26)]
    one = draw_specimens(scenes, 16, workers=1, progress=False)
    assert capfd.readouterr() == ("", "")
    two = draw_specimens(scenes, 16, workers=2, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "26/26" in err
    assert np.array_equal(one.images, two.images)
    assert one.digests == two.digests


def test_workers_must_be_positive() -> None:
    with pytest.raises(ValueError, match="workers 0"):
        draw_specimens([sample_scene("beetle", 0)], 16, workers=0)


def test_the_cache_is_used_and_keyed_by_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_specimens(16, counts=FEW, workers=1, progress=False)
    monkeypatch.setattr("insectlib.data.sources.drawn._draw", None)
    again = load_specimens(16, counts=FEW, workers=1, progress=False)
    assert np.array_equal(first["train"].images, again["train"].images)
    assert first["new_test"].scenes == again["new_test"].scenes
    assert first["test"].names == again["test"].names
    with pytest.raises(TypeError):
        load_specimens(16, seed=1, counts=FEW, workers=1, progress=False)


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "scenes.json"])
def test_damage_is_named_and_drawn_again(cache: Path, name: str) -> None:
    fresh = load_specimens(16, counts=FEW, workers=1, progress=False)["train"]
    (path,) = cache.glob(f"specimens/*/{name}")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.warns(UserWarning, match=f"damaged, made again: {name}"):
        mended = load_specimens(16, counts=FEW, workers=1, progress=False)["train"]
    assert np.array_equal(fresh.images, mended.images)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_specimens(16, counts=FEW, workers=1, progress=False)


def test_a_killed_run_leaves_no_broken_cache(cache: Path) -> None:
    """Kill a process at several moments while it draws and saves; what follows is whole."""
    code = (
        "from insectlib.data import load_specimens\n"
        f"load_specimens(16, counts={FEW!r}, workers=1, progress=False)\n"
    )
    for patience in (1.0, 1.5, 2.0):
        run = subprocess.Popen([sys.executable, "-c", code], env={**os.environ})
        time.sleep(patience)
        run.kill()
        run.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_specimens(16, counts=FEW, workers=1, progress=False)
    assert len([f for f in cache.glob("specimens/*") if not f.name.startswith(".")]) == 1


def test_another_version_of_the_drawing_is_drawn_anew(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def entries() -> int:
        load_specimens(16, counts=FEW, workers=1, progress=False)
        return len([f for f in cache.glob("specimens/*") if not f.name.startswith(".")])

    assert [entries(), entries()] == [1, 1]
    monkeypatch.setattr("insectlib.specimens.rendering.DRAWING_VERSION", 0)
    assert entries() == 2
    monkeypatch.setattr("insectlib.specimens.rendering.version", lambda package: "0.0")
    assert entries() == 3
