"""Takes a finished run or a model file to the doctor, with its images."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import keras

from kerasnorm.data.images.decoded_images import INTERPOLATIONS
from kerasnorm.data.sources import remote, source
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.store.failures import failures_in_words
from kerasnorm.doctor import command
from kerasnorm.doctor.inputs_of_model import choose_resizing
from kerasnorm.training.commands import inference
from kerasnorm.training.commands.model_images import (
    Decoding,
    ImageBatches,
    find_image_input,
)
from kerasnorm.training.inputs import loading
from kerasnorm.training.inputs.run_files import as_resumed
from kerasnorm.training.record import run_directory
from kerasnorm.training.report import run_diagnosis
from kerasnorm.training.settings.errors import UsageError

Progress = Callable[[str], None]
BATCH_SIZE = 32
SEED = 0


def diagnose_run(
    target: str,
    train: str | None = None,
    validation: str | None = None,
    *,
    prove: bool = False,
    trust: bool = False,
    accept_changes: bool = False,
    progress: Progress | None = None,
    decoding: Decoding | None = None,
) -> command.DiagnosisResult:
    """Examine a run on its own images, or a model on those given.

    Args:
        target: A run directory or a .keras file.
        train: Folder of class folders that the model was trained on; a run knows its
            own.
        validation: The same for validation.
        prove: Whether to try the first remedy on a copy, which is saved beside.
        trust: Whether code inside a model file may run.
        accept_changes: Whether to continue where the run's own images have changed.
        progress: Called with a sentence at every step.
        decoding: How files of the folders become inputs; by default values from 0 to
            255, resized as the model recognizes training images best.

    Raises:
        UsageError: If a model comes without training images.
        ValueError: If the target or the images cannot be read.
    """
    path = pathlib.Path(target)
    decoding = decoding or Decoding()
    if path.is_dir():
        return _consult_run(
            path, train, validation, prove, accept_changes, progress, decoding
        )
    if not path.is_file():
        raise UsageError(
            f"expected a run directory or a .keras file, but {target} does not exist"
        )
    if train is None:
        raise UsageError(
            "expected --train DIR with a model file, received none; name the images "
            "it was trained on, and those of --validation"
        )
    model = inference.read_model(path, compiled=True, trust=trust)
    folders = _Folders(model, decoding, progress)
    splits = folders.train(train), validation and folders.validation(validation)
    return command.diagnose_model(
        model,
        *splits,
        prove_remedy=prove,
        save_beside=path,
        progress=progress,
        notes=folders.describe(),
        subject=_subject(path, train, validation),
    )


def _consult_run(
    path: pathlib.Path,
    train: str | None,
    validation: str | None,
    prove: bool,
    accept_changes: bool,
    progress: Progress | None,
    decoding: Decoding,
) -> command.DiagnosisResult:
    directory = run_directory.open_run(path)
    directory.read_report()
    settings = directory.read_settings()
    model = inference.read_model(directory.model_file, compiled=True)
    history: dict[str, list[Any]] = {}
    for row in directory.read_history():
        for name, value in row.items():
            history.setdefault(name, []).append(value)
    splits: dict[str, Any] = {}
    data = None
    if train is None or validation is None:
        data = loading.load_data(
            as_resumed(settings, directory.path, accept_changes=accept_changes)
        )
        if progress is not None:
            for note in data.notes:
                progress(note)
        splits = run_diagnosis.splits_of(settings, data)
        if train is not None or validation is not None:
            # What belongs to the run's own images alone does not apply.
            splits = {name: splits[name] for name in ("train", "validation")}
    own = settings.data or "drawn"
    bits = directory.read_environment().get("gray_bits")
    folders = _Folders(model, decoding, progress, bits)
    if train is not None:
        splits["train"] = folders.train(train)
    if validation is not None:
        splits["validation"] = folders.validation(validation)
    read = () if data is None else (data.train, data.validation)
    with failures_in_words(*read):
        return command.diagnose_model(
            model,
            **splits,
            prove_remedy=prove,
            save_beside=directory.model_file,
            history=history,
            progress=progress,
            notes=folders.describe() if train or validation else (),
            subject=_subject(path, train or own, validation or own),
        )


def _subject(
    path: pathlib.Path, train: str | None, validation: str | None
) -> dict[str, str]:
    """Return where the model and its images lie, for the report."""
    folders = {"training data": train, "validation data": validation}
    return {"file": remote.as_given(str(path))} | {
        n: str(folder) for n, folder in folders.items() if folder
    }


class _Folders:
    """Folders of images in the form that a model takes, and what was said of them."""

    def __init__(
        self,
        model: keras.Model,
        decoding: Decoding,
        progress: Progress | None,
        gray_bits: int | None = None,
    ) -> None:
        self.model, self.decoding = model, decoding
        self.progress = progress or (lambda sentence: None)
        self.notes: list[str] = []
        # Of the training images first: those of validation are to be as bright.
        self.gray_bits = gray_bits

    def train(self, folder: str) -> ImageBatches:
        """Return shuffled batches, resized as the model recognizes them best."""
        index = self._open(folder, "train")

        def batches(decoding: Decoding) -> ImageBatches:
            return ImageBatches(
                self.model, index, decoding, BATCH_SIZE, seed=SEED, drop_remainder=True
            )

        if self.decoding.interpolation is None:
            given = dataclasses.replace(self.decoding, interpolation=INTERPOLATIONS[0])
            others = {
                name: batches(dataclasses.replace(given, interpolation=name))
                for name in INTERPOLATIONS[1:4]
            }
            self.decoding = given
            found = choose_resizing(self.model, batches(given), others)
            if found is not None:
                name, before, after = found
                self.decoding = dataclasses.replace(given, interpolation=name)
                self.notes.append(
                    f"--interpolation {name} fits this model: without antialiasing the "
                    f"training loss is {after:.3g} instead of {before:.3g}"
                )
        return batches(self.decoding)

    def validation(self, folder: str) -> ImageBatches:
        """Return batches in the order of the files."""
        index = self._open(folder, "validation")
        return ImageBatches(self.model, index, self.decoding, BATCH_SIZE)

    def _open(self, folder: str, use: str) -> ImageIndex:
        index, note = source.open_part(folder, use, self.gray_bits)
        self.gray_bits = index.gray_bits
        self.progress(note)
        return index

    def describe(self) -> list[str]:
        """Return how files became inputs, and why, in sentences."""
        how = self.decoding.describe(find_image_input(self.model))
        for note in (how, *self.notes):
            self.progress(note)
        return [how, *self.notes]
