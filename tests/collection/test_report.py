"""A store becomes a page and a project of ViRelAy's, shard by shard."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import fsspec
import h5py
import numpy as np
import pytest
import zarr
from click.testing import CliRunner
from PIL import Image

from insectlib.cli import main
from insectlib.collection import (
    Job,
    Pictures,
    Store,
    explain_collection,
    find_clusters,
    report_store,
    virelay,
    write_virelay,
)
from insectlib.collection.reading import pieces
from insectlib.collection.report import Clusters
from insectlib.collection.run import explain_shard
from insectlib.shortcuts.clusters import map_features

SIZE, N = 24, 11


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return a finished store of ten pictures and one that is none, in shards of four."""
    monkeypatch.syspath_prepend(Path(__file__).parent)  # for the model, sums:scores
    random = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for i in range(N):
        pixels = random.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{i:02d}.png")
    (tmp_path / "pictures" / "05.png").write_bytes(b"no picture")
    listed = Pictures.below(tmp_path / "pictures", SIZE)
    job = Job("sums:scores", n_segments=6, output="scores", options={"budget": 60}, batch=4)
    made = Store.begin(tmp_path / "store", listed, job, shard=4, dtype="float32", outputs=3)
    for index in range(made.n_shards):
        made.note(explain_shard(str(made.path), job, index))
    return made


def test_pieces_hold_every_picture_once(store: Store) -> None:
    found = list(pieces(store))
    places = np.concatenate([piece.places for piece in found])
    assert places.tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    for piece in found:
        largest = piece.outputs.argmax(axis=1)
        base = np.stack([store.row("base value", p, p + 1)[0] for p in piece.places])
        rows = np.arange(len(largest))
        gained = piece.outputs[rows, largest] - base[rows, largest]
        np.testing.assert_allclose(piece.maps.sum(axis=(1, 2)), gained, atol=1e-3)


def test_a_page_reports_a_store(store: Store, tmp_path: Path) -> None:
    clusters = find_clusters(store)
    share = report_store(store, tmp_path / "page.html", clusters)
    page = (tmp_path / "page.html").read_text()
    assert "10 pictures, explained with kernel_shap" in page
    assert "Not read: 1" in page and "05.png" in page and "http" not in page
    assert f"The maps put {share:.0%} of the evidence on border and strip" in page
    assert page.count("data:image/png;base64") == 1


def test_suspicious_clusters_of_equal_size_are_told_apart(store: Store, tmp_path: Path) -> None:
    sample = find_clusters(store).sample
    report_store(store, tmp_path / "page.html", Clusters(sample, sample))
    page = (tmp_path / "page.html").read_text()
    numbers = re.findall(r"Cluster (\d+): the first 1 of 1 pictures", page)
    assert len(numbers) > 1 and numbers == sorted(set(numbers), key=int)


def test_virelay_finds_the_layout_that_it_documents(store: Store, tmp_path: Path) -> None:
    clusters = find_clusters(store)
    project = write_virelay(store, tmp_path / "explorer", clusters)
    held = list(pieces(store))
    maps = np.concatenate([piece.maps for piece in held])
    with h5py.File(project.with_name("input.h5")) as file:
        assert {name: (file[name].shape, file[name].dtype.name) for name in file} == {
            "data": ((10, 3, SIZE, SIZE), "float32"),
            "label": ((10,), "uint16"),
        }
        np.testing.assert_array_equal(
            np.moveaxis(file["data"][:], 1, 3), np.concatenate([piece.images for piece in held])
        )
    with h5py.File(project.with_name("attribution.h5")) as file:
        assert {name: (file[name].shape, file[name].dtype.name) for name in file} == {
            "attribution": ((10, 3, SIZE, SIZE), "float32"),
            "index": ((10,), "uint32"),
            "label": ((10,), "uint16"),
            "prediction": ((10, 3), "float32"),
        }
        assert file["index"][:].tolist() == list(range(10))
        np.testing.assert_allclose(file["attribution"][:].sum(axis=1), maps, atol=1e-5)
        labels = file["label"][:]
        assert labels.tolist() == file["prediction"][:].argmax(axis=1).tolist()
    with h5py.File(project.with_name("analysis.h5")) as file:
        ((name, analysis),) = file.items()
        assert name == "all" and set(analysis) == {"index", "cluster", "embedding"}
        assert analysis["index"].dtype == np.uint32
        ((_, cluster),) = analysis["cluster"].items()
        assert cluster.dtype == np.uint32
        np.testing.assert_array_equal(cluster[:], clusters.nearest(map_features(maps)))
        assert analysis["embedding/pca"].shape == (10, 2)
    written = json.loads(project.read_text())["project"]
    assert written["attributions"]["attribution_strategy"] == "predicted_label"
    known = json.loads(project.with_name("labels.json").read_text())
    assert {label["index"] for label in known} >= set(labels.tolist())


def test_a_disk_without_room_is_named_and_what_was_there_stays(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters, folder = find_clusters(store), tmp_path / "explorer"
    project = write_virelay(store, folder, clusters)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    free = iter([10**9, 10**5])  # enough for the first shard
    monkeypatch.setattr(virelay.shutil, "disk_usage", lambda _: SimpleNamespace(free=next(free)))
    with pytest.raises(OSError, match="are needed for the next shard, and 0 MB are free"):
        write_virelay(store, folder, clusters)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert project.is_file()


def test_the_command_reports_a_store(store: Store, tmp_path: Path) -> None:
    words = ["report", str(store.path), "--page", str(tmp_path / "p.html"), "--json"]
    result = CliRunner().invoke(main, [*words, "--virelay", str(tmp_path / "explorer")])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert Path(said["page"]).is_file() and Path(said["virelay"]).name == "project.yaml"


def test_a_finished_store_is_read_at_an_address(store: Store) -> None:
    there = f"memory://{store.path.name}"
    fsspec.filesystem("memory").put(str(store.path), there, recursive=True)
    found = zarr.open_array(f"{there}/records", mode="r")
    np.testing.assert_array_equal(found[:], store.records[:])
    for address in (there, "s3://bucket/store", Path("s3://bucket/store"), "gcs://a"):
        with pytest.raises(ValueError, match="is an address; expected a folder"):
            explain_collection("pictures", "sums:scores", address, size=SIZE)


def test_what_cannot_be_reported_is_said(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make it first"):
        report_store(store, tmp_path / "nowhere" / "p.html", find_clusters(store))
    other = np.random.default_rng(9).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    Image.fromarray(other).save(tmp_path / "pictures" / "02.png")
    with pytest.raises(ValueError, match="not those that were explained"):
        list(pieces(store))
    ledger = store.path / "ledger.jsonl"
    ledger.write_text(ledger.read_text().splitlines()[0] + "\n")
    with pytest.raises(ValueError, match="1 of 3 shards"):
        find_clusters(store)
