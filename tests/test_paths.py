"""Every flag and positional that takes a path, in every command."""

import os

import pytest

from kerasnorm.training import importing, layering, paths
from tests.commands import COMMANDS

PATHS = [
    (command, name, check is paths.output)
    for command in COMMANDS
    for name, check in COMMANDS[command].parser.checks.items()
    if check in (paths.local, paths.output)
] + [(command, "config", False) for command in COMMANDS]
# Names that markup, YAML, shells or code pages would take for something else.
NAMES = (
    "plain",
    "two words",
    "tab\there",
    "[red]x[b]",
    'it\'s "quoted"',
    "\u732b\U0001f436",
    "not utf-8 \udcff",
    "#1",
    "{a: b}",
    "null.txt",
    "007",
    "yes",
    "$HOME",
    "100%",
    "a=b",
    "C: \u00e9",
)
URLS = ("s3://bucket/x", "gs://bucket/x", "https://host/x", "hdfs://host/x")


def words_with(command, name, value):
    """Return the words of a command in which one path is another."""
    words = list(COMMANDS[command].words)
    flags = _flags(command)
    if f"--{name}" in flags:
        return [*words, f"--{name}", value]
    kinds = COMMANDS[command].parser.kinds
    words[[kind for kind in kinds if f"--{kind}" not in flags].index(name)] = value
    return words


def _flags(command):
    return {o for a in COMMANDS[command].parser._actions for o in a.option_strings}


def understood(command, name, value):
    """Return a path as the command understands it."""
    parser = COMMANDS[command].parser
    given, _ = layering.merge(parser.read(words_with(command, name, value)))
    found = parser.checked({name: given[name]})[name]
    return found[0] if isinstance(found, list) else found


@pytest.mark.parametrize(("command", "name", "is_output"), PATHS)
def test_a_path_means_what_was_typed(command, name, is_output, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    if name == "config":
        for odd in NAMES:
            (tmp_path / odd).write_text("debug: true\n")
            for typed in (odd, f"~/{odd}", (tmp_path / odd).as_uri()):
                layers = COMMANDS[command].parser.read(words_with(command, name, typed))
                assert layers[0].values == {"debug": True}, typed
        return
    for odd in NAMES:
        assert understood(command, name, odd) == odd
        assert understood(command, name, f"~/{odd}") == str(tmp_path / odd)
        full = str(tmp_path / odd)
        assert understood(command, name, full) == full
        assert understood(command, name, (tmp_path / odd).as_uri()) == full


@pytest.mark.parametrize(("command", "name", "is_output"), PATHS)
def test_another_machine_is_refused_by_the_name_of_the_flag(
    command, name, is_output, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importing, "import_keras", lambda: pytest.fail("loads Keras"))
    for url in URLS:
        assert COMMANDS[command].main(words_with(command, name, url)) == 2
        error = capsys.readouterr().err
        assert f"expected {'--' * (f'--{name}' in _flags(command))}{name}" in error
        assert url in error and error.count("\n") == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("command", "name"), [(command, name) for command, name, new in PATHS if new]
)
def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    command, name, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importing, "import_keras", lambda: pytest.fail("loads Keras"))
    (tmp_path / "folder.keras").mkdir()
    (tmp_path / "photo.png").write_bytes(b"mine")
    (tmp_path / "link").symlink_to("photo.png")
    for bad in (
        "no/such/folder.keras",
        "folder.keras",
        "photo.png",
        "link",
        "photo.png/x.keras",
    ):
        assert COMMANDS[command].main(words_with(command, name, bad)) == 2
        error = capsys.readouterr().err
        assert name in error and bad.split("/")[0] in error and error.count("\n") == 1
    assert (tmp_path / "photo.png").read_bytes() == b"mine"
