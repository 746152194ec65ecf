"""The lab in a page, in headless Chromium: run with ``python -m bench.lab``.

The networks have the course's architectures and weights of no training: how long a forward pass
takes does not depend on them. The limit is the bare forward pass of TensorFlow in Python.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import keras
import numpy as np
from keras import layers
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from bench.row import Row, write_rows
from bench.scene import bare_passes
from insectlib.models import without_augmentation
from insectlib.models.cnns import regularised_cnn, small_cnn
from insectlib.models.transfer.efficientnet import efficientnet_lite0
from insectlib.specimens import CLASS_NAMES
from tools.lab import LOCK, bundle, install, pictures
from tools.lab_networks import write_network

PATIENCE = 0.5
"""Seconds until something is to be seen."""
SETTINGS = "n=50&est=kernel&budget=300"
FIRST_MAP = """async () => {
    const sum = document.querySelector(".lab-sum");
    const file = await (await fetch("lab/dragonfly.png")).blob();
    const all = new DataTransfer();
    all.items.add(new File([file], "mine.png", {type: "image/png"}));
    const start = performance.now();
    const seen = new Promise((resolve) => {
        const watch = new MutationObserver(() => resolve(performance.now() - start));
        watch.observe(sum, {childList: true, characterData: true, subtree: true});
    });
    document.querySelector("#lab").dispatchEvent(new DragEvent("drop", {dataTransfer: all}));
    return (await seen) / 1000;
}"""
LONGEST_TASK = """() => {
    window.longest = 0;
    const watch = new PerformanceObserver((list) => {
        window.longest = Math.max(window.longest, ...list.getEntries().map((e) => e.duration));
    });
    watch.observe({type: "longtask"});
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def networks() -> dict[str, tuple[str, keras.Model, str]]:
    """Return title, network and limit in seconds of each network of the lab, by its short name."""
    lite0 = efficientnet_lite0(224, include_top=False)
    pooled = layers.GlobalAveragePooling2D()(lite0.output)
    return {
        "small": ("small CNN, 96 px", small_cnn(96, seed=0), "1.5"),
        "cnn": ("CNN, 96 px", without_augmentation(regularised_cnn(96, seed=0)), ""),
        "lite0": (
            "EfficientNet-Lite0, 224 px",
            keras.Model(lite0.input, layers.Dense(3)(pooled)),
            "40",
        ),
    }


def write_site(folder: Path, models: dict[str, keras.Model]) -> None:
    """Write a page with nothing but the lab on it."""
    lab = folder / "lab"
    lab.mkdir()
    with LOCK:
        install()
        bundle(lab)
    (lab / "offline.js").rename(folder / "offline.js")
    about = {}
    for name, model in models.items():
        write_network(model, lab, name)
        header = json.loads((lab / f"{name}.json").read_text())
        about[name] = {"title": name, "classes": CLASS_NAMES, **header}
    samples = []
    for name, (title, values) in pictures(256).items():
        Image.fromarray(values.astype(np.uint8)).save(lab / f"{name}.png")
        samples.append({"name": name, "title": title})
    manifest = {"dataset": "", "profile": "", "networks": about, "pictures": samples}
    (lab / "lab.json").write_text(json.dumps(manifest))
    (folder / "index.html").write_text(
        '<link rel="stylesheet" href="lab/lab.css"><div class="lab" id="lab" data-folder="lab/">'
        '<p class="lab-note"></p></div><script src="lab/page.js" defer></script>'
    )


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder; yield its address."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def explained(page: Page, site: str, settings: str) -> tuple[int, float]:
    """Return coalitions and seconds of an explanation, with the network at hand already."""
    page.goto("about:blank")
    page.goto(f"{site}#{settings}&{SETTINGS}")
    status = "document.querySelector('.lab-status')?.textContent"
    for _ in range(2):  # the first compiles
        page.wait_for_function(f"/coalitions in/.test({status})", timeout=600_000)
        found = re.search(
            r"(\d+) coalitions in ([\d.]+) s", page.locator(".lab-status").inner_text()
        )
        assert found
        page.get_by_role("button", name="Step").click()
        page.wait_for_function(f"!/coalitions in/.test({status})")
        page.get_by_role("button", name="Go on").click()
    return int(found[1]), float(found[2])


def first_map(page: Page, site: str) -> tuple[float, float]:
    """Return seconds from the drop of a picture to its first map, and the longest task there."""
    page.goto("about:blank")
    page.goto(f"{site}#net=small&{SETTINGS}")
    page.wait_for_function(
        "/coalitions in/.test(document.querySelector('.lab-status')?.textContent)"
    )
    page.evaluate(LONGEST_TASK)
    seconds = float(page.evaluate(FIRST_MAP))
    page.wait_for_function(
        "/coalitions in/.test(document.querySelector('.lab-status')?.textContent)"
    )
    return seconds, float(page.evaluate("window.longest"))


def rows(repeats: int) -> list[Row]:
    """Measure the lab beside TensorFlow."""
    found = []
    named = networks()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_site(folder, {key: model for key, (_, model, _) in named.items()})
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser: Browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        with served(folder) as site:
            page = browser.new_page()
            for key, (title, model, limit) in named.items():
                seconds, bare = np.empty(repeats), np.empty(repeats)
                asked, _ = explained(page, site, f"net={key}")
                passes = bare_passes(model, asked)
                passes()
                for i in range(repeats):
                    seconds[i] = explained(page, site, f"net={key}&seed={i}")[1]
                    start = time.perf_counter()
                    passes()
                    bare[i] = time.perf_counter() - start
                found.append(
                    Row(
                        f"{title}: {asked} coalitions in the browser",
                        f"{np.median(seconds):.2f} s",
                        f"bare passes of TensorFlow: {np.median(bare):.2f} s",
                        float(np.median(seconds / bare)),
                        f"at most {limit} s" if limit else "",
                    )
                )
            times = np.array([first_map(page, site) for _ in range(repeats)])
            longest = times[:, 1].max()  # of those that a browser counts as long
            blocked = f"a task of {longest:.0f} ms" if longest else "no task of 50 ms or more"
            found.append(
                Row(
                    f"small CNN, 96 px: from the drop of a picture to its first map, and {blocked}",
                    f"{np.median(times[:, 0]):.2f} s",
                    f"what a reader may wait: {PATIENCE:.2f} s",
                    float(np.median(times[:, 0]) / PATIENCE),
                    f"at most {PATIENCE:.2f} s",
                )
            )
        browser.close()
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    found = rows(parser.parse_args().repeats)
    write_rows("lab", found)
    for row in found:
        print(*row, sep=" | ")


if __name__ == "__main__":
    main()
