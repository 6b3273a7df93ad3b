import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from kerasnorm.training import Settings  # noqa: E402
from kerasnorm.training.devices import multi_process_training  # noqa: E402
from kerasnorm.training.settings.errors import UsageError  # noqa: E402

SETTINGS = Settings(distribute="auto", name="together")


@pytest.fixture
def others(monkeypatch):
    """Stand in for JAX with a second process, which this one has not met."""
    monkeypatch.setattr(multi_process_training.keras.config, "backend", lambda: "jax")
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_minutes": 5}, "--max-minutes"),
        ({"learning_rate": "auto"}, "--learning-rate auto"),
        ({"name": None}, "--name or --resume"),
    ],
)
def test_what_processes_would_decide_differently_is_refused(others, changes, message):
    with pytest.raises(UsageError, match=message):
        multi_process_training.join(SETTINGS.replace(**changes))


def test_an_ordinary_run_meets_nobody(others):
    multi_process_training.join(SETTINGS.replace(distribute="none", name=None))
    assert (multi_process_training.count(), multi_process_training.index()) == (1, 0)
    assert multi_process_training.agree(3) == 3


@pytest.fixture
def second(monkeypatch):
    """Stand in for the second of two processes."""
    monkeypatch.setattr(multi_process_training, "count", lambda: 2)
    monkeypatch.setattr(multi_process_training, "index", lambda: 1)
    monkeypatch.setattr(multi_process_training, "agree", lambda number: number)


def test_a_process_takes_its_rows_of_every_batch(second):
    rows = np.arange(20).reshape(10, 2)
    batches = tf.data.Dataset.from_tensor_slices((rows, rows)).batch(4)
    taken = [
        x[:, 0].numpy().tolist() for x, _ in multi_process_training.own_rows(batches)
    ]
    assert taken == [[4, 6], [12, 14], [18]]


def test_a_follower_writes_into_a_copy_of_the_run_directory(second, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "settings.yaml").write_text("norm: group")
    settings = SETTINGS.replace(resume=str(run))
    with multi_process_training.own_settings(settings) as own:
        copied = multi_process_training.directory_of(own)
        assert (copied / "settings.yaml").read_text() == "norm: group"
        (copied / "settings.yaml").unlink()
    assert not copied.exists()
    assert [file.name for file in run.iterdir()] == ["settings.yaml"]
    assert multi_process_training.directory_of(settings) == run
