"""What a finished run is good for: evaluate it, and predict with it."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm.data import pictures as picture_loading
from kerasnorm.data import sources
from kerasnorm.data.folders import walk_files
from kerasnorm.data.index import ImageIndex
from kerasnorm.training import evaluation, run_directory

BATCH_SIZE = 64


def evaluate_run(
    path: str | os.PathLike[str], data: str | None = None
) -> dict[str, Any]:
    """Measure a finished run on its own validation pictures or on others.

    Args:
        path: The run directory.
        data: A folder or `tfds:NAME`; with a validation part this part is taken, else
            all pictures. None for what the run was validated on.

    Returns:
        `loss`, `accuracy`, `samples`, `data`, `rejected` as (path, reason), and in
        `note` which images were taken.

    Raises:
        ValueError: If the run is not finished or the classes are others.
    """
    directory = run_directory.open_run(path)
    report = directory.read_report()
    settings = directory.read_settings()
    if data is None:
        source = sources.open_source(
            settings.data,
            validation_fraction=settings.validation_fraction,
            seed=settings.seed,
        )
        index, note = source.validation, source.note
    else:
        index, note = sources.open_part(data, "validation")
    if list(index.class_names) != report["class_names"]:
        raise ValueError(
            f"expected pictures of the classes {', '.join(report['class_names'])}, "
            f"received {', '.join(index.class_names)} in {data or settings.data}; "
            "name the class folders as in training"
        )
    side = settings.image_size
    pictures = picture_loading.load_pictures(index, (side, side))
    result = evaluation.evaluate(
        load_model(directory),
        pictures,
        BATCH_SIZE,
        mirrored=settings.average_mirrored,
    )
    return {
        "loss": result.loss,
        "accuracy": result.accuracy,
        "samples": result.samples,
        "data": data or settings.data,
        "rejected": [(str(file), reason) for file, reason in pictures.rejected],
        "note": note,
    }


def predict_run(
    path: str | os.PathLike[str], paths: Sequence[str]
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Classify picture files.

    Args:
        path: The run directory.
        paths: Files, or folders whose pictures are taken at any depth.

    Returns:
        A list of `path`, `label` and `probability`, and the files left out with the
        reason.

    Raises:
        ValueError: If the run is not finished, or no picture can be read.
    """
    directory = run_directory.open_run(path)
    report = directory.read_report()
    files: list[str] = []
    for name in paths:
        given = pathlib.Path(name)
        if not given.exists():
            raise ValueError(
                f"expected a picture or a folder, but {name} does not exist"
            )
        files += list(walk_files(given)) if given.is_dir() else [name]
    if not files:
        raise ValueError(f"expected pictures, but found none in {', '.join(paths)}")
    side = report["image_size"]
    # Nothing is known of their classes: they form one.
    index = ImageIndex(
        tuple(files), np.zeros(len(files), np.int64), class_names=("pictures",)
    )
    pictures = picture_loading.load_pictures(index, (side, side))
    result = evaluation.evaluate(
        load_model(directory),
        pictures,
        BATCH_SIZE,
        mirrored=directory.read_settings().average_mirrored,
    )
    predictions = [
        {
            "path": str(file),
            "label": report["class_names"][label],
            "probability": float(chances[label]),
        }
        for file, label, chances in zip(
            pictures.paths, result.predictions, result.probabilities, strict=True
        )
    ]
    return predictions, [(str(file), reason) for file, reason in pictures.rejected]


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
        raise ValueError(f"expected a .keras file, but {path} does not exist")
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
