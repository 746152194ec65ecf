"""The lab: its scripts by themselves, their numbers beside Python's, and the page in a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shap
from helpers import HTML, ROOT
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page
from scipy.optimize import linear_sum_assignment

from insectlib.course import course_cnn, course_small_cnn, course_transfer
from insectlib.data import cover_strip, load_picture
from insectlib.explain import blurred, mean_colour, superpixels
from insectlib.models import model_outputs
from insectlib.specimens import CLASS_NAMES, render, sample_scene
from tools.lab import WORKSHOP, install, node
from tools.lab_drawing import drawn_scene, strip_of


@pytest.fixture(scope="module", autouse=True)
def workshop() -> None:
    os.chdir(ROOT)
    install()


def javascript(function: str, *arguments: Any) -> Any:
    """Return what a function of the lab returns, in Node.js."""
    given = json.dumps({"function": function, "arguments": arguments})
    command = [*node(), "test/answer.js"]
    done = subprocess.run(
        command, cwd=WORKSHOP, input=given, capture_output=True, text=True, timeout=120, check=True
    )
    return json.loads(done.stdout)


def test_scripts_pass_their_own_tests() -> None:
    done = subprocess.run(
        [*node(), "--test", "test/lab.test.js"],
        cwd=WORKSHOP,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_scripts_are_rightly_typed() -> None:
    compiler = "node_modules/typescript/bin/tsc"
    done = subprocess.run(
        [*node(), compiler, "-p", "."], cwd=WORKSHOP, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_lock_of_the_scripts_has_hashes_and_no_address() -> None:
    text = (ROOT / "book" / "lab" / "package-lock.json").read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert all("integrity" in entry for name, entry in packages.items() if name)


# ---- numbers beside Python's ---------------------------------------------------------------------


def drawn(class_name: str, size: int) -> NDArray[np.float32]:
    return np.asarray(np.round(render(sample_scene(class_name, seed=5), size)[0]), np.float32)


@pytest.mark.parametrize("size", [64, 96])
def test_superpixels_are_those_of_scikit_image(size: int) -> None:
    """At most one pixel in a hundred is in another segment; none was when this was written."""
    for class_name in CLASS_NAMES:
        picture = drawn(class_name, size)
        for n in (25, 50, 100):
            expected = superpixels(picture, n_segments=n)
            flat = picture.ravel().tolist()
            found = np.reshape(javascript("slic", flat, size, n), (size, size))
            both = np.zeros((expected.max() + 1, found.max() + 1))
            np.add.at(both, (expected.ravel(), found.ravel()), 1)
            assert both[linear_sum_assignment(-both)].sum() >= 0.99 * picture[..., 0].size


def test_baselines_are_those_of_the_package() -> None:
    picture = drawn("beetle", 64)
    for name, expected in (("blur", blurred(picture)), ("mean", mean_colour(picture))):
        found = javascript("baseline", name, picture.ravel().tolist(), 64)
        np.testing.assert_allclose(np.reshape(found, picture.shape), expected, atol=1e-3)


def test_pictures_are_squeezed_and_strips_covered_as_in_python(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    tall = random.integers(0, 256, (90, 37, 3), dtype=np.uint8)
    Image.fromarray(tall).save(tmp_path / "tall.png")
    with_alpha = np.dstack([tall, np.full(tall.shape[:2], 255, np.uint8)])
    image = {"data": with_alpha.ravel().tolist(), "width": 37, "height": 90}
    expected = load_picture(tmp_path / "tall.png", 48)
    found = np.reshape(javascript("squeezed", image, 48), (48, 48, 3))
    assert np.abs(found - expected).max() <= 1
    covered = javascript("coverStrip", expected.ravel().tolist(), 48)
    np.testing.assert_array_equal(
        np.reshape(covered, expected.shape), cover_strip(expected[None])[0]
    )


class Recorded:
    """A game of many players with interactions, that remembers what it was asked."""

    def __init__(self, n: int = 30) -> None:
        random = np.random.default_rng(1)
        self.n, self.rows = n, np.zeros((0, n))
        self.weights = random.normal(size=(n, 6))

    def __call__(self, rows: Any) -> NDArray[np.float64]:
        asked = np.asarray(rows, float)
        self.rows = np.vstack([self.rows, asked])
        return np.asarray(np.tanh(asked @ self.weights / 2) @ np.arange(1, 7)[:, None])


@pytest.mark.parametrize("kept", [0, "num_features(10)"])
def test_kernel_values_are_those_of_shap_for_the_same_coalitions(kept: int | str) -> None:
    game = Recorded()
    ends = np.array([np.zeros(game.n), np.ones(game.n)])
    np.random.seed(0)  # noqa: NPY002 - shap draws from it
    explainer = shap.KernelExplainer(game, ends[:1])
    expected = explainer.shap_values(ends[1:], nsamples=400, l1_reg=kept, silent=True)[0, :, 0]
    rows = np.vstack([ends, explainer.maskMatrix]).astype(int)
    plan = {
        "method": "kernel" if kept == 0 else "kernel-ten",
        "players": game.n,
        "rows": rows.tolist(),
        "orders": [],
        "weights": explainer.kernelWeights.tolist(),
        "fixed": 2 * game.n,
    }
    found = javascript("estimate", plan, game(rows)[:, 0].tolist())
    np.testing.assert_allclose(found["values"], expected, atol=1e-3)
    assert np.count_nonzero(expected) == (game.n if kept == 0 else 10)


def test_permutation_values_are_those_of_shap_for_the_same_coalitions() -> None:
    game = Recorded(9)
    ends = np.array([np.zeros(9), np.ones(9)])
    explainer = shap.PermutationExplainer(game, ends[:1], seed=0)
    explained = explainer(ends[1:], max_evals=3 * 19, silent=True)
    asked = game.rows
    orders, rows = [], [*ends]
    # one order: nobody, then one more each time up to all, then one fewer each time
    starts = [i for i in range(len(asked) - 17) if asked[i].sum() == 0 and asked[i + 9].sum() == 9]
    for start in starts:
        way = asked[start : start + 18]
        orders.append([int(np.flatnonzero(way[i + 1] - way[i])[0]) for i in range(9)])
        rows += [*way[1:9], *way[10:18]]
    assert len(orders) == 3
    plan = {
        "method": "permutation",
        "players": 9,
        "rows": np.array(rows, int).tolist(),
        "orders": orders,
        "weights": [],
        "fixed": 0,
    }
    found = javascript("estimate", plan, game(rows)[:, 0].tolist())
    np.testing.assert_allclose(found["values"], np.ravel(explained.values), atol=1e-3)


def test_leave_one_out() -> None:
    game = Recorded(12)
    plan = javascript("plan", "leave-one-out", 12, 12, 0)
    found = javascript("estimate", plan, game(plan["rows"])[:, 0].tolist())
    whole = game(np.ones((1, 12)))[0, 0]
    np.testing.assert_allclose(found["values"], whole - game(1 - np.eye(12))[:, 0], atol=1e-9)


@pytest.mark.parametrize(("method", "budget"), [("permutation", 610), ("kernel", 600)])
def test_intervals_hold_the_value_of_a_long_run_about_as_often_as_they_say(
    method: str, budget: int
) -> None:
    game = Recorded()
    plan = javascript("plan", "permutation", game.n, 61 * 300, 99)
    truth = np.array(javascript("estimate", plan, game(plan["rows"])[:, 0].tolist())["values"])
    held = []
    for seed in range(8):
        plan = javascript("plan", method, game.n, budget, seed)
        found = javascript("estimate", plan, game(plan["rows"])[:, 0].tolist())
        held.append(np.abs(np.array(found["values"]) - truth) <= np.array(found["errors"]))
    assert 0.85 <= np.mean(held) <= 1


# ---- the page ------------------------------------------------------------------------------------


@pytest.fixture
def lab(browser: Browser, site: str) -> Iterator[Page]:
    """Yield a page on which every foreign request and every error is a failure."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(120_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    context.on(
        "request",
        lambda r: None if r.url.startswith((site, "blob:", "data:")) else wrong.append(r.url),
    )
    yield opened
    context.close()
    assert wrong == []


def go(page: Page, site: str, settings: str = "") -> None:
    """Open the lab with these settings, and wait for its first experiment."""
    page.goto("about:blank")
    page.goto(f"{site}book/lab.html#{settings or 'n=50'}", wait_until="load")
    finished(page)


def finished(page: Page) -> None:
    page.wait_for_function(
        "/coalitions in/.test(document.querySelector('.lab-status')?.textContent)"
    )


def logits_shown(page: Page) -> NDArray[np.float64]:
    """Return the logits beside the bars of the prediction."""
    texts = page.locator(".lab-meter").all_inner_texts()
    return np.array([float(re.findall(r"\((.+)\)", t)[0].replace("−", "-")) for t in texts])


@pytest.mark.usefixtures("book_cache")
@pytest.mark.parametrize("net", ["cnn", "small", "lite0"])
def test_logits_are_those_of_keras(lab: Page, site: str, net: str) -> None:
    """Rounded weights, another order of sums: logits agree to half a percent of the largest."""
    manifest = json.loads((HTML / "_static" / "lab" / "lab.json").read_text())
    make = {"cnn": course_cnn, "small": course_small_cnn, "lite0": course_transfer}[net]
    network = make(manifest["dataset"], manifest["profile"], progress=False).model
    for name in (*CLASS_NAMES, "stranger"):
        go(lab, site, f"net={net}&pic={name}&est=leave-one-out&n=9")
        file = HTML / "_static" / "lab" / f"{name}.png"
        picture = load_picture(file, manifest["networks"][net]["size"])
        expected = model_outputs(network, picture[None])[0]
        tolerance = 0.01 + 0.005 * np.abs(expected).max()
        np.testing.assert_allclose(logits_shown(lab), expected, atol=tolerance)


@pytest.mark.parametrize("lesson", ["twice", "baseline", "ten", "strip", "stranger"])
def test_lesson_asks_and_finds(lab: Page, site: str, lesson: str) -> None:
    go(lab, site)
    lab.locator(f"[data-lesson={lesson}]").click()
    lab.wait_for_function("document.querySelector('.lab-finding').textContent.length > 60")
    assert lab.locator(".lab-question").inner_text().endswith("?")
    finding = lab.locator(".lab-finding").inner_text()
    assert not re.search(r"NaN|undefined|Infinity", finding), finding
    assert lab.locator(".lab-stage canvas:visible").count() == (2 if lesson == "stranger" else 3)
    assert f"lesson={lesson}" in lab.url


def test_own_picture_by_file_and_by_drop(lab: Page, site: str, tmp_path: Path) -> None:
    """A camera's orientation is heeded: the picture stands upright."""
    go(lab, site, "est=leave-one-out&n=9")
    lying = np.zeros((60, 40, 3), np.uint8)
    lying[:, :20] = (255, 0, 0)  # left, which the camera says is the top
    exif = Image.Exif()
    exif[0x0112] = 6
    file = tmp_path / "mine.jpg"
    Image.fromarray(lying).save(file, exif=exif, quality=95)
    lab.locator("#lab-file").set_input_files(file)
    lab.wait_for_url("**pic=own**")
    finished(lab)
    canvas = "document.querySelector('.lab-picture canvas')"
    size = lab.evaluate(f"{canvas}.width")
    corner = f"([x, y]) => [...{canvas}.getContext('2d').getImageData(x, y, 1, 1).data]"
    assert lab.evaluate(corner, [size - 2, 2])[0] > 200
    assert lab.evaluate(corner, [size // 2, size - 2])[0] < 60
    data = lab.evaluate_handle(
        """bytes => {
            const all = new DataTransfer();
            all.items.add(new File([Uint8Array.from(bytes)], "a.png", {type: "image/png"}));
            return all;
        }""",
        list((HTML / "_static" / "lab" / "dragonfly.png").read_bytes()),
    )
    lab.locator("#lab").dispatch_event("drop", {"dataTransfer": data})
    lab.wait_for_function("document.querySelector('.lab-status').textContent === ''")
    finished(lab)


@pytest.mark.parametrize(
    ("name", "individual", "length", "ground", "label", "removed"),
    [
        ("beetle", 1, 80, "studio", "none", ()),
        ("cockroach", 3, 60, "sky", "beetle", ("legs", "antennae")),
        ("dragonfly", 6, 120, "plain", "dragonfly", ("wings",)),
    ],
)
def test_a_specimen_drawn_by_the_reader_is_that_of_the_package(
    lab: Page,
    site: str,
    name: str,
    individual: int,
    length: int,
    ground: str,
    label: str,
    removed: tuple[str, ...],
) -> None:
    """Two renderers draw the same shapes: edges may differ, and the background's grain."""
    settings = f"kind={name}&ind={individual}&length={length}&ground={ground}&label={label}"
    without = "+".join(removed)
    go(lab, site, f"pic=drawn&{settings}&without={without}&est=leave-one-out&cut=grid&n=4")
    with lab.expect_download() as download:
        lab.get_by_role("button", name="Picture as PNG").click()
    found = np.asarray(Image.open(download.value.path()).convert("RGB"), float)
    style = 0 if label == "none" else CLASS_NAMES.index(label)
    scene = drawn_scene(name, individual, length / 200, ground, strip_of(style))
    scene = scene.without(*removed, *(["strip"] if label == "none" else []))
    expected = render(scene, len(found))[0]
    error = np.abs(found - expected).mean()
    assert error < 3
    for other in (scene.without("insect"), replace(scene, pose=replace(scene.pose, angle=90))):
        assert error < np.abs(found - render(other, len(found))[0]).mean() / 2


def test_a_specimen_is_drawn_by_keyboard(lab: Page, site: str) -> None:
    go(lab, site, "est=leave-one-out&cut=grid&n=4")
    assert not lab.get_by_role("group", name="The specimen").is_visible()
    lab.get_by_role("button", name="draw one").press("Enter")
    finished(lab)
    before = logits_shown(lab)
    lab.get_by_label("Turned by").press("ArrowRight")
    lab.wait_for_url("**turn=1**")
    finished(lab)
    lab.get_by_label("wings", exact=True).press("Space")
    lab.wait_for_url("**without=wings**")
    finished(lab)
    assert np.abs(logits_shown(lab) - before).max() > 0.01


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.txt", b"no picture", "no picture but text/plain"),
        ("broken.jpg", b"\xff\xd8\xff\xe0 broken", "damaged"),
        ("empty.png", b"", "damaged"),
        ("huge.png", b"\x89PNG" + bytes(61_000_000), "61 MB"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(
    lab: Page, site: str, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    go(lab, site, "est=leave-one-out&n=9")
    (tmp_path / name).write_bytes(content)
    lab.locator("#lab-file").set_input_files(tmp_path / name)
    lab.wait_for_function(
        "words => document.querySelector('.lab-status').textContent.includes(words)", arg=words
    )


def test_segments_are_switched_by_keyboard(lab: Page, site: str) -> None:
    go(lab, site, "est=leave-one-out&n=9&cut=grid")
    before = logits_shown(lab)
    lab.locator(".lab-picture canvas[tabindex]").focus()
    for _ in range(4):
        lab.keyboard.press("ArrowRight")
    lab.keyboard.press("Space")
    lab.wait_for_function("/hidden/.test(document.querySelector('.lab-status').textContent)")
    assert np.abs(logits_shown(lab) - before).max() > 0.01
    lab.get_by_role("button", name="Show all again").click()
    lab.wait_for_function("document.querySelector('.lab-meters + button').hidden")


def test_a_run_can_be_stopped_and_stepped(lab: Page, site: str) -> None:
    go(lab, site, "est=leave-one-out&n=9")
    lab.goto(f"{site}book/lab.html#n=100&budget=2000&seed=3", wait_until="load")
    lab.get_by_role("button", name="Stop").click()
    lab.wait_for_function("document.querySelector('.lab-status').textContent === 'Stopped.'")
    lab.get_by_role("button", name="Step").click()
    lab.get_by_role("button", name="Step").click()
    assert lab.get_by_role("button", name="Go on").is_visible()


@pytest.mark.usefixtures("book_cache")
def test_exports(lab: Page, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The values add up, and the Python cell makes the same picture, segments and base value."""
    go(lab, site, "pic=dragonfly&n=20&base=mean&out=probability")
    with lab.expect_download() as download:
        lab.get_by_role("button", name="Values as CSV").click()
    rows = [line.split(",") for line in download.value.path().read_text().splitlines()[1:]]
    with lab.expect_download() as download:
        lab.get_by_role("button", name="Map as PNG").click()
    assert Image.open(download.value.path()).size == (768, 768)
    lab.get_by_role("button", name="The same in Python").click()
    cell = lab.locator(".lab-code").inner_text()
    monkeypatch.chdir(tmp_path)
    shutil.copy(HTML / "_static" / "lab" / "dragonfly.png", tmp_path)
    names: dict[str, Any] = {}
    exec(cell, names)
    explanation, segments = names["explanation"], names["segments"]
    pixels = np.bincount(segments.ravel())
    assert [int(row[1]) for row in rows] == pixels.tolist()
    found = np.array([float(row[2]) for row in rows])
    total = explanation.values.sum()
    np.testing.assert_allclose(found.sum(), total, atol=0.01)


def test_lab_opens_again_without_a_network(lab: Page, site: str) -> None:
    go(lab, site, "net=small&est=leave-one-out&n=9")
    expected = logits_shown(lab)
    lab.wait_for_function(
        """async () => {
            const page = await caches.open("insectlib-lab-page");
            return (await page.keys()).some(({url}) => url.endsWith("worker.js"));
        }"""
    )
    lab.context.set_offline(True)
    go(lab, site, "net=small&est=leave-one-out&n=9")
    np.testing.assert_array_equal(logits_shown(lab), expected)


def test_lab_page_is_small_and_no_other_page_loads_it(site: str) -> None:
    folder = HTML / "_static" / "lab"
    own = [HTML / "book" / "lab.html", folder / "page.js", folder / "lab.css", folder / "lab.json"]
    assert sum(path.stat().st_size for path in own) < 400_000
    for path in (*HTML.glob("book/*.html"), *HTML.glob("notebooks/*.html")):
        assert ("static/lab/" in path.read_text()) == (path.stem == "lab"), path
    assert (folder / "cnn.bin").stat().st_size < 3e6
    assert (folder / "lite0.bin").stat().st_size < 10e6
