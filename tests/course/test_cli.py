"""The command line: a reader's own folder becomes a report, and what is wrong is one sentence."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner, Result
from helpers import ROOT
from PIL import Image

from insectlib.cli import main


def call(words: str) -> Result:
    return CliRunner().invoke(main, shlex.split(words))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of odd files: grey, transparent, turned and palette pictures, and others."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for i in range(30):
        name = ("light", "dark one")[i % 2]
        values = random.integers(0, 100, (40, 30 + i, 4), dtype=np.uint8) + 155 * (i % 2 == 0)
        picture = Image.fromarray(values.astype(np.uint8), "RGBA")
        mode, ending = [("RGBA", "png"), ("L", "jpg"), ("P", "gif"), ("RGB", "webp")][i % 4]
        path = tmp_path / "own pictures" / name / f"{i} é.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.convert(mode).save(path)
    shutil.copy(path, path.with_name("copy of it" + path.suffix))
    (path.parent / "notes.txt").write_text("none")
    return tmp_path / "own pictures"


def test_three_commands_take_a_folder_to_a_report(folder: Path, tmp_path: Path) -> None:
    """The ones that the landing page and the help show."""
    shown = (ROOT / "book" / "welcome.md").read_text()
    said = {}
    for verb, words in (
        ("audit", "insects"),
        ("train", "insects --model insects.keras"),
        ("report", "insects --model insects.keras --page report.html"),
    ):
        assert f"insectlib {verb} {words}" in call("--help").output
        assert f"insectlib {verb} {words}" in shown
        quick = {"train": " --network cnn --epochs 2 --size 32"}.get(verb, "")
        result = call(f"{verb} 'own pictures'{words.removeprefix('insects')}{quick}")
        assert result.exit_code == 0, result.output
        said[verb] = result.output
    assert "copies within the training part: 1" in said["audit"]
    assert "files ending in .txt in dark one" in said["audit"]
    assert "pictures that it was not trained on" in said["train"]
    assert "shows a picture" not in said["report"] and (tmp_path / "report.html").stat().st_size
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("writing-")]


def test_results_can_be_read_by_machines(folder: Path) -> None:
    found = json.loads(call("audit 'own pictures' --json").stdout)
    assert found["copies"] == 1 and found["counts"]["train"] == {"dark one": 16, "light": 15}


def test_insects_are_drawn_into_class_folders(tmp_path: Path) -> None:
    result = call(f"draw {tmp_path}/drawn --size 16 --part validation --json")
    assert result.exit_code == 0, result.output
    for name, count in json.loads(result.stdout).items():
        assert len(list((tmp_path / "drawn" / name).glob("*.png"))) == count > 0


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ("audit missing", 1, "missing is not a folder"),
        ("train 'own pictures' --model out.h5", 1, "ends in .keras"),
        ("train 'own pictures' --model nowhere/out.keras --network cnn --epochs 1", 1, "nowhere"),
        ("report 'own pictures' --model none.keras", 1, "none.keras is not there"),
        ("explain 'own pictures' --model none.keras --store s", 1, "none.keras is not there"),
        ("draw drawn --size 16 --part nothing", 1, "part is 'nothing'"),
        ("draw drawn --size 2", 1, "16"),
        ("draw drawn --size much", 2, "'much' is not a valid integer"),
        ("explore", 2, "No such command"),
        ("report 'own pictures'", 2, "--model"),
        ("report 'own pictures' --model net.keras --virelay here", 2, "is no store"),
        ("report 'own pictures' --model flat.keras", 1, "the model takes (None, 8)"),
        ("explain 'own pictures' --model flat.keras --store s", 1, "the model takes (None, 8)"),
        ("explain 'own pictures' --model net.keras", 1, "--store is missing"),
        ("explain 'own pictures' --model net.keras --store 'own pictures'", 1, "holds"),
        ("explain 'own pictures' --model net.keras --store s3://bucket/s", 1, "is an address"),
        ("explain 'own pictures' --model net.keras --store file/s", 1, "Not a directory"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    folder: Path, words: str, status: int, sentence: str
) -> None:
    if "flat.keras" in words or "net.keras" in words:
        for name, shape in (("flat", (8,)), ("net", (16, 16, 3))):
            layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(2)]
            keras.Sequential(layers).save(f"{name}.keras")
        Path("file").touch()
    result = call(words)
    assert result.exit_code == status, result.output
    assert sentence in result.output and "Traceback" not in result.output


@pytest.mark.parametrize(
    ("shell", "opening"),
    [("bash", "_insectlib_completion"), ("zsh", "#compdef"), ("fish", "function")],
)
def test_shells_complete_the_commands(shell: str, opening: str) -> None:
    program = "from insectlib.cli import main; main(prog_name='insectlib')"

    def said(**environment: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"_INSECTLIB_COMPLETE": environment.pop("mode")} | environment,
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return ran.stdout

    assert opening in said(mode=f"{shell}_source") and f"{shell}_source" in call("--help").output
    found = said(
        mode=f"{shell}_complete",
        COMP_WORDS="insectlib re",
        COMP_CWORD="re" if shell == "fish" else "1",
    )
    assert "report" in found and "train" not in found


def test_every_verb_has_an_example(folder: Path) -> None:
    for name, verb in main.commands.items():
        assert f"insectlib {name}" in call(f"{name} --help").output.split("Example")[1], verb
        assert "--json" in call(f"{name} --help").output


def test_a_folder_is_explained_into_a_store_and_reported(folder: Path) -> None:
    network = [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential(network).save("net.keras")
    words = "explain 'own pictures' --model net.keras --segments 6 --budget 40 --workers 1 --json"
    expected = json.loads(call(f"{words} --dry-run").stdout)
    first = call(f"{words} --store explained")
    assert first.exit_code == 0, first.output
    assert "31/31" in first.stderr and "picture/s" in first.stderr.replace("s/picture", "picture/s")
    done = json.loads(first.stdout)
    assert done["pictures"] == expected["pictures"] == 31 and not done["unreadable"]
    again = call(f"{words} --store explained")
    assert json.loads(again.stdout) == done
    said = call("report explained --page p.html --json")
    assert said.exit_code == 0, said.output
    reported = json.loads(said.stdout)
    assert 0 <= reported["suspicion"] <= 1 and Path("p.html").is_file()


def test_ctrl_c_says_how_to_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("insectlib.data.ImageSet.from_folder", stop)
    result = call("train 'own pictures' --model out.keras")
    assert result.exit_code == 130
    assert "it goes on from its last whole epoch" in result.output
