"""The report: one file that a person can read, on any network and any folder."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html import unescape
from pathlib import Path

import keras
import matplotlib as mpl
import numpy as np
import pytest
from helpers import ODD_NAMES, reader
from PIL import Image
from playwright.sync_api import Browser

from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import strip_box
from insectlib.shortcuts.outcomes import CONTROL, Outcome
from insectlib.shortcuts.report import _page, table_of, verdict, write_report
from insectlib.visualise.style import printable

SIZE = 32
NAMES = ("ant", "bee <b>", "wasp")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of pictures whose strip is dark, medium or light, as the class says."""
    root, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    top, left, bottom, right = strip_box(SIZE, SIZE)
    for name, shade in zip(NAMES, (10, 128, 245), strict=True):
        (root / name).mkdir()
        for i in range(8):
            pixels = random.integers(100, 156, (SIZE, SIZE, 3)).astype(np.uint8)
            pixels[top:bottom, left:right] = shade
            Image.fromarray(pixels).save(root / name / f"{i:07d}.png")
    return root


@pytest.fixture(scope="module")
def report(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("pages") / "report.html"
    write_report(reader(SIZE, strip_box(SIZE, SIZE)), folder, target, title="Ants & bees")
    return target


def test_report_says_what_was_found(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    found = write_report(reader(SIZE, strip_box(SIZE, SIZE)), folder, target, title="Ants & bees")
    page = target.read_text(encoding="utf-8")
    # two of each class serve as background
    assert len(found.part) == 18
    assert (
        "18 pictures of 3 classes (<bdi>ant</bdi>, <bdi>bee &lt;b&gt;</bdi>, <bdi>wasp</bdi>)"
        in page
    )
    assert "<title>Ants &amp; bees</title>" in page
    assert "The network names 100.0% of them correctly" in page
    assert "verdict bad" in page
    assert f"{found.suspicion:.0%} of the evidence on border and strip" in page
    assert "with strips swapped, the accuracy falls by 100 points" in page
    for outcome in found.outcomes:
        name = outcome.name if outcome.control else f"{outcome.name} (control)"
        assert f"<td>{name}</td><td>{outcome.before:.1%}</td>" in page
    for name, share in found.shares.items():
        assert f"<td>{name}</td><td>{share:.0%}</td>" in page
    assert len(re.findall("suspicious</td>", page)) == sum(c.suspicious for c in found.clusters)
    assert found.part.names[found.clusters[0].members[0]] in page
    assert '<th scope="col">predicted</th>' in page
    assert list(tmp_path.iterdir()) == [target]


def test_background_is_named_or_taken_from_the_folder(folder: Path, tmp_path: Path) -> None:
    part = ImageSet.from_folder(folder, SIZE)
    model = reader(SIZE, strip_box(SIZE, SIZE))
    found = write_report(model, part, tmp_path / "a.html", background=part.images[:3] * 0.9)
    assert len(found.part) == 24
    few = part.subset([0, 1, 2, 8, 9, 10, 11, 16, 17, 18, 19])
    with pytest.raises(ValueError, match="class 0 has 3 pictures; expected four or more"):
        write_report(model, few, tmp_path / "b.html")
    with pytest.raises(ValueError, match="there are no pictures; expected four or more"):
        write_report(model, part.subset([]), tmp_path / "b.html")
    assert not (tmp_path / "b.html").exists()


def test_every_name_is_shown_as_it_was_typed(folder: Path, tmp_path: Path) -> None:
    """Titles, classes, cells and files may hold any characters, and file names any bytes."""
    for name, odd_name in zip(NAMES, ODD_NAMES[:3], strict=True):
        shutil.copytree(folder / name, tmp_path / odd_name)
        for i, path in enumerate(sorted((tmp_path / odd_name).iterdir())):
            path.rename(path.with_stem(f"{i}{ODD_NAMES[i % 3]}"))
    target, model = tmp_path / "a.html", reader(SIZE, strip_box(SIZE, SIZE))
    found = write_report(model, tmp_path, target, class_names=ODD_NAMES[:3])
    plain = target.read_text(encoding="utf-8")
    assert found.part.class_names == ODD_NAMES[:3]
    assert any(cluster.suspicious for cluster in found.clusters)

    n = len(found.part)
    part = replace(found.part, class_names=ODD_NAMES, names=ODD_NAMES[:n])
    page = _page(replace(found, part=part), 1.0, "<i>title")
    listed = [part.names[i] for c in found.clusters if c.suspicious for i in c.members]
    shown = re.findall("<bdi>(.*?)</bdi>", page, re.DOTALL)
    assert list(map(unescape, shown)) == [printable(name) for name in (*ODD_NAMES, *listed)]
    assert "<title>&lt;i&gt;title</title>" in page
    assert "<td>&lt;i&gt;</td>" in table_of(["<i>"], [["<i>"]])
    markup = [set(re.findall("<[^>]*>", text.partition("<body>")[2])) for text in (page, plain)]
    pictures = [{tag for tag in tags if "src=" not in tag} for tags in markup]
    assert pictures[0] == pictures[1]


def test_style_of_the_caller_stays(folder: Path, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    write_report(reader(SIZE, strip_box(SIZE, SIZE)), folder, tmp_path / "a.html")
    assert dict(mpl.rcParams) == before


def test_report_refuses_what_does_not_fit(folder: Path, tmp_path: Path) -> None:
    model = reader(SIZE, strip_box(SIZE, SIZE))
    with pytest.raises(FileNotFoundError, match="nowhere is not there: make it first"):
        write_report(model, folder, tmp_path / "nowhere" / "a.html")
    with pytest.raises(ValueError, match=r"target is a.pdf; expected a name that ends in .html"):
        write_report(model, folder, tmp_path / "a.pdf")
    with pytest.raises(FileNotFoundError):
        write_report(model, tmp_path / "empty", tmp_path / "a.html")
    oblong = keras.Sequential(
        [keras.Input((16, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    with pytest.raises(ValueError, match="square colour pictures"):
        write_report(oblong, folder, tmp_path / "a.html")
    with pytest.raises(ValueError, match="the model has 3 outputs, but there are 2 classes"):
        write_report(model, folder, tmp_path / "a.html", class_names=("ant", "wasp"))
    assert list(tmp_path.iterdir()) == []


def test_verdict_weighs_falls_against_the_control(folder: Path, tmp_path: Path) -> None:
    model = reader(SIZE, strip_box(SIZE, SIZE))
    found = write_report(model, folder, tmp_path / "a.html")

    def judged(control: float, other: float) -> tuple[bool, str]:
        outcomes = [
            Outcome(CONTROL, 0.9, 0.9 - control, None, 18, ""),
            Outcome("strips swapped", 0.9, 0.9 - other, None, 18),
        ]
        return verdict(replace(found, outcomes=outcomes))

    bad, text = judged(0.01, 0.2)
    assert bad and "falls by 20 points; its control, “other corner painted over”, costs 1" in text
    bad, text = judged(0.18, 0.2)
    assert not bad and "do not confirm a shortcut: the clearest fall is 20 points" in text
    assert not judged(0.0, 0.04)[0]
    assert not judged(-0.1, 0.04)[0]
    bad, text = verdict(replace(found, outcomes=[]))
    assert not bad and "Nothing was changed" in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_report_in_a_browser(browser: Browser, report: Path, width: int, scheme: str) -> None:
    asked: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri(), wait_until="load")
    sideways = page.evaluate("document.documentElement.scrollWidth")
    pictures = page.locator("img").evaluate_all(
        "all => all.map(i => [i.naturalWidth, i.clientWidth, i.alt.length])"
    )
    colours = page.evaluate(
        "() => [getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.body).color]"
    )
    heading = page.locator("h1").inner_text()
    tables = page.locator("[role=region][tabindex='0'] table").count()
    context.close()
    assert heading == "Ants & bees"
    assert sideways <= width
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len(pictures) == 2 and tables == 3
    assert all(natural > 0 and shown <= width and alt > 30 for natural, shown, alt in pictures)
    ground, ink = (sum(map(int, re.findall(r"\d+", c)[:3])) for c in colours)
    assert abs(ground - ink) > 400
    assert (ground > ink) == (scheme == "light")
