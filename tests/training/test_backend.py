"""`--backend` is Keras' backend in every command that computes with Keras."""

import importlib.util
import os
import subprocess
import sys

import keras
import pytest

from apps.cats_dogs import APP
from kerasnorm import command_line as package_line
from kerasnorm.training.app import parse_training
from kerasnorm.training.commands import command_line
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import backend, importing
from tests import commands
from tuning import search

HERE = keras.config.backend()
OTHER = next(name for name in backend.BACKENDS if name != HERE)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """An environment that names no backend, and gets back what it had."""
    monkeypatch.setenv(backend.VARIABLE, "")
    monkeypatch.delenv(backend.VARIABLE)


def test_the_choice_is_what_keras_reads():
    backend.choose_backend(None)
    assert backend.VARIABLE not in os.environ
    backend.choose_backend(HERE)
    assert os.environ[backend.VARIABLE] == HERE
    # Once more is no contradiction.
    backend.choose_backend(HERE)


@pytest.mark.parametrize(
    ("wish", "variable", "message"),
    [
        ("theano", None, "--backend to be one of tensorflow, jax, torch .*'theano'"),
        (HERE, OTHER, f"KERAS_BACKEND to agree, received {HERE} and {OTHER}; leave"),
        (OTHER, None, f"--backend {HERE}, with which .* received {OTHER}; start"),
    ],
)
def test_a_contradiction_is_one_sentence(monkeypatch, wish, variable, message):
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: name if name != "theano" else None
    )
    if variable:
        monkeypatch.setenv(backend.VARIABLE, variable)
    with pytest.raises(UsageError, match=message) as caught:
        backend.choose_backend(wish)
    assert "\n" not in str(caught.value)
    assert os.environ.get(backend.VARIABLE) == variable


def test_what_is_not_installed_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="'torch'; installed here: none"):
        backend.choose_backend("torch")


COMMANDS = {
    "evaluate": lambda *words: command_line.evaluate_command("x", words),
    "predict": lambda *words: command_line.predict_command("x", [*words, __file__]),
    "doctor": lambda *words: package_line.doctor([*words]),
    "swap": lambda *words: package_line.swap([*words, "x.keras", "--to", "group"]),
    "fold": lambda *words: package_line.fold([*words, "x.keras"]),
    "recalibrate": lambda *words: package_line.recalibrate([*words, "x.keras"]),
    "train": lambda *words: parse_training(APP, words[1:]),
    "search": lambda *words: search.run(["--directory", *words]),
}


def test_the_table_holds_every_command_with_the_flag():
    assert set(COMMANDS) == {
        name for name in commands.COMMANDS if "backend" in commands.flags_of(name)
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_hands_its_backend_on(monkeypatch, tmp_path, command):
    class ChosenError(Exception):
        pass

    def choose(name):
        raise ChosenError(name)

    monkeypatch.setattr(importing, "import_keras", choose)
    monkeypatch.setattr(backend, "choose_backend", choose)
    for words in (["--backend", OTHER], [f"--backend={OTHER}"]):
        with pytest.raises(ChosenError, match=OTHER):
            COMMANDS[command](str(tmp_path), *words)


SCRIPT = """
import sys
from apps.cats_dogs import APP
from kerasnorm.training.app import parse_training
from kerasnorm.training.system import importing
parse_training(APP, sys.argv[1:])
importing.import_keras()
import keras
print(keras.config.backend())
"""


@pytest.mark.parametrize("source", ["flag", "file"])
def test_training_takes_it_from_a_flag_or_a_file(tmp_path, source):
    file = tmp_path / "some.yaml"
    file.write_text(f"backend: {HERE}\n")
    words = ["--backend", HERE] if source == "flag" else ["--config", str(file)]
    parse_training(APP, words)
    assert os.environ[backend.VARIABLE] == HERE


@pytest.mark.thorough
def test_keras_computes_with_it():
    pytest.importorskip("jax")
    shown = subprocess.run(
        [sys.executable, "-c", SCRIPT, "--backend", "jax"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split() == ["jax"]
