"""The page about compatibility is made of kept verdicts, and they still hold."""

from __future__ import annotations

import pytest

from bench.compatibility import EXPLAINERS, PAGE, kept, page, verdict
from bench.kinds_of_models import MODELS


def test_the_page_shows_the_kept_verdicts_of_every_pair() -> None:
    verdicts, versions = kept()
    assert [(v.model, v.explainer) for v in verdicts] == [
        (m, e) for m in MODELS for e in EXPLAINERS
    ]
    assert page(verdicts, versions) == PAGE.read_text()


def test_all_but_gradient_shap_add_up_to_rounding() -> None:
    gaps = [v.gap for v in kept()[0] if v.gap is not None and v.explainer != "gradient_shap"]
    assert gaps and max(gaps) < 1e-5


@pytest.mark.parametrize("explainer", EXPLAINERS)
@pytest.mark.parametrize("model", ["plain function", "product of two branches", "several inputs"])
def test_a_verdict_holds(model: str, explainer: str) -> None:
    before = next(v for v in kept()[0] if (v.model, v.explainer) == (model, explainer))
    now = verdict(model, explainer)
    assert now.refusal == before.refusal
    # attributions that are drawn miss by what their errors allow, the others by rounding
    assert now.gap is None or now.gap < (0.1 if explainer == "gradient_shap" else 1e-5)
