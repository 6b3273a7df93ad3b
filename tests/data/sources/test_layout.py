"""Folders are told apart: classes, parts of a data set, and what is neither."""

import itertools
import pathlib

import pytest

from kerasnorm.data import DataError, index_directory, open_source, scan_images
from kerasnorm.data.sources.layout import find_layout, part_of
from kerasnorm.data.sources.source import open_part
from tests.data.conftest import save_image

CLASSES = ("cat", "dog")
NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test", "testing"),
}
SPELLINGS = (str.lower, str.upper, str.title)
FRAMES = ("{}", "seg_{}", "{}1", "pets-{}", "{}_images", "{}set", "2024 {} 64x64")
STYLES = itertools.cycle(itertools.product(SPELLINGS, FRAMES))
PAIRS = [
    (frame.format(spell(train)), frame.format(spell(other)), part)
    for part in ("validation", "test")
    for train, other in itertools.product(NAMES["train"], NAMES[part])
    for spell, frame in itertools.islice(STYLES, 4)
]


def fill(folder: pathlib.Path, *paths: str) -> pathlib.Path:
    """Write empty files; which file is an image does not matter to the layout."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")
    return folder


def of_classes(*parts: str) -> list[str]:
    return [
        f"{part}/{name}/{n}.jpg" for part in parts for name in CLASSES for n in "12"
    ]


def test_parts_are_known_by_any_usual_name(tmp_path):
    for number, (train, other, part) in enumerate(PAIRS):
        folder = fill(tmp_path / str(number), *of_classes(train, other))
        source = open_source(folder)
        assert source.class_names == CLASSES, (train, other)
        assert all(
            pathlib.Path(p).is_relative_to(folder / train) for p in source.train.paths
        )
        index, note = open_part(folder, "validation")
        assert index.paths == source.validation.paths
        assert f"{other}/: 4 files taken" in note
        assert open_part(folder, "train")[0].paths == source.train.paths
        assert find_layout(folder).parts == {
            "train": folder / train,
            part: folder / other,
        }
        assert ("no test part" in source.note) == (part == "test")
        with pytest.raises(DataError, match="Give one of these"):
            index_directory(folder)


@pytest.mark.parametrize(
    ("paths", "parts", "left_out"),
    [
        (of_classes("."), {"all": "."}, ()),
        (of_classes("PetImages"), {"all": "PetImages"}, ()),
        (of_classes("train"), {"all": "train"}, ()),
        (
            of_classes("train", "val", "test"),
            {"train": "train", "validation": "val", "test": "test"},
            (),
        ),
        (
            [*of_classes("seg_train/seg_train", "seg_test/seg_test"), "seg_pred/1.jpg"],
            {"train": "seg_train/seg_train", "test": "seg_test/seg_test"},
            ("seg_pred",),
        ),
        # Without labels nothing can be measured.
        ([*of_classes("train"), "test1/1.jpg"], {"all": "train"}, ("test1",)),
        (of_classes("val", "test"), {"validation": "val", "test": "test"}, ()),
        (
            of_classes("train", "train_small", "val"),
            {"train": "train", "validation": "val"},
            ("train_small",),
        ),
        (
            of_classes("train_val", "test"),
            {"train": "train_val", "test": "test"},
            (),
        ),
        # Neither hidden nor empty folders, nor those of runs and searches, are classes.
        (
            of_classes(".")
            + [".ipynb_checkpoints/1.jpg", "__MACOSX/._1.jpg"]
            + ["runs/cats_dogs/one/" + n for n in ("settings.yaml", "environment.json")]
            + ["runs/cats_dogs/one/curves.png"]
            + ["searches/first/" + name for name in ("plan.json", "workers/1.json")],
            {"all": "."},
            ("__MACOSX",),
        ),
        # Classes may be called like parts.
        (["train/1.jpg", "bus/1.jpg"], {"all": "."}, ()),
        (["train station/1.jpg", "test tube/1.jpg"], {"all": "."}, ()),
        (["train/steam/1.jpg", "train/new/1.jpg", "bus/red/1.jpg"], {"all": "."}, ()),
        (["cat/images/1.jpg", "dog/images/1.jpg"], {"all": "."}, ()),
        (["cat/a/1.jpg", "cat/b/1.jpg", "dog/a/1.jpg"], {"all": "."}, ()),
    ],
)
def test_layouts(tmp_path, paths, parts, left_out):
    layout = find_layout(fill(tmp_path, *paths))
    assert layout.parts == {part: tmp_path / name for part, name in parts.items()}
    assert layout.left_out == left_out
    for name in left_out:
        assert f"{name}/" in layout.describe()


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (of_classes("a", "b"), "'a', 'b' all hold the same folders, 'cat', 'dog'"),
        (of_classes("fold1", "fold2", "fold3"), "all hold the same folders"),
        (of_classes("train", "holdout"), "all hold the same folders"),
        (of_classes("train/x", "train/y", "val/x", "val/y"), "same folders"),
        (
            ["cat/train/1.jpg", "cat/val/1.jpg", "dog/train/1.jpg", "dog/val/1.jpg"],
            "same folders, 'train', 'val'",
        ),
        (["train/1.jpg", "test/1.jpg"], "no class folders"),
        (["Train1/1.jpg", "VAL/1.jpg"], "no class folders"),
        ([*of_classes("train"), "val/1.jpg"], "cannot be told"),
        ([*of_classes("train"), "samples/1.jpg"], "cannot be told"),
        (of_classes("train", "val_a", "val_b"), "may each be the validation part"),
        ([], "has no sub-folders"),
        (["1.jpg"], "has no sub-folders"),
        ([".hidden/1.jpg"], "has no sub-folders"),
    ],
)
def test_what_is_unclear_is_refused(tmp_path, paths, message):
    folder = fill(tmp_path, *paths)
    for opened in (open_source, index_directory, find_layout):
        with pytest.raises(DataError, match=message):
            opened(folder)
    for use in ("train", "validation"):
        with pytest.raises(DataError, match=message):
            open_part(folder, use)


def test_training_needs_a_training_part(tmp_path):
    folder = fill(tmp_path, *of_classes("val", "test"))
    with pytest.raises(DataError, match=r"a train part .* but found only val/, test/"):
        open_source(folder)
    assert len(open_part(folder, "validation")[0]) == 4


def test_scan_names_the_same_parts(tmp_path):
    for part, name in itertools.product(("Training", "TEST1"), CLASSES):
        save_image(tmp_path / part / name / "x.png", 16, 16)
    scan = scan_images(tmp_path)
    assert set(scan.class_counts) == set(itertools.product(("train", "test"), CLASSES))
    assert "Training/: train images; TEST1/: test images" in scan.layout
    assert all(group.across_splits for group in scan.label_conflicts)
    # Any folder can be scanned.
    assert scan_images(tmp_path / "TEST1" / "cat").layout.startswith("no classes")


def test_whole_words_say_a_part():
    for part, names in NAMES.items():
        for name, spell, frame in itertools.product(names, SPELLINGS, FRAMES):
            assert part_of(frame.format(spell(name))) == part
    for name in ("trained", "strain", "valley", "devil", "contest", "latest", "trains"):
        assert part_of(name) is None, name
    assert part_of("train_test_split") is None
