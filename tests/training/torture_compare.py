"""Compares two run directories, timing left out."""

import csv
import pathlib
import zipfile

import h5py
import numpy as np
from tensorboard.backend.event_processing import event_file_loader
from tensorboard.compat.proto import event_pb2
from tensorboard.util import tensor_util

from kerasnorm.callbacks import checkpoint_files

TIMING = ("seconds", "images_per_second")


def differences(one: pathlib.Path, other: pathlib.Path) -> list[str]:
    """Return what of history, weights, checkpoint and curves differs."""
    views = {
        "history": history,
        "model": model_weights,
        "checkpoint": checkpoint,
        "curves": curves,
    }
    return [name for name, view in views.items() if not same(view(one), view(other))]


def same(one, other) -> bool:
    """Say whether two nested values are equal, bit for bit."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return np.asarray(one).tobytes() == np.asarray(other).tobytes()


def history(run: pathlib.Path) -> list[dict[str, str]]:
    """Return the rows of `history.csv` as text."""
    with (run / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [{k: v for k, v in row.items() if k not in TIMING} for row in rows]


def model_weights(run: pathlib.Path) -> dict[str, np.ndarray]:
    """Return the weights in `model.keras` by their place in the file."""
    weights = {}
    with (
        zipfile.ZipFile(run / "model.keras") as archive,
        archive.open("model.weights.h5") as stream,
        h5py.File(stream) as file,
    ):

        def note(name, value):
            if isinstance(value, h5py.Dataset):
                weights[name] = value[()]

        file.visititems(note)
    return weights


def checkpoint(run: pathlib.Path) -> dict:
    """Return all that decides how training would continue."""
    state = checkpoint_files.read_newest(run / "checkpoint").state
    kept = ("epoch", "batch", "model", "optimizer", "metrics")
    callbacks = {saved["name"]: saved["state"] for saved in state["callbacks"]}
    return {
        **{name: state[name] for name in kept},
        "python_random": state["random"]["python"][:2],
        "numpy_random": state["random"]["numpy"],
        "stopping": callbacks["EarlyStopping"],
    }


def curves(run: pathlib.Path) -> list:
    """Return (folder, tag, step, value) of every point, sorted."""
    points = []
    for file in sorted((run / "tensorboard").glob("*/events.out.tfevents.*")):
        for record in event_file_loader.RawEventFileLoader(str(file)).Load():
            event = event_pb2.Event.FromString(record)
            for value in event.summary.value:
                if value.tag.startswith("epoch/") and not value.tag.endswith(TIMING):
                    number = float(tensor_util.make_ndarray(value.tensor))
                    points.append([file.parent.name, value.tag, event.step, number])
    return sorted(points)
