import contextlib
import copy
import os
import re
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator"
)
from tensorboard.util import tensor_util  # noqa: E402

from kerasnorm.callbacks import Throughput  # noqa: E402
from kerasnorm.callbacks.event_files_tf import EventFile  # noqa: E402
from kerasnorm.callbacks.tensorboard_tf import (  # noqa: E402
    TensorBoard,
    settings_table,
)


def fit(*callbacks, metrics=("mae",), **options):
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse", metrics=list(metrics))
    random = np.random.default_rng(0)
    x, y = random.normal(size=(32, 3)), random.normal(size=(32, 2))
    return model.fit(
        x, y, validation_data=(x, y), callbacks=list(callbacks), verbose=0, **options
    ).history


def read(folder):
    """Return {tag: [(step, value)]} of one run."""
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [
            (event.step, tensor_util.make_ndarray(event.tensor_proto).item())
            for event in events.Tensors(tag)
        ]
        for tag in events.Tags()["tensors"]
    }


def steps(folder, tag="epoch/loss"):
    return [step for step, _ in read(folder)[tag]]


def test_train_and_validation_share_their_tags(tmp_path):
    history = fit(TensorBoard(tmp_path), epochs=2)
    for run, prefix in (("train", ""), ("validation", "val_")):
        written = read(tmp_path / run)
        for name in ("loss", "mae"):
            expected = history[prefix + name]
            found = [value for _, value in written[f"epoch/{name}"]]
            assert found == pytest.approx(expected)
    assert set(read(tmp_path / "validation")) == {"epoch/loss", "epoch/mae"}


def test_learning_rate_is_read_from_the_optimizer(tmp_path):
    def halve(epoch, rate):
        return 0.1 * 0.5**epoch

    fit(keras.callbacks.LearningRateScheduler(halve), TensorBoard(tmp_path), epochs=2)
    rates = [value for _, value in read(tmp_path / "train")["epoch/learning_rate"]]
    assert rates == pytest.approx([0.1, 0.05])


def test_values_of_other_callbacks_are_written(tmp_path):
    history = fit(Throughput(32), TensorBoard(tmp_path), epochs=1)
    written = read(tmp_path / "train")
    speed = written["epoch/images_per_second"][0][1]
    assert speed == pytest.approx(history["images_per_second"][0])
    assert "epoch/seconds" in written


def test_metric_with_a_value_for_each_class_becomes_a_group(tmp_path):
    fit(TensorBoard(tmp_path), metrics=[keras.metrics.F1Score(name="f1")], epochs=1)
    assert {"epoch/f1/0", "epoch/f1/1"} <= set(read(tmp_path / "validation"))


def test_settings_are_written_as_a_table(tmp_path):
    fit(TensorBoard(tmp_path, settings={"norm": "group", "agc": None}), epochs=1)
    ((step, text),) = read(tmp_path / "train")["settings"]
    assert step == 1
    assert text.decode().splitlines()[2:] == ["| norm | group |", "| agc | None |"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("a|b", r"a\|b"),
        ("two\nlines", "two lines"),
        ("<script>", "&lt;script&gt;"),
        ("snake_case*", r"snake\_case\*"),
    ],
)
def test_value_cannot_break_the_table(value, cell):
    assert settings_table({"x": value}).splitlines()[-1] == f"| x | {cell} |"


def test_weight_norms_are_written_when_asked(tmp_path):
    fit(TensorBoard(tmp_path, weight_norms=True), epochs=1)
    tags = [tag for tag in read(tmp_path / "train") if tag.startswith("weight_norm/")]
    assert [tag.rpartition("/")[2] for tag in tags] == ["kernel", "bias"]


@pytest.mark.thorough
def test_epochs_continue_when_fit_is_told_the_first(tmp_path):
    fit(TensorBoard(tmp_path), epochs=2)
    fit(TensorBoard(tmp_path), epochs=4, initial_epoch=2)
    assert steps(tmp_path / "train") == [1, 2, 3, 4]


def test_epochs_continue_after_first_epoch(tmp_path):
    fit(TensorBoard(tmp_path), epochs=2)
    fit(TensorBoard(tmp_path, first_epoch=2), epochs=2)
    assert steps(tmp_path / "validation") == [1, 2, 3, 4]


@pytest.mark.thorough
def test_second_fit_with_the_same_callback_goes_on(tmp_path):
    board = TensorBoard(tmp_path, settings={"norm": "group"})
    fit(board, epochs=2)
    fit(board, epochs=2)
    assert steps(tmp_path / "train") == [1, 2, 3, 4]
    assert steps(tmp_path / "train", "settings") == [1]


@pytest.mark.thorough
def test_epochs_trained_again_replace_their_points(tmp_path):
    fit(TensorBoard(tmp_path, settings={"norm": "batch"}), epochs=5)
    before = read(tmp_path / "train")["epoch/loss"]
    history = fit(TensorBoard(tmp_path), epochs=4, initial_epoch=2)
    written = read(tmp_path / "train")
    assert written["epoch/loss"][:2] == before[:2]
    assert [step for step, _ in written["epoch/loss"]] == [1, 2, 3, 4]
    assert [loss for _, loss in written["epoch/loss"][2:]] == pytest.approx(
        history["loss"]
    )
    assert len(written["settings"]) == 1


@pytest.mark.thorough
def test_record_cut_off_by_a_kill_does_not_stop_the_resumed_run(tmp_path):
    fit(TensorBoard(tmp_path), epochs=3)
    (file,) = (tmp_path / "train").iterdir()
    os.truncate(file, file.stat().st_size - 5)
    fit(TensorBoard(tmp_path), epochs=3, initial_epoch=1)
    assert steps(tmp_path / "train") == [1, 2, 3]
    assert all("tfevents" in path.name for path in (tmp_path / "train").iterdir())


def test_every_epoch_is_on_disk_before_the_next(tmp_path):
    found = []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch:
                found.append(steps(tmp_path / "train"))

    fit(TensorBoard(tmp_path), Look(), epochs=3)
    assert found == [[1], [1, 2]]


def test_constructor_opens_nothing_and_can_be_copied_deeply(tmp_path):
    board = copy.deepcopy(TensorBoard(tmp_path, settings={"norm": "group"}))
    assert not list(tmp_path.iterdir())
    fit(board, epochs=1)
    copy.deepcopy(board.__dict__ | {"_model": None})
    assert steps(tmp_path / "train") == [1]


def test_first_epoch_below_zero_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected `first_epoch` 0 or more"):
        TensorBoard(tmp_path, first_epoch=-1)


@contextlib.contextmanager
def tensorboard(log_dir):
    """Start TensorBoard on a free port of this machine and return its address."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(log_dir)]
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            addresses = (
                re.search(r"http://127\.0\.0\.1:\d+/", line) for line in server.stdout
            )
            yield next(found.group() for found in addresses if found)
        finally:
            server.terminate()


@pytest.mark.slow
@pytest.mark.browser
def test_tensorboard_shows_curves_learning_rate_and_settings(tmp_path, chromium):
    run = tmp_path / "runs" / "app" / "first" / "tensorboard"
    fit(Throughput(32), TensorBoard(run, settings={"norm": "group"}), epochs=3)
    with tensorboard(tmp_path / "runs") as address:
        page = chromium.new_page(viewport={"width": 1600, "height": 1400})
        page.goto(f"{address}#timeseries")
        for name in ("loss", "mae", "learning_rate", "images_per_second"):
            # The table below each chart has one row for each curve in it.
            card = page.locator("card-view").filter(has_text=f"epoch/{name}").first
            card.locator("text=first/tensorboard/train").first.wait_for()
        loss = page.locator("card-view").filter(has_text="epoch/loss").first
        loss.locator("text=first/tensorboard/validation").first.wait_for()
        page.screenshot(path=tmp_path / "curves.png")
        page.goto(f"{address}#text")
        page.reload()
        page.locator("td:text-is('norm')").wait_for()
        page.locator("td:text-is('group')").wait_for()
        page.screenshot(path=tmp_path / "settings.png")


def test_histograms_graph_and_speed_are_written(tmp_path):
    board = TensorBoard(tmp_path, histogram_freq=2, write_steps_per_second=True)
    fit(board, epochs=3, batch_size=16)
    events = accumulator.EventAccumulator(
        str(tmp_path / "train"), size_guidance={"tensors": 0}
    )
    events.Reload()
    tags = events.Tags()["tensors"]
    histograms = [tag for tag in tags if tag.endswith("/histogram")]
    assert len(histograms) == 2
    for tag in histograms:
        found = events.Tensors(tag)
        assert [event.step for event in found] == [1, 3]
        counts = tensor_util.make_ndarray(found[-1].tensor_proto)[:, 2]
        weight = next(w for w in board.model.weights if tag.startswith(w.path))
        assert counts.sum() == np.size(weight)
    (graph,) = events.Tensors("keras")
    text = tensor_util.make_ndarray(graph.tensor_proto).item()
    assert keras.models.model_from_json(text).count_params() == 8
    metadata = events.SummaryMetadata("keras")
    assert metadata.plugin_data.plugin_name == "graph_keras_model"
    speeds = events.Tensors("epoch/steps_per_second")
    assert all(
        0 < tensor_util.make_ndarray(e.tensor_proto).item() < 1e6 for e in speeds
    )


@pytest.mark.parametrize(
    "options",
    [
        {"write_images": True},
        {"update_freq": "batch"},
        {"profile_batch": (2, 4)},
        {"embeddings_freq": 1},
        {"histogram_freq": -1},
    ],
    ids=str,
)
def test_what_it_does_not_write_is_refused(tmp_path, options):
    with pytest.raises(ValueError, match=f"expected .?{next(iter(options))}"):
        TensorBoard(tmp_path, **options)


@pytest.mark.parametrize("seconds", [-86400, 0, 86400])
def test_a_new_event_file_is_read_after_the_earlier_whatever_the_clock(
    tmp_path, seconds
):
    earlier = tmp_path / f"events.out.tfevents.{int(time.time()) + seconds}.zz.9.9"
    earlier.touch()
    EventFile(tmp_path).close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len(files) == 2 and files[0] == earlier.name
