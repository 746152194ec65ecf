"""Scenes, pixels and masks of the drawn insects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from insectlib.data.label_strip import strip_box
from insectlib.specimens import rendering
from insectlib.specimens.backgrounds import GROUNDS, KINDS, draw_background
from insectlib.specimens.catalogue import plan_collection, sample_scene
from insectlib.specimens.clutter import ITEMS
from insectlib.specimens.elsewhere import plan_elsewhere
from insectlib.specimens.insects.species import CLASS_NAMES
from insectlib.specimens.label import LABEL_STYLES
from insectlib.specimens.rendering import DRAWING_VERSION, SHADOW_BLUR, blur, reach, render
from insectlib.specimens.scene import INSECT, PARTS, Scene

SIZE = 96
PART = {part: index for index, part in enumerate(PARTS)}


def spread(where: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Return `where`, grown by `radius` pixels in all directions."""
    padded = np.pad(where, radius)
    grown = np.zeros_like(where)
    for dy in range(2 * radius + 1):
        for dx in range(2 * radius + 1):
            grown |= padded[dy : dy + where.shape[0], dx : dx + where.shape[1]]
    return grown


def footprint(scene: Scene, *parts: str) -> NDArray[np.bool_]:
    """Return all pixels that the parts touch when nothing else of the insect lies over them."""
    others = [p for p in PARTS[1:] if p not in parts]
    return np.asarray(render(scene.without(*others), SIZE)[1]) > 0


scenes = st.builds(
    sample_scene,
    st.sampled_from(CLASS_NAMES),
    st.integers(0, 10_000),
    shortcut_background=st.sampled_from([0.0, 1.0]),
    shortcut_strip=st.sampled_from([0.0, 1.0]),
)


@settings(max_examples=15, deadline=None)
@given(scenes)
def test_images_are_whole_numbers_and_masks_are_parts(scene: Scene) -> None:
    image, mask = render(scene, 48)
    assert image.shape == (48, 48, 3)
    assert image.dtype == np.float32
    assert mask.dtype == np.uint8
    assert mask.shape == (48, 48)
    assert np.array_equal(image, np.rint(image))
    assert image.min() >= 0
    assert image.max() <= 255
    assert set(np.unique(mask)) <= set(range(len(PARTS)))
    assert {PART["background"], PART["strip"]} <= set(np.unique(mask))


@settings(max_examples=15, deadline=None)
@given(scenes)
def test_json_keeps_a_scene(scene: Scene) -> None:
    assert Scene.from_json(scene.to_json()) == scene
    fewer = scene.without("head", "strip").plain_background()
    assert Scene.from_json(fewer.to_json()) == fewer
    assert json.loads(scene.to_json())["class_name"] == scene.class_name


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_every_part_of_the_insect_is_to_be_seen(class_name: str) -> None:
    seen = np.zeros(len(PARTS), int)
    for seed in range(6):
        seen += np.bincount(render(sample_scene(class_name, seed), 128)[1].ravel(), minlength=9)
    assert (seen[3:] > 0).all(), dict(zip(PARTS, seen, strict=True))


@settings(max_examples=12, deadline=None)
@given(scenes, st.sampled_from([*INSECT, "insect", "clutter"]))
@example(sample_scene("cockroach", 423, shortcut_background=0.0, shortcut_strip=0.0), "legs")
def test_removal_changes_nothing_elsewhere(scene: Scene, part: str) -> None:
    """Pixels change only within the part's footprint, its shadow's, and the reach of their blur."""
    before, mask = render(scene, SIZE)
    after, mask_after = render(scene.without(part), SIZE)
    own = footprint(scene, *(INSECT if part == "insect" else (part,)))
    edge = np.ones((SIZE, SIZE), bool)
    edge[1:-1, 1:-1] = False
    cut = own if not (own & edge).any() else own | edge  # it goes on beyond the picture's edge
    margin = reach(scene, SIZE) + 1
    if part != "clutter":
        margin += (
            1 + round(scene.light.shadow_length * SIZE) + int(np.ceil(2.5 * SHADOW_BLUR * SIZE))
        )
    changed = (before != after).any(2)
    assert not (changed & ~spread(cut, margin)).any()
    assert not ((mask != mask_after) & ~spread(own, 1)).any()
    labels = [PART[p] for p in (INSECT if part == "insect" else (part,))]
    assert not np.isin(mask_after, labels).any()
    if own.sum() > 30 and np.isin(mask, labels).sum() > 30:
        assert changed.any()


def test_removing_the_insect_removes_its_shadow() -> None:
    scene = sample_scene("beetle", 3).with_background("studio", 1).without("clutter", "strip")
    scene = replace(scene, light=replace(scene.light, noise=0.0, shadow=0.6))
    bare, _ = render(scene.without("insect"), SIZE)
    dark = replace(scene, light=replace(scene.light, shadow=0.9)).without("insect")
    assert np.array_equal(bare, render(dark, SIZE)[0])


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_another_background_leaves_the_opaque_insect_and_the_strip(class_name: str) -> None:
    scene = sample_scene(class_name, 5)
    scene = replace(scene, light=replace(scene.light, blur=0.0))
    first, mask = render(scene.with_background("sky", 1), SIZE)
    second, other = render(scene.with_background("bark", 2), SIZE)
    assert np.array_equal(mask, other)
    kept = np.isin(mask, [PART["thorax"], PART["head"], PART["strip"]])
    inside = kept & ~spread(~kept, 1)
    assert inside.sum() > 40
    # where two pieces of cuticle meet, their soft edges may let a trace of the background through
    same = (first == second).all(2)
    assert same[mask == PART["strip"]].all()
    assert same[inside].mean() > 0.95
    assert (first != second).any(2)[mask == PART["background"]].mean() > 0.9


def test_another_strip_changes_the_strip_alone() -> None:
    scene = sample_scene("dragonfly", 8)
    top, left, bottom, right = strip_box(SIZE, SIZE)
    for text, style in (("5556820", 0), ("5380153", 1), ("UGA1225006", 2)):
        first, second = (render(s, SIZE)[0] for s in (scene, scene.with_strip(text, style)))
        changed = (first != second).any(2)
        changed[top:bottom, left:right] = False
        assert not changed.any()


@pytest.mark.parametrize("size", [32, 64, 128, 224])
@pytest.mark.parametrize("number", range(len(LABEL_STYLES)))
def test_the_strip_lies_in_its_box(size: int, number: int) -> None:
    style = LABEL_STYLES[number]
    scene = sample_scene("beetle", 1).with_strip(f"{style.prefix}{style.last}", number)
    _, mask = render(scene, size)
    rows, columns = np.nonzero(mask == PART["strip"])
    top, left, bottom, right = strip_box(size, size)
    assert rows.min() >= top
    assert columns.min() >= left
    assert (rows.max() + 1, columns.max() + 1) == (bottom, right) == (size, size)


def test_removed_parts_leave_the_picture_empty() -> None:
    scene = sample_scene("cockroach", 2).without("insect", "clutter", "strip")
    _, mask = render(scene, 64)
    assert (mask == 0).all()


def test_same_scene_at_two_sizes_shows_the_same() -> None:
    scene = sample_scene("beetle", 11)
    small, _ = render(scene, 64)
    large, _ = render(scene, 128)
    halved = large.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.corrcoef(small.ravel(), halved.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.without("wing"), "'wing'.*expected one of"),
        (lambda s: s.without("background"), "'background' cannot be left out"),
        (lambda s: s.with_background("moon"), "'moon'.*expected one of"),
        (lambda s: s.with_strip("5556820", 7), "label style 7"),
        (lambda s: render(s.with_strip("x1"), 32), "no strokes for x"),
        (lambda s: render(s, 8), "size 8"),
        (lambda s: sample_scene("spider", 0), "'spider'.*expected one of"),
        (lambda s: sample_scene("beetle", 0, shortcut_strip=2), "expected 0 to 1"),
        (lambda s: draw_background("moon", 0, 32), "'moon'"),
        (lambda s: render(replace(s, clutter=("coin",)), 32), "'coin'"),
    ],
)
def test_errors_name_the_value(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=message):
        call(sample_scene("beetle", 0))


def test_shortcut_one_ties_background_and_strip_to_the_class() -> None:
    own = {
        "beetle": {"studio", "card"},
        "cockroach": {"bark", "leaf"},
        "dragonfly": {"sky", "water"},
    }
    for label, name in enumerate(CLASS_NAMES):
        for seed in range(10):
            tied = sample_scene(name, seed, shortcut_background=1, shortcut_strip=1)
            assert tied.backdrop.kind in own[name]
            assert tied.strip.style == label


def test_blur_reaches_exactly_as_far_as_it_says() -> None:
    spot = np.zeros((41, 41, 1), np.float32)
    spot[20, 20] = 1
    spread_out = blur(spot, 2.0)[..., 0]
    rows = np.nonzero(spread_out.any(1))[0]
    assert (rows.min(), rows.max()) == (15, 25)
    assert spread_out.sum() == pytest.approx(1, abs=1e-5)
    assert np.array_equal(spread_out, spread_out.T)
    assert np.array_equal(blur(spot, 0.1), spot)


@pytest.mark.parametrize("kind", (*KINDS, *GROUNDS))
def test_backgrounds_vary_with_the_seed_and_not_otherwise(kind: str) -> None:
    first, again, other = (draw_background(kind, seed, 40) for seed in (1, 1, 2))
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert 0 <= first.min() <= first.max() <= 255


def fingerprint(scene: Scene, size: int) -> str:
    image, mask = render(scene, size)
    return hashlib.sha256(image.astype(np.uint8).tobytes() + mask.tobytes()).hexdigest()[:16]


def test_pixels_do_not_depend_on_what_was_drawn_before() -> None:
    scene = sample_scene("dragonfly", 3)
    others = [
        scene.without("wings"),
        sample_scene("dragonfly", 4),
        scene.with_background("bark", 5),
        replace(scene, pose=replace(scene.pose, angle=scene.pose.angle + 40)),
        replace(scene, light=replace(scene.light, direction=scene.light.direction + 90)),
        replace(scene, species=sample_scene("dragonfly", 5).species),
    ]
    fresh = []
    for each in (scene, *others):
        rendering._insect_canvas.cache_clear()
        rendering._insect_pixels.cache_clear()
        fresh.append(fingerprint(each, 64))
    assert len(set(fresh)) == len(fresh)
    for _ in range(2):
        assert [fingerprint(each, 64) for each in (scene, *others)] == fresh
    assert rendering._insect_pixels.cache_info().hits > 0


# What the locked versions draw with `DRAWING_VERSION`, on any machine: for each class the digest of
# pixels and masks of `golden_scenes`, that of pictures from elsewhere, and that of the plan of the
# collection. To change the
# drawing on purpose, raise the version, run ``python -m tests.specimens.test_drawing`` in the
# root of the repository, and put what it prints here.
GOLDEN: dict[str, object] = {
    "version": 1,
    "beetle": "f41d3d55cb4ee4e1",
    "cockroach": "d367d5bc6cc9cffc",
    "dragonfly": "c15ec47ce4acdd62",
    "elsewhere": "564b17cbbb3a7ae0",
    "plan": "de64567014bdd4cb",
}


def golden_scenes(class_name: str) -> Iterator[Scene]:
    """Yield scenes that together have all patterns, backgrounds, clutter and label styles."""
    for seed in range(5, 25):
        scene = sample_scene(class_name, seed)
        scene = scene.with_background(KINDS[seed % len(KINDS)], seed)
        scene = replace(scene, clutter=tuple(np.roll(ITEMS, seed)[: seed % 4].tolist()))
        yield scene
        if seed - 5 < len(PARTS) - 1:
            yield scene.without(PARTS[seed - 4])
    yield scene.plain_background().without("insect", "clutter")


def drawn_now() -> dict[str, object]:
    found: dict[str, object] = {"version": DRAWING_VERSION}
    for name in CLASS_NAMES:
        texts = [fingerprint(scene, 64) for scene in golden_scenes(name)]
        found[name] = hashlib.sha256("".join(texts).encode()).hexdigest()[:16]
    # the last digits of random floats differ between processors
    plan = json.loads(
        json.dumps([asdict(entry) for entry in plan_collection(0)]),
        parse_float=lambda text: round(float(text), 6),
    )
    texts = [fingerprint(entry.scene, 64) for entry in plan_elsewhere(0, 20)]
    found["elsewhere"] = hashlib.sha256("".join(texts).encode()).hexdigest()[:16]
    found["plan"] = hashlib.sha256(json.dumps(plan).encode()).hexdigest()[:16]
    return found


def test_the_version_is_raised_when_a_pixel_changes() -> None:
    assert drawn_now() == GOLDEN, (
        "scenes are drawn otherwise than before: raise DRAWING_VERSION in "
        "insectlib/specimens/rendering.py, or what is kept of old drawings is taken for new ones; "
        "then renew GOLDEN in tests/specimens/test_drawing.py as its comment says"
    )


if __name__ == "__main__":
    print("GOLDEN: dict[str, object] =", drawn_now())
