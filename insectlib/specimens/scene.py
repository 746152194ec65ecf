"""Scenes: everything that is needed to draw one picture, as plain data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from insectlib.specimens.backgrounds import GROUNDS, KINDS
from insectlib.specimens.insects.palette import Palette
from insectlib.specimens.insects.species import BODY_PLANS, Species
from insectlib.specimens.label import LABEL_STYLES, Strip

PARTS = (
    "background",
    "strip",
    "clutter",
    "head",
    "thorax",
    "abdomen",
    "wings",
    "legs",
    "antennae",
)
INSECT = PARTS[3:]


@dataclass(frozen=True)
class Pose:
    """Where the insect lies and how it is seen.

    Parameters
    ----------
    angle : float
        Turn in degrees, clockwise; 0 has the head up.
    scale : float
        Half the body's length, as a share of the picture's side.
    x, y : float
        Centre, as shares of the picture's side; far from 0.5 the border crops the insect.
    tilt, roll : float
        Foreshortening along and across the body, in degrees.
    """

    angle: float
    scale: float
    x: float
    y: float
    tilt: float
    roll: float


@dataclass(frozen=True)
class Light:
    """How the picture was taken.

    Parameters
    ----------
    direction : float
        Where the light comes from, in degrees clockwise from the right; 270 is above.
    exposure : float
        Factor on all colours.
    warmth : float
        Factor on red, and divisor of blue.
    shadow, shadow_length : float
        Darkness of the cast shadow (0 to 1) and its offset as a share of the picture's side.
    blur : float
        Standard deviation of the insect's defocus, as a share of the picture's side.
    depth : float
        The same for the background, which lies behind the plane of focus.
    noise : float
        Standard deviation of the sensor's noise in grey levels.
    """

    direction: float
    exposure: float
    warmth: float
    shadow: float
    shadow_length: float
    blur: float
    depth: float
    noise: float


@dataclass(frozen=True)
class Backdrop:
    """A background: its kind (of ``KINDS``, ``GROUNDS``, or ``"plain"``) and its seed."""

    kind: str
    seed: int


@dataclass(frozen=True)
class Scene:
    """Everything that is needed to draw one picture; `render` draws it.

    Parameters
    ----------
    class_name : str
        One of `CLASS_NAMES`.
    seed : int
        Seed of the individual: pose of legs, antennae and wings, and the noise of the sensor.
    species : Beetle, Cockroach or Dragonfly
        Form and colours.
    pose : Pose
    light : Light
    backdrop : Backdrop
    clutter : tuple of str
        Names from ``clutter.ITEMS``; their places come from `seed`.
    strip : Strip
    removed : tuple of str
        Parts that are left out, see `without`.
    """

    class_name: str
    seed: int
    species: Species
    pose: Pose
    light: Light
    backdrop: Backdrop
    clutter: tuple[str, ...]
    strip: Strip
    removed: tuple[str, ...] = field(default=())

    def without(self, *parts: str) -> Scene:
        """Return the scene with parts left out, and the shadow that they cast.

        Parameters
        ----------
        *parts : str
            Names from ``PARTS[1:]``, or ``"insect"`` for all six parts of it. For the background
            see `plain_background`.

        Raises
        ------
        ValueError
            When there is no such part.
        """
        named = [p for part in parts for p in (INSECT if part == "insect" else (part,))]
        for part in named:
            if part not in PARTS[1:]:
                expected = ", ".join((*PARTS[1:], "insect"))
                raise ValueError(f"part {part!r} cannot be left out: expected one of {expected}")
        removed = {*self.removed, *named}
        return replace(self, removed=tuple(p for p in PARTS if p in removed))

    def with_background(self, kind: str, seed: int = 0) -> Scene:
        """Return the scene on another background: one of ``KINDS``, ``GROUNDS`` or ``"plain"``."""
        kinds = (*KINDS, *GROUNDS, "plain")
        if kind not in kinds:
            expected = ", ".join(kinds)
            raise ValueError(f"background {kind!r}: expected one of {expected}")
        return replace(self, backdrop=Backdrop(kind, seed))

    def plain_background(self) -> Scene:
        """Return the scene before an even studio grey; clutter and shadow stay."""
        return replace(self, backdrop=Backdrop("plain", 0))

    def with_strip(self, text: str, style: int | None = None) -> Scene:
        """Return the scene with another catalogue number, in the label style `style` (0 to 2)."""
        style = self.strip.style if style is None else style
        if not 0 <= style < len(LABEL_STYLES):
            raise ValueError(f"label style {style}: expected 0 to {len(LABEL_STYLES) - 1}")
        return replace(self, strip=Strip(text, style))

    def to_json(self) -> str:
        """Return the scene as JSON text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Scene:
        """Return the scene that `to_json` wrote."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Scene:
        """Return the scene from what JSON holds."""
        species = dict(data["species"])
        species["palette"] = Palette(**species["palette"])
        return cls(
            class_name=data["class_name"],
            seed=data["seed"],
            species=BODY_PLANS[data["class_name"]](**species),
            pose=Pose(**data["pose"]),
            light=Light(**data["light"]),
            backdrop=Backdrop(**data["backdrop"]),
            clutter=tuple(data["clutter"]),
            strip=Strip(**data["strip"]),
            removed=tuple(data["removed"]),
        )
