"""How many evaluations an error needs: run with ``python -m bench.estimators``.

Every estimator explains the same pictures with the same budgets, and its values are compared with a
reference: exact ones where a picture has about 12 regions, and ones from many more evaluations
where it has about 50. The error is the relative L2 distance, as a mean over the classes. Tables
show geometric means over pictures and seeds, and in how many of these ours had the smaller error.

Evaluations are counted alike for all: a budget holds everything an estimator asks the network,
nobody and everybody included, and an estimator that cannot use all of it leaves the rest.

A game is a plain function from coalitions to logits, so that the measuring needs no TensorFlow:
``bench.estimators`` makes games from the course's networks, and anything else may make others.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shap
from numpy.typing import NDArray

from insectlib.explain.estimators.estimate import Estimate
from insectlib.explain.estimators.gaussian_process import fit_surrogate
from insectlib.explain.estimators.priors import local_prior
from insectlib.explain.estimators.sampling import (
    PairedCoalitions,
    log_binomial,
    paired_regression,
    shapley_weights,
)
from insectlib.explain.estimators.surrogate import region_centres, surrogate_shapley
from insectlib.explain.games.coalitions import all_coalitions, exact_shapley
from insectlib.explain.masking.segments import superpixels
from insectlib.models.inference import softmax
from insectlib.models.seeds import numpy_seed

Array = NDArray[np.float64]
Game = Callable[[NDArray[np.bool_]], Array]
Masked = Callable[
    [NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]], Array
]

BUDGETS = {"few": (26, 100, 300, 450, 1000, 2000), "many": (100, 300, 450, 1000, 2000)}
"""The smallest is twice the regions: less, Permutation SHAP cannot ask."""
SEEDS = (0, 1, 2)
OUTPUTS = ("logits", "probabilities")
REGIONS = {"few": 12, "many": 48}
REFERENCE_PAIRS, REFERENCE_FIT = 30_000, 700
OURS = "surrogate"

NINE_IN_TEN = 1.645
LEAST = 1e-3
"""Errors below a thousandth count as a thousandth."""

COMPARED, BASELINES = 300, ("shap Kernel, default", "shap Kernel, l1_reg=0")
"""The budget at which networks and data sets are looked at one by one, and against what."""

RESULTS = Path(__file__).parent / "results" / "estimators.json"


@dataclass(frozen=True)
class Scene:
    """One picture to explain.

    Parameters
    ----------
    name : str
        Says where it comes from.
    image, background : float32 arrays, shape (height, width, 3)
    regions : int64 array, shape (height, width)
    kind : str
        ``"few"`` regions, with an exact reference, or ``"many"``.
    """

    name: str
    image: NDArray[np.float32]
    background: NDArray[np.float32]
    regions: NDArray[np.int64]
    kind: str

    @property
    def players(self) -> int:
        """How many regions there are."""
        return int(self.regions.max()) + 1

    def asked(self, masked: Masked, coalitions: NDArray[np.bool_]) -> Array:
        """Return what a function of masked pictures says to coalitions."""
        rows = np.atleast_2d(coalitions).astype(np.float32)
        return masked(rows, self.regions.astype(np.int32), self.image, self.background)

    def game(self, masked: Masked) -> Game:
        """Return the game that this picture plays, each coalition evaluated once."""
        known: dict[bytes, Array] = {}

        def answers(coalitions: NDArray[np.bool_]) -> Array:
            rows = np.atleast_2d(np.asarray(coalitions, dtype=bool))
            keys = [row.tobytes() for row in np.packbits(rows, axis=1)]
            new = {key: i for i, key in enumerate(keys) if key not in known}
            if new:
                logits = self.asked(masked, rows[list(new.values())])
                known.update(zip(new, logits, strict=True))
            return np.array([known[key] for key in keys])

        return answers


# --- the estimators: (game, centres, budget, seed, output) in, values (n, n_classes) out ---


def of_output(game: Game, output: str) -> Game:
    """Return the game of logits or of probabilities."""
    return game if output == "logits" else lambda rows: softmax(game(rows))


def kernel(
    game: Game, centres: Array, budget: int, seed: int, output: str, l1_reg: float | str
) -> Array:
    """`shap.KernelExplainer`; it asks about nobody and everybody besides."""
    n = len(centres)
    with numpy_seed(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a singular matrix, where the budget is small
        explainer = shap.KernelExplainer(of_output(game, output), np.zeros((1, n)))
        return explainer.shap_values(
            np.ones((1, n)), nsamples=budget - 2, l1_reg=l1_reg, silent=True
        )[0]


def kernel_default(game: Game, centres: Array, budget: int, seed: int, output: str) -> Array:
    """As the tutorials have it: ten regions are kept."""
    return kernel(game, centres, budget, seed, output, "num_features(10)")


def kernel_all(game: Game, centres: Array, budget: int, seed: int, output: str) -> Array:
    """The fair baseline: every region is kept."""
    return kernel(game, centres, budget, seed, output, 0)


def permutation(game: Game, centres: Array, budget: int, seed: int, output: str) -> Array:
    """`shap.PermutationExplainer`, which takes as many whole orders as fit."""
    n = len(centres)
    # besides nobody and everybody, an order there and back asks 2 * n - 2 coalitions
    orders = (budget - 2) // (2 * n - 2)
    if not orders:
        return np.full((n, game(np.ones((1, n), dtype=bool)).shape[1]), np.nan)

    def mask(row: NDArray[np.bool_], _: Array) -> NDArray[np.bool_]:
        return row[None]

    with numpy_seed(seed):
        explainer = shap.PermutationExplainer(of_output(game, output), mask, seed=seed)
        found = explainer(
            np.ones((1, n)), max_evals=orders * (2 * n + 1), batch_size=2 * n + 1, silent=True
        )
    return found.values[0]


def shapiq(game: Game, centres: Array, budget: int, seed: int, output: str) -> Array:
    """`shapiq.KernelSHAP` with pairs, one class at a time with the same draws."""
    from shapiq import KernelSHAP

    n, played = len(centres), of_output(game, output)
    columns = []
    for k in range(played(np.ones((1, n), dtype=bool)).shape[1]):

        def of_class(rows: NDArray[np.bool_], k: int = k) -> Array:
            return played(rows)[:, k]

        solver = KernelSHAP(n=n, pairing_trick=True, random_state=seed)
        found = solver.approximate(budget, of_class)
        columns.append([found[(i,)] for i in range(n)])
    return np.array(columns).T


def leverage(game: Game, centres: Array, budget: int, seed: int, output: str) -> Array:
    """Pairs by leverage scores, without replacement, and the regression (Musco and Witter)."""
    n, played = len(centres), of_output(game, output)
    sampler = PairedCoalitions(n, np.random.default_rng(seed))
    pairs = sampler.draw((budget - 2) // 2)
    odd = (played(pairs) - played(~pairs)) / 2
    nobody, everybody = played(np.array([np.zeros(n), np.ones(n)], dtype=bool))
    # what a size lacks in pairs its pairs make up for in weight: few sizes can be drawn in full
    size = np.minimum(pairs.sum(axis=1), n - pairs.sum(axis=1))
    drawn = np.bincount(size, minlength=n)[size]
    in_all = np.exp(log_binomial(n, size)) / np.where(2 * size == n, 2, 1)
    weights = shapley_weights(pairs) * in_all / drawn
    return paired_regression(pairs, weights, odd, everybody - nobody)


def lime(game: Game, centres: Array, budget: int, seed: int, output: str) -> Array:
    """LIME's sampling, kernel and ridge, with the settings of its package for pictures."""
    from sklearn.linear_model import Ridge

    shown = np.random.default_rng(seed).integers(0, 2, (budget, len(centres)))
    shown[0] = 1
    distances = 1 - np.sqrt(shown.mean(axis=1))
    weights = np.exp(-(distances**2) / (2 * 0.25**2))
    answers = of_output(game, output)(shown.astype(bool))
    return Ridge(alpha=1).fit(shown, answers, sample_weight=weights).coef_.T


def captum(game: Game, centres: Array, budget: int, seed: int, output: str) -> Array:
    """What captum's `KernelShap` finds, one class at a time with the same draws."""
    import torch
    from captum.attr import KernelShap

    n, played = len(centres), of_output(game, output)

    def forward(rows: Any) -> Any:
        return torch.from_numpy(played(rows.numpy() > 0.5))

    columns = []
    for k in range(played(np.ones((1, n), dtype=bool)).shape[1]):
        torch.manual_seed(seed)
        with numpy_seed(seed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = KernelShap(forward).attribute(
                torch.ones((1, n)),
                baselines=torch.zeros((1, n)),
                target=k,
                n_samples=budget - 2,
                perturbations_per_eval=64,
                return_input_shape=False,
            )
        columns.append(found.numpy()[0])
    return np.array(columns).T


def peers() -> dict[str, Callable[[Game, Array, int, int, str], Array]]:
    """Return what other packages offer, as far as it is installed."""
    import importlib.util

    found = {
        "shap Kernel, default": kernel_default,
        "shap Kernel, l1_reg=0": kernel_all,
        "shap Permutation": permutation,
        "leverage scores": leverage,
        "LIME": lime,
    }
    if importlib.util.find_spec("shapiq"):
        found["shapiq, paired"] = shapiq
    if importlib.util.find_spec("captum") and importlib.util.find_spec("torch"):
        found["captum"] = captum
    return found


# --- the reference ---


def reference(game: Game, scene: Scene) -> dict[str, tuple[Array, float]]:
    """Return values to compare with, for logits and probabilities, and their relative error.

    Exact for few regions. For many: `REFERENCE_PAIRS` pairs of a seed of their own are asked. A
    surrogate of the first of them has known values, and a regression on what it leaves of the
    others corrects these, so that nothing is assumed in the end.
    """
    n = scene.players
    if scene.kind == "few":
        table = game(all_coalitions(n))
        outputs = {"logits": table, "probabilities": softmax(table)}
        return {name: (exact_shapley(of), 0.0) for name, of in outputs.items()}
    pairs = PairedCoalitions(n, np.random.default_rng(10_000)).draw(REFERENCE_PAIRS)
    both = game(np.concatenate([pairs, ~pairs, [np.ones(n, bool), np.zeros(n, bool)]]))
    found = {}
    for output in OUTPUTS:
        values = both if output == "logits" else softmax(both)
        odd = (values[: len(pairs)] - values[len(pairs) : -2]) / 2
        total = values[-2] - values[-1]
        found[output] = _corrected(pairs, odd, total, region_centres(scene.regions))
    return found


def _corrected(
    pairs: NDArray[np.bool_], odd: Array, total: Array, centres: Array
) -> tuple[Array, float]:
    """Return values by a surrogate and a regression on the rest, and their relative error."""
    n, m = len(centres), REFERENCE_FIT
    first = np.concatenate([pairs[:m], np.ones((1, n), dtype=bool)])
    surrogate = fit_surrogate(
        local_prior(centres), 2.0 * first - 1, np.concatenate([odd[:m], total[None] / 2])
    )
    smooth, _ = surrogate.shapley(white=False)
    rest, corrections = np.arange(m, len(pairs)), []
    left = np.concatenate(
        [odd[part] - surrogate.predict(2.0 * pairs[part] - 1) for part in np.array_split(rest, 30)]
    )
    for part in (slice(None), slice(0, None, 2), slice(1, None, 2)):
        rows = pairs[m:][part]
        size = rows.sum(axis=1)
        weights = 1 / (size * (n - size))
        corrections.append(paired_regression(rows, weights, left[part], total - smooth.sum(axis=0)))
    values = smooth + corrections[0]
    return values, relative_error(corrections[1] - corrections[2] + values, values) / 2


def relative_error(values: Array, truth: Array) -> float:
    """Return the relative L2 distance, as a mean over the classes."""
    off = np.linalg.norm(values - truth, axis=0) / np.linalg.norm(truth, axis=0)
    return float(off.mean())


# --- measuring ---


def measured(
    scene: Scene, masked: Masked, network: str, seeds: Iterable[int] = SEEDS
) -> Iterator[dict[str, Any]]:
    """Yield one row for each output, budget, seed and estimator."""
    game, centres = scene.game(masked), region_centres(scene.regions)
    references = reference(game, scene)
    common = {"scene": scene.name, "kind": scene.kind, "network": network, "n": scene.players}
    for output in OUTPUTS:
        truth, doubt = references[output]
        for budget in BUDGETS[scene.kind]:
            for seed in seeds:
                row = {**common, "output": output, "budget": budget, "seed": seed, "doubt": doubt}
                for name, estimate in peers().items():
                    values = estimate(game, centres, budget, seed, output)
                    yield {**row, "estimator": name, "error": relative_error(values, truth)}
                found = surrogate_shapley(
                    game, centres, n_samples=budget - 2, seed=seed, output=output
                )
                yield {**row, "estimator": OURS, **judged(found, truth)}


def judged(found: Estimate, truth: Array) -> dict[str, float]:
    """Return the error of an estimate, and how often its intervals hold the truth."""
    off = np.abs(found.values - truth) / found.errors
    return {
        "error": relative_error(found.values, truth),
        "covered": float((off <= NINE_IN_TEN).mean()),
        "needed": float(np.quantile(off, 0.9) / NINE_IN_TEN),
    }


def scenes(dataset: str, profile: str, pictures: int, kind: str, network: str) -> list[Scene]:
    """Return pictures of all classes in turn, cut into regions, before grey."""
    from insectlib.course import course_collection, course_split

    collection = course_collection(dataset, profile, tutorial=network == "EfficientNet")
    test = course_split(collection).test
    random = np.random.default_rng(0)
    of_class = [random.permutation(np.flatnonzero(test.labels == c)) for c in range(3)]
    found = []
    for i in [of_class[i % 3][i // 3] for i in range(pictures)]:
        image = test.images[i].astype(np.float32)
        grey = np.full_like(image, 128)
        found.append(Scene(f"{dataset}-{i}", image, grey, cut(image, REGIONS[kind]), kind))
    return found


def cut(image: NDArray[np.float32], wanted: int) -> NDArray[np.int64]:
    """Return so many superpixels: SLIC's, of which the smallest join their nearest neighbour."""
    regions = next(
        found
        for k in range(wanted, 4 * wanted)
        if (found := superpixels(image, k)).max() + 1 >= wanted
    )
    while regions.max() + 1 > wanted:
        smallest = np.bincount(regions.ravel()).argmin()
        apart = np.linalg.norm(region_centres(regions) - region_centres(regions)[smallest], axis=1)
        regions = np.where(regions == smallest, np.argsort(apart)[1], regions)
        regions = np.unique(regions, return_inverse=True)[1].reshape(image.shape[:2])
    return regions


# --- the tables ---


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return geometric means over pictures and seeds, the ratio to ours, and our wins."""
    settings = sorted({(r["kind"], r["output"], r["budget"]) for r in rows})
    found = []
    for kind, output, budget in settings:
        here = [r for r in rows if (r["kind"], r["output"], r["budget"]) == (kind, output, budget)]
        by_name: dict[str, dict[tuple[str, str, int], float]] = {}
        for r in here:
            by_name.setdefault(r["estimator"], {})[r["network"], r["scene"], r["seed"]] = r["error"]
        mine = by_name[OURS]
        for name, errors in by_name.items():
            pairs = [key for key in errors if np.isfinite(errors[key])]
            if not pairs:
                continue
            covered = [r["covered"] for r in here if r["estimator"] == name and "covered" in r]
            ratios = [counted(errors[key]) / counted(mine[key]) for key in pairs]
            found.append(
                {
                    "kind": kind,
                    "output": output,
                    "budget": budget,
                    "estimator": name,
                    "error": geometric_mean([counted(errors[key]) for key in pairs]),
                    "times ours": geometric_mean(ratios),
                    "wins": int(np.sum(np.array(ratios) > 1)),
                    "pairs": len(pairs),
                    "coverage": float(np.mean(covered)) if covered else None,
                    "doubt": float(np.median([r["doubt"] for r in here])),
                }
            )
    return found


def counted(error: float) -> float:
    """Return an error, or `LEAST` where it is smaller: it would rule a geometric mean."""
    return max(error, LEAST)


def geometric_mean(numbers: Iterable[float]) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(list(numbers)))))


def show(found: list[dict[str, Any]]) -> None:
    """Print a table for each kind of regions and each output."""
    for kind, output in sorted({(f["kind"], f["output"]) for f in found}):
        here = [f for f in found if (f["kind"], f["output"]) == (kind, output)]
        budgets = sorted({f["budget"] for f in here})
        print(f"\n{REGIONS[kind]} regions, {output}: error (times ours, our wins)")
        print(f"{'':22}" + "".join(f"{budget:>22,}" for budget in budgets))
        for name in dict.fromkeys(f["estimator"] for f in here):
            cells = {f["budget"]: f for f in here if f["estimator"] == name}
            line = "".join(
                f"{c['error']:8.4f} ({c['times ours']:5.1f}, {c['wins']}/{c['pairs']})".rjust(22)
                if (c := cells.get(budget))
                else f"{'-':>22}"
                for budget in budgets
            )
            print(f"{name:22}{line}")
        held = [f"{f['coverage']:22.1%}" for f in here if f["estimator"] == OURS]
        print(f"{f'90% of {OURS}':22.22}" + "".join(held))
        doubts = {f["budget"]: f["doubt"] for f in here}
        print("error of the reference" + "".join(f"{d:22.4f}" for d in doubts.values()))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows that were written so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def write_results(rows: list[dict[str, Any]]) -> None:
    """Keep the summary, figures only, for the page of the benchmarks."""
    about = {
        "pictures": {
            name: {
                kind: len({r["scene"] for r in rows if (r["network"], r["kind"]) == (name, kind)})
                for kind in REGIONS
            }
            for name in sorted({r["network"] for r in rows})
        },
        "regions": REGIONS,
        "seeds": sorted({r["seed"] for r in rows}),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    partial = RESULTS.with_suffix(".partial")
    parts = {
        name: summary([r for r in rows if r["network"] == name and r["budget"] == COMPARED])
        for name in about["pictures"]
    }
    families = {
        family: summary([r for r in rows if r["network"].startswith(family)])
        for family in dict.fromkeys(name.split("-")[0] for name in about["pictures"])
    }
    kept = {"about": about, "summary": summary(rows), "families": families, "parts": parts}
    partial.write_text(json.dumps(kept, indent=1) + "\n")
    partial.replace(RESULTS)


def section() -> str:
    """Return the kept tables as text that Markdown takes; nothing where there are none."""
    if not RESULTS.exists():
        return ""
    kept = json.loads(RESULTS.read_text())
    lines = header("pictures", [f"{n} regions" for n in REGIONS.values()])
    for name, counts in kept["about"]["pictures"].items():
        lines.append(row(name.replace("-", ", "), [str(counts[kind]) for kind in REGIONS]))
    lines += ["", f"### At {COMPARED} evaluations, one by one", ""]
    columns = [(kind, output) for kind in REGIONS for output in OUTPUTS]
    lines += header("network, data", [f"{REGIONS[k]} regions, {output}" for k, output in columns])
    for name, part in [*kept["parts"].items(), ("all", kept["summary"])]:
        cells = []
        for kind, output in columns:
            ratios = [
                f"{of['times ours']:.3g}"
                for baseline in BASELINES
                for of in part
                if (of["kind"], of["output"], of["budget"], of["estimator"])
                == (kind, output, COMPARED, baseline)
            ]
            cells.append(" / ".join(ratios))
        lines.append(row(name.replace("-", ", "), cells))
    for family, found in kept["families"].items():
        for kind, output in columns:
            here = [f for f in found if (f["kind"], f["output"]) == (kind, output)]
            lines += ["", f"### {family}, {REGIONS[kind]} regions, {output}", "", *table(here)]
    return "\n".join(lines)


def table(here: list[dict[str, Any]]) -> list[str]:
    """Return the lines of one table: estimators down, budgets across."""
    budgets = sorted({f["budget"] for f in here})
    lines = header("evaluations", [f"{budget:,}" for budget in budgets])
    names = dict.fromkeys(f["estimator"] for f in here)
    for name in [OURS, *(name for name in names if name != OURS)]:
        of = {f["budget"]: f for f in here if f["estimator"] == name}
        cells = [
            "–"
            if budget not in of
            else f"**{percent(of[budget]['error'])}**"
            if name == OURS
            else f"{percent(of[budget]['error'])} ({compared(of[budget])})"
            for budget in budgets
        ]
        lines.append(row(name, cells))
    held = {f["budget"]: f["coverage"] for f in here if f["estimator"] == OURS}
    lines.append(row(f"90 % intervals, {OURS}", [percent(held[b]) for b in budgets]))
    doubts = {f["budget"]: f["doubt"] for f in here}
    if any(doubts.values()):
        lines.append(row("error of the reference", [percent(doubts[b]) for b in budgets]))
    return lines


def compared(cell: dict[str, Any]) -> str:
    """Return how many times as large as ours an error is, and how often ours was smaller."""
    wins = "" if cell["wins"] is None else f"; {cell['wins']} of {cell['pairs']}"
    return f"{cell['times ours']:.3g}{wins}"


def header(first: str, columns: list[str]) -> list[str]:
    """Return the first two lines of a table."""
    return [row(first, columns), "|---" * (1 + len(columns)) + "|"]


def row(first: str, cells: list[str]) -> str:
    """Return a line of a table."""
    return "| " + " | ".join([first, *cells]) + " |"


def percent(share: float) -> str:
    """Return a share with two digits or more."""
    if share < 1.01 * LEAST:
        return f"≤ {100 * LEAST:g} %"
    return f"{100 * share:#.2g}".rstrip(".") + " %" if share < 0.995 else f"{100 * share:.0f} %"


def main() -> None:
    """Measure with the course's networks, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="specimens", choices=("specimens", "photos"))
    parser.add_argument("--profile", default="fast", choices=("fast", "full"))
    parser.add_argument("--pictures", type=int, default=3, help="0 shows what --rows holds")
    parser.add_argument("--kinds", nargs="+", default=list(REGIONS), choices=list(REGIONS))
    parser.add_argument("--networks", nargs="+", default=["CNN"], choices=("CNN", "EfficientNet"))
    parser.add_argument("--rows", type=Path, help="keep every row here, and go on from there")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    asked = parser.parse_args()
    rows = read_rows(asked.rows) if asked.rows else []
    done = {(r["network"], r["scene"], r["kind"]) for r in rows}
    for network in asked.networks if asked.pictures else []:
        masked = course_network(network, asked.dataset, asked.profile)
        for kind in asked.kinds:
            for scene in scenes(asked.dataset, asked.profile, asked.pictures, kind, network):
                if (network, scene.name, kind) in done:
                    continue
                new = list(measured(scene, masked, network))
                rows += new
                print(f"{network}, {scene.name}, {scene.players} regions", flush=True)
                if asked.rows:
                    with asked.rows.open("a") as file:
                        file.writelines(json.dumps(row) + "\n" for row in new)
    show(summary(rows))
    if asked.save:
        write_results(rows)


def course_network(name: str, dataset: str, profile: str) -> Masked:
    """Return the course's network as a function of masked pictures."""
    from insectlib.course import course_cnn, course_transfer
    from insectlib.explain.masking.masked_inference import masked_forward

    course = course_cnn if name == "CNN" else course_transfer
    return masked_forward(course(dataset, profile, progress=False).model)


if __name__ == "__main__":
    main()
