import typing

import pytest

from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.settings import OLD_NAMES
from tuning import spaces
from tuning.default_space import default_space
from tuning.parameters import Choice, Range
from tuning.spaces import Space

NAMED_IN_THE_ISSUE = {
    *("norm", "width", "optimizer", "learning_rate", "weight_decay", "agc"),
    *("batch_size", "augmentation", "label_smoothing", "dropout", "schedule"),
}


def read(tmp_path, text):
    file = tmp_path / "space.yaml"
    file.write_text(text)
    return spaces.read_space(str(file), default_space(has_gpu=False))


@pytest.mark.parametrize("has_gpu", [True, False])
def test_the_default_space_has_what_people_tune(has_gpu):
    space = default_space(has_gpu).checked(Settings())
    names = {parameter.name for parameter in space.parameters}
    assert names - {"model"} == NAMED_IN_THE_ISSUE
    assert ("model" in names) == has_gpu


def test_augmentation_scales_all_that_varies_images():
    space = Space((Choice("augmentation", (0.0, 2.0)),))
    base = Settings(rotation_range=100.0, zoom_range=0.2, color_jitter=0.1)
    found = space.settings(base, {"augmentation": 2.0})
    assert found.rotation_range == 180.0
    assert found.zoom_range == pytest.approx(0.4)
    assert space.settings(base, {"augmentation": 0.0}).rotation_range == 0.0


def test_zero_switches_clipping_off():
    space = Space((Choice("agc", (0.0, 0.02)),))
    assert space.settings(Settings(), {"agc": 0.0}).agc is None
    assert space.settings(Settings(), {"agc": 0.02}).agc == 0.02


def test_numbers_take_the_kind_of_the_setting():
    space = Space((Range("batch_size", 4, 64),))
    value = space.settings(Settings(), {"batch_size": 8.0}).batch_size
    assert value == 8 and isinstance(value, int)


def test_a_file_narrows_fixes_removes_and_adds(tmp_path):
    space = read(
        tmp_path,
        "norm: [batch, group]\noptimizer: adamw\nschedule: null\n"
        "zoom_range: {min: 0.0, max: 0.5}\n",
    )
    found = {parameter.name: parameter for parameter in space.parameters}
    assert found["norm"].values == ("batch", "group")
    assert found["optimizer"].values == ("adamw",)
    assert "schedule" not in found
    assert found["zoom_range"] == Range("zoom_range", 0.0, 0.5)
    assert found["learning_rate"].log


def test_single_values_become_settings():
    space = Space((Choice("norm", ("frn",)), Choice("width", (8, 16))))
    space, settings = space.fix_single_values(Settings())
    assert settings.norm == "frn"
    assert [parameter.name for parameter in space.parameters] == ["width"]


def test_a_condition_goes_with_its_parent():
    space = Space(
        (
            Choice("model", ("convnet", "resnet")),
            Choice("width", (8, 16), when=("model", ("convnet",))),
        )
    )
    (width,) = space.without({"model"}).parameters
    assert width.when is None


@pytest.mark.parametrize(
    "text, message",
    [
        ("norms: [batch]", "did you mean norm"),
        ("data: [a, b]", "only settings that can be searched"),
        ("- norm", "key: value"),
        ("norm: [", "YAML file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "parameter",
    [Choice("norm", ("batch", "bitch")), Range("dropout", 0.0, 2.0)],
)
def test_impossible_values_are_refused_before_the_search(parameter):
    with pytest.raises(UsageError, match="in the space of the search"):
        Space((parameter,)).checked(Settings())


def test_a_search_over_nothing_is_refused():
    with pytest.raises(UsageError, match="something to search"):
        Space(()).checked(Settings())


WRONG_KINDS = {
    int: ["[8, 16.5]", "{min: 8.5, max: 32}", "{min: 8, max: 64, step: 8.5}", "[a, b]"],
    float: ["[10%, 20%]", "[true, false]"],
    bool: ["[1, 0]", "[a, b]", "{min: 0, max: 1}"],
    str: ["[1, 2]", "[true, false]", "{min: 1, max: 2}"],
}
SEARCHABLE = spaces.searchable_names()


@pytest.mark.parametrize("name", SEARCHABLE)
def test_values_of_another_kind_are_refused_by_name(tmp_path, name):
    """Every setting that can be searched, with values of every other kind."""
    kind = spaces.FIELDS[name].type
    kinds = set(typing.get_args(kind) or (kind,)) - {type(None)}
    if kinds == {float, str}:
        wrong = ["[true, false]"]
    else:
        (kind,) = kinds
        wrong = WRONG_KINDS[kind]
    for values in wrong:
        with pytest.raises(UsageError, match=rf"expected .*\b{name}\b"):
            read(tmp_path, f"{name}: {values}\n")


@pytest.mark.parametrize(("old", "new"), OLD_NAMES.items())
def test_old_names_of_settings_can_still_be_searched(tmp_path, old, new):
    found = {p.name: p for p in read(tmp_path, f"{old}: [true, false]\n").parameters}
    assert found[new].values == (True, False)
    # As the plan of an older search has it.
    space = Space((Choice(old, (True, False)),)).checked(Settings())
    assert getattr(space.settings(Settings(), {old: True}), new) is True
    assert space.defaults(Settings(**{new: True})) == {old: True}


def test_the_default_space_is_what_its_seeds_have_drawn_from():
    """Another order would be another search under the same seed."""
    names = [parameter.name for parameter in default_space(has_gpu=True).parameters]
    assert names == [
        *("model", "norm", "width", "optimizer", "learning_rate", "weight_decay"),
        *("agc", "batch_size", "augmentation", "label_smoothing", "dropout"),
        "schedule",
    ]
    small = {p.name: p.when for p in default_space(has_gpu=True).parameters if p.when}
    assert small == {"width": ("model", ("convnet",))}
    assert not any(p.when for p in default_space(has_gpu=False).parameters)
