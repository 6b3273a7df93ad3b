"""Odd, broken and hostile files end in an image or in a reason, alone and mixed."""

import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image, ImageOps

from kerasnorm.data import (
    DataError,
    ImageDataGenerator,
    ImageError,
    decode_image,
    index_directory,
    load_images,
    scan_images,
)
from kerasnorm.data.images.decode import QuietPillow

# What Pillow 13 cannot read, by category; everything else must be accepted.
REJECTED = {
    "bmp_ico_tiff": 3, "bomb": 4, "gif_webp": 3, "jpeg_corrupt": 14,
    "jpeg_unusual": 2, "not_image": 7, "png_corrupt": 11,
}  # fmt: skip


def files_below(directory):
    return sorted(
        os.path.join(root, name)
        for root, _, names in os.walk(directory)
        for name in names
    )


def test_every_file_is_accepted_or_rejected_with_a_reason(hostile_images):
    scan = scan_images(hostile_images)
    assert len(scan.accepted) + len(scan.rejected) == len(files_below(hostile_images))
    assert all(reason for _, reason in scan.rejected)
    counts: dict[str, int] = {}
    for path, _ in scan.rejected:
        category = os.path.relpath(path, hostile_images).split(os.sep)[0]
        counts[category] = counts.get(category, 0) + 1
    assert counts == REJECTED


def test_no_file_takes_ten_seconds(hostile_images):
    for path in files_below(hostile_images):
        start = time.perf_counter()
        try:
            decode_image(path, (64, 64))
        except ImageError:
            pass
        assert time.perf_counter() - start < 10, path


def test_accepted_images_equal_pillows(hostile_images):
    deep = ("basn0g16",)  # Pillow clips 16-bit gray instead of scaling it.
    scan = scan_images(hostile_images)
    for path in scan.accepted:
        if any(name in path for name in deep):
            continue
        with QuietPillow():
            expected = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        np.testing.assert_array_equal(decode_image(path), np.asarray(expected))


@pytest.fixture
def mixed(hostile_images, class_folders, tmp_path):
    """Two classes of good images with a hostile half each."""
    for name in ("cat", "ant"):
        shutil.copytree(class_folders / name, tmp_path / name)
    for number, path in enumerate(files_below(hostile_images)):
        target = tmp_path / ("cat", "ant")[number % 2] / str(number)
        target.mkdir(parents=True)
        shutil.copy(path, target)
    return tmp_path


def test_mixed_with_good_files_the_generator_names_or_skips_them(mixed):
    options = {"target_size": (32, 32), "batch_size": 16}
    flow = ImageDataGenerator(unreadable="skip").flow_from_directory(mixed, **options)
    for images, labels in flow.as_dataset():
        assert len(images) == len(labels)
    scan = scan_images(mixed)
    # The generator reads hidden files too, as Keras' class does.
    named_as_images = set(flow.filepaths) | set(flow.rejected)
    expected = {
        path: reason
        for path, reason in scan.rejected
        if path in named_as_images and reason != "hidden file"
    }
    rejected = dict(flow.rejected)
    (hidden,) = rejected.keys() - expected.keys()
    assert os.path.basename(hidden) == "._cat.1.jpg"
    del rejected[hidden]
    assert rejected == expected
    assert not set(flow.filepaths) & set(flow.rejected)
    every = ImageDataGenerator().flow_from_directory(mixed, **options)
    with pytest.raises(DataError, match=r"unreadable='skip'"):
        list(map(every.__getitem__, range(len(every))))


def test_mixed_with_good_files_training_goes_on(mixed):
    index = index_directory(mixed)
    decoded = load_images(index, (32, 32))
    assert len(decoded) + len(decoded.rejected) == 115 + 12 + 1
    assert len(decoded.rejected) == sum(REJECTED.values()) + 1
    assert decoded.images.shape[1:] == (32, 32, 3)


def test_only_hostile_files_in_one_class_is_an_error(
    hostile_images, class_folders, tmp_path
):
    shutil.copytree(class_folders / "cat", tmp_path / "cat")
    shutil.copytree(hostile_images / "not_image", tmp_path / "dog")
    with pytest.raises(DataError, match="usable image of class 'dog', but none"):
        load_images(index_directory(tmp_path), (32, 32))
