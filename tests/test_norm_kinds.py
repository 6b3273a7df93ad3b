"""One table of norms: each row is known everywhere."""

import keras
import numpy as np
import pytest

from kerasnorm import layers, models, norm_kinds, surgery
from kerasnorm.layers.factory import layer_class
from kerasnorm.norm_kinds import NORM_KINDS, NormKind

BACKEND = keras.backend.backend()
HERE = [n for n in NORM_KINDS if n != "sync_batch" or BACKEND == "tensorflow"]


class ThrowawayNorm(keras.layers.BatchNormalization):
    """A norm that only this test knows."""


@pytest.fixture
def throwaway(monkeypatch):
    """One more norm, by one entry of the table."""
    kind = NormKind(
        f"{__name__}.ThrowawayNorm",
        "nothing in particular",
        is_batch_norm=True,
        has_moving_statistics=True,
    )
    monkeypatch.setitem(NORM_KINDS, "throwaway", kind)
    return "throwaway"


def test_a_new_entry_makes_a_layer(throwaway):
    assert type(layers.make_norm(throwaway)) is ThrowawayNorm


def test_a_new_entry_is_a_setting_and_a_flag(throwaway, capsys):
    from apps.cats_dogs import APP
    from kerasnorm.training.app import parse_training

    assert parse_training(APP, ["--norm", throwaway]).norm == throwaway
    with pytest.raises(SystemExit):
        parse_training(APP, ["--help"])
    assert throwaway in capsys.readouterr().out


def test_a_new_entry_is_found_and_swapped_in(throwaway):
    model = models.convnet((16, 16, 3), 2, width=4, depths=(1,))
    new, report = surgery.swap_norm(model, throwaway)
    assert {site.kind for site in surgery.find_norms(new)} == {throwaway}
    # It has batch normalization's weights, so it keeps the statistics, too.
    assert all("moving_mean" in swap.kept for swap in report.swaps)
    back, _ = surgery.swap_norm(new, "batch")
    assert {site.kind for site in surgery.find_norms(back)} == {"batch"}


def test_a_new_entry_makes_networks_with_the_momentum_of_the_settings(throwaway):
    from kerasnorm.training import Settings, build

    settings = Settings(
        norm=throwaway, norm_momentum=0.7, image_size=16, width=4, stages=1
    )
    sites = surgery.find_norms(build.build_model(settings, 2))
    assert {type(site.layer) for site in sites} == {ThrowawayNorm}
    assert {site.layer.momentum for site in sites} == {0.7}


@pytest.mark.parametrize("name", HERE)
def test_a_layer_is_recognized_by_the_name_that_made_it(name):
    layer = layers.make_norm(name)
    layer.build((2, 4, 4, 32))
    expected = None if name == "none" else name
    assert surgery.locate.norm_kind(layer) == expected


@pytest.mark.skipif(BACKEND != "tensorflow", reason="synchronizes on TensorFlow only")
def test_of_two_options_the_one_that_changes_more_names_the_kind():
    layer = keras.layers.BatchNormalization(renorm=True, synchronized=True)
    assert surgery.locate.norm_kind(layer) == "batch_renorm"


@pytest.mark.parametrize("name", HERE)
def test_traits_are_those_of_the_layer(name):
    kind = NORM_KINDS[name]
    layer = layers.make_norm(name)
    layer(np.ones((2, 4, 4, 32), "float32"))
    weights = {weight.name for weight in layer.weights}
    assert kind.has_moving_statistics == ("moving_mean" in weights)
    assert kind.has_moving_statistics == hasattr(layer, "momentum")
    assert kind.chooses_groups == (
        hasattr(layer, "groups") and name not in ("instance", "layer")
    )
    assert kind.has_threshold == hasattr(layer, "tlu")
    # What takes part in sharing statistics has some.
    assert kind.shares_statistics or kind.has_moving_statistics
    assert all(layer_class(path) for path in kind.also)


def test_an_unknown_name_is_refused_by_every_user_of_the_table():
    model = models.convnet((16, 16, 3), 2, width=4, depths=(1,))
    for use in (
        lambda: layers.make_norm("grup"),
        lambda: models.convnet((16, 16, 3), 2, norm="grup"),
        lambda: surgery.swap_norm(model, "grup"),
        lambda: norm_kinds.find_kind("grup"),
    ):
        with pytest.raises(ValueError, match=r"one of batch, .*Received: 'grup'"):
            use()
