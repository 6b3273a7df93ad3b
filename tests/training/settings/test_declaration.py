"""A setting is declared once: all that is known of it comes from there."""

import inspect
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from kerasnorm.model_kinds import KERAS, MODEL_KINDS
from kerasnorm.training.settings import Settings, docs_table
from kerasnorm.training.settings.declaration import ALWAYS_ON, Limits
from kerasnorm.training.settings.sections.augmentation import AugmentationSettings
from kerasnorm.training.settings.settings import DECLARED, FIELDS, SECTIONS

ROOT = pathlib.Path(__file__).parents[3]
DECLARATION = (
    '    sparkle: float | None = number(0.3, "Random sparkle.", 0, 0.7, off=0.0,'
    " is_strength=True, searched=Searched((0.1, 0.2)))\n"
)
# Prints what the rest of the package makes of the field.
LOOK = """
import contextlib, io, json, sys
from apps.cats_dogs import APP
from kerasnorm.training.app import parse_training
from kerasnorm.training.settings import Settings, docs_table
from tuning.default_space import default_space
from tuning.spaces import AUGMENTATION, Space
from tuning.parameters import Choice

file = sys.argv[1]
open(file, "w").write("sparkle: 0.4\\n")
page = io.StringIO()
with contextlib.redirect_stdout(page), contextlib.suppress(SystemExit):
    parse_training(APP, ["--help"])
def refusal(words):
    try:
        parse_training(APP, words)
    except ValueError as error:
        return str(error)
scaled = Space((Choice(AUGMENTATION, (0.0, 9.0)),))
print(json.dumps({
    "flag": parse_training(APP, ["--sparkle", "0.2"]).sparkle,
    "yaml": parse_training(APP, ["--config", file]).sparkle,
    "saved": Settings(sparkle=0.1).to_dict()["sparkle"],
    "help": page.getvalue(),
    "refusal": refusal(["--sparkle", "0.8"]),
    "kind": refusal(["--sparkle", "much"]),
    "space": [p.values for p in default_space(False).parameters if p.name == "sparkle"],
    "scaled": scaled.settings(Settings(), {AUGMENTATION: 9.0}).sparkle,
    "off": Settings(sparkle=0.6).without_augmentation().sparkle,
    "docs": docs_table.page(),
    "docstring": Settings.__doc__,
    "keras": "keras" in sys.modules,
}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What is known of a field that one line declares, in a copy of the package."""
    copy = tmp_path_factory.mktemp("package")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("kerasnorm", "apps", "tuning"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    file = copy / "kerasnorm/training/settings/sections/augmentation.py"
    file.write_text(file.read_text().rstrip() + "\n" + DECLARATION)
    shown = subprocess.run(
        [sys.executable, "-c", LOOK, str(copy / "some.yaml")],
        cwd=copy,
        env={"PYTHONPATH": str(copy), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not shown.returncode, shown.stderr
    return json.loads(shown.stdout)


def test_one_line_makes_flag_key_and_check(found):
    assert (found["flag"], found["yaml"], found["saved"]) == (0.2, 0.4, 0.1)
    assert found["refusal"] == "expected --sparkle 0 to 0.7, received 0.8"
    assert "--sparkle to be a number or null, received 'much'" in found["kind"]


def test_one_line_is_in_help_docs_and_docstring(found):
    augmentation = found["help"].split("\nAugmentation:")[1].split("\nModel:")[0]
    row = " ".join(augmentation.split("--sparkle X")[1].split())
    assert row.startswith("Random sparkle. [0 to 0.7] (default: 0.3)")
    assert "| `--sparkle` | `0.3` | 0 to 0.7 | Random sparkle. |" in found["docs"]
    assert "sparkle: Random sparkle. Values: 0 to 0.7." in found["docstring"]
    assert not found["keras"]


def test_one_line_is_in_the_space_and_in_the_settings_without_augmentation(found):
    assert found["space"] == [[0.1, 0.2]]
    # Nine times 0.3, but no more than its limit.
    assert found["scaled"] == 0.7
    assert found["off"] == 0.0


def test_the_table_in_the_docs_is_current():
    file = ROOT / "docs" / "settings.md"
    assert file.read_text(encoding="utf-8") == docs_table.page(), (
        f"write it again: python -m {docs_table.__name__} docs/settings.md"
    )


def test_every_setting_is_declared_in_one_section():
    names = [name for names in SECTIONS.values() for name in names]
    assert names == list(FIELDS) == list(DECLARED)
    assert list(SECTIONS) == [
        *("Data", "Augmentation", "Model", "Norm", "Optimizer", "Schedule", "Run"),
        "Diagnosis",
    ]
    assert all(declared.help.endswith(".") for declared in DECLARED.values())


@pytest.mark.parametrize("name", FIELDS)
def test_defaults_and_off_values_are_allowed(name):
    declared = DECLARED[name]
    assert declared.accepts(FIELDS[name].default)
    assert declared.off is ALWAYS_ON or declared.accepts(declared.off)
    # An old name must not hide another setting.
    assert not set(declared.old_names) & set(FIELDS)


@pytest.mark.parametrize("name", AugmentationSettings.__annotations__)
def test_every_augmentation_can_be_switched_off(name):
    still = Settings().without_augmentation()
    assert DECLARED[name].off is not ALWAYS_ON
    assert getattr(still, name) == DECLARED[name].off
    assert Settings().replace(**{name: DECLARED[name].off})


def test_mirrored_predictions_do_not_keep_augmentation_on():
    """They go with flips, so the copy without flips is without them, too."""
    still = Settings(flip_tta=True).without_augmentation()
    assert not still.horizontal_flip
    assert not still.flip_tta


def test_places_in_the_default_space_are_given_once():
    places = [one.searched.place for one in DECLARED.values() if one.searched]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("kind", [kind for kind in MODEL_KINDS if kind != KERAS])
def test_all_that_a_network_lets_choose_is_a_setting(kind):
    from kerasnorm import models

    known = MODEL_KINDS[kind]
    builder = getattr(models, known.builder or kind)
    parameters = inspect.signature(builder).parameters
    otherwise = {"input_shape", "num_classes", "norm", "norm_options"}
    otherwise |= {"weights", "frozen", *known.fixed}
    assert set(parameters) - otherwise == set(known.options)
    for name, declared in DECLARED.items():
        argument = declared.argument
        is_same = argument not in ("dropout", "depths")
        if argument in MODEL_KINDS[kind].options and is_same:
            # A null leaves it to the builder.
            assert FIELDS[name].default in (None, parameters[argument].default)


@pytest.mark.parametrize("argument", ["depth", "variant"])
@pytest.mark.parametrize("kind", [kind for kind in MODEL_KINDS if kind != KERAS])
def test_the_values_of_a_network_are_those_that_its_builder_knows(kind, argument):
    from kerasnorm import models

    known = MODEL_KINDS[kind].options.get(argument)
    if known is None:
        pytest.skip("the network has no such argument")
    unknown = 7 if argument == "depth" else "Z"
    with pytest.raises(ValueError, match="Expected `") as caught:
        getattr(models, kind)((32, 32, 3), 2, **{argument: unknown})
    listed = str(caught.value).split("one of ")[1].split(". Received")[0]
    assert listed == ", ".join(map(str, known))


@pytest.mark.parametrize(
    ("limits", "words", "inside", "outside"),
    [
        (Limits(0, 1), "0 to 1", (0, 0.5, 1), (-0.1, 1.1, float("nan"))),
        (Limits(0, 1, above=True), "above 0 to 1", (0.1, 1), (0, 2)),
        (Limits(0, 1, below=True), "0 to below 1", (0, 0.9), (1,)),
        (Limits(0, 1, True, True), "above 0 and below 1", (0.5,), (0, 1)),
        (Limits(2), "2 or more", (2, 10**6), (1, float("inf"))),
        (Limits(0, above=True), "above 0", (1e-9,), (0,)),
    ],
)
def test_limits_are_what_they_say(limits, words, inside, outside):
    assert str(limits) == words
    assert all(value in limits for value in inside)
    assert not any(value in limits for value in outside)
