"""The store of a collection: what is whole counts, what is damaged is made again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from insectlib.collection import Job, Pictures, Store
from insectlib.collection.job import cut, load_model, records
from insectlib.collection.run import explain_shard
from insectlib.collection.store import alone, check_same, settings
from insectlib.data.digests import arrays_digest
from insectlib.explain import kernel_shap
from insectlib.explain.masking.segments import mean_colour, segment_values

SIZE, N, SHARD = 16, 11, 4


def brightness(pictures: np.ndarray) -> np.ndarray:
    """Score pictures: a model that any worker can import."""
    return np.stack([pictures.mean(axis=(1, 2, 3)), pictures[:, :8].mean(axis=(1, 2, 3))], axis=1)


MODEL = f"{__name__}:brightness"
JOB = Job(MODEL, n_segments=5, output="scores", options={"budget": 30}, batch=3)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("insectlib.collection.job._loaded", lambda address: brightness)
    monkeypatch.setattr("insectlib.collection.job._model_digest", lambda address: address)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of eleven pictures, one of which is none."""
    random = np.random.default_rng(0)
    for i in range(N):
        path = tmp_path / "pictures" / "ab"[i % 2] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)
    path.write_bytes(b"no picture")
    return tmp_path / "pictures"


@pytest.fixture
def store(folder: Path, tmp_path: Path) -> Store:
    pictures = Pictures.below(folder, SIZE)
    path = tmp_path / "store"
    return Store.begin(path, pictures, JOB, shard=SHARD, dtype="float32", outputs=2)


def fill(store: Store) -> None:
    for index in list(store.missing()):
        store.note(explain_shard(str(store.path), JOB, index))


def shard_file(store: Store, index: int) -> Path:
    return store.path / "records" / "c" / str(index) / "0" / "0"


def test_each_picture_is_explained_as_the_explainer_alone_does(store: Store) -> None:
    fill(store)
    assert list(store.missing()) == [] and store.n_shards == 3
    [(name, reason)] = store.unreadable().items()
    assert name == "a/10.png" and "cannot be read as a picture" in reason
    images, bad = store.pictures.read(0, N)
    for i, image in enumerate(images):
        if i in bad:
            assert np.isnan(store.values(i, i + 1)).all()
            continue
        segments = cut(image, 5)
        alone = kernel_shap(
            brightness, image[None], mean_colour(image), segments=segments, budget=30,
            output="scores",
        )  # fmt: skip
        count = segments.max() + 1
        found = store.values(i, i + 1)[0]
        expected = segment_values(alone.values[0], segments)
        np.testing.assert_allclose(found[:count], expected, atol=1e-4)
        assert np.isnan(found[count:]).all() and count <= 5
        np.testing.assert_allclose(store.row("output", i, i + 1), alone.outputs, rtol=1e-6)
        np.testing.assert_allclose(store.row("base value", i, i + 1), alone.base_values, rtol=1e-6)
    assert store.row("class", 0, 1).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: path.write_bytes(bytes(len(path.read_bytes()))),
        lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1])),
    ],
    ids=["deleted", "empty", "cut", "appended", "zeroed", "flipped"],
)
def test_a_damaged_shard_is_found_and_made_again(
    store: Store, damage: Callable[[Path], object]
) -> None:
    fill(store)
    whole = {path: path.read_bytes() for path in store.path.rglob("c/*/0/0")}
    assert len(whole) == 3
    damage(shard_file(store, 1))
    again = Store(store.path)
    assert list(again.missing()) == [1]
    fill(again)
    assert {path: path.read_bytes() for path in store.path.rglob("c/*/0/0")} == whole


@pytest.mark.parametrize("torn", ["", '{"shard": 2', "\0\0\0\0", "7", '{"shard": "x"}\n', "\xff"])
def test_a_line_that_was_cut_off_does_not_count(store: Store, torn: str) -> None:
    fill(store)
    ledger = store.path / "ledger.jsonl"
    *whole, _ = ledger.read_text().splitlines(keepends=True)
    ledger.write_bytes("".join(whole).encode() + torn.encode("latin-1"))
    assert list(Store(store.path).missing()) == [2]
    fill(Store(store.path))
    assert list(Store(store.path).missing()) == []


def test_records_do_not_depend_on_which_shards_were_there(store: Store, tmp_path: Path) -> None:
    fill(store)
    other = Store.begin(
        tmp_path / "other", store.pictures, JOB, shard=SHARD, dtype="float32", outputs=2
    )
    for index in (2, 0, 1):
        other.note(explain_shard(str(other.path), JOB, index))
    for index in range(3):
        assert shard_file(other, index).read_bytes() == shard_file(store, index).read_bytes()


def test_half_precision_takes_half_the_room(store: Store, tmp_path: Path) -> None:
    half = Store.begin(
        tmp_path / "half", store.pictures, JOB, shard=SHARD, dtype="float16", outputs=2
    )
    fill(half)
    fill(store)
    np.testing.assert_allclose(half.values(0, N), store.values(0, N), rtol=2e-3, atol=1e-2)
    assert half.records.nbytes * 2 == store.records.nbytes


def test_other_settings_are_refused_with_the_difference(store: Store, folder: Path) -> None:
    check_same(store, settings(store.pictures, JOB))
    for changed, words in (
        (replace(JOB, seed=1), "seed was 0 and is 1"),
        (replace(JOB, options={"budget": 31}), "options was {'budget': 30} and is {'budget': 31}"),
        (replace(JOB, model="other:one"), "model was"),
    ):
        with pytest.raises(ValueError, match=words):
            check_same(store, settings(store.pictures, changed))
    (folder / "b" / "more.png").write_bytes(b"")
    with pytest.raises(ValueError, match="pictures was"):
        check_same(store, settings(Pictures.below(folder, SIZE), JOB))


def test_a_second_run_is_refused_and_leftovers_go(store: Store) -> None:
    left = store.path / "records" / "c" / "0" / "0.123.partial"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half")
    with alone(store.path):
        assert not left.exists()
        with pytest.raises(RuntimeError, match="written by another run"), alone(store.path):
            pass


def test_what_no_worker_could_do_is_refused(tmp_path: Path) -> None:
    for wrong, words in (
        ({"explainer": "deep_shap"}, "explainer is 'deep_shap'"),
        ({"baseline": "grey"}, "baseline is 'grey'"),
        ({"n_segments": 0}, "n_segments is 0"),
        ({"options": {"budgets": 3}}, "no option 'budgets'"),
        ({"options": {"segments": 3}}, "no option 'segments'"),
    ):
        with pytest.raises(ValueError, match=words):
            replace(JOB, **wrong)
    with pytest.raises(FileNotFoundError, match="not a folder"):
        Pictures.below(tmp_path / "none", SIZE)
    with pytest.raises(ValueError, match="has no pictures"):
        Pictures.below(tmp_path, SIZE)
    with pytest.raises(FileNotFoundError, match="is no store"):
        Store(tmp_path)
    (tmp_path / "something").touch()
    with pytest.raises(FileExistsError, match="holds something"):
        Store.begin(tmp_path, Pictures("", 8, ["a"]), JOB, shard=1, dtype="float32", outputs=1)
    with pytest.raises(ValueError, match="dtype is 'int8'"):
        Store.begin(tmp_path, Pictures("", 8, ["a"]), JOB, shard=1, dtype="int8", outputs=1)


@pytest.mark.parametrize("address", ["missing.module:f", "json:nothing", "json", "/no/model.keras"])
def test_a_model_that_is_not_there_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises((ValueError, FileNotFoundError), match=address.split(":")[0]):
        load_model(address)


def test_names_of_any_bytes_are_kept(tmp_path: Path) -> None:
    names = ["plain.png", "é\n.png", b"\xff.png".decode("utf-8", "surrogateescape")]
    listed = Pictures("/pictures", 8, names)
    listed.write(tmp_path / "list")
    loaded = Pictures.load(tmp_path / "list")
    assert list(loaded.names) == names and loaded.names[-2:] == names[1:]
    assert (loaded.source, loaded.size) == ("/pictures", 8)
    assert json.loads((tmp_path / "list").read_text().splitlines()[0])["size"] == 8


def test_pictures_in_one_file_are_read_like_files(tmp_path: Path) -> None:
    stack = np.arange(5 * 8 * 8 * 4, dtype=np.float32).reshape(5, 8, 8, 4)
    np.save(tmp_path / "stack.npy", stack)
    listed = Pictures(str(tmp_path / "stack.npy"), 8, list("abcde"))
    images, bad = listed.read(3, 6)
    assert not bad and arrays_digest(images) == arrays_digest(stack[[3, 4, 4]])


@pytest.mark.parametrize("n_segments", [1, 2, 7, 30])
def test_no_picture_has_more_superpixels_than_the_store_has_rows(n_segments: int) -> None:
    random = np.random.default_rng(1)
    for image in random.uniform(0, 255, (6, 24, 24, 3)).astype(np.float32):
        segments = cut(image, n_segments)
        assert segments.max() < n_segments
        assert np.array_equal(np.unique(segments), np.arange(segments.max() + 1))


def test_every_explainer_that_compares_with_a_baseline_fills_records() -> None:
    images = np.random.default_rng(2).uniform(0, 255, (2, 16, 16, 3)).astype(np.float32)
    for explainer, options in (
        ("kernel_shap", {"budget": 30}),
        ("permutation_shap", {"budget": 30}),
        ("partition_shap", {"budget": 30}),
        ("lime_image", {"budget": 30}),
        ("occlusion", {}),
    ):
        for baseline in ("mean", "blur", [0.0, 127.0, 255.0]):
            job = replace(JOB, explainer=explainer, options=options, baseline=baseline)
            table, _, evaluations = records(job, images)
            assert table.shape == (2, 8, 2) and evaluations > 2
            assert np.isfinite(table[:, 0]).all()
