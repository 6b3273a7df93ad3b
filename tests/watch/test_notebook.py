"""`%load_ext kerasnorm` in a real IPython."""

import keras
import pytest

TRAIN = """
import random
import keras
import numpy as np

def train(**options):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4,)), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.random.rand(64, 4), np.random.randint(0, 2, 64)
    history = model.fit(x, y, verbose=0, **options).history
    weights = [w.tolist() for w in model.get_weights()]
    print(history, weights, random.random(), np.random.rand())
    print("end of cell")
"""
# Cells, and the verdicts that each is to get.
CELLS = [
    ("train()", 0),
    ("%load_ext kerasnorm", 0),
    ("train()", 1),
    ("%reload_ext kerasnorm\n!true", 0),
    ("%time history = train()", 1),
    ("%unload_ext kerasnorm", 0),
    ("train()", 0),
]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    from traitlets.config import Config

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "settings"))
    config = Config({"HistoryManager": {"enabled": False}})
    yield interactive.InteractiveShell.instance(config=config)
    interactive.InteractiveShell.clear_instance()


@pytest.mark.thorough
def test_a_notebook_is_watched_between_load_and_unload(shell, capsys, tmp_path):
    own, printed = keras.Model.fit, []
    shell.run_cell(TRAIN)
    for cell, verdicts in CELLS:
        shell.run_cell(cell).raise_error()
        said = capsys.readouterr()
        assert said.err.count("kerasnorm: fit ") == verdicts, cell
        if "train" in cell:
            printed.append(said.out[: said.out.index("end of cell")])
    assert len(printed) == 4 and len(set(printed)) == 1
    assert len(list(tmp_path.rglob("doctor.html"))) == 2
    assert keras.Model.fit is own


@pytest.mark.thorough
def test_a_cell_that_fails_shows_nothing_of_ours(shell, capsys):
    shell.run_cell(TRAIN)
    shell.run_cell("%load_ext kerasnorm")
    ended = shell.run_cell("train(sample_weight=3)")
    assert isinstance(ended.error_in_exec, ValueError)
    shell.run_cell("%unload_ext kerasnorm")
    said = capsys.readouterr()
    assert said.err.count("kerasnorm: fit ") == 1
    # IPython shows the file of each frame.
    assert "ValueError" in said.out and "kerasnorm" not in said.out
