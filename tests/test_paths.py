"""Every flag and positional that takes a path, in every command."""

import os
import sys

import pytest

from kerasnorm.training.settings import layering
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import importing, paths
from kerasnorm.training.system.atomic_files import write_text
from tests.commands import COMMANDS

CHECKS = (paths.local, paths.output, paths.readable)
PATHS = [
    (command, name, check)
    for command in COMMANDS
    for name, check in COMMANDS[command].parser.checks.items()
    if check in CHECKS
] + [(command, "config", paths.readable) for command in COMMANDS]
READ = [(command, name) for command, name, check in PATHS if check is paths.readable]
WRITTEN = [path for path in PATHS if path[2] is not paths.readable]
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


@pytest.mark.parametrize(("command", "name", "check"), PATHS)
def test_a_path_means_what_was_typed(command, name, check, tmp_path, monkeypatch):
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


def refused(command, name, url, capsys):
    """Return the sentence by which a command refuses a URL before it loads Keras."""
    assert COMMANDS[command].main(words_with(command, name, url)) == 2
    error = capsys.readouterr().err
    flag = f"--{name.replace('_', '-')}"
    assert f"expected {flag if f'--{name}' in _flags(command) else name}" in error
    assert url in error and error.count("\n") == 1
    return error


@pytest.mark.parametrize(("command", "name", "check"), WRITTEN)
def test_nothing_is_written_to_another_machine(
    command, name, check, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        importing, "import_keras", lambda *_: pytest.fail("loads Keras")
    )
    for url in URLS:
        assert "on this machine" in refused(command, name, url, capsys)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("command", "name"), READ)
def test_without_fsspec_a_url_is_refused(command, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "fsspec", None)
    for url in URLS:
        assert "the package fsspec" in refused(command, name, url, capsys)
    assert os.listdir(tmp_path) == []


# What no system can look up, or what leaves no room beside it.
NO_PATHS = {
    "nothing": "",
    "a zero byte": "a\0b",
    "a long name": "x" * 256,
    "a long name of two-byte letters": "\u00e9" * 130,
    "a long name further up": "/".join(["no such folder", "x" * 256, "y"]),
    "a long path": "/".join(["y" * 200] * 30),
}


@pytest.mark.parametrize("kind", NO_PATHS)
@pytest.mark.parametrize(("command", "name"), [path[:2] for path in PATHS])
def test_what_can_be_no_path_is_refused_before_the_work(
    command, name, kind, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        importing, "import_keras", lambda *_: pytest.fail("loads Keras")
    )
    words = words_with(command, name, NO_PATHS[kind])
    assert COMMANDS[command].main(words) == 2
    error = capsys.readouterr().err
    flag = f"--{name.replace('_', '-')}"
    assert f"expected {flag if f'--{name}' in _flags(command) else name} to" in error
    assert error.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_names_of_runs_leave_room_for_what_lies_beside(capsys):
    for bad in ("", "x" * 201, "\u00e9" * 101):
        assert COMMANDS["train"].main(["--name", bad]) == 2
        error = capsys.readouterr().err
        assert "expected --name to be the name of a folder" in error


def test_the_longest_name_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "x" * paths.LONGEST_NAME
    assert paths.output(name, "--html") == paths.local(name, "--runs") == name
    write_text(tmp_path / name, "text")
    assert os.listdir(tmp_path) == [name]
    longer = tmp_path / f"{name}y"
    for check in (paths.output, paths.local):
        with pytest.raises(UsageError, match="at most 200 bytes"):
            check(longer, "--html")
    # What is there may be opened again.
    longer.mkdir()
    assert paths.local(longer, "--resume") == str(longer)


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Return the files of URLs with `memory://`."""
    system = pytest.importorskip("fsspec").filesystem("memory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    system.pipe("/bucket/x/cat/1 [a].txt", b"debug: true")
    yield system
    system.rm("/bucket", recursive=True)


@pytest.mark.parametrize(("command", "name"), READ)
def test_a_url_is_kept_until_it_is_opened(
    command, name, memory, tmp_path, monkeypatch, capsys
):
    url = "memory://bucket/x/cat/1 [a].txt"
    words = words_with(command, name, url)
    parser = COMMANDS[command].parser
    if name == "config":
        assert parser.read(words)[0].values == {"debug": True}
        return
    assert understood(command, name, url) == url
    capsys.readouterr()
    if name == "weights":
        words += ["--model", "keras:MobileNetV2"]
    assert COMMANDS[command].main([*words, "--print-config"]) == 0
    assert url in capsys.readouterr().out
    # A run whose weights are taken says what its network is: that one is opened.
    assert (tmp_path / "cache").exists() == (name == "weights")
    if name in parser.fetched:
        monkeypatch.chdir(tmp_path)
        make_all(command, tmp_path)
        copy = getattr(parser.parse(words), name)
        assert open(copy).read() == "debug: true"


def test_a_url_is_fetched_once_for_as_long_as_it_is_the_same(memory, capsys):
    file, folder = "memory://bucket/x/cat/1 [a].txt", "memory://bucket/x"
    copy = paths.fetched(file, "--data")
    assert os.path.basename(copy) == "1 [a].txt"
    assert open(copy).read() == "debug: true"
    copy = paths.fetched(folder, "--data")
    assert open(os.path.join(copy, "cat", "1 [a].txt")).read() == "debug: true"
    capsys.readouterr()
    assert paths.fetched(folder, "--data") == copy
    assert capsys.readouterr().err == ""
    memory.pipe("/bucket/x/cat/2.txt", b"")
    new = paths.fetched(folder, "--data")
    assert sorted(os.listdir(os.path.join(new, "cat"))) == ["1 [a].txt", "2.txt"]


@pytest.mark.parametrize("url", ["memory://nothing/here", "nothing://here", "s3://x/y"])
def test_a_url_that_cannot_be_read_is_refused(url, tmp_path, monkeypatch):
    pytest.importorskip("fsspec")
    if url.startswith("s3"):
        monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UsageError, match=rf"expected --data to be .* received {url}"):
        paths.fetched(url, "--data")
    assert os.listdir(tmp_path) in ([], ["kerasnorm"])


@pytest.mark.parametrize(
    ("command", "name"), [path[:2] for path in PATHS if path[2] is paths.output]
)
def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    command, name, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        importing, "import_keras", lambda *_: pytest.fail("loads Keras")
    )
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
        assert name.replace("_", "-") in error and bad.split("/")[0] in error
        assert error.count("\n") == 1
    assert (tmp_path / "photo.png").read_bytes() == b"mine"


def make_all(command, folder):
    """Make everything that a command reads, in the folder."""
    for word in COMMANDS[command].words:
        if not word.startswith("--") and not word.startswith("new"):
            (folder / word).mkdir()


@pytest.mark.parametrize(
    ("command", "name"), [*READ, ("train", "resume"), ("search", "resume")]
)
def test_what_is_to_be_read_and_is_missing_is_wrong_usage(
    command, name, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        importing, "import_keras", lambda *_: pytest.fail("loads Keras")
    )
    make_all(command, tmp_path)
    for missing in ("no such path", str(tmp_path / "nowhere"), "photos/[a].txt"):
        words = words_with(command, name, missing)
        if (command, name) == ("search", "resume"):
            words = ["--directory", missing, "--resume"]
        if name == "weights":
            words += ["--model", "keras:MobileNetV2"]
        assert COMMANDS[command].main(words) == 2
        error = capsys.readouterr().err
        assert missing in error and error.count("\n") == 1
        assert name in error or name == "resume"
    # Several paths: each has to be there.
    if COMMANDS[command].parser.kinds.get(name) == list[str]:
        words = [*words_with(command, name, str(tmp_path)), "nowhere"]
        assert COMMANDS[command].main(words) == 2
        assert "received nowhere," in capsys.readouterr().err
