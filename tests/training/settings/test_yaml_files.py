"""What stands in a YAML file means what the same word means behind a flag."""

import contextlib
import io

import pytest

from kerasnorm.training.settings import yaml_files
from kerasnorm.training.settings.errors import UsageError
from tests.commands import COMMANDS

# Words that YAML 1.1 takes for something else than they look like.
ODD = (
    *("010", "007", "08", "1_000", "1:30", "12:30:45", "1.10", "1e3", "1e-3", "1.0e+3"),
    *("on", "Off", "yes", "NO", "y", "true", "2024-01-01", "0x1F", "0b1", "0o7", "+1"),
    *(".5", "5.", "-1", ".inf", ".nan", "1.5.2", "=", "1e400", "nan", "inf"),
)
FLAGS = ("name", "data", "norm", "learning_rate", "epochs", "seed", "max_minutes")


def outcome(words):
    """Return a command's settings as it prints them, or that it refuses them."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(io.StringIO()):
        status = COMMANDS["train"].main([*words, "--print-config"])
    return status, shown.getvalue()


@pytest.mark.parametrize("name", FLAGS)
def test_a_word_means_the_same_in_a_file_and_behind_a_flag(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for word in ODD:
        if word in ("0x1F", "0b1", "0o7"):
            # A flag may be written so, a file may not: that is said.
            continue
        (tmp_path / word).mkdir(exist_ok=True)
        (tmp_path / "c.yaml").write_text(f"{name}: {word}\n")
        by_flag = outcome([f"--{name.replace('_', '-')}={word}"])
        assert outcome(["--config", "c.yaml"]) == by_flag, word


@pytest.mark.parametrize("word", [*yaml_files.TRUE, *yaml_files.FALSE, "Yes", "OFF"])
def test_a_switch_takes_all_words_of_yaml(word, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(f"examine: {word}\n")
    status, shown = outcome(["--config", str(file)])
    expected = str(word.lower() in yaml_files.TRUE).lower()
    assert status == 0 and f"examine: {expected}\n" in shown


@pytest.mark.parametrize("as_typed", [True, False])
def test_a_key_that_stands_twice_is_refused(as_typed, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("epochs: 3\nseed: 1\nepochs: 5\n")
    with pytest.raises(UsageError, match="it names epochs twice"):
        yaml_files.read_yaml(str(file), "--config", as_typed=as_typed)


def test_merged_keys_are_taken_over(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("one: &one {epochs: 3}\ntwo:\n  <<: *one\n  seed: 1\n")
    found = yaml_files.read_yaml(str(file), "--config", as_typed=True)
    assert found["two"] == {"epochs": "3", "seed": "1"}
