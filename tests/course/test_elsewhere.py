"""A downloaded notebook runs where the course is not installed: it installs the package itself."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
import venv
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from helpers import HTML

from tools.distribute import installing, wheel

RUN = """
import sys
from importlib.util import find_spec
import nbformat
from nbclient import NotebookClient

assert find_spec("insectlib") is None
for path in sys.argv[1:]:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    nbformat.write(notebook, path)
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python that has what this one has, save the course's package."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    # the path of a folder adds its packages, and not what an editable install has noted there
    (Path(own.stdout.strip()) / "preinstalled.pth").write_text(sysconfig.get_path("purelib"))
    return python


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the package as a published book does; yield its address."""
    folder = tmp_path_factory.mktemp("downloads")
    name = wheel(folder).name
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{name}"
        server.shutdown()


@pytest.mark.usefixtures("book_cache")
def test_three_notebooks_install_what_they_need_and_run(
    bare: Path, address: str, tmp_path: Path
) -> None:
    """The first installs the package, the others find it."""
    paths = []
    for name in ("first_explanation", "00_specimens", "13_common_mistakes"):
        notebook = nbformat.read(HTML / "_sources" / "notebooks" / f"{name}.ipynb", as_version=4)
        paths.append(tmp_path / f"{name}.ipynb")
        nbformat.write(installing(notebook, address), paths[-1])
    hidden = {"PYTHONPATH", "VIRTUAL_ENV"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    ran = subprocess.run(
        [bare, "-c", RUN, *paths], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert not ran.returncode, ran.stderr[-3000:]
    for path in paths:
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        assert "%pip install" in cells[0].source
        assert all(cell.execution_count for cell in cells)
        assert any(out.output_type == "display_data" for cell in cells for out in cell.outputs)


def test_a_notebook_asks_for_what_it_imports() -> None:
    code = {"plain": "import numpy", "flax": "import jax", "cluster": "import zarr"}
    for extra, source in code.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        (first, last) = installing(notebook, "https://example.org/insectlib.whl").cells
        assert last.source == source
        parts = "chapters" if extra == "plain" else f"chapters,{extra}"
        assert f'"insectlib[{parts}] @ https://example.org/insectlib.whl"' in first.source


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    names = subprocess.run(
        [sys.executable, "-m", "zipfile", "--list", wheel(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    files = [name for name in names if "/" in name]
    assert {name.split("/")[0].split("-")[0] for name in files} == {"insectlib"}
    assert "insectlib/visualise/explorer.js" in files
