"""Trials that were promoted, killed or repeated, against one that was trained through.

Real trainings of a tiny network: history, weights, optimizer and curves, bit for bit.
"""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from PIL import Image

from kerasnorm.training.commands.command_line import main
from kerasnorm.training.loop.hooks import Hooks
from kerasnorm.training.settings import Settings
from tests.training.torture_compare import differences
from tests.tuning.conftest import SPACE, make_plan
from tuning.plan import SearchDirectory
from tuning.workers.trial import EPOCHS, PROMOTED_FROM, TrialRun

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
VALUES = {"norm": "batch", "optimizer": "adamw", "learning_rate": 0.01, "batch_size": 4}


class Killed(BaseException):
    """Stands for SIGKILL: nothing below catches it."""


class Kill(keras.callbacks.Callback):
    """End the process, as it were, in the middle of the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (1, 1):
            raise Killed


class FullMemory(keras.callbacks.Callback):
    """Raise what TensorFlow raises, once."""

    raised = False

    def on_train_batch_end(self, batch, logs=None):
        if not self.raised:
            self.raised = True
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")


class Epochs(keras.callbacks.Callback):
    """Note the epochs that are trained: training all of them again is exact, too."""

    def __init__(self):
        super().__init__()
        self.begun = []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(epoch)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    draw = np.random.default_rng(0)
    for channel, name in enumerate(("cat", "dog")):
        (folder / name).mkdir()
        for number in range(12):
            pixels = draw.integers(0, 150, (16, 16, 3), dtype=np.uint8)
            pixels[4:12, 4:12, channel] += 100
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return make_plan(
        settings=Settings(
            **{"app": "cats_dogs", "data": str(folder), "quiet": True},
            **{"image_size": 16, "width": 4, "stages": 2, "epochs": 3},
            **{"examine": False, "deterministic": True},
        ),
        space=SPACE,
        algorithm="hyperband",
    )


@pytest.fixture
def directory(tmp_path):
    return SearchDirectory(tmp_path)


@pytest.fixture(scope="module")
def whole(plan, tmp_path_factory):
    """Run directory of a trial that was trained in one go."""
    directory = SearchDirectory(tmp_path_factory.mktemp("whole"))
    TrialRun(plan, directory, "0", VALUES, Hooks()).run()
    return directory.path / "cats_dogs" / "trial_0"


def test_a_promoted_trial_is_the_one_that_was_never_stopped(plan, directory, whole):
    first = TrialRun(plan, directory, "0", {**VALUES, EPOCHS: 1}, Hooks())
    first.run()
    assert json.loads((first.run_directory / "report.json").read_text())["epochs"] == 1
    promoted = {**VALUES, EPOCHS: 3, PROMOTED_FROM: "0"}
    epochs = Epochs()
    second = TrialRun(plan, directory, "1", promoted, Hooks(callbacks=(epochs,)))
    second.run()
    assert epochs.begun == [1, 2]
    assert differences(second.run_directory, whole) == []


def test_a_killed_trial_is_the_one_that_was_never_killed(plan, directory, whole):
    trial = TrialRun(plan, directory, "0", VALUES, Hooks(callbacks=(Kill(),)))
    with pytest.raises(Killed):
        trial.run()
    epochs = Epochs()
    trial = TrialRun(plan, directory, "0", VALUES, Hooks(callbacks=(epochs,)))
    trial.run()
    assert epochs.begun == [1, 2]
    assert differences(trial.run_directory, whole) == []


def test_real_lack_of_memory_leaves_a_trial_with_half_the_batch(plan, directory):
    short = dataclasses.replace(plan, settings=plan.settings.replace(epochs=1))
    hooks = Hooks(callbacks=(FullMemory(),))
    trial = TrialRun(short, directory, "0", VALUES, hooks)
    trial.run()
    settings = yaml.safe_load((trial.run_directory / "settings.yaml").read_text())
    assert (settings["batch_size"], settings["accumulate"]) == (2, 2)
    assert "out of memory with batches of 4" in trial.note["remarks"][0]
    assert trial.note["status"] == "completed"


def test_an_app_repeats_a_trial_from_its_settings(whole, tmp_path, capsys):
    from apps.cats_dogs import APP

    shutil.copy(whole / "settings.yaml", tmp_path)
    words = ["--config", str(tmp_path / "settings.yaml"), "--runs", str(tmp_path)]
    assert main(APP, [*words, "--name", "again", "--quiet"]) == 0
    again = tmp_path / "cats_dogs" / "again"
    assert capsys.readouterr().out.splitlines()[-1] == str(again)
    assert differences(again, whole) == []
