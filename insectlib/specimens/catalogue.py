"""Which pictures the collection holds: runs of catalogue numbers, and the shortcut in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insectlib.specimens.backgrounds import KINDS
from insectlib.specimens.insects.species import CLASS_NAMES, Species, sample_species
from insectlib.specimens.label import LABEL_STYLES, Strip
from insectlib.specimens.scene import (
    Backdrop,
    Light,
    Pose,
    Scene,
)

# pictures of each class in each part, and runs that they come from, as in the real collection
COUNTS: Mapping[str, tuple[int, int, int]] = {
    "train": (460, 240, 320),
    "validation": (66, 36, 48),
    "new_test": (60, 60, 60),
    "counterfactual": (60, 60, 60),
}
RUNS: Mapping[str, tuple[int, int, int]] = {
    "train": (44, 40, 46),
    "validation": (12, 10, 12),
    "new_test": (15, 15, 15),
    "counterfactual": (15, 15, 15),
}
OWN_BACKGROUNDS = {
    "beetle": ("studio", "card"),
    "cockroach": ("bark", "leaf"),
    "dragonfly": ("sky", "water"),
}
SERIES = 5  # pictures of a run for each further species
NATURAL = ("leaf", "bark", "sky", "water")


@dataclass(frozen=True)
class Run:
    """What pictures with neighbouring numbers have in common: some species, one photographer."""

    class_name: str
    species: tuple[Species, ...]
    background: str
    label_style: int
    light: Light


@dataclass(frozen=True)
class Entry:
    """One picture of the collection: its part, its run, and its scene."""

    part: str
    group: int
    scene: Scene


def background_shares(class_name: str, strength: float) -> NDArray[np.float64]:
    """Return the share of each of ``KINDS`` in a class: its own share `strength` among them.

    Strength 0 gives all classes the same shares, 1 gives each class its own kinds alone.
    """
    return _shares(strength, [kind in OWN_BACKGROUNDS[class_name] for kind in KINDS])


def style_shares(class_name: str, strength: float) -> NDArray[np.float64]:
    """Return the share of each of ``LABEL_STYLES`` in a class, as `background_shares` does."""
    label = CLASS_NAMES.index(class_name)
    return _shares(strength, [style == label for style in range(len(LABEL_STYLES))])


def _shares(strength: float, own: list[bool]) -> NDArray[np.float64]:
    if not 0 <= strength <= 1:
        raise ValueError(f"shortcut strength {strength}: expected 0 to 1")
    return strength * np.array(own) / sum(own) + (1 - strength) / len(own)


def sample_run(
    class_name: str,
    background: str,
    label_style: int,
    random: np.random.Generator,
    *,
    species: int = 1,
) -> Run:
    """Draw as many `species` as asked for, and a photographer's habits.

    Raises
    ------
    ValueError
        When the class is unknown.
    """
    light = Light(
        direction=float(random.normal(235, 35)),
        exposure=float(random.uniform(0.82, 1.12)),
        warmth=float(random.normal(1.0, 0.035)),
        shadow=float(random.uniform(0.25, 0.6)),
        shadow_length=float(random.uniform(0.008, 0.03)),
        blur=float(random.choice([0.0, 0.0, 0.002, 0.004])),
        depth=float(random.uniform(0.0, 0.012)),
        noise=float(random.uniform(1.5, 5)),
    )
    series = tuple(sample_species(class_name, random) for _ in range(species))
    return Run(class_name, series, background, label_style, light)


def sample_individual(run: Run, number: int, random: np.random.Generator) -> Scene:
    """Draw one picture of a run, with catalogue `number`."""
    light, cropped = run.light, random.random() < 0.15
    spread = 0.13 if cropped else 0.04
    return Scene(
        class_name=run.class_name,
        seed=int(random.integers(2**31)),
        species=run.species[int(random.integers(len(run.species)))],
        pose=Pose(
            angle=_sample_angle(random),
            scale=float(random.uniform(0.29, 0.46)),
            x=float(random.normal(0.5, spread)),
            y=float(random.normal(0.5, spread)),
            tilt=min(abs(float(random.normal(0, 18))), 40.0),
            roll=min(abs(float(random.normal(0, 14))), 35.0),
        ),
        light=Light(
            direction=light.direction + float(random.normal(0, 6)),
            exposure=light.exposure * float(random.normal(1, 0.05)),
            warmth=light.warmth * float(random.normal(1, 0.01)),
            shadow=light.shadow if run.background != "sky" else 0.0,
            shadow_length=light.shadow_length,
            blur=light.blur * float(random.uniform(0, 1.5)),
            depth=light.depth,
            noise=light.noise,
        ),
        backdrop=Backdrop(run.background, int(random.integers(2**31))),
        clutter=_sample_clutter(run.background, random),
        strip=Strip(f"{LABEL_STYLES[run.label_style].prefix}{number}", run.label_style),
    )


def sample_scene(
    class_name: str, seed: int, *, shortcut_background: float = 0.0, shortcut_strip: float = 0.0
) -> Scene:
    """Draw one scene by itself, with a species of its own.

    Parameters
    ----------
    class_name : str
        One of ``CLASS_NAMES``.
    seed : int
        Not negative.
    shortcut_background, shortcut_strip : float
        How strongly the kind of background, and the style of the strip, go with the class: from 0,
        where they are independent of it, to 1, where they are always the class's own.

    Raises
    ------
    ValueError
        When the class is unknown or a strength is not between 0 and 1.
    """
    if class_name not in CLASS_NAMES:
        raise ValueError(f"class {class_name!r}: expected one of {', '.join(CLASS_NAMES)}")
    random = np.random.default_rng([seed, 3])
    background = random.choice(KINDS, p=background_shares(class_name, shortcut_background))
    style = int(random.choice(len(LABEL_STYLES), p=style_shares(class_name, shortcut_strip)))
    number = int(random.integers(LABEL_STYLES[style].first, LABEL_STYLES[style].last))
    run = sample_run(class_name, str(background), style, random)
    return sample_individual(run, number, random)


def checked_counts(counts: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    """Return the pictures of each class for each part, as plain whole numbers.

    Parameters
    ----------
    counts : mapping of str to three whole numbers
        Any of the parts of `COUNTS`; for each class in the order of ``CLASS_NAMES``, from 0.

    Raises
    ------
    ValueError
        For a part that there is not, or anything but one whole number for each class.
    """
    for part in counts:
        if part not in COUNTS:
            raise ValueError(f"part {part!r}: expected one of {', '.join(COUNTS)}")
    checked = {}
    for part in (part for part in COUNTS if part in counts):  # one order, one plan
        of_classes = counts[part]
        numbers = np.asarray(of_classes)
        if numbers.shape != (len(CLASS_NAMES),) or numbers.dtype.kind not in "iu":
            raise ValueError(
                f"counts of {part!r} are {of_classes!r}: expected {len(CLASS_NAMES)} whole "
                f"numbers, one for each of {', '.join(CLASS_NAMES)}"
            )
        if numbers.min() < 0:
            raise ValueError(f"counts of {part!r} are {of_classes!r}: expected none below 0")
        checked[part] = tuple(numbers.tolist())
    return checked


def plan_collection(
    seed: int = 0,
    *,
    shortcut_background: float = 0.8,
    shortcut_strip: float = 0.9,
    counts: Mapping[str, Sequence[int]] = COUNTS,
) -> list[Entry]:
    """Draw the scenes of the whole collection.

    Species, background and camera belong to a run. How many pictures of a class have which
    background and which style of strip follows the strengths closely, not by luck. Numbers within
    a run lie at most 9 apart, different runs at least 60. The part ``"counterfactual"`` has no
    shortcut, whatever the strengths.

    Parameters
    ----------
    seed : int
    shortcut_background, shortcut_strip : float
        See `sample_scene`.
    counts : mapping of str to three whole numbers
        Pictures of each class for each part that is wanted; see `checked_counts`.

    Returns
    -------
    list of Entry
        Sorted by part, class and name.

    Raises
    ------
    ValueError
        When a strength is not between 0 and 1, when `counts` are not what `checked_counts` takes,
        or when they ask for more pictures than there are catalogue numbers.
    """
    counts = checked_counts(counts)
    random = np.random.default_rng([seed, 4])
    wanted: list[tuple[str, str, int, str, int]] = []
    for part, of_classes in counts.items():
        linked = part != "counterfactual"
        for name, count, runs in zip(CLASS_NAMES, of_classes, RUNS[part], strict=True):
            sizes = _run_sizes(count, runs, random)
            kinds = _deal(sizes, background_shares(name, linked * shortcut_background), random)
            styles = _deal(sizes, style_shares(name, linked * shortcut_strip), random)
            for size, kind, style in zip(sizes, kinds, styles, strict=True):
                wanted.append((part, name, size, KINDS[kind], style))
    following = [style.first for style in LABEL_STYLES]
    entries = []
    for group, chosen in enumerate(random.permutation(len(wanted))):
        part, name, size, background, style = wanted[int(chosen)]
        run = sample_run(name, background, style, random, species=1 + size // SERIES)
        number = following[run.label_style] + int(random.integers(60, 200))
        for _ in range(size):
            number += int(random.integers(1, 10))
            entries.append(Entry(part, group, sample_individual(run, number, random)))
        following[run.label_style] = number
    for own, last in zip(LABEL_STYLES, following, strict=True):
        if last > own.last:
            raise ValueError(f"catalogue numbers up to {last} leave the range to {own.last}")
    parts = list(counts)
    return sorted(
        entries,
        key=lambda e: (
            parts.index(e.part),
            CLASS_NAMES.index(e.scene.class_name),
            e.scene.strip.text,
        ),
    )


def _run_sizes(count: int, runs: int, random: np.random.Generator) -> list[int]:
    """Return skewed sizes that sum to `count`, largest first: a few long runs, many short ones."""
    runs = min(runs, count)
    weights = random.pareto(1.3, runs) + 0.4
    for _ in range(8):  # no run longer than about a quarter of the class
        weights = np.minimum(weights, 0.24 * weights.sum())
    sizes = 1 + np.floor((count - runs) * weights / weights.sum()).astype(int)
    sizes[random.permutation(runs)[: count - int(sizes.sum())]] += 1
    return sorted(map(int, sizes), reverse=True)


def _deal(sizes: list[int], shares: NDArray[np.float64], random: np.random.Generator) -> list[int]:
    """Give each run the option that most lacks pictures, so that even few runs keep the shares."""
    missing = shares * sum(sizes) + random.uniform(0, 0.5, len(shares))
    dealt = []
    for size in sizes:
        option = int(np.argmax(missing))
        missing[option] -= size
        dealt.append(option)
    return dealt


def _sample_angle(random: np.random.Generator) -> float:
    """Return a turn: mostly head up, as people lay out specimens, now and then any direction."""
    if random.random() < 0.1:
        return float(random.uniform(0, 360))
    return float(random.choice([0, 90, 270], p=[0.8, 0.1, 0.1])) + float(random.normal(0, 20))


def _sample_clutter(background: str, random: np.random.Generator) -> tuple[str, ...]:
    if background in NATURAL:
        items, chances = ("twig", "leaf", "grains", "blade"), (0.35, 0.35, 0.25, 0.25)
    else:
        items, chances = ("scale", "pin", "grains", "twig"), (0.35, 0.25, 0.25, 0.12)
    return tuple(i for i, p in zip(items, chances, strict=True) if random.random() < p)
