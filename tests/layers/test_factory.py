import keras
import numpy as np
import pytest

from kerasnorm import layers
from kerasnorm.norm_kinds import NORM_KINDS
from tests.layers.differentiate import numpy

# Synchronized batch norm exists on the TensorFlow backend only.
HERE = [
    name
    for name in NORM_KINDS
    if name != "sync_batch" or keras.backend.backend() == "tensorflow"
]


@pytest.mark.backends
@pytest.mark.parametrize("name", HERE)
def test_every_name_makes_a_layer_of_the_given_name(name):
    layer = layers.make_norm(name, name="norm")
    assert layer.name == "norm"
    assert layer(np.ones((2, 4, 4, 32), "float32")).shape == (2, 4, 4, 32)


POLICIES = {"float16": 4e-3, "bfloat16": 3e-2}


@pytest.mark.backends
@pytest.mark.parametrize("policy", [*POLICIES, *(f"mixed_{half}" for half in POLICIES)])
@pytest.mark.parametrize("name", [name for name in HERE if name != "none"])
def test_inputs_beyond_float16_are_normalized_as_in_float32(name, policy):
    kind = NORM_KINDS[name]
    options = {"momentum": 0.5} if kind.has_moving_statistics else {}
    if "renorm" in kind.options:
        # Without limits the first outputs are the inputs themselves, in any type.
        options["renorm_clipping"] = {"rmin": 1 / 3, "rmax": 3.0, "dmax": 5.0}
    short, full = (
        layers.make_norm(name, dtype=dtype, **options) for dtype in (policy, "float32")
    )
    x = np.random.default_rng(5).normal(0.5, 1.0, (4, 3, 3, 64)) * 1e5
    x, half = x.astype("float32"), policy.removeprefix("mixed_")
    for training in (True, True, False):
        ours, expected = short(x, training=training), numpy(full(x, training=training))
        assert keras.backend.standardize_dtype(ours.dtype) == half
        error = np.max(np.abs(numpy(ours).astype("float32") - expected))
        assert error < POLICIES[half] * np.max(np.abs(expected))
    again = type(short).from_config(short.get_config())
    again.build(x.shape)
    for one, other, new in zip(short.weights, full.weights, again.weights, strict=True):
        assert new.dtype == one.dtype
        difference = np.abs(numpy(one).astype("float64") - numpy(other))
        # Keras' own layer sees the inputs in bfloat16.
        assert np.max(difference) < 2e-3 * np.max(np.abs(numpy(other))) + 1e-6


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"batch.*group.*none.*Received: 'grup'"):
        layers.make_norm("grup")


@pytest.mark.parametrize("name", HERE)
def test_unknown_keyword_is_not_swallowed(name):
    with pytest.raises((TypeError, ValueError), match="colour"):
        layers.make_norm(name, colour="red")


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("given", [{"axis": 1}, {"epsilon": 1e-3}, {"name": "norm"}])
def test_code_need_not_ask_which_norm_it_makes(name, given):
    layer = layers.make_norm(name, **given)
    assert layer(np.ones((2, 32, 4, 32), "float32")).shape == (2, 32, 4, 32)


@pytest.mark.parametrize("name", HERE)
def test_arguments_that_the_norm_does_not_have_are_refused_with_its_name(name):
    if "groups" in NORM_KINDS[name].options or NORM_KINDS[name].chooses_groups:
        return
    with pytest.raises(ValueError, match=r"Expected (arg|no `g).*Received: groups=2; "):
        layers.make_norm(name, groups=2)


def test_wrong_values_are_refused_in_the_words_of_the_layer():
    with pytest.raises(ValueError, match="an integer of at least 1"):
        layers.make_norm("group", groups=0.5)


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("layer", {"groups": 2}),
        ("sync_batch", {"synchronized": False}),
        ("batch_renorm", {"renorm": False}),
    ],
)
def test_what_the_name_decides_cannot_be_given(name, kwargs):
    with pytest.raises(ValueError, match=f"Expected no {next(iter(kwargs))} beside"):
        layers.make_norm(name, **kwargs)


@pytest.mark.parametrize(
    ("channels", "wish", "groups"),
    [
        *[(64, 32, 32), (32, 32, 32), (7, 7, 7), (1, 32, 1)],
        *[(24, 32, 12), (30, 32, 15), (40, 32, 20), (7, 32, 1), (112, 32, 28)],
    ],
)
def test_group_count_is_the_wish_or_leaves_two_channels(channels, wish, groups):
    assert layers.group_count(channels, wish) == groups


def test_group_count_refuses_to_guess_for_no_channels():
    with pytest.raises(ValueError, match="channels=0"):
        layers.group_count(0)
