"""Takes a finished run or a model file to the doctor, with its pictures."""

import pathlib
from collections.abc import Callable
from typing import Any

import keras

from kerasnorm.data import pictures as picture_loading
from kerasnorm.data import pipeline_tf, sources
from kerasnorm.doctor import command
from kerasnorm.training import checkup, inference, loading, run_directory
from kerasnorm.training.errors import UsageError
from kerasnorm.training.run_files import as_resumed

Progress = Callable[[str], None]
BATCH_SIZE = 32
SEED = 0


def consult(
    patient: str,
    train: str | None = None,
    validation: str | None = None,
    *,
    prove: bool = False,
    trust: bool = False,
    accept_changes: bool = False,
    progress: Progress | None = None,
) -> command.Consultation:
    """Examine a run on its own pictures, or a model on those given.

    Args:
        patient: A run directory or a .keras file.
        train: Folder of class folders that the model was trained on; a run knows its
            own.
        validation: The same for validation.
        prove: Whether to try the first remedy on a copy, which is saved beside.
        trust: Whether code inside a model file may run.
        accept_changes: Whether to go on where the run's own images have changed.
        progress: Called with a sentence at every step.

    Raises:
        UsageError: If a model comes without training pictures.
        ValueError: If the patient or the pictures cannot be read.
    """
    path = pathlib.Path(patient)
    if path.is_dir():
        return _consult_run(path, train, validation, prove, accept_changes, progress)
    if not path.is_file():
        raise UsageError(
            f"expected a run directory or a .keras file, but {patient} does not exist"
        )
    if train is None:
        raise UsageError(
            "expected --train DIR with a model file, received none; name the pictures "
            "it was trained on, and those of --validation"
        )
    model = inference.read_model(path, compiled=True, trust=trust)
    return command.consult(
        model,
        _shuffled(train, model, progress),
        None if validation is None else _in_order(validation, model, progress),
        prove_remedy=prove,
        save_beside=path,
        progress=progress,
    )


def _consult_run(
    path: pathlib.Path,
    train: str | None,
    validation: str | None,
    prove: bool,
    accept_changes: bool,
    progress: Progress | None,
) -> command.Consultation:
    directory = run_directory.open_run(path)
    directory.read_report()
    settings = directory.read_settings()
    model = inference.read_model(directory.model_file, compiled=True)
    data = loading.load_data(
        as_resumed(settings, directory.path, accept_changes=accept_changes)
    )
    if progress is not None:
        for note in data.notes:
            progress(note)
    history: dict[str, list[Any]] = {}
    for row in directory.read_history():
        for name, value in row.items():
            history.setdefault(name, []).append(value)
    splits = checkup.splits_of(settings, data)
    if train is not None or validation is not None:
        # Other pictures than the run's own: what belongs to its own does not apply.
        splits = {name: splits[name] for name in ("train", "validation")}
    if train is not None:
        splits["train"] = _shuffled(train, model, progress)
    if validation is not None:
        splits["validation"] = _in_order(validation, model, progress)
    return command.consult(
        model,
        **splits,
        prove_remedy=prove,
        save_beside=directory.model_file,
        history=history,
        progress=progress,
    )


def _load(
    folder: str, use: str, model: keras.Model, progress: Progress | None
) -> picture_loading.Pictures:
    size = model.input_shape[1:3]
    if len(model.input_shape) != 4 or None in size:
        raise ValueError(
            "expected a model of pictures of a fixed size, received input shape "
            f"{model.input_shape}; call kerasnorm.doctor.examine with batches instead"
        )
    index, note = sources.open_part(folder, use)
    if progress is not None:
        progress(note)
    return picture_loading.load_pictures(index, size)


def _shuffled(folder: str, model: keras.Model, progress: Progress | None) -> Any:
    pictures = _load(folder, "train", model, progress)
    size = min(BATCH_SIZE, len(pictures))
    steps = len(pictures) // size
    return pipeline_tf.training_batches(pictures, size, seed=SEED).take(steps)


def _in_order(folder: str, model: keras.Model, progress: Progress | None) -> Any:
    pictures = _load(folder, "validation", model, progress)
    return pipeline_tf.evaluation_batches(pictures, BATCH_SIZE)
