"""Saved settings keep what they meant, however they are read."""

import dataclasses
import json

import pytest
import yaml

from kerasnorm.training.app import App, parse_training
from kerasnorm.training.record import run_directory
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings import version as settings_version
from kerasnorm.training.settings.errors import UsageError
from tuning import search_flags
from tuning.plan import SearchDirectory
from tuning.search import make_plan

APP = App("toy", "A toy.", Settings(app="toy"))


def by_run(folder, values):
    (folder / "settings.yaml").write_text(yaml.safe_dump(values))
    return run_directory.open_run(folder).read_settings()


def by_resume(folder, values):
    by_run(folder, values)
    return parse_training(APP, ["--resume", str(folder)])


def by_config(folder, values):
    by_run(folder, values)
    return parse_training(APP, ["--config", str(folder / "settings.yaml")])


def by_search(folder, values):
    plan = make_plan(search_flags.read(["--app", "cats_dogs"]))
    directory = SearchDirectory(folder)
    directory.write_plan(plan)
    content = json.loads(directory.plan_file.read_text()) | {"settings": values}
    directory.plan_file.write_text(json.dumps(content))
    return directory.read_plan().settings


@pytest.mark.parametrize("read", [by_run, by_resume, by_config, by_search])
@pytest.mark.parametrize(
    ("norm", "version", "means"),
    [
        ("layer", None, "layer_channels"),
        ("layer", 2, "layer"),
        ("layer_channels", 2, "layer_channels"),
        ("group", None, "group"),
    ],
)
def test_saved_names_mean_what_they_meant(tmp_path, read, norm, version, means):
    values = dataclasses.asdict(Settings(app="toy", norm=norm))
    if version:
        values["settings_version"] = version
    assert read(tmp_path, values).norm == means


def test_what_is_typed_means_what_it_means_today(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("norm: layer\n")
    assert parse_training(APP, ["--config", str(file)]).norm == "layer"
    assert parse_training(APP, ["--norm", "layer"]).norm == "layer"


@pytest.mark.parametrize("version", [settings_version.VERSION + 1, 0, "two", True])
def test_settings_of_a_later_version_are_refused(tmp_path, version):
    with pytest.raises(UsageError, match="settings_version from 1 to"):
        by_run(tmp_path, {"settings_version": version})


def test_a_search_over_a_renamed_norm_is_read_but_does_not_go_on(tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text("norm: [batch, layer]\n")
    words = ["--app", "cats_dogs", "--space", str(space)]
    directory = SearchDirectory(tmp_path)
    directory.write_plan(make_plan(search_flags.read(words)))
    directory.check_resumable()
    content = json.loads(directory.plan_file.read_text())
    del content["settings"]["settings_version"]
    directory.plan_file.write_text(json.dumps(content))
    assert directory.read_plan().settings.norm == "batch"
    with pytest.raises(UsageError, match="'layer' became another norm"):
        directory.check_resumable()
