"""How far Kernel SHAP is from its limit, and what it costs beside the bare network.

Run with ``python -m bench.kernel_convergence``. For each budget and rule it prints

* the error: root mean square distance of the superpixels' values (for the predicted class) from a
  reference of 12,000 coalitions with a seed of its own, as a share of the root mean square of
  the reference; 100 % is as large as the values themselves, and what a map of zeros would have;
* the time for one picture, and how many times longer that is than showing the network as many
  whole pictures.

A dash stands where the budget is below two coalitions for each superpixel: without a rule that
drops superpixels the regression has no single answer there, and `kernel_shap` refuses.
"""

from __future__ import annotations

import argparse
import time

import keras
import numpy as np
from numpy.typing import NDArray

from insectlib.course import course_cnn, course_collection, course_split
from insectlib.explanation import model_outputs
from insectlib.kernel import kernel_shap
from insectlib.superpixels import segment_values, superpixels

BUDGETS = (100, 300, 1000, 2000)
RULES: dict[str, float | str] = {"l1_reg=0": 0, "num_features(10)": "num_features(10)"}
REFERENCE = 12_000
SEEDS = (0, 1)
GREY = (128.0, 128.0, 128.0)


def explain(
    network: keras.Model, image: NDArray[np.float32], budget: int, seed: int, rule: float | str
) -> tuple[NDArray[np.float64], float]:
    """Return the values (superpixels, classes) of one picture, and the seconds they took."""
    start = time.perf_counter()
    explained = kernel_shap(network, image[None], GREY, n_samples=budget, seed=seed, l1_reg=rule)
    seconds = time.perf_counter() - start
    return segment_values(explained.values[0], explained.segments[0]), seconds


def bare_seconds(network: keras.Model, image: NDArray[np.float32]) -> float:
    """Return the seconds that the network takes for one whole picture, in batches."""
    whole = np.repeat(image[None], max(BUDGETS), axis=0)
    model_outputs(network, whole[:200])  # the first call builds the graph
    start = time.perf_counter()
    model_outputs(network, whole)
    return (time.perf_counter() - start) / len(whole)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--dataset", default="specimens", choices=("specimens", "photos"))
    parser.add_argument("--profile", default="fast", choices=("fast", "full"))
    parser.add_argument("--pictures", type=int, default=3)
    asked = parser.parse_args()
    test = course_split(course_collection(asked.dataset, asked.profile)).test
    network = course_cnn(asked.dataset, asked.profile).model
    random = np.random.default_rng(0)
    images = test.images[random.choice(len(test), asked.pictures, replace=False)]
    named = model_outputs(network, images).argmax(axis=1)
    players = [int(superpixels(image).max()) + 1 for image in images]
    bare = bare_seconds(network, images[0])
    references = [explain(network, image, REFERENCE, 99, 0)[0] for image in images]
    print(f"{asked.dataset}, {asked.profile}: pictures of {images.shape[1]} px")
    print(f"superpixels of each: {players}")
    print(f"bare network: {1000 * bare:.2f} ms a picture")
    print(f"{'rule':18} {'coalitions':>10} {'error':>7} {'seconds':>8} {'/ bare':>7}")
    for name, rule in RULES.items():
        for budget in BUDGETS:
            if rule == 0 and budget < 2 * (max(players) - 1):
                print(f"{name:18} {budget:10,} {'-':>7} {'-':>8} {'-':>7}")
                continue
            errors, seconds = [], []
            for image, reference, k in zip(images, references, named, strict=True):
                for seed in SEEDS:
                    values, took = explain(network, image, budget, seed, rule)
                    miss = np.mean((values[:, k] - reference[:, k]) ** 2)
                    errors.append(np.sqrt(miss / np.mean(reference[:, k] ** 2)))
                    seconds.append(took)
            took = float(np.median(seconds))
            print(
                f"{name:18} {budget:10,} {np.mean(errors):7.0%} {took:8.2f} "
                f"{took / (bare * budget):7.2f}"
            )


if __name__ == "__main__":
    main()
