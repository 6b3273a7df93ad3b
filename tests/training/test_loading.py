"""Folds, fractions and wrong labels reach training; validation stays untouched."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data import DataError
from kerasnorm.training.inputs.loading import load_data
from kerasnorm.training.inputs.run_files import find_run_files
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError

SMALL = {"image_size": 16, "batch_size": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of 12 and 6 images; each two have one owner."""
    folder = tmp_path_factory.mktemp("images")
    for label, count in (("cat", 12), ("dog", 6)):
        (folder / label).mkdir()
        for number in range(count):
            shade = 10 * number + (5 if label == "dog" else 0)
            name = f"owner{number // 2}_{number}.png"
            Image.new("RGB", (16, 16), (shade,) * 3).save(folder / label / name)
    return folder


def loaded(folder, **changes):
    return load_data(Settings(data=str(folder), **SMALL, **changes))


def test_every_file_validates_in_one_fold(folder):
    seen = []
    for fold in range(3):
        data = loaded(folder, folds=3, fold=fold)
        assert not set(data.train.paths) & set(data.validation.paths)
        assert np.bincount(data.validation.labels).tolist() == [4, 2]
        seen += data.validation.paths
    assert len(seen) == len(set(seen)) == 18


def test_folds_do_not_depend_on_the_single_split(folder):
    one, other = (
        loaded(folder, folds=3, fold=1, validation_fraction=fraction).validation.paths
        for fraction in (0.2, 0.4)
    )
    assert one == other


def test_groups_stay_in_one_fold(folder):
    data = loaded(folder, folds=2, fold_groups=r"(cat|dog).owner\d+")
    groups = [
        {path.rpartition("_")[0].rpartition("owner")[2] for path in part.paths}
        for part in (data.train, data.validation)
    ]
    assert groups[0] | groups[1] == {"0", "1", "2", "3", "4", "5"}
    data = loaded(folder, folds=2, fold_groups=r"owner\d+")
    owners = [
        {path.rpartition("_")[0].rpartition("owner")[2] for path in part.paths}
        for part in (data.train, data.validation)
    ]
    assert not owners[0] & owners[1]


@pytest.mark.parametrize("groups", [r"owner\d+", r"(?:cat|dog).owner\d+"])
def test_a_test_part_is_of_whole_groups_and_the_same_in_every_fold(folder, groups):
    tests, validating = [], []
    for fold in range(2):
        settings = Settings(
            data=str(folder), folds=2, fold=fold, fold_groups=groups, test_fraction=0.34
        )
        parts = find_run_files(settings).parts
        found = {
            part: {re.search(groups, path)[0] for path in index.paths}
            for part, index in parts.items()
        }
        assert sum(map(len, found.values())) == len(set().union(*found.values()))
        assert all(set(index.labels) == {0, 1} for index in parts.values())
        tests.append(sorted(parts["test"].paths))
        validating += parts["validation"].paths
    assert tests[0] == tests[1]
    assert len(set(validating)) == 18 - len(tests[0])


def test_groups_that_are_too_large_for_a_test_part_are_refused(folder):
    settings = Settings(
        data=str(folder), folds=2, fold_groups="cat|dog", test_fraction=0.2
    )
    with pytest.raises(DataError, match="too few or too large"):
        find_run_files(settings)


def test_a_file_without_group_is_named(folder):
    with pytest.raises(UsageError, match=r"--fold-groups.*which is not in .*png"):
        loaded(folder, folds=2, fold_groups="cat/(.+)z")


def test_too_many_folds_are_refused(folder):
    with pytest.raises(DataError, match=r"at most .* 6\. Received: 7"):
        loaded(folder, folds=7)


def test_folds_leave_validation_images_of_the_data_alone(folder, tmp_path):
    for side in ("train", "validation"):
        shutil.copytree(folder, tmp_path / side)
    data = loaded(tmp_path, folds=3)
    assert all(
        "/train/" in path for path in (*data.train.paths, *data.validation.paths)
    )


def test_a_fraction_shortens_training_only(folder):
    whole, half = loaded(folder), loaded(folder, fraction=0.5)
    assert len(whole.train) == 15
    assert len(half.train) == 7
    assert set(half.train.paths) < set(whole.train.paths)
    assert half.validation.paths == whole.validation.paths


def test_label_noise_spoils_training_labels_only(folder):
    right, wrong = loaded(folder), loaded(folder, label_noise=0.5)
    assert wrong.train.paths == right.train.paths
    assert np.sum(wrong.train.labels != right.train.labels) == 8
    np.testing.assert_array_equal(wrong.validation.labels, right.validation.labels)


def test_processes_that_share_images_read_them_from_disk(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("kerasnorm.data.store.open_images.FEW_IMAGES", 0)
    monkeypatch.setattr("kerasnorm.training.inputs.loading.SHARED_MEMORY", 0)
    settings = Settings(data=str(folder), **SMALL)
    alone, shared = load_data(settings), load_data(settings, is_shared=True)
    assert isinstance(alone.train.images, np.ndarray)
    assert "18 images, 14 kB: on disk in " in shared.notes[-1]
    np.testing.assert_array_equal(np.asarray(shared.train.images), alone.train.images)
    monkeypatch.setattr("kerasnorm.data.ImageIndex.decode", None)
    load_data(settings, is_shared=True)
