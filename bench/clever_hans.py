"""A network that cheats, before and after its repairs: run with ``python -m bench.clever_hans``.

Trains the networks of chapter ``10_clever_hans`` and prints, for each,

* the accuracy on the test part, on the same pictures with the strip painted over, and on the
  counterfactual part: background and strip of another class for specimens, all but the centre from
  another class for photographs; and, for photographs, the control of that, all but the centre from
  the same class;
* how far the accuracy falls on the counterfactual part, in points;
* the exact share of each region in the answer, and the share that rough maps give to the regions
  without an insect.

The rows "as trained" and "randomised" are means over the seeds. ``--weak`` adds the penalty on the
gradient, the subject of the chapter's third exercise.
"""

from __future__ import annotations

import argparse
import time

import keras
import numpy as np

from insectlib.course import course_split
from insectlib.data.datasets import load
from insectlib.data.imageset import ImageSet
from insectlib.data.sources.drawn import load_specimens
from insectlib.models.building import Build
from insectlib.models.cnns import small_cnn
from insectlib.models.training import train
from insectlib.shortcuts.diagnosis import diagnose, exact_shares
from insectlib.shortcuts.interventions import cover_strips, exchange, randomise, swap_surroundings
from insectlib.shortcuts.mitigation import cropped, train_for_right_reasons
from insectlib.shortcuts.outcomes import accuracy

SIZES = {"fast": (64, 180), "full": (80, 180)}
WORLDS = (0, 1)
PICTURES = 12


def parts(dataset: str, profile: str) -> tuple[ImageSet, ImageSet]:
    """Return the biased training and test parts of the chapter."""
    size, each = SIZES[profile]
    if dataset == "photos":
        training, _, test = course_split(load("photos", size=size))
        return training, test
    drawn = load_specimens(
        size,
        counts={"train": (each,) * 3, "new_test": (100,) * 3},
        shortcut_background=1.0,
        shortcut_strip=1.0,
    )
    return drawn["train"], drawn["new_test"]


def networks(training: ImageSet, seeds: int, weak: bool) -> dict[str, list[keras.Model]]:
    """Train, or load, the networks of each row."""

    def team(build: Build, part: ImageSet, epochs: int, n: int) -> list[keras.Model]:
        return [train(build, part, None, epochs=epochs, seed=s).model for s in range(n)]

    epochs = 16 if training.scenes is None else 8
    teams = {
        "as trained": team(small_cnn, training, epochs, seeds),
        "cropped": team(cropped(small_cnn), training, epochs, 1),
        "randomised": team(small_cnn, randomise(training, times=4, seed=1), 6, seeds),
    }
    penalties = {"penalised": ("attribution", 3.0)}
    if weak:
        penalties |= {"penalised, gradient": ("gradient", 0.01)}
    for name, (penalty, weight) in penalties.items():
        asked = {"penalty": penalty, "weight": weight, "epochs": 12, "seed": 0}
        teams[name] = [train_for_right_reasons(small_cnn, training, **asked).model]
    return teams


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="specimens", choices=("specimens", "photos"))
    parser.add_argument("--profile", default="fast", choices=tuple(SIZES))
    parser.add_argument("--seeds", type=int, help="3 for specimens, 1 for photos where missing")
    parser.add_argument("--weak", action="store_true", help="the penalty on the gradient as well")
    asked = parser.parse_args()
    start = time.perf_counter()
    training, test = parts(asked.dataset, asked.profile)
    drawn = test.scenes is not None
    teams = networks(training, asked.seeds or (3 if drawn else 1), asked.weak)
    change = exchange if drawn else swap_surroundings
    worlds, covered = [change(test, seed=seed) for seed in WORLDS], cover_strips(test)
    background = training.images[:: len(training) // 24]
    some = test.subset(np.arange(0, len(test), len(test) // PICTURES))
    print(
        f"{asked.dataset}, {asked.profile}: {len(training)} training and {len(test)} test pictures"
    )
    exact = exact_shares([model for team in teams.values() for model in team], some)
    regions = list(exact.values)
    controls = [] if drawn else [swap_surroundings(test, seed=seed, donor="own") for seed in WORLDS]
    head = ["network", "test", "strip covered", "counterfactual", "fall", *regions, "off, in maps"]
    head += ["control"] * bool(controls)
    print(" | ".join(head))
    at = 0
    for name, team in teams.items():
        before, after, hidden = (
            100 * np.mean([accuracy(model, part) for model in team for part in some_parts])
            for some_parts in ([test], worlds, [covered])
        )
        rows = slice(at, at + len(team))
        at = rows.stop
        shares = [f"{exact.shares[n][rows].mean():.0%}" for n in regions]
        maps = diagnose(team[0], test, background, seed=0, interventions=False)
        row = [name, f"{before:.1f}", f"{hidden:.1f}", f"{after:.1f}", f"{before - after:.1f}"]
        row += [*shares, f"{maps.suspicion:.0%}"]
        if controls:
            row.append(
                f"{100 * np.mean([accuracy(m, part) for m in team for part in controls]):.1f}"
            )
        print(" | ".join(row), flush=True)
        if len(team) > 1:
            by_seed = [f"{share:.0%}" for share in exact.shares[regions[0]][rows].mean(axis=1)]
            print(f"  {regions[0]}, seed by seed: {', '.join(by_seed)}")
    print(f"exact values miss efficiency by {exact.gap:.1e} at most")
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
