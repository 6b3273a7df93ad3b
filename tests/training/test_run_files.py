"""A run divides its files once and finds them again after they were moved."""

import itertools
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data import DataError
from kerasnorm.data.scan import looks
from kerasnorm.training.app import App, parse_training
from kerasnorm.training.inputs.run_files import as_resumed, find_run_files
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError

CLASSES = ("cat", "dog")
# How a run may divide its files.
DIVISIONS = {
    "plain": {},
    "test part": {"test_fraction": 0.2},
    "fold": {"folds": 3, "fold": 1},
    "fold and test part": {"folds": 3, "fold": 2, "test_fraction": 0.2},
    "groups": {"folds": 3, "fold": 0, "fold_groups": r"(\d)\d\.png"},
    "groups and test part": {
        "folds": 3,
        "fold": 0,
        "fold_groups": r"(\d)\.png",
        "test_fraction": 0.3,
    },
    "own parts": {},
    "own parts and fold": {"folds": 2, "fold": 1},
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def draw(folder, first=0, count=30):
    """Draw images that look like no other."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            random = np.random.default_rng([len(folder.name), ord(name[0]), number])
            pixels = random.integers(0, 256, (9, 9, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:02}.png")


def trained(folder, name="run", **options):
    """Write what the run directory of a training says of its files."""
    data = folder / "data"
    settings = Settings(app="toy", data=str(data), **options)
    files = find_run_files(settings)
    directory = RunDirectory(folder / name)
    directory.path.mkdir()
    directory.write_split(files.table)
    directory.write_settings(settings)
    return settings, directory, files


def paths_of(files):
    return {part: index.paths for part, index in files.parts.items()}


def config(directory, *words):
    app = App("toy", "A toy.", Settings(app="toy"))
    return parse_training(app, ["--config", str(directory.settings_file), *words])


@pytest.fixture(params=DIVISIONS)
def run(request, tmp_path):
    if request.param.startswith("own parts"):
        for part in ("train", "val", "test"):
            draw(tmp_path / "data" / part)
    else:
        draw(tmp_path / "data")
    return trained(tmp_path, **DIVISIONS[request.param])


def test_a_resumed_run_has_the_files_it_began_with(run):
    settings, directory, files = run
    names = [name for index in files.parts.values() for name in index.names]
    assert len(names) == len(set(names)) == len(files.table.rows)
    again = find_run_files(as_resumed(settings, directory.path))
    assert paths_of(again) == paths_of(files)
    assert len(again.notes) == 1
    assert settings.data in again.notes[0]
    # However the files would be divided now.
    other = settings.replace(seed=9, validation_fraction=0.5, test_fraction=0.0)
    again = find_run_files(as_resumed(other, directory.path))
    assert paths_of(again) == paths_of(files)


def test_settings_of_a_run_keep_its_split_in_a_grown_folder(run):
    settings, directory, files = run
    for folder in {
        pathlib.Path(path).parent.parent for path in paths_of(files)["train"]
    }:
        draw(folder, first=40, count=20)
    grown = config(directory)
    assert grown.split == str(directory.path / "split.csv")
    again = find_run_files(grown)
    for part, paths in paths_of(files).items():
        assert set(paths) <= set(again.parts[part].paths)
    if len(files.parts) == 2 and settings.fold_groups is None:
        # New images are divided like the old ones.
        fractions = [
            len(found.parts["validation"]) / len(found.table.rows)
            for found in (files, again)
        ]
        assert fractions[0] == pytest.approx(fractions[1], abs=0.12)
    # A resumed run leaves them out and says so.
    resumed = find_run_files(as_resumed(settings, directory.path))
    assert paths_of(resumed) == paths_of(files)
    added = len(again.table.rows) - len(files.table.rows)
    assert f"{added} images" in resumed.notes[-1]
    assert "added and left out" in resumed.notes[-1]


def test_lost_validation_images_stop_a_run_unless_told_otherwise(run):
    settings, directory, files = run
    lost = pathlib.Path(files.parts["validation"].paths[0])
    lost.unlink()
    for now in (as_resumed(settings, directory.path), config(directory)):
        with pytest.raises(DataError, match=r"1 validation image .* missing.*--accept"):
            find_run_files(now)
        accepted = find_run_files(now.replace(accept_changes=True))
        assert set(accepted.parts["train"].paths) >= set(files.parts["train"].paths)
        assert str(lost) not in accepted.parts["validation"].paths
        assert "missing" in accepted.notes[1]


def test_lost_training_images_are_named(run):
    settings, directory, files = run
    lost = pathlib.Path(files.parts["train"].paths[0])
    lost.write_bytes(lost.read_bytes() + b"more")
    again = find_run_files(as_resumed(settings, directory.path))
    assert paths_of(again) == paths_of(files)
    assert "1 training image" in again.notes[1]
    lost.unlink()
    again = find_run_files(as_resumed(settings, directory.path))
    assert again.parts["validation"].paths == files.parts["validation"].paths
    assert again.parts["train"].paths == files.parts["train"].paths[1:]


def test_renamed_classes_stop_a_run_unless_told_otherwise(run):
    settings, directory, files = run
    for folder in {
        pathlib.Path(p).parent.parent for i in files.parts.values() for p in i.paths
    }:
        (folder / "cat").rename(folder / "zebra")
    for folder in (
        pathlib.Path(settings.data) / "val",
        pathlib.Path(settings.data) / "test",
    ):
        if (folder / "cat").exists():
            (folder / "cat").rename(folder / "zebra")
    now = as_resumed(settings, directory.path)
    with pytest.raises(DataError, match="class 'cat' is now called 'zebra'"):
        find_run_files(now)
    again = find_run_files(now.replace(accept_changes=True))
    assert again.parts["train"].class_names == CLASSES
    np.testing.assert_array_equal(
        again.parts["train"].labels, files.parts["train"].labels
    )


@pytest.mark.parametrize(
    ("words", "is_kept"),
    [
        ([], True),
        (["--epochs", "9", "--norm", "group", "--name", "other"], True),
        (["--seed", "1"], False),
        (["--validation-fraction", "0.5"], False),
        (["--test-fraction", "0.1"], False),
        (["--folds", "3"], False),
        (["--data", "."], False),
    ],
)
def test_flags_that_divide_the_data_draw_anew(tmp_path, words, is_kept):
    draw(tmp_path / "data", count=3)
    _, directory, _ = trained(tmp_path)
    assert (config(directory, *words).split is not None) == is_kept


def test_a_run_without_its_split_is_refused_where_that_was_drawn(tmp_path):
    draw(tmp_path / "data", count=3)
    settings, directory, _ = trained(tmp_path)
    (directory.path / "split.csv").unlink()
    with pytest.raises(DataError, match=r"Expected split\.csv .* missing"):
        find_run_files(as_resumed(settings, directory.path))


@pytest.mark.parametrize("options", [{}, {"folds": 3}, {"test_fraction": 0.2}])
def test_near_duplicates_stay_on_one_side(tmp_path, options):
    draw(tmp_path / "data")
    pairs = []
    for name, number in itertools.product(CLASSES, range(0, 30, 3)):
        path = tmp_path / "data" / name / f"{number:02}.png"
        copy = path.with_name(f"{number:02} again.bmp")
        Image.open(path).point(lambda value: min(value + 1, 255)).save(copy)
        pairs.append({str(path), str(copy)})
    for seed in range(3):
        _, _, files = trained(tmp_path, name=f"run{seed}", seed=seed, **options)
        for index, pair in itertools.product(files.parts.values(), pairs):
            assert len(pair & set(index.paths)) in (0, 2)


def test_a_new_image_that_links_both_sides_trains_and_is_named(tmp_path, monkeypatch):
    draw(tmp_path / "data")
    _, directory, files = trained(tmp_path)
    train, validation = (files.parts[part].paths[0] for part in ("train", "validation"))
    new = tmp_path / "data" / "cat" / "link.png"
    shutil.copy(train, new)

    def groups(index):
        return [[index.paths.index(path) for path in (train, str(new), validation)]]

    monkeypatch.setattr(looks, "duplicate_groups", groups)
    again = find_run_files(config(directory))
    assert str(new) in again.parts["train"].paths
    assert "cat/link.png" in again.notes[-1]


def test_many_images_are_looked_at_by_a_scan_only(tmp_path, monkeypatch):
    from kerasnorm.data import scan_images

    draw(tmp_path / "data", count=5)
    monkeypatch.setattr(looks, "MAX_FILES", 4)
    _, _, files = trained(tmp_path)
    assert "near duplicates among 10 images" in files.notes[1]
    scan_images(tmp_path / "data")
    _, _, files = trained(tmp_path, name="again")
    assert len(files.notes) == 1


def test_a_test_part_cannot_be_taken_from_divided_data(tmp_path):
    for part in ("train", "val"):
        draw(tmp_path / "data" / part, count=2)
    with pytest.raises(UsageError, match="divided already"):
        trained(tmp_path, test_fraction=0.2)
