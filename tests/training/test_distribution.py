import json
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import PIL.Image
import pytest

tf = pytest.importorskip("tensorflow")

from kerasnorm.layers import make_norm  # noqa: E402
from kerasnorm.norm_kinds import NORM_KINDS  # noqa: E402
from kerasnorm.training import Settings  # noqa: E402
from kerasnorm.training.devices import distribution  # noqa: E402
from kerasnorm.training.settings.errors import UsageError  # noqa: E402
from tests.training import torture  # noqa: E402

ROOT = pathlib.Path(__file__).parents[2]
LIMIT_SECONDS = 500


def start(folder, norm, *words, **environment):
    """Start a process that trains as `distributed_runs` says."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.distributed_runs", folder, norm]
        + [str(word) for word in words],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def results(process):
    """Wait for a process; return its histories as numbers, and its uneven run."""
    try:
        out, err = process.communicate(timeout=LIMIT_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, err[-3000:]
    found = json.loads(out.splitlines()[-1])
    histories = {
        name: [[float(value) for value in row.values()] for row in rows]
        for name, rows in found["histories"].items()
    }
    return histories, found["uneven"]


def assert_trained_like_one(found, count):
    histories, uneven = found
    assert_resumed(histories, count)
    ours, one = histories[str(count)], histories["1"]
    np.testing.assert_allclose(ours, one, rtol=0, atol=1e-4)
    if uneven is None:
        return
    # The report sees every image, and the doctor any batch.
    assert uneven == {"samples": 11, "is_examined": True, "is_over": True}


def assert_resumed(histories, count):
    ours = histories[str(count)]
    np.testing.assert_allclose(histories["resumed"], ours, rtol=0, atol=1e-5)


@pytest.fixture
def images(tmp_path):
    torture.draw_images(tmp_path / "data")
    odd = PIL.Image.new("RGB", (16, 16), "gray")
    odd.save(tmp_path / "data" / "cat" / "odd.png")
    return tmp_path


@pytest.mark.thorough
def test_two_devices_train_and_resume_like_one(images):
    assert_trained_like_one(results(start(images, "batch", 1, 2, "--short")), 2)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["batch", "group", "sync_batch", "frn"])
def test_four_devices_train_and_resume_like_one(images, norm):
    assert_trained_like_one(results(start(images, norm, 1, 4)), 4)


def start_jax(folder, norm, *words, devices=1, **environment):
    flag = f"--xla_force_host_platform_device_count={devices}"
    environment |= {"KERAS_BACKEND": "jax", "XLA_FLAGS": flag, "JAX_PLATFORMS": "cpu"}
    return start(folder, norm, *words, **environment)


@pytest.mark.thorough
def test_two_devices_of_jax_train_and_resume_like_one(images):
    found = results(start_jax(images, "batch", 1, 2, "--short", devices=2))
    assert_trained_like_one(found, 2)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["batch", "group", "sync_batch"])
def test_four_devices_of_jax_train_and_resume_like_one(images, norm):
    found = results(start_jax(images, norm, 1, 4, devices=4))
    assert_trained_like_one(found, 4)


def results_of_processes(images, *words):
    """Train in two processes of JAX; return what the leader found."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    started = [
        start_jax(
            images,
            "batch",
            2,
            *words,
            KERAS_DISTRIBUTION_JOB_ADDRESSES=address,
            KERAS_DISTRIBUTION_NUM_PROCESSES="2",
            KERAS_DISTRIBUTION_PROCESS_ID=str(index),
        )
        for index in range(2)
    ]
    try:
        found = results(started[0])
        results(started[1])
    finally:
        for process in started:
            process.kill()
    return found


@pytest.mark.thorough
def test_processes_of_jax_resume_together(images):
    histories, _ = results_of_processes(images, "--short")
    assert_resumed(histories, 2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_processes_of_jax_train_and_resume_like_one(images):
    histories, uneven = results_of_processes(images)
    alone = images / "alone"
    alone.mkdir()
    (alone / "data").symlink_to(images / "data")
    one, _ = results(start_jax(alone, "batch", 1))
    assert_trained_like_one(({**histories, "1": one["1"]}, uneven), 2)


@pytest.mark.parametrize(
    ("backend", "norm", "expected"),
    [
        ("tensorflow", "batch", "sync_batch"),
        ("jax", "batch", "batch"),
        ("jax", "sync_batch", "batch"),
        ("tensorflow", "group", "group"),
    ],
)
def test_batch_norm_sees_the_whole_batch(monkeypatch, backend, norm, expected):
    monkeypatch.setattr(distribution.keras.config, "backend", lambda: backend)
    shared = Settings(norm=norm, distribute="auto")
    assert distribution.with_synchronized_norm(shared).norm == expected
    alone = Settings(norm=norm)
    assert distribution.with_synchronized_norm(alone) == alone


@pytest.mark.parametrize("count, sizes", [(12, [4, 4, 4]), (14, [4, 4, 4, 2])])
def test_validation_batches_are_shared_evenly(count, sizes):
    batches = tf.data.Dataset.range(count).map(lambda n: (n, n)).batch(4)
    shared = distribution.share_evenly(batches, 2)
    assert [len(x) for x, _ in shared] == sizes
    assert len(shared) == len(sizes)


def test_a_image_too_few_for_all_devices_is_left_out():
    batches = tf.data.Dataset.range(13).map(lambda n: (n, n)).batch(4)
    assert [len(x) for x, _ in distribution.share_evenly(batches, 2)] == [4, 4, 4]


def test_fewer_images_than_devices_are_refused():
    batches = tf.data.Dataset.range(1).map(lambda n: (n, n)).batch(4)
    with pytest.raises(UsageError, match="each of 2 devices"):
        distribution.share_evenly(batches, 2)


def keeps_statistics(name):
    layer = make_norm(name)
    layer.build((None, 4, 4, 32))
    return any("moving" in weight.path for weight in layer.weights)


@pytest.mark.parametrize(
    "norm", [name for name in NORM_KINDS if keeps_statistics(name)]
)
def test_moving_statistics_are_synchronized_or_refused(monkeypatch, norm):
    monkeypatch.setattr(distribution, "list_devices", lambda: ["CPU:0", "CPU:1"])
    monkeypatch.setattr(keras.config, "backend", lambda: "tensorflow")
    settings = Settings(distribute="auto", norm=norm, batch_size=8)
    shared = distribution.with_synchronized_norm(settings)
    layer = make_norm(shared.norm)
    if getattr(layer, "synchronized", False):
        distribution.scope(settings)
        return
    with pytest.raises(UsageError, match=f"received --norm {norm}, whose"):
        distribution.scope(settings)


def test_accumulation_on_several_devices_is_refused(monkeypatch):
    """Keras cannot accumulate gradients under MirroredStrategy."""
    monkeypatch.setattr(distribution, "list_devices", lambda: ["CPU:0", "CPU:1"])
    monkeypatch.setattr(keras.config, "backend", lambda: "tensorflow")
    settings = Settings(distribute="auto", accumulate=2, batch_size=8)
    with pytest.raises(UsageError, match=r"--accumulate 1 .* received 2"):
        distribution.scope(settings)


SEVERAL_TRAININGS = """
import keras
import numpy as np
from kerasnorm.training import Settings
from kerasnorm.training.devices import distribution
from tests.training.distributed_runs import split_processor, use_devices
split_processor()
use_devices(2)
x, y = np.zeros((8, 4, 4, 3), "float32"), np.zeros(8)
for filters in (4, 6, 2):
    with distribution.scope(Settings(distribute="auto", batch_size=8)):
        model = keras.Sequential([
            keras.layers.Conv2D(filters, 1),
            keras.layers.BatchNormalization(synchronized=True),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(2),
        ])
        model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=8, verbose=0)
print("trained")
"""


@pytest.mark.thorough
def test_other_networks_train_on_the_same_devices_later():
    """TensorFlow remembers the shapes of what devices exchange."""
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL_TRAININGS],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert done.stdout == "trained\n", done.stderr[-3000:]
