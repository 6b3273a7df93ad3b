import keras
import pytest

from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.surgery import find_norms, rules


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(64, 32), (32, 32), (24, 12), (30, 15), (7, 1), (40, 20), (112, 28), (37, 1)],
)
def test_groups_are_the_wish_or_a_divisor_that_leaves_two_channels(channels, expected):
    assert rules.choose_groups(channels) == expected


@pytest.mark.parametrize(("channels", "expected"), [(64, 32), (24, 12), (7, 1), (1, 1)])
def test_one_pixel_needs_two_channels_per_group(channels, expected):
    assert rules.choose_groups(channels, one_pixel=True) == expected


def test_what_a_norm_is_told_is_told_the_next():
    options = {
        "center": False,
        "gamma_initializer": keras.initializers.Constant(0.5),
        "gamma_regularizer": keras.regularizers.L2(0.1),
        "gamma_constraint": keras.constraints.NonNeg(),
    }
    norm = keras.layers.BatchNormalization(name="n", **options)
    model = keras.Sequential([keras.Input((4, 4, 8)), norm])
    new, swap = rules.substitute(find_norms(model)[0], "group")
    assert new.name == "n"
    assert not new.center
    assert new.gamma_initializer.value == 0.5
    assert isinstance(new.gamma_regularizer, keras.regularizers.L2)
    assert isinstance(new.gamma_constraint, keras.constraints.NonNeg)
    assert swap.kept == ("gamma",)


@pytest.mark.parametrize("to", NORM_KINDS)
def test_rules_touch_no_model(to):
    model = keras.Sequential(
        [keras.Input((4, 4, 8)), keras.layers.BatchNormalization()]
    )
    new, swap = rules.substitute(find_norms(model)[0], to)
    assert not new.built
    assert swap.target == to
