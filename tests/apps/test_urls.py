"""Runs on data behind a URL, whose copies in the cache may go at any time."""

import itertools
import json
import os
import pathlib
import re
import shutil

import pytest

from apps.cats_dogs import APP
from kerasnorm.command_line import main as kerasnorm_main
from kerasnorm.data import DataError, open_source, scan_images
from kerasnorm.data.sources import remote
from kerasnorm.training import Settings, build
from kerasnorm.training.commands.command_line import main
from kerasnorm.training.inputs.run_files import as_resumed, find_run_files
from kerasnorm.training.record import run_directory
from kerasnorm.training.settings.errors import UsageError
from tests.apps.conftest import TINY, draw_folder
from tests.commands import COMMANDS
from tests.test_paths import READ, words_with

URL = "memory://bucket/photos"
SEARCHED_LATER = ("data", "split", "weights")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Put class folders behind the URL and return the cache directory."""
    memory = pytest.importorskip("fsspec").filesystem("memory")
    draw_folder(tmp_path / "photos", 10)
    memory.put(str(tmp_path / "photos"), "/bucket/photos", recursive=True)
    shutil.rmtree(tmp_path / "photos")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path / "cache"
    memory.rm("/bucket", recursive=True)


def test_settings_keep_the_url(cache, tmp_path):
    settings = Settings(data=URL, split=f"{URL}/split.csv").with_full_paths()
    assert (settings.data, settings.split) == (URL, f"{URL}/split.csv")
    assert not cache.exists()


def test_files_behind_a_url_are_found_again_without_the_cache(cache, tmp_path):
    import fsspec

    settings = Settings(app="toy", data=URL)
    files = find_run_files(settings)
    assert files.notes[0].startswith(f"{URL}: ")
    directory = run_directory.RunDirectory(tmp_path)
    directory.write_split(files.table)
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "split.csv"), "/bucket/split.csv")
    for again in (
        as_resumed(settings, tmp_path),
        settings.replace(split="memory://bucket/split.csv"),
    ):
        shutil.rmtree(cache)
        found = find_run_files(again)
        for part, index in files.parts.items():
            assert found.parts[part].paths == index.paths
            assert all(map(os.path.isfile, index.paths))


def test_a_url_without_images_is_named_where_it_is_opened(cache):
    nothing = "memory://bucket/nothing"
    model = Settings(model="keras:MobileNetV2", weights=nothing, image_size=32)
    with pytest.raises(DataError, match=f"received {nothing}, but it cannot be fet"):
        open_source(nothing)
    with pytest.raises(UsageError, match=f"expected --weights .* received {nothing},"):
        build.build_model(model, 2)


@pytest.mark.thorough
def test_a_run_outlives_the_cache(cache, tmp_path, capsys):
    import fsspec

    fsspec.filesystem("memory").pipe("/bucket/photos/dog/bad.jpg", b"no image")
    words = ["--data", URL, "--runs", str(tmp_path / "runs"), *TINY]
    assert main(APP, [*words, "--batch-size", "4", "--no-preflight"]) == 0
    run = capsys.readouterr().out.splitlines()[-1]
    assert run_directory.open_run(run).read_settings().data == URL
    for file in pathlib.Path(run).glob("*.*"):
        assert os.fsencode(cache) not in file.read_bytes(), file
    assert (
        f"{URL}/dog/bad.jpg" in (pathlib.Path(run) / "rejected_files.csv").read_text()
    )
    for data in ([], ["--data", URL]):
        shutil.rmtree(cache)
        assert main(APP, ["evaluate", run, "--json", *data]) == 0
        shown, said = capsys.readouterr()
        result = json.loads(shown)
        assert (result["data"], result["samples"]) == (URL, 4)
        assert f"{URL}: " in said
    photo = f"{URL}/cat/001.jpg"
    shutil.rmtree(cache)
    assert main(APP, ["predict", run, photo, f"{URL}/dog", "--json"]) == 0
    shown, said = capsys.readouterr()
    found = {one["path"] for one in json.loads(shown)}
    assert found == {photo} | {f"{URL}/dog/{n:03}.jpg" for n in range(10)}
    assert f"{URL}/dog: 11 files taken" in said


@pytest.mark.parametrize("error", [OSError, ConnectionError, FileNotFoundError])
def test_without_a_network_the_last_copy_serves(cache, monkeypatch, capsys, error):
    before = remote.fetch(URL)
    one = remote.fetch(f"{URL}/cat/001.jpg")

    def offline(*arguments):
        raise error("no route to host")

    monkeypatch.setattr(remote, "_list", offline)
    capsys.readouterr()
    assert remote.fetch(URL) == before
    said = capsys.readouterr().err
    assert said.startswith(
        f"{URL} cannot be reached (no route to host); the copy of 20"
    )
    assert said.count("\n") == 1
    assert remote.fetch(f"{URL}/cat/001.jpg") == one
    with pytest.raises(DataError, match=r"dog, but it cannot be fetched: no route"):
        remote.fetch(f"{URL}/dog")
    shutil.rmtree(before)
    shutil.rmtree(before.parent)
    with pytest.raises(DataError, match="it cannot be fetched: no route"):
        remote.fetch(URL)


def test_the_last_copy_is_the_newest(cache, monkeypatch):
    import fsspec

    remote.fetch(URL)
    fsspec.filesystem("memory").pipe("/bucket/photos/cat/new.jpg", b"x")
    newest = remote.fetch(URL)
    monkeypatch.setattr(remote, "_list", lambda *arguments: 1 / 0)
    assert remote.fetch(URL) == newest


def _strings(value):
    """Yield every text in a value made of lists and mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


def test_a_scan_of_a_url_names_what_lies_there(cache, capsys, tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.cp_file("/bucket/photos/cat/001.jpg", "/bucket/photos/cat/again.jpg")
    memory.cp_file("/bucket/photos/cat/002.jpg", "/bucket/photos/dog/other.png")
    memory.pipe("/bucket/photos/dog/bad.jpg", b"no image")
    listed = tmp_path / "rejected.txt"
    words = ["scan", URL, "--quiet", "--quarantine", str(listed)]
    assert kerasnorm_main([*words, "--json"]) == 0
    shown, said = capsys.readouterr()
    found = json.loads(shown)
    assert found["directory"] == URL
    assert f"{URL}/cat/001.jpg" in found["accepted"]
    assert found["rejected"][0]["path"] == f"{URL}/dog/bad.jpg"
    assert listed.read_text() == f"{URL}/dog/bad.jpg\n"
    assert [c["class"] for c in found["classes"]] == ["cat", "dog"]
    assert found["duplicates"] and found["label_conflicts"]
    assert json.loads(json.dumps(scan_images(URL).to_json())) == found
    assert kerasnorm_main(words) == 0
    texts = [*_strings(found), *capsys.readouterr(), said]
    assert not [text for text in texts if str(cache) in text and "fetching" not in text]


# What these need besides to open it. A search opens data in its workers.
BESIDES = {
    ("train", "split"): ("--data", "photos"),
    ("train", "weights"): (
        *("--data", "photos", "--batch-size", "2"),
        *("--model", "keras:MobileNetV2"),
    ),
    ("doctor", "target"): ("--train", "photos"),
    ("doctor", "validation"): ("--train", "photos"),
    ("swap", "data"): ("--to", "none"),
}
OPENED = [
    path
    for path in READ
    if path not in itertools.product(["search"], SEARCHED_LATER)
    # A script is run from its copy, which its own traceback names.
    and path != ("run", "script")
]


@pytest.mark.thorough
@pytest.mark.parametrize(("command", "name"), OPENED)
def test_what_is_said_names_no_copy_of_a_url(
    command, name, finished_run, cache, tmp_path, monkeypatch, capsys
):
    import fsspec

    memory = fsspec.filesystem("memory")
    for folder in ("cat", "dog"):
        memory.pipe(f"/bucket/none/{folder}/x.keras", b"nothing: known")
    monkeypatch.chdir(tmp_path)
    draw_folder(tmp_path / "photos", 3)
    (tmp_path / "photo.png").touch()
    os.symlink(finished_run, "run")
    os.symlink(finished_run / "model.keras", "model.keras")
    for url in ("memory://bucket/none", "memory://bucket/none/cat/x.keras"):
        shutil.rmtree(cache, ignore_errors=True)
        words = [*words_with(command, name, url), *BESIDES.get((command, name), ())]
        COMMANDS[command].main(words)
        said = "".join(capsys.readouterr())
        assert f"fetching {2 - url.endswith('keras')} files" in said
        assert str(cache) not in re.sub("fetching .* into .*", "", said)
