"""Real searches: KerasTuner's chief, workers that train, and SIGKILL."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import yaml
from PIL import Image

from tuning.workers import child_processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPACE = {
    "norm": ["batch", "group"],
    "width": 4,
    "optimizer": ["sgd", "adamw"],
    "learning_rate": {"min": 1e-3, "max": 1e-2, "log": True},
    "batch_size": [4, 8],
    **dict.fromkeys(
        ("weight_decay", "agc", "augmentation", "label_smoothing", "dropout"), None
    ),
    "schedule": None,
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Flags of a search that trains for a second or two."""
    folder = tmp_path_factory.mktemp("tiny")
    draw = np.random.default_rng(0)
    for channel, name in enumerate(("cat", "dog")):
        (folder / "data" / name).mkdir(parents=True)
        for number in range(16):
            pixels = draw.integers(0, 120, (20, 20, 3), dtype=np.uint8)
            pixels[5:15, 5:15, channel] += 100
            file = folder / "data" / name / f"{number}.jpg"
            Image.fromarray(pixels).save(file)
    (folder / "space.yaml").write_text(yaml.safe_dump(SPACE))
    return [
        # The preset of photos computes in bfloat16 where it can and lets images of
        # 16 pixels begin with 8, which not every network stands.
        *("--app", "cats_dogs", "--preset", "drawn", "--data", str(folder / "data")),
        *("--image-size", "16"),
        *("--space", str(folder / "space.yaml"), "--epochs", "3", "--trials", "3"),
    ]


def start(*flags, program=("-m", "tuning.search")):
    command = [sys.executable, *program, *map(str, flags)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def wait_for(condition, seconds=300):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.1)


def members(directory, role):
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if f"tuning.workers.{role}" in words and str(directory) in words:
            found.append(process)
    return found


def read(directory):
    return json.loads((directory / "search.json").read_text())


def check_every_trial_counts_once(directory, trials):
    content = read(directory)
    assert content["status"] == "completed"
    ids = [trial["id"] for trial in content["trials"]]
    assert ids == [str(number) for number in range(trials)]
    assert {trial["status"] for trial in content["trials"]} == {"completed"}
    for trial in content["trials"]:
        report = json.loads(
            (pathlib.Path(trial["run_directory"]) / "report.json").read_text()
        )
        assert trial["objective"] == report["validation_loss"]
        rows = (pathlib.Path(trial["run_directory"]) / "history.csv").read_text()
        epochs = [line.partition(",")[0] for line in rows.splitlines()[1:]]
        assert epochs == ["1", "2", "3"]
    assert not members(directory, "chief") and not members(directory, "worker")


def test_whatever_is_killed_every_trial_counts_once(tiny, tmp_path):
    flags = [*tiny, "--workers", "2", "--directory", tmp_path / "search"]
    directory = tmp_path / "search"
    chance = random.Random(os.getpid())
    search = start(*flags)
    for victim in ("worker", "chief", "supervisor"):
        wait_for(lambda: list(directory.glob("cats_dogs/*/checkpoint/*.npz")))
        time.sleep(chance.uniform(0, 4))
        if search.poll() is not None:
            break
        if victim == "supervisor":
            search.kill()
            search.communicate()
            # Neither may outlive the supervisor.
            wait_for(
                lambda: not any(members(directory, r) for r in ("chief", "worker")), 10
            )
            search = start(*flags, "--resume")
        else:
            chosen = members(directory, victim)
            if chosen:
                chance.choice(chosen).kill()
    output, _ = search.communicate(timeout=1500)
    assert search.returncode == 0
    check_every_trial_counts_once(directory, trials=3)
    best = output.splitlines()[-1]
    assert best == read(directory)["best"]["run_directory"]
    # What an app needs to train the best one again.
    from apps.cats_dogs import APP
    from kerasnorm.training.app import parse_training

    again = parse_training(APP, ["--config", f"{best}/settings.yaml"])
    values = read(directory)["trials"][int(read(directory)["best"]["id"])]["values"]
    assert again.learning_rate == values["learning_rate"]


@pytest.mark.parametrize("victim", ["worker", "chief"])
def test_whoever_hangs_is_replaced(tiny, tmp_path, victim):
    directory = tmp_path / "search"
    program = (
        "import sys\n"
        "from tuning import search\n"
        "from tuning.workers import supervisor\n"
        "supervisor.CHIEF_SILENCE_SECONDS = 90.0\n"
        "sys.exit(search.main())\n"
    )
    flags = [*tiny, "--workers", "1", "--hang-minutes", "3", "--directory", directory]
    # A chief may be silent for three minutes, and nobody waits for that here. A worker
    # gets so long because starting TensorFlow on a busy machine is no progress either.
    search = start(*flags, program=["-c", program])
    wait_for(lambda: list(directory.glob("cats_dogs/*/checkpoint/*.npz")))
    (stopped,) = members(directory, victim)
    stopped.suspend()
    output, _ = search.communicate(timeout=1500)
    assert search.returncode == 0
    assert "is replaced" in output
    assert not stopped.is_running()
    check_every_trial_counts_once(directory, trials=3)


def test_two_machines_share_a_search(tiny, tmp_path):
    address = f"127.0.0.1:{child_processes.free_port('127.0.0.1')}"
    directory = tmp_path / "search"
    chief = start(
        *(*tiny, "--directory", directory, "--role", "chief", "--address", address)
    )
    wait_for((directory / "plan.json").is_file)
    worker = start(
        *("--role", "worker", "--chief", address, "--directory", directory),
        *("--workers", "1"),
    )
    worker.communicate(timeout=1500)
    chief.communicate(timeout=300)
    assert (worker.returncode, chief.returncode) == (0, 0)
    check_every_trial_counts_once(directory, trials=3)


def test_a_signal_leaves_a_search_that_goes_on(tiny, tmp_path):
    directory = tmp_path / "search"
    flags = [*tiny, "--trials", "1", "--workers", "1", "--directory", directory]
    search = start(*flags)
    wait_for(lambda: list(directory.glob("cats_dogs/*/checkpoint/*.npz")))
    search.send_signal(signal.SIGINT)
    search.communicate(timeout=300)
    assert read(directory)["status"] in ("interrupted", "completed")
    resumed = start("--resume", "--directory", directory, "--workers", "1")
    resumed.communicate(timeout=1500)
    check_every_trial_counts_once(directory, trials=1)
