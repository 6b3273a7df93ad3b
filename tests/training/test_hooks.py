"""What a search adds to a run: an early end from which a later run resumes exactly."""

import shutil

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")

from kerasnorm.training.loop.hooks import Hooks
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.runner import run
from kerasnorm.training.settings import Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hooks")
    draw = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / "data" / name).mkdir(parents=True)
        for number in range(12):
            pixels = draw.integers(0, 255, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "data" / name / f"{number}.png")
    return Settings(
        **{"data": str(folder / "data"), "runs": str(folder), "quiet": True},
        **{"image_size": 16, "width": 4, "batch_size": 4, "epochs": 3},
        **{"examine": False, "deterministic": True, "norm": "group", "dropout": 0.0},
    )


def losses(found):
    rows = RunDirectory(found.directory).read_history()
    return [(row["loss"], row["val_loss"], row["learning_rate"]) for row in rows]


@pytest.mark.slow
def test_a_run_ended_early_goes_on_as_if_it_had_not_been(settings):
    whole = run(settings.replace(name="whole"))
    first = run(settings.replace(name="first"), Hooks(until_epoch=1))
    assert first.report["epochs"] == 1
    copied = first.directory.with_name("copied")
    shutil.copytree(first.directory, copied)
    for result in ("report.json", "model.keras"):
        (copied / result).unlink()
    rest = run(settings.replace(resume=str(copied)), Hooks(until_epoch=3))
    assert losses(rest) == losses(whole)


@pytest.mark.slow
def test_two_half_batches_make_the_step_of_a_whole_one(settings):
    plain = settings.replace(schedule="constant", warmup_epochs=0.0, optimizer="sgd")
    plain = plain.replace(learning_rate=0.05, epochs=1)
    one = run(plain.replace(name="one"))
    two = run(plain.replace(name="two", batch_size=2, accumulate=2))
    assert losses(two)[0][1] == pytest.approx(losses(one)[0][1], abs=2e-3)
