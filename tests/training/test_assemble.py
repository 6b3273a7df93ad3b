import itertools

import keras
import numpy as np
import pytest

from kerasnorm import layers, models
from kerasnorm.inspection import layer_tree
from kerasnorm.model_kinds import KERAS, MODEL_KINDS
from kerasnorm.surgery import find_norms
from kerasnorm.training import Settings, UsageError, build
from kerasnorm.training.settings.sections.schedule import SCHEDULES
from kerasnorm.training.settings.settings import DECLARED

NAME = "MobileNetV2"


def settings_for(**changes):
    return Settings(model=f"keras:{NAME}", image_size=32, **changes)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """File of the random weights of a backbone without its top."""
    keras.utils.set_random_seed(9)
    application = getattr(keras.applications, NAME)
    base = application(weights=None, include_top=False, input_shape=(32, 32, 3))
    file = tmp_path_factory.mktemp("weights") / "base.weights.h5"
    base.save_weights(file)
    return str(file)


@pytest.mark.thorough
def test_a_backbone_from_chance_trains_with_the_momentum_of_the_settings():
    norms = find_norms(build.build_model(settings_for(norm_momentum=0.8), 2))
    assert {site.kind for site in norms} == {"batch"}
    assert all(site.layer.trainable for site in norms)
    assert {site.layer.momentum for site in norms} == {0.8}


@pytest.mark.thorough
def test_a_backbone_takes_the_norm_of_the_settings():
    model = build.build_model(settings_for(norm="group"), 2)
    assert {site.kind for site in find_norms(model)} == {"group"}
    assert model.output_shape == (None, 2)


@pytest.mark.thorough
def test_with_weights_all_but_the_norms_train(weights):
    model = build.build_model(settings_for(weights=weights), 2)
    norms = find_norms(model)
    assert not any(site.layer.trainable for site in norms)
    assert len(model.trainable_variables) > 50
    before = [np.array(site.layer.moving_mean) for site in norms]
    x = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    model(x, training=True)
    for site, old in zip(norms, before, strict=True):
        np.testing.assert_array_equal(site.layer.moving_mean, old)


@pytest.mark.thorough
def test_frozen_leaves_only_the_classifier(weights):
    model = build.build_model(settings_for(weights=weights, frozen=True), 2)
    assert len(model.trainable_variables) == 2


def test_frozen_without_weights_is_refused():
    with pytest.raises(UsageError, match="--weights"):
        settings_for(frozen=True)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a kernel of TensorFlow"
)
@pytest.mark.parametrize("model", ["convnet", f"keras:{NAME}"])
def test_batch_norms_train_by_the_fused_kernel(model):
    built = build.build_model(Settings(model=model, image_size=32), 2)
    norms = [site.layer for site in find_norms(built)]
    assert norms
    assert {type(norm.call).__name__ for norm in norms} == {"FusedCall"}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_fits_the_shortest_training(schedule):
    for epochs, steps, warmup in itertools.product(
        (1, 2, 3), (1, 2, 3, 7), (0.0, 0.3, 1.0, 5.0)
    ):
        settings = Settings(
            schedule=schedule, epochs=epochs, warmup_epochs=warmup, learning_rate=0.1
        )
        pacing = build.build_pacing(settings, steps)
        rates = [
            float(one.schedule(step))
            for one in pacing
            for step in range(epochs * steps)
        ]
        assert all(0 <= rate <= 0.1 + 1e-6 for rate in rates)
        assert not rates or max(rates) > 0.05, (epochs, steps, warmup)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_a_center_crop_keeps_the_precision_and_so_the_optimizer(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        inputs = keras.Input((8, 8, 3))
        outputs = keras.layers.Dense(1)(keras.layers.Flatten()(inputs))
        model = keras.Model(inputs, outputs)
    finally:
        keras.config.set_dtype_policy(before)
    whole = build.look_at_center(model, 12)
    for each in (model, whole):
        each.compile("adam", "mse")
    assert type(whole.optimizer) is type(model.optimizer)
    assert whole.dtype_policy.name == policy


# Another value than the builder's own, for each of its arguments that is a setting.
OTHER_VALUES = {
    "width": 8,
    "stages": 2,
    "stem_strides": 4,
    "depth": 101,
    "variant": "D",
    "resnet_version": 2,
    "activation": "silu",
    "zero_gamma": False,
    "stochastic_depth": 0.3,
    "asymmetric": True,
    "res2net_scale": 2,
    "base_width": 14,
    "dropout": 0.4,
}
REACHED = [
    (kind, name)
    for kind in MODEL_KINDS
    if kind != KERAS
    for name, declared in DECLARED.items()
    if declared.argument in MODEL_KINDS[kind].options
]


@pytest.mark.parametrize(("kind", "name"), REACHED)
def test_a_setting_reaches_the_builder_of_its_network(monkeypatch, kind, name):
    found = {}

    def build_it(shape, num_classes, **options):
        found.update(options)
        return keras.Sequential([keras.Input(shape), keras.layers.Flatten()])

    value = "F3" if (kind, name) == ("nfnet", "variant") else OTHER_VALUES[name]
    monkeypatch.setattr(models, MODEL_KINDS[kind].builder or kind, build_it)
    build.build_model(Settings(model=kind, image_size=16, **{name: value}), 2)
    expected = (1, 1) if name == "stages" else value
    assert found[DECLARED[name].argument] == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"asymmetric": True, "norm": "group"},
        {"asymmetric": True, "distribute": "auto"},
        {"model": "resnet", "asymmetric": True, "norm": "sync_batch"},
    ],
)
def test_asymmetric_convolutions_keep_to_their_norm_and_device(changes):
    with pytest.raises(UsageError, match="expected --asymmetric together with"):
        Settings(**changes)


@pytest.mark.thorough
def test_networks_are_built_as_their_own_settings_say():
    small = {"image_size": 32, "dropout": 0.0}
    deep = Settings(model="resnet", depth=8, resnet_version=2, **small)
    assert build.build_model(deep, 2).name == "resnet8_v2"
    branched = build.build_model(Settings(asymmetric=True, stages=1, **small), 2)
    kinds = {type(layer) for _, layer in layer_tree.iter_layers(branched)}
    assert layers.AsymmetricConv2D in kinds
