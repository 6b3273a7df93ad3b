"""The planted faults and the healthy set-ups of the fault zoo."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from benchmarks.zoo_data import CLASSES, augment, batches, draw_shapes
from benchmarks.zoo_models import copied, network, train

#: Case name to its true code and the function that plants it.
CASES: dict[str, tuple[str, Callable[[int], "Case"]]] = {}


@dataclass
class Case:
    """A trained model with the batches that the doctor is to see."""

    model: keras.Model
    train: list
    validation: list
    history: Any = None
    plain: list | None = None


def case(code: str):
    """Enter a function of the seed as a case of that code."""

    def enter(function):
        CASES[function.__name__] = (code, function)
        return function

    return enter


def images(seed: int, count: int = 1024, validation: int = 512, **options):
    """Return training and validation images of one distribution."""
    return (
        draw_shapes(count, 1000 + seed, **options),
        draw_shapes(validation, 2000 + seed, **options),
    )


@functools.lru_cache(maxsize=2)
def trained(seed: int, kind: str = "plain", norm: str = "batch", **options):
    """Return a well-trained network with its data and history; do not change it."""
    (x, y), validation = images(seed)
    keras.utils.set_random_seed(seed)
    made = {k: options.pop(k) for k in ("momentum", "dropout") if k in options}
    model = network(kind, norm, **made)
    history = train(model, x, y, **options)
    return model, (x, y), validation, history


def usual(model, data, validation, history=None, size=32) -> Case:
    """Return the case in which the doctor sees what training saw."""
    return Case(model, batches(*data, size), batches(*validation, 64, None), history)


KINDS = ("plain", "residual", "preactivation", "dense_head", "plain")


def kind_of(seed):
    """Return the kind of network that a seed takes."""
    return KINDS[seed % len(KINDS)]


@case("stale_statistics")
def high_momentum(seed):
    return usual(*trained(seed, kind_of(seed), momentum=0.998))


@case("stale_statistics")
def few_steps(seed):
    return usual(*trained(seed, kind_of(seed), momentum=0.99, epochs=2, rate=1e-2))


@case("ema_statistics")
def averaged_weights(seed):
    optimizer = keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.99)
    model, data, validation, history = trained(
        seed, kind_of(seed), optimizer=optimizer, epochs=6
    )
    optimizer.finalize_variable_values(model.trainable_variables)
    return usual(model, data, validation, history)


def _one_wild_batch(seed, factor):
    model, (x, y), validation, history = trained(seed, kind_of(seed), epochs=6)
    model = copied(model)
    weights = [v.numpy() for v in model.trainable_variables]
    model.train_on_batch(x[:32] * factor, y[:32])
    for variable, value in zip(model.trainable_variables, weights, strict=True):
        variable.assign(value)
    return usual(model, (x, y), validation, history)


@case("broken_statistics")
def infinite_batch(seed):
    return _one_wild_batch(seed, np.float32(1e30))


@case("broken_statistics")
def exploded_batch(seed):
    return _one_wild_batch(seed, np.float32(1e6))


@case("small_batch")
def batch_of_two(seed):
    (x, y), validation = images(seed)
    model = network(kind_of(seed))
    return usual(model, (x, y), validation, train(model, x, y, size=2, epochs=3), 2)


@case("gradient_accumulation")
def accumulated_batches(seed):
    (x, y), validation = images(seed)
    model = network(kind_of(seed))
    optimizer = keras.optimizers.Adam(3e-3, gradient_accumulation_steps=8)
    history = train(model, x, y, size=2, epochs=4, optimizer=optimizer)
    return usual(model, (x, y), validation, history, 2)


@case("single_sample_batch")
def one_left_over(seed):
    (x, y), validation = images(seed, 1025)
    model = network("dense_head", momentum=0.5)
    history = train(model, x, y, epochs=8)
    return Case(model, batches(x, y, 32, None), batches(*validation, 64, None), history)


@case("ordered_batches")
def sorted_classes(seed):
    (x, y), validation = images(seed)
    order = np.argsort(y, kind="stable")
    model = network(kind_of(seed))
    history = train(model, x[order], y[order], shuffle=False, epochs=4)
    seen = batches(x[order], y[order], 32, None)
    return Case(model, seen, batches(*validation, 64, None), history)


def _prepared(seed, prepare):
    model, data, (x, y), history = trained(seed, kind_of(seed), epochs=6)
    return usual(model, data, (prepare(x).astype("float32"), y), history)


@case("input_mismatch")
def validation_divided(seed):
    return _prepared(seed, lambda x: x / 255)


@case("input_mismatch")
def validation_centred(seed):
    return _prepared(seed, lambda x: x / 127.5 - 1)


@case("input_mismatch")
def channels_reversed(seed):
    return _prepared(seed, lambda x: x[..., ::-1])


@case("input_mismatch")
def validation_unscaled(seed):
    (x, y), (vx, vy) = images(seed)
    model = network("plain", "none", scaled=False)
    history = train(model, x / 255, y, epochs=6)
    return usual(model, (x / 255, y), (vx, vy), history)


@case("domain_shift")
def another_camera(seed):
    model, data, _, history = trained(seed, kind_of(seed), epochs=6)
    return usual(model, data, draw_shapes(512, 3000 + seed, strange=True), history)


@case("dropout_before_norm")
def dropout_in_front(seed):
    (x, y), validation = images(seed)
    model = network(kind_of(seed), before_norm=0.6)
    return usual(model, (x, y), validation, train(model, x, y, epochs=10))


@case("train_augmentation_shift")
def foggy_training(seed):
    (x, y), validation = images(seed)
    generator = np.random.default_rng(seed)

    def change(v):
        clear = generator.uniform(0.25, 0.35, (len(v), 1, 1, 1))
        white = generator.uniform(210, 230, (len(v), 1, 1, 1))
        foggy = augment(v, generator, 0.3) * clear + white * (1 - clear)
        return foggy.astype("float32")

    model = network(kind_of(seed))
    history = train(model, x, y, epochs=10, change=change)
    seen = batches(change(x), y)
    return Case(
        model, seen, batches(*validation, 64, None), history, batches(x, y, 64, None)
    )


@case("overfitting")
def few_images(seed):
    (x, y), validation = images(seed, 96, noise=90.0)
    model = network(kind_of(seed), width=20)
    return usual(model, (x, y), validation, train(model, x, y, epochs=40))


@case("overfitting")
def few_images_without_norm(seed):
    (x, y), validation = images(seed, 96, noise=90.0)
    model = network("plain", "none", width=20)
    return usual(model, (x, y), validation, train(model, x, y, epochs=80))


@case("label_noise")
def wrong_labels(seed):
    (x, y), (vx, vy) = images(seed, 768, 768)
    generator = np.random.default_rng(seed)

    def corrupt(labels):
        wrong = generator.random(len(labels)) < 0.45
        return np.where(
            wrong, generator.integers(len(CLASSES), size=len(labels)), labels
        )

    y, vy = corrupt(y), corrupt(vy)
    model = network(kind_of(seed), width=20)
    history = train(model, x, y, epochs=30)
    return usual(model, (x, y), (vx, vy), history)


@case("label_mismatch")
def classes_exchanged(seed):
    model, data, (x, y), history = trained(seed, kind_of(seed), epochs=6)
    return usual(model, data, (x, np.roll(np.arange(4), 1 + seed % 2)[y]), history)


@case("leakage")
def copies_in_validation(seed):
    model, (x, y), (vx, vy), history = trained(seed, kind_of(seed), epochs=6)
    vx = np.concatenate([x[:128], vx[128:]])
    vy = np.concatenate([y[:128], vy[128:]])
    return usual(model, (x, y), (vx, vy), history)


@case("learning_rate_too_high")
def rate_too_high(seed):
    (x, y), validation = images(seed)
    norms = ("batch", "none", "group", "none", "batch")
    model = network(kind_of(seed), norms[seed % len(norms)])
    optimizer = keras.optimizers.Adam(0.5)
    return usual(
        model, (x, y), validation, train(model, x, y, epochs=4, optimizer=optimizer)
    )


@case("learning_rate_too_high")
def rate_too_high_sgd(seed):
    (x, y), validation = images(seed)
    model = network("plain", "none")
    optimizer = keras.optimizers.SGD(3.0, momentum=0.9)
    return usual(
        model, (x, y), validation, train(model, x, y, epochs=3, optimizer=optimizer)
    )


@case("mixed_precision_overflow")
def overflowing_half(seed):
    model, data, validation, history = trained(seed, "plain", epochs=4)
    model = copied(model)
    kernels = [w for w in model.weights if w.path.endswith("kernel")]
    kernels[1].assign(kernels[1] * 3e5)
    norms = [n for n in model.layers if hasattr(n, "moving_mean")]
    norms[1].moving_mean.assign(norms[1].moving_mean * 3e5)
    norms[1].moving_variance.assign(norms[1].moving_variance * 9e10)
    for layer in model.layers:
        layer.dtype_policy = "mixed_float16"
    return usual(model, data, validation, history)
