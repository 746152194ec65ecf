"""Change one thing in the pictures, and see what it does to the accuracy.

Chapter ``10_clever_hans``. A map says what a network leans on; an intervention shows it. A drawn
specimen is drawn again before another background or with another strip. A photograph cannot be
drawn again: there the pixels of the strip are exchanged, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import cover_strip, strip_box
from insectlib.data.sources.drawn import draw_entries
from insectlib.evaluate.localisation import attribution_sums, frame_masks
from insectlib.models.inference import check_images, model_outputs
from insectlib.shortcuts.clusters import regions_of
from insectlib.specimens.catalogue import Entry
from insectlib.specimens.scene import PARTS, Scene

if TYPE_CHECKING:
    import keras
    import shap

GIVERS = ("other", "own", "any")

CONTROL = "other corner painted over"
"""What any painted box does: a box of the same size in the corner that holds no strip."""

OWN_CONTROL = "surroundings swapped in class"
"""What any collage does: all but the centre is taken from a picture of the same class."""


_Change = tuple[str, ImageSet, list[str], NDArray[np.int64] | None, str]


def donors(labels: NDArray[np.int64], *, seed: int, giver: str = "other") -> NDArray[np.int64]:
    """Name, for each picture, the picture that it is given something from.

    Chapter ``10_clever_hans``.

    Parameters
    ----------
    labels : int64 array, shape (n,)
        Class index of each picture.
    seed : int
        Of the draw.
    giver : str
        ``"other"``: always of another class. ``"own"``: always of the same class. ``"any"``:
        what is given has no link with the class any more.

    Returns
    -------
    int64 array, shape (n,)
        Indices from 0 to n - 1.

    Raises
    ------
    ValueError
        For another `giver`, or when a donor of another class is asked for and there is one class
        only.
    """
    if giver not in GIVERS:
        raise ValueError(f"giver is {giver!r}; expected one of {', '.join(GIVERS)}")
    if giver == "other" and len(np.unique(labels)) < 2:
        raise ValueError("labels name one class only; expected two or more to exchange between")
    random, n = np.random.default_rng(seed), len(labels)
    if giver == "any":
        return random.integers(n, size=n)
    chosen = np.empty(n, dtype=np.int64)
    for label in np.unique(labels):
        own = labels == label
        allowed = own if giver == "own" else ~own
        chosen[own] = random.choice(np.flatnonzero(allowed), own.sum())
    return chosen


def exchange(
    part: ImageSet,
    *,
    seed: int,
    background: bool = True,
    strip: bool = True,
    giver: str = "other",
    progress: bool = False,
) -> ImageSet:
    """Draw specimens again with the background, the strip or both of another specimen.

    Chapter ``10_clever_hans``. The insect, its pose, its light and the noise stay as they were.
    What has been drawn is kept on disk.

    Parameters
    ----------
    part : ImageSet
        Drawn specimens, square.
    seed : int
        Of the draw of `donors`.
    background, strip : bool
        What is exchanged. Clutter goes with the background.
    giver : str
        As in `donors`. With ``"any"``, background and strip come from two donors.
    progress : bool
        Whether to show a bar while specimens are drawn.

    Returns
    -------
    ImageSet
        The same insects in the same order.

    Raises
    ------
    ValueError
        When `part` holds photographs, or nothing is to be exchanged.
    """
    scenes = _scenes(part)
    if not (background or strip):
        raise ValueError("background and strip are both False; expected something to exchange")
    behind = donors(part.labels, seed=seed, giver=giver)
    # one donor gives both where classes are exchanged, so that both point to the same wrong class
    label = donors(part.labels, seed=seed + 1, giver=giver) if giver == "any" else behind
    changed = []
    for own, far, near in zip(scenes, behind, label, strict=True):
        scene = own
        if background:
            scene = replace(scene, backdrop=scenes[far].backdrop, clutter=scenes[far].clutter)
        if strip:
            scene = scene.with_strip(scenes[near].strip.text, scenes[near].strip.style)
        changed.append(scene)
    return _drawn(changed, part, progress)


def cover_strips(part: ImageSet) -> ImageSet:
    """Return the set with the box of every strip painted over (chapter ``10_clever_hans``).

    Parameters
    ----------
    part : ImageSet
        Photographs or specimens.

    Returns
    -------
    ImageSet
        With the pictures of `insectlib.data.cover_strip`; where there are masks, the strip has
        become background.
    """
    masks = part.masks
    if masks is not None:
        masks = np.where(masks == PARTS.index("strip"), PARTS.index("background"), masks)
    return replace(part, images=cover_strip(part.images), masks=masks, scenes=None)


def swap_strips(part: ImageSet, *, seed: int, giver: str = "other") -> ImageSet:
    """Give each picture the strip of another one, pixel by pixel (chapter ``10_clever_hans``).

    Works on photographs too. The whole box is exchanged, so a sliver of the donor's background
    beside its label comes along.

    Parameters
    ----------
    part : ImageSet
        Photographs or specimens.
    seed : int
        Of the draw of `donors`.
    giver : str
        As in `donors`.

    Returns
    -------
    ImageSet
        Without scenes, for these pictures have not been drawn.
    """
    return keep_strips(part, part.subset(donors(part.labels, seed=seed, giver=giver)))


def swap_surroundings(part: ImageSet, *, seed: int, giver: str = "other") -> ImageSet:
    """Give each picture all but the centre of another one (chapter ``10_clever_hans``).

    A collage, where nothing can be drawn again. Its seams are new to a network: compare with
    ``giver="own"``, where nothing but the seams is new.

    Parameters
    ----------
    part : ImageSet
        Photographs or specimens.
    seed : int
        Of the draw of `donors`.
    giver : str
        As in `donors`.

    Returns
    -------
    ImageSet
        Without scenes, for these pictures have not been drawn.
    """
    chosen = donors(part.labels, seed=seed, giver=giver)
    centre = frame_masks(*part.images.shape[:3])["centre"]
    masks = part.masks
    if masks is not None:
        masks = np.where(centre, masks, masks[chosen])
    images = np.where(centre[..., None], part.images, part.images[chosen])
    return replace(part, images=images, masks=masks, scenes=None)


def keep_strips(part: ImageSet, givers: ImageSet) -> ImageSet:
    """Put the box of the strip of one set of pictures into another (chapter ``10_clever_hans``).

    Parameters
    ----------
    part, givers : ImageSet
        Of the same length and size; each picture gets the box of its giver.

    Returns
    -------
    ImageSet
        `part` with other strips; without scenes, for these pictures have not been drawn.

    Raises
    ------
    ValueError
        When the two sets differ in length or size.
    """
    if part.images.shape != givers.images.shape:
        raise ValueError(
            f"givers have shape {givers.images.shape}; expected {part.images.shape}, as the part"
        )
    top, left, bottom, right = strip_box(*part.images.shape[1:3])
    images = part.images.copy()
    images[:, top:bottom, left:right] = givers.images[:, top:bottom, left:right]
    masks = None
    if part.masks is not None and givers.masks is not None:
        masks = part.masks.copy()
        masks[:, top:bottom, left:right] = givers.masks[:, top:bottom, left:right]
    return replace(part, images=images, masks=masks, scenes=None)


def randomise(part: ImageSet, *, times: int, seed: int, progress: bool = False) -> ImageSet:
    """Break the link between the class and what surrounds the insect (chapter ``10_clever_hans``).

    Each picture comes `times` times: a specimen with background and strip of two other specimens,
    whatever their class; a photograph with all but the centre of another one.

    Parameters
    ----------
    part : ImageSet
        Training pictures.
    times : int
        How often each picture is changed, each time in another way.
    seed : int
        Of the draws.
    progress : bool
        Whether to show a bar while specimens are drawn.

    Returns
    -------
    ImageSet
        With `times` as many pictures; the groups are those of `part`.

    Raises
    ------
    ValueError
        When `times` is below 1.
    """
    if times < 1:
        raise ValueError(f"times is {times}; expected 1 or more")
    again = part.subset(np.tile(np.arange(len(part)), times))
    if part.scenes is None:
        return swap_surroundings(again, seed=seed, giver="any")
    return exchange(again, seed=seed, giver="any", progress=progress)


@dataclass(frozen=True)
class Outcome:
    """What an intervention did to the accuracy.

    Parameters
    ----------
    name : str
        What was done.
    before, after : float
        Accuracy on the untouched and on the changed pictures, 0 to 1.
    predicted : float or None
        The accuracy that the maps let us expect, see `expected_accuracy`.
    n : int
        Number of pictures.
    control : str
        Name of the control that it is to be compared with; empty for a control.
    """

    name: str
    before: float
    after: float
    predicted: float | None
    n: int
    control: str = CONTROL

    @property
    def fall(self) -> float:
        """How far the accuracy falls: 0.25 are 25 points."""
        return self.before - self.after


def accuracy(model: keras.Model, part: ImageSet) -> float:
    """Return the share of pictures that the model names correctly (chapter ``10_clever_hans``).

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in one logit for each class.
    part : ImageSet

    Returns
    -------
    float
        From 0 to 1.
    """
    images = check_images(part.images, model.input_shape[1:])
    return float((model_outputs(model, images).argmax(axis=1) == part.labels).mean())


def expected_accuracy(
    explanation: shap.Explanation,
    regions: Mapping[str, NDArray[np.bool_]],
    labels: NDArray[np.int64],
    exchanged: Sequence[str],
    givers: NDArray[np.int64] | None = None,
) -> float:
    """Return the accuracy that the maps foretell when regions are taken away or exchanged.

    Chapter ``10_clever_hans``. The map of a picture shares its logits out among regions. If the
    regions acted alone, a picture would lose what its own regions gave, and gain what those of the
    giver gave there. A network in which regions act together does something else.

    Parameters
    ----------
    explanation : shap.Explanation
        Of the logits of all classes, in the order of the model.
    regions : mapping of str to bool array, shape (n, height, width)
    labels : int64 array, shape (n,)
        The true classes.
    exchanged : sequence of str
        Names of regions.
    givers : int64 array, shape (n,), optional
        From `donors`; nothing is given in return where missing.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        When the explanation holds only the largest outputs, or there is no such region.
    """
    if not (explanation.classes == np.arange(explanation.classes.shape[1])).all():
        raise ValueError("the explanation holds the largest outputs only: explain without top")
    unknown = sorted(set(exchanged) - set(regions))
    if unknown:
        raise ValueError(f"no region {', '.join(unknown)}; expected some of {', '.join(regions)}")
    sums = attribution_sums(explanation, {name: regions[name] for name in exchanged})
    lost = np.sum(list(sums.values()), axis=0)
    gained = np.zeros_like(lost) if givers is None else lost[givers]
    return float(((explanation.outputs - lost + gained).argmax(axis=1) == labels).mean())


def try_interventions(
    model: keras.Model,
    part: ImageSet,
    explanation: shap.Explanation | None = None,
    *,
    seed: int,
    progress: bool = False,
) -> list[Outcome]:
    """Change strips, and backgrounds where pictures can be drawn again; measure the accuracy.

    Chapter ``10_clever_hans``.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in one logit for each class.
    part : ImageSet
        The test part. Specimens are drawn again; photographs become collages, see
        `swap_surroundings`.
    explanation : shap.Explanation, optional
        Of all logits of these pictures; with it, each outcome has a prediction.
    seed : int
        Of the exchange.
    progress : bool
        Whether to show a bar while specimens are drawn.

    Returns
    -------
    list of Outcome
        Controls, which have no control of their own, stand before what they control.
    """
    other, box = _other_corner(part)
    around = ~frame_masks(*part.images.shape[:3])["centre"]
    regions = {**regions_of(part), "other corner": box, "surroundings": around}
    strangers, kin = (donors(part.labels, seed=seed, giver=giver) for giver in GIVERS[:2])
    strips = swap_strips(part, seed=seed)
    changed: list[_Change] = [
        (CONTROL, other, ["other corner"], None, ""),
        ("strip painted over", cover_strips(part), ["strip"], None, CONTROL),
        ("strips swapped", strips, ["strip"], strangers, CONTROL),
    ]
    if part.scenes is not None:
        both = exchange(part, seed=seed, progress=progress)
        behind, every = keep_strips(both, part), ["background", "strip"]
        changed.append(("backgrounds exchanged", behind, every[:1], strangers, CONTROL))
        changed.append(("both exchanged", both, every, strangers, CONTROL))
    else:
        own = swap_surroundings(part, seed=seed, giver="own")
        alien = swap_surroundings(part, seed=seed)
        changed.append((OWN_CONTROL, own, ["surroundings"], kin, ""))
        changed.append(("surroundings swapped", alien, ["surroundings"], strangers, OWN_CONTROL))
    before, outcomes = accuracy(model, part), []
    for name, altered, exchanged, givers, control in changed:
        expected = None
        if explanation is not None:
            expected = expected_accuracy(explanation, regions, part.labels, exchanged, givers)
        after = accuracy(model, altered)
        outcomes.append(Outcome(name, before, after, expected, len(part), control))
    return outcomes


def _other_corner(part: ImageSet) -> tuple[ImageSet, NDArray[np.bool_]]:
    """Return the pictures with the opposite box painted over in the same way, and where that is."""
    images = cover_strip(part.images[:, :, ::-1])[:, :, ::-1]
    box = frame_masks(*images.shape[:3])["strip"][:, :, ::-1]
    return replace(part, images=images, scenes=None), box


def _scenes(part: ImageSet) -> tuple[Scene, ...]:
    if part.scenes is None:
        raise ValueError(
            "these pictures have no scenes, so they cannot be drawn again: for photographs use "
            "swap_strips or cover_strips"
        )
    return part.scenes


def _drawn(scenes: Sequence[Scene], part: ImageSet, progress: bool) -> ImageSet:
    """Draw scenes at the size of `part`, or take what was drawn before."""
    size = part.images.shape[1]
    text = json.dumps([scene.to_json() for scene in scenes])
    decides = {"scenes": sha256(text.encode()).hexdigest(), "size": size}
    entries = [Entry("redrawn", i, scene) for i, scene in enumerate(scenes)]
    pixels, masks, _ = draw_entries(decides, lambda: entries, size, progress=progress)
    return replace(
        part,
        images=pixels.astype(np.float32),
        masks=masks,
        scenes=tuple(scenes),
        digests=tuple(sha256(picture.tobytes()).hexdigest() for picture in pixels),
    )
