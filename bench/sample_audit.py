"""One group's audit of a drawn collection, for the sample report of the teaching kit.

``python -m bench.sample_audit`` draws the collection of group 11, audits it as a group does, from
the pictures alone, keeps the figures in ``bench/results`` and writes ``book/sample_report.md``.
``--page`` writes the page from the figures that are kept.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.row import RESULTS
from insectlib.data import Collection, ImageSet, audit, honest_split, load_specimens
from insectlib.models import accuracy_interval, probabilities, regularised_cnn, train
from insectlib.shortcuts import diagnose
from insectlib.shortcuts.interventions import cover_strips

SEED = 11
TEXT = Path(__file__).parent / "sample_report.md"
PAGE = Path(__file__).parent.parent / "book" / "sample_report.md"
KEPT = RESULTS / "sample_audit.json"
CHANGES = (
    "other corner painted over",
    "strip painted over",
    "strips swapped",
    "surroundings swapped in class",
    "surroundings swapped",
)
"""The outcomes, in the order of the report's table."""


def collection() -> ImageSet:
    """Return what the group is given: pictures in folders, and nothing about how they were made."""
    drawn = load_specimens(
        96,
        seed=SEED,
        shortcut_background=0.3,
        shortcut_strip=0.9,
        counts={"train": (120, 120, 120)},
    )["train"]
    return replace(drawn, masks=None, scenes=None)


def trained(training: ImageSet, validation: ImageSet) -> Any:
    """Return a network that has learnt the training part."""
    return train(
        regularised_cnn,
        training,
        validation,
        epochs=30,
        patience=6,
        learning_rate=5e-4,
        seed=SEED,
        progress=False,
    ).model


def measure() -> dict[str, Any]:
    """Return all figures of the report."""
    part = collection()
    looked = audit(Collection("group 11", part, part.subset([])), seed=SEED)
    training, validation, test = honest_split(part, seed=SEED)
    network = trained(training, validation)
    right = probabilities(network, test.images).argmax(axis=1) == test.labels
    middle, low, high = interval(right, test)
    found = diagnose(network, test, training.images[:50], seed=SEED)
    covered = [cover_strips(each) for each in (training, validation, test)]
    other = trained(*covered[:2])
    right = probabilities(other, covered[2].images).argmax(axis=1) == test.labels
    return {
        "n": len(part),
        "copies": looked.copies,
        "groups": looked.n_groups,
        "mixed": looked.mixed_groups,
        "guess": looked.largest_share,
        "strip": looked.clues["label strip alone"].grouped,
        "border": looked.clues["border colours alone"].grouped,
        "n_test": len(test),
        "test_groups": len(np.unique(test.groups)),
        "accuracy": [middle, low, high],
        "suspicion": found.suspicion,
        "shares": {name: float(share) for name, share in found.shares.items()},
        "areas": {name: float(area) for name, area in found.areas.items()},
        "outcomes": {o.name: [o.before, o.after, o.control] for o in found.outcomes},
        "covered": list(interval(right, covered[2])),
    }


def interval(right: np.ndarray, part: ImageSet) -> tuple[float, float, float]:
    """Return an accuracy, and the ends of its 95 % interval over groups."""
    low, high = accuracy_interval(right, part.groups, seed=SEED)
    return float(right.mean()), float(low), float(high)


def page(found: dict[str, Any]) -> str:
    """Return the report with its figures.

    Raises
    ------
    ValueError
        Where the figures do not bear a sentence of the text out.
    """

    def points(name: str, before: float = found["accuracy"][0]) -> float:
        return 100 * (before - found["outcomes"][name][1])

    control, painted, swapped, own, other = map(points, CHANGES)
    times = found["shares"]["strip"] / found["areas"]["strip"]
    holds = {
        "no run holds two classes": found["mixed"] == 0,
        "the strips say what the class is": found["strip"] > 2 * found["guess"],
        "the strip is suspicious, and the border is not": times > 2
        and found["shares"]["border"] < 2 * found["areas"]["border"],
        "the network reads the strip": swapped > control + 5,
        "the surroundings cost more than their control": other > own + 5 > 5,
    }
    if wrong := [sentence for sentence, so in holds.items() if not so]:
        raise ValueError(f"write {TEXT.name} anew, the figures do not say: {'; '.join(wrong)}")
    accuracies = dict(
        zip(
            ("control", "painted", "swapped", "own", "other"),
            (found["outcomes"][name][1] for name in CHANGES),
            strict=True,
        )
    )
    falls = dict(zip(accuracies, (control, painted, swapped, own, other), strict=True))
    return TEXT.read_text().format(
        **{name: found[name] for name in ("n", "groups", "n_test", "test_groups")},
        copies_say=f"Copies among them: {found['copies'] or 'none'}",
        **{name: percent(found[name]) for name in ("strip", "guess", "border")},
        **dict(zip(("accuracy", "low", "high"), map(percent, found["accuracy"]), strict=True)),
        **dict(
            zip(
                ("covered", "covered_low", "covered_high"),
                map(percent, found["covered"]),
                strict=True,
            )
        ),
        **{f"{name}_share": percent(share) for name, share in found["shares"].items()},
        **{f"{name}_area": percent(area) for name, area in found["areas"].items()},
        strip_times=f"{times:.1f}",
        **{name: percent(value) for name, value in accuracies.items()},
        **{f"{name}_fall": points_of(fall) for name, fall in falls.items()},
        rest_fall=points_of(round(other) - round(own)),
        swapped_pictures=round(swapped / 100 * found["n_test"]),
    )


def points_of(fall: float) -> str:
    """Return a fall of an accuracy in words."""
    return f"{round(fall)} point{'' if round(fall) == 1 else 's'}"


def percent(share: float) -> str:
    """Return a share as the course writes it."""
    return f"{100 * share:.0f} %".replace(" ", "\N{NO-BREAK SPACE}")


def main() -> None:
    """Audit, unless only the page is wanted; write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="write the page from kept figures")
    if not parser.parse_args().page:
        KEPT.write_text(json.dumps(measure(), indent=1) + "\n")
    PAGE.write_text(page(json.loads(KEPT.read_text())))


if __name__ == "__main__":
    main()
