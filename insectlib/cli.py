"""The command line: the steps of the course, one verb each.

It calls what the chapters call, and adds nothing of its own but words.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # of no use to a reader

FOLDER = click.argument("folder", type=click.Path(path_type=Path))
MODEL = click.option(
    "--model", type=click.Path(path_type=Path), required=True, help="A .keras file."
)
SIZE = click.option(
    "--size", default=128, show_default=True, help="Side of the pictures in pixels."
)
SEED = click.option("--seed", default=0, show_default=True, help="Same seed, same result.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="insectlib")
def main() -> None:
    r"""What did the network see?

    \b
    From a folder with one folder of pictures for each class to a report:
      insectlib audit insects
      insectlib train insects --model insects.keras
      insectlib report insects --model insects.keras --page report.html

    \b
    Exit status: 0 done, 1 something is wrong, 2 wrong words on the command line,
    130 stopped; then the same command goes on.

    \b
    Completion: eval "$(_INSECTLIB_COMPLETE=bash_source insectlib)", or zsh_source, fish_source.
    """


@contextmanager
def plainly(again: str = "Call it again.") -> Iterator[None]:
    """Turn errors into one sentence and an exit status: 1 for what is wrong, 130 for Ctrl-C."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: click.echo(f"Note: {message}", err=True)
        try:
            yield
        except KeyboardInterrupt:
            click.echo(f"\nStopped. {again}", err=True)
            raise SystemExit(130) from None
        except (ValueError, OSError, RuntimeError, TypeError, ImportError) as error:
            raise click.ClickException(str(error)) from None


def say(result: dict[str, Any], text: str, as_json: bool) -> None:
    """Print a result for people, or for machines."""
    click.echo(json.dumps(result) if as_json else text)


def loaded(model: Path) -> Any:
    """Return the network of a file that the reader named."""
    import keras

    if not model.is_file():
        raise FileNotFoundError(f"model {model} is not there; expected a .keras file")
    return keras.models.load_model(model, compile=False)


def side_of(network: Any) -> int:
    """Return the side of the square colour pictures that a network takes."""
    shape = network.input_shape
    if len(shape) != 4 or shape[1] is None or shape[1] != shape[2] or shape[3] != 3:
        raise ValueError(
            f"the model takes {shape}; expected (None, side, side, 3), square colour pictures"
        )
    return int(shape[1])


@main.command()
@JSON
def fetch(as_json: bool) -> None:
    r"""Fetch the photographs of the course, once; check every one.

    \b
    Example: insectlib fetch
    """
    with plainly("Call it again: what has arrived is kept."):
        from insectlib.data import load_photos

        train, test = load_photos(32)
        result = {"train": train.counts(), "test": test.counts()}
        say(result, f"{len(train)} training and {len(test)} test photographs are here.", as_json)


@main.command()
@FOLDER
@SIZE
@SEED
@click.option("--part", default="train", show_default=True, help="train, validation, new_test ...")
@JSON
def draw(folder: Path, size: int, seed: int, part: str, as_json: bool) -> None:
    r"""Draw the insects of the course into class folders.

    \b
    Example: insectlib draw insects --size 96
    """
    with plainly():
        from PIL import Image

        from insectlib.data import load_specimens
        from insectlib.data.cache import write_whole
        from insectlib.specimens.catalogue import COUNTS

        if part not in (parts := ["test", *COUNTS]):  # before minutes of drawing
            raise ValueError(f"part is {part!r}; expected one of {', '.join(parts)}")
        drawn = load_specimens(size, seed=seed)[part]
        for image, label, name in zip(drawn.images, drawn.labels, drawn.names, strict=True):
            place = folder / drawn.class_names[label]
            place.mkdir(parents=True, exist_ok=True)
            write_whole(place / f"{name}.png", Image.fromarray(image.round().astype("uint8")).save)
        say(drawn.counts(), f"{len(drawn)} pictures are in {folder}.", as_json)


@main.command()
@FOLDER
@click.option("--size", default=64, show_default=True, help="Side of the pictures in pixels.")
@SEED
@JSON
def audit(folder: Path, size: int, seed: int, as_json: bool) -> None:
    r"""Look for what makes an accuracy too good: copies, strips, borders, sizes of files.

    \b
    Example: insectlib audit insects
    """
    with plainly():
        from dataclasses import asdict

        from insectlib.data import ImageSet
        from insectlib.data import audit as look
        from insectlib.data.datasets import Collection

        pictures = ImageSet.from_folder(folder, size)
        found = look(Collection(folder.name, pictures, pictures.subset([])), seed=seed)
        say(asdict(found), str(found), as_json)


@main.command()
@FOLDER
@click.option(
    "--model", type=click.Path(path_type=Path), required=True, help="The .keras file to write."
)
@click.option(
    "--network",
    type=click.Choice(["transfer", "cnn"]),
    default="transfer",
    show_default=True,
    help="A head on an ImageNet network, or a CNN from nothing.",
)
@SIZE
@click.option("--epochs", default=20, show_default=True, help="Passes over the pictures at most.")
@SEED
@JSON
def train(
    folder: Path, model: Path, network: str, size: int, epochs: int, seed: int, as_json: bool
) -> None:
    r"""Train a network on a folder of class folders; say how good it is on pictures apart.

    A fifth of the pictures is kept apart. No copy of them is trained on.

    \b
    Example: insectlib train insects --model insects.keras
    """
    with plainly("Call it again: it goes on from its last whole epoch."):
        from insectlib.data import ImageSet, honest_split
        from insectlib.data.cache import write_whole
        from insectlib.models import model_outputs, regularised_cnn
        from insectlib.models import train as fit
        from insectlib.models.transfer.fine_tuning import train_transfer

        if model.suffix != ".keras":
            raise ValueError(f"model is {model}; expected a name that ends in .keras")
        pictures = ImageSet.from_folder(folder, size)
        training, validation, test = honest_split(pictures, seed=seed)
        if network == "cnn":
            trained = fit(
                regularised_cnn, training, validation, epochs=epochs, patience=5, seed=seed
            )
        else:
            trained = train_transfer(
                training, validation, network_size=size, epochs=epochs, patience=5, seed=seed
            )
        write_whole(model, trained.model.save)
        right = int((model_outputs(trained.model, test.images).argmax(axis=1) == test.labels).sum())
        result = {"model": str(model), "trained_on": len(training), "right": right, "of": len(test)}
        text = f"{model}: right in {right} of {len(test)} pictures that it was not trained on."
        say(result, text, as_json)


@main.command()
@FOLDER
@MODEL
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="Folder of the store, new or begun; not needed for --dry-run.",
)
@click.option("--explainer", default="kernel_shap", show_default=True)
@click.option("--segments", default=50, show_default=True, help="Superpixels of a picture at most.")
@click.option("--budget", default=500, show_default=True, help="Masked pictures for each picture.")
@click.option("--target", default="all", show_default=True, help='"predicted", "top 3", a number.')
@click.option("--shard", default=64, show_default=True, help="Pictures in one task and file.")
@click.option("--workers", type=int, help="Processes; as many as cores when missing.")
@click.option("--scheduler", help="Address of a Dask scheduler whose workers do the work.")
@SEED
@click.option("--dry-run", is_flag=True, help="Explain a sample; estimate time and room.")
@JSON
def explain(
    folder: Path,
    model: Path,
    store: Path | None,
    explainer: str,
    segments: int,
    budget: int,
    target: str,
    shard: int,
    workers: int | None,
    scheduler: str | None,
    seed: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    r"""Explain every picture below a folder; go on where an earlier run stopped.

    \b
    Example: insectlib explain insects --model insects.keras --store explained
    """
    with plainly("What is finished is kept: the same command goes on."):
        from insectlib.collection import estimate_run, explain_collection

        settings: dict[str, Any] = {
            "size": side_of(loaded(model)),
            "explainer": explainer,
            "n_segments": segments,
            "budget": budget,
            "target": None if target == "all" else int(target) if target.isdigit() else target,
            "seed": seed,
            "shard": shard,
            "workers": workers,
        }
        if dry_run:
            expected = estimate_run(folder, str(model), **settings)
            say(expected._asdict(), str(expected), as_json)
            return
        if store is None:
            raise ValueError("--store is missing: the folder in which the explanations are kept")
        done = explain_collection(folder, str(model), store, scheduler=scheduler, **settings)
        bad = done.unreadable()
        total = len(done.pictures.names)
        result = {"store": str(done.path), "pictures": total, "unreadable": bad}
        lines = [f"{total - len(bad)} of {total} pictures are explained in {done.path}."]
        lines += [f"Not read: {reason}" for reason in bad.values()]
        say(result, "\n".join(lines), as_json)


@main.command()
@FOLDER
@click.option("--model", type=click.Path(path_type=Path), help="A .keras file; not for a store.")
@click.option(
    "--page",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="The HTML file to write.",
)
@click.option(
    "--virelay",
    type=click.Path(path_type=Path),
    help="Of a store: also write it for ViRelAy, into this folder.",
)
@SEED
@JSON
def report(
    folder: Path, model: Path | None, page: Path, virelay: Path | None, seed: int, as_json: bool
) -> None:
    r"""Write a page about what a network looks at.

    Of a folder of class folders, with interventions that test it; of a store that insectlib
    explain made, with what its maps say, however many there are.

    \b
    Examples:
      insectlib report insects --model insects.keras --page report.html
      insectlib report explained --page report.html --virelay explorer
    """
    if (folder / "job.json").is_file():
        with plainly():
            _report_store(folder, page, virelay, seed, as_json)
        return
    if model is None or virelay is not None:
        raise click.UsageError(
            f"{folder} is no store, and a folder of pictures needs --model and takes no --virelay"
        )
    with plainly():
        from insectlib.shortcuts import write_report
        from insectlib.shortcuts.report import verdict

        found = write_report(loaded(model), folder, page, seed=seed)
        confirmed, sentences = verdict(found)
        result = {"page": str(page), "shortcut_confirmed": confirmed, "shares": found.shares}
        say(result, f"{sentences}\nThe page is {page}.", as_json)


def _report_store(folder: Path, page: Path, virelay: Path | None, seed: int, as_json: bool) -> None:
    from insectlib.collection import Store, find_clusters, report_store, write_virelay

    store = Store(folder)
    clusters = find_clusters(store, seed=seed)
    share = report_store(store, page, clusters)
    text = f"The maps put {share:.0%} of the evidence on border and strip.\nThe page is {page}."
    result = {"page": str(page), "suspicion": share}
    if virelay is not None:
        project = write_virelay(store, virelay, clusters)
        result["virelay"] = str(project)
        text += f"\nFor ViRelAy: virelay {project}"
    say(result, text, as_json)


if __name__ == "__main__":
    main()
