"""Change one thing in the pictures, and see what it does to the accuracy.

Chapter ``10_clever_hans``. A map suggests what a network uses; an intervention tests it. A drawn
specimen is drawn again before another background or with another strip. A photograph cannot be
drawn again: there the pixels of the strip are exchanged, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import cover_strip, strip_box
from insectlib.data.sources.drawn import draw_entries
from insectlib.evaluate.localisation import border_masks
from insectlib.specimens.catalogue import Entry
from insectlib.specimens.scene import PARTS, Scene

DONORS = ("other", "own", "any")


def donors(labels: NDArray[np.int64], *, seed: int, donor: str = "other") -> NDArray[np.int64]:
    """Name, for each picture, the picture that it is given something from.

    Chapter ``10_clever_hans``.

    Parameters
    ----------
    labels : int64 array, shape (n,)
        Class index of each picture.
    seed : int
        Seed of the random choice of donors.
    donor : str
        ``"other"``: always of another class. ``"own"``: always of the same class. ``"any"``:
        what is given has no link with the class any more.

    Returns
    -------
    int64 array, shape (n,)
        Indices from 0 to n - 1.

    Raises
    ------
    ValueError
        For another `donor`, or when a donor of another class is asked for and there is one class
        only.
    """
    if donor not in DONORS:
        raise ValueError(f"donor is {donor!r}; expected one of {', '.join(DONORS)}")
    if donor == "other" and len(np.unique(labels)) < 2:
        raise ValueError("labels name one class only; expected two or more to exchange between")
    random, n = np.random.default_rng(seed), len(labels)
    if donor == "any":
        return random.integers(n, size=n)
    chosen = np.empty(n, dtype=np.int64)
    for label in np.unique(labels):
        own = labels == label
        allowed = own if donor == "own" else ~own
        chosen[own] = random.choice(np.flatnonzero(allowed), own.sum())
    return chosen


def exchange(
    part: ImageSet,
    *,
    seed: int,
    background: bool = True,
    strip: bool = True,
    donor: str = "other",
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
        Seed of the random choice of `donors`.
    background, strip : bool
        Whether each is exchanged. Clutter goes with the background.
    donor : str
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
    behind = donors(part.labels, seed=seed, donor=donor)
    # one donor gives both where classes are exchanged, so that both point to the same wrong class
    label = donors(part.labels, seed=seed + 1, donor=donor) if donor == "any" else behind
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


def swap_strips(part: ImageSet, *, seed: int, donor: str = "other") -> ImageSet:
    """Give each picture the strip of another one, pixel by pixel (chapter ``10_clever_hans``).

    Works on photographs too. The whole box is exchanged, so a sliver of the donor's background
    beside its label comes along.

    Parameters
    ----------
    part : ImageSet
        Photographs or specimens.
    seed : int
        Seed of the random choice of `donors`.
    donor : str
        As in `donors`.

    Returns
    -------
    ImageSet
        Without scenes, for these pictures have not been drawn.
    """
    return keep_strips(part, part.subset(donors(part.labels, seed=seed, donor=donor)))


def swap_surroundings(part: ImageSet, *, seed: int, donor: str = "other") -> ImageSet:
    """Give each picture all but the centre of another one (chapter ``10_clever_hans``).

    A collage, where nothing can be drawn again. Its seams are new to a network: compare with
    ``donor="own"``, where nothing but the seams is new.

    Parameters
    ----------
    part : ImageSet
        Photographs or specimens.
    seed : int
        Seed of the random choice of `donors`.
    donor : str
        As in `donors`.

    Returns
    -------
    ImageSet
        Without scenes, for these pictures have not been drawn.
    """
    chosen = donors(part.labels, seed=seed, donor=donor)
    centre = border_masks(*part.images.shape[:3])["centre"]
    masks = part.masks
    if masks is not None:
        masks = np.where(centre, masks, masks[chosen])
    images = np.where(centre[..., None], part.images, part.images[chosen])
    return replace(part, images=images, masks=masks, scenes=None)


def keep_strips(part: ImageSet, donor_set: ImageSet) -> ImageSet:
    """Put the box of the strip of one set of pictures into another (chapter ``10_clever_hans``).

    Parameters
    ----------
    part, donor_set : ImageSet
        Two sets of the same length and size; each picture gets the box of its donor.

    Returns
    -------
    ImageSet
        `part` with other strips; without scenes, for these pictures have not been drawn.

    Raises
    ------
    ValueError
        When the two sets differ in length or size.
    """
    if part.images.shape != donor_set.images.shape:
        raise ValueError(
            f"donor_set has shape {donor_set.images.shape}; expected that of the part, "
            f"{part.images.shape}"
        )
    top, left, bottom, right = strip_box(*part.images.shape[1:3])
    images = part.images.copy()
    images[:, top:bottom, left:right] = donor_set.images[:, top:bottom, left:right]
    masks = None
    if part.masks is not None and donor_set.masks is not None:
        masks = part.masks.copy()
        masks[:, top:bottom, left:right] = donor_set.masks[:, top:bottom, left:right]
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
        Seed of the random choice of donors.
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
        return swap_surroundings(again, seed=seed, donor="any")
    return exchange(again, seed=seed, donor="any", progress=progress)


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
