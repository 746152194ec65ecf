"""What each explainer does with each kind of model: ``make compatibility``.

``python -m bench.compatibility --page`` writes the page from the verdicts that are kept in
``bench/results``, without asking the explainers again.
"""

from __future__ import annotations

import argparse
import json
import platform
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from tqdm import tqdm

from bench.kinds_of_models import MODELS, SIDE
from bench.row import RESULTS
from insectlib import explain

KEPT = RESULTS / "compatibility.json"
PAGE = Path(__file__).parent.parent / "book" / "compatibility.md"
EXPLAINERS = {
    "kernel_shap": "Kernel",
    "partition_shap": "Partition",
    "gradient_shap": "Gradient",
    "deep_shap": "Deep",
    "grad_cam": "Grad-CAM",
}
WORDS = Path(__file__).parent / "compatibility_page.md"


class Verdict(NamedTuple):
    """What one explainer did with one model."""

    model: str
    explainer: str
    gap: float | None
    """Largest difference between output and sum of attributions; None where none is promised."""
    refusal: str
    """The sentence that it refused with; empty where it explained."""


def verdict(model: str, explainer: str) -> Verdict:
    """Ask one explainer for one kind of model."""
    random = np.random.default_rng(0)
    pictures = random.uniform(0, 255, (5, SIDE, SIDE, 3)).astype(np.float32)
    others: dict[str, tuple[Any, ...]] = {
        "gradient_shap": (pictures[1:],),
        "deep_shap": (pictures[1:],),
        "grad_cam": (),
    }
    segments = np.arange(4).reshape(2, 2).repeat(SIDE // 2, 0).repeat(SIDE // 2, 1)
    options = {"segments": segments[None]} if explainer == "kernel_shap" else {}
    keras.utils.clear_session()  # the names of layers begin anew
    keras.utils.set_random_seed(0)
    asked = MODELS[model]()
    try:
        with warnings.catch_warnings():
            # four pictures of noise are no good background, and the explainers say so
            warnings.simplefilter("ignore")
            found = getattr(explain, explainer)(
                asked, pictures[:1], *others.get(explainer, (np.full(3, 127.0),)), **options
            )
    # what the docstrings of the explainers promise for a refusal; anything else stops the run
    except (TypeError, ValueError, NotImplementedError) as error:
        return Verdict(model, explainer, None, str(error))
    if explainer == "grad_cam":
        return Verdict(model, explainer, None, "")
    sums = np.asarray(found.values).sum(axis=(1, 2, 3)) + found.base_values
    return Verdict(model, explainer, float(np.abs(sums - found.outputs).max()), "")


def page(verdicts: list[Verdict], versions: str) -> str:
    """Return the page of the book."""
    refusals = list(dict.fromkeys(v.refusal for v in verdicts if v.refusal))
    found = {(v.model, v.explainer): v for v in verdicts}

    def cell(v: Verdict) -> str:
        if v.refusal:
            return f"[refused, {refusals.index(v.refusal) + 1}](refusals)"
        return "works" if v.gap is None else f"{v.gap:.0e}".replace("-", "\N{MINUS SIGN}")

    lines = [f"| model | {' | '.join(EXPLAINERS.values())} |", "|---|" + "--:|" * len(EXPLAINERS)]
    lines += [
        f"| {model} | {' | '.join(cell(found[model, name]) for name in EXPLAINERS)} |"
        for model in dict.fromkeys(v.model for v in verdicts)
    ]
    sentences = [f"{k}. {sentence}" for k, sentence in enumerate(refusals, 1)]
    return WORDS.read_text().format(
        side=SIDE, versions=versions, table="\n".join(lines), sentences="\n".join(sentences)
    )


def kept() -> tuple[list[Verdict], str]:
    """Return the verdicts of the last time, and the versions that they were found with."""
    found = json.loads(KEPT.read_text())
    return [Verdict(**entry) for entry in found["verdicts"]], found["versions"]


def main() -> None:
    """Ask, unless only the page is wanted; write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="write the page from kept verdicts")
    if not parser.parse_args().page:
        versions = f"Python {platform.python_version()}, " + ", ".join(
            f"{name} {version(name)}" for name in ("keras", "tensorflow", "shap")
        )
        pairs = [(model, explainer) for model in MODELS for explainer in EXPLAINERS]
        verdicts = [verdict(*pair)._asdict() for pair in tqdm(pairs)]
        KEPT.write_text(json.dumps({"versions": versions, "verdicts": verdicts}, indent=1) + "\n")
    PAGE.write_text(page(*kept()))


if __name__ == "__main__":
    main()
