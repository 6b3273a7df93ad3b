"""`cache="disk"`: what one iterator has decoded, later ones and processes find."""

import multiprocessing
import os
import pickle
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data import ImageDataGenerator
from kerasnorm.data.generator import kept_images
from kerasnorm.data.store import space
from kerasnorm.data.store.journal import RECORD, read_journal

SIZE, COUNT = (24, 20), 20
IMAGE_BYTES = SIZE[0] * SIZE[1] * 3


class Flow:
    """An iterator that keeps its images on disk and notes which files it decodes."""

    def __init__(self, folder, kind="directory", batch_size=4, **format):
        generator = ImageDataGenerator(
            cache="disk", dtype="float64", compat=format.pop("compat", "fixed")
        )
        names = sorted(
            os.path.join(root, name)
            for root, _, names in os.walk(folder)
            for name in names
        )
        options = {"target_size": SIZE, "batch_size": batch_size, "shuffle": False}
        options |= {"class_mode": None} | format
        if kind == "directory":
            self.batches = generator.flow_from_directory(folder, **options)
        else:
            is_below = kind == "table"
            table = {
                "filename": [
                    os.path.relpath(name, folder if is_below else ".") for name in names
                ]
            }
            self.batches = generator.flow_from_dataframe(
                table, folder if is_below else None, **options
            )
        self.decoded = []
        decode = self.batches._store.decode

        def note(path):
            self.decoded.append(path)
            return decode(path)

        self.batches._store.decode = note

    def read(self):
        """Return all images."""
        return np.concatenate([self.batches[at] for at in range(len(self.batches))])


def save(file, seed, mode="RGB"):
    """Write an image whose pixels its seed decides."""
    shape = (30, 26, 3) if mode == "RGB" else (30, 26)
    dtype = np.uint16 if mode == "I;16" else np.uint8
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def folder(tmp_path, monkeypatch, own_cache):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(COUNT):
        file = tmp_path / "data" / "ab"[number % 2] / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        save(file, number)
    return tmp_path / "data"


def stored(folder, name):
    (file,) = (folder.parent / "cache" / "kerasnorm" / "images").glob(f"*/{name}")
    return file


@pytest.mark.parametrize("kind", ["directory", "table", "table of paths"])
def test_files_are_decoded_once_for_all_iterators(folder, kind):
    first = Flow(folder, kind)
    images = first.read()
    assert len(first.decoded) == COUNT
    np.testing.assert_array_equal(first.read(), images)
    assert len(first.decoded) == COUNT
    second = Flow(folder, kind)
    np.testing.assert_array_equal(second.read(), images)
    assert not second.decoded
    save(folder / "b" / "03.png", 999)
    third = Flow(folder, kind)
    assert np.any(third.read() != images)
    assert [path[-6:] for path in third.decoded] == ["03.png"]


FORMATS = (
    {},
    {"color_mode": "rgba"},
    {"color_mode": "grayscale"},
    {"interpolation": "bilinear"},
    {"keep_aspect_ratio": True},
    {"target_size": (20, 24)},
    {"compat": "keras"},
)


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
def test_every_way_of_decoding_has_a_store_of_its_own(folder, mode):
    for number in range(COUNT):
        save(folder / "ab"[number % 2] / f"{number:02}.png", number, mode)
    right = [Flow(folder, **dict(format)).read() for format in FORMATS]
    assert len(space.list_stores()) == len(FORMATS)
    assert {store.images for store in space.list_stores()} == {COUNT}
    for format, images in zip(FORMATS, right, strict=True):
        again = Flow(folder, **dict(format))
        np.testing.assert_array_equal(again.read(), images)
        assert not again.decoded


def test_deeper_images_than_the_first_are_decoded_every_time(folder):
    save(folder / "b" / "03.png", 3, "I;16")
    right = Flow(folder, color_mode="grayscale").read()
    again = Flow(folder, color_mode="grayscale")
    np.testing.assert_array_equal(again.read(), right)
    assert [path[-6:] for path in again.decoded] == ["03.png"] and right.max() > 255


def flip(file, place):
    content = bytearray(file.read_bytes())
    content[place] ^= 255
    file.write_bytes(bytes(content))


DAMAGE = {
    "a flipped byte": ("pixels.u8", flip, 5 * IMAGE_BYTES + 7, 1),
    "an image cut off": ("pixels.u8", os.truncate, COUNT * IMAGE_BYTES - 9, 1),
    "all gone": ("pixels.u8", os.truncate, 0, COUNT),
    "a flipped row": ("journal", flip, 7 * RECORD.itemsize + 16, 1),
    "no records": ("journal", os.truncate, 0, COUNT),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_images_are_decoded_again_and_kept_again(folder, damage):
    right = Flow(folder).read()
    name, spoil, place, count = DAMAGE[damage]
    spoil(stored(folder, name), place)
    for expected in (count, 0):
        flow = Flow(folder)
        np.testing.assert_array_equal(flow.read(), right)
        assert len(flow.decoded) == expected


def test_a_file_that_changes_while_it_is_open_is_never_taken_for_the_other(folder):
    flow = Flow(folder)
    before = Flow(folder).read()
    late = Flow(folder)
    shutil.rmtree(folder.parent / "cache")
    cold = Flow(folder)
    save(folder / "a" / "00.png", 999)
    # What was kept stays; the rest is as its file is now, and not kept as before.
    np.testing.assert_array_equal(late.read(), before)
    changed = cold.read()
    assert np.any(changed[0] != before[0])
    np.testing.assert_array_equal(Flow(folder).read(), changed)
    save(folder / "a" / "00.png", 0)
    np.testing.assert_array_equal(Flow(folder).read(), before)
    assert flow is not None


def test_iterators_of_both_parts_write_one_store(folder):
    def parts():
        generator = ImageDataGenerator(cache="disk", validation_split=0.4)
        options = {"target_size": SIZE, "class_mode": None, "shuffle": False}
        return [
            generator.flow_from_directory(folder, subset=subset, **options)
            for subset in ("training", "validation")
        ]

    right = [next(part) for part in parts()]
    (store,) = space.list_stores()
    assert store.images == COUNT
    shutil.move(folder, folder.with_name("aside"))
    shutil.copytree(folder.with_name("aside"), folder)
    for part, images in zip(parts(), right, strict=True):
        part._store.decode = None
        np.testing.assert_array_equal(next(part), images)


def test_worker_processes_read_the_store(folder):
    flow = Flow(folder)
    right = flow.read()
    flow.batches._store.decode = None
    copy = pickle.loads(pickle.dumps(flow.batches))
    np.testing.assert_array_equal(copy[1], right[4:8])


def test_unreadable_files_are_left_out_of_the_store(folder):
    (folder / "a" / "04.png").write_bytes(b"junk")
    generator = ImageDataGenerator(cache="disk", unreadable="skip")
    for expected in (COUNT, 1):
        decoded = []
        decode = kept_images.OnDisk.put

        def note(kept, samples, images, decoded=decoded, decode=decode):
            decoded.extend(samples)
            decode(kept, samples, images)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kept_images.OnDisk, "put", note)
            flow = generator.flow_from_directory(folder, SIZE, class_mode=None)
        assert flow.n == COUNT - 1 and len(decoded) == expected - 1
    with Image.open(flow.filepaths[4]) as file:
        expected = np.asarray(file.resize(SIZE[::-1], Image.Resampling.NEAREST))
    np.testing.assert_array_equal(flow._store.read(np.array([4]))[0], expected)


def no_cache(folder, monkeypatch):
    (folder.parent / "cache").write_bytes(b"a file")


def no_room(folder, monkeypatch):
    monkeypatch.setattr(space, "allowed", lambda limit: 100)


def full_disk(folder, monkeypatch):
    def write(store, row, images):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_images.StoreFolder, "write", write)


def full_journal(folder, monkeypatch):
    def append(store, records):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_images.StoreFolder, "append", append)


@pytest.mark.parametrize("fault", [no_cache, no_room, full_disk, full_journal])
def test_without_room_files_are_decoded_for_each_batch(
    folder, monkeypatch, caplog, fault
):
    fault(folder, monkeypatch)
    flow = Flow(folder)
    images = flow.read()
    np.testing.assert_array_equal(flow.read(), images)
    assert len(flow.decoded) == 2 * COUNT
    assert caplog.text.count("are decoded for each batch") == 1
    plain = ImageDataGenerator(cache="none").flow_from_directory(
        folder, SIZE, class_mode=None, shuffle=False, batch_size=COUNT
    )
    np.testing.assert_array_equal(images, plain[0])


def work(folder, array, limit):
    """Read all batches and save them; stop after some files until killed."""
    flow = Flow(folder)
    decode = flow.batches._store.decode

    def slow(path):
        while len(flow.decoded) >= limit:
            time.sleep(0.01)
        return decode(path)

    flow.batches._store.decode = slow
    np.save(array, flow.read())


def start(folder, array, limit=10**6):
    # Forked, as nothing of TensorFlow is used and importing it takes seconds.
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system cannot fork")
    context = multiprocessing.get_context("fork")
    process = context.Process(target=work, args=(folder, array, limit))
    process.start()
    return process


def test_a_killed_process_leaves_what_it_has_finished(folder, tmp_path):
    right = ImageDataGenerator(cache="none").flow_from_directory(
        folder, SIZE, class_mode=None, shuffle=False, batch_size=COUNT
    )[0]
    process = start(folder, tmp_path / "none.npy", limit=9)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.02)
        files = (folder.parent / "cache" / "kerasnorm" / "images").glob("*/journal")
        if any(len(read_journal(file)) >= 8 for file in files):
            break
    process.kill()
    process.join()
    flow = Flow(folder)
    np.testing.assert_array_equal(flow.read(), right)
    assert len(flow.decoded) == COUNT - 8


def test_processes_that_write_at_once_have_the_right_images(folder, tmp_path):
    arrays = [tmp_path / f"{number}.npy" for number in range(3)]
    for process in [start(folder, array) for array in arrays]:
        process.join(60)
        assert process.exitcode == 0
    flow = Flow(folder)
    right = flow.read()
    assert not flow.decoded
    for array in arrays:
        np.testing.assert_array_equal(np.load(array), right)
