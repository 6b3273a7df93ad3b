import re
import subprocess
import sys
import time

import pytest
import yaml

from kerasnorm.model_kinds import KERAS, MODEL_KINDS, find_model_kind, known_values
from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.training.app import App, parse_training
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.sections.optimizer import OPTIMIZERS
from kerasnorm.training.settings.sections.schedule import SCHEDULES
from kerasnorm.training.settings.settings import DECLARED, FIELDS, OLD_NAMES, SECTIONS
from kerasnorm.training.settings.spelling import normalize

APP = App(
    "toy",
    "A toy.",
    Settings(app="toy", epochs=5),
    presets={
        "drawn": {"epochs": 7},
        "photos": {"epochs": 60},
        "pretrained": {"epochs": 5},
        "quick": {"epochs": 2},
    },
)
PRETRAINED = ["--model", "keras:MobileNetV2", "--weights", "imagenet"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ("--image-size 96", ["--image_size", "96"]),
        ("--image-size=96", ["--image_size=96"]),
        ("--quiet --debug", ["--quiet=true", "--debug=true"]),
        ("--quiet false", ["--quiet", "false"]),
        ("--no-horizontal-flip", ["--horizontal_flip=false"]),
        ("--print_config", ["--print_config"]),
        ("a-b --name x-y", ["a-b", "--name", "x-y"]),
    ],
)
def test_flags_are_spelled_for_the_parser(argv, expected):
    switches = [name for name, field in FIELDS.items() if field.type is bool]
    assert normalize(argv.split(), switches) == expected


def test_the_last_word_counts(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text("epochs: 9\nnorm: group\n")
    settings = parse_training(APP, ["--config", str(file), "--epochs", "11"])
    assert (settings.epochs, settings.norm, settings.app) == (11, "group", "toy")


@pytest.mark.parametrize(
    ("argv", "epochs"),
    [
        ([], 7),
        (["--data", "."], 60),
        (["--preset", "quick"], 2),
        (["--preset", "quick", "--epochs", "3"], 3),
        (["--data=tfds:mnist"], 60),
        (["--data", ".", *PRETRAINED], 5),
        ([*PRETRAINED, "--preset", "quick"], 2),
    ],
)
def test_presets_follow_what_trains_unless_named(argv, epochs):
    assert parse_training(APP, argv).epochs == epochs


def test_weights_may_come_from_the_config_file(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text("model: keras:MobileNetV2\nweights: imagenet\n")
    assert parse_training(APP, ["--config", str(file)]).epochs == 5


def test_saved_settings_repeat_a_run(tmp_path):
    first = parse_training(APP, ["--norm", "frn", "--agc", "0.02", "--name", "one"])
    RunDirectory(tmp_path).write_settings(first)
    again = parse_training(APP, ["--config", str(tmp_path / "settings.yaml")])
    assert again == first.replace(name=None)


def test_settings_of_another_app_are_refused(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(Settings(app="other").to_dict()))
    with pytest.raises(UsageError, match=r"python -m apps\.other"):
        parse_training(APP, ["--config", str(file)])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--nrom batch", "unknown flag --nrom; did you mean --norm"),
        ("--lr 1", r"unknown flag --lr; did you mean --learning-rate\?"),
        ("--crop 1", "did you mean --center-crop or --crop-area"),
        ("--gpu 1", "unknown flag --gpu; see --help"),
        ("--norm foo", "--norm to be one of batch,.*received 'foo'"),
        ("--image-size big", "--image-size to be a whole number, received 'big'"),
        ("--image-size 0", "--image-size 16 to 1024, received 0"),
        ("--agc much", "--agc to be a number or null, received 'much'"),
        ("--epochs", "--epochs: expected one argument"),
        ("--config nowhere.yaml", "nowhere.yaml"),
        ("--preset slow", "drawn, photos, pretrained, quick, received 'slow'"),
        ("stray", "stray"),
    ],
)
def test_wrong_usage_is_one_sentence(argv, message):
    with pytest.raises(UsageError, match=message) as caught:
        parse_training(APP, argv.split())
    assert "\n" not in str(caught.value)


CONDITIONS = [
    (name, other, usable)
    for name, declared in DECLARED.items()
    for other, usable in declared.conditions.items()
    if not declared.only_with_weights
]
OTHERS = {
    "model": [*(m for m in MODEL_KINDS if m != KERAS), "keras:MobileNetV2"],
    "schedule": SCHEDULES,
    "norm": tuple(NORM_KINDS),
    "optimizer": OPTIMIZERS,
}


def value_for(name, model):
    """Return a value of a setting that a model can take."""
    known = known_values(model, DECLARED[name].argument)
    default = FIELDS[name].default
    usual = {"activation": "gelu", "stochastic_depth": 0.1, "depth": 50, "variant": "B"}
    value = known[0] if known else usual.get(name, default)
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(("name", "other", "usable"), CONDITIONS)
def test_a_flag_that_nothing_uses_is_refused_by_name(name, other, usable, tmp_path):
    flag = f"--{name.replace('_', '-')}"
    file = tmp_path / "some.yaml"
    for chosen in OTHERS[other]:
        value = value_for(name, chosen)
        file.write_text(f"{name}: {value}\n")
        # A file may hold what only others use.
        parse_training(APP, ["--config", str(file), f"--{other}", chosen])
        words = [flag, value, f"--{other}", chosen]
        if find_model_kind(chosen) in usable:
            parse_training(APP, words)
            continue
        with pytest.raises(UsageError, match=f"{flag} with --{other}.*{chosen}"):
            parse_training(APP, words)


def test_what_a_preset_says_of_other_models_is_dropped():
    preset = {
        "model": "resnet",
        "depth": 20,
        "variant": "D",
        "width": 64,
        "weights": None,
        "schedule": "cosine",
        "warmup_epochs": 3.0,
    }
    app = App("toy", "A toy.", Settings(app="toy"), {"drawn": preset})
    own = parse_training(app, [])
    assert (own.model, own.depth, own.variant, own.width) == ("resnet", 20, "D", 32)
    words = ["--model", "res2net", "--schedule", "constant"]
    other = parse_training(app, words)
    # 20 layers are no Res2Net; its own number is taken.
    assert (other.depth, other.variant, other.warmup_epochs) == (None, None, 1.0)
    assert parse_training(app, ["--model", "convnet"]).width == 64
    with pytest.raises(UsageError, match="--depth to be one of 50, 101, 152 with"):
        parse_training(app, [*words, "--depth", "20"])


@pytest.mark.parametrize(("old", "new"), OLD_NAMES.items())
def test_old_names_mean_the_new_ones_wherever_they_are_read(old, new, tmp_path, capsys):
    flag = old.replace("_", "-")
    app = App("toy", "A toy.", Settings(app="toy"), {"odd": {old: True}})
    file = tmp_path / "some.yaml"
    file.write_text(f"{old}: true\n")
    for words in (
        [f"--{flag}"],
        [f"--{flag}=true"],
        [f"--{old}"],
        ["--preset", "odd"],
        ["--config", str(file)],
    ):
        assert getattr(parse_training(app, words), new) is True, words
    off = parse_training(app, ["--preset", "odd", f"--no-{flag}"])
    assert getattr(off, new) is False
    settings = Settings(**{old: True})
    assert getattr(settings, new) is getattr(settings, old) is True
    assert getattr(settings.replace(**{old: False}), new) is False
    saved = {**settings.to_dict(), old: True}
    del saved[new]
    assert getattr(Settings.from_dict(saved), new) is True
    assert old not in settings.to_dict()
    with pytest.raises(UsageError, match=f"expected {new} once, received it as {old}"):
        Settings.from_dict({old: True, new: True})
    with pytest.raises(SystemExit):
        parse_training(APP, ["--help"])
    shown = capsys.readouterr().out
    assert not re.search(rf"--{flag}\b(?!-)", shown)
    assert f"--{new.replace('_', '-')}" in shown


def test_a_config_file_with_unknown_keys_is_refused(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text("epocs: 9\n")
    with pytest.raises(UsageError, match="epocs"):
        parse_training(APP, ["--config", str(file)])


def test_a_config_file_is_data_only(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text("name: !!python/object/apply:os.system ['touch danger']\n")
    with pytest.raises(UsageError):
        parse_training(APP, ["--config", str(file)])
    assert not (tmp_path / "danger").exists()


def run_directory_with(tmp_path, settings):
    RunDirectory(tmp_path).write_settings(settings)
    return str(tmp_path)


def test_resume_takes_the_settings_of_the_run(tmp_path):
    path = run_directory_with(tmp_path, Settings(app="toy", norm="layer", epochs=3))
    settings = parse_training(APP, ["--resume", path, "--epochs", "8", "--quiet"])
    assert (settings.norm, settings.epochs, settings.resume) == ("layer", 8, path)
    assert settings.quiet


def test_resume_refuses_what_must_not_change(tmp_path):
    path = run_directory_with(tmp_path, Settings(app="toy"))
    with pytest.raises(UsageError, match="--norm"):
        parse_training(APP, ["--resume", path, "--norm", "group"])


def test_help_answers_in_under_a_second_without_keras():
    command = [sys.executable, "-X", "importtime", "-m", "apps.cats_dogs", "--help"]
    started = time.monotonic()
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    elapsed = time.monotonic() - started
    places = [found.stdout.index(f"\n{name}:") for name in ("commands", *SECTIONS)]
    assert places == sorted(places)
    for name in set(FIELDS) - {"app"}:
        assert f"  --{name.replace('_', '-')}" in found.stdout
    modules = {line.rpartition("|")[2].strip() for line in found.stderr.splitlines()}
    assert "kerasnorm.training.settings.flags" in modules
    assert not {"keras", "tensorflow", "jax", "torch"} & modules
    # Generous: the claim is one second on an idle machine.
    assert elapsed < 10
