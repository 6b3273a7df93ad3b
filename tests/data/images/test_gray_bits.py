"""Gray values of more than 8 bits whose files do not say of how many."""

import itertools
import json
import logging
import shutil

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from kerasnorm.data import (
    ImageDataGenerator,
    index_directory,
    load_images,
    open_source,
    scan_images,
)
from kerasnorm.data.images import gray_bits
from kerasnorm.data.images.gray_bits import measure_gray_bits
from kerasnorm.data.items.items import FileItems
from kerasnorm.data.scan import looks
from kerasnorm.data.scan.scan_command import in_words

SIDE = 32
# What a container of 16 or 32 bits without a word on its depth can be.
CONTAINERS = {"png": ("<u2", "I;16"), "tif": ("<u2", "I;16"), "tiff": ("i4", "I")}
# The depth that a data set with values up to so many bits is taken for.
TAKEN = {8: 8, 9: 10, 10: 10, 11: 12, 12: 12, 13: 14, 14: 14, 15: 16, 16: 16}


def ramp(bits, seed=0):
    """Return gray values that fill so many bits, in an order of their own."""
    values = np.linspace(0, 2**bits - 1, SIDE * SIDE).astype(int)
    return np.random.default_rng(seed).permutation(values).reshape(SIDE, SIDE)


def save(path, values, suffix="png", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    dtype, mode = CONTAINERS[suffix]
    content = values.astype(dtype).tobytes()
    size = values.shape[::-1]
    Image.frombytes(mode, size, content).save(path.with_suffix(f".{suffix}"), **options)
    return path.with_suffix(f".{suffix}")


def fill(folder, bits, suffix="png", classes=("a", "b"), count=3):
    """Write classes of images, of which one is bright and the others are dark."""
    values = {}
    for name, number in itertools.product(classes, range(count)):
        image = ramp(bits, seed=number) >> (2 * number)
        path = save(folder / name / f"{number}", image, suffix)
        values[str(path)] = image
    return values


@pytest.mark.parametrize("bits", TAKEN)
@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_data_set_of_any_depth_keeps_its_gray_levels(tmp_path, suffix, bits):
    values = fill(tmp_path, bits, suffix)
    index = index_directory(tmp_path)
    assert index.gray_bits == TAKEN[bits]
    images = load_images(index, (SIDE, SIDE))
    shift = TAKEN[bits] - 8
    for path, image in zip(images.paths, images.images, strict=True):
        np.testing.assert_array_equal(image[..., 0], values[path] >> shift)
    brightest = np.unique(images.images[0])
    assert len(brightest) == 2 ** (bits - shift)


@pytest.mark.parametrize("said", range(8, 17))
def test_files_that_say_their_depth_are_not_measured(tmp_path, said):
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"sBIT", bytes([said]))
    values = ramp(min(said, 10))
    paths = [save(tmp_path / "a", values, pnginfo=chunks)]
    paths.append(save(tmp_path / "b", values, "tif", tiffinfo={281: 2**said - 1}))
    Image.fromarray(values.astype(np.uint8)).save(tmp_path / "c.png")
    Image.fromarray(values.astype(np.uint8)).save(tmp_path / "d.jpg")
    paths += [tmp_path / "c.png", tmp_path / "d.jpg", tmp_path / "missing.png"]
    names = [str(path) for path in paths]
    assert measure_gray_bits((FileItems(names), names)) is None
    names.append(str(save(tmp_path / "e", ramp(14))))
    assert measure_gray_bits((FileItems(names), names)) == 14


def test_the_same_files_are_measured_wherever_they_lie(tmp_path, monkeypatch):
    monkeypatch.setattr(gray_bits, "MEASURED_FILES", 2)
    for number, bits in enumerate((10, 16, 12, 14, 10, 12)):
        save(tmp_path / "here" / f"{number}", ramp(bits))
    names = [f"{number}.png" for number in range(6)]
    found = measure_gray_bits(
        (FileItems([str(tmp_path / "here" / n) for n in names]), names)
    )
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    paths = [str(tmp_path / "there" / name) for name in names[::-1]]
    opened = []
    reading = gray_bits.open_content
    monkeypatch.setattr(
        gray_bits, "open_content", lambda *a, **k: opened.append(a) or reading(*a, **k)
    )
    assert measure_gray_bits((FileItems(paths), names[::-1])) == found
    assert len(opened) == 2


@pytest.mark.parametrize("brighter", ["train", "validation"])
def test_parts_of_a_data_set_are_equally_bright(tmp_path, brighter):
    for part in ("train", "validation"):
        fill(tmp_path / part, 12 if part == brighter else 9)
    source = open_source(tmp_path)
    assert (source.train.gray_bits, source.validation.gray_bits) == (12, 12)
    assert source.train.take([0]).gray_bits == 12


def test_stored_images_and_looks_of_another_depth_are_not_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fill(tmp_path / "data", 10)
    index = index_directory(tmp_path / "data")
    dark = np.asarray(load_images(index, (SIDE, SIDE), cache="disk").images)
    looks.duplicate_groups(index_directory(tmp_path / "data"))
    # The first files stay as they are, and are darker beside a brighter one.
    save(tmp_path / "data" / "b" / "bright", ramp(14))
    index = index_directory(tmp_path / "data")
    shared = load_images(index, (SIDE, SIDE), cache="disk").images
    np.testing.assert_array_equal(shared[: len(dark)], dark >> 4)
    seen = []
    monkeypatch.setattr(looks, "scan_item", lambda *a, **k: seen.append(a[1]) or None)
    monkeypatch.setattr(looks, "remember", lambda *parts: None)
    looks.duplicate_groups(index)
    assert len(seen) == len(index)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_scan_says_what_deep_values_are_taken_for(tmp_path, bits):
    fill(tmp_path, bits, count=1)
    scan = scan_images(tmp_path)
    assert scan.to_json()["gray_bits"] == bits
    assert f"are read as {bits} bits" in in_words(scan)
    assert ("narrow_range" in scan.findings) == (bits < 13)


@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize("compat", ["fixed", "keras"])
@pytest.mark.parametrize("given", [None, 12, 16])
def test_generators_take_the_depth_that_is_given(
    tmp_path, caplog, compat, color_mode, given
):
    values = fill(tmp_path, 12, count=1)
    generator = ImageDataGenerator(compat=compat, gray_bits=given)
    with caplog.at_level(logging.WARNING):
        batch = next(
            generator.flow_from_directory(
                tmp_path, (SIDE, SIDE), color_mode, class_mode=None, shuffle=False
            )
        )
    raw = next(iter(values.values()))
    expected = raw >> ((given or 16) - 8)
    if color_mode == "grayscale":
        expected = raw
    elif compat == "keras":
        expected = np.minimum(raw, 255)
    np.testing.assert_array_equal(batch[0, ..., 0], expected)
    warned = "gray_bits=12" in caplog.text
    assert warned == (compat == "fixed" and color_mode != "grayscale" and not given)


@pytest.mark.thorough
def test_a_run_reads_every_later_image_as_it_began(tmp_path, capsys):
    from apps.cats_dogs import APP
    from kerasnorm.training.commands.command_line import main
    from kerasnorm.training.inputs.run_files import as_resumed, find_run_files
    from kerasnorm.training.record import run_directory
    from tests.apps.conftest import TINY

    fill(tmp_path / "data", 12, count=10)
    words = ["--data", str(tmp_path / "data"), "--runs", str(tmp_path / "runs"), *TINY]
    assert main(APP, [*words, "--batch-size", "8", "--no-preflight"]) == 0
    shown = capsys.readouterr().out
    run = shown.splitlines()[-1]
    assert "are read as 12 bits" in " ".join(shown.split())
    directory = run_directory.open_run(run)
    assert directory.read_report()["gray_bits"] == 12
    # A deeper image that comes later does not make those of the run darker.
    save(tmp_path / "data" / "a" / "later", ramp(16))
    parts = find_run_files(as_resumed(directory.read_settings(), directory.path)).parts
    assert {index.gray_bits for index in parts.values()} == {12}
    fill(tmp_path / "other", 16, count=2)
    dark = tmp_path / "data" / "a" / "4.png"
    results = []
    for more in ([], [str(tmp_path / "other")]):
        assert main(APP, ["predict", run, str(dark), *more, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        results.append(next(one for one in found if one["path"] == str(dark)))
    assert results[0]["probability"] == pytest.approx(
        results[1]["probability"], rel=1e-4
    )
