"""Files that commands read and that are not there, are folders, or hold no text."""

import os

import pytest

from kerasnorm.training.commands import command_line
from tests.commands import COMMANDS

FILES = {
    "missing": "it does not exist",
    "folder": "it is a folder",
    "bytes": "it is not text in UTF-8",
    "brackets": "line 1",
    "words": "expected `key: value` lines",
}
READ_AS_YAML = [(name, "config") for name in COMMANDS] + [("search", "space")]


@pytest.fixture
def files(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "brackets").write_text("a: [")
    (tmp_path / "words").write_text("- a")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(("command", "flag"), READ_AS_YAML)
def test_a_file_that_is_no_yaml_is_named_with_the_reason(
    command, flag, file, files, capsys
):
    words = [*COMMANDS[command].words, f"--{flag}", file]
    assert COMMANDS[command].main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Errno" not in said
    assert file in said and FILES[file] in said
    assert f"--{flag}" in said or file == "words"


@pytest.mark.parametrize(
    "fail",
    [
        lambda: open("missing"),
        lambda: open("folder"),
        lambda: os.rename("missing", "other"),
        lambda: os.mkdir("folder"),
        lambda: os.close(10**6),
    ],
)
def test_an_error_of_the_system_is_said_without_its_number(fail, files, capsys):
    assert command_line.in_one_sentence(fail, debug=False) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "Errno" not in said
    assert not said.startswith(("error: it", "error: None"))
