"""Faults of fine-tuning, and the healthy set-ups, some of which look ill."""

import functools

import keras
import numpy as np

from benchmarks.zoo_cases import KINDS, Case, case, images, kind_of, trained, usual
from benchmarks.zoo_data import augment, batches, draw_shapes
from benchmarks.zoo_models import copied, network, train


@functools.lru_cache(maxsize=1)
def _pretrained(seed):
    x, y = draw_shapes(1024, 4000 + seed, noise=35.0)
    keras.utils.set_random_seed(seed)
    model = network(KINDS[seed % 3], momentum=0.9)
    train(model, x, y, epochs=5)
    return model


def _base(seed):
    """Return a network trained on other images, without its last layer."""
    model = copied(_pretrained(seed))
    return keras.Model(model.input, model.layers[-2].output, name="base")


def _on_top(base, **call):
    inputs = keras.Input(base.input_shape[1:])
    outputs = keras.layers.Dense(4, activation="softmax")(base(inputs, **call))
    return keras.Model(inputs, outputs)


def _dimmed(seed):
    """Return images whose statistics differ from those the base has seen."""
    return tuple((x * 0.35 + 120, y) for x, y in images(seed, 512))


def _norms(base):
    return [layer for layer in base.layers if hasattr(layer, "moving_mean")]


@case("unfrozen_norm_in_frozen_base")
def norms_left_training(seed):
    base = _base(seed)
    base.trainable = False
    for norm in _norms(base):
        norm.trainable, norm.momentum = True, 0.99
    (x, y), validation = _dimmed(seed)
    model = _on_top(base)
    history = train(model, x, y, epochs=3, rate=1e-2)
    return usual(model, (x, y), validation, history)


@case("training_flag_overridden")
def unfrozen_with_flag(seed):
    base = _base(seed)
    for norm in _norms(base):
        norm.momentum = 0.99
    (x, y), validation = _dimmed(seed)
    model = _on_top(base, training=False)
    history = train(model, x, y, epochs=3, rate=1e-2)
    return usual(model, (x, y), validation, history)


def _prepared(images, name):
    """Return images of 0 to 255 in the range that a preparation gives them."""
    return {"0..255": images, "0..1": images / 255, "-1..1": images / 127.5 - 1}[name]


def _given_wrongly(seed, wanted, given):
    """Train a head on a frozen base whose weights were trained on other inputs."""
    x, y = draw_shapes(1024, 4000 + seed, noise=35.0)
    keras.utils.set_random_seed(seed)
    whole = network(KINDS[seed % 3], momentum=0.9, scaled=False)
    train(whole, _prepared(x, wanted), y, epochs=5)
    base = keras.Model(whole.input, whole.layers[-2].output, name="base")
    base.trainable = False
    (x, y), (vx, vy) = images(seed, 512)
    x, vx = _prepared(x, given), _prepared(vx, given)
    model = _on_top(base, training=False)
    history = train(model, x, y, epochs=4, rate=1e-2)
    return usual(model, (x, y), (vx, vy), history)


@case("input_mismatch")
def weights_of_0_1_given_0_255(seed):
    return _given_wrongly(seed, "0..1", "0..255")


@case("input_mismatch")
def weights_of_0_255_given_0_1(seed):
    return _given_wrongly(seed, "0..255", "0..1")


@case("input_mismatch")
def weights_of_0_1_given_minus_1_1(seed):
    return _given_wrongly(seed, "0..1", "-1..1")


@case("input_mismatch")
def weights_of_minus_1_1_given_0_1(seed):
    return _given_wrongly(seed, "-1..1", "0..1")


@case("freeze_without_recompile")
def frozen_too_late(seed):
    (x, y), validation = images(seed, 512)
    model = network(kind_of(seed))
    train(model, x, y, epochs=3, optimizer=keras.optimizers.Adam(3e-3))
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.fit(x, y, epochs=2, verbose=0)
    return usual(model, (x, y), validation)


@case("healthy")
def healthy_plain(seed):
    return usual(*trained(seed))


@case("healthy")
def healthy_residual(seed):
    return usual(*trained(seed, "residual"))


@case("healthy")
def healthy_preactivation(seed):
    return usual(*trained(seed, "preactivation"))


@case("healthy")
def healthy_group(seed):
    return usual(*trained(seed, "plain", "group"))


@case("healthy")
def healthy_frn(seed):
    return usual(*trained(seed, "residual", "frn"))


@case("healthy")
def healthy_without_norm(seed):
    return usual(*trained(seed, "plain", "none", rate=2e-3))


@case("healthy")
def healthy_strong_augmentation(seed):
    (x, y), validation = images(seed)
    generator = np.random.default_rng(seed)

    def change(v):
        return augment(v, generator, 0.8)

    model = network(kind_of(seed))
    history = train(model, x, y, epochs=12, change=change)
    return Case(model, batches(change(x), y), batches(*validation, 64, None), history)


@case("healthy")
def healthy_small_validation(seed):
    model, data, (x, y), history = trained(seed, kind_of(seed))
    return usual(model, data, (x[:40], y[:40]), history)


@case("healthy")
def healthy_high_dropout(seed):
    return usual(*trained(seed, kind_of(seed), dropout=0.6))


@case("healthy")
def healthy_early(seed):
    return usual(*trained(seed, kind_of(seed), epochs=2, rate=1e-3))


@case("healthy")
def healthy_fine_tuning(seed):
    base = _base(seed)
    base.trainable = False
    (x, y), validation = images(seed, 512)
    model = _on_top(base, training=False)
    return usual(model, (x, y), validation, train(model, x, y, epochs=4, rate=1e-2))


@case("healthy")
def healthy_imbalanced(seed):
    (x, y), (vx, vy) = images(seed, 1400, 700)
    generator = np.random.default_rng(seed)
    keep = np.array([1.0, 1.0, 0.4, 0.15])
    kept, validation = (generator.random(len(v)) < keep[v] for v in (y, vy))
    model = network(kind_of(seed))
    history = train(model, x[kept], y[kept])
    return usual(model, (x[kept], y[kept]), (vx[validation], vy[validation]), history)
