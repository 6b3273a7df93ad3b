"""Runs of a tiny model, broken in many ways within this process.

Real SIGKILLs are in `torture.py`.
"""

import csv
import errno
import json
import os
import pathlib
import shutil
import signal
import time
import types

import numpy as np
import PIL.Image
import pytest
import yaml

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from kerasnorm.callbacks import checkpoint_files  # noqa: E402
from kerasnorm.data import DataError  # noqa: E402
from kerasnorm.training import Settings, UsageError, build, run, runner  # noqa: E402
from kerasnorm.training.loop import fitting, interruption, progress, recovery  # noqa: E402
from kerasnorm.training.record import run_directory  # noqa: E402
from tests.marks import thorough  # noqa: E402
from tests.training import torture, torture_compare  # noqa: E402


@keras.saving.register_keras_serializable(package="tests")
class Fragile(keras.layers.Layer):
    """Cannot stand white images."""

    def call(self, x):
        return x / (1 - keras.ops.min(x, axis=(1, 2, 3), keepdims=True))

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    torture.draw_images(folder)
    return folder


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(build, "build_model", torture.tiny_model)


@pytest.fixture
def settings(images, tmp_path):
    return settings_for(images, tmp_path)


def settings_for(images, folder):
    return Settings(
        app="test",
        data=str(images),
        runs=str(folder),
        name="run",
        image_size=16,
        batch_size=16,
        epochs=3,
        quiet=True,
        examine=False,
        # Without them there is nothing to compile in the pipeline.
        rotation_range=0,
        width_shift_range=0,
        height_shift_range=0,
        shear_range=0,
        zoom_range=0,
    )


@pytest.fixture(scope="module")
def unbroken(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "build_model", torture.tiny_model)
        return run(settings_for(images, folder)).directory


def resumed(settings, **changes):
    path = f"{settings.runs}/{settings.app}/{settings.name}"
    return settings.replace(resume=path, **changes)


def on_call(monkeypatch, hook, count, act):
    """Let the last callback do something when a hook is called for the nth time."""
    calls = []

    def call(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == count:
            act()

    monkeypatch.setattr(progress.ProgressLines, hook, call)


def assert_same(one, other):
    """Compare histories; without op determinism the last bits may differ."""
    ours, theirs = torture_compare.history(one), torture_compare.history(other)
    assert len(ours) == len(theirs)
    for left, right in zip(ours, theirs, strict=True):
        values = [[float(v) for v in row.values()] for row in (left, right)]
        np.testing.assert_allclose(*values, rtol=1e-4)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "no file left out"),
        (1, "1 file left out, listed in {}"),
        (1200, "1,200 files left out, listed in {}"),
    ],
)
def test_files_left_out_are_counted_and_their_list_is_named(tmp_path, count, said):
    data = types.SimpleNamespace(rejected=[("x.jpg", "cut off")] * count)
    directory = run_directory.RunDirectory(tmp_path)
    directory.write_rejected(data.rejected)
    (listed,) = tmp_path.iterdir()
    assert runner.left_out(data, directory) == said.format(listed)


@pytest.mark.parametrize(
    "number, status, hook, count",
    [
        (signal.SIGTERM, 143, "on_train_batch_end", 5),
        thorough(signal.SIGINT, 130, "on_test_batch_end", 1),
    ],
)
def test_a_signal_keeps_everything_and_says_how_to_go_on(
    settings, unbroken, monkeypatch, capsys, number, status, hook, count
):
    with monkeypatch.context() as patch:
        on_call(patch, hook, count, lambda: os.kill(os.getpid(), number))
        with pytest.raises(interruption.Interrupted) as stopped:
            run(settings)
    assert stopped.value.code == status
    directory = pathlib.Path(resumed(settings).resume)
    assert f"python -m apps.test --resume {directory}" in capsys.readouterr().err
    report = json.loads((directory / "report.json").read_text())
    assert report["finished"] is False
    assert not (directory / "model.keras").exists()
    finished = run(resumed(settings))
    assert_same(finished.directory, unbroken)
    assert (
        torture_compare.curves(unbroken)[0][:3]
        == (torture_compare.curves(finished.directory)[0][:3])
    )


def in_a_batch_that_never_ends(said: int) -> None:
    """Tell when signals are awaited and when one has been noted; never return."""
    try:
        with interruption.Signals() as signals:
            signals.defer_signals = True
            os.write(said, b"1")
            while signals.received is None:
                time.sleep(0.01)
            os.write(said, b"2")
            time.sleep(60)
    finally:
        os._exit(70)


def test_a_second_interrupt_ends_at_once():
    before = signal.getsignal(signal.SIGINT)
    heard, said = os.pipe()
    program = os.fork()
    if not program:
        in_a_batch_that_never_ends(said)
    os.close(said)
    with os.fdopen(heard, "rb", buffering=0) as stream:
        assert stream.read(1) == b"1"
        os.kill(program, signal.SIGINT)
        assert stream.read(1) == b"2"
        os.kill(program, signal.SIGINT)
        # Ended by the signal itself, not by the end of the batch.
        status = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    assert status == -signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is before


def test_a_finished_run_says_so_and_changes_nothing(unbroken, capsys, images):
    settings = settings_for(images, unbroken.parents[1]).replace(quiet=False)
    before = {file: file.stat().st_mtime_ns for file in unbroken.rglob("*")}
    assert run(resumed(settings)).directory == unbroken
    assert "the run is finished (3 epochs" in capsys.readouterr().out
    assert {file: file.stat().st_mtime_ns for file in unbroken.rglob("*")} == before


@pytest.mark.thorough
def test_more_epochs_let_a_finished_run_go_on(unbroken, settings, tmp_path, images):
    shutil.copytree(unbroken, tmp_path / "test" / "run")
    longer = run(resumed(settings, epochs=4))
    assert longer.report["epochs"] == 4
    begun = torture_compare.history(longer.directory)[:3]
    assert begun == torture_compare.history(unbroken)


@pytest.mark.thorough
def test_a_finished_run_without_a_time_limit_goes_on_with_one(
    unbroken, settings, tmp_path, images
):
    shutil.copytree(unbroken, tmp_path / "test" / "run")
    longer = run(resumed(settings, epochs=4, max_minutes=60))
    assert longer.report["epochs"] == 4


@pytest.mark.thorough
def test_a_damaged_checkpoint_is_said_in_one_line(
    settings, unbroken, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        on_call(patch, "on_epoch_end", 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(interruption.Interrupted):
            run(settings)
    folder = resumed(settings).resume + "/checkpoint"
    newest = sorted(os.listdir(folder))[-1]
    os.truncate(f"{folder}/{newest}", 1000)
    finished = run(resumed(settings, quiet=False))
    line = f"{newest} is damaged; the checkpoint before it is used"
    assert line in capsys.readouterr().out
    assert_same(finished.directory, unbroken)


@pytest.mark.thorough
def test_the_time_limit_ends_a_long_epoch_after_a_batch(settings):
    # Tracing takes longer than this, so the first batch is already too late.
    limited = run(settings.replace(max_minutes=1e-4))
    assert limited.report["epochs"] == 0
    assert "time limit" in limited.report["stopped_because"]
    assert "epoch 1 after 1 batches" in limited.report["stopped_because"]
    assert (limited.directory / "model.keras").is_file()


@pytest.mark.thorough
@pytest.mark.parametrize("number", [errno.ENOSPC, thorough(errno.EROFS)])
def test_a_disk_that_takes_no_more_ends_the_run_with_the_checkpoint_before(
    settings, monkeypatch, number
):
    write, calls = np.savez, []

    def fill(stream, **arrays):
        calls.append(1)
        if len(calls) > 2:
            raise OSError(number, os.strerror(number))
        write(stream, **arrays)

    monkeypatch.setattr(checkpoint_files.np, "savez", fill)
    with pytest.raises(RuntimeError, match=rf"{os.strerror(number)}.*--resume"):
        run(settings)
    folder = pathlib.Path(resumed(settings).resume) / "checkpoint"
    assert checkpoint_files.read_newest(folder).state["epoch"] == 1


@pytest.mark.thorough
def test_a_removed_run_directory_is_said_in_one_sentence(settings, monkeypatch):
    path = resumed(settings).resume
    on_call(monkeypatch, "on_train_batch_end", 1, lambda: shutil.rmtree(path))
    with pytest.raises(RuntimeError, match="was removed while"):
        run(settings)


@pytest.mark.parametrize("error", [UsageError, DataError])
def test_what_is_refused_late_leaves_no_run_behind(settings, monkeypatch, error):
    def refuse(job):
        assert job.directory.settings_file.is_file()
        raise error("expected something else")

    monkeypatch.setattr(fitting, "fit", refuse)
    with pytest.raises(error, match="something else"):
        run(settings.replace(preflight=False))
    assert not (pathlib.Path(settings.runs) / "test" / "run").exists()


def test_a_range_test_that_finds_no_rate_names_the_flag(settings, monkeypatch):
    def constant_model(settings, num_classes, **options):
        model = torture.tiny_model(settings, num_classes)
        start = keras.Input(model.input_shape[1:])
        constant = keras.layers.Rescaling(0.0, offset=0.5)
        return keras.Sequential([start, *model.layers, constant])

    monkeypatch.setattr(build, "build_model", constant_model)
    auto = settings.replace(learning_rate="auto", preflight=False)
    with pytest.raises(UsageError, match=r"--learning-rate auto .* fell at none from"):
        run(auto)
    assert not (pathlib.Path(settings.runs) / "test" / "run").exists()


@pytest.mark.thorough
def test_a_range_test_says_and_saves_what_it_found(settings, capsys):
    changes = {"learning_rate": "auto", "epochs": 1, "quiet": False, "preflight": False}
    done = run(settings.replace(**changes))
    rate = Settings.from_dict(
        yaml.safe_load((done.directory / "settings.yaml").read_text())
    ).learning_rate
    printed = " ".join(capsys.readouterr().out.split())
    assert f"learning rate {rate:.2g}, found by a range test" in printed
    with (done.directory / "learning_rate_test.csv").open() as stream:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]
    lowest = min(rows, key=lambda row: row["smoothed_loss"])
    assert rate == pytest.approx(lowest["learning_rate"] / 10)
    with PIL.Image.open(done.directory / "learning_rate_test.png") as image:
        assert image.size > (400, 200)


def test_a_refused_resume_keeps_the_run(unbroken, settings, tmp_path, monkeypatch):
    def refuse(job):
        raise UsageError("expected something else")

    shutil.copytree(unbroken, tmp_path / "kept")
    monkeypatch.setattr(fitting, "fit", refuse)
    with pytest.raises(UsageError, match="something else"):
        run(settings.replace(resume=str(tmp_path / "kept"), epochs=9))
    assert (tmp_path / "kept" / "model.keras").is_file()


@pytest.mark.thorough
def test_lack_of_memory_names_the_batch_size_to_try(settings, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(fitting, "fit", lambda job: tf.zeros([1 << 46]))
    with pytest.raises(RuntimeError, match=r"--batch-size 16 .*try --batch-size 8"):
        run(settings)


@pytest.fixture
def fragile(monkeypatch, tmp_path):
    """Data with one white image, and a model that cannot stand it."""
    torture.draw_images(tmp_path / "data")
    white = tmp_path / "data" / "cat" / "white.png"
    PIL.Image.new("RGB", (16, 16), "white").save(white)

    def fragile_model(settings, num_classes, **options):
        model = torture.tiny_model(settings, num_classes)
        start = keras.Input(model.input_shape[1:])
        return keras.Sequential([start, model.layers[0], Fragile(), *model.layers[1:]])

    monkeypatch.setattr(build, "build_model", fragile_model)
    return tmp_path


def test_bad_numbers_name_layer_and_file_and_keep_the_batch(fragile):
    settings = settings_for(fragile / "data", fragile / "runs")
    sentence = r"output of the layer fragile; the batch \(\S+white\.png\) is kept"
    with pytest.raises(RuntimeError, match=sentence) as stopped:
        run(settings)
    directory = fragile / "runs" / "test" / "run"
    with np.load(directory / "non_finite_batch.npz") as kept:
        assert len(kept["files"]) == 16
        assert kept["images"].max() == 255
    assert "--on-nan" in str(stopped.value)
    state = checkpoint_files.read_newest(directory / "checkpoint").state
    assert all(np.isfinite(array).all() for array in state["model"])


@pytest.mark.thorough
def test_a_statistic_that_the_loss_does_not_show_is_named(settings, monkeypatch):
    def fragile_model(settings, num_classes, **options):
        model = torture.tiny_model(settings, num_classes)
        start = keras.Input(model.input_shape[1:])
        # The square of such numbers is infinite; normalized they are 0.
        return keras.Sequential([start, keras.layers.Rescaling(1e25), *model.layers])

    monkeypatch.setattr(build, "build_model", fragile_model)
    where = r"moving_variance was NaN or infinite in epoch 1 at batch 1; it began in"
    with pytest.raises(RuntimeError, match=where):
        run(settings)


@pytest.mark.thorough
def test_a_skipped_batch_lets_training_end_well(fragile):
    settings = settings_for(fragile / "data", fragile / "runs")
    report = run(settings.replace(on_nan="skip", epochs=1)).report
    assert report["epochs"] == 1
    kept = checkpoint_files.read_newest(
        fragile / "runs" / "test" / "run" / "checkpoint"
    )
    assert all(np.isfinite(array).all() for array in kept.state["model"])


@pytest.mark.thorough
def test_a_reduced_learning_rate_lets_training_end_well(settings, monkeypatch):
    monkeypatch.setattr(recovery, "SLOWER", 1e-12)
    wild = settings.replace(
        on_nan="reduce-lr", optimizer="sgd", learning_rate=2e9, warmup_epochs=0
    )
    report = run(wild.replace(epochs=1, schedule="constant")).report
    assert np.isfinite(report["validation_loss"])
