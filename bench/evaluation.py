"""All explainers against a reference, against each other, and what they cost.

Run with ``python -m bench.evaluation``. It is the table of chapter ``09_evaluation`` for more
pictures and seeds. Each score is a mean over the pictures and seeds, with a 95% interval from
drawing pictures and seeds anew; the scores are described in the chapter. The reference for
specimens is the exact Shapley values of eight parts, in scenes that are drawn again; for
photographs those of eight frames against a grey background, which is the game that half of the
explainers play themselves.

* ``minus Kernel`` is the difference in correctness to Kernel SHAP, picture by picture: where its
  interval contains 0, these pictures do not tell the two apart.
* ``last``, ``all``: rank correlation with the map of the same network after its last layer, or
  all of its layers, have forgotten what they had learnt.
* ``MB``: how much a process of its own grows, at its peak, by one explanation, after the network
  has answered once; what Python has to load for it counts as well. Needs Linux.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import shap
from numpy.typing import NDArray

from insectlib.course import course_cnn, course_collection, course_split
from insectlib.data.imageset import ImageSet
from insectlib.evaluate.faithfulness import (
    TargetGame,
    curve_area,
    infidelity,
    random_perturbations,
    removal_curves,
)
from insectlib.evaluate.ground_truth import exact_parts, part_masks, relative_error
from insectlib.evaluate.maps import class_maps, rank_correlation
from insectlib.evaluate.part_ranking import completeness, contrastivity
from insectlib.evaluate.randomisation import layers_with_weights, with_shuffled_weights
from insectlib.evaluate.robustness import gini, map_agreement, stability, with_noise
from insectlib.explain.controls.grad_cam import grad_cam
from insectlib.explain.controls.lime import lime_image
from insectlib.explain.controls.simple_maps import edge_map, occlusion, random_map
from insectlib.explain.deep.deep_shap import deep_shap
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.games.coalitions import all_coalitions, exact_shapley
from insectlib.explain.games.layouts import BORDER_TILES, border_tiles
from insectlib.explain.games.scene_game import SCENE_PLAYERS, scene_shapley
from insectlib.explain.gradients.expected_gradients import gradient_shap
from insectlib.explain.kernel import kernel_shap
from insectlib.explain.masking.segments import blurred, region_sums, superpixels
from insectlib.explain.partition import partition_shap
from insectlib.explain.permutation import permutation_shap
from insectlib.models.inference import model_outputs
from insectlib.models.metrics import mean_interval

BUDGET = 500
SANITY_PICTURES = 6
RANDOM = ("Kernel", "Permutation", "Gradient", "Gradient, set", "LIME", "Dice")
Explainer = Callable[[keras.Model, NDArray[np.float32], int, NDArray[np.int64]], shap.Explanation]


def explainers(size: int, background: NDArray[np.float32]) -> dict[str, Explainer]:
    """Return the explainers by name, each called with network, pictures, seed and superpixels."""
    grey = np.full((size, size, 3), 128, dtype=np.float32)

    def patches(explainer: Callable[..., shap.Explanation]) -> Explainer:
        return lambda network, pictures, seed, cuts: explainer(
            network, pictures, grey, seed=seed, segments=cuts, budget=BUDGET
        )

    def plain(
        explainer: Callable[..., shap.Explanation], game: Any = grey, **settings: Any
    ) -> Explainer:
        return lambda network, pictures, seed, cuts: explainer(
            network, pictures, game, seed=seed, **settings
        )

    return {
        "Kernel": patches(kernel_shap),
        "Permutation": patches(permutation_shap),
        "Partition": plain(partition_shap, budget=BUDGET),
        "Gradient": plain(gradient_shap, grey[None], budget=40),
        "Deep": plain(deep_shap, grey[None]),
        "Gradient, set": plain(gradient_shap, background, budget=40),
        "Deep, set": plain(deep_shap, background),
        "LIME": patches(lime_image),
        "Occlusion": plain(occlusion),
        "Grad-CAM": plain(grad_cam),
        "Edges": plain(edge_map),
        "Dice": lambda network, pictures, seed, cuts: random_map(
            network, pictures, seed=seed, segments=cuts
        ),
    }


@dataclass
class Case:
    """Pictures, and everything that explanations of them are measured against."""

    network: keras.Model
    part: ImageSet
    named: NDArray[np.int64]
    cuts: NDArray[np.int64]
    masks: NDArray[np.bool_]
    tables: list[NDArray[np.float64]]
    background: NDArray[np.float32]

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return int(self.part.images.shape[1])


def load_case(dataset: str, profile: str, per_class: int) -> Case:
    """Return `per_class` test pictures of each class, at even steps, with their reference."""
    split = course_split(course_collection(dataset, profile))
    test, network = split.test, course_cnn(dataset, profile).model
    chosen = [
        members[np.linspace(0, len(members) - 1, per_class).astype(int)]
        for members in (np.flatnonzero(test.labels == k) for k in range(3))
    ]
    part = test.subset(np.concatenate(chosen))
    size = part.images.shape[1]
    if part.scenes is not None and part.masks is not None:
        masks = part_masks(part.masks, SCENE_PLAYERS)
        tables = [scene_shapley(network, s, SCENE_PLAYERS, size=size).table for s in part.scenes]
    else:
        cut = border_tiles(size, size)
        masks = np.tile(cut == np.arange(len(BORDER_TILES))[:, None, None], (len(part), 1, 1, 1))
        grey = np.full((size, size, 3), 128, dtype=np.float32)
        rows = all_coalitions(len(BORDER_TILES))
        tables = [CoalitionGame(network, p, grey, cut)(rows) for p in part.images]
    training = split.training.images
    drawn = np.random.default_rng(0).choice(len(training), 12, replace=False)
    return Case(
        network=network,
        part=part,
        named=model_outputs(network, part.images).argmax(axis=1),
        cuts=np.stack([superpixels(picture) for picture in part.images]),
        masks=masks,
        tables=tables,
        background=training[drawn],
    )


def exact_map(case: Case) -> shap.Explanation:
    """Return the reference of each picture as a map."""
    if case.part.scenes is not None:
        return exact_parts(case.network, case.part)
    grey = np.full((case.size, case.size, 3), 128, dtype=np.float32)
    cut = border_tiles(case.size, case.size)
    return kernel_shap(case.network, case.part.images, grey, seed=0, segments=cut, budget=254)


def reference_scores(case: Case, explanation: shap.Explanation) -> dict[str, NDArray[np.float64]]:
    """Return the scores against the reference, one value for each picture."""
    rows = np.arange(len(case.part))
    reference = np.stack([exact_shapley(table) for table in case.tables])
    parts = region_sums(explanation.values.sum(axis=3), case.masks)
    claimed, true = parts[rows, :, case.named], reference[rows, :, case.named]
    return {
        "correctness": rank_correlation(claimed, true),
        "completeness": np.array(
            [
                completeness(of, table[:, k])
                for of, table, k in zip(claimed, case.tables, case.named, strict=True)
            ]
        ),
        "contrastivity": contrastivity(parts, reference),
        "error": relative_error(claimed, true),
        "stretched": relative_error(claimed, true, rescale=True),
    }


def gain(game: TargetGame, maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area below the insertion curve minus that below the deletion curve."""
    inserted = curve_area(removal_curves(game, maps, insert=True))
    return inserted - curve_area(removal_curves(game, maps))


def resident() -> float:
    """Return the megabytes that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def peak_growth(
    path: str,
    name: str,
    picture: NDArray[np.float32],
    cut: NDArray[np.int64],
    background: NDArray[np.float32],
) -> float:
    """Return by how many megabytes one explanation grows a process; to be called in a new one."""
    network = keras.models.load_model(path)
    model_outputs(network, picture)
    explainer = explainers(picture.shape[1], background)[name]
    before, peak, done = resident(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    explainer(network, picture, 0, cut)
    done.set()
    watcher.join()
    return max(0.0, peak[0] - before)


def with_ends(values: NDArray[np.float64]) -> str:
    """Return mean and interval of scores (n_pictures,) or (n_pictures, n_seeds)."""
    low, high = mean_interval(values)
    return f"{values.mean():z.2f} [{low:z.2f}, {high:z.2f}]"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--dataset", default="specimens", choices=("specimens", "photos"))
    parser.add_argument("--profile", default="fast", choices=("fast", "full"))
    parser.add_argument("--per-class", type=int, default=8, help="pictures of each class")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-memory", action="store_true", help="skip the new processes")
    asked = parser.parse_args()

    case = load_case(asked.dataset, asked.profile, asked.per_class)
    pictures, cuts, named = case.part.images, case.cuts, case.named
    grey = np.full((case.size, case.size, 3), 128, dtype=np.float32)
    out_of_focus = np.stack([blurred(picture) for picture in pictures])
    games = [TargetGame(case.network, pictures, b, cuts, named) for b in (grey, out_of_focus)]
    perturbations = random_perturbations(games[0], seed=0)
    noisy = with_noise(pictures, seed=0)
    few = slice(None, None, max(1, len(pictures) // SANITY_PICTURES))
    layers = layers_with_weights(case.network)
    forgetful = [with_shuffled_weights(case.network, some, seed=0) for some in (layers[:1], layers)]
    right = (named == case.part.labels).mean()
    print(
        f"{asked.dataset}, {asked.profile}: {len(pictures)} pictures of {case.size} px, "
        f"{right:.0%} named correctly; {asked.seeds} seeds; at most about {BUDGET} evaluations"
    )
    kernel: NDArray[np.float64] | None = None
    table = explainers(case.size, case.background)
    for name in ("Exact", *table):
        runs = []
        if name == "Exact":
            runs.append(exact_map(case))
        else:
            n_seeds = asked.seeds if name in RANDOM else 1
            runs += [table[name](case.network, pictures, seed, cuts) for seed in range(n_seeds)]
        of_runs = [reference_scores(case, run) for run in runs]
        scores = {key: np.stack([of[key] for of in of_runs], axis=1) for key in of_runs[0]}
        maps = [class_maps(run, named) for run in runs]
        print(f"\n{name}")
        for key, values in scores.items():
            if key != "error" or name not in ("Grad-CAM", "Edges", "Dice"):
                print(f"  {key:14}{with_ends(values)}")
        correct = scores["correctness"].mean(axis=1)
        if name == "Kernel":
            kernel = correct
        elif kernel is not None:
            print(f"  {'minus Kernel':14}{with_ends(correct - kernel)}")
        for game, word in zip(games, ("gain, grey", "gain, blur"), strict=True):
            print(f"  {word:14}{with_ends(gain(game, maps[0]))}")
        infidel = infidelity(maps[0], cuts, perturbations, rescale=True)
        print(f"  {'infidelity':14}{with_ends(infidel)}")
        if len(runs) > 1:
            print(f"  {'steady: seed':14}{with_ends(stability(maps, cuts))}")
        if name != "Exact":
            other = class_maps(table[name](case.network, noisy, 0, cuts), named)
            print(f"  {'steady: noise':14}{with_ends(map_agreement(maps[0], other, cuts))}")
            for network, word in zip(forgetful, ("last", "all"), strict=True):
                forgot = table[name](network, pictures[few], 0, cuts[few])
                kept = map_agreement(maps[0][few], class_maps(forgot, named[few]), cuts[few])
                print(f"  {word:14}{with_ends(kept)}")
        print(f"  {'sparsity':14}{with_ends(gini(maps[0]))}")
        first, n = runs[0], len(pictures)
        print(f"  {'evaluations':14}{first.evaluations / n:,.0f}")
        print(f"  {'seconds':14}{first.seconds / n:.3f}")
        if not np.isnan(first.relative_gap):
            print(f"  {'relative gap':14}{first.relative_gap:z.2%}")
        if name != "Exact" and not asked.no_memory:
            with tempfile.TemporaryDirectory() as folder:
                path = f"{folder}/network.keras"
                case.network.save(path)
                one = (path, name, pictures[:1], cuts[:1], case.background)
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    grown = pool.apply(peak_growth, one)
            print(f"  {'MB':14}{grown:,.0f}")


if __name__ == "__main__":
    main()
