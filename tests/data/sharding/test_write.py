"""Shards: what is copied, what made smaller; interrupted anywhere; none overwritten."""

import io
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from kerasnorm.command_line import main
from kerasnorm.data.errors import DataError
from kerasnorm.data.sharding import plan, write
from kerasnorm.data.sharding.write import Options, unique_keys, write_shards
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.sources.source import open_files
from tests.data.conftest import save_image
from tests.data.sources.kinds import MAKERS, make_folder

SIZE = 40


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Fifteen small images, two large ones and a broken one."""
    folder = tmp_path_factory.mktemp("images")
    make_folder(folder)
    save_image(folder / "ant" / "large.png", 200, 100, seed=1)
    save_image(folder / "bee" / "wide.v2.jpg", 90, 300, seed=2)
    (folder / "cat" / "broken.jpg").write_bytes(b"no image")
    return str(folder)


def shards_of(folder):
    return {
        path.name: path.read_bytes()
        for path in sorted(pathlib.Path(folder).iterdir())
        if path.suffix == ".tar"
    }


def by_stem(index):
    return {
        name.rpartition(".")[0].replace(".", "_"): place
        for place, name in enumerate(index.names)
    }


def test_small_images_are_copied_and_large_ones_made_smaller(images, tmp_path):
    written = write_shards(images, tmp_path / "s" / "x", Options(SIZE, 6000))
    before = open_files(images).parts["all"]
    files = open_files(f"shards:{tmp_path}/s/x-*.tar")
    after = files.parts["all"]
    assert files.class_names == ("ant", "bee", "cat")
    assert len(written) > 2 and sum(one.images for one in written) == len(after) == 17
    ((path, reason),) = [left for one in written for left in one.rejected]
    assert path.endswith("broken.jpg") and reason == "not an image in a known format"
    old, new = by_stem(before), by_stem(after)
    assert set(old) - set(new) == {"cat/broken"}
    for stem, place in new.items():
        assert after.labels[place] == before.labels[old[stem]]
        content, original = after.items.read(place), before.items.read(old[stem])
        if stem not in ("ant/large", "bee/wide_v2"):
            assert content == original
            continue
        image = Image.open(io.BytesIO(content))
        assert image.format == "JPEG" and min(image.size) == SIZE
        whole = before.decode(old[stem], image.size[::-1])
        assert np.abs(np.asarray(image, int) - whole).mean() < 5


@pytest.mark.parametrize("kind", MAKERS)
def test_every_source_gives_the_same_shards(kind, tmp_path):
    folder = make_folder(tmp_path / "plain", parts=("train", "test"))
    spec = MAKERS[kind](folder, tmp_path / "made")
    write_shards(spec, tmp_path / "out" / "x", Options(SIZE))
    assert set(shards_of(tmp_path / "out")) == {
        f"x-{part}-00000.tar" for part in ("train", "validation")
    }
    before, after = open_files(folder), open_files(f"shards:{tmp_path}/out")
    for part, index in before.parts.items():
        found = after.parts[part]
        assert sorted(index.items.read(n) for n in range(len(index))) == sorted(
            found.items.read(n) for n in range(len(found))
        )


class Killed(BaseException):
    pass


@pytest.mark.parametrize("place", range(0, 44, 3))
def test_interrupted_anywhere_the_shards_are_the_same(
    images, tmp_path, monkeypatch, place
):
    options = Options(SIZE, 6000)
    write_shards(images, tmp_path / "whole" / "x", options)
    calls = iter(range(place, -1, -1))
    with monkeypatch.context() as patch:
        for owner, name in (
            (write, "_add"),
            (plan.Plan, "add"),
            (pathlib.Path, "replace"),
        ):
            done = getattr(owner, name)

            def dying(*arguments, done=done, **options):
                if next(calls, 0) == 0:
                    raise Killed
                return done(*arguments, **options)

            patch.setattr(owner, name, dying)
        with pytest.raises(Killed):
            write_shards(images, tmp_path / "cut" / "x", options)
    kept = {
        path.name: path.stat().st_mtime_ns
        for path in (tmp_path / "cut").glob("x-*.tar")
    }
    write_shards(images, tmp_path / "cut" / "x", options)
    assert shards_of(tmp_path / "cut") == shards_of(tmp_path / "whole")
    for name, changed in kept.items():
        assert (tmp_path / "cut" / name).stat().st_mtime_ns == changed
    assert not list((tmp_path / "cut").glob(".*.part"))


@pytest.mark.thorough
def test_killed_by_the_system_the_shards_are_the_same(tmp_path):
    folder = make_folder(tmp_path / "many", counts=(60, 60, 60), side=300)
    words = [
        "shard",
        folder,
        "OUT",
        "--size",
        "64",
        "--shard-size",
        "1",
        "--quality",
        "99",
    ]
    assert main([word.replace("OUT", f"{tmp_path}/whole/x") for word in words]) == 0
    command = [sys.executable, "-m", "kerasnorm", *words]
    command[command.index("OUT")] = f"{tmp_path}/cut/x"
    for _ in range(40):
        process = subprocess.Popen(command)
        time.sleep(1.0)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True)
    assert shards_of(tmp_path / "cut") == shards_of(tmp_path / "whole")


def test_only_one_writes_shards_of_a_name(images, tmp_path, monkeypatch):
    options, output = Options(SIZE, 6000), tmp_path / "cut" / "x"
    write_shards(images, tmp_path / "whole" / "x", options)
    refused, add = [], write._add

    def meanwhile(*arguments):
        for other in (options, Options(SIZE + 1)):
            with pytest.raises(DataError, match=r"one process to write shards .*x-"):
                write_shards(images, output, other)
            refused.append(other)
        return add(*arguments)

    monkeypatch.setattr(write, "_add", meanwhile)
    write_shards(images, output, options)
    assert len(refused) == 2 * 2 * 17
    assert shards_of(tmp_path / "cut") == shards_of(tmp_path / "whole")
    # Another name in the same folder is nobody's business, and no lock is left.
    monkeypatch.setattr(write, "_add", add)
    write_shards(images, tmp_path / "cut" / "y", options)
    assert not list((tmp_path / "cut").glob(".*"))


def test_other_files_and_other_images_are_refused(images, tmp_path, capsys):
    output = tmp_path / "x"
    (tmp_path / "x-00003.tar").write_bytes(b"precious")
    with pytest.raises(DataError, match=r"x-00003.tar is there and was not written by"):
        write_shards(images, output, Options(SIZE))
    assert (tmp_path / "x-00003.tar").read_bytes() == b"precious"
    (tmp_path / "x-00003.tar").unlink()
    write_shards(images, output, Options(SIZE))
    before = shards_of(tmp_path)
    for options in (Options(SIZE + 1), Options(SIZE, 1), Options(SIZE, quality=9)):
        with pytest.raises(DataError, match="written from other"):
            write_shards(images, output, options)
    assert main(["shard", images, str(output), "--size", "1"]) == 1
    assert "other values" in capsys.readouterr().err
    assert shards_of(tmp_path) == before


def test_the_command_says_what_it_wrote(images, tmp_path, capsys):
    assert main(["shard", images, f"{tmp_path}/x", "--size", str(SIZE)]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == f"shards:{tmp_path}/x-*.tar"
    assert "17 images in 1 shards" in printed.out
    assert "left out" in printed.err and "broken.jpg" in printed.err
    assert main(["shard", f"{tmp_path}/none", f"{tmp_path}/y"]) == 2


def test_keys_have_no_dots_and_are_unique():
    paths = ("d/a/x.1.jpg", "d/a/x_1.jpg", "d/a/x_1.png", "/e/../b.jpg", "d/.a/c")
    index = ImageIndex(paths, np.zeros(5, int), ("a",), root="d")
    assert unique_keys(index) == ["a/x_1", "a/x_1_2", "a/x_1_3", "e/b", ".a/c"]
