"""No fault of a store or of its images makes one image pass for another."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from kerasnorm.data import DataError, index_directory
from kerasnorm.data.store import stored_images
from kerasnorm.data.store.journal import RECORD, read_journal
from kerasnorm.data.store.open_images import Caching, open_images
from tests.data.store.conftest import COUNT, SIZE, save
from tests.marks import thorough, thorough_after

IMAGE_BYTES = SIZE[0] * SIZE[1] * 3


def wait_for_records(opening, count):
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        try:
            if len(read_journal(opening.stored("journal"))) >= count:
                return
        except ValueError:
            # There is no store yet.
            time.sleep(0.01)
    raise TimeoutError("no images were stored")


def test_a_killed_writer_leaves_what_it_has_finished(opening, right):
    process = opening.start(before=opening.waits_at_gate)
    wait_for_records(opening, 12)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = len(read_journal(opening.stored("journal")))
    assert 12 <= kept <= 20
    count, note, images = opening.run()
    assert count == COUNT - kept
    assert f"{COUNT} images" in note
    np.testing.assert_array_equal(images, right())


@pytest.mark.parametrize("is_killed", [True, thorough(False)])
def test_of_two_writers_one_waits_for_the_other_or_its_end(opening, right, is_killed):
    first = opening.start(before=opening.waits_at_gate)
    wait_for_records(opening, 12)
    second = opening.start()
    said = second.stderr.readline()
    assert said == "another process decodes images of this folder: waiting\n"
    if is_killed:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    else:
        opening.gate.touch()
    count, _, images = opening.finish(second)
    np.testing.assert_array_equal(images, right())
    if is_killed:
        assert COUNT - 20 <= count <= COUNT - 12
    else:
        assert (count, opening.finish(first)[0]) == (0, COUNT)


def flip(file, place):
    content = bytearray(file.read_bytes())
    content[place] ^= 255
    file.write_bytes(bytes(content))


def cut(file, length):
    os.truncate(file, length)


DAMAGE = {
    "a flipped byte of an image": ("pixels.u8", flip, 5 * IMAGE_BYTES + 7, 1),
    "an image cut off": ("pixels.u8", cut, COUNT * IMAGE_BYTES - 9, 1),
    "half of the images gone": ("pixels.u8", cut, COUNT // 2 * IMAGE_BYTES, COUNT // 2),
    "all images gone": ("pixels.u8", cut, 0, COUNT),
    "a flipped byte of a record": ("journal", flip, 7 * RECORD.itemsize + 3, 1),
    "a flipped row": ("journal", flip, 7 * RECORD.itemsize + 16, 1),
    "a record cut off": ("journal", cut, COUNT * RECORD.itemsize - 5, 1),
    "no records": ("journal", cut, 0, COUNT),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_decoded_again(opening, read_here, right, damage):
    read_here()
    name, change, place, lost = DAMAGE[damage]
    change(opening.stored(name), place)
    count, images = read_here()
    np.testing.assert_array_equal(images, right())
    assert count == lost
    # What could not be used has been noted, and is kept anew by the next run.
    read_here()
    count, images = read_here()
    assert count == 0
    np.testing.assert_array_equal(images, right())


def test_a_store_that_is_cut_while_it_is_read_still_gives_right_images(opening, right):
    count, _, images = opening.run(
        after="import os; np.asarray(images[:3]); os.truncate("
        f"images.folder.path / 'pixels.u8', {7 * IMAGE_BYTES})"
    )
    assert count == COUNT + COUNT - 7
    np.testing.assert_array_equal(images, right())


def test_a_full_disk_leaves_the_rest_to_be_decoded_for_each_batch(opening, right):
    limit = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, ({}, resource.RLIM_INFINITY))"
    )
    count, note, images = opening.run(
        before=limit.format(30 * IMAGE_BYTES + 99),
        after=limit.format("resource.RLIM_INFINITY"),
    )
    assert "on disk in" in note
    assert "not all can be kept there: File too large" in note
    np.testing.assert_array_equal(images, right())
    # In blocks of four, seven of which had room.
    assert count == COUNT + COUNT - 28
    count, note, images = opening.run()
    assert count == COUNT - 28
    assert "not all" not in note
    np.testing.assert_array_equal(images, right())


# Root may write everywhere, unless it gives that right up.
WITHOUT_RIGHTS = """
import ctypes
libc, head, rights = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0), (
    ctypes.c_uint32 * 6
)()
libc.capget(head, rights)
rights[0] &= ~6
libc.capset(head, rights)
"""


def test_a_store_that_can_only_be_read_is_read(opening, right):
    opening.run()
    store = opening.stored("journal").parent
    for file in (*store.iterdir(), store, store.parent):
        file.chmod(0o555)
    count, note, images = opening.run(before=WITHOUT_RIGHTS)
    for folder in (store, store.parent):
        folder.chmod(0o755)
    assert count == 0
    assert "on disk in" in note
    np.testing.assert_array_equal(images, right())


WAYS = {"read-only": 0o555, "unreadable": 0o000, "a file": None}


@pytest.mark.parametrize("way", thorough_after(1, WAYS))
@pytest.mark.parametrize("cache", thorough_after(1, ["auto", "disk", "none"]))
def test_a_cache_that_cannot_be_written_costs_no_more_than_time(
    opening, right, way, cache
):
    folder = opening.home / "cache"
    if WAYS[way] is None:
        folder.write_text("")
    else:
        folder.mkdir()
        folder.chmod(WAYS[way])
    count, note, images = opening.run(cache, before=WITHOUT_RIGHTS)
    np.testing.assert_array_equal(images, right())
    assert "the cache directory cannot be used: " in note
    assert ("in memory" if cache == "auto" else "decoded for each batch") in note
    assert count == (COUNT if cache == "auto" else 2 * COUNT)


@pytest.mark.parametrize("cache", ["auto", "memory", "disk", "none"])
def test_an_image_that_changes_in_mid_training_is_never_taken_for_the_other(
    data, right, keeping, cache
):
    before = right()
    index = index_directory(data)
    images, _ = open_images({"all": index}, SIZE, Caching(cache))
    save(data / "cat" / "0.png", 999)
    stored = images["all"]
    if cache != "none":
        np.testing.assert_array_equal(stored.read(np.arange(COUNT)), before)
        return
    others = np.arange(1, COUNT)
    np.testing.assert_array_equal(stored.read(others), before[1:])
    with pytest.raises(DataError, match=r"cat/0.png as it was .*but it has changed"):
        stored.read(np.arange(COUNT))


@pytest.mark.parametrize("cache", ["auto", "disk", "none"])
def test_a_folder_that_vanishes_and_comes_back(
    data, right, keeping, cache, monkeypatch, capsys
):
    before = right()
    index = index_directory(data)
    images, _ = open_images({"all": index}, SIZE, Caching(cache))
    aside = data.with_name("aside")
    data.rename(aside)
    pauses, turn = [], threading.Lock()

    def pause(seconds):
        # Several threads wait.
        with turn:
            pauses.append(seconds)
            if len(pauses) == 5 and aside.exists():
                aside.rename(data)

    monkeypatch.setattr(stored_images.time, "sleep", pause)
    found = images["all"].read(np.arange(COUNT))
    np.testing.assert_array_equal(found, before)
    assert bool(pauses) == (cache == "none")
    said = capsys.readouterr().err
    assert said.count("waiting for") == int(cache == "none")


def test_a_folder_that_stays_away_ends_the_training(data, keeping, monkeypatch):
    index = index_directory(data)
    images, _ = open_images({"all": index}, SIZE, Caching("none"))
    data.rename(data.with_name("aside"))
    monkeypatch.setattr(stored_images.time, "sleep", lambda seconds: None)
    with pytest.raises(DataError, match=r"cat/0.png as .*cannot be read \(No"):
        images["all"].read(np.arange(3))
    assert images["all"].images.failure is not None


def test_a_single_file_that_is_gone_ends_it_at_once(data, keeping, monkeypatch):
    index = index_directory(data)
    images, _ = open_images({"all": index}, SIZE, Caching("none"))
    (data / "cat" / "0.png").unlink()
    monkeypatch.setattr(stored_images.time, "sleep", None)
    with pytest.raises(DataError, match=r"cat/0.png as it was .*but it is gone"):
        images["all"].read(np.arange(3))
