"""What a finished run is good for: evaluate it, and predict with it."""

import os
import pathlib
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm.data.sources import remote, source
from kerasnorm.data.sources.folders import walk_files
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.training.inputs.loading import open_parts
from kerasnorm.training.inputs.run_files import as_resumed, find_run_files, is_same_data
from kerasnorm.training.record import environment, run_directory
from kerasnorm.training.report import evaluation, explanations
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import paths

BATCH_SIZE = 64


def evaluate_run(
    path: str | os.PathLike[str],
    data: str | None = None,
    *,
    accept_changes: bool = False,
) -> dict[str, Any]:
    """Measure a finished run on its own validation images or on others.

    Args:
        path: The run directory.
        data: A folder or `tfds:NAME`; with a validation part this part is taken, else
            all images. None, or the run's own folder, for what it was validated on.
        accept_changes: Whether to continue where the run's own images have changed.

    Returns:
        `loss`, `accuracy`, `samples`, `data`, `rejected` as (path, reason), and in
        `notes` which images were taken.

    Raises:
        ValueError: If the run is not finished or the classes are others.
    """
    directory = run_directory.open_run(path)
    report = directory.read_report()
    settings = directory.read_settings()
    index, notes = choose_files(directory, data, "validation", accept_changes)
    if list(index.class_names) != report["class_names"]:
        raise ValueError(
            f"expected images of the classes {', '.join(report['class_names'])}, "
            f"received {', '.join(index.class_names)} in {data or settings.data}; "
            "name the class folders as in training"
        )
    images, said = open_parts(settings, {"validation": index})
    decoded = images["validation"]
    result = evaluation.evaluate(
        load_model(directory),
        decoded,
        BATCH_SIZE,
        mirrored=settings.flip_tta,
    )
    return {
        "loss": result.loss,
        "accuracy": result.accuracy,
        "samples": result.samples,
        "data": data or settings.data,
        "rejected": _as_given(decoded.rejected),
        "notes": [*notes, said],
    }


def choose_files(
    directory: run_directory.RunDirectory | None,
    data: str | None,
    use: str,
    accept_changes: bool = False,
) -> tuple[ImageIndex, list[str]]:
    """List the images of a part: a run's own, or those of a folder.

    Args:
        directory: The run directory; None for a model without one.
        data: A folder or `tfds:NAME`. None, or the run's own folder wherever it lies
            now, for its own.
        use: "train" or "validation".
        accept_changes: Whether to continue where the run's own images have changed.

    Returns:
        The files, and what was taken for what, one line each.

    Raises:
        UsageError: There is neither a run nor a folder.
        DataError: There is nothing usable, or the run's images have changed.
    """
    if directory is not None:
        own = as_resumed(
            directory.read_settings(), directory.path, accept_changes=accept_changes
        )
        if data is not None and is_same_data(own, paths.in_full(data, "--data")):
            own = own.replace(data=paths.in_full(data, "--data"))
            data = None
        if data is None:
            files = find_run_files(own, checked=(use,))
            return files.parts[use], files.notes
    if data is None:
        raise UsageError(
            "expected --data DIR with a model that lies in no run directory, received "
            "none; name the folder of images"
        )
    index, note = source.open_part(data, use)
    if directory is not None:
        index = environment.with_depth_of(directory.path, index)
    return index, [note]


def run_of(model: str | os.PathLike[str]) -> run_directory.RunDirectory | None:
    """Return the run directory that a model is, or lies in; None if there is none.

    Args:
        model: A run directory or a .keras file.
    """
    path = pathlib.Path(model)
    folder = path if path.is_dir() else path.parent
    is_run = (folder / run_directory.SPLIT_FILE).is_file()
    return run_directory.open_run(folder) if is_run else None


def predict_run(
    path: str | os.PathLike[str],
    names: Sequence[str],
    explain: str | os.PathLike[str] | None = None,
) -> tuple[list[dict[str, Any]], list[tuple[str, str]], list[str]]:
    """Classify image files.

    Args:
        path: The run directory.
        names: Files, or folders whose images are taken at any depth; or their URLs.
        explain: New or empty folder for each image beside its Grad-CAM; None for none.

    Returns:
        A list of `path`, `label`, `probability` and, of explained ones, `explanation`,
        the file with the Grad-CAM; the files left out with the
        reason, and what was taken of each folder, one line each.

    Raises:
        ValueError: If the run is not finished, or no image can be read.
    """
    directory = run_directory.open_run(path)
    report = directory.read_report()
    files: list[str] = []
    notes = []
    for name in names:
        copy = paths.fetched(name, "paths")
        given = pathlib.Path(copy)
        if not given.exists():
            raise ValueError(
                f"expected an image or a folder, but {name} does not exist"
            )
        if not given.is_dir():
            files.append(copy)
            continue
        found = list(walk_files(given))
        files += found
        notes.append(
            f"{name}: {len(found):,} files taken at any depth, for prediction; names "
            "of folders are not used as classes"
        )
    if not files:
        raise ValueError(f"expected images, but found none in {', '.join(names)}")
    settings = directory.read_settings()
    # Nothing is known of their classes: they form one.
    index = ImageIndex(
        tuple(files), np.zeros(len(files), np.int64), class_names=("images",)
    )
    index = environment.with_depth_of(directory.path, index)
    images, said = open_parts(settings, {"images": index})
    decoded = images["images"]
    model = load_model(directory)
    result = evaluation.evaluate(model, decoded, BATCH_SIZE, mirrored=settings.flip_tta)
    predictions: list[dict[str, Any]] = [
        {
            "path": remote.as_given(str(file)),
            "label": report["class_names"][label],
            "probability": float(chances[label]),
        }
        for file, label, chances in zip(
            decoded.paths, result.predictions, result.probabilities, strict=True
        )
    ]
    if explain is not None:
        files = explanations.write_explanations(
            model, decoded, result.predictions, explain, mirrored=settings.flip_tta
        )
        for prediction, file in zip(predictions, files, strict=True):
            prediction["explanation"] = file
    return predictions, _as_given(decoded.rejected), [*notes, said]


def _as_given(rejected: Iterable[tuple[Any, str]]) -> list[tuple[str, str]]:
    return [(remote.as_given(str(file)), reason) for file, reason in rejected]


def load_model(directory: run_directory.RunDirectory) -> keras.Model:
    """Load the model of a run for inference.

    Args:
        directory: The run directory.
    """
    return read_model(directory.model_file)


def read_model(
    file: str | os.PathLike[str], *, compiled: bool = False, trust: bool = False
) -> keras.Model:
    """Load a model file of any origin; it can run no code unless it is trusted.

    Args:
        file: A .keras file.
        compiled: Whether to restore the loss and the optimizer too.
        trust: Whether code inside the file, such as that of Lambda layers, may run.

    Raises:
        ValueError: If the file is no model, or needs code of its own to be loaded.
    """
    path = pathlib.Path(file)
    if not path.is_file():
        raise UsageError(f"expected a .keras file, received {path}, which is none")
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        # Keras says that there is no such file.
        raise ValueError(
            f"expected a Keras model in {path}, but it is no zip file, as .keras files "
            "are; copy it again, or name a file of Keras 2 with .h5"
        )
    try:
        return keras.saving.load_model(path, compile=compiled, safe_mode=not trust)
    except Exception as error:
        problem = " ".join(str(error).split())
        if not trust and "safe_mode" in problem:
            raise ValueError(
                f"expected a Keras model in {path} that can be loaded without running "
                "code from it, received one with code inside, as Lambda layers have; "
                "if you trust its source, add --trust"
            ) from error
        raise ValueError(
            f"expected a Keras model in {path}, but {problem[:300]}"
        ) from error
