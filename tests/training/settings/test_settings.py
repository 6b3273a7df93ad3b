import dataclasses
import math

import pytest

from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.settings import names_with
from kerasnorm.training.settings.unused import used_values


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image_size", 0),
        ("image_size", 15),
        ("train_size", 0),
        ("train_size", 2000),
        ("center_crop", 0.0),
        ("center_crop", 0.1),
        ("center_crop", 1.5),
        ("crop_area", 0.0),
        ("batch_size", 0),
        ("validation_fraction", 0.0),
        ("validation_fraction", 1.0),
        ("fraction", 0.0),
        ("fraction", 1.1),
        ("folds", 0),
        ("fold", 1),
        ("label_noise", -0.1),
        ("rand_augment", 1.5),
        ("random_erasing", 2.0),
        ("rotation_range", -1),
        ("zoom_range", 1.5),
        ("label_smoothing", -0.1),
        ("norm_momentum", 1.1),
        ("dropout", 1.0),
        ("epochs", 0),
        ("patience", 0),
        ("stages", 0),
        ("stem_strides", 3),
        ("precision", "float8"),
        ("seed", -1),
        ("seed", 2**32),
        ("learning_rate", 0.0),
        ("learning_rate", -1.0),
        ("learning_rate", math.nan),
        ("learning_rate", "fast"),
        ("agc", 0.0),
        ("sam", -1.0),
        ("max_minutes", 0.0),
        ("norm", "batchnorm"),
        ("optimizer", "adamax"),
        ("schedule", "linear"),
        ("name", "a/b"),
        ("name", ".."),
        ("name", ""),
    ],
)
def test_a_value_outside_its_range_is_named_with_its_flag(field, value):
    with pytest.raises(UsageError, match=f"--{field.replace('_', '-')}.*received"):
        Settings(**{field: value})


def test_ghost_batches_need_two_images():
    with pytest.raises(UsageError, match="ghost_batch"):
        Settings(norm="ghost_batch", batch_size=1)


def test_mirror_images_that_never_trained_are_not_averaged():
    with pytest.raises(UsageError, match="expected --flip-tta together"):
        Settings(flip_tta=True, horizontal_flip=False)


@pytest.mark.parametrize(
    ("changes", "judged", "trained"),
    [
        ({"image_size": 108}, 108, 108),
        ({"image_size": 108, "center_crop": 0.9}, 96, 96),
        ({"image_size": 108, "center_crop": 0.9, "train_size": 80}, 96, 80),
        ({"image_size": 108, "train_size": 80}, 108, 80),
        ({"image_size": 23, "center_crop": 0.99}, 23, 23),
    ],
)
def test_training_images_are_as_large_as_what_is_judged(changes, judged, trained):
    settings = Settings(**changes)
    assert (settings.eval_size, settings.train_crop_size) == (judged, trained)
    finished = settings.replace(progressive_resizing=True).of_one_size()
    assert finished.has_one_size
    assert finished.image_size == judged


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold_groups": "a"}, "--fold-groups together with --folds"),
        ({"folds": 2, "fold_groups": "("}, r"regular expression, received '\('"),
        ({"folds": 3, "fold": 3}, "--fold 0 to 2, received 3"),
    ],
)
def test_folds_that_cannot_be_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        Settings(**changes)


def test_settings_survive_the_round_trip():
    settings = Settings(norm="frn", agc=0.01, learning_rate="auto", name="mine")
    again = Settings.from_dict(settings.to_dict())
    assert again == dataclasses.replace(settings, name=None)


def test_what_belongs_to_one_call_is_not_saved():
    assert not set(names_with("is_of_one_call")) & set(Settings().to_dict())


def test_unknown_keys_are_listed():
    with pytest.raises(UsageError, match=r"in file\.yaml, received nrom; known are"):
        Settings.from_dict({"nrom": "group"}, where="file.yaml")


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().norm = "group"


def test_a_report_shows_what_is_used():
    small, deep = Settings(), Settings(model="resnet", depth=20, schedule="constant")
    assert {"width", "norm_momentum", "warmup_epochs"} <= used_values(small).keys()
    assert not {"depth", "base_width", "head_first", "name"} & used_values(small).keys()
    assert used_values(deep)["depth"] == 20
    assert not {"width", "stages", "warmup_epochs"} & used_values(deep).keys()
