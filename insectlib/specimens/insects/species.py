"""What tells one species from another: form and colours of the three insects, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from insectlib.specimens.insects.palette import Palette, sample_palette

ELYTRA_PATTERNS = ("plain", "plain", "spots", "bands", "stripes", "margin", "shoulders")
PRONOTUM_PATTERNS = ("plain", "stripes", "margin", "halo", "spot")
ABDOMEN_PATTERNS = ("plain", "rings", "pairs", "line")
WING_PATTERNS = ("clear", "clear", "clear", "smoky", "base", "band", "tip")


@dataclass(frozen=True)
class Beetle:
    """One species of beetle; the body is two units long, widths are half widths.

    Parameters
    ----------
    palette : Palette
        Its colours.
    width : float
        Of the elytra, 0.34 to 0.54.
    shoulder, taper : float
        How square the elytra begin and how pointed they end, 0 to 1.
    pronotum_width, pronotum_length, waist : float
        Width as a share of the elytra's; length; where it is widest (0 front, 1 back).
    head_width : float
        As a share of the pronotum's.
    antenna : str
        ``"clubbed"``, ``"thread"`` or ``"fan"``; `antenna_length` in units.
    leg_length, leg_width : float
        In units.
    pattern : str
        One of `ELYTRA_PATTERNS`; `spots` is the number of spots or bands.
    striae : int
        Grooves on each elytron.
    punctures : bool
        Whether the grooves are rows of pits.
    """

    palette: Palette
    width: float
    shoulder: float
    taper: float
    pronotum_width: float
    pronotum_length: float
    waist: float
    head_width: float
    antenna: str
    antenna_length: float
    leg_length: float
    leg_width: float
    pattern: str
    spots: int
    striae: int
    punctures: bool

    @classmethod
    def sample(cls, random: np.random.Generator) -> Beetle:
        """Draw a species."""
        kind = str(random.choice(["clubbed", "clubbed", "thread", "fan"]))
        return cls(
            palette=sample_palette(random),
            width=float(random.uniform(0.38, 0.54)),
            shoulder=float(random.uniform(0, 1)),
            taper=float(random.uniform(0, 1)),
            pronotum_width=float(random.uniform(0.6, 0.84)),
            pronotum_length=float(random.uniform(0.34, 0.5)),
            waist=float(random.uniform(0.25, 0.8)),
            head_width=float(random.uniform(0.58, 0.82)),
            antenna=kind,
            antenna_length=float(random.uniform(0.5, 0.8) if kind == "thread" else 0.4),
            leg_length=float(random.uniform(0.6, 0.82)),
            leg_width=float(random.uniform(0.075, 0.11)),
            pattern=str(random.choice(ELYTRA_PATTERNS)),
            spots=int(random.integers(2, 5)),
            striae=int(random.choice([4, 5, 6, 7])),
            punctures=bool(random.random() < 0.5),
        )


@dataclass(frozen=True)
class Cockroach:
    """One species of cockroach; the body is two units long, widths are half widths.

    Parameters
    ----------
    palette : Palette
        Its colours.
    width : float
        Of the abdomen, 0.36 to 0.52.
    pronotum_width, pronotum_length : float
        Width as a share of the abdomen's; length in units.
    hood : float
        How far the pronotum reaches over the head: 1 hides all of it, 0.6 shows its front.
    tegmina : float
        Share of the abdomen that the fore wings cover: 1.05 long, 0.5 short, 0 none (a nymph).
    antenna_length, leg_length, leg_width : float
        In units.
    cerci : float
        Their length.
    mark : str
        Pattern of the pronotum, one of `PRONOTUM_PATTERNS`.
    marked_wings : bool
        Whether the tegmina carry the marking's colour along the edge.
    """

    palette: Palette
    width: float
    pronotum_width: float
    pronotum_length: float
    hood: float
    tegmina: float
    antenna_length: float
    leg_length: float
    leg_width: float
    cerci: float
    mark: str
    marked_wings: bool

    @classmethod
    def sample(cls, random: np.random.Generator) -> Cockroach:
        """Draw a species."""
        return cls(
            palette=sample_palette(random),
            width=float(random.uniform(0.42, 0.54)),
            pronotum_width=float(random.uniform(0.9, 1.05)),
            pronotum_length=float(random.uniform(0.46, 0.56)),
            hood=float(random.uniform(0.6, 1.0)),
            tegmina=float(random.choice([0.0, 0.5, 0.97, 1.03, 1.08])),
            antenna_length=float(random.uniform(1.6, 2.4)),
            leg_length=float(random.uniform(1.0, 1.25)),
            leg_width=float(random.uniform(0.085, 0.12)),
            cerci=float(random.uniform(0.26, 0.38)),
            mark=str(random.choice(PRONOTUM_PATTERNS)),
            marked_wings=bool(random.random() < 0.4),
        )


@dataclass(frozen=True)
class Dragonfly:
    """One species of dragonfly; the body is two units long, widths are half widths.

    Parameters
    ----------
    palette : Palette
        Its colours.
    head_width, thorax_width, abdomen_width, club : float
        Of the eyes together, the thorax, the abdomen, and how much it widens behind (0 to 1).
    span : float
        Length of a fore wing; `chord` its breadth, `hind` the hind wing's as a share of it.
    sweep : float
        How far the wings point forwards (positive) or back, in degrees.
    pattern : str
        Of the abdomen, one of `ABDOMEN_PATTERNS`.
    wing_pattern : str
        One of `WING_PATTERNS`.
    stripes : bool
        Whether the thorax has pale stripes.
    """

    palette: Palette
    head_width: float
    thorax_width: float
    abdomen_width: float
    club: float
    span: float
    chord: float
    hind: float
    sweep: float
    pattern: str
    wing_pattern: str
    stripes: bool

    @classmethod
    def sample(cls, random: np.random.Generator) -> Dragonfly:
        """Draw a species."""
        return cls(
            palette=sample_palette(random),
            head_width=float(random.uniform(0.18, 0.24)),
            thorax_width=float(random.uniform(0.16, 0.22)),
            abdomen_width=float(random.uniform(0.075, 0.14)),
            club=float(random.uniform(0, 1)),
            span=float(random.uniform(1.0, 1.25)),
            chord=float(random.uniform(0.24, 0.3)),
            hind=float(random.uniform(1.15, 1.45)),
            sweep=float(random.uniform(-8, 14)),
            pattern=str(random.choice(ABDOMEN_PATTERNS)),
            wing_pattern=str(random.choice(WING_PATTERNS)),
            stripes=bool(random.random() < 0.6),
        )


Species = Beetle | Cockroach | Dragonfly
BODY_PLANS: dict[str, type[Beetle] | type[Cockroach] | type[Dragonfly]] = {
    "beetle": Beetle,
    "cockroach": Cockroach,
    "dragonfly": Dragonfly,
}
CLASS_NAMES = tuple(BODY_PLANS)


def sample_species(class_name: str, random: np.random.Generator) -> Species:
    """Draw a species of a class; the same range of colours for all.

    Raises
    ------
    ValueError
        When there is no such class.
    """
    if class_name not in BODY_PLANS:
        raise ValueError(f"class {class_name!r}: expected one of {', '.join(CLASS_NAMES)}")
    return BODY_PLANS[class_name].sample(random)
