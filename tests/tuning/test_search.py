"""The command line of a search, without starting one."""

import dataclasses
import os
import subprocess
import sys

import pytest

from apps import cats_dogs
from kerasnorm.training.app import training_parser
from kerasnorm.training.settings.errors import UsageError
from tests.tuning.conftest import make_plan
from tuning import search, search_flags
from tuning.plan import Plan, SearchDirectory, write_json
from tuning.workers import roles


def plan_of(*words) -> Plan:
    return search.make_plan(search_flags.read(words))


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def test_help_answers_in_under_a_second_without_keras():
    command = [sys.executable, "-X", "importtime", "-m", "tuning.search", "--help"]
    began = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # Processor time: on a busy machine any program takes seconds.
    assert os.times().children_user - began.children_user < 1
    assert "--workers" in done.stdout
    assert "keras.src" not in done.stderr and "tensorflow" not in done.stderr


def test_flags_of_the_app_are_fixed_for_all_trials():
    plan = plan_of("--app", "cats_dogs", "--norm", "group", "--batch-size=16")
    names = {parameter.name for parameter in plan.space.parameters}
    assert plan.settings.norm == "group" and plan.settings.batch_size == 16
    assert not {"norm", "batch_size"} & names
    assert "optimizer" in names


def test_every_flag_of_an_app_is_one_of_its_searches():
    app = {*vars(training_parser(cats_dogs.APP).get_defaults())} - {"resume"}
    assert app <= {*vars(search_flags.make_parser().get_defaults())}
    plan = search.make_plan(
        search_flags.read(
            ["--app", "cats_dogs", "--preset", "quick", "--directory", "s"]
        )
    )
    assert plan.settings.max_minutes == cats_dogs.APP.presets["quick"]["max_minutes"]


@pytest.mark.parametrize("asked", [False, True])
def test_the_doctor_comes_to_trials_only_where_asked(asked):
    flags = ["--examine", "--preflight", "true"] if asked else []
    settings = plan_of("--app", "cats_dogs", *flags).settings
    assert (settings.examine, settings.preflight) == (asked, asked)


def test_a_range_given_by_hand_is_not_scaled():
    plan = plan_of("--app", "cats_dogs", "--zoom-range", "0.5")
    assert "augmentation" not in {p.name for p in plan.space.parameters}


@pytest.mark.parametrize(
    "algorithm, trials", [("random", 20), ("bayesian", 20), ("grid", None)]
)
def test_the_number_of_trials_has_a_default(algorithm, trials):
    assert plan_of("--app", "cats_dogs", "--algorithm", algorithm).trials == trials


@pytest.mark.parametrize(
    "words, median_rule",
    [([], True), (["--no-median-rule"], False), (["--median-rule"], True)],
)
def test_the_median_rule_is_a_switch(words, median_rule):
    assert plan_of("--app", "cats_dogs", *words).median_rule == median_rule


def test_objectives_may_be_given_twice_or_with_a_comma():
    one = plan_of(
        *("--app", "cats_dogs", "--objective", "val_loss"),
        *("--objective", "parameters"),
    )
    other = plan_of("--app", "cats_dogs", "--objective", "val_loss,parameters")
    assert one.objectives == other.objectives
    assert len(one.objectives) == 2


def test_a_plan_is_read_back_as_it_was(tmp_path):
    plan = plan_of("--app", "cats_dogs", "--objective", "gap", "--seed", "3")
    directory = SearchDirectory(tmp_path)
    directory.write_plan(plan)
    assert directory.read_plan() == plan
    assert plan.seed == 3


@pytest.mark.parametrize(
    "words, message",
    [
        (["--directory", "d"], "expected --app"),
        (["--app", "horses", "--directory", "d"], "cats_dogs"),
        (["--app", "cats_dogs"], "--directory"),
        (["--app", "cats_dogs", "--directory", "d", "--trails", "3"], "unknown flag"),
        (["--app", "cats_dogs", "--directory", "d", "--trials", "0"], "1 or more"),
        (["--app", "cats_dogs", "--directory", "d", "--norm", "bitch"], "--norm"),
        (["--app", "cats_dogs", "--directory", "d", "--name", "n"], "no --name"),
        (["--app", "cats_dogs", "--directory", "d", "--algorithm", "x"], "algorithm"),
        (["--resume", "--directory", "nothing/here"], "plan.json"),
        (["--role", "worker", "--directory", "d"], "--chief HOST:PORT"),
        (["--space", "no.yaml", "--app", "cats_dogs", "--directory", "d"], "--space"),
        (["here", "--app", "cats_dogs", "--directory", "d"], "here"),
        (["--app", "cats_dogs", "--directory"], "--directory"),
        (["--app", "cats_dogs", "--directory", "d", "--deadline", "-1"], "above 0"),
        (["--app", "cats_dogs", "--directory", "d", "--hang-minutes", "0"], "above 0"),
        (["--app", "cats_dogs", "--directory", "d", "--hang-minutes", "nan"], "number"),
        (["--app", "cats_dogs", "--directory", "d", "--workers", "0"], "--workers"),
        (["--app", "cats_dogs", "--directory", "d", "--objective", "speed"], "speed"),
        (["--app", "cats_dogs", "--directory", "d", "--epochs", "two"], "--epochs"),
        (["--app", "cats_dogs", "--directory", "d", "--address", "80"], "HOST:PORT"),
        (["--role", "both", "--directory", "d"], "--role"),
        (
            ["--role", "worker", "--chief", "h:1", "--directory", "no/where"],
            "plan.json",
        ),
        (["--directory", "caf\udce9"], "a --directory whose path is UTF-8"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(capsys, words, message):
    assert search.main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert message in error


@pytest.mark.parametrize(
    "lines, message",
    [
        ("nrom: [batch, group]", "did you mean norm"),
        ("norm: [batch, grupe]", "grupe"),
        ("learning_rate: {min: 1e-2, max: 1e-4}", "min below max"),
        ("dropout: {low: 0.1, high: 0.2}", "min: NUMBER"),
        ("", "parameter: values"),
    ],
)
def test_a_typo_in_the_space_ends_the_command(capsys, tmp_path, lines, message):
    file = tmp_path / "space.yaml"
    file.write_text(lines)
    words = ["--app", "cats_dogs", "--directory", str(tmp_path / "new")]
    assert search.main([*words, "--space", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "new").exists()


def test_images_that_are_not_there_end_the_command(capsys, tmp_path):
    words = ["--app", "cats_dogs", "--directory", str(tmp_path / "new")]
    (tmp_path / "photos").mkdir()
    assert search.main([*words, "--data", str(tmp_path / "photos")]) == 1
    error = capsys.readouterr().err
    assert "class folders" in error and error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_directory_of_runs_is_left_alone(capsys, tmp_path):
    run = tmp_path / "cats_dogs" / "trial_00"
    run.mkdir(parents=True)
    assert search.main(["--app", "cats_dogs", "--directory", str(tmp_path)]) == 2
    assert "holds runs of cats_dogs" in capsys.readouterr().err
    assert run.is_dir()


def test_a_file_is_no_directory(capsys, tmp_path):
    file = tmp_path / "search"
    file.write_text("")
    assert search.main(["--app", "cats_dogs", "--directory", str(file)]) == 2
    assert "a file" in capsys.readouterr().err


def test_a_folder_of_images_is_kept_in_full(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    plan = plan_of("--app", "cats_dogs", "--data", "photos")
    assert plan.settings.data == str(tmp_path / "photos")


def test_a_search_is_not_begun_over_another(capsys, tmp_path):
    SearchDirectory(tmp_path).write_plan(make_plan())
    assert search.main(["--app", "cats_dogs", "--directory", str(tmp_path)]) == 2
    assert "--resume" in capsys.readouterr().err


def resumed(tmp_path, *words):
    given = search_flags.read(["--resume", *words])
    return search.resumed_plan(SearchDirectory(tmp_path), given)


def test_a_resumed_search_keeps_its_plan_but_for_the_limits(tmp_path):
    plan = plan_of("--app", "cats_dogs", "--norm", "frn", "--trials", "5")
    SearchDirectory(tmp_path).write_plan(plan)
    again = resumed(tmp_path, "--trials", "9", "--no-median-rule")
    assert (again.trials, again.median_rule) == (9, False)
    assert again.settings == plan.settings and again.space == plan.space


def test_the_same_command_line_may_resume(tmp_path):
    words = ("--app", "cats_dogs", "--norm", "frn", "--objective", "val_accuracy")
    SearchDirectory(tmp_path).write_plan(plan_of(*words))
    assert resumed(tmp_path, *words) == plan_of(*words)


def test_a_resumed_search_may_be_quiet(tmp_path):
    words = ("--app", "cats_dogs", "--norm", "frn")
    plan = plan_of(*words)
    SearchDirectory(tmp_path).write_plan(plan)
    quiet = dataclasses.replace(plan, settings=plan.settings.replace(quiet=True))
    assert resumed(tmp_path, "--quiet") == quiet
    assert resumed(tmp_path, *words, "--quiet") == quiet
    SearchDirectory(tmp_path).write_plan(quiet)
    assert resumed(tmp_path) == plan


def test_a_resumed_search_takes_no_other_settings(tmp_path):
    SearchDirectory(tmp_path).write_plan(plan_of("--app", "cats_dogs"))
    with pytest.raises(UsageError, match="settings the search began with"):
        resumed(tmp_path, "--epochs", "99")


@pytest.mark.parametrize(
    "trials, done", [(3, True), (2, True), (4, False), (None, True)]
)
def test_a_completed_search_goes_on_for_more_trials(tmp_path, trials, done):
    directory = SearchDirectory(tmp_path)
    before = 3 if trials is not None else None
    directory.write_plan(make_plan(trials=before))
    write_json(directory.search_file, {"status": "completed", "trials": [{}] * 3})
    assert roles.is_done(make_plan(trials=trials), directory) == done


@pytest.mark.parametrize(
    "host, warned",
    [
        ("127.0.0.1", False),
        ("localhost", False),
        ("[::1]", False),
        ("0.0.0.0", True),
        ("10.0.0.5", True),
        ("gpu-host", True),
    ],
)
def test_listening_to_strangers_is_warned_about(capsys, host, warned):
    roles.warn_if_public_address(host)
    assert ("neither password nor encryption" in capsys.readouterr().err) == warned


@pytest.mark.parametrize("word", ["host", ":80", "host:", "host:x", "host:99999"])
def test_an_address_has_a_host_and_a_port(word):
    with pytest.raises(UsageError, match="HOST:PORT"):
        roles.parse_address(word, "--chief")


def test_auto_is_one_worker_for_each_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    assert roles.number_of_workers("auto", make_plan(trials=20)) == 3
    assert roles.number_of_workers("auto", make_plan(trials=2)) == 2


@pytest.mark.parametrize("word", ["0", "-1", "two"])
def test_workers_are_a_number_or_auto(word):
    with pytest.raises(UsageError, match="--workers"):
        search_flags.read(["--workers", word])
