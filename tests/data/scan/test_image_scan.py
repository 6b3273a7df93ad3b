"""The scan finds every kind of trouble, changes nothing, and agrees with training."""

import itertools
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data import DataError, index_directory, load_images, scan_images
from kerasnorm.data.scan.duplicates import near_groups, near_search
from kerasnorm.data.scan.scan_command import in_words, run_scan
from tests.data.conftest import save_image, smooth_image


def scene(seed, size=(160, 200)):
    """Return an image with large shapes, as photos have."""
    small = smooth_image(32, 40, seed=seed)
    return Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """Two splits of two classes with one file of every kind."""
    top = tmp_path_factory.mktemp("zoo")
    cat, dog = top / "train" / "cat", top / "train" / "dog"
    seen = top / "validation" / "cat"
    for folder in (cat, dog, seen, top / "validation" / "dog"):
        folder.mkdir(parents=True)
    for seed in range(6):
        scene(seed).save(cat / f"good{seed}.jpg")
    scene(20).save(dog / "good.png")
    scene(21).save(top / "validation" / "dog" / "good.png")
    scene(22).save(cat / "named.jpg", format="PNG")
    save_image(cat / "tiny.png", 3, 40, seed=23)
    scene(24).convert("CMYK").save(cat / "cmyk.jpg")
    scene(25).convert("RGBA").save(cat / "alpha.png")
    scene(26).convert("P").save(cat / "palette.png")
    scene(27).convert("L").save(cat / "gray.png")
    deep = np.asarray(scene(28).convert("L"), np.uint16) * 256
    Image.fromarray(deep).save(cat / "deep.png")
    Image.fromarray(deep >> 4).save(dog / "twelve.png")
    frames = [scene(29), scene(30)]
    frames[0].save(cat / "moving.gif", save_all=True, append_images=frames[1:])
    exif = Image.Exif()
    exif[0x0112] = 6
    scene(31).save(cat / "turned.jpg", exif=exif)
    shutil.copy(cat / "good0.jpg", dog / "copy.jpg")
    scene(1).resize((120, 96)).save(seen / "again.jpg", quality=60)
    (cat / "empty.jpg").write_bytes(b"")
    (cat / "page.jpg").write_bytes(b"<html>")
    (cat / "cut.jpg").write_bytes((cat / "good3.jpg").read_bytes()[:-300])
    (cat / "._good0.jpg").write_bytes(b"side file")
    return top


@pytest.fixture(scope="module")
def scan(zoo):
    return scan_images(zoo)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("wrong_extension", {"named.jpg"}),
        ("too_small", {"tiny.png"}),
        ("cmyk", {"cmyk.jpg"}),
        ("alpha", {"alpha.png"}),
        ("palette", {"palette.png", "moving.gif"}),
        ("16_bit", {"deep.png", "twelve.png"}),
        ("grayscale", {"gray.png", "deep.png", "twelve.png"}),
        ("animation", {"moving.gif"}),
        ("exif_rotated", {"turned.jpg"}),
        ("narrow_range", {"twelve.png"}),
    ],
)
def test_every_kind_is_found(scan, kind, names):
    assert {os.path.basename(path) for path in scan.findings[kind]} == names


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("empty.jpg", "the file is empty"),
        ("page.jpg", "not an image in a known format"),
        ("cut.jpg", "truncated: the file ends before the image does"),
        ("._good0.jpg", "hidden file"),
    ],
)
def test_rejected_files_have_a_reason(scan, name, reason):
    reasons = {os.path.basename(path): why for path, why in scan.rejected}
    assert reasons[name] == reason
    assert len(reasons) == 4


def test_exact_duplicates_are_found(scan):
    (group,) = [group for group in scan.label_conflicts if group.kind == "exact"]
    names = {os.path.basename(path) for path in group.paths}
    assert names == {"good0.jpg", "copy.jpg"}
    assert group.classes == ("cat", "dog")
    assert not group.across_splits


@pytest.mark.parametrize("kind", ["exact", "near"])
@pytest.mark.parametrize("splits", itertools.product(("train", "validation"), repeat=2))
@pytest.mark.parametrize("classes", itertools.product(("cat", "dog"), repeat=2))
def test_copies_in_two_classes_are_a_label_conflict(tmp_path, kind, splits, classes):
    for place in itertools.product(("train", "validation"), ("cat", "dog")):
        folder = tmp_path.joinpath(*place)
        folder.mkdir(parents=True)
        scene(len("".join(place)) * 7 + ord(place[1][0])).save(folder / "other.jpg")
    for number, place in enumerate(zip(splits, classes, strict=True)):
        image = (
            scene(0) if number == 0 or kind == "exact" else scene(0).resize((99, 80))
        )
        image.save(tmp_path.joinpath(*place, f"same{number}.jpg"))
    scan = scan_images(tmp_path)
    groups = scan.duplicates + scan.label_conflicts
    (group,) = (group for group in groups if "same" in str(group.paths))
    assert group.kind == kind
    assert group.across_splits == (splits[0] != splits[1])
    is_conflict = classes[0] != classes[1]
    assert (group in scan.label_conflicts) == is_conflict
    report = json.loads(json.dumps(scan.to_json()))
    assert report["counts"]["label_conflicts"] == len(report["label_conflicts"])
    if is_conflict:
        assert report["label_conflicts"][0]["classes"] == ["cat", "dog"]
        assert "Label conflicts" in in_words(scan)


def test_near_duplicates_across_splits_are_found(scan):
    (group,) = [group for group in scan.duplicates if group.kind == "near"]
    names = {os.path.basename(path) for path in group.paths}
    assert names == {"good1.jpg", "again.jpg"}
    assert group.across_splits


def test_class_imbalance_is_counted(scan):
    assert scan.class_counts == {
        ("train", "cat"): 15,
        ("train", "dog"): 3,
        ("validation", "cat"): 1,
        ("validation", "dog"): 1,
    }
    assert scan.imbalance == 5


def test_training_accepts_and_rejects_the_same(zoo, scan):
    images = [
        load_images(index_directory(zoo / side), (20, 20))
        for side in ("train", "validation")
    ]
    accepted = {path for loaded in images for path in loaded.paths}
    rejected = {entry for loaded in images for entry in loaded.rejected}
    assert accepted == set(scan.accepted)
    assert rejected == set(scan.rejected)


def test_scan_changes_nothing(zoo):
    def state():
        return {
            os.path.join(root, name): os.stat(os.path.join(root, name)).st_mtime_ns
            for root, _, names in os.walk(zoo)
            for name in names
        }

    before = state()
    scan_images(zoo)
    assert state() == before


def test_plain_images_are_not_called_near_duplicates(tmp_path):
    for value in (0, 90, 255):
        Image.new("RGB", (40, 40), (value,) * 3).save(tmp_path / f"{value}.png")
    assert scan_images(tmp_path).duplicates == ()


def test_a_broken_image_with_exif_to_read_is_rejected(tmp_path):
    # Looking for EXIF in a PNG reads it to the end; that must not hide the fault.
    path = save_image(tmp_path / "broken.png", 64, 64)
    content = bytearray(path.read_bytes())
    start = content.index(b"IDAT") + 40
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)
    assert [found for found, _ in scan_images(tmp_path).rejected] == [str(path)]


def test_limits_can_be_set(tmp_path):
    save_image(tmp_path / "image.png", 40, 50)
    assert scan_images(tmp_path, max_pixels=1999).rejected
    assert scan_images(tmp_path, min_side=41).findings == {
        "too_small": (str(tmp_path / "image.png"),)
    }


def test_an_empty_folder_has_an_empty_report(tmp_path):
    assert scan_images(tmp_path).counts["files"] == 0
    assert scan_images(tmp_path).imbalance == 1


def test_a_missing_folder_raises(tmp_path):
    with pytest.raises(DataError, match="Expected a folder, but there is no"):
        scan_images(tmp_path / "nowhere")


def test_progress_counts_every_file(zoo, scan):
    seen = []
    scan_images(zoo, progress=lambda *numbers: seen.append(numbers))
    assert seen[-1] == (scan.counts["files"], scan.counts["files"])


def test_json_has_the_promised_parts(zoo, scan, capsys):
    assert run_scan(zoo, as_json=True) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["accepted"] == list(scan.accepted)
    assert report["rejected"] == [
        {"path": path, "reason": reason} for path, reason in scan.rejected
    ]
    assert [group["kind"] for group in report["duplicates"]] == ["near"]
    assert [group["kind"] for group in report["label_conflicts"]] == ["exact"]
    assert report["counts"]["files"] == 24
    assert report["imbalance"] == 5


def test_quarantine_lists_the_rejected_files(zoo, scan, tmp_path, capsys):
    run_scan(zoo, quarantine=tmp_path / "list.txt")
    listed = (tmp_path / "list.txt").read_text().splitlines()
    assert listed == [path for path, _ in scan.rejected]
    assert all(os.path.exists(path) for path in listed)


def test_words_name_every_finding(scan):
    text = in_words(scan)
    assert "24 files" in text
    for phrase in ("Rejected", "page.jpg: not an image", "exif_rotated", "across spl"):
        assert phrase in text
    assert "The largest class has 5.0 times the smallest" in text


def test_long_lists_are_cut(tmp_path):
    for number in range(30):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
    assert "... and 10 more" in in_words(scan_images(tmp_path))


def test_images_that_only_grow_brighter_are_not_called_near_duplicates(tmp_path):
    slope = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    for name, image in {
        "dim": slope,
        "bright": slope * 3,
        "down": 255 - slope,
    }.items():
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    assert scan_images(tmp_path).duplicates == ()


def flipped(look, bits, random):
    """Return a 64-bit hash with so many bits changed."""
    places = random.choice(64, bits, replace=False).astype(np.uint64)
    return look ^ np.sum(np.uint64(1) << places, dtype=np.uint64)


def test_near_search_equals_comparing_all():
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**63, 200, np.uint64)
    for member in range(0, 200, 2):
        hashes[member + 1] = flipped(hashes[member], random.integers(9), random)
    near_to = near_search(hashes, 5)
    distances = np.bitwise_count(hashes[:, None] ^ hashes)
    expected = (distances <= 5) & ~np.eye(200, dtype=bool)
    for member in range(200):
        np.testing.assert_array_equal(near_to(member), np.flatnonzero(expected[member]))
    assert expected.sum() > 60


def bits_set(*counts):
    """Return hashes that differ in as many bits as these numbers differ."""
    return np.array([2**count - 1 for count in counts], np.uint64)


def test_a_group_is_what_looks_like_its_first_member():
    # Five apart each: the first and the last have nothing in common.
    chain = bits_set(0, 5, 10, 15, 20, 60)
    assert near_groups(chain, [None] * 6, 5) == [[0, 1], [2, 1, 3], [4, 3]]


def test_many_alike_are_one_group():
    looks = bits_set(*[3, 4, 5, 6] * 50)
    assert near_groups(looks, [None] * 200, 5) == [list(range(200))]
    assert near_groups(np.zeros(0, np.uint64), [], 5) == []


def test_no_likeness_across_splits_goes_unsaid():
    random = np.random.default_rng(1)
    middles = random.integers(0, 2**63, 12, np.uint64)
    looks = np.array(
        [flipped(one, random.integers(6), random) for one in middles for _ in range(6)]
    )
    splits = random.choice(["train", "validation"], len(looks))
    near = np.bitwise_count(looks[:, None] ^ looks) <= 5
    leaks = np.any(near & (splits[:, None] != splits), axis=1)
    groups = near_groups(looks, splits.tolist(), 5)
    across = [group for group in groups if len(set(splits[group])) == 2]
    assert leaks.sum() > 20
    assert set(np.flatnonzero(leaks)) <= set().union(*across)
    assert all(near[group[0], group].all() for group in groups)
